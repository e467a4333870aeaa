/**
 * What the server tells of runs: the queue, and of each run the state of every node and step.
 * Filled by `api/socket.ts` alone, through `apply`; everything else reads.
 */

import { create } from "zustand";
import type { GraphFile } from "../model/graph";
import type * as wire from "../protocol";

export type RunState = wire.RunSummary["state"];
/** "stopped": it was on its way when its run ended. */
export type NodeState = wire.NodeEvent["state"] | "stopped";
export type TraceLevel = wire.RunSummary["trace"];
export type OutputFile = wire.OutputFile;
export type RunOutput = wire.RunOutput;
export type Guidance = wire.Guidance;

export interface NodeRun {
  state: NodeState;
  why: string;
  /** Over all passes, for what stands in a loop. */
  ms?: number;
  bytes?: number;
  /** Of a loop or a node that tells its progress. */
  step?: number;
  steps?: number;
}

export interface StepRun {
  step: number;
  steps: number;
  sigma: number | null;
  cfg: Guidance | null;
}

export interface RunError {
  node: string;
  path: string;
  port: string;
  code: string;
  message: string;
  hint: string;
  traceback: string;
}

export interface RunView {
  run: string;
  number: number;
  title: string;
  state: RunState;
  reason: string;
  acceptedAt: number;
  startedAt: number | null;
  finishedAt: number | null;
  lastSeq: number;
  peakBytes: number;
  total: number | null;
  trace: TraceLevel;
  /** By node path without numbers of passes: `denoise/cond`. */
  nodes: Readonly<Record<string, NodeRun>>;
  /** By node path, in order of steps. */
  steps: Readonly<Record<string, readonly StepRun[]>>;
  outputs: readonly RunOutput[];
  errors: readonly RunError[];
  /** The node path it waits before, at a breakpoint. */
  pausedAt: string;
  /** The same with the numbers of passes: `denoise[3]/guide`, `denoise[3]`. */
  pausedPath: string;
}

export interface Preview {
  run: string;
  node: string;
  step: number;
  steps: number;
  /** An object URL; the store lets go of it. */
  url: string;
}

/** What comes over the socket, and from the replay. */
export type Message =
  | { type: "nf.run"; data: wire.RunEvent }
  | { type: "nf.node"; data: wire.NodeEvent }
  | { type: "nf.step"; data: wire.StepEvent }
  | { type: "nf.output"; data: wire.OutputEvent }
  | { type: "nf.error"; data: wire.ErrorEvent }
  | { type: "nf.paused"; data: wire.PausedEvent };

export interface RunsState {
  connection: "connecting" | "open" | "lost";
  paused: boolean;
  running: readonly string[];
  queued: readonly string[];
  runs: Readonly<Record<string, RunView>>;
  /** The graph that ran, of the runs begun or looked at here: what is edited since differs. */
  graphs: Readonly<Record<string, GraphFile>>;
  /** The run whose state the canvas shows; "" for none. */
  shown: string;
  /** Newest picture of what runs, by node path. */
  previews: Readonly<Record<string, Preview>>;
  /** Nodes and passes to stop before. */
  breakpoints: readonly string[];

  show(run: string): void;
  toggleBreakpoint(place: string): void;
  /** Events in order, each once. */
  apply(messages: readonly Message[]): void;
  /** What a run is now, as the server sums it up. */
  know(summaries: readonly wire.RunSummary[]): void;
  keepGraph(run: string, graph: GraphFile): void;
  forget(run: string): void;
  setQueue(queue: wire.QueueEvent): void;
  setConnection(connection: RunsState["connection"]): void;
  setPreviews(previews: readonly Preview[]): void;
}

/** Finished runs whose nodes are remembered; others are asked for again when they are shown. */
const REMEMBERED = 60;

export const FINISHED: ReadonlySet<RunState> = new Set(["done", "failed", "cancelled"]);

