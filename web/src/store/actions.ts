/** What buttons, keys and the palette call. Each tells by a notice what came of it. */

import * as api from "../api/client";
import { lookAt } from "../api/socket";
import { addNode, setParam } from "../model/edit";
import { emptyGraph, type GraphFile, type Json } from "../model/graph";
import { readJson, writeJson } from "../model/json";
import { nodeByPath, splitPath, splitTarget } from "../model/links";
import { pythonOf } from "../model/python";
import { isNodeOf } from "../model/validate";
import type * as wire from "../protocol";
import { useCatalogue } from "./catalogue";
import { useConflict } from "./conflict";
import { bringBack, fileStem, hasNodes, isGraphFile, keep, openDocument } from "./documents";
import { useEditor } from "./editor";
import { useProblems } from "./problems";
import { FINISHED, type TraceLevel, useRuns } from "./runs";
import { useTraces } from "./traces";
import { useUi } from "./ui";

export interface RunOptions {
  /** Before all others that wait. */
  front?: boolean;
  trace?: TraceLevel;
  every?: number;
  /** Declared outputs or `node.port`; absent: all that the graph declares. */
  outputs?: string[];
  /** Nodes and passes to stop before; absent: those that are set. */
  breakpoints?: readonly string[];
  /** Seeds that are drawn anew before each run stay as they are. */
  sameSeeds?: boolean;
}

const notify = (...told: Parameters<ReturnType<typeof useUi.getState>["notify"]>) =>
  useUi.getState().notify(...told);

/** Tell what went wrong; what is no refusal of the server's is a fault of ours and goes on. */
function tell(what: string, error: unknown): void {
  if (!(error instanceof api.ApiError)) throw error;
  const hint = error.problems[0]?.hint;
  notify("error", `${what}: ${error.message}${hint ? ` — ${hint}` : ""}`);
}

// ── runs ────────────────────────────────────────────────────────────────────────────────────────

/** Seeds that the graph wants drawn anew before each run (`view.$random`); those that a wire feeds
 * stay. */
export function drawSeeds(graph: GraphFile, draw: () => number = drawSeed): GraphFile {
  return (graph.view?.$random ?? []).reduce((made, where) => {
    const { node, port } = splitTarget(where);
    const { scope, id } = splitPath(node);
    const linked = nodeByPath(made, node)?.links?.[port] !== undefined;
    return linked ? made : setParam(made, scope, id, port, draw());
  }, graph);
}

/** Short enough to be read and told, exact in every browser. */
function drawSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
}

/** Queue a run of the graph as it is. Its id, or "" where it was refused. */
export async function runGraph(options: RunOptions = {}): Promise<string> {
  const { edit, graph: before, name } = useEditor.getState();
  if (!hasNodes(before)) {
    notify("warning", "There is nothing to run yet: add a node, or open a template");
    return "";
  }
  // Who runs is past the welcome, and wants to see the picture it would cover.
  const { overlay, closeOverlay } = useUi.getState();
  if (overlay === "welcome") closeOverlay();
  if (!options.sameSeeds) edit("New seed", (drawn) => drawSeeds(drawn));
  const { graph } = useEditor.getState();
  const { level, every } = useTraces.getState();
  const breakpoints = [...(options.breakpoints ?? useRuns.getState().breakpoints)];
  // Who stops a run wants to look at what it made so far.
  const looked = breakpoints.length && level === "off" ? "full" : level;
  const request: wire.RunRequest = {
    graph: { ...graph },
    title: (graph.title || name || "").slice(0, 200),
    front: options.front ?? false,
    client: api.CLIENT,
    trace: options.trace ?? looked,
    every: options.every ?? every,
    breakpoints,
    previews: useUi.getState().previews,
  };
  if (options.outputs) request.outputs = options.outputs;
  try {
    const accepted = await api.submitRun(request);
    const runs = useRuns.getState();
    runs.keepGraph(accepted.run, graph);
    runs.show(accepted.run);
    return accepted.run;
  } catch (error) {
    refused(error, graph);
    return "";
  }
}

function refused(error: unknown, graph: GraphFile): void {
  if (!(error instanceof api.ApiError)) throw error;
  const errors = error.problems.filter((problem) => problem.severity === "error");
  if (error.status !== 400) {
    tell("Not queued", error);
    return;
  }
  useProblems.getState().set(error.problems, isNodeOf(graph));
  const [first, ...others] = errors;
  const where = first?.where ? `${first.where}: ` : "";
  const more = others.length ? ` (and ${others.length} more)` : "";
  notify("error", `Not queued — ${where}${first?.message ?? error.message}${more}`, {
    label: "Show",
    run: () => useUi.getState().openRight("problems"),
  });
}

