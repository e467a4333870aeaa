/** Where the latents of runs go, on the two axes along which they spread most, and how far they are
 * from a reference of many steps. */

import { Play } from "lucide-react";
import { useEffect, useMemo, useState } from "react";
import * as api from "../api/client";
import type * as wire from "../protocol";
import { showRun } from "../store/actions";
import { FINISHED, type RunView, useRuns } from "../store/runs";
import { useScrub } from "../store/scrub";
import { useUi } from "../store/ui";
import { told } from "./numbers";
import { Plot, type Series, useWidth } from "./Plot";
import { quietRun } from "./quiet";
import { NoTrace } from "./Scrubber";
import { extent, linear } from "./scales";
import { graphOf, useShownTrace, useStepTensors } from "./store";

/** Steps of a reference. */
const MANY = 200;
const MOST = 8;

export function Trajectory() {
  const shown = useRuns((state) => state.shown);
  const trace = useShownTrace();
  const all = useRuns((state) => state.runs);
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const [references, setReferences] = useState<Readonly<Record<string, string>>>({});
  const loop = useScrub((state) => state.node);
  const node = useStepTensors(shown, loop, 0).after?.node ?? "";
  useNewest();
  const runs = useMemo(() => traced(all, shown), [all, shown]);
  const reference = references[shown] ?? "";
  const ready = all[reference]?.state === "done" ? reference : "";
  const asked = useMemo(() => [...new Set([shown, ...chosen])].slice(0, MOST), [shown, chosen]);
  const { answer, fault } = useTrajectory(trace?.latents.size ? asked : [], shown, node, ready);
  if (!trace?.latents.size) {
    return <NoTrace what="Where the latents go is drawn from those that a run keeps." />;
  }
  const make = async () => {
    const made = await makeReference(shown);
    if (made) setReferences((before) => ({ ...before, [shown]: made }));
  };
  return (
    <>
      <fieldset className="nfi-runs nfi-scrub" aria-label="runs drawn over each other">
        {runs.map((run) => {
          const at = asked.indexOf(run.run);
          return (
            <label key={run.run} className={at < 0 ? "" : `nfi-s${at % 6}`}>
              <input
                type="checkbox"
                checked={at >= 0}
                disabled={run.run === shown}
                onChange={(event) =>
                  setChosen((before) =>
                    event.target.checked
                      ? [...before, run.run]
                      : before.filter((one) => one !== run.run),
                  )
                }
              />
              {at < 0 ? null : <i aria-hidden="true" />}
              {nameOf(run)}
            </label>
          );
        })}
        <button
          type="button"
          className="nf-button"
          disabled={Boolean(reference && !FINISHED.has(all[reference]?.state ?? "queued"))}
          onClick={() => void make()}
          title={`Runs the same graph with ${MANY} steps, after all that waits`}
        >
          <Play size={13} aria-hidden /> Make a reference
        </button>
        {reference ? <span>reference: {all[reference]?.state ?? "queued"}</span> : null}
      </fieldset>
      {fault ? <p className="nf-fault">{fault}</p> : null}
      {answer ? (
        <div className="nfi-plots">
          <Plane answer={answer} names={all} />
          {ready ? (
            <ErrorPlot answer={answer} names={all} />
          ) : (
            <p className="nf-quiet">
              With a reference of {MANY} steps the distance of each latent from its end is drawn
              too.
            </p>
          )}
        </div>
      ) : null}
    </>
  );
}

/** Runs of before this page was opened are there to compare, too. */
function useNewest(): void {
  useEffect(() => {
    api.runs({ limit: 40, state: "done" }).then(
      (page) => useRuns.getState().know(page.runs),
      () => undefined,
    );
  }, []);
}

function cut(text: string): string {
  return text.length > 26 ? `${text.slice(0, 25)}…` : text;
}

function nameOf(run: RunView | undefined): string {
  return run ? `run ${run.number}${run.title ? `: ${cut(run.title)}` : ""}` : "run";
}

/** The run shown, and others that kept latents, newest first. */
function traced(runs: Readonly<Record<string, RunView>>, shown: string): RunView[] {
  const own = runs[shown];
  const others = Object.values(runs)
    .filter((run) => run.trace === "latents" || run.trace === "full")
    .filter((run) => run.state === "done" && run.run !== shown)
    .sort((a, b) => b.number - a.number);
  return [...(own ? [own] : []), ...others].slice(0, MOST);
}

async function makeReference(run: string): Promise<string> {
  const graph = graphOf(run);
  if (!graph.inputs?.steps) {
    useUi
      .getState()
      .notify(
        "warning",
        "A reference needs an input “steps” of the graph: make the port with the steps one (in the menu of its socket)",
      );
    return "";
  }
  return quietRun({ graph, title: `${MANY} steps`, trace: "latents", inputs: { steps: MANY } });
}

