/** Copying a part of a graph, and putting it in elsewhere: text that any clipboard takes. */

import { freshId, freshName, relinkNode } from "./files";
import {
  type Frame,
  type GraphFile,
  type LinkText,
  type NodeFile,
  type NodeView,
  type Note,
  nodesIn,
  type Point,
  pathOf,
  type Scope,
  withNodes,
} from "./graph";
import { readJson } from "./json";
import { holderOf, isLoop, splitLink } from "./links";
import { FRAME, NOTE, setView, viewOf } from "./view";

export interface Clip {
  /** Marks our text among all that a clipboard may hold. */
  nodeflow_clip: 1;
  nodes: Record<string, NodeFile>;
  /** By path below the scope: `denoise`, `denoise/cond`. */
  view: Record<string, NodeView>;
  /** Theirs and the notes' scope counts from the copied one: "" is beside the nodes. */
  frames: Frame[];
  notes: Note[];
}

export function copyItems(graph: GraphFile, scope: Scope, ids: readonly string[]): Clip {
  const all = nodesIn(graph, scope) ?? {};
  const nodes: Record<string, NodeFile> = {};
  const view: Record<string, NodeView> = {};
  for (const [id, node] of Object.entries(all)) {
    if (!ids.includes(id)) continue;
    nodes[id] = node;
    const own = viewOf(graph, scope, id);
    if (own) view[id] = own;
    Object.assign(view, viewsBelow(graph, scope, id));
  }
  return {
    nodeflow_clip: 1,
    nodes,
    view,
    frames: copied(graph.view?.$frames ?? [], scope, (id) => ids.includes(FRAME + id), nodes),
    notes: copied(graph.view?.$notes ?? [], scope, (id) => ids.includes(NOTE + id), nodes),
  };
}

/** What is drawn beside the nodes and chosen, or inside of a copied node. */
function copied<T extends Frame | Note>(
  drawn: readonly T[],
  scope: Scope,
  chosen: (id: string) => boolean,
  nodes: Record<string, NodeFile>,
): T[] {
  const at = scope.join("/");
  const prefix = at ? `${at}/` : "";
  return drawn.flatMap((item) => {
    if (item.scope === at) return chosen(item.id) ? [{ ...item, scope: "" }] : [];
    if (!item.scope.startsWith(prefix)) return [];
    const below = item.scope.slice(prefix.length);
    return (below.split("/")[0] ?? "") in nodes ? [{ ...item, scope: below }] : [];
  });
}

function viewsBelow(graph: GraphFile, scope: Scope, id: string): Record<string, NodeView> {
  const from = `${pathOf(scope, id)}/`;
  const found: Record<string, NodeView> = {};
  for (const [path, entry] of Object.entries(graph.view ?? {})) {
    if (!path.startsWith(from) || !entry) continue;
    const inner = viewOf(graph, path.split("/").slice(0, -1), path.split("/").at(-1) ?? "");
    if (inner) found[id + path.slice(from.length - 1)] = inner;
  }
  return found;
}

/** The clip that a text holds, or undefined. */
export function readClip(text: string): Clip | undefined {
  if (!text.includes("nodeflow_clip")) return undefined;
  try {
    const data: unknown = readJson(text);
    return isClip(data) ? data : undefined;
  } catch {
    return undefined;
  }
}

function isClip(data: unknown): data is Clip {
  if (typeof data !== "object" || data === null) return false;
  const clip = data as Partial<Clip>;
  if (clip.nodeflow_clip !== 1 || typeof clip.nodes !== "object" || clip.nodes === null)
    return false;
  return (
    Object.values(clip.nodes).every((node) => typeof node?.type === "string") &&
    typeof clip.view === "object" &&
    clip.view !== null &&
    Array.isArray(clip.frames) &&
    Array.isArray(clip.notes)
  );
}

/** A clip put in with its left upper corner at `at`. Wires among what was copied stay; those from
 * outside stay only where `keep` says so. */
