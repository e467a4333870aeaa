/** What a run traced, indexed by port and step, and which of it a wire or a node shows at a step. */

import { type GraphFile, PAD_IN } from "../model/graph";
import { holderOf, isLoop, linksAt, nodeByPath, splitPath } from "../model/links";
import type * as wire from "../protocol";

export type Tensor = wire.TensorInfo;

export interface GuidanceRow extends wire.Guidance {
  node: string;
  path: string;
  step: number | null;
  sigma: number | null;
}

export interface RunTrace {
  run: string;
  level: wire.TensorIndex["level"];
  tensors: readonly Tensor[];
  guidance: readonly GuidanceRow[];
  evicted: number;
  /** By `path/of/node.port`. */
  byPort: ReadonlyMap<string, readonly Tensor[]>;
  /** By node path. */
  byNode: ReadonlyMap<string, readonly Tensor[]>;
  /** Ports of which at some step something is no number. */
  unsound: ReadonlySet<string>;
  /** Latents that are kept, by the loop or sampler that they belong to. */
  latents: ReadonlyMap<string, number>;
  /** How wide the texts are that its model reads. */
  textWidth: number;
  pooledWidth: number;
}

export function indexed(told: wire.TensorIndex): RunTrace {
  const byPort = new Map<string, Tensor[]>();
  const byNode = new Map<string, Tensor[]>();
  const unsound = new Set<string>();
  const latents = new Map<string, number>();
  let textWidth = 0;
  let pooledWidth = 0;
  for (const tensor of told.tensors) {
    const port = `${tensor.node}.${tensor.port}`;
    push(byPort, port, tensor);
    push(byNode, tensor.node, tensor);
    if (tensor.stats.nan || tensor.stats.inf) unsound.add(port);
    if (tensor.role === "x_t" && tensor.part === "samples" && tensor.step !== null) {
      const loop = loopOf(tensor.path);
      latents.set(loop, Math.max(latents.get(loop) ?? 0, tensor.step + 1));
    }
    const last = tensor.shape.at(-1) ?? 0;
    if (tensor.part.endsWith("embeddings")) textWidth = Math.max(textWidth, last);
    if (tensor.part.endsWith("pooled")) pooledWidth = Math.max(pooledWidth, last);
  }
  return {
    run: told.run,
    level: told.level,
    tensors: told.tensors,
    guidance: told.guidance as unknown as GuidanceRow[],
    evicted: told.evicted,
    ...{ byPort, byNode, unsound, latents, textWidth, pooledWidth },
  };
}

function push(map: Map<string, Tensor[]>, key: string, tensor: Tensor): void {
  const list = map.get(key);
  if (list) list.push(tensor);
  else map.set(key, [tensor]);
}

/** The innermost loop or sampler that a path with passes lies in, without the passes around it:
 * `outer[1]/denoise[3]/cond` → `outer/denoise`. */
export function loopOf(path: string): string {
  const end = path.lastIndexOf("[");
  return end < 0 ? "" : bare(path.slice(0, end));
}

function bare(path: string): string {
  return path.replace(/\[\d+\]/g, "");
}

/** Which pass of a loop a path lies in; undefined if it lies in none of it. */
export function passOf(path: string, loop: string): number | undefined {
  if (!loop) return undefined;
  for (const found of path.matchAll(/\[(\d+)\]/g)) {
    if (bare(path.slice(0, found.index)) === loop) return Number(found[1]);
  }
  return undefined;
}

/** Of the tensors of one port those that a step shows: of the pass itself, or, where not each was
 * traced, of the one before. What lies in no pass of the loop is shown as it was at the last. */
export function atStep(tensors: readonly Tensor[], loop: string, step: number): readonly Tensor[] {
  let best = -1;
  let outside = false;
  for (const { path } of tensors) {
    const pass = passOf(path, loop);
    if (pass === undefined) outside = true;
    else if (pass <= step && pass > best) best = pass;
  }
  if (best >= 0) {
    const here = tensors.filter(({ path }) => passOf(path, loop) === best);
    return lastPath(here);
  }
  return outside ? lastPath(tensors.filter(({ path }) => passOf(path, loop) === undefined)) : [];
}

/** All parts of the value that was made last. */
function lastPath(tensors: readonly Tensor[]): readonly Tensor[] {
  const last = tensors.at(-1)?.path;
  return tensors.filter(({ path }) => path === last);
}

export interface Origin {
  /** `path/of/node.port` */
  port: string;
  /** 1: it comes from the step before. */
  back: number;
}

/** Where a wire's value is made: wires from pads begin where their loop gets it from, and at which
 * step. Of state the first step has its beginning. */
export function originOf(graph: GraphFile, from: string, loop: string, step: number): Origin {
  let at: Origin = { port: from, back: 0 };
  for (let depth = 0; depth < 32; depth += 1) {
    const cut = cutEnd(at.port);
    const { scope, id } = splitPath(cut.node);
    if (id !== PAD_IN) return at;
    const holder = holderOf(graph, scope);
    if (!holder) return at;
    const outer = scope.slice(0, -1);
    const own = scope.at(-1) ?? "";
    const [kind = "", ...rest] = cut.port.split(".");
    const name = rest.join(".");
    const within = scope.join("/") === loop;
    if (isLoop(holder) && kind === "state" && within && step - at.back > 0) {
      const next = holder.state?.[name]?.next;
      if (!next) return at;
      at = { port: joined(scope, next), back: at.back + 1 };
      continue;
    }
    const [link] = linksAt(graph, outer, { node: own, port: cut.port });
    if (!link) return at;
    at = { port: joined(outer, link), back: at.back };
  }
  return at;
}

