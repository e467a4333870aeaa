/** Sigma over steps, of every schedule of the graph; its points can be moved. */

import { type KeyboardEvent, type PointerEvent, useMemo, useState } from "react";
import { nodeByPath } from "../model/links";
import { useCatalogue } from "../store/catalogue";
import { useEditor } from "../store/editor";
import { useRuns } from "../store/runs";
import { useScrub } from "../store/scrub";
import { useUi } from "../store/ui";
import { exactly, told } from "./numbers";
import { type Box, Plot, type Series } from "./Plot";
import { NoTrace } from "./Scrubber";
import { movedPoint, type Scale } from "./scales";
import { ownLevels, scheduleNodes, whyNotDrawn, withLevels } from "./schedules";
import { elements, useArrived, useShownTrace } from "./store";

interface Levels {
  path: string;
  values: readonly number[];
  /** Written by hand since, or of a node that the run did not ask. */
  edited: boolean;
}

export function Schedule() {
  const found = useLevels();
  const { node, step } = useScrub();
  const walked = useWalked();
  const [dragged, setDragged] = useState<Levels | null>(null);
  if (!found.length && !walked.length) {
    return <NoTrace what="Noise levels are known once a schedule was made in a traced run." />;
  }
  const shown = found.map((one) => (one.path === dragged?.path ? dragged : one));
  const series: Series[] = shown.map(({ path, values, edited }, k) => ({
    name: edited ? `${path} (not run yet)` : path,
    colour: k,
    points: values.map((value, index) => [index + 1, value] as const),
  }));
  if (walked.length) {
    series.push({ name: `walked by ${node}`, colour: shown.length, points: walked, dashed: true });
  }
  return (
    <div className="nfi-plots nfi-single">
      <Plot
        title="Noise levels"
        xLabel="step that begins there"
        yLabel="σ, log axis"
        series={series}
        log
        height={230}
        mark={step + 1}
        onMark={(at) => useScrub.getState().goTo(at - 1)}
        over={(x, y, box) => <Points {...{ x, y, box }} schedules={shown} drag={setDragged} />}
      />
      <p className="nf-quiet">
        Drag a point, or walk to it by Tab and move it by the arrow keys (with Shift further): the
        schedule's node becomes a list of levels of your own. A last 0 stands at the lower edge.
      </p>
    </div>
  );
}

/** What each schedule's node gave in the run, or was told by hand since. */
function useLevels(): Levels[] {
  const trace = useShownTrace();
  const run = useRuns((state) => state.shown);
  const graph = useEditor((state) => state.graph);
  const catalogue = useCatalogue((state) => state.catalogue);
  const arrived = useArrived();
  // biome-ignore lint/correctness/useExhaustiveDependencies: `arrived` says when there are more
  return useMemo(() => {
    const paths = scheduleNodes(graph, catalogue);
    return paths.flatMap((path) => {
      const own = ownLevels(nodeByPath(graph, path));
      const tensor = trace?.byNode
        .get(path)
        ?.findLast((one) => one.type === "Sigmas" && one.part === "values");
      const values = tensor && elements(run, tensor);
      const traced = values ? Array.from(values) : undefined;
      if (own) {
        const same = traced?.length === own.length && traced.every((one, k) => one === own[k]);
        return [{ path, values: own, edited: !same }];
      }
      return traced ? [{ path, values: traced, edited: false }] : [];
    });
  }, [trace, run, graph, catalogue, arrived]);
}

/** The levels at which the steps of the loop began, as the run told them. */
function useWalked(): (readonly [number, number])[] {
  const steps = useRuns((state) => state.runs[state.shown]?.steps);
  const node = useScrub((state) => state.node);
  return (steps?.[node] ?? []).flatMap(({ step, sigma }) =>
    sigma === null ? [] : [[step + 1, sigma] as const],
  );
}

interface PointsProps {
  x: Scale;
  y: Scale;
  box: Box;
  schedules: readonly Levels[];
  drag: (levels: Levels | null) => void;
}

function Points({ x, y, box, schedules, drag }: PointsProps) {
  return schedules.map((levels, k) => (
    <g key={levels.path} className={`nfi-s${k % 6}`}>
      {levels.values.map((value, index) => (
        <Point
          // biome-ignore lint/suspicious/noArrayIndexKey: points have no name but their place
          key={index}
          {...{ levels, value, index, drag }}
          cx={x.place(index + 1)}
          cy={value > 0 ? y.place(value) : box.top + box.height}
          valueAt={(py) => y.value(1 - (py - box.top) / box.height)}
        />
      ))}
    </g>
  ));
}

interface PointProps {
  levels: Levels;
  value: number;
  index: number;
  cx: number;
  cy: number;
  valueAt(py: number): number;
  drag: (levels: Levels | null) => void;
}

function Point({ levels, value, index, cx, cy, valueAt, drag }: PointProps) {
  const { path, values } = levels;
  const fixed = index === values.length - 1 && value === 0;
  const moved = (event: PointerEvent<SVGCircleElement>) => {
    const top = event.currentTarget.ownerSVGElement?.getBoundingClientRect().top ?? 0;
    return movedPoint(values, index, valueAt(event.clientY - top));
  };
  const keys = (event: KeyboardEvent) => {
    const up: Record<string, number> = { ArrowUp: 1, ArrowDown: -1 };
    const way = up[event.key];
    if (way === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    const factor = (event.shiftKey ? 1.25 : 1.02) ** way;
    apply(path, movedPoint(values, index, value * factor), `levels:${path}:${index}`);
  };
  return (
    <circle
      className="nfi-point"
      r={fixed ? 3 : 5}
      cx={cx}
      cy={cy}
      role="slider"
      tabIndex={fixed ? -1 : 0}
      aria-label={`${path}, level ${index + 1}`}
      aria-valuenow={value}
      aria-valuetext={told(value)}
      aria-valuemin={values[index + 1] ?? 0}
      aria-valuemax={values[index - 1] ?? 10_000}
      aria-disabled={fixed}
      onPointerDown={(event) => {
        if (event.button !== 0 || fixed) return;
        event.stopPropagation();
        event.currentTarget.setPointerCapture(event.pointerId);
      }}
      onPointerMove={(event) => {
        if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
        event.currentTarget.dataset.moved = "yes";
        drag({ path, values: moved(event), edited: true });
      }}
      onPointerUp={(event) => {
        if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
        event.currentTarget.releasePointerCapture(event.pointerId);
        if (event.currentTarget.dataset.moved) apply(path, moved(event));
        delete event.currentTarget.dataset.moved;
        drag(null);
      }}
      onPointerCancel={() => drag(null)}
      onKeyDown={keys}
    >
      <title>{`${path}, level ${index + 1}: ${exactly(value)}`}</title>
    </circle>
  );
}

function apply(path: string, levels: readonly number[], merge?: string): void {
  const { graph, edit } = useEditor.getState();
  const why = whyNotDrawn(graph, path);
  if (why) {
    useUi.getState().notify("warning", why);
    return;
  }
  edit("Levels by hand", (before) => withLevels(before, path, levels), merge ? { merge } : {});
}
