/** Links in the file (`node.port`, `const.model`) and the wires that they are on the canvas. */

import {
  GROUP,
  type GraphFile,
  type LinkText,
  LOOP,
  MAP,
  type NodeFile,
  nodesIn,
  PAD_IN,
  PAD_OUT,
  type Scope,
} from "./graph";

/** One end of a wire: in a body also a pad, with ports `each.step`, `next.latent` … */
export interface End {
  node: string;
  port: string;
}

export interface Wire {
  /** `node.port`, or `node.port#k` for the k-th of a gathered list. */
  id: string;
  from: End;
  to: End;
  index?: number;
}

const RESERVED: ReadonlySet<string> = new Set(["each", "const", "state"]);

export function isLoop(node: NodeFile | undefined): boolean {
  return node?.type === LOOP || node?.type === MAP;
}

export function innerGraph(node: NodeFile | undefined): GraphFile | undefined {
  return node?.type === GROUP && typeof node.graph === "object" ? node.graph : undefined;
}

/** The loop or group whose inside a scope is; undefined at the top. */
export function holderOf(graph: GraphFile, scope: Scope): NodeFile | undefined {
  const id = scope.at(-1);
  return id === undefined ? undefined : nodesIn(graph, scope.slice(0, -1))?.[id];
}

export function nodeAt(graph: GraphFile, scope: Scope, id: string): NodeFile | undefined {
  return nodesIn(graph, scope)?.[id];
}

/** The node at a path `denoise/guide`. */
export function nodeByPath(graph: GraphFile, path: string): NodeFile | undefined {
  const parts = path.split("/");
  return nodeAt(graph, parts.slice(0, -1), parts.at(-1) ?? "");
}

/** A path cut into where it stands and its id. */
export function splitPath(path: string): { scope: Scope; id: string } {
  const parts = path.split("/");
  return { scope: parts.slice(0, -1), id: parts.at(-1) ?? "" };
}

const ends = new Map<LinkText, End>();
/** Links cut before, so that each is cut once: there are no more than a graph has wires. */
const MOST_ENDS = 50_000;

/** `node.port` cut at its first dot, as the engine does: `denoise/guide.scale` too. */
export function splitLink(text: LinkText): End {
  const known = ends.get(text);
  if (known) return known;
  const dot = text.indexOf(".");
  const made =
    dot < 0 ? { node: text, port: "" } : { node: text.slice(0, dot), port: text.slice(dot + 1) };
  if (ends.size >= MOST_ENDS) ends.clear();
  ends.set(text, Object.freeze(made));
  return made;
}

/** A link as the end of a wire: what a loop gives its body comes from the pad. */
export function endOf(link: LinkText, inLoop: boolean): End {
  const end = splitLink(link);
  return inLoop && RESERVED.has(end.node) ? { node: PAD_IN, port: link } : end;
}

/** The end of a wire as the file writes it. */
export function linkOf(end: End): LinkText {
  return end.node === PAD_IN ? end.port : `${end.node}.${end.port}`;
}

/** Cut an edge id into the port it ends at and, of a gathered list, which one it is. */
export function wireEnd(id: string): { to: End; index?: number } {
  const hash = id.lastIndexOf("#");
  const index = hash < 0 ? Number.NaN : Number(id.slice(hash + 1));
  if (Number.isInteger(index)) return { to: splitLink(id.slice(0, hash)), index };
  return { to: splitLink(id) };
}

/** What feeds a port, in the order of the file; [] where nothing does. */
export function linksAt(graph: GraphFile, scope: Scope, to: End): readonly LinkText[] {
  if (to.node === PAD_OUT) {
    const holder = holderOf(graph, scope);
    const inner = innerGraph(holder);
    if (inner) return present(inner.outputs?.[to.port]);
    const { node: kind, port: name } = splitLink(to.port);
    if (kind === "next") return present(holder?.state?.[name]?.next);
    return kind === "collect" ? present(holder?.collect?.[name]) : [];
  }
  const node = nodeAt(graph, scope, to.node);
  if (node && isLoop(node)) {
    const { node: kind, port: name } = splitLink(to.port);
    if (kind === "each") return present(node.each?.[name]);
    if (kind === "const") return present(node.const?.[name]);
    return kind === "state" ? present(node.state?.[name]?.init) : [];
  }
  const links = node?.links?.[to.port];
  return Array.isArray(links) ? links : present(links);
}

