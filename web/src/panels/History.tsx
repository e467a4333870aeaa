import { Diff, RotateCcw, Trash2 } from "lucide-react";
import { useCallback, useEffect, useState } from "react";
import { clearHistory, deleteRun, run as getRun, runs as listRuns } from "../api/client";
import type { GraphFile } from "../model/graph";
import type { RunSummary } from "../protocol";
import { restoreRun, showRun } from "../store/actions";
import { useEditor } from "../store/editor";
import { useRuns } from "../store/runs";
import { Differences } from "./Differences";
import { ago, duration } from "./format";
import { picturesOf } from "./pictures";
import { titleOf, useSafely } from "./Queue";
import { State } from "./State";
import { Thumbs } from "./Thumbs";

const PAGE = 20;
const FINISHED = "done,failed,cancelled";

export function HistoryPanel() {
  const [runs, setRuns] = useState<RunSummary[] | null>(null);
  const [next, setNext] = useState<number | null>(null);
  const [compared, setCompared] = useState<{ run: string; graph: GraphFile } | null>(null);
  const [fault, setFault] = useState("");
  const running = useRuns((state) => state.running.join(" "));
  const shown = useRuns((state) => state.shown);
  const safely = useSafely();

  const load = useCallback(async (before?: number) => {
    try {
      const page = await listRuns({ state: FINISHED, limit: PAGE, before });
      setRuns((now) => (before === undefined ? page.runs : [...(now ?? []), ...page.runs]));
      setNext(page.before ?? null);
      setFault("");
    } catch (error) {
      setFault((error as Error).message);
    }
  }, []);
  // A run that ended is on the first page.
  // biome-ignore lint/correctness/useExhaustiveDependencies: `running` says when to look again
  useEffect(() => void load(), [load, running]);

  const compare = (run: RunSummary) =>
    safely("The run could not be read", async () => {
      if (compared?.run === run.run) return setCompared(null);
      const detail = await getRun(run.run);
      setCompared({ run: run.run, graph: detail.graph as unknown as GraphFile });
    });
  const remove = async (run: RunSummary) => {
    const gone = await safely("The run could not be removed", () => deleteRun(run.run));
    if (gone) setRuns((now) => (now ?? []).filter((one) => one.run !== run.run));
  };

  if (fault) return <p className="nf-fault">{fault}</p>;
  if (!runs) return <p className="nf-quiet">looking …</p>;
  if (runs.length === 0)
    return (
      <div className="nf-empty">
        <p>No run has ended yet.</p>
        <p className="nf-quiet">Each is kept here with its graph and its pictures.</p>
      </div>
    );
  return (
    <>
      <div className="nf-row">
        <span className="nf-grow" />
        <button
          type="button"
          className="nf-button nf-small nf-danger"
          onClick={() => {
            if (window.confirm("Forget all finished runs? Their pictures stay."))
              void safely("The history could not be cleared", clearHistory).then(() => load());
          }}
        >
          <Trash2 size={14} aria-hidden /> Forget all
        </button>
      </div>
      <ol className="nf-list" aria-label="finished runs">
        {runs.map((run) => (
          <li
            key={run.run}
            className={`nf-card ${run.run === shown ? "nf-shown" : ""}`}
            aria-current={run.run === shown || undefined}
          >
            <div className="nf-row">
              <button type="button" className="nf-name nf-cut" onClick={() => showRun(run.run)}>
                {titleOf(run, run.run)}
              </button>
              <span className="nf-grow" />
              <State state={run.state} />
            </div>
            <div className="nf-row">
              <p className="nf-facts">
                {ago(run.finished_at ?? run.accepted_at)}
                {run.started_at && run.finished_at
                  ? ` · ${duration((run.finished_at - run.started_at) * 1000)}`
                  : ""}
                {run.nodes?.cached ? ` · ${run.nodes.cached} of ${run.nodes.total} kept` : ""}
              </p>
              <span className="nf-grow" />
              <button
                type="button"
                className="nf-icon nf-small"
                aria-label={`forget ${titleOf(run, run.run)}`}
                title="Forget; its pictures stay"
                onClick={() => void remove(run)}
              >
                <Trash2 size={14} aria-hidden />
              </button>
            </div>
            {run.reason && run.state !== "done" ? <p className="nf-fault">{run.reason}</p> : null}
            <Thumbs pictures={picturesOf(run.outputs ?? [])} />
            <div className="nf-row nf-wrap">
              <button
                type="button"
                className="nf-button nf-small"
                onClick={() => void restoreRun(run.run)}
              >
                <RotateCcw size={14} aria-hidden /> Restore its graph
              </button>
              <button
                type="button"
                className="nf-button nf-small"
                aria-expanded={compared?.run === run.run}
                onClick={() => void compare(run)}
              >
                <Diff size={14} aria-hidden /> Compare to now
              </button>
            </div>
            {compared?.run === run.run ? <CompareNow graph={compared.graph} /> : null}
          </li>
        ))}
      </ol>
      {next === null ? null : (
        <button type="button" className="nf-button" onClick={() => void load(next)}>
          Older ones
        </button>
      )}
    </>
  );
}

function CompareNow({ graph }: { graph: GraphFile }) {
  const now = useEditor((state) => state.graph);
  return <Differences before={graph} after={now} />;
}
