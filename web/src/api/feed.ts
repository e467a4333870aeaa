/**
 * Puts a run's events in order: each is handed on once, without a gap. What is missing (events
 * before the page was opened, or while the connection was lost) is asked for.
 */

import type * as wire from "../protocol";
import type { Message } from "../store/runs";
import { ApiError } from "./client";

export interface FeedTarget {
  /** A run's detail with the events after `after`. */
  fetch(run: string, after: number): Promise<wire.RunDetail>;
  emit(message: Message): void;
  know(summary: wire.RunSummary): void;
  /** The server does not know the run any more. */
  gone(run: string): void;
}

const KINDS: ReadonlySet<string> = new Set([
  "nf.run",
  "nf.node",
  "nf.step",
  "nf.output",
  "nf.error",
  "nf.paused",
]);

/** Whether something from the socket or the replay is an event of a run. */
export function isMessage(told: { type?: unknown; data?: unknown }): told is Message {
  if (typeof told.type !== "string" || !KINDS.has(told.type)) return false;
  const data = told.data as Partial<wire.NodeEvent> | null;
  return typeof data?.run === "string" && typeof data.seq === "number";
}

export class Feed {
  readonly #target: FeedTarget;
  /** The `seq` of the last event handed on. */
  readonly #last = new Map<string, number>();
  /** Events that wait for those before them. */
  readonly #waiting = new Map<string, Message[]>();

  constructor(target: FeedTarget) {
    this.#target = target;
  }

  /** Events up to `seq` are known in sum; they are not asked for. */
  startAt(run: string, seq: number): void {
    if (!this.#last.has(run) && !this.#waiting.has(run)) this.#last.set(run, seq);
  }

  receive(message: Message): void {
    const { run, seq } = message.data;
    const waiting = this.#waiting.get(run);
    if (waiting) {
      waiting.push(message);
      return;
    }
    const last = this.#last.get(run) ?? 0;
    if (seq <= last) return;
    if (seq > last + 1) {
      void this.replay(run, message);
      return;
    }
    this.#last.set(run, seq);
    this.#target.emit(message);
  }

  /** Ask for what is missing of a run. What comes meanwhile waits. */
  async replay(run: string, first?: Message): Promise<void> {
    const before = this.#waiting.get(run);
    if (before) {
      if (first) before.push(first);
      return;
    }
    this.#waiting.set(run, first ? [first] : []);
    let detail: wire.RunDetail | undefined;
    try {
      detail = await this.#target.fetch(run, this.#last.get(run) ?? 0);
    } catch (error) {
      // Unreachable: the next connection asks again. Unknown: there is nothing to ask for.
      if (error instanceof ApiError && error.status === 404) this.#target.gone(run);
    }
    const waiting = this.#waiting.get(run) ?? [];
    this.#waiting.delete(run);
    if (!detail) return;
    for (const event of detail.events) if (isMessage(event)) this.#pass(event);
    this.#target.know(detail.summary);
    waiting.sort((a, b) => a.data.seq - b.data.seq);
    for (const message of waiting) this.receive(message);
  }

  /** Hand on what the server has kept; there a number may be missing for good. */
  #pass(message: Message): void {
    const { run, seq } = message.data;
    if (seq <= (this.#last.get(run) ?? 0)) return;
    this.#last.set(run, seq);
    this.#target.emit(message);
  }

  /** A run is looked at from its beginning again. */
  restart(run: string): void {
    this.#last.delete(run);
  }
}
