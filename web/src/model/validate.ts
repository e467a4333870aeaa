/** Asks the server what is wrong with the graph after each edit; the latest answer counts. */

import { ApiError, validate } from "../api/client";
import { useEditor } from "../store/editor";
import { useProblems } from "../store/problems";
import type { GraphFile } from "./graph";
import { nodeByPath } from "./links";

/** Milliseconds without an edit before the server is asked. */
const PAUSE = 300;

let timer: ReturnType<typeof setTimeout> | undefined;
let asking: AbortController | undefined;

/** Whether a path names a node of a graph. */
export function isNodeOf(graph: GraphFile): (path: string) => boolean {
  return (path) => path !== "" && nodeByPath(graph, path) !== undefined;
}

async function ask(graph: GraphFile): Promise<void> {
  asking?.abort();
  const mine = new AbortController();
  asking = mine;
  const store = useProblems.getState();
  try {
    const answer = await validate({ graph: { ...graph } }, mine.signal);
    if (mine.signal.aborted) return;
    store.set(answer.problems, isNodeOf(graph));
    store.setTypes(answer.types);
  } catch (error) {
    if (mine.signal.aborted || !(error instanceof ApiError)) return;
    // Without the server nothing is known: what was told last stays.
    if (error.status) store.set(error.problems, isNodeOf(graph));
    else store.setPending(false);
  }
}

/** Ask soon; a later call takes the place of an earlier one. */
export function validateSoon(graph: GraphFile, pause = PAUSE): void {
  clearTimeout(timer);
  useProblems.getState().setPending(true);
  timer = setTimeout(() => void ask(graph), pause);
}

/** Watch the document. Returns what ends it. */
export function watchProblems(): () => void {
  validateSoon(useEditor.getState().graph, 0);
  const stop = useEditor.subscribe((state, before) => {
    // Where things stand is no concern of the server's.
    if (computes(state.graph, before.graph)) validateSoon(state.graph);
  });
  return () => {
    stop();
    clearTimeout(timer);
    asking?.abort();
  };
}

function computes(a: GraphFile, b: GraphFile): boolean {
  return a.nodes !== b.nodes || a.inputs !== b.inputs || a.outputs !== b.outputs;
}