export const useRuns = create<RunsState>()((set) => ({
  connection: "connecting",
  paused: false,
  running: [],
  queued: [],
  runs: {},
  graphs: {},
  shown: "",
  previews: {},
  breakpoints: [],

  show: (run) => set({ shown: run }),

  toggleBreakpoint: (place) =>
    set(({ breakpoints }) => ({
      breakpoints: breakpoints.includes(place)
        ? breakpoints.filter((other) => other !== place)
        : [...breakpoints, place],
    })),

  apply: (messages) =>
    set((state) => {
      if (!messages.length) return state;
      const drafts = new Map<string, Draft>();
      for (const message of messages) {
        const id = message.data.run;
        let draft = drafts.get(id);
        if (!draft) {
          draft = draftOf(state.runs[id] ?? blank(id));
          drafts.set(id, draft);
        }
        happen(draft, message);
      }
      return { runs: pruned({ ...state.runs, ...Object.fromEntries(drafts) }, state.shown) };
    }),

  know: (summaries) =>
    set(({ runs, shown }) => {
      const made = { ...runs };
      for (const summary of summaries) {
        made[summary.run] = fromSummary(summary, runs[summary.run]);
      }
      return { runs: pruned(made, shown) };
    }),

  keepGraph: (run, graph) => set(({ graphs }) => ({ graphs: { ...graphs, [run]: graph } })),

  forget: (run) =>
    set((state) => {
      const { [run]: _, ...runs } = state.runs;
      const { [run]: __, ...graphs } = state.graphs;
      return { runs, graphs, shown: state.shown === run ? "" : state.shown };
    }),

  setQueue: ({ paused, running, queued }) => set({ paused, running, queued }),
  setConnection: (connection) => set({ connection }),

  setPreviews: (previews) =>
    set((state) => {
      const made = { ...state.previews };
      for (const preview of previews) {
        const before = made[preview.node];
        if (before) URL.revokeObjectURL(before.url);
        made[preview.node] = preview;
      }
      return { previews: made };
    }),
}));

/** A run while events are applied to it: its records are its own. */
interface Draft extends RunView {
  nodes: Record<string, NodeRun>;
  steps: Record<string, StepRun[]>;
  outputs: RunOutput[];
  errors: RunError[];
}

function draftOf(run: RunView): Draft {
  return {
    ...run,
    nodes: { ...run.nodes },
    // Lists of steps are copied when one is added: most do not change.
    steps: { ...run.steps } as Record<string, StepRun[]>,
    outputs: [...run.outputs],
    errors: [...run.errors],
  };
}

function blank(run: string): RunView {
  return {
    run,
    number: 0,
    title: "",
    state: "queued",
    reason: "",
    acceptedAt: 0,
    startedAt: null,
    finishedAt: null,
    lastSeq: 0,
    peakBytes: 0,
    total: null,
    trace: "off",
    nodes: {},
    steps: {},
    outputs: [],
    errors: [],
    pausedAt: "",
    pausedPath: "",
  };
}

function fromSummary(told: wire.RunSummary, before: RunView | undefined): RunView {
  const run = before ?? blank(told.run);
  const known = {
    ...run,
    number: told.number,
    title: told.title,
    trace: told.trace,
    acceptedAt: told.accepted_at,
  };
  // What came by events since is newer.
  if (before && before.lastSeq > told.last_seq) return known;
  return {
    ...known,
    state: told.state,
    reason: told.reason,
    startedAt: told.started_at,
    finishedAt: told.finished_at,
    peakBytes: told.peak_bytes || run.peakBytes,
    total: told.nodes.total ?? run.total,
    outputs: told.outputs.length ? told.outputs : run.outputs,
  };
}

function happen(run: Draft, message: Message): void {
  run.lastSeq = Math.max(run.lastSeq, message.data.seq);
  switch (message.type) {
    case "nf.run":
      runChanged(run, message.data);
      return;
    case "nf.node":
      nodeChanged(run, message.data);
      return;
    case "nf.step":
      stepBegun(run, message.data);
      return;
    case "nf.output": {
      const { output } = message.data;
      run.outputs = [...run.outputs.filter((other) => other.name !== output.name), output];
      return;
    }
    case "nf.error": {
      const { run: _, seq: __, ...error } = message.data;
      // The port is told beside it wherever an error is shown.
      if (error.port && error.message.startsWith(`${error.port}: `)) {
        error.message = error.message.slice(error.port.length + 2);
      }
      run.errors.push(error);
      return;
    }
    case "nf.paused":
      run.state = "paused";
      run.pausedAt = message.data.node;
      run.pausedPath = message.data.path;
  }
}

