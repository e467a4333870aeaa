/** What a step did: the latent after it, the estimate of the clean one, the noise; and how two
 * steps differ. */

import { memo, useLayoutEffect, useMemo } from "react";
import { useRuns } from "../store/runs";
import { type Pin, useScrub } from "../store/scrub";
import { FACTORS, familyOf } from "./colours";
import { LatentCanvas, MapCanvas } from "./Draw";
import { difference, type Elements, exactly, type Statistics, statistics, told } from "./numbers";
import { NoTrace } from "./Scrubber";
import { sigmaAt, useElements, useRunTrace, useShownTrace, useStepTensors } from "./store";
import type { Tensor } from "./trace";

export function Steps() {
  const run = useRuns((state) => state.shown);
  const { node, step, steps, pins } = useScrub();
  const trace = useShownTrace();
  useMeasured(step);
  if (!trace?.latents.size) {
    return <NoTrace what="Every step can be looked at if the run keeps its latents." />;
  }
  const [a, b] = pins;
  const here: Pin = { run, node, step, title: `step ${step + 1}` };
  return (
    <div className="nfi-steps">
      <div className="nfi-figures-row">
        <StepFigures pin={here} />
        {a ? <Compared a={a} b={b ?? here} both={Boolean(b)} /> : null}
      </div>
      <Strip run={run} node={node} steps={steps} />
      <Colours />
    </div>
  );
}

/** From a step to its drawing, for `performance.getEntriesByName("nf.scrub")`. */
function useMeasured(step: number): void {
  // biome-ignore lint/correctness/useExhaustiveDependencies: once for each step
  useLayoutEffect(() => {
    const begin = begun.at;
    if (!begin) return;
    begun.at = 0;
    performance.measure("nf.scrub", { start: begin, end: performance.now() });
  }, [step]);
}

const begun = { at: 0 };
useScrub.subscribe((state, before) => {
  if (state.step !== before.step && state.node === before.node) begun.at = performance.now();
});

function StepFigures({ pin }: { pin: Pin }) {
  const found = useStepTensors(pin.run, pin.node, pin.step);
  const estimate = useEstimate(pin);
  const after = useElements(pin.run, found.after);
  const noise = useElements(pin.run, found.eps);
  return (
    <>
      <Figure title="x after the step" run={pin.run} tensor={found.after} values={after} />
      <Figure
        title="x₀ as estimated"
        run={pin.run}
        tensor={estimate.tensor}
        values={estimate.values}
        {...(estimate.made ? { note: "x − σ·ε, worked out here" } : {})}
      />
      <Figure title="ε predicted" run={pin.run} tensor={found.eps} values={noise} />
    </>
  );
}

/** The estimate of the clean latent: as the run tells it, or x − σ·ε. */
export function useEstimate(pin: Pin): {
  tensor: Tensor | undefined;
  values: Elements | undefined;
  made: boolean;
} {
  const trace = useRunTrace(pin.run);
  const view = useRuns((state) => state.runs[pin.run]);
  const found = useStepTensors(pin.run, pin.node, pin.step);
  const own = useElements(pin.run, found.x0);
  const before = useElements(pin.run, found.x0 ? undefined : found.before);
  const noise = useElements(pin.run, found.x0 ? undefined : found.eps);
  const sigma = sigmaAt(view, trace, pin.node, pin.step);
  const made = useMemo(
    () => (before && noise && sigma !== null ? estimated(before, noise, sigma) : undefined),
    [before, noise, sigma],
  );
  if (found.x0) return { tensor: found.x0, values: own, made: false };
  return { tensor: made ? found.before : undefined, values: made, made: true };
}

/** x0 = x − σ · ε */
export function estimated(x: Elements, noise: Elements, sigma: number): Elements | undefined {
  if (x.length !== noise.length) return undefined;
  const made = new Float32Array(x.length);
  for (let k = 0; k < x.length; k += 1) made[k] = (x[k] as number) - sigma * (noise[k] as number);
  return made;
}

interface FigureProps {
  title: string;
  run: string;
  tensor: Tensor | undefined;
  values: Elements | undefined;
  note?: string;
}

function Figure({ title, run, tensor, values, note }: FigureProps) {
  const own = useMemo(() => (values && note ? statistics(values) : undefined), [values, note]);
  const stats = own ?? tensor?.stats;
  if (!tensor) {
    return (
      <figure className="nfi-figure nfi-none">
        <div className="nfi-canvas" aria-hidden="true" />
        <figcaption>
          <strong>{title}</strong> <small>not kept</small>
        </figcaption>
      </figure>
    );
  }
  return (
    <figure className="nfi-figure">
      <LatentCanvas
        run={run}
        values={values}
        shape={tensor.shape}
        label={`${title}: ${spoken(stats)}`}
      />
      <figcaption>
        <strong>{title}</strong> {note ? <small>{note}</small> : null}
        <Stats stats={stats} />
      </figcaption>
    </figure>
  );
}

export function spoken(stats: Statistics | undefined): string {
  if (!stats) return "no figures";
  const { min, max, mean, std, nan } = stats;
  const broken = nan ? `, ${nan} nan` : "";
  return `least ${told(min)}, largest ${told(max)}, mean ${told(mean)}, spread ${told(std)}${broken}`;
}

