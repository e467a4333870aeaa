/** Paths of wires: a curve from socket to socket, through the points somebody put on it. */

import type { Point } from "../model/graph";

/** How far a curve leaves a socket before it turns. */
export function reachOf(from: Point, to: Point): number {
  const ahead = to[0] - from[0];
  if (ahead >= 0) return Math.max(24, ahead / 2);
  // Back to the left: wide enough to be seen as a loop, and bounded.
  return Math.min(180, 24 + Math.sqrt(-ahead) * 8);
}

function curve(from: Point, to: Point): [Point, Point] {
  const r = reachOf(from, to);
  return [
    [from[0] + r, from[1]],
    [to[0] - r, to[1]],
  ];
}

export function wirePath(from: Point, to: Point, through: readonly Point[] = []): string {
  const stops = [from, ...through, to];
  let path = `M${from[0]},${from[1]}`;
  for (let k = 1; k < stops.length; k += 1) {
    const [a, b] = curve(stops[k - 1] as Point, stops[k] as Point);
    const end = stops[k] as Point;
    path += ` C${a[0]},${a[1]} ${b[0]},${b[1]} ${end[0]},${end[1]}`;
  }
  return path;
}

function at(from: Point, to: Point, t: number): Point {
  const [a, b] = curve(from, to);
  const s = 1 - t;
  const along = (k: 0 | 1) =>
    s * s * s * from[k] + 3 * s * s * t * a[k] + 3 * s * t * t * b[k] + t * t * t * to[k];
  return [along(0), along(1)];
}

/** Where on the wire `point` is nearest: the distance, and after how many of its points. */
export function nearest(point: Point, from: Point, to: Point, through: readonly Point[] = []) {
  const stops = [from, ...through, to];
  let best = { distance: Number.POSITIVE_INFINITY, index: 0, at: from };
  for (let k = 0; k + 1 < stops.length; k += 1) {
    for (let n = 0; n <= 24; n += 1) {
      const place = at(stops[k] as Point, stops[k + 1] as Point, n / 24);
      const distance = Math.hypot(place[0] - point[0], place[1] - point[1]);
      if (distance < best.distance) best = { distance, index: k, at: place };
    }
  }
  return best;
}
