import { CircleAlert, CircleCheck, CircleSlash, Clock, LoaderCircle, Pause } from "lucide-react";
import type { NodeState, RunState } from "../store/runs";

const WORDS: Record<RunState | NodeState, string> = {
  queued: "waiting",
  running: "running",
  paused: "at a breakpoint",
  done: "done",
  failed: "failed",
  cancelled: "cancelled",
  cached: "kept from before",
  error: "failed",
  skipped: "skipped",
  stopped: "stopped",
};

/** A state as a word and a sign, never by its colour alone. */
export function State({ state }: { state: RunState | NodeState }) {
  const Icon =
    state === "running"
      ? LoaderCircle
      : state === "queued"
        ? Clock
        : state === "paused"
          ? Pause
          : state === "failed" || state === "error"
            ? CircleAlert
            : state === "cancelled" || state === "skipped" || state === "stopped"
              ? CircleSlash
              : CircleCheck;
  return (
    <span className={`nf-state nf-state-${state}`}>
      <Icon size={14} aria-hidden />
      {WORDS[state]}
    </span>
  );
}
