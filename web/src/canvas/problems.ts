/** What the checker says of a node, by port. */

import { type Problem, problemsOf, useProblems } from "../store/problems";

export function useNodeProblems(path: string): readonly Problem[] {
  return useProblems((s) => problemsOf(s, path));
}

export function problemAt(all: readonly Problem[], port: string): Problem | undefined {
  return all.find((problem) => problem.port === port);
}

export function problemText(problem: Problem): string {
  return problem.hint ? `${problem.message} ${problem.hint}` : problem.message;
}
