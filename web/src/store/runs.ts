/**
 * What the server tells of runs: the queue, and of each run the state of every node and step.
 * Filled by `api/socket.ts` alone, through `apply`; everything else reads.
 */

import { create } from "zustand";
import type { Json } from "../model/graph";

export type RunState = "queued" | "running" | "paused" | "done" | "failed" | "cancelled";
export type NodeState = "queued" | "running" | "cached" | "done" | "error" | "skipped";

export interface OutputFile {
  kind: "output" | "temp" | "input";
  path: string;
  bytes: number;
  media_type: string;
  width: number | null;
  height: number | null;
}

export interface RunOutput {
  name: string;
  node: string;
  files: OutputFile[];
  value: Json;
}

export interface Guidance {
  cond: number;
  uncond: number;
  delta: number;
  cos: number;
}

export interface NodeRun {
  state: NodeState;
  why: string;
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
  trace: "off" | "stats" | "latents" | "full";
  /** By node path without numbers of passes: `denoise/cond`. */
  nodes: Readonly<Record<string, NodeRun>>;
  /** By node path, in order of steps. */
  steps: Readonly<Record<string, readonly StepRun[]>>;
  outputs: readonly RunOutput[];
  errors: readonly RunError[];
  /** The node path it waits before, at a breakpoint. */
  pausedAt: string;
}

export interface Preview {
  run: string;
  node: string;
  step: number;
  steps: number;
  /** An object URL; the store lets go of it. */
  url: string;
}

export interface RunsState {
  connection: "connecting" | "open" | "lost";
  paused: boolean;
  running: readonly string[];
  queued: readonly string[];
  runs: Readonly<Record<string, RunView>>;
  /** The run whose state the canvas shows; "" for none. */
  shown: string;
  /** Newest picture of what runs, by node path. */
  previews: Readonly<Record<string, Preview>>;
  show(run: string): void;
}

export const useRuns = create<RunsState>()((set) => ({
  connection: "connecting",
  paused: false,
  running: [],
  queued: [],
  runs: {},
  shown: "",
  previews: {},
  show: (run) => set({ shown: run }),
}));
