/** The shipped graphs and the catalogue that Python wrote (`web/scripts/fixtures.py`). */

import type { Catalogue, NodeSpec } from "../../src/model/catalogue";
import { type GraphFile, nodesIn, type Scope } from "../../src/model/graph";
import type * as wire from "../../src/protocol";
import told from "../fixtures/catalogue.json";

const data = told as unknown as wire.Catalogue;

export const catalogue: Catalogue = {
  version: data.version,
  nodes: new Map(data.nodes.map((node) => [node.id as string, node as unknown as NodeSpec])),
  types: new Map(data.types.map((type) => [type.name, type])),
  conversions: data.conversions,
};

const texts = import.meta.glob<string>("../../../graphs/**/*.json", {
  eager: true,
  query: "?raw",
  import: "default",
});

/** Name and text of every graph that is shipped. */
export const shipped: [string, string][] = Object.entries(texts).map(([path, text]) => [
  path.replace(/^.*\/graphs\//, ""),
  text,
]);

export function shippedGraph(name: string): GraphFile {
  const found = shipped.find(([path]) => path === `${name}.json`);
  if (!found) throw new Error(`there is no graph ${name}`);
  return frozen(JSON.parse(found[1]) as GraphFile);
}

/** Frozen through and through: a change in place throws. */
export function frozen<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) frozen(inner);
  }
  return value;
}

/** Every scope of a graph, the top first. */
export function scopesOf(graph: GraphFile): Scope[] {
  const found: Scope[] = [];
  const pending: Scope[] = [[]];
  for (let scope = pending.pop(); scope; scope = pending.pop()) {
    found.push(scope);
    for (const [id, node] of Object.entries(nodesIn(graph, scope) ?? {})) {
      if (node.body || typeof node.graph === "object") pending.push([...scope, id]);
    }
  }
  return found;
}
