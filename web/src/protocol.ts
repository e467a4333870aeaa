/** What goes over the wire: made by `npm run protocol` from nodeflow/server/protocol.py. */

export interface Protocol {
  AttentionIndex?: AttentionIndex;
  AttentionLayer?: AttentionLayer;
  AttentionMap?: AttentionMap;
  Catalogue?: Catalogue;
  CollapseAnswer?: CollapseAnswer;
  ComfyuiExport?: ComfyuiExport;
  Conversion?: Conversion;
  ErrorEvent?: ErrorEvent;
  ExplodeAnswer?: ExplodeAnswer;
  ExplodeRequest?: ExplodeRequest;
  GalleryFile?: GalleryFile;
  GraphList?: GraphList;
  GraphName?: GraphName;
  GraphRequest?: GraphRequest;
  GraphsEvent?: GraphsEvent;
  Guidance?: Guidance;
  Histogram?: Histogram;
  NodeEvent?: NodeEvent;
  OpenAnswer?: OpenAnswer;
  OutputEvent?: OutputEvent;
  OutputFile?: OutputFile;
  OutputPage?: OutputPage;
  PausedEvent?: PausedEvent;
  PlanAnswer?: PlanAnswer;
  PlanData?: PlanData;
  PlanMade?: PlanMade;
  PlanStepData?: PlanStepData;
  PreviewHead?: PreviewHead;
  ProblemData?: ProblemData;
  Problems?: Problems;
  QueueChange?: QueueChange;
  QueueEvent?: QueueEvent;
  QueueState?: QueueState;
  RunAccepted?: RunAccepted;
  RunChange?: RunChange;
  RunContinue?: RunContinue;
  RunDetail?: RunDetail;
  RunEvent?: RunEvent;
  RunOutput?: RunOutput;
  RunPage?: RunPage;
  RunRequest?: RunRequest;
  RunSummary?: RunSummary;
  ServerInfo?: ServerInfo;
  SocketType?: SocketType;
  Statistics?: Statistics;
  StepEvent?: StepEvent;
  Subscribe?: Subscribe;
  Template?: Template;
  TemplateList?: TemplateList;
  TensorHead?: TensorHead;
  TensorIndex?: TensorIndex;
  TensorInfo?: TensorInfo;
  TokenPiece?: TokenPiece;
  TokenizeAnswer?: TokenizeAnswer;
  TokenizeRequest?: TokenizeRequest;
  TokenizedText?: TokenizedText;
  Traced?: Traced;
  Trajectory?: Trajectory;
  TrajectoryAnswer?: TrajectoryAnswer;
  TrajectoryPoint?: TrajectoryPoint;
  TrajectoryRequest?: TrajectoryRequest;
  UploadAnswer?: UploadAnswer;
  ValidateAnswer?: ValidateAnswer;
}
/**
 * What a run traced of attention. Without maps, `note` says why.
 */
export interface AttentionIndex {
  run: string;
  /**
   * paths of the nodes that asked, in order
   */
  nodes: string[];
  prompts: string[];
  layers: AttentionLayer[];
  steps: number[];
  /**
   * slots of the longest text
   */
  tokens: number;
  /**
   * pictures of the batch
   */
  items: number;
  maps: AttentionMap[];
  note: string;
}
export interface AttentionLayer {
  /**
   * the layer's place in the network
   */
  name: string;
  height: number;
  width: number;
}
/**
 * One traced tensor [B, tokens, h, w]: to which token each place of a layer listened.
 */
export interface AttentionMap {
  tid: string;
  /**
   * which asked the network
   */
  node: string;
  path: string;
  step: number | null;
  /**
   * the port that the text came by
   */
  prompt: string;
  layer: string;
  tokens: number;
  kept: boolean;
}
export interface Catalogue {
  version: string;
  nodes: {
    [k: string]: unknown;
  }[];
  types: SocketType[];
  conversions: Conversion[];
  problems: ProblemData[];
}
export interface SocketType {
  name: string;
  colour: string;
  shape: string;
  /**
   * what it may also stand for
   */
  bases: string[];
}
/**
 * A node that makes one type of another, offered where a link does not fit.
 */
