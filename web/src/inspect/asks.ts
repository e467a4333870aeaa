/** Which of the nodes that asked a model did so under a prompt, told from the graph's wires. */

import { type GraphFile, PAD_IN, PAD_OUT, pathOf, type Scope } from "../model/graph";
import {
  holderOf,
  innerGraph,
  isLoop,
  nodeAt,
  padWires,
  splitPath,
  wiresOfNode,
} from "../model/links";

/** A node that asked, and the port by which the text came to it. */
export interface Ask {
  node: string;
  prompt: string;
}

interface Place {
  scope: Scope;
  node: string;
  /** Absent: any. */
  port?: string;
}

/** Deeper than any graph that people wire. */
const MOST = 5_000;

/** Of these asks those whose text comes from the node at path `prompt`. */
export function asksWith<A extends Ask>(
  graph: GraphFile,
  asks: readonly A[],
  prompt: string,
): readonly A[] {
  return asks.filter((ask) => textsOf(graph, ask).has(prompt));
}

/** Paths of all nodes before the port of an ask. A guider's port is one of a node before it. */
function textsOf(graph: GraphFile, { node, prompt }: Ask): ReadonlySet<string> {
  const { scope, id } = splitPath(node);
  const port = prompt.replace(/ \d+$/, ""); // several joined texts are numbered
  const own = { scope, node: id, port };
  if (feeding(graph, own).length) return upstream(graph, own);
  const found = new Set<string>();
  for (const path of upstream(graph, { scope, node: id })) {
    const at = splitPath(path);
    for (const one of upstream(graph, { scope: at.scope, node: at.id, port })) found.add(one);
  }
  return found;
}

function upstream(graph: GraphFile, start: Place): ReadonlySet<string> {
  const found = new Set<string>();
  const seen = new Set<string>();
  const pending = feeding(graph, start);
  while (pending.length && seen.size < MOST) {
    const place = pending.pop() as Place;
    const key = `${pathOf(place.scope, place.node)}.${place.port}`;
    if (seen.has(key)) continue;
    seen.add(key);
    const holder = place.scope.at(-1);
    if (place.node === PAD_IN && holder !== undefined) {
      const outside = place.scope.slice(0, -1);
      pending.push(...feeding(graph, { ...place, scope: outside, node: holder }));
      continue;
    }
    found.add(pathOf(place.scope, place.node));
    if (innerGraph(nodeAt(graph, place.scope, place.node))) {
      const inside = [...place.scope, place.node];
      pending.push(...feeding(graph, { ...place, scope: inside, node: PAD_OUT }));
    }
    pending.push(...feeding(graph, { scope: place.scope, node: place.node }));
  }
  return found;
}

/** Where the wires to a port, or to any port of a node, come from. */
function feeding(graph: GraphFile, { scope, node, port }: Place): Place[] {
  const file = nodeAt(graph, scope, node);
  const own = file ? wiresOfNode(node, file, isLoop(holderOf(graph, scope))) : [];
  const pads = scope.length ? padWires(graph, scope).filter(({ to }) => to.node === node) : [];
  return [...own, ...pads]
    .filter(({ to }) => port === undefined || to.port === port)
    .map(({ from }) => ({ scope, node: from.node, port: from.port }));
}
