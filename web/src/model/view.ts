/** Where things stand: `view` of the graph file, by node path. */

import type { Frame, GraphFile, NodeView, Note, Point, Scope, View } from "./graph";
import { pathOf } from "./graph";
import { innerGraph, nodeAt } from "./links";

export const FRAME = "frame:";
export const NOTE = "note:";
export const WIRE = "wire:";

/** What is known of how a node looks; undefined if it has no place yet. A group that came with
 * a view of its own is read from that where the outer graph says nothing. */
export function viewOf(graph: GraphFile, scope: Scope, id: string): NodeView | undefined {
  const own = read(graph.view, pathOf(scope, id));
  if (own || scope.length === 0) return own;
  for (let depth = scope.length; depth > 0; depth -= 1) {
    const inner = innerGraph(nodeAt(graph, scope.slice(0, depth - 1), scope[depth - 1] ?? ""));
    const found = inner && read(inner.view, pathOf(scope.slice(depth), id));
    if (found) return found;
  }
  return undefined;
}

function read(view: View | undefined, path: string): NodeView | undefined {
  const entry = view?.[path];
  if (!entry) return undefined;
  if (!Array.isArray(entry)) return isNodeView(entry) ? entry : undefined;
  const [x, y] = entry;
  return typeof x === "number" && typeof y === "number" ? { at: [x, y] } : undefined;
}

function isNodeView(entry: object): entry is NodeView {
  return "at" in entry && Array.isArray(entry.at) && typeof entry.at[0] === "number";
}

/** The graph with a node's view changed; a view that is a place alone is written as `[x, y]`. */
export function withView(
  graph: GraphFile,
  scope: Scope,
  id: string,
  change: Partial<NodeView>,
): GraphFile {
  const before: NodeView = viewOf(graph, scope, id) ?? { at: [0, 0] };
  const after: NodeView = { ...before, ...change };
  for (const name of ["size", "title", "colour", "collapsed"] as const) {
    if (after[name] === undefined || after[name] === "" || after[name] === false)
      delete after[name];
  }
  const path = pathOf(scope, id);
  const alone = Object.keys(after).length === 1;
  const entry: Point | NodeView = alone ? after.at : after;
  if (JSON.stringify(graph.view?.[path]) === JSON.stringify(entry)) return graph;
  return { ...graph, view: { ...graph.view, [path]: entry } };
}

export function framesIn(graph: GraphFile, scope: Scope): readonly Frame[] {
  const at = scope.join("/");
  return graph.view?.$frames?.filter((frame) => frame.scope === at) ?? [];
}

export function notesIn(graph: GraphFile, scope: Scope): readonly Note[] {
  const at = scope.join("/");
  return graph.view?.$notes?.filter((note) => note.scope === at) ?? [];
}

/** Points that a wire passes, by its edge id. */
export function reroutesOf(graph: GraphFile, scope: Scope, wire: string): readonly Point[] {
  return graph.view?.$reroutes?.[pathOf(scope, wire)] ?? [];
}

/** The graph with another view; one that holds nothing is left out. */
export function setView(graph: GraphFile, view: View): GraphFile {
  if (Object.keys(view).length) return { ...graph, view };
  const { view: _, ...rest } = graph;
  return rest;
}
