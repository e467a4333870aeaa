/**
 * Seeds that are drawn anew before each run. Which ones stands in the graph's view; `runGraph`
 * writes the new number into the graph before it runs: what made a picture is what one sees.
 */

import { setParam } from "../model/edit";
import type { GraphFile, View } from "../model/graph";
import { nodeByPath, splitPath, splitTarget } from "../model/links";
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

/** The graph with a new number for each of its random seeds; one that a wire feeds stays. */
export function rolled(graph: GraphFile, draw: () => number = drawSeed): GraphFile {
  return randomOf(graph).reduce((made, place) => {
    const { node: path, port } = splitTarget(place);
    const node = nodeByPath(made, path);
    if (!node || node.links?.[port] !== undefined) return made;
    const { scope, id } = splitPath(path);
    return setParam(made, scope, id, port, draw());
  }, graph);
}
