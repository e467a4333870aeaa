/** A selection made one node (`flow.graph`), and taken apart again. */

import { setParam } from "./edit";
import { changeNode, freshId, freshName, relinkNode, relinkScope, retarget } from "./files";
import {
  GROUP,
  type GraphFile,
  type LinkText,
  type NodeFile,
  nodesIn,
  type Point,
  pathOf,
  type Scope,
  type View,
  withNodes,
} from "./graph";
import { innerGraph, isLoop, splitLink, splitTarget, wiresIn } from "./links";
import { setView, viewOf, withView } from "./view";

/** Hands on what it is given: stands where a group's input could not reach a port by itself. */
const PASS = "flow.pass_through";

interface Draft {
  nodes: Record<string, NodeFile>;
  inputs: Record<string, string | string[]>;
  /** What feeds each input, from outside. */
  links: Record<string, LinkText | LinkText[]>;
  passes: Map<LinkText, string>;
}

/** The selected nodes as one. Wires into them become inputs, wires out of them outputs. */
export function group(
  graph: GraphFile,
  scope: Scope,
  ids: readonly string[],
): { graph: GraphFile; id: string } {
  const all = nodesIn(graph, scope) ?? {};
  const chosen = new Set(ids.filter((id) => id in all));
  if (!chosen.size || wouldRing(graph, scope, chosen)) return { graph, id: "" };
  const draft: Draft = { nodes: {}, inputs: {}, links: {}, passes: new Map() };
  for (const [id, node] of Object.entries(all)) {
    if (chosen.has(id)) draft.nodes[id] = enter(draft, all, id, node, chosen);
  }
  const outputs: Record<string, LinkText> = {};
  const leaving = new Map<LinkText, string>();
  for (const link of readOutside(graph, scope, chosen)) {
    const name = freshName(splitLink(link).port || "value", (other) => other in outputs);
    outputs[name] = link;
    leaving.set(link, name);
  }
  const rest = Object.fromEntries(Object.entries(all).filter(([id]) => !chosen.has(id)));
  const id = freshId(rest, "group");
  const inner: GraphFile = { nodeflow: graph.nodeflow, nodes: draft.nodes };
  if (Object.keys(draft.inputs).length) inner.inputs = draft.inputs;
  if (leaving.size) inner.outputs = outputs;
  const node: NodeFile = { type: GROUP, graph: inner };
  if (Object.keys(draft.links).length) node.links = draft.links;
  let made = withNodes(graph, scope, () => ({ ...rest, [id]: node }));
  made = relinkScope(made, scope, (link) => {
    const name = leaving.get(link);
    return name === undefined ? link : `${id}.${name}`;
  });
  made = retarget(made, scope, (k, below, port) =>
    chosen.has(k) ? `${id}/${k}${below}.${port}` : `${k}${below}.${port}`,
  );
  return { graph: movedIn(made, graph, scope, id, chosen), id };
}

/** Whether something outside reads the selection and feeds it too: as one node it would feed
 * itself. */
function wouldRing(graph: GraphFile, scope: Scope, chosen: ReadonlySet<string>): boolean {
  const readers = new Map<string, string[]>();
  for (const wire of wiresIn(graph, scope)) {
    const list = readers.get(wire.from.node);
    if (list) list.push(wire.to.node);
    else readers.set(wire.from.node, [wire.to.node]);
  }
  const pending = [...chosen]
    .flatMap((id) => readers.get(id) ?? [])
    .filter((id) => !chosen.has(id));
  const seen = new Set(pending);
  for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
    for (const reader of readers.get(id) ?? []) {
      if (chosen.has(reader)) return true;
      if (!seen.has(reader)) {
        seen.add(reader);
        pending.push(reader);
      }
    }
  }
  return false;
}

