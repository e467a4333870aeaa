/**
 * Changes of a graph: pure functions that return a new graph, or the same if nothing changes.
 * What is written stays within the graph file's format.
 */

import type { Catalogue } from "./catalogue";
import {
  changeHolder,
  changeNode,
  freshId,
  freshName,
  idFault,
  mapRecord,
  relinkScope,
  retarget,
  reviewIds,
  withField,
} from "./files";
import { judge } from "./fit";
import {
  type Frame,
  GROUP,
  type GraphFile,
  type Json,
  type LinkText,
  LOOP,
  MAP,
  type Mode,
  type NodeFile,
  type Note,
  nodesIn,
  PAD_IN,
  PAD_OUT,
  type Point,
  pathOf,
  type Scope,
  withNodes,
} from "./graph";
import { writeJson } from "./json";
import {
  type End,
  holderOf,
  innerGraph,
  isLoop,
  linkOf,
  linksAt,
  splitLink,
  wireEnd,
  wiresIn,
} from "./links";
import { fileOf, portsOf } from "./ports";
import { FRAME, NOTE, setView, WIRE, withView } from "./view";

export { type Clip, copyItems, duplicate, pasteItems, readClip } from "./clip";
export { idFault } from "./files";
export { group, ungroup } from "./group";
export { addLoopPort, type PortKind, removeLoopPort, renameLoopPort } from "./loops";

// ── nodes ───────────────────────────────────────────────────────────────────────────────────────

export function addNode(
  graph: GraphFile,
  scope: Scope,
  type: string,
  at: Point,
  catalogue: Catalogue,
  params?: Record<string, Json>,
): { graph: GraphFile; id: string } {
  const nodes = nodesIn(graph, scope);
  if (!nodes) return { graph, id: "" };
  const id = freshId(nodes, type.split(".").at(-1) ?? type);
  const node: NodeFile = { type };
  const version = catalogue.nodes.get(type)?.version ?? 1;
  if (version !== 1) node.version = version;
  if (params && Object.keys(params).length) node.params = params;
  if (type === LOOP || type === MAP) node.body = {};
  if (type === GROUP) node.graph = { nodeflow: graph.nodeflow, nodes: {} };
  const made = withNodes(graph, scope, (before) => ({ ...before, [id]: node }));
  return { graph: withView(made, scope, id, { at: rounded(at) }), id };
}

/** Removes nodes, frames, notes and wires (`wire:…`), and every wire at a removed node. */
export function removeItems(graph: GraphFile, scope: Scope, ids: readonly string[]): GraphFile {
  const nodes = nodesIn(graph, scope) ?? {};
  const gone = new Set(ids.filter((id) => id in nodes));
  let made = removeWires(graph, scope, ids);
  if (gone.size) {
    made = withNodes(made, scope, (before) => mapRecord(before, keepUnless(gone)) ?? before);
    made = relinkScope(made, scope, (link) => (gone.has(splitLink(link).node) ? undefined : link));
    made = retarget(made, scope, (id, below, port) =>
      gone.has(id) ? undefined : `${id}${below}.${port}`,
    );
    made = reviewIds(made, scope, (id) => (gone.has(id) ? undefined : id));
  }
  return removeDrawn(made, ids);
}

function keepUnless(gone: ReadonlySet<string>) {
  return (node: NodeFile, id: string) => (gone.has(id) ? undefined : node);
}

function removeWires(graph: GraphFile, scope: Scope, ids: readonly string[]): GraphFile {
  const wires = ids.filter((id) => id.startsWith(WIRE)).map((id) => wireEnd(id.slice(WIRE.length)));
  // From the last of a gathered list, so that the numbers of those before stay as they are.
  wires.sort((a, b) => (b.index ?? 0) - (a.index ?? 0));
  return wires.reduce((made, { to, index }) => disconnect(made, scope, to, index), graph);
}

function removeDrawn(graph: GraphFile, ids: readonly string[]): GraphFile {
  const frames = new Set(drawnIds(ids, FRAME));
  const notes = new Set(drawnIds(ids, NOTE));
  if (!graph.view || !(frames.size || notes.size)) return graph;
  const kept = graph.view.$frames?.filter((frame) => !frames.has(frame.id));
  const left = graph.view.$notes?.filter((note) => !notes.has(note.id));
  let view = withField(graph.view, "$frames", kept);
  view = withField(view, "$notes", left);
  return setView(graph, view);
}

