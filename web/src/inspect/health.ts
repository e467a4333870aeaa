/** Whether what a wire carried was sound at the step that is shown. */

import { useEditor } from "../store/editor";
import { useRuns } from "../store/runs";
import { useScrub } from "../store/scrub";
import { useTraceIndex } from "./store";
import { carried, originOf } from "./trace";

export function useHealth(from: string): "" | "nan" | "inf" {
  const trace = useTraceIndex((state) => state.of[useRuns.getState().shown]);
  const shown = useRuns((state) => state.shown);
  const unsound = trace?.run === shown && trace.unsound.size > 0;
  // Where all is sound a step redraws no wire.
  const node = useScrub((state) => (unsound ? state.node : ""));
  const step = useScrub((state) => (unsound ? state.step : 0));
  const graph = useEditor((state) => (unsound ? state.graph : null));
  if (!unsound || !graph || !from) return "";
  const { port } = originOf(graph, from, node, step);
  if (!trace.unsound.has(port)) return "";
  const here = carried(trace, graph, from, node, step);
  if (here.some(({ stats }) => stats.nan)) return "nan";
  return here.some(({ stats }) => stats.inf) ? "inf" : "";
}
