/** The one slider: which step of which loop everything shows. */

import { ChevronFirst, ChevronLast, Pause, Pin as PinIcon, Play, X } from "lucide-react";
import { useEffect } from "react";
import { runGraph } from "../store/actions";
import { useRuns } from "../store/runs";
import { type Pin, useScrub } from "../store/scrub";
import { exactly, told } from "./numbers";
import { sigmaAt, steppingOf, useShownTrace } from "./store";

/** Milliseconds of one step while it plays. */
const PACE = 160;

export function Scrubber() {
  const trace = useShownTrace();
  const run = useRuns((state) => state.runs[state.shown]);
  const { node, step, steps, playing } = useScrub();
  const choices = steppingOf(run, trace);
  usePlaying();
  if (!node || !steps) return null;
  const sigma = sigmaAt(run, trace, node, step);
  const { goTo, play, choose } = useScrub.getState();
  return (
    <fieldset className="nfi-scrub" aria-label="Step">
      {choices.length > 1 ? (
        <select
          className="nfi-select"
          aria-label="steps of"
          value={node}
          onChange={(event) => {
            const found = choices.find((one) => one.node === event.target.value);
            if (found) choose(found.node, found.steps);
          }}
        >
          {choices.map((one) => (
            <option key={one.node}>{one.node}</option>
          ))}
        </select>
      ) : (
        <span className="nfi-scrub-node">{node}</span>
      )}
      <button type="button" className="nf-icon" aria-label="first step" onClick={() => goTo(0)}>
        <ChevronFirst size={16} aria-hidden />
      </button>
      <button
        type="button"
        className="nf-icon"
        aria-label={playing ? "pause" : "play the steps"}
        title={playing ? "Pause (K)" : "Play (K)"}
        onClick={togglePlay}
      >
        {playing ? <Pause size={16} aria-hidden /> : <Play size={16} aria-hidden />}
      </button>
      <button
        type="button"
        className="nf-icon"
        aria-label="last step"
        onClick={() => goTo(steps - 1)}
      >
        <ChevronLast size={16} aria-hidden />
      </button>
      <input
        type="range"
        className="nfi-slider"
        aria-label={`step of ${node}`}
        aria-valuetext={`step ${step + 1} of ${steps}${sigma === null ? "" : `, sigma ${told(sigma)}`}`}
        min={0}
        max={steps - 1}
        step={1}
        value={step}
        onChange={(event) => {
          play(false);
          goTo(Number(event.target.value));
        }}
      />
      <output className="nfi-step">
        <b>{step + 1}</b>/{steps}
      </output>
      <span className="nfi-sigma" title={`sigma ${exactly(sigma)}`}>
        σ {told(sigma)}
      </span>
      <button
        type="button"
        className="nf-button nfi-pin"
        title="Hold this step to compare"
        onClick={pinHere}
      >
        <PinIcon size={14} aria-hidden /> Pin
      </button>
      <Pins />
    </fieldset>
  );
}

function Pins() {
  const pins = useScrub((state) => state.pins);
  const unpin = useScrub((state) => state.unpin);
  return pins.map((pin, k) => (
    <span key={`${pin.run}${pin.node}${pin.step}`} className="nfi-chip">
      <b>{k ? "B" : "A"}</b> {pin.title}
      <button type="button" aria-label={`let go of ${pin.title}`} onClick={() => unpin(k)}>
        <X size={12} aria-hidden />
      </button>
    </span>
  ));
}

/** Hold the step that is shown. */
export function pinHere(): void {
  const { shown, runs } = useRuns.getState();
  const { node, step, steps, pin } = useScrub.getState();
  if (!shown || !steps) return;
  const made: Pin = {
    run: shown,
    node,
    step,
    title: `run ${runs[shown]?.number ?? ""}, step ${step + 1}`,
  };
  pin(made);
}

export function togglePlay(): void {
  const { playing, step, steps, play, goTo } = useScrub.getState();
  if (!playing && step >= steps - 1) goTo(0);
  play(!playing);
}

function usePlaying(): void {
  const playing = useScrub((state) => state.playing);
  useEffect(() => {
    if (!playing) return;
    const timer = setInterval(() => {
      const { step, steps, goTo, play } = useScrub.getState();
      if (step >= steps - 1) play(false);
      else goTo(step + 1);
    }, PACE);
    return () => clearInterval(timer);
  }, [playing]);
}

/** Told where there is nothing to show, with the way to get it. */
export function NoTrace({ what, level = "latents" }: { what: string; level?: "latents" | "full" }) {
  const shown = useRuns((state) => state.shown);
  const state = useRuns((all) => all.runs[all.shown]?.state);
  const trace = useShownTrace();
  const under = state === "queued" || state === "running";
  const asked = useRuns((all) => all.runs[all.shown]?.trace ?? "off");
  if (under && asked !== "off") {
    return (
      <div className="nfi-empty" role="status">
        <p>The run is {state}: what it keeps will stand here.</p>
      </div>
    );
  }
  return (
    <div className="nfi-empty">
      <p>
        {shown && trace && trace.evicted > 0
          ? `${trace.evicted} tensors of this run were let go for want of room. `
          : ""}
        {what}
      </p>
      <button
        type="button"
        className="nf-button nf-primary"
        onClick={() => void runGraph({ trace: level })}
      >
        <Play size={14} aria-hidden fill="currentColor" /> Run with trace
      </button>
    </div>
  );
}
