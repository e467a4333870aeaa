/** What is wrong with the graph, by node path and port; and the types of its wires. */

import { create } from "zustand";
import type * as wire from "../protocol";

export interface Problem {
  code: string;
  /** As the server tells it: `denoise/guide.scale`, `inputs.seed`, or a place in the file. */
  where: string;
  /** The path of the node it is about, "" for the graph as a whole. */
  node: string;
  /** "" for the node as a whole. */
  port: string;
  message: string;
  hint: string;
  severity: "error" | "warning";
}

export interface ProblemsState {
  all: readonly Problem[];
  /** By node path. */
  byNode: Readonly<Record<string, readonly Problem[]>>;
  /** Socket types as the server worked them out: node path → output → type. */
  types: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Whether an answer for the graph of now is still to come. */
  pending: boolean;
  set(problems: readonly wire.ProblemData[], isNode: (path: string) => boolean): void;
  setTypes(types: ProblemsState["types"]): void;
  setPending(pending: boolean): void;
}

const NONE: readonly Problem[] = [];

export const useProblems = create<ProblemsState>()((set) => ({
  all: NONE,
  byNode: {},
  types: {},
  pending: false,

  set: (told, isNode) =>
    set((state) => {
      const all = told.map((one) => located(one, isNode));
      if (JSON.stringify(all) === JSON.stringify(state.all)) return { pending: false };
      const byNode: Record<string, Problem[]> = {};
      for (const problem of all) {
        if (!problem.node) continue;
        const list = byNode[problem.node];
        if (list) list.push(problem);
        else byNode[problem.node] = [problem];
      }
      // A node whose problems are as before keeps its list, so that it is not drawn anew.
      for (const [node, list] of Object.entries(byNode)) {
        const before = state.byNode[node];
        if (before && JSON.stringify(before) === JSON.stringify(list)) {
          byNode[node] = before as Problem[];
        }
      }
      return { all, byNode, pending: false };
    }),

  setTypes: (types) => set({ types }),
  setPending: (pending) => set({ pending }),
}));

/** A place told by the server as node and port: `denoise/guide.scale`, `denoise.state.latent`, or
 * within the file `nodes/denoise/body/guide/params/scale`. */
export function located(told: wire.ProblemData, isNode: (path: string) => boolean): Problem {
  const { code, where, message, hint, severity } = told;
  const found = placeOf(where, isNode);
  return { code, where, ...found, message, hint, severity };
}

function placeOf(where: string, isNode: (path: string) => boolean): { node: string; port: string } {
  if (isNode(where)) return { node: where, port: "" };
  const name = where.lastIndexOf("/") + 1;
  const dot = where.indexOf(".", name);
  if (dot > 0 && isNode(where.slice(0, dot))) {
    return { node: where.slice(0, dot), port: where.slice(dot + 1) };
  }
  return inFile(where.split("/"), isNode);
}

const FIELDS = new Set(["params", "links", "each", "const", "state", "collect"]);

function inFile(
  parts: readonly string[],
  isNode: (path: string) => boolean,
): { node: string; port: string } {
  if (parts[0] !== "nodes") return { node: "", port: "" };
  const ids: string[] = [];
  let k = 0;
  for (; k < parts.length; k += 2) {
    if (parts[k] === "graph" && parts[k + 1] === "nodes") k += 1;
    const id = parts[k + 1];
    if ((parts[k] !== "nodes" && parts[k] !== "body") || id === undefined) break;
    ids.push(id);
  }
  const node = ids.join("/");
  if (!node || !isNode(node)) return { node: "", port: "" };
  const field = parts[k] ?? "";
  const name = parts[k + 1] ?? "";
  if (!FIELDS.has(field)) return { node, port: "" };
  return { node, port: field === "params" || field === "links" ? name : `${field}.${name}` };
}

/** The problems of a node; the same list as long as they are the same. */
export function problemsOf(state: ProblemsState, node: string): readonly Problem[] {
  return state.byNode[node] ?? NONE;
}