function drawnIds(ids: readonly string[], prefix: string): string[] {
  return ids.filter((id) => id.startsWith(prefix)).map((id) => id.slice(prefix.length));
}

/** A literal set, or taken back to its default by undefined. It takes the place of a wire. */
export function setParam(
  graph: GraphFile,
  scope: Scope,
  id: string,
  port: string,
  value: Json | undefined,
): GraphFile {
  return changeNode(graph, scope, id, (node) => {
    const before = node.params?.[port];
    if (sameJson(before, value) && (value === undefined || !node.links?.[port])) return node;
    const { [port]: _, ...others } = node.params ?? {};
    const params = value === undefined ? others : { ...node.params, [port]: value };
    const made = withField(node, "params", params);
    if (value === undefined) return made;
    return withField(
      made,
      "links",
      mapRecord(node.links, (l, name) => (name === port ? undefined : l)),
    );
  });
}

export function sameJson(a: unknown, b: unknown): boolean {
  return a === b || writeJson(a) === writeJson(b);
}

/** Another id, everywhere it is named. The same graph if the id is taken or is none. */
export function rename(graph: GraphFile, scope: Scope, id: string, newId: string): GraphFile {
  const nodes = nodesIn(graph, scope);
  if (!nodes?.[id] || newId in nodes || idFault(newId)) return graph;
  let made = withNodes(graph, scope, (before) =>
    Object.fromEntries(Object.entries(before).map(([k, node]) => [k === id ? newId : k, node])),
  );
  made = relinkScope(made, scope, (link) => {
    const end = splitLink(link);
    return end.node === id ? `${newId}.${end.port}` : link;
  });
  made = retarget(made, scope, (k, below, port) => `${k === id ? newId : k}${below}.${port}`);
  return reviewIds(made, scope, (k) => (k === id ? newId : k));
}

export function setMode(
  graph: GraphFile,
  scope: Scope,
  ids: readonly string[],
  mode: Mode | undefined,
): GraphFile {
  return ids.reduce(
    (made, id) => changeNode(made, scope, id, (node) => withField(node, "mode", mode)),
    graph,
  );
}

// ── wires ───────────────────────────────────────────────────────────────────────────────────────

/** A wire drawn. Where it does not fit (ask `judge`) the graph stays as it is. A port that takes a
 * list gathers what does not fill it whole. */
export function connect(
  graph: GraphFile,
  scope: Scope,
  from: End,
  to: End,
  catalogue: Catalogue,
): GraphFile {
  const verdict = judge(graph, scope, from, to, catalogue);
  if (!verdict.ok) return graph;
  const link = linkOf(from);
  if (from.node === PAD_IN && innerGraph(holderOf(graph, scope))) {
    return feedFromGroup(graph, scope, from.port, to);
  }
  const before = linksAt(graph, scope, to);
  if (before.length === 1 && before[0] === link) return graph;
  if (before.includes(link)) return graph;
  const made = unfeed(graph, scope, to);
  if (!verdict.gathers) return setLink(made, scope, to, link);
  // One wire that filled the port whole gives way; those gathered so far stay.
  const gathered = verdict.replaces === undefined ? [...before, link] : [link];
  return changeNode(made, scope, to.node, (node) => withLink(node, to.port, gathered));
}

/** A port inside a group is fed by one thing: what the group's input gave it is let go of. */
function unfeed(graph: GraphFile, scope: Scope, to: End): GraphFile {
  const file = scope.length ? fileOf(graph, scope) : undefined;
  if (!file?.inputs || to.node === PAD_OUT) return graph;
  return changeHolder(graph, scope, (holder) => {
    const inner = withTargets(file, (target) => target !== `${to.node}.${to.port}`);
    return inner === file ? holder : { ...holder, graph: inner };
  });
}

