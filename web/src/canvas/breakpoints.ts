/** Breakpoints: nodes and passes of loops to stop before. They are of this tab's session, never of
 * the graph file. */

import { create } from "zustand";
import type { GraphFile } from "../model/graph";
import { writeJson } from "../model/json";
import { nodeByPath } from "../model/links";
import { cancelRun, runGraph } from "../store/actions";
import { useEditor } from "../store/editor";
import { FINISHED, type RunView, useRuns } from "../store/runs";

/** The server takes no more. */
export const MOST = 100;
const KEY = "nodeflow.breakpoints";

/** The loop for which a step is asked; "" for none. */
export const useStepAsk = create<{ loop: string }>()(() => ({ loop: "" }));

/** Ask before which step of a loop to stop. */
export function askStep(loop: string): void {
  useStepAsk.setState({ loop });
}

/** A place without the numbers of passes: `denoise[3]/guide` → `denoise/guide`. */
export function nodeOf(place: string): string {
  return place.replace(/\[\d+\]/g, "");
}

/** The innermost step of a place, counted from 0; undefined in no pass. */
export function stepOf(place: string): number | undefined {
  const last = place.match(/\[(\d+)\]/g)?.at(-1);
  return last === undefined ? undefined : Number(last.slice(1, -1));
}

/** A place as people read it: `denoise, step 4`, `guide in denoise, step 4`. */
export function placeText(place: string): string {
  const parts = place.split("/").map((part) => {
    const step = stepOf(part);
    return step === undefined ? nodeOf(part) : `${nodeOf(part)}, step ${step + 1}`;
  });
  return parts.reverse().join(" in ");
}

/** Steps of a loop to stop before, counted from 0. */
export function stepsOf(breakpoints: readonly string[], loop: string): number[] {
  return breakpoints
    .filter((place) => place.endsWith("]") && nodeOf(place) === loop)
    .map((place) => stepOf(place) ?? 0)
    .sort((a, b) => a - b);
}

/** Stop before a step of a loop, counted from 0, or no more. */
export function toggleStep(loop: string, step: number): void {
  useRuns.getState().toggleBreakpoint(`${loop}[${step}]`);
}

export function clearBreakpoints(): void {
  useRuns.setState({ breakpoints: [] });
}

/** Those that the graph has a node for, as many as the server takes. */
export function standing(breakpoints: readonly string[], graph: GraphFile): string[] {
  return breakpoints.filter((place) => nodeByPath(graph, nodeOf(place))).slice(0, MOST);
}

// ── a run that waits ────────────────────────────────────────────────────────────────────────────

/** The run that waits at a breakpoint: the one shown, else any. */
export function pausedRun(state = useRuns.getState()): RunView | undefined {
  const shown = state.runs[state.shown];
  if (shown?.state === "paused") return shown;
  return Object.values(state.runs).find((run) => run.state === "paused");
}

/** Whether the graph on the canvas is another than the run's. */
export function isEdited(run: RunView): boolean {
  const ran = useRuns.getState().graphs[run.run];
  return ran !== undefined && meaning(ran) !== meaning(useEditor.getState().graph);
}

const known = new WeakMap<GraphFile, string>();

/** What counts for a run: not where the nodes stand. */
function meaning(graph: GraphFile): string {
  let text = known.get(graph);
  if (text === undefined) {
    const { view: _, ...rest } = graph;
    text = writeJson(rest);
    known.set(graph, text);
  }
  return text;
}

/** What the run is begun again with, so that it stops where it waits now. */
export function stopsAgain(breakpoints: readonly string[], waits: string): string[] {
  const covered = !waits || breakpoints.includes(waits) || breakpoints.includes(nodeOf(waits));
  return covered ? [...breakpoints] : [waits, ...breakpoints].slice(0, MOST);
}

/**
 * Inspect, edit, go on: a run that has begun takes no edits, for the cache would no longer tell the
 * truth. So the graph as it is now is queued in front, to stop at the same place, and the run that
 * waits is cancelled; what the edits do not reach comes from the cache at once. Its id.
 */
export async function restartHere(run = pausedRun()): Promise<string> {
  if (!run || FINISHED.has(run.state)) return "";
  const { graph } = useEditor.getState();
  const breakpoints = stopsAgain(useRuns.getState().breakpoints, run.pausedPath);
  const options = { front: true, sameSeeds: true, trace: run.trace };
  const again = await runGraph({ ...options, breakpoints: standing(breakpoints, graph) });
  if (again) await cancelRun(run.run);
  return again;
}

// ── the session ─────────────────────────────────────────────────────────────────────────────────

/** Keep them over a reload of the page; another document begins without. Returns what ends it. */
export function keepBreakpoints(): () => void {
  const before = remembered();
  if (before.length && !useRuns.getState().breakpoints.length) {
    useRuns.setState({ breakpoints: before });
  }
  const stops = [
    useRuns.subscribe(({ breakpoints }, old) => {
      if (breakpoints !== old.breakpoints) remember(breakpoints);
    }),
    useEditor.subscribe(({ loads, graph }, old) => {
      if (loads === old.loads) return;
      const { breakpoints } = useRuns.getState();
      const left = standing(breakpoints, graph);
      if (left.length !== breakpoints.length) useRuns.setState({ breakpoints: left });
    }),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

function remembered(): string[] {
  try {
    const told: unknown = JSON.parse(sessionStorage.getItem(KEY) ?? "[]");
    return Array.isArray(told) ? told.filter((one) => typeof one === "string") : [];
  } catch {
    return []; // no storage, or not ours
  }
}

function remember(breakpoints: readonly string[]): void {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(breakpoints));
  } catch {
    // They hold as long as the page.
  }
}
