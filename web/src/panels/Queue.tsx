import { ArrowDown, ArrowUp, GripVertical, Pause, Play, Trash2, X } from "lucide-react";
import { type DragEvent, type KeyboardEvent, useState } from "react";
import { changeRun, clearQueue, deleteRun, setPaused } from "../api/client";
import { cancelRun } from "../store/actions";
import { type RunView, useRuns } from "../store/runs";
import { useUi } from "../store/ui";
import { ago } from "./format";
import { progressOf } from "./progress";
import { State } from "./State";

/** The id that a run is put before, when it takes the place `to` of those that wait; "" the end. */
export function beforeOf(queued: readonly string[], run: string, to: number): string {
  const others = queued.filter((id) => id !== run);
  return others[Math.max(0, to)] ?? "";
}

export function useSafely() {
  const notify = useUi((state) => state.notify);
  return async (what: string, act: () => Promise<unknown>) => {
    try {
      await act();
      return true;
    } catch (error) {
      notify("error", `${what}: ${(error as Error).message}`);
      return false;
    }
  };
}

export function QueuePanel() {
  const running = useRuns((state) => state.running);
  const queued = useRuns((state) => state.queued);
  const paused = useRuns((state) => state.paused);
  const runs = useRuns((state) => state.runs);
  const [dragged, setDragged] = useState("");
  const [over, setOver] = useState(-1);
  const safely = useSafely();
  const place = (run: string, to: number) =>
    safely("The queue could not be changed", () =>
      changeRun(run, { before: beforeOf(queued, run, to) }),
    );

  return (
    <>
      <div className="nf-row">
        <button
          type="button"
          className="nf-button"
          aria-pressed={paused}
          onClick={() => void safely("The queue", () => setPaused(!paused))}
        >
          {paused ? <Play size={15} aria-hidden /> : <Pause size={15} aria-hidden />}
          {paused ? "Go on" : "Pause the queue"}
        </button>
        <span className="nf-grow" />
        {queued.length > 0 ? (
          <button
            type="button"
            className="nf-button nf-danger"
            onClick={() => {
              if (queued.length === 1 || window.confirm(`Remove all ${queued.length} that wait?`))
                void safely("The queue could not be cleared", clearQueue);
            }}
          >
            <Trash2 size={15} aria-hidden /> Clear
          </button>
        ) : null}
      </div>
      {paused ? <p className="nf-hint">Paused: what waits does not begin.</p> : null}
      {running.map((id) => (
        <Running key={id} id={id} run={runs[id]} />
      ))}
      {queued.length > 0 ? (
        <ol className="nf-list" aria-label="waiting runs">
          {queued.map((id, k) => (
            <Waiting
              key={id}
              id={id}
              run={runs[id]}
              at={k}
              last={queued.length - 1}
              over={over === k && dragged !== "" && dragged !== id}
              onMove={(to) => void place(id, to)}
              onDrag={() => setDragged(id)}
              onOver={() => setOver(k)}
              onDrop={() => {
                if (dragged && dragged !== id) void place(dragged, k);
                setDragged("");
                setOver(-1);
              }}
              onEnd={() => {
                setDragged("");
                setOver(-1);
              }}
              onDelete={() => void safely("The run could not be removed", () => deleteRun(id))}
            />
          ))}
        </ol>
      ) : null}
      {running.length + queued.length === 0 ? (
        <div className="nf-empty">
          <p>Nothing waits.</p>
          <p className="nf-quiet">
            <kbd>Ctrl</kbd> <kbd>Enter</kbd> runs the graph; several runs wait here for their turn.
          </p>
        </div>
      ) : null}
    </>
  );
}

export function Running({ id, run }: { id: string; run: RunView | undefined }) {
  const { share, text } = run ? progressOf(run) : { share: null, text: "" };
  const percent = share === null ? undefined : Math.round(share * 100);
  return (
    <article className="nf-card" aria-label={`run ${run?.number ?? ""}`}>
      <div className="nf-row">
        <strong className="nf-cut">{titleOf(run, id)}</strong>
        <span className="nf-grow" />
        <State state={run?.state ?? "running"} />
      </div>
      <div
        className="nf-bar"
        role="progressbar"
        aria-label={`progress of ${titleOf(run, id)}`}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={percent}
      >
        <span
          className={share === null ? "nf-unknown" : ""}
          style={{ width: `${percent ?? 100}%` }}
        />
      </div>
      <div className="nf-row">
        <span className="nf-quiet nf-cut">{text || "beginning …"}</span>
        <span className="nf-grow" />
        <button type="button" className="nf-button nf-small" onClick={() => void cancelRun(id)}>
          <X size={14} aria-hidden /> Cancel
        </button>
      </div>
    </article>
  );
}

function Waiting(props: {
  id: string;
  run: RunView | undefined;
  at: number;
  last: number;
  over: boolean;
  onMove(to: number): void;
  onDrag(): void;
  onOver(): void;
  onDrop(): void;
  onEnd(): void;
  onDelete(): void;
}) {
  const { id, run, at, last } = props;
  const title = titleOf(run, id);
  const key = (event: KeyboardEvent) => {
    if (event.target !== event.currentTarget) return;
    if (event.altKey && event.key === "ArrowUp" && at > 0) props.onMove(at - 1);
    else if (event.altKey && event.key === "ArrowDown" && at < last) props.onMove(at + 1);
    else if (event.key === "Delete" || event.key === "Backspace") props.onDelete();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <li
      className={`nf-card nf-waiting ${props.over ? "nf-drop" : ""}`}
      aria-label={`${title}, ${at + 1} of ${last + 1}`}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: Alt and arrows move it, Delete removes it
      tabIndex={0}
      title="Alt ↑ and Alt ↓ move it, Delete removes it"
      draggable
      onKeyDown={key}
      onDragStart={(event: DragEvent) => {
        event.dataTransfer.setData("text/plain", id);
        event.dataTransfer.effectAllowed = "move";
        props.onDrag();
      }}
      onDragOver={(event: DragEvent) => {
        event.preventDefault();
        props.onOver();
      }}
      onDrop={(event: DragEvent) => {
        event.preventDefault();
        props.onDrop();
      }}
      onDragEnd={props.onEnd}
    >
      <GripVertical size={15} aria-hidden className="nf-grip" />
      <span className="nf-cut">
        {title}
        <span className="nf-quiet"> {run ? ago(run.acceptedAt) : ""}</span>
      </span>
      <span className="nf-grow" />
      <button
        type="button"
        className="nf-icon nf-small"
        aria-label={`${title} earlier`}
        disabled={at === 0}
        onClick={() => props.onMove(at - 1)}
      >
        <ArrowUp size={14} aria-hidden />
      </button>
      <button
        type="button"
        className="nf-icon nf-small"
        aria-label={`${title} later`}
        disabled={at === last}
        onClick={() => props.onMove(at + 1)}
      >
        <ArrowDown size={14} aria-hidden />
      </button>
      <button
        type="button"
        className="nf-icon nf-small"
        aria-label={`remove ${title}`}
        onClick={props.onDelete}
      >
        <Trash2 size={14} aria-hidden />
      </button>
    </li>
  );
}

export function titleOf(run: { number?: number; title?: string } | undefined, id: string): string {
  if (!run) return id.slice(0, 8);
  return `${run.number ?? ""}${run.title ? `  ${run.title}` : ""}`.trim() || id.slice(0, 8);
}