/** Cancel a run; without an id the one that runs, else the one that is shown. */
export async function cancelRun(id?: string): Promise<void> {
  const { running, shown, runs } = useRuns.getState();
  const run = id ?? running[0] ?? shown;
  if (!run || FINISHED.has(runs[run]?.state ?? "queued")) return;
  try {
    await api.cancel(run);
  } catch (error) {
    tell("Not cancelled", error);
  }
}

/** Go on from a breakpoint; `step` stops again before the next node. */
export async function continueRun(id: string, how: wire.RunContinue = {}): Promise<void> {
  try {
    await api.goOn(id, how);
  } catch (error) {
    tell("Not continued", error);
  }
}

/** The graph of a run as it ran, and the run shown with it. */
export async function restoreRun(id: string): Promise<void> {
  try {
    const detail = await api.run(id, Number.MAX_SAFE_INTEGER);
    const title = detail.summary.title || `run ${detail.summary.number}`;
    const graph = detail.graph as unknown as GraphFile;
    openDocument(graph, { origin: title }, `the graph of ${title}`);
    useRuns.getState().know([detail.summary]);
    useRuns.getState().keepGraph(id, useEditor.getState().graph);
    showRun(id);
  } catch (error) {
    tell("Not restored", error);
  }
}

/** Let the canvas show a run's states. */
export function showRun(id: string): void {
  useRuns.getState().show(id);
  lookAt(id);
}

// ── graphs and templates ────────────────────────────────────────────────────────────────────────

export function newGraph(): void {
  openDocument(emptyGraph(), {}, "an empty graph");
}

export async function openTemplate(name: string): Promise<boolean> {
  try {
    const graph = await api.template(name);
    openDocument(graph, { origin: graph.title || name });
    return true;
  } catch (error) {
    tell("Not opened", error);
    return false;
  }
}

export async function openGraph(name: string): Promise<boolean> {
  try {
    const { graph, etag } = await api.graph(name);
    openDocument(graph, { name, etag }, name);
    return true;
  } catch (error) {
    tell("Not opened", error);
    return false;
  }
}

/** Save on the server; without a name under the one it has, or ask for one. */
export async function saveGraph(name?: string): Promise<boolean> {
  const { graph, name: own, etag } = useEditor.getState();
  const target = name ?? own;
  if (!target) {
    useUi.getState().openOverlay("graphs", { save: true });
    return false;
  }
  return put(target, graph, target === own ? etag : "");
}

async function put(name: string, graph: GraphFile, etag: string, over = false): Promise<boolean> {
  try {
    const saved = await api.putGraph(name, graph, etag, over);
    useEditor.getState().markSaved(graph, name, saved.etag);
    useConflict.setState({ conflict: null });
    notify("good", `Saved ${name}`);
    return true;
  } catch (error) {
    if (error instanceof api.ApiError && error.status === 412) {
      useConflict.setState({ conflict: { name, etag: error.etag, saving: true } });
    } else tell("Not saved", error);
    return false;
  }
}

/** Of a conflict: what is here counts. The server keeps the version before in its `.bak`. */
export async function keepMine(): Promise<void> {
  const { conflict } = useConflict.getState();
  if (conflict) await put(conflict.name, useEditor.getState().graph, conflict.etag, true);
}

/** Of a conflict: what is on the server counts. What was here can be brought back. */
export async function takeTheirs(): Promise<void> {
  const { conflict } = useConflict.getState();
  if (!conflict) return;
  const before = keep();
  try {
    const { graph, etag } = await api.graph(conflict.name);
    useConflict.setState({ conflict: null });
    useEditor.getState().load(graph, { name: conflict.name, etag });
    const run = () => bringBack(before);
    notify("info", `Took ${conflict.name} as it is on the server`, { label: "Bring back", run });
  } catch (error) {
    tell("Not opened", error);
  }
}

/** Of a conflict: both stay; what is here is saved under another name. */
export async function saveAsCopy(name?: string): Promise<boolean> {
  const { conflict } = useConflict.getState();
  const own = conflict?.name ?? useEditor.getState().name;
  return saveGraph(
    name ?? `${own || "graph"} copy ${new Date().toISOString().slice(11, 19).replaceAll(":", "-")}`,
  );
}

// ── files ───────────────────────────────────────────────────────────────────────────────────────

/** Larger files are not looked into. */
const MOST_BYTES = 64 << 20;
const ACCEPTED = "Graph files (JSON) of nodeflow or ComfyUI, and pictures that carry their graph";

/** Open what somebody dropped or chose: a graph in JSON, or in a picture. Nothing of the current
 * graph is lost, whatever it is. */
