/** Which nodes of a graph read a prompt. */

import type { Catalogue } from "../model/catalogue";
import { type GraphFile, nodesIn, pathOf, type Scope } from "../model/graph";

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
