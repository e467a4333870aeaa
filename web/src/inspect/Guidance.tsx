/** What guidance does over the steps: how long the two predictions are, how they lie to each other,
 * and where in the picture they differ. */

import { useMemo } from "react";
import type { GraphFile } from "../model/graph";
import { nodeByPath } from "../model/links";
import { useCatalogue } from "../store/catalogue";
import { useRuns } from "../store/runs";
import { useScrub } from "../store/scrub";
import { apart } from "./colours";
import { LatentCanvas, MapCanvas } from "./Draw";
import { exactly, planes, statistics, told } from "./numbers";
import { Plot, type Series } from "./Plot";
import { NoTrace } from "./Scrubber";
import { useEstimate } from "./Steps";
import { guidancePlane, type Vectors } from "./scales";
import { useElements, useGraphOf, useShownTrace, useStepTensors } from "./store";
import { type GuidanceRow, guideOf, passOf, type RunTrace } from "./trace";

export function Guidance() {
  const trace = useShownTrace();
  const run = useRuns((state) => state.shown);
  const steps = useRuns((state) => state.runs[state.shown]?.steps);
  const { node, step, goTo } = useScrub();
  const graph = useGraphOf(run);
  const rows = useMemo(() => rowsOf(trace, steps?.[node] ?? [], node), [trace, steps, node]);
  if (!rows.length) {
    return (
      <NoTrace what="What guidance does is told by a traced run in which two predictions are weighed." />
    );
  }
  const here = rows.findLast((row) => row.at <= step) ?? rows[0];
  const line = (
    name: string,
    key: "cond" | "uncond" | "delta" | "cos",
    colour: number,
  ): Series => ({
    name,
    colour,
    points: rows.map((row) => [row.at + 1, row[key]] as const),
  });
  return (
    <div className="nfi-plots">
      <Plot
        title="Norms"
        xLabel="step"
        yLabel="L2 norm, log axis"
        log
        series={[
          line("cond", "cond", 0),
          line("uncond", "uncond", 1),
          line("cond − uncond", "delta", 2),
        ]}
        mark={step + 1}
        onMark={(at) => goTo(at - 1)}
      />
      <Plot
        title="Cosine of cond and uncond"
        xLabel="step"
        yLabel="cos"
        series={[line("cosine", "cos", 3)]}
        mark={step + 1}
        onMark={(at) => goTo(at - 1)}
      />
      {here ? <Plane row={here} scale={scaleOf(graph, trace, node)} /> : null}
      <Where />
    </div>
  );
}

type Row = Pick<GuidanceRow, "cond" | "uncond" | "delta" | "cos"> & { at: number };

function rowsOf(
  trace: RunTrace | undefined,
  steps: readonly {
    step: number;
    cfg: Pick<GuidanceRow, "cond" | "uncond" | "delta" | "cos"> | null;
  }[],
  node: string,
): Row[] {
  const found = (trace?.guidance ?? []).flatMap((row) => {
    const at = passOf(row.path, node);
    return at === undefined ? [] : [{ ...row, at }];
  });
  if (found.length) return found;
  return steps.flatMap(({ step, cfg }) => (cfg ? [{ ...cfg, at: step }] : []));
}

/** The guidance scale of a loop or sampler, where it is a literal; else null. */
export function scaleOf(
  graph: GraphFile,
  trace: RunTrace | undefined,
  loop: string,
): number | null {
  const path = (trace && guideOf(trace, loop)) || loop;
  const node = nodeByPath(graph, path);
  if (!node) return null;
  for (const port of ["scale", "guidance_scale"]) {
    if (node.links?.[port]) return null;
    const value = node.params?.[port];
    if (typeof value === "number") return value;
    const spec = useCatalogue.getState().catalogue.nodes.get(node.type);
    const preset = spec?.inputs.find((input) => input.name === port)?.default;
    if (typeof preset === "number") return preset;
  }
  return null;
}

// ── the plane ───────────────────────────────────────────────────────────────────────────────────

const SIDE = 152;

/** The two predictions as arrows in the plane they span; beside it their tips, enlarged. */
function Plane({ row, scale }: { row: Row; scale: number | null }) {
  const vectors = guidancePlane(row, scale ?? 1);
  const angle = (Math.acos(Math.min(1, Math.max(-1, row.cos))) * 180) / Math.PI;
  const told_ = `|cond| ${told(row.cond)}, |uncond| ${told(row.uncond)}, |difference| ${told(row.delta)}, angle ${told(angle)}°`;
  return (
    <figure className="nfi-plot">
      <figcaption>
        <strong>The plane they span</strong>
        <ul className="nfi-legend">
          <li className="nfi-s0">
            <i aria-hidden="true" /> cond
          </li>
          <li className="nfi-s1">
            <i aria-hidden="true" /> uncond
          </li>
          {scale === null ? null : (
            <li className="nfi-s3">
              <i aria-hidden="true" /> guided, scale {told(scale)}
            </li>
          )}
          <li title={exactly(angle)}>angle {told(angle)}°</li>
        </ul>
      </figcaption>
      <div className="nfi-maps">
        <Arrows vectors={vectors} guided={scale !== null} label={told_} />
        <Tips vectors={vectors} guided={scale !== null} />
      </div>
    </figure>
  );
}

interface ArrowsProps {
  vectors: Vectors;
  guided: boolean;
  label?: string;
}

