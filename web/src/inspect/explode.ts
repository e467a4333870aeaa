/** A sampler in one node as the loop of its steps, and back; with a check that both make the same
 * picture. */

import * as api from "../api/client";
import { reveal } from "../canvas/actions";
import { type GraphFile, pathOf } from "../model/graph";
import { placeMissing } from "../model/layout";
import { nodeByPath, splitLink } from "../model/links";
import { useCatalogue } from "../store/catalogue";
import { useEditor } from "../store/editor";
import { useUi } from "../store/ui";
import { ended, quietRun } from "./quiet";

type Way = "explode" | "collapse";

/** The one selected node, as a path; "" for none or several. */
function selectedNode(): string {
  const { selection, scope } = useEditor.getState();
  const ids = selection.filter((id) => !id.startsWith("wire:"));
  return ids.length === 1 ? pathOf(scope, ids[0] ?? "") : "";
}

export function canExplode(path = selectedNode()): boolean {
  const node = path ? nodeByPath(useEditor.getState().graph, path) : undefined;
  return node?.type === "sampler.sample" || node?.type === "sampler.resume";
}

export function canCollapse(path = selectedNode()): boolean {
  const node = path ? nodeByPath(useEditor.getState().graph, path) : undefined;
  return node?.type === "flow.loop";
}

const LABELS: Readonly<Record<Way, string>> = {
  explode: "Show every step",
  collapse: "Collapse into one node",
};

/** Replace the node, in one step back. With `check` both graphs run. */
export async function change(way: Way, check = false, path = selectedNode()): Promise<void> {
  const { graph: before } = useEditor.getState();
  const { notify } = useUi.getState();
  try {
    const request = { graph: { ...before }, node: path };
    const told = way === "explode" ? await api.explode(request) : await api.collapse(request);
    const made = placeMissing(
      told.graph as unknown as GraphFile,
      useCatalogue.getState().catalogue,
    );
    if (useEditor.getState().graph !== before) {
      notify("warning", "The graph was changed meanwhile: try again");
      return;
    }
    const id = told.node.split("/").at(-1) ?? "";
    useEditor.getState().edit(LABELS[way], () => made, { select: [id] });
    // Drawn first: only then is there something to go to.
    requestAnimationFrame(() => reveal(id));
    if (check) await sameOutputs(before, made);
    else {
      const differs = "identical" in told && !told.identical;
      notify("info", `${LABELS[way]}: done${differs ? ". The picture may differ slightly" : ""}`, {
        label: "Check",
        run: () => void sameOutputs(before, made),
      });
    }
  } catch (error) {
    if (!(error instanceof api.ApiError)) throw error;
    const hint = error.problems[0]?.hint;
    notify("error", `${LABELS[way]}: ${error.message}${hint ? ` — ${hint}` : ""}`);
  }
}

/** Run both, and tell whether every output is the same to the bit. */
export async function sameOutputs(before: GraphFile, after: GraphFile): Promise<void> {
  const { notify } = useUi.getState();
  notify("info", "Both graphs run, to compare what they make …");
  const names = Object.keys(after.outputs ?? {}).filter((name) => before.outputs?.[name]);
  if (!names.length) {
    notify("warning", "Nothing to compare: the graph declares no outputs");
    return;
  }
  const runs: string[] = [];
  for (const [graph, title] of [
    [before, "check: before"],
    [after, "check: after"],
  ] as const) {
    const run = await quietRun({ graph, title, trace: "full", outputs: names });
    if (!run || (await ended(run)) !== "done") {
      notify("warning", `Not compared: ${title} did not finish`);
      return;
    }
    runs.push(run);
  }
  const [a = "", b = ""] = runs;
  const different: string[] = [];
  let bytes = 0;
  for (const name of names) {
    const one = await outputBytes(a, before.outputs?.[name] ?? "");
    const other = await outputBytes(b, after.outputs?.[name] ?? "");
    bytes += one.length;
    if (!one.length || !sameBytes(one, other)) different.push(name);
  }
  if (different.length) notify("warning", `Different: ${different.join(", ")}`);
  else notify("good", `Identical to the bit: ${names.join(", ")} (${bytes} bytes compared)`);
}

/** The raw elements of an output, as they were before any file was written. */
async function outputBytes(run: string, link: string): Promise<Uint8Array> {
  const { node, port } = splitLink(link);
  const { tensors } = await api.tensors(run);
  const own = tensors.filter((one) => one.node === node && one.port === port && one.kept);
  const path = own.at(-1)?.path;
  const parts: Uint8Array[] = [];
  for (const one of own) {
    if (one.path === path) parts.push(new Uint8Array(await api.tensor(run, one.tid)));
  }
  const made = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    made.set(part, at);
    at += part.length;
  }
  return made;
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, k) => byte === b[k]);
}