/** A node as it stands inside: what it read from outside now comes from the group's inputs. */
function enter(
  draft: Draft,
  all: Record<string, NodeFile>,
  id: string,
  node: NodeFile,
  chosen: ReadonlySet<string>,
): NodeFile {
  const outside = (link: LinkText) => link !== "" && !chosen.has(splitLink(link).node);
  if (isLoop(node)) {
    return relinkNode(node, (link) => (outside(link) ? pass(draft, all, link) : link));
  }
  const links: Record<string, LinkText | LinkText[]> = {};
  for (const [port, link] of Object.entries(node.links ?? {})) {
    const list = typeof link === "string" ? [link] : link;
    if (!list.some(outside)) links[port] = link;
    else if (list.every(outside)) feed(draft, `${id}.${port}`, port, link);
    else links[port] = list.map((one) => (outside(one) ? pass(draft, all, one) : one));
  }
  const { links: _, ...bare } = node;
  return Object.keys(links).length ? { ...bare, links } : bare;
}

/** A port fed through an input of the group; what is fed alike shares one. */
function feed(draft: Draft, target: string, port: string, link: LinkText | LinkText[]): void {
  const same = Object.keys(draft.links).find(
    (name) => JSON.stringify(draft.links[name]) === JSON.stringify(link),
  );
  if (same !== undefined) {
    const before = draft.inputs[same] ?? [];
    draft.inputs[same] = [...(typeof before === "string" ? [before] : before), target];
    return;
  }
  const name = freshName(port, (other) => other in draft.inputs);
  draft.inputs[name] = target;
  draft.links[name] = link;
}

/** A link inside the group to a node that hands on what comes from outside. */
function pass(draft: Draft, all: Record<string, NodeFile>, link: LinkText): LinkText {
  const known = draft.passes.get(link);
  if (known !== undefined) return `${known}.value`;
  const wanted = splitLink(link).port.split(".").at(-1) || "value";
  const id = freshId({ ...all, ...draft.nodes }, wanted);
  draft.nodes[id] = { type: PASS };
  draft.passes.set(link, id);
  const name = freshName(wanted, (other) => other in draft.inputs);
  draft.inputs[name] = `${id}.value`;
  draft.links[name] = link;
  return `${id}.value`;
}

/** Links to the selection that are read by what is not in it. */
function readOutside(graph: GraphFile, scope: Scope, chosen: ReadonlySet<string>): Set<LinkText> {
  const found = new Set<LinkText>();
  const others = Object.entries(nodesIn(graph, scope) ?? {}).filter(([id]) => !chosen.has(id));
  const bare = withNodes(graph, scope, () => Object.fromEntries(others));
  relinkScope(bare, scope, (link) => {
    if (chosen.has(splitLink(link).node)) found.add(link);
    return link;
  });
  return found;
}

function movedIn(
  graph: GraphFile,
  before: GraphFile,
  scope: Scope,
  id: string,
  chosen: ReadonlySet<string>,
): GraphFile {
  const view: View = {};
  const prefix = scope.length ? `${scope.join("/")}/` : "";
  for (const [path, entry] of Object.entries(graph.view ?? {})) {
    const first = path.startsWith(prefix) ? path.slice(prefix.length).split("/")[0] : undefined;
    const moves = first !== undefined && chosen.has(first) && !path.startsWith("$");
    view[moves ? `${prefix}${id}/${path.slice(prefix.length)}` : path] = entry;
  }
  const made = setView(graph, view);
  return withView(made, scope, id, { at: middle(before, scope, chosen) });
}

function middle(graph: GraphFile, scope: Scope, ids: ReadonlySet<string>): Point {
  const places = [...ids].map((id) => viewOf(graph, scope, id)?.at ?? [0, 0]);
  const xs = places.map((place) => place[0] ?? 0);
  const ys = places.map((place) => place[1] ?? 0);
  return [
    Math.round((Math.min(...xs) + Math.max(...xs)) / 2),
    Math.round((Math.min(...ys) + Math.max(...ys)) / 2),
  ];
}

