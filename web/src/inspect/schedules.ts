/** The schedules of a graph, and one of them replaced by levels of one's own. */

import type { Catalogue } from "../model/catalogue";
import { setParam, unexpose } from "../model/edit";
import {
  type GraphFile,
  type NodeFile,
  nodesIn,
  pathOf,
  type Scope,
  withNodes,
} from "../model/graph";
import { nodeByPath, splitPath, splitTarget } from "../model/links";
import { portsOf } from "../model/ports";

export const FROM_LIST = "sigmas.from_list";

/** Paths of the nodes that give `Sigmas`, everywhere in the graph. */
export function scheduleNodes(graph: GraphFile, catalogue: Catalogue): string[] {
  const found: string[] = [];
  const walk = (scope: Scope) => {
    for (const [id, node] of Object.entries(nodesIn(graph, scope) ?? {})) {
      if (node.body || typeof node.graph === "object") walk([...scope, id]);
      else if (portsOf(graph, scope, id, catalogue).outputs.some((one) => one.type === "Sigmas")) {
        found.push(pathOf(scope, id));
      }
    }
  };
  walk([]);
  return found;
}

/** The levels that a node was given by hand. */
export function ownLevels(node: NodeFile | undefined): readonly number[] | undefined {
  const values = node?.type === FROM_LIST ? node.params?.values : undefined;
  const numbers = Array.isArray(values) && values.every((one) => typeof one === "number");
  return numbers ? (values as number[]) : undefined;
}

/** The clock that a schedule is made for: its own, or of a node beside it. */
function betasFor(graph: GraphFile, path: string): string {
  const { scope } = splitPath(path);
  const own = nodeByPath(graph, path)?.links?.betas;
  if (typeof own === "string") return own;
  const beside = Object.values(nodesIn(graph, scope) ?? {});
  for (const node of beside) {
    const link = node.links?.betas;
    if (typeof link === "string") return link;
  }
  return "";
}

/** Whether a schedule can be drawn by hand; if not, why. */
export function whyNotDrawn(graph: GraphFile, path: string): string {
  return betasFor(graph, path)
    ? ""
    : `${path} is not told the model's clock (betas), which levels of one's own need`;
}

/** The graph with a schedule's node as `sigmas.from_list` of these levels. What fed its settings is
 * taken off; the node keeps its id and place. The same graph where that cannot be. */
export function withLevels(graph: GraphFile, path: string, levels: readonly number[]): GraphFile {
  const { scope, id } = splitPath(path);
  const node = nodeByPath(graph, path);
  const betas = betasFor(graph, path);
  if (!node) return graph;
  if (node.type === FROM_LIST) return setParam(graph, scope, id, "values", [...levels]);
  if (!betas) return graph;
  const made: NodeFile = { type: FROM_LIST, params: { values: [...levels] }, links: { betas } };
  const port = outputPort(graph, scope, id);
  let next = withNodes(graph, scope, (nodes) => ({ ...nodes, [id]: made }));
  if (port && port !== "sigmas") next = renamed(next, scope, `${id}.${port}`, `${id}.sigmas`);
  for (const [name, targets] of Object.entries(graph.inputs ?? {})) {
    for (const target of typeof targets === "string" ? [targets] : targets) {
      if (splitTarget(target).node === path) next = unexpose(next, name, target);
    }
  }
  return next;
}

/** The port that others read of a node. */
function outputPort(graph: GraphFile, scope: Scope, id: string): string {
  const text = JSON.stringify(nodesIn(graph, scope));
  const found = new RegExp(`"${id}\\.(\\w+)"`).exec(text);
  return found?.[1] ?? "";
}

function renamed(graph: GraphFile, scope: Scope, from: string, to: string): GraphFile {
  return withNodes(graph, scope, (nodes) => {
    const text = JSON.stringify(nodes).replaceAll(`"${from}"`, `"${to}"`);
    return JSON.parse(text) as Record<string, NodeFile>;
  });
}