export interface Conversion {
  source: string;
  target: string;
  node: string;
}
export interface ProblemData {
  code: string;
  where: string;
  message: string;
  hint: string;
  severity: "error" | "warning";
}
export interface CollapseAnswer {
  graph: {
    [k: string]: unknown;
  };
  node: string;
  removed: string[];
  /**
   * whether the picture stays the same to the bit
   */
  identical: boolean;
}
/**
 * A graph as a prompt for ComfyUI. Nodes without a counterpart stand in it under our own type,
 * and `problems` names each of them.
 */
export interface ComfyuiExport {
  prompt: {
    [k: string]: unknown;
  };
  problems: ProblemData[];
}
/**
 * `nf.error`: a node failed, or the run as a whole (`node` is "").
 */
export interface ErrorEvent {
  run: string;
  seq: number;
  node: string;
  path: string;
  port: string;
  code: string;
  message: string;
  hint: string;
  traceback: string;
}
export interface ExplodeAnswer {
  graph: {
    [k: string]: unknown;
  };
  node: string;
  added: string[];
}
export interface ExplodeRequest {
  graph: {
    [k: string]: unknown;
  };
  /**
   * `sampler`, `outer/sampler`
   */
  node: string;
}
export interface GalleryFile {
  kind: "output" | "temp" | "input";
  path: string;
  bytes: number;
  media_type: string;
  width: number;
  height: number;
  saved_at: number;
  run: string;
  has_graph: boolean;
  /**
   * what names it in a node's path parameter
   */
  param: string;
}
export interface GraphList {
  graphs: GraphName[];
}
export interface GraphName {
  name: string;
  title: string;
  etag: string;
  bytes: number;
  saved_at: number;
}
export interface GraphRequest {
  graph: {
    [k: string]: unknown;
  };
  inputs?: {
    [k: string]: unknown;
  };
  outputs?: string[] | null;
}
/**
 * `nf.graphs`, without a number: somebody saved or deleted a graph.
 */
export interface GraphsEvent {
  name: string;
  /**
   * "" when it was deleted
   */
  etag: string;
  client: string;
}
/**
 * Norms (L2, mean over the batch) of the two predictions and of their difference, and the
 * cosine of the angle between the two.
 */
export interface Guidance {
  cond: number;
  uncond: number;
  delta: number;
  cos: number;
}
export interface Histogram {
  counts: number[];
  edges: number[];
  stats: Statistics;
  channels: Statistics[];
}
/**
 * Of the finite elements; `nan` and `inf` count the others. None where there are none.
 */
export interface Statistics {
  min: number | null;
  max: number | null;
  mean: number | null;
  /**
   * population standard deviation
   */
  std: number | null;
  /**
   * L2, over all finite elements
   */
  norm: number | null;
  nan: number;
  inf: number;
}
/**
 * `nf.node`: a node's state changed.
 */
export interface NodeEvent {
  run: string;
  seq: number;
  node: string;
  path: string;
  state: "queued" | "running" | "cached" | "done" | "error" | "skipped";
  why: string;
  ms: number | null;
  bytes: number | null;
}
/**
 * What a dropped file is. Without a graph, `problems` says why; `inputs` may be there still.
 */
export interface OpenAnswer {
  kind: "nodeflow" | "comfyui-api" | "comfyui-ui" | "a1111" | "picture" | "unknown";
  graph: {
    [k: string]: unknown;
  } | null;
  inputs: {
    [k: string]: unknown;
  };
  problems: ProblemData[];
}
/**
 * `nf.output`: an output is there.
 */
export interface OutputEvent {
  run: string;
  seq: number;
  output: RunOutput;
}
/**
 * What a run made under one name: files, or a plain value.
 */