function useTrajectory(runs: readonly string[], shown: string, node: string, reference: string) {
  const [found, setFound] = useState<{ answer?: wire.TrajectoryAnswer; fault: string }>({
    fault: "",
  });
  useEffect(() => {
    if (!runs.length) return;
    let gone = false;
    const request = {
      runs: runs.map((run) => ({ run, node: run === shown ? node : "" })),
      reference: reference ? { run: reference, node: "" } : null,
    } as wire.TrajectoryRequest;
    api.trajectory(request).then(
      (answer) => gone || setFound({ answer, fault: "" }),
      (error: unknown) => {
        if (!gone && error instanceof api.ApiError) setFound({ fault: error.message });
      },
    );
    return () => {
      gone = true;
    };
  }, [runs, shown, node, reference]);
  return found;
}

interface PartProps {
  answer: wire.TrajectoryAnswer;
  names: Readonly<Record<string, RunView>>;
}

const HEIGHT = 240;

function Plane({ answer, names }: PartProps) {
  const [ref, width] = useWidth();
  const { step, goTo } = useScrub();
  const shown = useRuns((state) => state.shown);
  const points = answer.trajectories.flatMap((one) => one.points);
  const [xs, ys] = [extent(points.map(({ x }) => x)), extent(points.map(({ y }) => y))];
  const x = linear(...(xs ?? [0, 1]));
  const y = linear(...(ys ?? [0, 1]));
  const px = (value: number) => 20 + x.place(value) * (width - 40);
  const py = (value: number) => HEIGHT - 40 - y.place(value) * (HEIGHT - 60);
  const [first, second] = answer.explained;
  const share = (value: number | undefined) => `${((value ?? 0) * 100).toFixed(1)} %`;
  const words = answer.trajectories.map(({ run, points: all }) => {
    const [a, b] = [all[0], all.at(-1)];
    return `${nameOf(names[run])} from (${told(a?.x)}, ${told(a?.y)}) to (${told(b?.x)}, ${told(b?.y)}) in ${all.length} steps`;
  });
  return (
    <figure className="nfi-plot">
      <figcaption>
        <strong>Path of the latents</strong>
        <ul className="nfi-legend">
          {answer.trajectories.map(({ run }, k) => (
            <li key={run} className={`nfi-s${k % 6}`}>
              <i aria-hidden="true" /> {nameOf(names[run])}
            </li>
          ))}
          <li>
            axes explain {share(first)} and {share(second)} of the variance
          </li>
          {answer.every > 1 ? <li>each {answer.every}th step</li> : null}
        </ul>
      </figcaption>
      <div ref={ref} className="nfi-plot-area">
        <svg
          width={width}
          height={HEIGHT}
          role="img"
          aria-label={words.join("; ")}
          className="nfi-svg"
        >
          {answer.trajectories.map(({ run, points: all }, k) => (
            <g key={run} className={`nfi-s${k % 6}`}>
              <path
                className="nfi-line"
                d={all
                  .map(
                    (one, at) => `${at ? "L" : "M"}${px(one.x).toFixed(1)} ${py(one.y).toFixed(1)}`,
                  )
                  .join("")}
              />
              {all.map((one) => (
                // biome-ignore lint/a11y/noStaticElementInteractions: the slider does the same by keys
                <circle
                  key={one.tid}
                  className="nfi-dot"
                  cx={px(one.x)}
                  cy={py(one.y)}
                  r={one.step === step && run === shown ? 6.5 : 3}
                  onClick={() => (run === shown ? goTo(one.step) : showRun(run))}
                >
                  <title>{`step ${one.step + 1}: ${told(one.x)}, ${told(one.y)}`}</title>
                </circle>
              ))}
            </g>
          ))}
          <text className="nfi-axis" x={width - 12} y={HEIGHT - 6} textAnchor="end">
            first component, {share(first)}
          </text>
          <text className="nfi-axis" x={4} y={12}>
            second, {share(second)}
          </text>
        </svg>
      </div>
      <Table answer={answer} names={names} />
    </figure>
  );
}

function Table({ answer, names }: PartProps) {
  return (
    <details className="nfi-figures">
      <summary>Figures</summary>
      <table>
        <thead>
          <tr>
            {["run", "step", "first", "second", "error"].map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {answer.trajectories.flatMap(({ run, points }) =>
            points.map((one) => (
              <tr key={`${run}${one.tid}`}>
                <th scope="row">{names[run]?.number ?? ""}</th>
                <td>{one.step + 1}</td>
                <td title={String(one.x)}>{told(one.x)}</td>
                <td title={String(one.y)}>{told(one.y)}</td>
                <td title={String(one.error)}>{told(one.error)}</td>
              </tr>
            )),
          )}
        </tbody>
      </table>
    </details>
  );
}

function ErrorPlot({ answer, names }: PartProps) {
  const { step, goTo } = useScrub();
  const series: Series[] = answer.trajectories.map(({ run, points }, k) => ({
    name: nameOf(names[run]),
    colour: k,
    points: points.flatMap((one) =>
      one.error === null ? [] : [[one.step + 1, one.error] as const],
    ),
  }));
  return (
    <Plot
      title={`Distance from the end of ${MANY} steps`}
      xLabel="step"
      yLabel="rms, log axis"
      log
      series={series}
      mark={step + 1}
      onMark={(at) => goTo(at - 1)}
      height={230}
    />
  );
}