function withTargets(file: GraphFile, keep: (target: string) => boolean): GraphFile {
  const inputs = mapRecord(file.inputs, (targets) => {
    const list = typeof targets === "string" ? [targets] : targets;
    const kept = list.filter(keep);
    return kept.length === list.length ? targets : kept;
  });
  return withField(file, "inputs", inputs);
}

function feedFromGroup(graph: GraphFile, scope: Scope, name: string, to: End): GraphFile {
  const made = disconnect(graph, scope, to);
  return changeHolder(made, scope, (holder) => {
    const inner = innerGraph(holder);
    return inner ? { ...holder, graph: withTarget(inner, name, `${to.node}.${to.port}`) } : holder;
  });
}

function withTarget(file: GraphFile, name: string, target: string): GraphFile {
  const before = file.inputs?.[name];
  const list = before === undefined ? [] : typeof before === "string" ? [before] : before;
  if (list.includes(target)) return file;
  const targets = list.length ? [...list, target] : target;
  return { ...file, inputs: { ...file.inputs, [name]: targets } };
}

function setLink(graph: GraphFile, scope: Scope, to: End, link: LinkText): GraphFile {
  if (to.node === PAD_OUT) return setLeaving(graph, scope, to.port, link);
  return changeNode(graph, scope, to.node, (node) =>
    isLoop(node) ? withLoopLink(node, to.port, link) : withLink(node, to.port, link),
  );
}

function withLink(node: NodeFile, port: string, link: LinkText | LinkText[]): NodeFile {
  const made = { ...node, links: { ...node.links, [port]: link } };
  const { [port]: _, ...params } = node.params ?? {};
  return withField(made, "params", params);
}

function withLoopLink(node: NodeFile, port: string, link: LinkText): NodeFile {
  const { node: kind, port: name } = splitLink(port);
  if (kind === "each" || kind === "const") {
    return { ...node, [kind]: { ...node[kind], [name]: link } };
  }
  if (kind !== "state") return node;
  const next = node.state?.[name]?.next ?? "";
  return { ...node, state: { ...node.state, [name]: { init: link, next } } };
}

function setLeaving(graph: GraphFile, scope: Scope, port: string, link: LinkText): GraphFile {
  return changeHolder(graph, scope, (holder) => {
    const inner = innerGraph(holder);
    if (inner) {
      const outputs = { ...inner.outputs, [port]: link };
      return { ...holder, graph: { ...inner, outputs } };
    }
    const { node: kind, port: name } = splitLink(port);
    if (kind === "collect") return { ...holder, collect: { ...holder.collect, [name]: link } };
    const state = holder.state?.[name];
    if (kind !== "next" || !state) return holder;
    return { ...holder, state: { ...holder.state, [name]: { ...state, next: link } } };
  });
}

/** The wire at a port removed; of a gathered list the one of that index alone. Ports of loops,
 * pads and groups stay, without a wire. */
export function disconnect(graph: GraphFile, scope: Scope, to: End, index?: number): GraphFile {
  const before = linksAt(graph, scope, to);
  if (!before.length) return unfeed(graph, scope, to);
  const made = dropReroutes(graph, scope, to);
  if (to.node === PAD_OUT || isLoop(nodesIn(graph, scope)?.[to.node])) {
    return setLink(made, scope, to, "");
  }
  return changeNode(made, scope, to.node, (node) => {
    const links = node.links?.[to.port];
    const left =
      Array.isArray(links) && index !== undefined ? links.filter((_, k) => k !== index) : [];
    const kept = left.length ? left : undefined;
    return withField(
      node,
      "links",
      mapRecord(node.links, (l, name) => (name === to.port ? kept : l)),
    );
  });
}

function dropReroutes(graph: GraphFile, scope: Scope, to: End): GraphFile {
  const port = pathOf(scope, `${to.node}.${to.port}`);
  const reroutes = graph.view?.$reroutes;
  if (!graph.view || !reroutes) return graph;
  const kept = mapRecord(reroutes, (points, wire) =>
    wire === port || wire.startsWith(`${port}#`) ? undefined : points,
  );
  return kept === reroutes ? graph : setView(graph, withField(graph.view, "$reroutes", kept));
}

