/** Where nodes go when somebody asks for order: after their wires, in line, evenly, on the grid. */

import { Graph, layout } from "@dagrejs/dagre";
import type { Catalogue } from "./catalogue";
import { type GraphFile, nodesIn, PAD_IN, PAD_OUT, type Point, type Scope } from "./graph";
import { holderOf, innerGraph, isLoop, wiresIn } from "./links";
import { portsOf } from "./ports";
import { nodeSize } from "./size";
import { viewOf, withView } from "./view";

export interface Size {
  width: number;
  height: number;
}

export type Places = Record<string, Point>;

export const GRID = 20;

/** Places by the wires among `ids`, from left to right; the upper left corner stays where it is. */
export function arrange(
  graph: GraphFile,
  scope: Scope,
  ids: readonly string[],
  sizes: Readonly<Record<string, Size>>,
): Places {
  const chosen = new Set(ids);
  if (!chosen.size) return {};
  const plan = new Graph();
  plan.setGraph({ rankdir: "LR", nodesep: 32, ranksep: 80, ranker: "network-simplex" });
  plan.setDefaultEdgeLabel(() => ({}));
  for (const id of chosen) plan.setNode(id, { ...(sizes[id] ?? { width: 260, height: 120 }) });
  for (const wire of wiresIn(graph, scope)) {
    if (chosen.has(wire.from.node) && chosen.has(wire.to.node)) {
      plan.setEdge(wire.from.node, wire.to.node);
    }
  }
  layout(plan);
  const placed: Places = {};
  for (const id of chosen) {
    const { x, y, width, height } = plan.node(id) as Size & { x: number; y: number };
    placed[id] = [x - width / 2, y - height / 2];
  }
  const before = [...chosen].map((id) => viewOf(graph, scope, id)?.at).filter((at) => !!at);
  const [left, top] = before.length ? corner(before) : [0, 0];
  const [madeLeft, madeTop] = corner(Object.values(placed));
  return mapPlaces(placed, ([x, y]) => [
    Math.round(x - madeLeft + left),
    Math.round(y - madeTop + top),
  ]);
}

function corner(places: readonly Point[]): Point {
  return [Math.min(...places.map((p) => p[0])), Math.min(...places.map((p) => p[1]))];
}

function mapPlaces(places: Places, change: (at: Point) => Point): Places {
  return Object.fromEntries(Object.entries(places).map(([id, at]) => [id, change(at)]));
}

/** Everything that has a place in a scope: its nodes and, inside a loop or group, its pads. */
export function placedIds(graph: GraphFile, scope: Scope): string[] {
  const ids = Object.keys(nodesIn(graph, scope) ?? {});
  return scope.length ? [PAD_IN, ...ids, PAD_OUT] : ids;
}

export function sizesOf(
  graph: GraphFile,
  scope: Scope,
  ids: readonly string[],
  catalogue: Catalogue,
): Record<string, Size> {
  const nodes = nodesIn(graph, scope) ?? {};
  return Object.fromEntries(
    ids.map((id) => {
      const node = nodes[id];
      const inside = isLoop(node) || innerGraph(node) !== undefined;
      const ports = portsOf(graph, scope, id, catalogue);
      return [id, nodeSize(ports, viewOf(graph, scope, id), { node, inside })];
    }),
  );
}

/** A graph in which nothing has a place (made by a program) arranged, in every scope; places that
 * somebody chose stay. Pads stand beside what their body has. */
export function placeMissing(graph: GraphFile, catalogue: Catalogue): GraphFile {
  let made = graph;
  const pending: Scope[] = [[]];
  for (let scope = pending.pop(); scope; scope = pending.pop()) {
    made = placeScope(made, scope, catalogue);
    for (const [id, node] of Object.entries(nodesIn(made, scope) ?? {})) {
      if (isLoop(node) || innerGraph(node)) pending.push([...scope, id]);
    }
  }
  return made;
}

