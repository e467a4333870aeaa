/** One typed function per route of the server. What it refuses is thrown as an ApiError. */

import type { Catalogue, NodeSpec } from "../model/catalogue";
import type { GraphFile } from "../model/graph";
import { readJson, writeJson } from "../model/json";
import type * as wire from "../protocol";

/** Where the API is: beside the page, so that a reverse proxy may put both anywhere. */
const BASE = new URL("api/v1/", document.baseURI).href;

/** Tells the events of this page's doing from those of others. */
export const CLIENT = randomId();

/** An id that nobody else has; pages over plain HTTP have no `crypto.randomUUID`. */
export function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export class ApiError extends Error {
  readonly status: number;
  readonly problems: readonly wire.ProblemData[];
  /** On a conflict (412): what the server has. */
  readonly etag: string;

  constructor(status: number, problems: readonly wire.ProblemData[], etag = "") {
    const [first, ...others] = problems;
    const more = others.length ? ` (and ${others.length} more)` : "";
    super(first ? `${first.message}${more}` : `the server answered ${status}`);
    this.name = "ApiError";
    this.status = status;
    this.problems = problems;
    this.etag = etag;
  }
}

/** The server could not be reached at all. */
export class Unreachable extends ApiError {
  constructor() {
    const message = "the server cannot be reached";
    super(0, [{ code: "unreachable", where: "", message, hint: "", severity: "error" }]);
    this.name = "Unreachable";
  }
}

interface Ask {
  method?: string;
  /** Sent as JSON. */
  json?: unknown;
  form?: FormData;
  query?: Readonly<Record<string, string | number | boolean | null | undefined>>;
  headers?: Readonly<Record<string, string>>;
  signal?: AbortSignal;
}

/** A URL of the API; what stands between slashes is encoded. */
export function apiUrl(path: string, query?: Ask["query"]): string {
  const parts = path.split("/").map(encodeURIComponent);
  const url = new URL(parts.join("/"), BASE);
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined && value !== null && value !== "") {
      url.searchParams.set(name, String(value));
    }
  }
  return url.href;
}

async function ask(path: string, { method, json, form, query, headers, signal }: Ask = {}) {
  const request: RequestInit = {
    method: method ?? (json === undefined && !form ? "GET" : "POST"),
    headers: { "X-Nodeflow-Client": CLIENT, ...headers },
    credentials: "same-origin",
  };
  if (json !== undefined) {
    request.body = writeJson(json);
    request.headers = { ...request.headers, "Content-Type": "application/json" };
  }
  if (form) request.body = form;
  if (signal) request.signal = signal;
  let answer: Response;
  try {
    answer = await fetch(apiUrl(path, query), request);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Unreachable();
  }
  if (!answer.ok && answer.status !== 304) throw await refusal(answer);
  return answer;
}

async function refusal(answer: Response): Promise<ApiError> {
  const etag = bare(answer.headers.get("ETag"));
  try {
    const body = readJson(await answer.text()) as Partial<wire.Problems>;
    if (Array.isArray(body.problems)) return new ApiError(answer.status, body.problems, etag);
  } catch {
    // Not ours: a proxy's page. The status alone is told.
  }
  return new ApiError(answer.status, [], etag);
}

