/** Runs that this page makes for itself: after all that waits, and not shown on the canvas. */

import * as api from "../api/client";
import type { GraphFile, Json } from "../model/graph";
import { FINISHED, type TraceLevel, useRuns } from "../store/runs";
import { useUi } from "../store/ui";
import { fetchTrace } from "./store";

interface Ask {
  graph: GraphFile;
  title: string;
  trace: TraceLevel;
  outputs?: string[];
  inputs?: Readonly<Record<string, Json>>;
}

/** After every other run. */
const LAST = -10;

/** Queue such a run. Its id; "" where it was refused, which is told. Its trace is fetched once it
 * has ended. */
export async function quietRun({ graph, title, trace, outputs, inputs }: Ask): Promise<string> {
  try {
    const { run } = await api.submitRun({
      graph: { ...graph },
      title,
      trace,
      priority: LAST,
      client: api.CLIENT,
      previews: false,
      ...(outputs ? { outputs, temporary: outputs } : {}),
      ...(inputs ? { inputs: { ...inputs } } : {}),
    });
    useRuns.getState().keepGraph(run, graph);
    void ended(run).then((state) => {
      if (state === "done") void fetchTrace(run);
      else tellFault(run, title);
    });
    return run;
  } catch (error) {
    if (!(error instanceof api.ApiError)) throw error;
    useUi.getState().notify("error", `Not queued — ${title}: ${error.message}`);
    return "";
  }
}

function tellFault(run: string, title: string): void {
  const view = useRuns.getState().runs[run];
  const why = view?.errors[0]?.message || view?.reason || view?.state || "";
  useUi.getState().notify("warning", `${title}: ${why}`);
}

/** The state in which a run ends. */
export function ended(run: string): Promise<string> {
  return new Promise((resolve) => {
    const look = () => {
      const state = useRuns.getState().runs[run]?.state;
      if (!state || !FINISHED.has(state)) return false;
      resolve(state);
      return true;
    };
    if (look()) return;
    const stop = useRuns.subscribe(() => {
      if (look()) stop();
    });
  });
}
