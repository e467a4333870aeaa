/** What two graphs do differently. Places, titles and notes are no difference. */

import type { GraphFile, NodeFile } from "./graph";
import { innerGraph } from "./links";

export interface Difference {
  /** Paths of nodes that only the second graph has. */
  added: string[];
  removed: string[];
  /** Paths of nodes whose type, literals or wires differ; of loops and groups their own alone. */
  changed: string[];
  /** `path.port` of every literal and wire that differs. */
  ports: string[];
}

export function compare(before: GraphFile, after: GraphFile): Difference {
  const found: Difference = { added: [], removed: [], changed: [], ports: [] };
  compareNodes(before.nodes, after.nodes, "", found);
  return found;
}

function compareNodes(
  before: Record<string, NodeFile>,
  after: Record<string, NodeFile>,
  prefix: string,
  found: Difference,
): void {
  if (before === after) return;
  for (const [id, old] of Object.entries(before)) {
    const path = prefix + id;
    const now = after[id];
    if (!now) found.removed.push(path);
    else if (now !== old) compareNode(old, now, path, found);
  }
  for (const id of Object.keys(after)) if (!before[id]) found.added.push(prefix + id);
}

function compareNode(old: NodeFile, now: NodeFile, path: string, found: Difference): void {
  const ports = new Set<string>();
  for (const field of ["params", "links", "each", "const", "state", "collect"] as const) {
    const before: Record<string, unknown> = old[field] ?? {};
    const after: Record<string, unknown> = now[field] ?? {};
    for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
      if (!equal(before[name], after[name])) {
        ports.add(field === "params" || field === "links" ? name : `${field}.${name}`);
      }
    }
  }
  const inner = [innerGraph(old), innerGraph(now)] as const;
  const declared =
    !equal(inner[0]?.inputs, inner[1]?.inputs) || !equal(inner[0]?.outputs, inner[1]?.outputs);
  const file = typeof old.graph === "string" || typeof now.graph === "string";
  const otherFile = file && old.graph !== now.graph;
  const other = old.type !== now.type || (old.version ?? 1) !== (now.version ?? 1);
  if (ports.size || other || declared || otherFile || old.mode !== now.mode) {
    found.changed.push(path);
    found.ports.push(...[...ports].map((port) => `${path}.${port}`));
  }
  const below = `${path}/`;
  const inside = (node: NodeFile) => node.body ?? innerGraph(node)?.nodes ?? {};
  compareNodes(inside(old), inside(now), below, found);
}

function equal(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  const keys = Object.keys(a);
  if (Array.isArray(a) !== Array.isArray(b) || keys.length !== Object.keys(b).length) return false;
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  return keys.every((key) => equal(left[key], right[key]));
}
