/** Whether a node differs from what the run one looks at was made of. */

import { compare } from "../model/compare";
import type { GraphFile } from "../model/graph";
import { useEditor } from "../store/editor";
import { useRuns } from "../store/runs";

const NONE: ReadonlySet<string> = new Set();
let last: { before: GraphFile; after: GraphFile; paths: ReadonlySet<string> } | null = null;

/** Compared once per edit, however many nodes ask. */
function changedPaths(before: GraphFile | undefined, after: GraphFile): ReadonlySet<string> {
  if (!before || before === after) return NONE;
  if (last?.before === before && last.after === after) return last.paths;
  const { added, changed } = compare(before, after);
  last = { before, after, paths: new Set([...added, ...changed]) };
  return last.paths;
}

export function useChanged(path: string): boolean {
  const before = useRuns((s) => s.graphs[s.shown]);
  return useEditor((s) => changedPaths(before, s.graph).has(path));
}