function present(link: LinkText | undefined): readonly LinkText[] {
  return link ? [link] : [];
}

interface Kept {
  id: string;
  inLoop: boolean;
  wires: readonly Wire[];
}

const keptWires = new WeakMap<NodeFile, Kept>();

/** The wires that end at a node; the same array as long as the node is the same object. */
export function wiresOfNode(id: string, node: NodeFile, inLoop: boolean): readonly Wire[] {
  const known = keptWires.get(node);
  if (known && known.id === id && known.inLoop === inLoop) return known.wires;
  const wires: Wire[] = [];
  const add = (port: string, link: LinkText | undefined) => {
    if (link)
      wires.push({ id: `${id}.${port}`, from: endOf(link, inLoop), to: { node: id, port } });
  };
  for (const [port, links] of Object.entries(node.links ?? {})) {
    if (typeof links === "string") add(port, links);
    else {
      for (const [index, link] of links.entries()) {
        const from = endOf(link, inLoop);
        wires.push({ id: `${id}.${port}#${index}`, from, to: { node: id, port }, index });
      }
    }
  }
  for (const [name, link] of Object.entries(node.each ?? {})) add(`each.${name}`, link);
  for (const [name, link] of Object.entries(node.const ?? {})) add(`const.${name}`, link);
  for (const [name, state] of Object.entries(node.state ?? {})) add(`state.${name}`, state.init);
  keptWires.set(node, { id, inLoop, wires });
  return wires;
}

/** The wires that end at the pads of a scope, or begin at those of a group. */
export function padWires(graph: GraphFile, scope: Scope): Wire[] {
  const holder = holderOf(graph, scope);
  const wires: Wire[] = [];
  const end = (port: string, link: LinkText, inLoop: boolean) => {
    if (!link) return;
    const to = { node: PAD_OUT, port };
    wires.push({ id: `${PAD_OUT}.${port}`, from: endOf(link, inLoop), to });
  };
  const inner = innerGraph(holder);
  if (inner) {
    for (const [name, link] of Object.entries(inner.outputs ?? {})) end(name, link, false);
    for (const [name, targets] of Object.entries(inner.inputs ?? {})) {
      for (const target of typeof targets === "string" ? [targets] : targets) {
        const to = splitTarget(target);
        if (to.node.includes("/") || !inner.nodes[to.node]) continue;
        wires.push({ id: target, from: { node: PAD_IN, port: name }, to });
      }
    }
    return wires;
  }
  for (const [name, state] of Object.entries(holder?.state ?? {})) {
    end(`next.${name}`, state.next, true);
  }
  for (const [name, link] of Object.entries(holder?.collect ?? {})) {
    end(`collect.${name}`, link, true);
  }
  return wires;
}

/** A declared input's target, cut at its last dot: `denoise/guide.scale`. */
export function splitTarget(target: string): End {
  const dot = target.lastIndexOf(".");
  return dot < 0
    ? { node: target, port: "" }
    : { node: target.slice(0, dot), port: target.slice(dot + 1) };
}

/** Every wire of a scope, those of its pads last. */
export function wiresIn(graph: GraphFile, scope: Scope): Wire[] {
  const nodes = nodesIn(graph, scope) ?? {};
  const inLoop = isLoop(holderOf(graph, scope));
  const wires: Wire[] = [];
  for (const id in nodes) {
    const node = nodes[id];
    if (node) for (const wire of wiresOfNode(id, node, inLoop)) wires.push(wire);
  }
  return scope.length ? wires.concat(padWires(graph, scope)) : wires;
}

/** Ids of nodes that a node reads, within its scope. */
export function sourcesOf(id: string, node: NodeFile, inLoop: boolean): string[] {
  return wiresOfNode(id, node, inLoop).map((wire) => wire.from.node);
}
