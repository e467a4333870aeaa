/**
 * Seeds that are drawn anew before each run. Which ones stands in the graph's view; `runGraph`
 * writes the new number into the graph before it runs: what made a picture is what one sees.
 */

import type { GraphFile, View } from "../model/graph";
import { setView } from "../model/view";

/** Short enough to be read and told to somebody. */
export function drawSeed(): number {
  const drawn = new Uint32Array(1);
  crypto.getRandomValues(drawn);
  return drawn[0] ?? 0;
}

export function isRandom(graph: GraphFile, path: string, port: string): boolean {
  return randomOf(graph).includes(`${path}.${port}`);
}

export function randomOf(graph: GraphFile): readonly string[] {
  return graph.view?.$random ?? [];
}

export function setRandom(graph: GraphFile, path: string, port: string, on: boolean): GraphFile {
  const place = `${path}.${port}`;
  const rest = randomOf(graph).filter((p) => p !== place);
  const { $random: _, ...view }: View = graph.view ?? {};
  const now = on ? [...rest, place] : rest;
  return setView(graph, now.length > 0 ? { ...view, $random: now } : view);
}
