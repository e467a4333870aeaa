/**
 * The document: one graph file, where in it one looks, what is selected, and every step back.
 * Nodes on the canvas hold no state of their own; all of it is here or in the other stores.
 */

import { create } from "zustand";
import { emptyGraph, type GraphFile, nodesIn, type Scope } from "../model/graph";

/** How many steps back are kept. */
const DEPTH = 300;

interface Step {
  label: string;
  graph: GraphFile;
  scope: Scope;
  selection: readonly string[];
  /** Edits of one gesture (a dragged slider, typed text) carry one key and become one step. */
  merge: string;
}

export interface LoadedFrom {
  /** Its name on the server, "" for one that was never saved there. */
  name?: string;
  etag?: string;
  /** A template's name, a file's, a run's: told in the title bar. */
  origin?: string;
}

export interface EditorState {
  graph: GraphFile;
  scope: Scope;
  /** Ids in the scope: nodes, and `frame:…`, `note:…`, `wire:…` of what is drawn beside them. */
  selection: readonly string[];
  past: readonly Step[];
  future: readonly Step[];
  name: string;
  etag: string;
  origin: string;
  /** The graph as it was last saved on the server or loaded. */
  saved: GraphFile;
  /** Counts up with each load, so that the canvas knows when to fit the view. */
  loads: number;

  /** One undoable step. Returns without one if `change` gives back the same graph. */
  edit(label: string, change: (graph: GraphFile) => GraphFile, options?: EditOptions): void;
  undo(): void;
  redo(): void;
  load(graph: GraphFile, from?: LoadedFrom): void;
  /** Noted after the server took it. */
  markSaved(graph: GraphFile, name: string, etag: string): void;
  select(ids: readonly string[]): void;
  enter(id: string): void;
  leave(): void;
  goTo(scope: Scope): void;
}

export interface EditOptions {
  merge?: string;
  /** What is selected afterwards; absent: as before. */
  select?: readonly string[];
}

export const useEditor = create<EditorState>()((set, get) => ({
  graph: emptyGraph(),
  scope: [],
  selection: [],
  past: [],
  future: [],
  name: "",
  etag: "",
  origin: "",
  saved: emptyGraph(),
  loads: 0,

  edit(label, change, options = {}) {
    const { graph, scope, selection, past } = get();
    const next = change(graph);
    if (next === graph) return;
    const merge = options.merge ?? "";
    const last = past.at(-1);
    const joins = merge !== "" && last?.merge === merge && get().future.length === 0;
    const step: Step = { label, graph, scope, selection, merge };
    set({
      graph: next,
      past: joins ? past : [...past, step].slice(-DEPTH),
      future: [],
      selection: options.select ?? selection,
    });
  },

  undo() {
    const { past, future, graph, scope, selection } = get();
    const step = past.at(-1);
    if (!step) return;
    const now: Step = { ...step, graph, scope, selection };
    set({
      graph: step.graph,
      scope: step.scope,
      selection: step.selection,
      past: past.slice(0, -1),
      future: [...future, now],
    });
  },

  redo() {
    const { past, future, graph, scope, selection } = get();
    const step = future.at(-1);
    if (!step) return;
    // Merging ends here: what is typed after going back and forth is a step of its own.
    const now: Step = { ...step, graph, scope, selection, merge: "" };
    set({
      graph: step.graph,
      scope: step.scope,
      selection: step.selection,
      past: [...past, now],
      future: future.slice(0, -1),
    });
  },

  load(graph, from = {}) {
    set((state) => ({
      graph,
      saved: graph,
      scope: [],
      selection: [],
      past: [],
      future: [],
      name: from.name ?? "",
      etag: from.etag ?? "",
      origin: from.origin ?? "",
      loads: state.loads + 1,
    }));
  },

  markSaved(graph, name, etag) {
    set({ saved: graph, name, etag });
  },

  select(ids) {
    const before = get().selection;
    if (ids.length === before.length && ids.every((id, k) => id === before[k])) return;
    set({ selection: ids });
  },

  enter(id) {
    const { graph, scope } = get();
    const inside = [...scope, id];
    if (nodesIn(graph, inside)) set({ scope: inside, selection: [] });
  },

  leave() {
    const { scope } = get();
    const left = scope.at(-1);
    if (left !== undefined) set({ scope: scope.slice(0, -1), selection: [left] });
  },

  goTo(scope) {
    if (nodesIn(get().graph, scope)) set({ scope, selection: [] });
  },
}));

/** Whether there is something that the server does not have. */
export function isDirty(state: EditorState): boolean {
  return state.graph !== state.saved;
}
