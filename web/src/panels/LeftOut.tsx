import { CircleAlert, TriangleAlert } from "lucide-react";
import { nodeByPath } from "../model/links";
import type { ProblemData } from "../protocol";
import { useEditor } from "../store/editor";
import { useUi } from "../store/ui";
import { Dialog } from "./Dialog";
import { plural } from "./format";
import { goToNode } from "./places";

export interface LeftOutSubject {
  file: string;
  problems: readonly ProblemData[];
}

/** What an export could not take over, or takes over as something near. */
export function LeftOut({ subject }: { subject: LeftOutSubject }) {
  const close = useUi((state) => state.closeOverlay);
  const { file, problems } = subject;
  const missing = problems.filter((problem) => problem.severity === "error");
  const near = problems.filter((problem) => problem.severity !== "error");
  const told = missing.length
    ? "The rest is there; these stand in it under our own names, which ComfyUI does not know."
    : "ComfyUI can run it.";
  return (
    <Dialog title="Exported for ComfyUI" onClose={close}>
      <div className="nf-scroll">
        <p>
          Saved {file}. {told}
        </p>
        {missing.length ? (
          <List title={`${plural(missing.length, "node")} without a counterpart`} of={missing} />
        ) : null}
        {near.length ? <List title="Not quite the same" of={near} /> : null}
      </div>
    </Dialog>
  );
}

function List({ title, of }: { title: string; of: readonly ProblemData[] }) {
  const graph = useEditor((state) => state.graph);
  const close = useUi((state) => state.closeOverlay);
  return (
    <>
      <h3>{title}</h3>
      <ul className="nf-list" aria-label={title}>
        {of.map((problem) => {
          const Icon = problem.severity === "warning" ? TriangleAlert : CircleAlert;
          return (
            <li key={`${problem.where} ${problem.message}`}>
              <button
                type="button"
                className={`nf-problem nf-${problem.severity}`}
                disabled={!nodeByPath(graph, problem.where)}
                onClick={() => {
                  close();
                  goToNode(problem.where);
                }}
              >
                <Icon size={16} aria-hidden />
                <span>
                  <strong>{problem.where}</strong> {problem.message}
                  {problem.hint ? <em>{problem.hint}</em> : null}
                </span>
              </button>
            </li>
          );
        })}
      </ul>
    </>
  );
}