/** A link of a scope with its path; what a body's pad gives, from the pad. */
function joined(scope: readonly string[], link: string): string {
  const pad = /^(each|const|state)\./.test(link) && scope.length > 0;
  return [...scope, pad ? `${PAD_IN}.${link}` : link].join("/");
}

/** `a/b.port` or `a/$in.state.latent` cut at the first dot after the last slash. */
export function cutEnd(end: string): { node: string; port: string } {
  const dot = end.indexOf(".", end.lastIndexOf("/") + 1);
  return dot < 0 ? { node: end, port: "" } : { node: end.slice(0, dot), port: end.slice(dot + 1) };
}

/** What a wire carries at a step. */
export function carried(
  trace: RunTrace,
  graph: GraphFile,
  from: string,
  loop: string,
  step: number,
): readonly Tensor[] {
  const { port, back } = originOf(graph, from, loop, step);
  // What a loop carries on leaves it at the end; at a step it is what that step made of it.
  const end = cutEnd(port);
  const next = end.node === loop ? nodeByPath(graph, loop)?.state?.[end.port]?.next : undefined;
  if (next) {
    const { scope, id } = splitPath(loop);
    const inside = joined([...scope, id], next);
    if (inside !== from) {
      const found = carried(trace, graph, inside, loop, step - back);
      if (found.length) return found;
    }
  }
  const tensors = trace.byPort.get(port);
  return tensors ? atStep(tensors, loop, step - back) : [];
}

// ── the latents of a step ───────────────────────────────────────────────────────────────────────

export interface StepTensors {
  /** The latent after the step. */
  after?: Tensor;
  /** The latent that it began with. */
  before?: Tensor;
  /** The estimate of the clean latent, where the run tells it. */
  x0?: Tensor;
  /** What moved the latent: the prediction after guidance. */
  eps?: Tensor;
  cond?: Tensor;
  uncond?: Tensor;
}

/** What a step did, of a loop or a one-node sampler. */
export function stepTensors(
  trace: RunTrace,
  graph: GraphFile | undefined,
  loop: string,
  step: number,
): StepTensors {
  const node = graph ? nodeByPath(graph, loop) : undefined;
  const made: StepTensors = {};
  if (node?.body && graph) {
    const { scope, id } = splitPath(loop);
    const inside = [...scope, id];
    for (const [name, state] of Object.entries(node.state ?? {})) {
      const after = samples(carriedAt(trace, graph, joined(inside, state.next), loop, step));
      if (after?.role !== "x_t") continue;
      put(made, "after", after);
      put(
        made,
        "before",
        samples(carried(trace, graph, `${loop}/${PAD_IN}.state.${name}`, loop, step)),
      );
      break;
    }
    const guide = guideOf(trace, loop);
    if (guide) {
      const asked = nodeByPath(graph, guide);
      for (const port of ["cond", "uncond"] as const) {
        const link = asked?.links?.[port];
        if (typeof link !== "string") continue;
        const from = joined(splitPath(guide).scope, link);
        put(made, port, samples(carriedAt(trace, graph, from, loop, step)));
      }
    }
  }
  const inStep = trace.tensors.filter(
    (tensor) => passOf(tensor.path, loop) === step && tensor.part === "samples",
  );
  const latest = (role: string, port?: string) =>
    inStep.findLast((tensor) => tensor.role === role && (!port || tensor.port === port));
  if (!made.after) put(made, "after", latest("x_t"));
  if (!node?.body) {
    put(made, "cond", latest("eps", "cond"));
    put(made, "uncond", latest("eps", "uncond"));
    if (step > 0) put(made, "before", stepTensorsBefore(trace, loop, step));
  }
  put(made, "x0", latest("x0"));
  const noise = latest("eps");
  // A sampler tells both predictions, not what became of them.
  if (noise && noise !== made.cond && noise !== made.uncond) put(made, "eps", noise);
  else if (noise && !made.uncond) put(made, "eps", noise);
  return made;
}

function stepTensorsBefore(trace: RunTrace, loop: string, step: number): Tensor | undefined {
  return trace.tensors.findLast(
    (tensor) =>
      tensor.role === "x_t" && tensor.part === "samples" && passOf(tensor.path, loop) === step - 1,
  );
}

function put<K extends keyof StepTensors>(made: StepTensors, name: K, tensor: Tensor | undefined) {
  if (tensor) made[name] = tensor;
}

function carriedAt(trace: RunTrace, graph: GraphFile, from: string, loop: string, step: number) {
  return carried(trace, graph, from, loop, step).filter(
    ({ path }) => passOf(path, loop) === undefined || passOf(path, loop) === step,
  );
}

function samples(tensors: readonly Tensor[]): Tensor | undefined {
  return tensors.find((tensor) => tensor.part === "samples");
}

/** The node that weighs the two predictions in a loop. */
export function guideOf(trace: RunTrace, loop: string): string {
  const row = trace.guidance.find(({ path }) => passOf(path, loop) !== undefined);
  return row && row.node !== loop ? row.node : "";
}
