/** A run that waits at a breakpoint: what one can do with it; and the steps to stop before. */

import {
  CirclePause,
  FastForward,
  LocateFixed,
  RotateCcw,
  Square,
  StepForward,
} from "lucide-react";
import { useEffect, useState } from "react";
import * as act from "../canvas/actions";
import {
  askStep,
  clearBreakpoints,
  isEdited,
  keepBreakpoints,
  pausedRun,
  placeText,
  restartHere,
  stepsOf,
  toggleStep,
  useStepAsk,
} from "../canvas/breakpoints";
import { fetchTrace } from "../inspect/store";
import { cancelRun, continueRun } from "../store/actions";
import { registerCommands } from "../store/commands";
import { useEditor } from "../store/editor";
import { useRuns } from "../store/runs";
import "../styles/paused.css";
import { keysOf, titled } from "./commands";
import { Dialog } from "./Dialog";

const waits = () => pausedRun() !== undefined;

function go(step: boolean): Promise<void> | undefined {
  const run = pausedRun();
  return run && continueRun(run.run, { step });
}

export function registerBreakpointCommands(): () => void {
  const group = { group: "Run", words: "breakpoint paused debug" };
  return registerCommands([
    {
      ...group,
      id: "run.continue",
      title: "Continue the run that waits",
      keys: ["F8"],
      inText: true,
      when: waits,
      run: () => go(false),
    },
    {
      ...group,
      id: "run.step",
      title: "Step: run one node of the run that waits",
      keys: ["F10"],
      inText: true,
      when: waits,
      run: () => go(true),
    },
    {
      ...group,
      id: "run.restart",
      title: "Restart the run that waits, with my edits",
      keys: ["Shift+F8"],
      inText: true,
      when: waits,
      run: () => restartHere(),
    },
    {
      ...group,
      id: "run.noBreakpoints",
      title: "Take back all breakpoints",
      when: () => useRuns.getState().breakpoints.length > 0,
      run: clearBreakpoints,
    },
  ]);
}

/** Mounted once: the banner, its commands, and the question for a step. */
export function PausedBanner() {
  useEffect(registerBreakpointCommands, []);
  useEffect(keepBreakpoints, []);
  const run = useRuns(pausedRun);
  useEditor((state) => state.graph); // whether it is edited is told anew
  const place = run?.pausedPath ?? "";
  const id = run?.run ?? "";
  const traced = run !== undefined && run.trace !== "off";
  // What was made so far can be looked at: after each stop there is more of it.
  useEffect(() => {
    if (id && place && traced) void fetchTrace(id);
  }, [id, place, traced]);
  return (
    <>
      {run ? <Paused id={id} number={run.number} place={place} node={run.pausedAt} /> : null}
      <StepQuestion />
    </>
  );
}

function Paused(props: { id: string; number: number; place: string; node: string }) {
  const { id, number, place, node } = props;
  const run = useRuns((state) => state.runs[id]);
  const edited = run !== undefined && isEdited(run);
  return (
    <section className="nf-paused" aria-label="run at a breakpoint">
      <p role="status">
        <CirclePause size={16} aria-hidden />
        <span>
          Run {number || ""} waits before <strong>{placeText(place) || "…"}</strong>
        </span>
      </p>
      <div className="nf-paused-buttons">
        <button
          type="button"
          className="nf-button nf-small"
          title={titled("Run on, to the next breakpoint", "run.continue")}
          onClick={() => void continueRun(id)}
        >
          <FastForward size={14} aria-hidden /> Continue
        </button>
        <button
          type="button"
          className="nf-button nf-small"
          title={titled("Run this node and stop before the next", "run.step")}
          onClick={() => void continueRun(id, { step: true })}
        >
          <StepForward size={14} aria-hidden /> Step
        </button>
        <button
          type="button"
          className={`nf-button nf-small${edited ? " nf-primary" : ""}`}
          title={titled(
            "Cancel it and run the graph as it is now to the same place: what the edits do not reach is cached",
            "run.restart",
          )}
          onClick={() => void restartHere()}
        >
          <RotateCcw size={14} aria-hidden /> {edited ? "Restart with my edits" : "Restart"}
        </button>
        <button
          type="button"
          className="nf-button nf-small"
          title={titled("Cancel the run", "run.cancel")}
          onClick={() => void cancelRun(id)}
        >
          <Square size={13} aria-hidden /> Cancel run
        </button>
        <button
          type="button"
          className="nf-button nf-small"
          title="Show the node on the canvas"
          onClick={() => act.zoomTo(node)}
        >
          <LocateFixed size={14} aria-hidden /> Show
        </button>
      </div>
    </section>
  );
}

function StepQuestion() {
  const { loop } = useStepAsk();
  return loop ? <StepDialog key={loop} loop={loop} /> : null;
}

function StepDialog({ loop }: { loop: string }) {
  const breakpoints = useRuns((state) => state.breakpoints);
  const steps = useRuns((state) => state.runs[state.shown]?.nodes[loop]?.steps);
  const [step, setStep] = useState("");
  const set = stepsOf(breakpoints, loop);
  const number = Number(step);
  const fits = Number.isInteger(number) && number >= 1 && (!steps || number <= steps);
  const close = () => askStep("");
  return (
    <Dialog title={`Stop in ${loop}`} onClose={close} size="small">
      <div className="nf-stop-body">
        <form
          className="nf-stop"
          onSubmit={(event) => {
            event.preventDefault();
            if (!fits) return;
            if (!set.includes(number - 1)) toggleStep(loop, number - 1);
            close();
          }}
        >
          <label>
            before step
            <input
              className="w-text"
              type="number"
              min={1}
              max={steps}
              value={step}
              data-autofocus
              onChange={(event) => setStep(event.target.value)}
            />
            {steps ? <span className="nf-quiet">of {steps}</span> : null}
          </label>
          <button type="submit" className="nf-button nf-primary" disabled={!fits}>
            Stop there
          </button>
        </form>
        {set.length ? (
          <ul className="nf-stops" aria-label="steps it stops before">
            {set.map((one) => (
              <li key={one}>
                step {one + 1}
                <button
                  type="button"
                  className="nf-button nf-small"
                  aria-label={`stop before step ${one + 1} no more`}
                  onClick={() => toggleStep(loop, one)}
                >
                  Take back
                </button>
              </li>
            ))}
          </ul>
        ) : null}
        <p className="nf-quiet">
          With {keysOf("canvas.breakpoint") || "F9"} the run stops before the loop itself.
        </p>
      </div>
    </Dialog>
  );
}