function shownOf({ vectors, guided }: ArrowsProps): [number, [number, number]][] {
  const made: [number, [number, number]][] = [
    [1, vectors.uncond],
    [0, vectors.cond],
  ];
  if (guided) made.push([3, vectors.guided]);
  return made;
}

function Arrows(props: ArrowsProps) {
  const shown = shownOf(props);
  const most = Math.max(...shown.map(([, [x, y]]) => Math.hypot(x, y)), 1e-12);
  const place = ([x, y]: readonly [number, number]) =>
    [14 + (x / most) * (SIDE - 34), SIDE - 40 - (y / most) * (SIDE - 34)] as const;
  const [ox, oy] = place([0, 0]);
  return (
    <svg width={SIDE} height={SIDE - 20} role="img" aria-label={props.label} className="nfi-svg">
      {shown.map(([colour, to]) => {
        const [x, y] = place(to);
        const turn = Math.atan2(y - oy, x - ox);
        const wing = (by: number) =>
          `${x - 9 * Math.cos(turn + by)},${y - 9 * Math.sin(turn + by)}`;
        return (
          <g key={colour} className={`nfi-s${colour}`}>
            <path className="nfi-arrow" d={`M${ox} ${oy}L${x} ${y}`} />
            <path className="nfi-arrow-head" d={`M${x},${y}L${wing(0.4)}L${wing(-0.4)}Z`} />
          </g>
        );
      })}
      <text className="nfi-axis" x={14} y={SIDE - 24}>
        from zero, along uncond
      </text>
    </svg>
  );
}

/** Around the tips: how far guidance goes, where the angle is too small to see. */
function Tips(props: ArrowsProps) {
  const shown = shownOf(props);
  const xs = shown.map(([, [x]]) => x);
  const ys = shown.map(([, [, y]]) => y);
  const [left, bottom] = [Math.min(...xs), Math.min(...ys)];
  const span = Math.max(Math.max(...xs) - left, Math.max(...ys) - bottom, 1e-12);
  const place = ([x, y]: readonly [number, number]) =>
    [
      20 + ((x - left) / span) * (SIDE - 60),
      SIDE - 40 - ((y - bottom) / span) * (SIDE - 60),
    ] as const;
  const [ux, uy] = place(props.vectors.uncond);
  const [cx, cy] = place(props.vectors.cond);
  const [gx, gy] = place(props.vectors.guided);
  return (
    <svg
      width={SIDE}
      height={SIDE - 20}
      role="img"
      aria-label={`Around the tips, ${told(span)} across`}
      className="nfi-svg"
    >
      {props.guided ? (
        <path className="nfi-arrow nfi-s3" d={`M${ux} ${uy}L${gx} ${gy}`} strokeDasharray="4 3" />
      ) : null}
      <path className="nfi-arrow nfi-s2" d={`M${ux} ${uy}L${cx} ${cy}`} />
      {shown.map(([colour, to]) => {
        const [x, y] = place(to);
        return <circle key={colour} className={`nfi-dot nfi-s${colour}`} cx={x} cy={y} r={6} />;
      })}
      <text className="nfi-axis" x={8} y={SIDE - 24}>
        the tips, {told(span)} across
      </text>
    </svg>
  );
}

// ── where ───────────────────────────────────────────────────────────────────────────────────────

/** Where in the picture the two predictions differ, over the estimate of the picture. */
function Where() {
  const run = useRuns((state) => state.shown);
  const { node, step } = useScrub();
  const found = useStepTensors(run, node, step);
  const pin = useMemo(() => ({ run, node, step, title: "" }), [run, node, step]);
  const estimate = useEstimate(pin);
  const cond = useElements(run, found.cond);
  const uncond = useElements(run, found.uncond);
  const shape = found.cond?.shape;
  const heat = useMemo(() => {
    if (!cond || !uncond || !shape || cond.length !== uncond.length) return undefined;
    return apart(cond, uncond, planes(shape));
  }, [cond, uncond, shape]);
  const stats = heat && statistics(heat);
  const [height, width] = [shape?.at(-2) ?? 1, shape?.at(-1) ?? 1];
  if (!found.cond || !found.uncond) {
    return (
      <p className="nf-quiet">
        Where guidance acts is drawn from both predictions, which a run with trace keeps.
      </p>
    );
  }
  return (
    <figure className="nfi-plot">
      <figcaption>
        <strong>Where guidance acts</strong>
        <span className="nf-quiet" title={exactly(stats?.max)}>
          |cond − uncond| per place, up to {told(stats?.max)}
        </span>
      </figcaption>
      <div className="nfi-maps">
        <figure>
          <MapCanvas
            values={heat}
            {...{ width, height }}
            map="viridis"
            label={`Norm of cond − uncond per place, mean ${told(stats?.mean)}, largest ${told(stats?.max)}`}
          />
          heat
        </figure>
        {estimate.tensor ? (
          <>
            <figure>
              <div className="nfi-heat">
                <LatentCanvas
                  run={run}
                  values={estimate.values}
                  shape={estimate.tensor.shape}
                  label="The estimate of the picture"
                />
                <MapCanvas values={heat} {...{ width, height }} map="viridis" label="" />
              </div>
              over x₀
            </figure>
            <figure>
              <LatentCanvas
                run={run}
                values={estimate.values}
                shape={estimate.tensor.shape}
                label="The estimate of the picture"
              />
              x₀
            </figure>
          </>
        ) : null}
      </div>
    </figure>
  );
}
