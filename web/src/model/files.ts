/** Pieces that edits are made of: changes in every file around a scope, and of every reader. */

import {
  type GraphFile,
  type LinkText,
  type NodeFile,
  nodesIn,
  type Point,
  type Scope,
  type View,
  withNodes,
} from "./graph";
import { innerGraph, isLoop, splitTarget } from "./links";
import { setView } from "./view";

/** `record` with each value changed; undefined leaves one out. The same object if none changed. */
export function mapRecord<T>(
  record: Record<string, T> | undefined,
  change: (value: T, name: string) => T | undefined,
): Record<string, T> | undefined {
  if (!record) return record;
  let changed = false;
  const made: Record<string, T> = {};
  for (const [name, value] of Object.entries(record)) {
    const next = change(value, name);
    changed ||= next !== value;
    if (next !== undefined) made[name] = next;
  }
  return changed ? made : record;
}

/** An object with one field set, or left out where it is undefined or holds nothing. */
export function withField<T extends object, K extends keyof T>(of: T, name: K, value: T[K]): T {
  if (of[name] === value) return of;
  const empty =
    value === undefined ||
    (typeof value === "object" && value !== null && !Object.keys(value).length);
  if (!empty) return { ...of, [name]: value };
  const { [name]: _, ...rest } = of;
  return rest as T;
}

/** A node replaced by what `change` makes of it; undefined removes it. */
export function changeNode(
  graph: GraphFile,
  scope: Scope,
  id: string,
  change: (node: NodeFile) => NodeFile,
): GraphFile {
  const node = nodesIn(graph, scope)?.[id];
  if (!node) return graph;
  const next = change(node);
  return next === node ? graph : withNodes(graph, scope, (nodes) => ({ ...nodes, [id]: next }));
}

/** The loop or group around a scope replaced. */
export function changeHolder(
  graph: GraphFile,
  scope: Scope,
  change: (node: NodeFile) => NodeFile,
): GraphFile {
  const id = scope.at(-1);
  return id === undefined ? graph : changeNode(graph, scope.slice(0, -1), id, change);
}

/** Every graph file that a scope passes (the whole, and inline groups) changed; `change` is told
 * the rest of the scope as that file sees it. */
export function inFiles(
  file: GraphFile,
  scope: Scope,
  change: (file: GraphFile, rest: Scope) => GraphFile,
): GraphFile {
  const changed = change(file, scope);
  for (let depth = 1; depth <= scope.length; depth += 1) {
    const at = scope.slice(0, depth - 1);
    const id = scope[depth - 1] ?? "";
    const node = nodesIn(changed, at)?.[id];
    const inner = innerGraph(node);
    if (!node || !inner) continue;
    const next = inFiles(inner, scope.slice(depth), change);
    if (next === inner) return changed;
    return withNodes(changed, at, (nodes) => ({ ...nodes, [id]: { ...node, graph: next } }));
  }
  return changed;
}

/** What becomes of a link: another one, or undefined for none. */
export type Relink = (link: LinkText) => LinkText | undefined;

/** A node with every link it reads changed. A loop keeps a port that lost its wire. */
export function relinkNode(node: NodeFile, relink: Relink): NodeFile {
  let made = node;
  const links = mapRecord(node.links, (link) => {
    if (typeof link === "string") return relink(link);
    const kept = link.map(relink).filter((other) => other !== undefined);
    if (kept.length === link.length && kept.every((other, k) => other === link[k])) return link;
    return kept.length ? kept : undefined;
  });
  made = withField(made, "links", links);
  if (!isLoop(node)) return made;
  const outer = (link: LinkText) => (link ? (relink(link) ?? "") : link);
  made = withField(made, "each", mapRecord(node.each, outer));
  made = withField(made, "const", mapRecord(node.const, outer));
  const state = mapRecord(node.state, (carried) => {
    const init = outer(carried.init);
    return init === carried.init ? carried : { ...carried, init };
  });
  return withField(made, "state", state);
}

/** Every reader in a scope changed: its nodes, and what leaves it by loop, group or outputs. */
export function relinkScope(graph: GraphFile, scope: Scope, relink: Relink): GraphFile {
  const nodes = nodesIn(graph, scope);
  if (!nodes) return graph;
  const changed = mapRecord(nodes, (node) => relinkNode(node, relink));
  const made = changed && changed !== nodes ? withNodes(graph, scope, () => changed) : graph;
  return relinkLeaving(made, scope, relink);
}

function relinkLeaving(graph: GraphFile, scope: Scope, relink: Relink): GraphFile {
  if (scope.length === 0) return withField(graph, "outputs", mapRecord(graph.outputs, relink));
  return changeHolder(graph, scope, (holder) => {
    const inner = innerGraph(holder);
    if (inner) {
      const next = withField(inner, "outputs", mapRecord(inner.outputs, relink));
      return next === inner ? holder : { ...holder, graph: next };
    }
    const leaving = (link: LinkText) => (link ? (relink(link) ?? "") : link);
    const collect = mapRecord(holder.collect, leaving);
    const state = mapRecord(holder.state, (carried) => {
      const next = leaving(carried.next);
      return next === carried.next ? carried : { ...carried, next };
    });
    return withField(withField(holder, "collect", collect), "state", state);
  });
}