export interface RunOutput {
  name: string;
  node: string;
  files: OutputFile[];
  value: unknown;
}
export interface OutputFile {
  kind: "output" | "temp" | "input";
  /**
   * below that folder, with /
   */
  path: string;
  bytes: number;
  media_type: string;
  width: number | null;
  height: number | null;
}
/**
 * The gallery: pictures of the output folder, newest first.
 */
export interface OutputPage {
  files: GalleryFile[];
  next: string;
}
/**
 * `nf.paused`: the run waits at a breakpoint, before this node.
 */
export interface PausedEvent {
  run: string;
  seq: number;
  node: string;
  path: string;
}
export interface PlanAnswer {
  steps: PlanStepData[];
  peak_bytes: number;
  peak_at: string;
  /**
   * warnings
   */
  problems: ProblemData[];
}
/**
 * One node in the order of running. `held_bytes` while it runs, what it makes included;
 * `frees` names the values let go after it. A loop's `body` is the plan of one pass.
 */
export interface PlanStepData {
  node: string;
  type: string;
  makes: PlanMade[];
  held_bytes: number;
  frees: string[];
  body: PlanData | null;
}
export interface PlanMade {
  output: string;
  type: string;
  /**
   * predicted
   */
  bytes: number;
}
export interface PlanData {
  steps: PlanStepData[];
  peak_bytes: number;
  peak_at: string;
}
/**
 * The JSON head of a binary frame of kind 101: the same layout, data is a JPEG.
 */
export interface PreviewHead {
  run: string;
  node: string;
  path: string;
  step: number;
  steps: number;
  width: number;
  height: number;
}
/**
 * The body of every answer that refuses: all that is wrong, at once.
 */
export interface Problems {
  problems: ProblemData[];
}
export interface QueueChange {
  paused: boolean;
}
/**
 * `nf.queue`, without a number: what runs and what waits, ids only.
 */
export interface QueueEvent {
  paused: boolean;
  running: string[];
  queued: string[];
}
export interface QueueState {
  paused: boolean;
  running: RunSummary[];
  /**
   * in the order they will run
   */
  queued: RunSummary[];
}
export interface RunSummary {
  run: string;
  /**
   * counts up by acceptance
   */
  number: number;
  title: string;
  state: "queued" | "running" | "paused" | "done" | "failed" | "cancelled";
  /**
   * why it failed or was cancelled
   */
  reason: string;
  priority: number;
  /**
   * how often it was begun; a cut run is begun again once
   */
  attempts: number;
  accepted_at: number;
  started_at: number | null;
  finished_at: number | null;
  client: string;
  trace: "off" | "stats" | "latents" | "full";
  last_seq: number;
  /**
   * total, ran, cached
   */
  nodes: {
    [k: string]: number;
  };
  peak_bytes: number;
  outputs: RunOutput[];
}
export interface RunAccepted {
  run: string;
  /**
   * runs before it in the queue
   */
  position: number;
  /**
   * warnings
   */
  problems: ProblemData[];
}
/**
 * Of a queued run: its place. `before` names the run to stand before, "" is the end.
 */
export interface RunChange {
  before?: string | null;
  priority?: number | null;
}
/**
 * Go on from a breakpoint. `step` stops again before the next node; `params` sets literals.
 */
export interface RunContinue {
  step?: boolean;
  params?: {
    [k: string]: unknown;
  };
}
export interface RunDetail {
  summary: RunSummary;
  graph: {
    [k: string]: unknown;
  };
  inputs: {
    [k: string]: unknown;
  };
  /**
   * those after `after`, as on the socket
   */
  events: {
    [k: string]: unknown;
  }[];
}
/**
 * `nf.run`: the run's state changed.
 */
export interface RunEvent {
  run: string;
  seq: number;
  state: "queued" | "running" | "paused" | "done" | "failed" | "cancelled";
  reason: string;
  at: number;
  /**
   * nodes needed, when it begins
   */
  total: number | null;
  cached: number | null;
  peak_bytes: number | null;
}
/**
 * A page of runs, newest first; `before` asks for the next one.
 */
