/**
 * The one connection to the server: keeps itself up, and feeds `useRuns` with what happens, at
 * most once per frame of the screen.
 */

import type { GraphFile } from "../model/graph";
import { readJson } from "../model/json";
import type * as wire from "../protocol";
import { type Message, type Preview, useRuns } from "../store/runs";
import { type PushedTensor, useTraces } from "../store/traces";
import { ApiError, apiUrl, run as fetchRun, queue } from "./client";
import { Feed, isMessage } from "./feed";
import { PREVIEW, readFrame, TENSOR } from "./frames";

/** Milliseconds until the first try to connect again, and at most between two. */
const SOON = 250;
const LATE = 5000;
/** Where no frames are drawn (a hidden tab) events are applied after this many milliseconds. */
const HIDDEN = 200;
/** Where a tab keeps which run it shows. */
const SHOWN = "nodeflow.shown";

type GraphsListener = (event: wire.GraphsEvent) => void;

class Connection {
  #socket: WebSocket | undefined;
  #tries = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #ended = false;
  #messages: Message[] = [];
  #previews = new Map<string, Preview>();
  #tensors: PushedTensor[] = [];
  #frame = 0;
  #fallback: ReturnType<typeof setTimeout> | undefined;
  #queueTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #stops: (() => void)[] = [];
  readonly graphsListeners = new Set<GraphsListener>();
  readonly feed = new Feed({
    fetch: async (run, after) => {
      const detail = await fetchRun(run, after);
      const { graphs, keepGraph, shown } = useRuns.getState();
      if (run === shown && !graphs[run]) keepGraph(run, detail.graph as unknown as GraphFile);
      return detail;
    },
    emit: (message) => {
      this.#messages.push(message);
      this.#soon();
    },
    know: (summary) => {
      this.#flush();
      useRuns.getState().know([summary]);
    },
    gone: (run) => useRuns.getState().forget(run),
  });

  start(): void {
    const again = () => {
      if (!this.#socket && !this.#ended) this.#connect();
    };
    window.addEventListener("online", again);
    document.addEventListener("visibilitychange", again);
    this.#stops.push(
      () => window.removeEventListener("online", again),
      () => document.removeEventListener("visibilitychange", again),
      useTraces.subscribe((state, before) => {
        if (state.level !== before.level || state.every !== before.every) this.#subscribe();
      }),
      useRuns.subscribe((state, before) => {
        if (state.shown === before.shown) return;
        sessionStorage.setItem(SHOWN, state.shown);
        if (state.shown) this.look(state.shown);
      }),
    );
    // What was shown before the page was loaded anew.
    const shown = sessionStorage.getItem(SHOWN);
    if (shown && !useRuns.getState().shown) useRuns.getState().show(shown);
    this.#connect();
  }

