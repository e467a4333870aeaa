/** The scene that is drawn now: for what needs it outside of a component. */

import type { Scene } from "./derive";

let current: Scene = { nodes: [], edges: [] };

export function scene(): Scene {
  return current;
}

export function setScene(next: Scene): void {
  current = next;
}