function placeScope(graph: GraphFile, scope: Scope, catalogue: Catalogue): GraphFile {
  const ids = Object.keys(nodesIn(graph, scope) ?? {});
  const missing = ids.filter((id) => !viewOf(graph, scope, id));
  let made = graph;
  if (missing.length) {
    const sizes = sizesOf(graph, scope, ids, catalogue);
    const places = arrange(graph, scope, missing, sizes);
    const below = missing.length < ids.length ? bottom(graph, scope, ids, sizes) + 60 : 0;
    for (const [id, [x, y]] of Object.entries(places)) {
      made = withView(made, scope, id, { at: [x, y + below] });
    }
  }
  return scope.length && holderOf(made, scope) ? placePads(made, scope, ids, catalogue) : made;
}

function bottom(
  graph: GraphFile,
  scope: Scope,
  ids: readonly string[],
  sizes: Readonly<Record<string, Size>>,
): number {
  const ends = ids.map((id) => {
    const at = viewOf(graph, scope, id)?.at;
    return at ? at[1] + (sizes[id]?.height ?? 0) : Number.NEGATIVE_INFINITY;
  });
  return Math.max(...ends);
}

function placePads(
  graph: GraphFile,
  scope: Scope,
  ids: readonly string[],
  catalogue: Catalogue,
): GraphFile {
  let made = graph;
  const sizes = sizesOf(graph, scope, [...ids, PAD_IN], catalogue);
  const places = ids.map((id) => ({ at: viewOf(graph, scope, id)?.at ?? [0, 0], size: sizes[id] }));
  const left = Math.min(0, ...places.map(({ at }) => at[0] ?? 0));
  const top = places.length ? Math.min(...places.map(({ at }) => at[1] ?? 0)) : 0;
  const right = Math.max(0, ...places.map(({ at, size }) => (at[0] ?? 0) + (size?.width ?? 0)));
  const width = sizes[PAD_IN]?.width ?? 200;
  if (!viewOf(graph, scope, PAD_IN)) {
    made = withView(made, scope, PAD_IN, { at: [left - width - 80, top] });
  }
  if (!viewOf(graph, scope, PAD_OUT)) {
    made = withView(made, scope, PAD_OUT, { at: [right + 80, top] });
  }
  return made;
}

export type Edge = "left" | "right" | "top" | "bottom" | "centre" | "middle";
export interface Box extends Size {
  at: Point;
}

/** Boxes brought into line at one edge, or on their common centre or middle line. */
export function align(boxes: Readonly<Record<string, Box>>, edge: Edge): Places {
  const all = Object.values(boxes);
  if (!all.length) return {};
  const left = Math.min(...all.map((box) => box.at[0]));
  const right = Math.max(...all.map((box) => box.at[0] + box.width));
  const top = Math.min(...all.map((box) => box.at[1]));
  const bottomEdge = Math.max(...all.map((box) => box.at[1] + box.height));
  const place = ({ at: [x, y], width, height }: Box): Point => {
    if (edge === "left") return [left, y];
    if (edge === "right") return [right - width, y];
    if (edge === "top") return [x, top];
    if (edge === "bottom") return [x, bottomEdge - height];
    if (edge === "centre") return [Math.round((left + right - width) / 2), y];
    return [x, Math.round((top + bottomEdge - height) / 2)];
  };
  return Object.fromEntries(Object.entries(boxes).map(([id, box]) => [id, place(box)]));
}

/** Boxes with equal gaps between them; the outermost two stay. */
export function distribute(boxes: Readonly<Record<string, Box>>, along: "x" | "y"): Places {
  const axis = along === "x" ? 0 : 1;
  const extent = (box: Box) => (axis === 0 ? box.width : box.height);
  const sorted = Object.entries(boxes).sort(([, a], [, b]) => a.at[axis] - b.at[axis]);
  const first = sorted[0]?.[1];
  const last = sorted.at(-1)?.[1];
  if (!first || !last || sorted.length < 3) return {};
  const room = last.at[axis] + extent(last) - first.at[axis];
  const used = sorted.reduce((sum, [, box]) => sum + extent(box), 0);
  const gap = (room - used) / (sorted.length - 1);
  const places: Places = {};
  let at = first.at[axis];
  for (const [id, box] of sorted) {
    const here = Math.round(at);
    places[id] = axis === 0 ? [here, box.at[1]] : [box.at[0], here];
    at += extent(box) + gap;
  }
  return places;
}

export function snap(at: Point, grid = GRID): Point {
  return [Math.round(at[0] / grid) * grid, Math.round(at[1] / grid) * grid];
}