export function pasteItems(
  graph: GraphFile,
  scope: Scope,
  clip: Clip,
  at: Point,
  keep: (link: LinkText) => boolean = () => false,
): { graph: GraphFile; ids: string[] } {
  const before = nodesIn(graph, scope);
  if (!before) return { graph, ids: [] };
  const [left, top] = corner(clip);
  const shift = (place: Point): Point => [
    Math.round(place[0] - left + at[0]),
    Math.round(place[1] - top + at[1]),
  ];
  const renamed = new Map<string, string>();
  for (const id of Object.keys(clip.nodes)) {
    renamed.set(id, freshId(before, id, new Set(renamed.values())));
  }
  const given = givenLinks(graph, scope);
  const relink = (link: LinkText) => {
    const end = splitLink(link);
    const now = renamed.get(end.node);
    if (now !== undefined) return `${now}.${end.port}`;
    return given.has(link) || keep(link) ? link : undefined;
  };
  const added: Record<string, NodeFile> = {};
  for (const [id, node] of Object.entries(clip.nodes)) {
    added[renamed.get(id) ?? id] = relinkNode(node, relink);
  }
  const made = Object.keys(added).length
    ? withNodes(graph, scope, (nodes) => ({ ...nodes, ...added }))
    : graph;
  return withDrawn(made, scope, clip, renamed, shift);
}

/** What a body may read of its loop. */
function givenLinks(graph: GraphFile, scope: Scope): ReadonlySet<LinkText> {
  const holder = holderOf(graph, scope);
  if (!holder || !isLoop(holder)) return new Set();
  return new Set([
    ...Object.keys(holder.each ?? {}).map((name) => `each.${name}`),
    ...Object.keys(holder.const ?? {}).map((name) => `const.${name}`),
    ...Object.keys(holder.state ?? {}).map((name) => `state.${name}`),
  ]);
}

function corner(clip: Clip): Point {
  const places = [
    ...Object.entries(clip.view)
      .filter(([path]) => !path.includes("/"))
      .map(([, view]) => view.at),
    ...[...clip.frames, ...clip.notes].filter((item) => !item.scope).map((item) => item.at),
  ];
  if (!places.length) return [0, 0];
  return [Math.min(...places.map((p) => p[0])), Math.min(...places.map((p) => p[1]))];
}

function withDrawn(
  graph: GraphFile,
  scope: Scope,
  clip: Clip,
  renamed: ReadonlyMap<string, string>,
  shift: (at: Point) => Point,
): { graph: GraphFile; ids: string[] } {
  const view = { ...graph.view };
  for (const [path, entry] of Object.entries(clip.view)) {
    const slash = path.indexOf("/");
    const id = slash < 0 ? path : path.slice(0, slash);
    const below = slash < 0 ? "" : path.slice(slash);
    const now = pathOf(scope, (renamed.get(id) ?? id) + below);
    const moved = below ? entry : { ...entry, at: shift(entry.at) };
    view[now] = Object.keys(moved).length === 1 ? moved.at : moved;
  }
  const ids = [...renamed.values()];
  const put = <T extends Frame | Note>(list: T[], item: T, prefix: string) => {
    const id = freshName(item.id, (name) => list.some((other) => other.id === name));
    const [first = "", ...rest] = item.scope.split("/");
    const inside = item.scope ? [...scope, renamed.get(first) ?? first, ...rest] : scope;
    const at = item.scope ? item.at : shift(item.at);
    list.push({ ...item, id, scope: inside.join("/"), at });
    if (!item.scope) ids.push(prefix + id);
  };
  const frames = [...(view.$frames ?? [])];
  for (const frame of clip.frames) put(frames, frame, FRAME);
  const notes = [...(view.$notes ?? [])];
  for (const note of clip.notes) put(notes, note, NOTE);
  if (frames.length) view.$frames = frames;
  if (notes.length) view.$notes = notes;
  return ids.length ? { graph: setView(graph, view), ids } : { graph, ids };
}

/** The same once more beside itself; it reads what the first one reads. */
export function duplicate(
  graph: GraphFile,
  scope: Scope,
  ids: readonly string[],
  shift: Point,
): { graph: GraphFile; ids: string[] } {
  const clip = copyItems(graph, scope, ids);
  const [left, top] = corner(clip);
  return pasteItems(graph, scope, clip, [left + shift[0], top + shift[1]], () => true);
}
