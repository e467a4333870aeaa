/** What a run says of a node, in words and by path. */

import { type NodeRun, type RunError, useRuns } from "../store/runs";

export function useNodeRun(path: string): NodeRun | undefined {
  return useRuns((s) => s.runs[s.shown]?.nodes[path]);
}

export function useNodeState(path: string): string {
  return useRuns((s) => {
    const run = s.runs[s.shown];
    if (run?.state === "paused" && run.pausedAt === path) return "paused";
    return run?.nodes[path]?.state ?? "";
  });
}

export function useRunError(path: string): RunError | undefined {
  return useRuns((s) => s.runs[s.shown]?.errors.find((error) => error.node === path));
}

/** 12 ms, 3.4 s, 2 min 5 s. */
export function duration(ms: number): string {
  if (ms < 1) return "<1 ms";
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

export function stateText(run: NodeRun | undefined): string {
  if (!run) return "not run";
  switch (run.state) {
    case "running":
      return run.steps ? `running, step ${run.step ?? 0} of ${run.steps}` : "running";
    case "done":
      return run.ms === undefined ? "done" : `done in ${duration(run.ms)}`;
    case "cached":
      return run.why ? `cached: ${run.why}` : "cached";
    case "skipped":
      return run.why ? `skipped: ${run.why}` : "skipped";
    case "error":
      return run.why ? `error: ${run.why}` : "error";
    default:
      return run.state;
  }
}