export interface RunPage {
  runs: RunSummary[];
  before: number | null;
  total: number;
}
export interface RunRequest {
  /**
   * a graph file
   */
  graph: {
    [k: string]: unknown;
  };
  /**
   * values for declared inputs
   */
  inputs?: {
    [k: string]: unknown;
  };
  /**
   * declared outputs or `node.port`
   */
  outputs?: string[] | null;
  title?: string;
  /**
   * higher runs first
   */
  priority?: number;
  /**
   * before all others of its priority
   */
  front?: boolean;
  /**
   * who asked; events are told to all
   */
  client?: string;
  trace?: "off" | "stats" | "latents" | "full";
  /**
   * trace each n-th step
   */
  every?: number;
  /**
   * nodes (`guide`, `denoise/guide`) or passes (`denoise[3]`) to stop before
   *
   * @maxItems 100
   */
  breakpoints?: string[];
  keep_going?: boolean;
  /**
   * send pictures of the latents while it runs
   */
  previews?: boolean;
  /**
   * outputs that are shown and not kept: their files go into the temporary folder
   *
   * @maxItems 1000
   */
  temporary?: string[];
  /**
   * further texts that its pictures carry
   */
  texts?: {
    [k: string]: string;
  };
}
export interface ServerInfo {
  version: string;
  device: string;
  torch: string;
  threads: number | null;
  max_upload_bytes: number;
  features: string[];
}
/**
 * `nf.step`: a loop begins pass `step` of `steps`, or a node tells that so much is done.
 */
export interface StepEvent {
  run: string;
  seq: number;
  node: string;
  path: string;
  step: number;
  steps: number;
  sigma: number | null;
  cfg: Guidance | null;
  info: {
    [k: string]: unknown;
  };
}
/**
 * From a client: `{"type": "subscribe", "data": Subscribe}`. Which tensors of a run it wants
 * pushed as binary frames of kind 100, and each n-th step only. `run` "" is any run.
 */
export interface Subscribe {
  run?: string;
  trace?: "off" | "stats" | "latents" | "full";
  every?: number;
}
export interface Template {
  name: string;
  title: string;
  description: string;
  /**
   * start, control, edit, look inside, models, train …
   */
  section: string;
  inputs: string[];
  /**
   * model files it needs, not here
   */
  missing: string[];
  /**
   * URL of what it makes, if there is one
   */
  picture: string;
}
export interface TemplateList {
  templates: Template[];
}
/**
 * The JSON head of a binary frame of kind 100: u32 100, u32 length of the head, head, data
 * (big-endian counts; raw little-endian elements).
 */
export interface TensorHead {
  run: string;
  node: string;
  path: string;
  port: string;
  step: number | null;
  dtype: string;
  shape: number[];
  role: "x_t" | "x0" | "eps" | "attention" | "value";
  tid: string;
  seq: number;
}
export interface TensorIndex {
  run: string;
  level: "off" | "stats" | "latents" | "full";
  tensors: TensorInfo[];
  guidance: {
    [k: string]: unknown;
  }[];
  /**
   * tensors let go for want of room
   */
  evicted: number;
}
export interface TensorInfo {
  tid: string;
  node: string;
  path: string;
  port: string;
  /**
   * socket type of the port
   */
  type: string;
  /**
   * which tensor of the value: `samples`, `more[0]`
   */
  part: string;
  step: number | null;
  role: "x_t" | "x0" | "eps" | "attention" | "value";
  dtype: string;
  device: string;
  shape: number[];
  bytes: number;
  stats: Statistics;
  /**
   * whether the elements can still be had
   */
  kept: boolean;
}
export interface TokenPiece {
  id: number;
  text: string;
  /**
   * place in the text, in characters; -1 for a mark of ours
   */
  start: number;
  end: number;
  weight: number;
  chunk: number;
  slot: number;
  special: "" | "start" | "end" | "pad";
}
export interface TokenizeAnswer {
  texts: TokenizedText[];
}
export interface TokenizedText {
  encoder: string;
  /**
   * slots of a chunk, 77 for CLIP
   */
  length: number;
  /**
   * when it holds, of a prompt that changes on the way
   */
  note: string;
  pieces: TokenPiece[];
}
export interface TokenizeRequest {
  text: string;
  /**
   * whose tokenizers
   */
  checkpoint?: string;
  syntax?: "comfyui" | "a1111" | "plain";
}
/**
 * The latents of one run: of the node that steps, by default that which makes most of them.
 */