  stop(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#fallback);
    clearTimeout(this.#queueTimer);
    cancelAnimationFrame(this.#frame);
    for (const stop of this.#stops) stop();
    this.#socket?.close();
  }

  /** A run's events are brought, if they are not here: of one that was never looked at, or is not
   * remembered. */
  look(run: string): void {
    const known = useRuns.getState().runs[run];
    const unseen = !known || (known.lastSeq === 0 && known.state !== "queued");
    if (!unseen) return;
    this.feed.restart(run);
    void this.feed.replay(run);
  }

  #connect(): void {
    clearTimeout(this.#timer);
    const url = apiUrl("ws").replace(/^http/, "ws");
    const socket = new WebSocket(url);
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      this.#tries = 0;
      useRuns.getState().setConnection("open");
      this.#subscribe();
      void this.#catchUp();
    };
    socket.onmessage = ({ data }) => {
      if (typeof data === "string") this.#text(data);
      else if (data instanceof ArrayBuffer) this.#binary(data);
    };
    socket.onclose = () => {
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      if (this.#ended) return;
      useRuns.getState().setConnection("lost");
      const pause = Math.min(LATE, SOON * 2 ** this.#tries) * (0.75 + Math.random() / 2);
      this.#tries += 1;
      this.#timer = setTimeout(() => this.#connect(), pause);
    };
  }

  #subscribe(): void {
    const { level, every } = useTraces.getState();
    const data: wire.Subscribe = { run: "", trace: level, every };
    if (this.#socket?.readyState === WebSocket.OPEN) {
      this.#socket.send(JSON.stringify({ type: "subscribe", data }));
    }
  }

  /** After (re)connecting: how the queue is, and what happened meanwhile to runs known here. */
  async #catchUp(): Promise<void> {
    const unfinished = await this.#readQueue();
    const { runs, shown } = useRuns.getState();
    for (const run of Object.values(runs)) {
      const waits = run.state === "queued" || run.state === "running" || run.state === "paused";
      if (waits) unfinished.add(run.run);
    }
    if (shown) unfinished.add(shown);
    for (const run of unfinished) void this.feed.replay(run);
  }

  /** The ids of what runs, or should. */
  async #readQueue(): Promise<Set<string>> {
    try {
      const state = await queue();
      for (const run of state.queued) this.feed.startAt(run.run, run.last_seq);
      useRuns.getState().know([...state.running, ...state.queued]);
      useRuns.getState().setQueue({
        paused: state.paused,
        running: state.running.map((run) => run.run),
        queued: state.queued.map((run) => run.run),
      });
      return new Set(state.running.map((run) => run.run));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return new Set();
    }
  }

  #text(data: string): void {
    let told: { type?: unknown; data?: unknown };
    try {
      told = readJson(data) as typeof told;
    } catch {
      return;
    }
    if (isMessage(told)) this.feed.receive(told);
    else if (told.type === "nf.queue") this.#queueChanged(told.data as wire.QueueEvent);
    else if (told.type === "nf.graphs") {
      for (const listener of this.graphsListeners) listener(told.data as wire.GraphsEvent);
    }
  }

  #queueChanged(event: wire.QueueEvent): void {
    const store = useRuns.getState();
    store.setQueue(event);
    // Runs that others asked for have titles, which events do not tell.
    const strange = [...event.running, ...event.queued].some((id) => !store.runs[id]?.number);
    if (!strange) return;
    clearTimeout(this.#queueTimer);
    this.#queueTimer = setTimeout(() => void this.#readQueue(), HIDDEN);
  }

  #binary(message: ArrayBuffer): void {
    const frame = readFrame(message);
    if (frame?.kind === PREVIEW) {
      const { run, node, step, steps } = frame.head as wire.PreviewHead;
      const stale = this.#previews.get(node);
      if (stale) URL.revokeObjectURL(stale.url);
      const url = URL.createObjectURL(new Blob([frame.data], { type: "image/jpeg" }));
      this.#previews.set(node, { run, node, step, steps, url });
    } else if (frame?.kind === TENSOR) {
      this.#tensors.push({ head: frame.head as wire.TensorHead, data: frame.data });
    }
    this.#soon();
  }

  #soon(): void {
    if (this.#frame) return;
    this.#frame = requestAnimationFrame(() => this.#flush());
    this.#fallback = setTimeout(() => this.#flush(), HIDDEN);
  }

  #flush(): void {
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#fallback);
    this.#frame = 0;
    const messages = this.#messages;
    const previews = [...this.#previews.values()];
    const tensors = this.#tensors;
    this.#messages = [];
    this.#previews = new Map();
    this.#tensors = [];
    if (messages.length) useRuns.getState().apply(messages);
    if (previews.length) useRuns.getState().setPreviews(previews);
    if (tensors.length) useTraces.getState().push(tensors);
  }
}

let connection: Connection | undefined;

/** Connect, and stay so. Returns what ends it. */
export function startSocket(): () => void {
  connection?.stop();
  const mine = new Connection();
  connection = mine;
  mine.start();
  return () => {
    mine.stop();
    if (connection === mine) connection = undefined;
  };
}

/** Be told when somebody saves or deletes a graph. */
export function onGraphs(listener: GraphsListener): () => void {
  const listeners = connection?.graphsListeners;
  listeners?.add(listener);
  return () => listeners?.delete(listener);
}

/** Bring what the server knows of a run, from its beginning. */
export function lookAt(run: string): void {
  connection?.look(run);
}
