/** Putting another graph in the place of the one that is open, so that it can be brought back. */

import { type GraphFile, nodesIn } from "../model/graph";
import { placeMissing } from "../model/layout";
import { useCatalogue } from "./catalogue";
import { useConflict } from "./conflict";
import { type EditorState, type LoadedFrom, useEditor } from "./editor";
import { useRuns } from "./runs";
import { useUi } from "./ui";

/** Everything of the document, its steps back included. */
export type Kept = Pick<
  EditorState,
  "graph" | "scope" | "selection" | "past" | "future" | "name" | "etag" | "origin" | "saved"
>;

export function keep(): Kept {
  const { graph, scope, selection, past, future, name, etag, origin, saved } = useEditor.getState();
  return { graph, scope, selection, past, future, name, etag, origin, saved };
}

export function bringBack(kept: Kept): void {
  useEditor.setState(({ loads }) => ({ ...kept, loads: loads + 1 }));
}

/** Open a graph. What was open before is offered again in the notice; nodes without a place get
 * one. */
export function openDocument(graph: GraphFile, from: LoadedFrom = {}, told = ""): void {
  const before = keep();
  const lost = hasNodes(before.graph);
  useConflict.setState({ conflict: null });
  const placed = placeMissing(graph, useCatalogue.getState().catalogue);
  useEditor.getState().load(placed, from);
  // What a run of the other graph did says nothing of this one's nodes.
  const { shown, show } = useRuns.getState();
  show("");
  const what = told || (from.origin ?? from.name ?? graph.title ?? "");
  const { notify } = useUi.getState();
  if (lost) {
    const run = () => {
      bringBack(before);
      show(shown);
    };
    notify("info", what ? `Opened ${what}` : "Opened", { label: "Bring back", run });
  } else if (what) notify("info", `Opened ${what}`);
}

/** Whether parsed JSON has the shape of a graph file, as far as the editor relies on it. */
export function isGraphFile(data: unknown): data is GraphFile {
  if (typeof data !== "object" || data === null) return false;
  const { nodeflow, nodes, view } = data as Partial<GraphFile>;
  if (typeof nodeflow !== "number" || typeof nodes !== "object" || nodes === null) return false;
  if (view !== undefined && (typeof view !== "object" || view === null)) return false;
  return areNodes(nodes, 0);
}

function areNodes(nodes: unknown, depth: number): boolean {
  if (typeof nodes !== "object" || nodes === null || Array.isArray(nodes) || depth > 64)
    return false;
  return Object.values(nodes as Record<string, unknown>).every((node) => isNode(node, depth));
}

function isNode(data: unknown, depth: number): boolean {
  if (typeof data !== "object" || data === null) return false;
  const node = data as Record<string, unknown>;
  if (typeof node.type !== "string") return false;
  const records = ["params", "links", "each", "const", "state", "collect"] as const;
  if (!records.every((name) => node[name] === undefined || isRecord(node[name]))) return false;
  if (node.body !== undefined && node.body !== null && !areNodes(node.body, depth + 1))
    return false;
  const inner = node.graph;
  if (typeof inner !== "object" || inner === null) return true;
  return areNodes((inner as Record<string, unknown>).nodes, depth + 1);
}

function isRecord(value: unknown): boolean {
  return typeof value === "object" && !Array.isArray(value);
}

/** A name for a file made of a graph's own. */
export function fileStem(graph: GraphFile, name: string): string {
  const base = name.split("/").at(-1) || graph.title || "graph";
  return base.replace(/[^\p{L}\p{N} ._-]+/gu, "_").slice(0, 80) || "graph";
}

export function hasNodes(graph: GraphFile): boolean {
  return Object.keys(nodesIn(graph, []) ?? {}).length > 0;
}