function runChanged(run: Draft, event: wire.RunEvent): void {
  if (event.state === "queued" && !run.acceptedAt) run.acceptedAt = event.at;
  if (event.state === "running" && run.state !== "paused") {
    // A cut run is begun again: what the first attempt told is of no more use.
    run.nodes = {};
    run.steps = {};
    run.outputs = [];
    run.errors = [];
    run.startedAt = event.at;
    run.finishedAt = null;
  }
  if (event.state !== "paused") {
    run.pausedAt = "";
    run.pausedPath = "";
  }
  if (FINISHED.has(event.state)) {
    run.finishedAt = event.at;
    if (event.state !== "done") settle(run, event.reason);
  }
  run.state = event.state;
  run.reason = event.reason;
  if (event.total !== null) run.total = event.total;
  if (event.peak_bytes !== null) run.peakBytes = event.peak_bytes;
}

/** Nodes that were on their way tell no more: they were stopped, or fell with what failed. */
function settle(run: Draft, reason: string): void {
  for (const [path, node] of Object.entries(run.nodes)) {
    if (node.state !== "running" && node.state !== "queued") continue;
    const fault = run.errors.find(
      (error) => error.node === path || error.node.startsWith(`${path}/`),
    );
    const state = fault ? "error" : "stopped";
    run.nodes[path] = { ...node, state, why: fault?.message ?? reason };
  }
}

function nodeChanged(run: Draft, event: wire.NodeEvent): void {
  const before = run.nodes[event.node];
  const made: NodeRun = { state: event.state, why: event.why };
  // In a loop the same node is told of once per pass: its time is that of all of them.
  const sum = event.path !== event.node ? (before?.ms ?? 0) : 0;
  const ms = event.ms === null ? (sum ? sum : undefined) : sum + event.ms;
  if (ms !== undefined) made.ms = ms;
  const bytes = event.bytes ?? (event.path !== event.node ? before?.bytes : undefined);
  if (bytes !== undefined && bytes !== null) made.bytes = bytes;
  if (before?.why && !made.why) made.why = before.why;
  if (before?.step !== undefined) made.step = before.step;
  if (before?.steps !== undefined) made.steps = before.steps;
  run.nodes[event.node] = made;
}

function stepBegun(run: Draft, event: wire.StepEvent): void {
  const { node, step, steps, sigma, cfg } = event;
  const before = run.nodes[node] ?? { state: "running" as const, why: "" };
  run.nodes[node] = { ...before, step, steps };
  const known = run.steps[node] ?? [];
  const made: StepRun = { step, steps, sigma, cfg };
  const last = known.at(-1);
  if (last && last.step === step) {
    const told = { ...made, sigma: sigma ?? last.sigma, cfg: cfg ?? last.cfg };
    run.steps[node] = [...known.slice(0, -1), told];
  } else if (last && last.step > step) {
    run.steps[node] = [made]; // the loop around it goes round again
  } else {
    run.steps[node] = [...known, made];
  }
}

function pruned(runs: Record<string, RunView>, shown: string): Record<string, RunView> {
  const finished = Object.values(runs).filter((run) => FINISHED.has(run.state));
  if (finished.length <= REMEMBERED) return runs;
  finished.sort((a, b) => b.acceptedAt - a.acceptedAt);
  const gone = new Set(
    finished
      .slice(REMEMBERED)
      .map((run) => run.run)
      .filter((run) => run !== shown),
  );
  return Object.fromEntries(Object.entries(runs).filter(([id]) => !gone.has(id)));
}

/** The run that the canvas shows. */
export function shownRun(state: RunsState): RunView | undefined {
  return state.runs[state.shown];
}
