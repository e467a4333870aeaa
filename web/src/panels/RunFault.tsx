import { ChevronRight, CircleAlert, Copy, LocateFixed } from "lucide-react";
import type { RunError } from "../store/runs";
import { useUi } from "../store/ui";
import { goToNode } from "./places";

/** What went wrong in a node: in words, what to do, and the traceback for who wants it. */
export function RunFault({ error, here }: { error: RunError; here?: boolean }) {
  const notify = useUi((state) => state.notify);
  const copy = async () => {
    const text = [
      `${error.path || error.node}${error.port ? `.${error.port}` : ""}: ${error.message}`,
      error.hint,
      error.traceback,
    ];
    try {
      await navigator.clipboard.writeText(text.filter(Boolean).join("\n\n"));
      notify("good", "Copied");
    } catch {
      notify("warning", "The browser did not let the page copy");
    }
  };
  return (
    <article className="nf-card nf-error" aria-label={`error of ${error.node || "the run"}`}>
      <p className="nf-row nf-top-align">
        <CircleAlert size={16} aria-hidden />
        <span>
          {here ? null : (
            <strong>
              {error.path || error.node || "The run"}
              {error.port ? `.${error.port}` : ""}{" "}
            </strong>
          )}
          {error.message}
        </span>
      </p>
      {error.hint ? <p className="nf-hint">{error.hint}</p> : null}
      <div className="nf-row nf-wrap">
        {error.node && !here ? (
          <button
            type="button"
            className="nf-button nf-small"
            onClick={() => goToNode(error.node, error.port)}
          >
            <LocateFixed size={14} aria-hidden /> Go to node
          </button>
        ) : null}
        <button type="button" className="nf-button nf-small" onClick={() => void copy()}>
          <Copy size={14} aria-hidden /> Copy
        </button>
      </div>
      {error.traceback ? (
        <details className="nf-trace">
          <summary>
            <ChevronRight size={14} aria-hidden /> Traceback
          </summary>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: scrolled by keys */}
          <pre tabIndex={0}>{error.traceback}</pre>
        </details>
      ) : null}
    </article>
  );
}
