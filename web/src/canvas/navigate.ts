/** Which node an arrow key goes to: the nearest in that direction, as one sees it. */

export interface Box {
  id: string;
  x: number;
  y: number;
  width: number;
  height: number;
}

export type Direction = "left" | "right" | "up" | "down";

/** How much a step aside counts against a step ahead. */
const ASIDE = 2.2;

function between(a: Box, b: Box, direction: Direction) {
  const dx = b.x + b.width / 2 - (a.x + a.width / 2);
  const dy = b.y + b.height / 2 - (a.y + a.height / 2);
  // Sides that overlap are not aside at all: a tall node has its neighbours beside it.
  const apart = (gap: number) => Math.max(0, gap);
  const gapX = apart(Math.max(a.x - (b.x + b.width), b.x - (a.x + a.width)));
  const gapY = apart(Math.max(a.y - (b.y + b.height), b.y - (a.y + a.height)));
  if (direction === "left") return { ahead: -dx, aside: gapY, skew: Math.abs(dy) };
  if (direction === "right") return { ahead: dx, aside: gapY, skew: Math.abs(dy) };
  if (direction === "up") return { ahead: -dy, aside: gapX, skew: Math.abs(dx) };
  return { ahead: dy, aside: gapX, skew: Math.abs(dx) };
}

/** The id of the node reached from `from`, or "" at the rim. */
export function neighbour(boxes: readonly Box[], from: string, direction: Direction): string {
  const start = boxes.find((box) => box.id === from);
  if (!start) return "";
  let best = "";
  let least = Number.POSITIVE_INFINITY;
  for (const box of boxes) {
    if (box.id === from) continue;
    const { ahead, aside, skew } = between(start, box, direction);
    if (ahead <= 1) continue;
    const cost = ahead + ASIDE * aside + 0.2 * skew;
    if (cost < least) {
      least = cost;
      best = box.id;
    }
  }
  return best;
}

/** Where the keyboard begins: the node nearest to the top left. */
export function first(boxes: readonly Box[]): string {
  let best = "";
  let least = Number.POSITIVE_INFINITY;
  for (const box of boxes) {
    if (box.x + box.y < least) {
      least = box.x + box.y;
      best = box.id;
    }
  }
  return best;
}