/** Declared inputs of every file around a scope: the targets at nodes of that scope, or inside
 * them, changed. `change` is told the id in the scope, the path below it and the port. */
export function retarget(
  graph: GraphFile,
  scope: Scope,
  change: (id: string, below: string, port: string) => string | undefined,
): GraphFile {
  return inFiles(graph, scope, (file, rest) => {
    const prefix = rest.length ? `${rest.join("/")}/` : "";
    const one = (target: string) => {
      if (!target.startsWith(prefix)) return target;
      const { node: path, port } = splitTarget(target.slice(prefix.length));
      const slash = path.indexOf("/");
      const id = slash < 0 ? path : path.slice(0, slash);
      const next = change(id, slash < 0 ? "" : path.slice(slash), port);
      return next === undefined ? undefined : prefix + next;
    };
    const inputs = mapRecord(file.inputs, (targets) => {
      if (typeof targets === "string") return one(targets);
      const kept = targets.map(one).filter((target) => target !== undefined);
      if (kept.length === targets.length && kept.every((t, k) => t === targets[k])) return targets;
      return kept.length ? kept : undefined;
    });
    return withField(file, "inputs", inputs);
  });
}

/** What `view` says of nodes under these ids changed: `change` gives the new id, or undefined to
 * forget them. */
export function reviewIds(
  graph: GraphFile,
  scope: Scope,
  change: (id: string) => string | undefined,
): GraphFile {
  const view = graph.view;
  if (!view) return graph;
  const prefix = scope.length ? `${scope.join("/")}/` : "";
  const key = (path: string): string | undefined => {
    if (!path.startsWith(prefix)) return path;
    const rest = path.slice(prefix.length);
    const end = rest.search(/[/.]/);
    const id = end < 0 ? rest : rest.slice(0, end);
    const next = change(id);
    return next === undefined ? undefined : prefix + next + (end < 0 ? "" : rest.slice(end));
  };
  const made: View = {};
  let changed = false;
  for (const [path, entry] of Object.entries(view)) {
    if (path.startsWith("$")) {
      made[path] = entry;
      continue;
    }
    const next = key(path);
    changed ||= next !== path;
    if (next !== undefined) made[next] = entry;
  }
  const reroutes = view.$reroutes && renameKeys(view.$reroutes, key);
  const frames = rescoped(view.$frames, key);
  const notes = rescoped(view.$notes, key);
  if (reroutes) made.$reroutes = reroutes;
  if (frames) made.$frames = frames;
  if (notes) made.$notes = notes;
  const random = view.$random && rekeyed(view.$random, key);
  if (random) made.$random = random;
  changed ||=
    random !== view.$random ||
    reroutes !== view.$reroutes ||
    frames !== view.$frames ||
    notes !== view.$notes;
  return changed ? setView(graph, made) : graph;
}

function rekeyed(list: string[], key: (name: string) => string | undefined): string[] {
  const made = list.flatMap((name) => key(name) ?? []);
  return made.length === list.length && made.every((name, k) => name === list[k]) ? list : made;
}

function renameKeys(
  record: Record<string, Point[]>,
  key: (name: string) => string | undefined,
): Record<string, Point[]> {
  const entries = Object.entries(record);
  if (entries.every(([name]) => key(name) === name)) return record;
  return Object.fromEntries(
    entries.flatMap(([name, value]) => {
      const next = key(name);
      return next === undefined ? [] : [[next, value] as const];
    }),
  );
}

function rescoped<T extends { scope: string }>(
  list: T[] | undefined,
  key: (path: string) => string | undefined,
): T[] | undefined {
  if (!list) return list;
  let changed = false;
  const made = list.flatMap((item) => {
    const scope = item.scope && key(item.scope);
    changed ||= scope !== item.scope;
    if (scope === undefined) return [];
    return scope === item.scope ? [item] : [{ ...item, scope }];
  });
  return changed ? made : list;
}

/** A name that none of `taken` has: `wanted`, `wanted_2` … */
export function freshName(wanted: string, taken: (name: string) => boolean): string {
  if (!taken(wanted)) return wanted;
  const base = wanted.replace(/_\d+$/, "");
  for (let count = 2; ; count += 1) if (!taken(`${base}_${count}`)) return `${base}_${count}`;
}

const RESERVED = new Set(["each", "const", "state"]);

/** An id of a new node in a scope. */
export function freshId(
  nodes: Record<string, NodeFile>,
  wanted: string,
  also: ReadonlySet<string> = new Set(),
): string {
  const base = wanted.replace(/[./[\]\s$#:]+/g, "_") || "node";
  return freshName(base, (name) => name in nodes || also.has(name) || RESERVED.has(name));
}

/** What keeps a text from being a node's id; "" if nothing does. */
export function idFault(id: string): string {
  if (!id) return "an id cannot be empty";
  if (/[./[\]\s]/.test(id)) return "an id has no dots, slashes, brackets or spaces";
  if (/[$#:]/.test(id)) return "an id has no $, # or :";
  return RESERVED.has(id) ? `${id} means what the loop gives` : "";
}
