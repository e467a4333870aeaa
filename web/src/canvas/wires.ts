/** Where wires run on the canvas, worked out from the cards alone. */

import type { Point } from "../model/graph";
import type { CardNode, WireEdge } from "./derive";
import { nearest } from "./wirePath";

/** The point where a wire leaves or meets a card. */
export function socketAt(node: CardNode, port: string, side: "source" | "target"): Point | null {
  if (node.type !== "card") return null;
  const handle = node.data.layout.handles.find((h) => h.id === port && h.type === side);
  if (!handle) return null;
  const x = node.position.x + handle.x + (side === "source" ? handle.width : 0);
  return [x, node.position.y + handle.y + handle.height / 2];
}

export function endsOf(
  edge: WireEdge,
  nodes: ReadonlyMap<string, CardNode>,
): [Point, Point] | null {
  const source = nodes.get(edge.source);
  const target = nodes.get(edge.target);
  const from = source && socketAt(source, edge.sourceHandle ?? "", "source");
  const to = target && socketAt(target, edge.targetHandle ?? "", "target");
  return from && to ? [from, to] : null;
}

/** The wire that passes nearest to a point, if one does within `reach`. */
export function wireNear(
  point: Point,
  reach: number,
  nodes: ReadonlyMap<string, CardNode>,
  edges: readonly WireEdge[],
  but: string,
): WireEdge | undefined {
  let found: WireEdge | undefined;
  let least = reach;
  for (const edge of edges) {
    if (edge.source === but || edge.target === but) continue;
    const ends = endsOf(edge, nodes);
    if (!ends || outside(point, ends, edge.data?.points ?? [], reach + 180)) continue;
    const { distance } = nearest(point, ends[0], ends[1], edge.data?.points);
    if (distance < least) {
      least = distance;
      found = edge;
    }
  }
  return found;
}

/** Whether a point is surely farther than `reach` from a wire. */
function outside(point: Point, ends: [Point, Point], points: readonly Point[], reach: number) {
  const stops = [...ends, ...points];
  return [0, 1].some((k) => {
    const values = stops.map((stop) => stop[k] ?? 0);
    const here = point[k] ?? 0;
    return here < Math.min(...values) - reach || here > Math.max(...values) + reach;
  });
}
