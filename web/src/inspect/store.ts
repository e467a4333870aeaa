/** Traces of runs as the page has them: their indexes, and the elements of tensors, each fetched
 * once. Keeps the scrubber in step with the run that is shown. */

import { useEffect, useMemo, useSyncExternalStore } from "react";
import { create } from "zustand";
import * as api from "../api/client";
import type { GraphFile } from "../model/graph";
import type * as wire from "../protocol";
import { useEditor } from "../store/editor";
import { FINISHED, type RunView, useRuns } from "../store/runs";
import { useScrub } from "../store/scrub";
import { useTraces } from "../store/traces";
import { type Elements, unpack } from "./numbers";
import { indexed, type RunTrace, type StepTensors, stepTensors, type Tensor } from "./trace";

interface TracesOfRuns {
  of: Readonly<Record<string, RunTrace>>;
  faults: Readonly<Record<string, string>>;
}

export const useTraceIndex = create<TracesOfRuns>()(() => ({ of: {}, faults: {} }));

/** Indexes kept beside that of the run shown. */
const KEPT = 12;
const fetching = new Map<string, Promise<void>>();

/** Ask for what a run has traced; again where it goes on. */
export function fetchTrace(run: string): Promise<void> {
  const known = fetching.get(run);
  if (known) return known;
  const asked = (async () => {
    try {
      const trace = indexed(await api.tensors(run));
      useTraceIndex.setState(({ of, faults }) => {
        const { [run]: _, ...others } = of;
        const kept = Object.entries(others).slice(-KEPT);
        const { [run]: __, ...left } = faults;
        return { of: { ...Object.fromEntries(kept), [run]: trace }, faults: left };
      });
    } catch (error) {
      if (!(error instanceof api.ApiError)) throw error;
      const message = error.message;
      useTraceIndex.setState(({ faults }) => ({ faults: { ...faults, [run]: message } }));
    } finally {
      fetching.delete(run);
    }
  })();
  fetching.set(run, asked);
  return asked;
}

export function useRunTrace(run: string): RunTrace | undefined {
  return useTraceIndex((state) => state.of[run]);
}

export function useShownTrace(): RunTrace | undefined {
  return useRunTrace(useRuns((state) => state.shown));
}

/** The graph that a run ran, or what is on the canvas. */
export function graphOf(run: string): GraphFile {
  return useRuns.getState().graphs[run] ?? useEditor.getState().graph;
}

export function useGraphOf(run: string): GraphFile {
  const ran = useRuns((state) => state.graphs[run]);
  const drawn = useEditor((state) => state.graph);
  return ran ?? drawn;
}

// ── elements ────────────────────────────────────────────────────────────────────────────────────

/** Kept of all tensors together. */
const MOST_BYTES = 256 << 20;
const MOST_AT_ONCE = 4;
/** Larger tensors are drawn by the server. */
export const DRAWN_HERE = 16 << 20;

interface Held {
  values: Elements;
  bytes: number;
}

const held = new Map<string, Held>();
const faults = new Map<string, string>();
const waiting: (() => Promise<void>)[] = [];
const asked = new Set<string>();
const listeners = new Set<() => void>();
let active = 0;
let bytes = 0;

/** The elements, if they are here; else they are asked for. */
export function elements(run: string, tensor: Tensor): Elements | undefined {
  const key = `${run}/${tensor.tid}`;
  const known = held.get(key);
  if (known) return known.values;
  want(run, tensor);
  return undefined;
}

/** Ask for elements that are not here yet. */
export function want(run: string, tensor: Tensor, first = true): void {
  const key = `${run}/${tensor.tid}`;
  if (held.has(key) || asked.has(key) || !tensor.kept || tensor.bytes > DRAWN_HERE) return;
  asked.add(key);
  const pushed = useTraces.getState().pushed[run]?.[tensor.tid];
  if (pushed) {
    keep(key, pushed.data, tensor);
    announce();
    return;
  }
  const fetch = async () => {
    try {
      keep(key, await api.tensor(run, tensor.tid), tensor);
    } catch (error) {
      if (!(error instanceof api.ApiError)) throw error;
      faults.set(key, error.message);
    }
  };
  if (first) waiting.unshift(fetch);
  else waiting.push(fetch);
  begin();
}

function begin(): void {
  while (active < MOST_AT_ONCE) {
    const next = waiting.shift();
    if (!next) return;
    active += 1;
    void next().finally(() => {
      active -= 1;
      announce();
      begin();
    });
  }
}

function keep(key: string, data: ArrayBuffer, tensor: Tensor): void {
  held.set(key, { values: unpack(data, tensor.dtype), bytes: data.byteLength });
  bytes += data.byteLength;
  for (const [oldest, one] of held) {
    if (bytes <= MOST_BYTES || oldest === key) break;
    held.delete(oldest);
    asked.delete(oldest);
    bytes -= one.bytes;
  }
}

let version = 0;
let announcing = false;