export interface Traced {
  run: string;
  node: string;
}
export interface Trajectory {
  run: string;
  node: string;
  /**
   * the latents after each step
   */
  points: TrajectoryPoint[];
}
export interface TrajectoryPoint {
  step: number;
  tid: string;
  x: number;
  y: number;
  /**
   * root mean square of the difference from the reference's last latent
   */
  error: number | null;
}
/**
 * Latents on the two axes along which all of them spread most (principal components).
 */
export interface TrajectoryAnswer {
  trajectories: Trajectory[];
  /**
   * shares of the variance on the two axes
   */
  explained: number[];
  /**
   * each n-th step was taken, for there were too many
   */
  every: number;
}
export interface TrajectoryRequest {
  /**
   * @minItems 1
   * @maxItems 16
   */
  runs:
    | [Traced]
    | [Traced, Traced]
    | [Traced, Traced, Traced]
    | [Traced, Traced, Traced, Traced]
    | [Traced, Traced, Traced, Traced, Traced]
    | [Traced, Traced, Traced, Traced, Traced, Traced]
    | [Traced, Traced, Traced, Traced, Traced, Traced, Traced]
    | [Traced, Traced, Traced, Traced, Traced, Traced, Traced, Traced]
    | [Traced, Traced, Traced, Traced, Traced, Traced, Traced, Traced, Traced]
    | [Traced, Traced, Traced, Traced, Traced, Traced, Traced, Traced, Traced, Traced]
    | [Traced, Traced, Traced, Traced, Traced, Traced, Traced, Traced, Traced, Traced, Traced]
    | [
        Traced,
        Traced,
        Traced,
        Traced,
        Traced,
        Traced,
        Traced,
        Traced,
        Traced,
        Traced,
        Traced,
        Traced
      ]
    | [
        Traced,
        Traced,
        Traced,
        Traced,
        Traced,
        Traced,
        Traced,
        Traced,
        Traced,
        Traced,
        Traced,
        Traced,
        Traced
      ]
    | [
        Traced,
        Traced,
        Traced,
        Traced,
        Traced,
        Traced,
        Traced,
        Traced,
        Traced,
        Traced,
        Traced,
        Traced,
        Traced,
        Traced
      ]
    | [
        Traced,
        Traced,
        Traced,
        Traced,
        Traced,
        Traced,
        Traced,
        Traced,
        Traced,
        Traced,
        Traced,
        Traced,
        Traced,
        Traced,
        Traced
      ]
    | [
        Traced,
        Traced,
        Traced,
        Traced,
        Traced,
        Traced,
        Traced,
        Traced,
        Traced,
        Traced,
        Traced,
        Traced,
        Traced,
        Traced,
        Traced,
        Traced
      ];
  /**
   * whose last latent errors are told from
   */
  reference?: Traced | null;
  /**
   * which of the batch
   */
  item?: number;
}
export interface UploadAnswer {
  file: OutputFile;
  /**
   * what to write into a node's path parameter
   */
  param: string;
}
export interface ValidateAnswer {
  valid: boolean;
  problems: ProblemData[];
  /**
   * node → output → socket type, as worked out
   */
  types: {
    [k: string]: {
      [k: string]: string;
    };
  };
}