/** A node put into a wire: what fed the wire feeds its first port that fits, and the first output
 * that fits feeds what the wire fed. The same graph if it does not fit. */
export function insertOnWire(
  graph: GraphFile,
  scope: Scope,
  wireId: string,
  id: string,
  catalogue: Catalogue,
): GraphFile {
  const wire = wiresIn(graph, scope).find((one) => one.id === wireId);
  if (!wire || wire.from.node === id || wire.to.node === id) return graph;
  const cut = disconnect(graph, scope, wire.to, wire.index);
  const ports = portsOf(cut, scope, id, catalogue);
  const free = ports.inputs.filter(
    (port) => !linksAt(cut, scope, { node: id, port: port.name }).length,
  );
  for (const input of free) {
    const entered = connect(cut, scope, wire.from, { node: id, port: input.name }, catalogue);
    if (entered === cut) continue;
    for (const output of ports.outputs) {
      const from = { node: id, port: output.name };
      const made = connect(entered, scope, from, wire.to, catalogue);
      if (made !== entered) return made;
    }
  }
  return graph;
}

// ── looks ───────────────────────────────────────────────────────────────────────────────────────

function rounded(at: Point): Point {
  return [Math.round(at[0]), Math.round(at[1])];
}

/** Nodes, pads (`$in`), frames and notes moved to where they are told. */
export function moveItems(
  graph: GraphFile,
  scope: Scope,
  to: Readonly<Record<string, Point>>,
): GraphFile {
  let made = graph;
  for (const [id, at] of Object.entries(to)) {
    const drawn = drawnId(id);
    made = drawn
      ? changeDrawn(made, drawn, { at: rounded(at) })
      : withView(made, scope, id, { at: rounded(at) });
  }
  return made;
}

interface Drawn {
  kind: "$frames" | "$notes";
  id: string;
}

function drawnId(id: string): Drawn | undefined {
  if (id.startsWith(FRAME)) return { kind: "$frames", id: id.slice(FRAME.length) };
  return id.startsWith(NOTE) ? { kind: "$notes", id: id.slice(NOTE.length) } : undefined;
}

function changeDrawn(
  graph: GraphFile,
  drawn: Drawn,
  change: Partial<Frame> & Partial<Note>,
): GraphFile {
  const swap = <T extends Frame | Note>(list: T[]): T[] => {
    const made = list.map((item) => {
      const next = { ...item, ...change };
      return item.id !== drawn.id || sameJson(item, next) ? item : next;
    });
    return made.every((item, k) => item === list[k]) ? list : made;
  };
  const view = graph.view;
  if (!view) return graph;
  const frames = drawn.kind === "$frames" ? swap(view.$frames ?? []) : view.$frames;
  const notes = drawn.kind === "$notes" ? swap(view.$notes ?? []) : view.$notes;
  if (sameJson(frames, view.$frames) && sameJson(notes, view.$notes)) return graph;
  return setView(graph, withField(withField(view, "$frames", frames), "$notes", notes));
}

export function resizeItem(
  graph: GraphFile,
  scope: Scope,
  id: string,
  size: Point | undefined,
  at?: Point,
): GraphFile {
  const drawn = drawnId(id);
  const place = at ? { at: rounded(at) } : {};
  if (!drawn) return withView(graph, scope, id, { ...place, size: size && rounded(size) });
  return size ? changeDrawn(graph, drawn, { ...place, size: rounded(size) }) : graph;
}

/** What is written above a node or frame; "" is its own title again. */
export function setTitle(graph: GraphFile, scope: Scope, id: string, title: string): GraphFile {
  const drawn = drawnId(id);
  if (drawn?.kind === "$frames") return changeDrawn(graph, drawn, { title });
  return drawn ? graph : withView(graph, scope, id, { title: title || undefined });
}

export function setColour(
  graph: GraphFile,
  scope: Scope,
  id: string,
  colour: string | undefined,
): GraphFile {
  const drawn = drawnId(id);
  return drawn ? changeDrawn(graph, drawn, { colour }) : withView(graph, scope, id, { colour });
}

