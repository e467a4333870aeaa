/** A prompt's words in the graph: which nodes read one, and a graph that also shows where in the
 * picture a word is listened to. */

import type { Catalogue } from "../model/catalogue";
import { addNode } from "../model/edit";
import {
  type GraphFile,
  type NodeFile,
  nodesIn,
  pathOf,
  type Scope,
  withNodes,
} from "../model/graph";
import { nodeByPath, splitPath } from "../model/links";

/** Paths of nodes with a prompt field, everywhere in the graph. */
export function promptNodes(
  graph: GraphFile,
  catalogue: Catalogue,
): { path: string; port: string }[] {
  const found: { path: string; port: string }[] = [];
  const walk = (scope: Scope) => {
    for (const [id, node] of Object.entries(nodesIn(graph, scope) ?? {})) {
      const inputs = catalogue.nodes.get(node.type)?.inputs ?? [];
      for (const { name, widget } of inputs) {
        const text = typeof node.params?.[name] === "string";
        if (widget?.widget === "Prompt" && text)
          found.push({ path: pathOf(scope, id), port: name });
      }
      if (node.body || typeof node.graph === "object") walk([...scope, id]);
    }
  };
  walk([]);
  return found;
}

export const PLACES = ["all", "down", "mid", "up"] as const;
export type Place = (typeof PLACES)[number];

export interface WordRun {
  graph: GraphFile;
  /** What the run is asked for. */
  outputs: string[];
  /** Path of the node that draws the word, by layers. */
  nodes: Readonly<Record<Place, string>>;
}

/** The graph with nodes in the loop that draw where one slot of a prompt is listened to, at each
 * step; or why there can be none. */
export function withWordMaps(
  graph: GraphFile,
  loop: string,
  prompt: string,
  slot: number,
  catalogue: Catalogue,
): WordRun | string {
  const holder = nodeByPath(graph, loop);
  if (!holder?.body) return `${loop} is one node: show every step of it first`;
  const asks = askingNode(holder, prompt);
  if (!asks) return `${loop} does not ask its model with ${prompt} itself`;
  const { scope, id } = splitPath(loop);
  const inside = [...scope, id];
  let made = graph;
  const nodes: Partial<Record<Place, string>> = {};
  const outputs: string[] = [];
  for (const place of PLACES) {
    const params = { slot, places: place };
    const added = addNode(made, inside, "attention.word_map", [0, 0], catalogue, params);
    nodes[place] = [...inside, added.id].join("/");
    made = withNodes(added.graph, inside, (all) => {
      const own = all[added.id] as NodeFile;
      return { ...all, [added.id]: { ...own, links: asks } };
    });
    const name = `word_${place}`;
    made = withNodes(made, scope, (all) => {
      const outer = all[id] as NodeFile;
      return {
        ...all,
        [id]: { ...outer, collect: { ...outer.collect, [name]: `${added.id}.mask` } },
      };
    });
    outputs.push(`${loop}.${name}`);
  }
  return { graph: made, outputs, nodes: nodes as Record<Place, string> };
}

/** What the node in a loop that asks the model with a prompt is given. */
function askingNode(loop: NodeFile, prompt: string): Record<string, string> | undefined {
  const { id } = splitPath(prompt);
  const names = Object.entries(loop.const ?? {})
    .filter(([, link]) => link === `${id}.conditioning`)
    .map(([name]) => `const.${name}`);
  for (const node of Object.values(loop.body ?? {})) {
    const { model, latent, step } = node.links ?? {};
    const conditioning = Object.values(node.links ?? {}).find(
      (link) => typeof link === "string" && names.includes(link),
    );
    if ([model, latent, step, conditioning].every((link) => typeof link === "string")) {
      return { model, latent, step, conditioning } as Record<string, string>;
    }
  }
  return undefined;
}