function bare(etag: string | null): string {
  return (etag ?? "").replace(/^W\//, "").replace(/^"|"$/g, "");
}

async function told<T>(path: string, options?: Ask): Promise<T> {
  const answer = await ask(path, options);
  return readJson(await answer.text()) as T;
}

async function done(path: string, options: Ask): Promise<void> {
  await ask(path, options);
}

// ── catalogue, templates ────────────────────────────────────────────────────────────────────────

export const info = () => told<wire.ServerInfo>("info");

export async function loadCatalogue(): Promise<{
  catalogue: Catalogue;
  problems: readonly wire.ProblemData[];
}> {
  // By the browser itself: large, and its one long number (how far seeds go) `boundsOf` knows.
  const got = (await (await ask("nodes")).json()) as wire.Catalogue;
  const nodes = got.nodes as unknown as NodeSpec[];
  const catalogue: Catalogue = {
    version: got.version,
    nodes: new Map(nodes.map((node) => [node.id, node])),
    types: new Map(got.types.map((type) => [type.name, type])),
    conversions: got.conversions,
  };
  return { catalogue, problems: got.problems };
}

export const templates = async () => (await told<wire.TemplateList>("templates")).templates;
export const template = (name: string) => told<GraphFile>(`templates/${name}`);

// ── graphs ──────────────────────────────────────────────────────────────────────────────────────

export const graphs = async () => (await told<wire.GraphList>("graphs")).graphs;

export async function graph(name: string): Promise<{ graph: GraphFile; etag: string }> {
  const answer = await ask(`graphs/${name}`, { headers: { "Cache-Control": "no-cache" } });
  const etag = bare(answer.headers.get("ETag"));
  return { graph: readJson(await answer.text()) as GraphFile, etag };
}

/** Saves over exactly the version `etag`; without one only where nothing is yet, unless `over`. A
 * conflict is an ApiError 412 with the etag of what is there. */
export function putGraph(
  name: string,
  file: GraphFile,
  etag: string,
  over = false,
): Promise<wire.GraphName> {
  const headers: Record<string, string> = {};
  if (!over) headers[etag ? "If-Match" : "If-None-Match"] = etag ? `"${etag}"` : "*";
  return told<wire.GraphName>(`graphs/${name}`, { method: "PUT", json: file, headers });
}

export function deleteGraph(name: string, etag = ""): Promise<void> {
  const headers: Record<string, string> = etag ? { "If-Match": `"${etag}"` } : {};
  return done(`graphs/${name}`, { method: "DELETE", headers });
}

// ── checks ──────────────────────────────────────────────────────────────────────────────────────

export const validate = (request: wire.GraphRequest, signal?: AbortSignal) =>
  told<wire.ValidateAnswer>("validate", { json: request, signal });

export const plan = (request: wire.GraphRequest) =>
  told<wire.PlanAnswer>("plan", { json: request });

/** The graph as a prompt for ComfyUI, and what cannot go over. */
export const exportComfyui = (request: wire.GraphRequest) =>
  told<wire.ComfyuiExport>("export/comfyui", { json: request });

/** How the text encoders of a checkpoint see a text. */
export function tokenize(
  text: string,
  checkpoint = "tiny",
  signal?: AbortSignal,
): Promise<wire.TokenizeAnswer> {
  return told<wire.TokenizeAnswer>("tokenize", { json: { text, checkpoint }, signal });
}

/** A sampler node as the loop of its steps, and back. */
export const explode = (request: wire.ExplodeRequest) =>
  told<wire.ExplodeAnswer>("explode", { json: request });
export const collapse = (request: wire.ExplodeRequest) =>
  told<wire.CollapseAnswer>("collapse", { json: request });

/** The latents of runs on the two axes along which they spread most. */
export const trajectory = (request: wire.TrajectoryRequest) =>
  told<wire.TrajectoryAnswer>("trajectory", { json: request });

// ── runs and queue ──────────────────────────────────────────────────────────────────────────────

export const submitRun = (request: wire.RunRequest) =>
  told<wire.RunAccepted>("runs", { json: request });

export const runs = (
  page: { state?: string; limit?: number; before?: number | null } = {},
): Promise<wire.RunPage> => told<wire.RunPage>("runs", { query: page });

/** A run with its graph and those of its events that come after `after`. */
export const run = (id: string, after = 0) =>
  told<wire.RunDetail>(`runs/${id}`, { query: { after } });

export const cancel = (id: string) =>
  told<wire.RunSummary>(`runs/${id}/cancel`, { method: "POST" });

export const goOn = (id: string, how: wire.RunContinue = {}) =>
  told<wire.RunSummary>(`runs/${id}/continue`, { json: how });

export const changeRun = (id: string, change: wire.RunChange) =>
  told<wire.RunSummary>(`runs/${id}`, { method: "PATCH", json: change });

export const deleteRun = (id: string) => done(`runs/${id}`, { method: "DELETE" });
export const clearHistory = () => done("runs", { method: "DELETE" });

export const queue = () => told<wire.QueueState>("queue");
export const clearQueue = () => done("queue", { method: "DELETE" });
export const setPaused = (paused: boolean) =>
  told<wire.QueueState>("queue", { method: "PATCH", json: { paused } });

// ── files ───────────────────────────────────────────────────────────────────────────────────────

export type FileKind = wire.OutputFile["kind"];

/** Where a picture is shown from; `thumb` is the side of a small one. */
export const fileUrl = (kind: FileKind, path: string, thumb?: number) =>
  apiUrl(`files/${kind}/${path}`, { thumb });

/** The same, to be saved by the browser. */
export const downloadUrl = (kind: FileKind, path: string) =>
  apiUrl(`files/${kind}/${path}`, { download: true });

export function upload(file: File): Promise<wire.UploadAnswer> {
  return told<wire.UploadAnswer>("files", { form: formOf(file) });
}

/** What a dropped file is, and the graph in it; the server keeps nothing. */
export function open(file: File): Promise<wire.OpenAnswer> {
  return told<wire.OpenAnswer>("open", { form: formOf(file) });
}

function formOf(file: File): FormData {
  const form = new FormData();
  form.set("file", file, file.name);
  return form;
}

export const deleteFile = (kind: FileKind, path: string) =>
  done(`files/${kind}/${path}`, { method: "DELETE" });

/** Pictures of a folder, newest first; `after` is the `next` of the page before. With a `name` only
 * that file, if it is there. */
export const outputs = (
  page: { kind?: FileKind; limit?: number; after?: string; name?: string } = {},
): Promise<wire.OutputPage> => told<wire.OutputPage>("outputs", { query: page });

export const deleteOutput = (path: string) => done(`outputs/${path}`, { method: "DELETE" });

/** The graph that a picture carries. */
export const outputGraph = (path: string) =>
  told<{ graph: GraphFile; outputs: string[] | null }>(`outputs/${path}/graph`);

// ── what was traced ─────────────────────────────────────────────────────────────────────────────

export const tensors = (id: string, after = 0) =>
  told<wire.TensorIndex>(`runs/${id}/tensors`, { query: { after } });

/** The elements, raw and little-endian; `from` and `to` in bytes, `to` not included. */
export async function tensor(
  id: string,
  tid: string,
  from?: number,
  to?: number,
): Promise<ArrayBuffer> {
  const headers: Record<string, string> = {};
  if (from !== undefined) headers.Range = `bytes=${from}-${to === undefined ? "" : to - 1}`;
  const answer = await ask(`runs/${id}/tensors/${tid}`, { headers });
  return answer.arrayBuffer();
}

export interface TensorLook {
  channel?: number | null;
  map?: "" | "grey" | "viridis" | "magma" | "diverging";
  item?: number;
  low?: number;
  high?: number;
}

export const tensorPicture = (id: string, tid: string, look: TensorLook = {}) =>
  apiUrl(`runs/${id}/tensors/${tid}.png`, { ...look });

export const tensorStats = (id: string, tid: string, bins = 64) =>
  told<wire.Histogram>(`runs/${id}/tensors/${tid}/stats`, { query: { bins } });

export const tensorValue = (id: string, tid: string, at: readonly number[]) =>
  told<{ at: number[]; value: number | null; told: string }>(`runs/${id}/tensors/${tid}/value`, {
    query: { at: at.join(",") },
  });

/** Where the networks of a run listened to their prompts, at trace level `full`; `node` is who
 * asked, or the loop that it is in. */
export const attention = (id: string, node = "") =>
  told<wire.AttentionIndex>(`runs/${id}/attention`, { query: { node } });

export interface AttentionLook {
  node: string;
  slot: number;
  step: number | null;
  prompt?: string;
  /** "" is the mean of all. */
  layer?: string;
  item?: number;
  map?: "grey" | "viridis" | "magma";
}

/** One token's map, in the colours of a map from 0 to its largest value. */
export const attentionPicture = (id: string, look: AttentionLook) =>
  apiUrl(`runs/${id}/attention.png`, { ...look });