const NAMES = [
  ["min", "min"],
  ["max", "max"],
  ["mean", "mean"],
  ["std", "std"],
] as const;

export function Stats({ stats }: { stats: Statistics | undefined }) {
  if (!stats) return null;
  return (
    <dl className="nfi-stats">
      {NAMES.map(([name, key]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd title={exactly(stats[key])}>{told(stats[key])}</dd>
        </div>
      ))}
      {stats.nan || stats.inf ? (
        <div className="nfi-bad">
          <dt>nan, inf</dt>
          <dd>
            {stats.nan}, {stats.inf}
          </dd>
        </div>
      ) : null}
    </dl>
  );
}

/** Two steps, of one run or two, and A − B. */
function Compared({ a, b, both }: { a: Pin; b: Pin; both: boolean }) {
  const first = useStepTensors(a.run, a.node, a.step).after;
  const second = useStepTensors(b.run, b.node, b.step).after;
  const one = useElements(a.run, first);
  const other = useElements(b.run, second);
  const found = useMemo(() => (one && other ? difference(one, other) : undefined), [one, other]);
  const shape = first?.shape;
  const [height, width] = [shape?.at(-2) ?? 1, shape?.at(-1) ?? 1];
  const plane = useMemo(() => {
    if (!found || !shape || shape.length !== 4) return undefined;
    const channels = shape[1] ?? 1;
    const made = new Float64Array(height * width);
    for (let p = 0; p < made.length; p += 1) {
      for (let c = 0; c < channels; c += 1)
        made[p] = (made[p] as number) + (found.values[c * made.length + p] as number);
      made[p] = (made[p] as number) / channels;
    }
    return made;
  }, [found, shape, height, width]);
  return (
    <>
      <Figure title={`A: ${a.title}`} run={a.run} tensor={first} values={one} />
      {both ? <Figure title={`B: ${b.title}`} run={b.run} tensor={second} values={other} /> : null}
      <figure className="nfi-figure">
        {plane ? (
          <MapCanvas
            values={plane}
            {...{ width, height }}
            map="diverging"
            label={`A − B: ${found?.identical ? "identical" : `largest ${told(found?.largest)}`}`}
          />
        ) : (
          <div className="nfi-canvas" aria-hidden="true" />
        )}
        <figcaption>
          <strong>A − {both ? "B" : b.title}</strong> <small>mean over channels</small>
          {found ? (
            <dl className="nfi-stats">
              <Pair name="largest" value={found.largest} />
              <Pair name="mean" value={found.mean} />
              <Pair name="rms" value={found.rms} />
              <Pair name="cos" value={found.cosine} />
              {found.identical ? <div>identical to the bit</div> : null}
            </dl>
          ) : (
            <p className="nf-quiet">{one && other ? "They differ in size." : "not kept"}</p>
          )}
        </figcaption>
      </figure>
    </>
  );
}

function Pair({ name, value }: { name: string; value: number | null }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd title={exactly(value)}>{told(value)}</dd>
    </div>
  );
}

// ── all steps beside each other ─────────────────────────────────────────────────────────────────

const MOST_FRAMES = 40;

function Strip({ run, node, steps }: { run: string; node: string; steps: number }) {
  const every = Math.max(1, Math.ceil(steps / MOST_FRAMES));
  const shown = Array.from({ length: steps }, (_, k) => k).filter(
    (k) => k % every === 0 || k === steps - 1,
  );
  return (
    <div className="nfi-strip">
      {shown.map((step) => (
        <Frame key={step} run={run} node={node} step={step} />
      ))}
    </div>
  );
}

const Frame = memo(function Frame({
  run,
  node,
  step,
}: {
  run: string;
  node: string;
  step: number;
}) {
  const here = useScrub((state) => state.step === step);
  const { after } = useStepTensors(run, node, step);
  const values = useElements(run, after);
  return (
    <button
      type="button"
      className="nfi-frame"
      tabIndex={-1}
      aria-label={`step ${step + 1}`}
      aria-current={here}
      onClick={() => useScrub.getState().goTo(step)}
    >
      {after ? (
        <LatentCanvas run={run} values={values} shape={after.shape} label="" />
      ) : (
        <span className="nfi-canvas" />
      )}
      <small>{step + 1}</small>
    </button>
  );
});

const FAMILY_NAMES: Readonly<Record<string, string>> = {
  tiny: "tiny model",
  sd1: "Stable Diffusion 1, 2",
  sdxl: "SDXL",
  sd3: "Stable Diffusion 3",
  flux: "Flux",
};

/** Which factors the colours are made with. */
function Colours() {
  const trace = useShownTrace();
  const family = useScrub((state) => state.family);
  const latent = trace?.tensors.find((tensor) => tensor.role === "x_t");
  const guessed = familyOf(latent?.shape[1] ?? 0, trace?.textWidth ?? 0, trace?.pooledWidth ?? 0);
  return (
    <label className="nfi-colours">
      colours of
      <select
        className="nfi-select"
        value={family}
        onChange={(event) => useScrub.getState().setFamily(event.target.value)}
      >
        <option value="">
          {guessed ? `${FAMILY_NAMES[guessed]} (as traced)` : "mean in grey"}
        </option>
        {Object.keys(FACTORS).map((name) => (
          <option key={name} value={name}>
            {FAMILY_NAMES[name] ?? name}
          </option>
        ))}
      </select>
    </label>
  );
}
