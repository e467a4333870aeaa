/** Below a node's card: what it made at the step that is shown. */

import { useEditor } from "../store/editor";
import { useRuns } from "../store/runs";
import { useScrub } from "../store/scrub";
import { useUi } from "../store/ui";
import { TensorCanvas } from "./Draw";
import { spoken } from "./Steps";
import { useTraceIndex } from "./store";
import { atStep, passOf, stepTensors, type Tensor } from "./trace";

export function StepFace({ path }: { path: string }) {
  const open = useUi((state) => state.drawer);
  const run = useRuns((state) => state.shown);
  const trace = useTraceIndex((state) => (open ? state.of[run] : undefined));
  const traced = trace && (trace.byNode.has(path) || trace.latents.has(path));
  const loop = useScrub((state) => (traced ? state.node : ""));
  const step = useScrub((state) => (traced ? state.step : 0));
  // What it put out as a file stands there already.
  const out = useRuns((state) => state.runs[run]?.outputs.some((one) => one.node === path));
  if (!traced || out) return null;
  const { graph } = useEditor.getState();
  const tensor =
    path === loop
      ? stepTensors(trace, graph, loop, step).after
      : atStep(trace.byNode.get(path) ?? [], loop, step).find(isPicture);
  if (!tensor?.kept) return null;
  const pass = passOf(tensor.path, loop);
  const when = pass === undefined ? "" : `step ${pass + 1}`;
  return (
    <div className="nfi-face">
      <TensorCanvas
        run={run}
        tensor={tensor}
        label={`${[tensor.port, when].filter(Boolean).join(" ")}: ${spoken(tensor.stats)}`}
      />
      {when}
    </div>
  );
}

/** Latents, pictures and masks; not what a text is encoded as. */
function isPicture({ role, part, shape, type }: Tensor): boolean {
  if (shape.length < 3) return false;
  return role !== "value" || part.endsWith("pixels") || type.includes("Mask");
}