export function setCollapsed(
  graph: GraphFile,
  scope: Scope,
  ids: readonly string[],
  on: boolean,
): GraphFile {
  return ids.reduce(
    (made, id) => (drawnId(id) ? made : withView(made, scope, id, { collapsed: on || undefined })),
    graph,
  );
}

export function addFrame(
  graph: GraphFile,
  scope: Scope,
  at: Point,
  size: Point,
  title = "",
): { graph: GraphFile; id: string } {
  const frames = graph.view?.$frames ?? [];
  const id = freshName("frame", (name) => frames.some((frame) => frame.id === name));
  const frame: Frame = { id, scope: scope.join("/"), at: rounded(at), size: rounded(size), title };
  const view = { ...graph.view, $frames: [...frames, frame] };
  return { graph: { ...graph, view }, id: FRAME + id };
}

export function addNote(
  graph: GraphFile,
  scope: Scope,
  at: Point,
  text = "",
  size: Point = [260, 120],
): { graph: GraphFile; id: string } {
  const notes = graph.view?.$notes ?? [];
  const id = freshName("note", (name) => notes.some((note) => note.id === name));
  const note: Note = { id, scope: scope.join("/"), at: rounded(at), size: rounded(size), text };
  const view = { ...graph.view, $notes: [...notes, note] };
  return { graph: { ...graph, view }, id: NOTE + id };
}

/** `id` with or without its `note:`. */
export function setNoteText(graph: GraphFile, id: string, text: string): GraphFile {
  const own = id.startsWith(NOTE) ? id.slice(NOTE.length) : id;
  return changeDrawn(graph, { kind: "$notes", id: own }, { text });
}

/** Points that a wire passes; [] takes the straight way again. */
export function setReroute(
  graph: GraphFile,
  scope: Scope,
  wire: string,
  points: readonly Point[],
): GraphFile {
  const key = pathOf(scope, wire.startsWith(WIRE) ? wire.slice(WIRE.length) : wire);
  const { [key]: before, ...others } = graph.view?.$reroutes ?? {};
  const next = points.map(rounded);
  if (sameJson(before ?? [], next)) return graph;
  const reroutes = next.length ? { ...others, [key]: next } : others;
  return setView(graph, withField(graph.view ?? {}, "$reroutes", reroutes));
}

// ── the graph's own inputs and outputs ──────────────────────────────────────────────────────────

/** `target` (`denoise/guide.scale`) made one of what the graph's input `name` feeds. */
export function expose(graph: GraphFile, name: string, target: string): GraphFile {
  return withTarget(graph, name, target);
}

/** A declared input removed, or one of its targets alone. */
export function unexpose(graph: GraphFile, name: string, target?: string): GraphFile {
  const before = graph.inputs?.[name];
  if (before === undefined) return graph;
  const list = typeof before === "string" ? [before] : before;
  const kept = target === undefined ? [] : list.filter((one) => one !== target);
  if (kept.length === list.length) return graph;
  const next = kept.length > 1 ? kept : kept[0];
  const inputs = mapRecord(graph.inputs, (one, k) => (k === name ? next : one));
  return withField(graph, "inputs", inputs);
}

/** A declared input under another name, in its place. */
export function renameInput(graph: GraphFile, name: string, newName: string): GraphFile {
  if (!graph.inputs?.[name] || !newName || newName in graph.inputs) return graph;
  const entries = Object.entries(graph.inputs);
  const inputs = Object.fromEntries(entries.map(([k, t]) => [k === name ? newName : k, t]));
  return { ...graph, inputs };
}

/** What the graph is for: `link` under `name`; undefined takes it back. */
export function setOutput(graph: GraphFile, name: string, link: LinkText | undefined): GraphFile {
  if (graph.outputs?.[name] === link) return graph;
  const { [name]: _, ...others } = graph.outputs ?? {};
  return withField(
    graph,
    "outputs",
    link === undefined ? others : { ...graph.outputs, [name]: link },
  );
}

export function setAbout(
  graph: GraphFile,
  about: { title?: string; description?: string },
): GraphFile {
  let made = graph;
  if (about.title !== undefined) made = withField(made, "title", about.title || undefined);
  if (about.description !== undefined) {
    made = withField(made, "description", about.description || undefined);
  }
  return made;
}