/** Those who wait look again, at most once per task. */
function announce(): void {
  if (announcing) return;
  announcing = true;
  queueMicrotask(() => {
    announcing = false;
    version += 1;
    for (const listener of listeners) listener();
  });
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** A tensor's elements; undefined until they are here. */
export function useElements(run: string, tensor: Tensor | undefined): Elements | undefined {
  const values = useSyncExternalStore(subscribe, () =>
    tensor ? held.get(`${run}/${tensor.tid}`)?.values : undefined,
  );
  useEffect(() => {
    if (tensor) want(run, tensor);
  }, [run, tensor]);
  return values;
}

/** Counts up with each tensor that comes. */
export function useArrived(): number {
  return useSyncExternalStore(subscribe, () => version);
}

/** Why elements could not be had. */
export function elementsFault(run: string, tensor: Tensor): string | undefined {
  return faults.get(`${run}/${tensor.tid}`);
}

/** All latents of a run, once. */
function prefetch(trace: RunTrace): void {
  for (const tensor of trace.tensors) {
    if (tensor.role === "value" || tensor.role === "attention" || tensor.bytes > 1 << 20) continue;
    want(trace.run, tensor, false);
  }
}

// ── steps ───────────────────────────────────────────────────────────────────────────────────────

export interface Stepping {
  node: string;
  steps: number;
}

/** Loops and samplers of a run that have steps, those with most latents first. */
export function steppingOf(run: RunView | undefined, trace: RunTrace | undefined): Stepping[] {
  const found = new Map<string, number>();
  for (const [node, steps] of Object.entries(run?.steps ?? {})) {
    const last = steps.at(-1);
    if (last && last.steps > 1) found.set(node, Math.max(last.step + 1, trace ? 0 : 1));
  }
  for (const [node, steps] of trace?.latents ?? []) {
    found.set(node, Math.max(found.get(node) ?? 0, steps));
  }
  const latents = (node: string) => trace?.latents.get(node) ?? 0;
  return [...found]
    .map(([node, steps]) => ({ node, steps }))
    .sort((a, b) => latents(b.node) - latents(a.node) || b.steps - a.steps);
}

/** The noise level at which a step begins. */
export function sigmaAt(
  run: RunView | undefined,
  trace: RunTrace | undefined,
  node: string,
  step: number,
): number | null {
  const told = run?.steps[node]?.find((one) => one.step === step)?.sigma;
  if (told !== null && told !== undefined) return told;
  const row = trace?.guidance.find(
    (one) => one.step === step && (one.node === node || one.node.startsWith(`${node}/`)),
  );
  return row?.sigma ?? null;
}

/** The tensors of the step that is shown. */
export function useStepTensors(run: string, node: string, step: number): StepTensors {
  const trace = useRunTrace(run);
  const graph = useGraphOf(run);
  return useMemo(
    () => (trace && node ? stepTensors(trace, graph, node, step) : {}),
    [trace, graph, node, step],
  );
}

function follow(): void {
  const { shown, runs } = useRuns.getState();
  const trace = useTraceIndex.getState().of[shown];
  const found = steppingOf(runs[shown], trace);
  const scrub = useScrub.getState();
  const same = found.find((one) => one.node === scrub.node);
  const traced = trace?.latents.size ? trace.latents.has(scrub.node) : true;
  const best = found[0];
  if (same && traced) scrub.setSteps(same.steps);
  else if (best) scrub.choose(best.node, best.steps);
  else if (scrub.node) useScrub.setState({ node: "", steps: 0, step: 0, playing: false });
}

const AGAIN_MS = 1500;

/** Watch the run that is shown. Returns what ends it. */
export function watchTraces(): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let seen = "";
  const look = () => {
    const { shown, runs } = useRuns.getState();
    const run = runs[shown];
    const state = run?.state ?? "";
    const now = `${shown}:${FINISHED.has(run?.state ?? "queued")}`;
    // What a run traces is told with its summary, which may come late: once it has ended, ask.
    const may = run?.trace !== "off" || !run.number || FINISHED.has(run.state);
    if (shown && run && may && now !== seen && state !== "queued") {
      seen = now;
      void fetchTrace(shown).then(() => {
        // A trace that was being fetched as the run ended may lack its end.
        const trace = useTraceIndex.getState().of[shown];
        if (trace) prefetch(trace);
      });
    }
    if (timer === undefined && state === "running" && may) {
      timer = setTimeout(() => {
        timer = undefined;
        seen = "";
        look();
      }, AGAIN_MS);
    }
    follow();
  };
  const stops = [
    useRuns.subscribe((state, before) => {
      const changed = state.runs[state.shown] !== before.runs[before.shown];
      if (changed || state.shown !== before.shown) look();
    }),
    useTraceIndex.subscribe(follow),
    () => clearTimeout(timer),
  ];
  look();
  return () => {
    for (const stop of stops) stop();
  };
}

/** Statistics as the index tells them, of the shown run's tensors. */
export type { Tensor };
export type Stats = wire.Statistics;
