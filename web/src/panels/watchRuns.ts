/** Tells when a run that was begun here fails, with the way to the node. */

import { type RunView, useRuns } from "../store/runs";
import { useUi } from "../store/ui";
import { goToNode } from "./places";

/** Runs that failed between two states of the store. */
export function failedSince(
  now: Readonly<Record<string, RunView>>,
  before: Readonly<Record<string, RunView>>,
): RunView[] {
  if (now === before) return [];
  return Object.values(now).filter((run) => {
    const was = before[run.run];
    return run.state === "failed" && was !== undefined && was.state !== "failed";
  });
}

/** Returns what ends it. */
export function watchRuns(): () => void {
  return useRuns.subscribe((now, before) => {
    for (const run of failedSince(now.runs, before.runs)) {
      // Those of other pages are told there.
      if (!now.graphs[run.run] && now.shown !== run.run) continue;
      const [error, ...others] = run.errors;
      const more = others.length > 0 ? ` (and ${others.length} more)` : "";
      const { notify, openRight } = useUi.getState();
      if (error?.node) {
        const place = error.path || error.node;
        notify("error", `${place}: ${error.message}${more}`, {
          label: "Go to node",
          run: () => {
            goToNode(error.node, error.port);
            openRight("node");
          },
        });
      } else
        notify("error", `Run ${run.number} failed: ${error?.message || run.reason || "unknown"}`, {
          label: "Show",
          run: () => openRight("history"),
        });
    }
  });
}