/** A group's nodes put in its place. The same graph if it is kept in a file of its own. */
export function ungroup(
  graph: GraphFile,
  scope: Scope,
  id: string,
): { graph: GraphFile; ids: string[] } {
  const outer = nodesIn(graph, scope)?.[id];
  const inner = innerGraph(outer);
  if (!outer || !inner) return { graph, ids: [] };
  const filled = withLiterals(inner, outer);
  const others = { ...nodesIn(graph, scope) };
  delete others[id];
  const renamed = new Map<string, string>();
  for (const k of Object.keys(filled.nodes)) {
    renamed.set(k, freshId(others, k, new Set(renamed.values())));
  }
  const inside = (link: LinkText) => {
    const end = splitLink(link);
    return `${renamed.get(end.node) ?? end.node}.${end.port}`;
  };
  const added: Record<string, NodeFile> = {};
  for (const [k, node] of Object.entries(filled.nodes)) {
    added[renamed.get(k) ?? k] = relinkNode(node, inside);
  }
  let made = withNodes(graph, scope, () => ({ ...others, ...added }));
  for (const [name, link] of Object.entries(outer.links ?? {})) {
    for (const target of targetsOf(inner, name)) {
      const { node: path, port } = splitTarget(target);
      made = changeNode(made, scope, renamed.get(path) ?? path, (node) => {
        const { [port]: _, ...params } = node.params ?? {};
        const { params: __, ...bare } = node;
        const linked: NodeFile = { ...bare, links: { ...node.links, [port]: link } };
        return Object.keys(params).length ? { ...linked, params } : linked;
      });
    }
  }
  made = relinkScope(made, scope, (link) => {
    const end = splitLink(link);
    const from = end.node === id ? inner.outputs?.[end.port] : undefined;
    return end.node !== id ? link : from === undefined ? undefined : inside(from);
  });
  made = retarget(made, scope, (k, below, port) => {
    if (k !== id) return `${k}${below}.${port}`;
    const within = below ? `${below.slice(1)}.${port}` : targetsOf(inner, port)[0];
    if (within === undefined) return undefined;
    const first = within.split(/[/.]/)[0] ?? "";
    return (renamed.get(first) ?? first) + within.slice(first.length);
  });
  return { graph: movedOut(made, graph, scope, id, inner, renamed), ids: [...renamed.values()] };
}

function targetsOf(file: GraphFile, name: string): string[] {
  const targets = file.inputs?.[name] ?? [];
  return typeof targets === "string" ? [targets] : targets;
}

/** The inner graph with the literals that the group sets. */
function withLiterals(inner: GraphFile, outer: NodeFile): GraphFile {
  let made = inner;
  for (const [name, value] of Object.entries(outer.params ?? {})) {
    for (const target of targetsOf(inner, name)) {
      const { node: path, port } = splitTarget(target);
      const parts = path.split("/");
      made = setParam(made, parts.slice(0, -1), parts.at(-1) ?? "", port, value);
    }
  }
  return made;
}

function movedOut(
  graph: GraphFile,
  before: GraphFile,
  scope: Scope,
  id: string,
  inner: GraphFile,
  renamed: ReadonlyMap<string, string>,
): GraphFile {
  const inside = [...scope, id];
  const places = [...renamed.keys()].map((k) => viewOf(before, inside, k)?.at ?? [0, 0]);
  const left = Math.min(...places.map((place) => place[0] ?? 0));
  const top = Math.min(...places.map((place) => place[1] ?? 0));
  const at = viewOf(before, scope, id)?.at ?? [0, 0];
  const own = pathOf(scope, id);
  const view: View = {};
  const moved = (below: string): string => {
    const first = below.split("/")[0] ?? "";
    return pathOf(scope, (renamed.get(first) ?? first) + below.slice(first.length));
  };
  for (const [path, entry] of Object.entries({ ...prefixed(inner.view, own), ...graph.view })) {
    if (path === own || path.startsWith(`${own}/$`)) continue;
    view[path.startsWith(`${own}/`) ? moved(path.slice(own.length + 1)) : path] = entry;
  }
  let made = setView(graph, view);
  for (const [k, now] of renamed) {
    const place = viewOf(before, inside, k)?.at ?? [0, 0];
    const to: Point = [place[0] - left + at[0], place[1] - top + at[1]];
    made = withView(made, scope, now, { at: to });
  }
  return made;
}

function prefixed(view: View | undefined, own: string): View {
  const made: View = {};
  for (const [path, entry] of Object.entries(view ?? {})) {
    if (!path.startsWith("$")) made[`${own}/${path}`] = entry;
  }
  return made;
}
