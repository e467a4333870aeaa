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

/** How it stands with a node, for those who read or hear it. */
export function useNodeTold(path: string): string {
  const run = useNodeRun(path);
  return useNodeState(path) === "paused" ? "waits at a breakpoint" : stateText(run);
}

/** 12 ms, 3.4 s, 2 min 5 s. */
export function duration(ms: number): string {
  if (ms < 1) return "<1 ms";
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** Why it was taken from the cache, or why it had to run again. */
function because(why: string): string {
  return why ? `: ${why}` : "";
}

export function stateText(run: NodeRun | undefined): string {
  if (!run) return "not run";
  switch (run.state) {
    case "running":
      return run.steps ? `running, step ${run.step ?? 0} of ${run.steps}` : "running";
    case "done":
      return `done${run.ms === undefined ? "" : ` in ${duration(run.ms)}`}${because(run.why)}`;
    case "cached":
      return `cached${because(run.why)}`;
    case "stopped":
      return `stopped${because(run.why)}`;
    case "skipped":
      return `skipped${because(run.why)}`;
    case "error":
      return `error${because(run.why)}`;
    default:
      return run.state;
  }
}