export async function openFile(file: File): Promise<boolean> {
  if (file.size > MOST_BYTES) {
    notify(
      "error",
      `${file.name} has ${Math.round(file.size / 2 ** 20)} MB. ${ACCEPTED} are taken.`,
    );
    return false;
  }
  const own = await ownGraph(file);
  if (own) {
    openDocument(own, { origin: file.name });
    return true;
  }
  try {
    return opened(file, await api.open(file));
  } catch (error) {
    tell(`${file.name} cannot be opened`, error);
    return false;
  }
}

/** A graph file of ours needs no server. */
async function ownGraph(file: File): Promise<GraphFile | undefined> {
  if (file.type.startsWith("image/")) return undefined;
  const head = await file.slice(0, 512).text();
  if (!head.trimStart().startsWith("{")) return undefined;
  try {
    const data: unknown = readJson(await file.text());
    return isGraphFile(data) ? data : undefined;
  } catch {
    return undefined;
  }
}

const FOUND: Readonly<Record<wire.OpenAnswer["kind"], string>> = {
  nodeflow: "a graph of nodeflow",
  "comfyui-api": "a ComfyUI prompt",
  "comfyui-ui": "a ComfyUI workflow",
  a1111: "A1111 parameters",
  picture: "a picture without a graph",
  unknown: "nothing that is known",
};

function opened(file: File, answer: wire.OpenAnswer): boolean {
  const said = answer.problems[0];
  if (isGraphFile(answer.graph)) {
    openDocument(answer.graph, { origin: file.name }, `${file.name}, ${FOUND[answer.kind]}`);
    if (said) {
      const more = answer.problems.length > 1 ? ` (and ${answer.problems.length - 1} more)` : "";
      notify("warning", `${said.where ? `${said.where}: ` : ""}${said.message}${more}`);
    }
    return true;
  }
  const why = said ? `: ${said.message}` : "";
  const text = `${file.name} is ${FOUND[answer.kind]}${why}. ${ACCEPTED} are taken.`;
  const inputs = answer.inputs;
  if (Object.keys(inputs).length) {
    const action = { label: "Use its settings", run: () => applySettings(inputs) };
    notify("warning", text, action);
  } else if (answer.kind === "picture") {
    notify("warning", text, { label: "Load as image", run: () => void addPicture(file) });
  } else notify("error", text);
  return false;
}

/** Values for the graph's declared inputs, by name. What the graph does not declare is told. */
export function applySettings(values: Readonly<Record<string, unknown>>): void {
  const { edit, graph } = useEditor.getState();
  const unknown = Object.keys(values).filter((name) => !graph.inputs?.[name]);
  edit("Use settings", (before) => {
    let made = before;
    for (const [name, value] of Object.entries(values)) {
      made = setInput(made, name, value as Json);
    }
    return made;
  });
  if (unknown.length) notify("info", `This graph has no input ${unknown.join(", ")}`);
}

/** A declared input of the graph set: the literal of every port that it feeds. */
export function setInput(graph: GraphFile, name: string, value: Json | undefined): GraphFile {
  const targets = graph.inputs?.[name] ?? [];
  const list = typeof targets === "string" ? [targets] : targets;
  return list.reduce((made, target) => {
    const { node, port } = splitTarget(target);
    const { scope, id } = splitPath(node);
    return setParam(made, scope, id, port, value);
  }, graph);
}

/** A picture taken in by the server, and a node that loads it. */
export async function addPicture(file: File, at: [number, number] = [0, 0]): Promise<void> {
  try {
    const { param } = await api.upload(file);
    const { catalogue } = useCatalogue.getState();
    const { edit, scope } = useEditor.getState();
    edit("Load image", (graph) => {
      return addNode(graph, scope, "load.image", at, catalogue, { path: param }).graph;
    });
  } catch (error) {
    tell(`${file.name} was not taken in`, error);
  }
}

function download(name: string, text: string, type: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** The graph file itself, as the command line runs it. */
export function exportJson(): void {
  const { graph, name } = useEditor.getState();
  download(`${fileStem(graph, name)}.json`, `${writeJson(graph, 2)}\n`, "application/json");
}

/** The graph as a prompt for ComfyUI's API. What has no counterpart there is shown. */
export async function exportComfyUI(): Promise<void> {
  const { graph, name } = useEditor.getState();
  try {
    const { prompt, problems } = await api.exportComfyui({ graph: { ...graph } });
    const file = `${fileStem(graph, name)}.comfyui.json`;
    download(file, `${writeJson(prompt, 2)}\n`, "application/json");
    if (problems?.length) useUi.getState().openOverlay("leftOut", { file, problems });
    else notify("good", `Saved ${file}`);
  } catch (error) {
    tell("Not exported", error);
  }
}

/** A Python program that builds and runs the same graph. */
export function exportPython(): void {
  const { graph, name } = useEditor.getState();
  const stem = fileStem(graph, name).replace(/[^\w-]+/g, "_");
  download(`${stem}.py`, pythonOf(graph), "text/x-python");
}
