import { CircleAlert, CircleCheck, TriangleAlert } from "lucide-react";
import { useProblems } from "../store/problems";
import { useRuns } from "../store/runs";
import { plural } from "./format";
import { goToNode } from "./places";
import { RunFault } from "./RunFault";

const NO_ERRORS: readonly never[] = [];

export function ProblemsPanel() {
  const problems = useProblems((state) => state.all);
  const errors = useRuns((state) => state.runs[state.shown]?.errors ?? NO_ERRORS);
  if (problems.length + errors.length === 0)
    return (
      <div className="nf-empty">
        <CircleCheck size={28} aria-hidden className="nf-good-mark" />
        <p>Nothing is wrong.</p>
        <p className="nf-quiet">The whole graph is checked while you edit, before anything runs.</p>
      </div>
    );
  const sorted = [...problems].sort(
    (a, b) => Number(a.severity === "warning") - Number(b.severity === "warning"),
  );
  return (
    <>
      {errors.length > 0 ? <h3>In the last run</h3> : null}
      {errors.map((error) => (
        <RunFault key={`${error.path} ${error.port} ${error.code}`} error={error} />
      ))}
      {sorted.length > 0 ? <h3>{plural(sorted.length, "problem")} in the graph</h3> : null}
      <ul className="nf-list" aria-label="problems">
        {sorted.map((problem) => {
          const Icon = problem.severity === "warning" ? TriangleAlert : CircleAlert;
          return (
            <li key={`${problem.where} ${problem.code} ${problem.message}`}>
              <button
                type="button"
                className={`nf-problem nf-${problem.severity}`}
                disabled={!problem.node}
                onClick={() => goToNode(problem.node, problem.port)}
              >
                <Icon size={16} aria-hidden />
                <span>
                  <strong>{problem.where || "graph"}</strong> {problem.message}
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
