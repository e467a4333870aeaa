/** Whether a wire may go from here to there, and if not, why not and what would help. */

import type { Catalogue } from "./catalogue";
import { type GraphFile, type LinkText, nodesIn, PAD_IN, PAD_OUT, type Scope } from "./graph";
import {
  type End,
  holderOf,
  innerGraph,
  isLoop,
  linkOf,
  linksAt,
  nodeAt,
  sourcesOf,
} from "./links";
import { boundBy, portsOf, typeOfSource } from "./ports";
import {
  bind,
  hasVariable,
  isVariable,
  listElement,
  parseType,
  substitute,
  type Type,
  typeFits,
  typeText,
  UNKNOWN,
} from "./types";

export type Verdict =
  | { ok: true /** The link that gives way. */; replaces?: LinkText; gathers?: boolean }
  | {
      ok: false;
      reason: string /** A node type that makes the one of the other. */;
      conversion?: string;
    };

/** Whether a wire of type `source` fits a port of type `target`, as `nodeflow.sockets` says. */
export function assignable(source: string, target: string, catalogue: Catalogue): boolean {
  return typeFits(parseType(source), parseType(target), catalogue);
}

/** The node type that makes `target` of `source`, if the server knows one. */
export function conversionOf(
  source: string,
  target: string,
  catalogue: Catalogue,
): string | undefined {
  const exact = catalogue.conversions.find((c) => c.source === source && c.target === target);
  if (exact) return exact.node;
  return catalogue.conversions.find(
    (c) => assignable(source, c.source, catalogue) && assignable(c.target, target, catalogue),
  )?.node;
}

/** What would happen if a wire were drawn. */
export function judge(
  graph: GraphFile,
  scope: Scope,
  from: End,
  to: End,
  catalogue: Catalogue,
): Verdict {
  const source = portsOf(graph, scope, from.node, catalogue);
  const target = portsOf(graph, scope, to.node, catalogue);
  const output = source.outputs.find((port) => port.name === from.port);
  const input = target.inputs.find((port) => port.name === to.port);
  if (!output && (source.known || !exists(graph, scope, from.node))) {
    return { ok: false, reason: `${from.node} has no output ${from.port}` };
  }
  if (!input && (target.known || !exists(graph, scope, to.node))) {
    return { ok: false, reason: `${to.node} has no input ${to.port}` };
  }
  if (innerGraph(holderOf(graph, scope)) && from.node === PAD_IN && to.node === PAD_OUT) {
    return { ok: false, reason: "an input cannot be handed straight on as an output" };
  }
  const ring = cycle(graph, scope, from.node, to.node);
  if (ring) {
    const names = ring.join(" → ");
    return { ok: false, reason: `this would be a cycle: ${names}; to repeat something use a loop` };
  }
  return judgeTypes(graph, scope, from, to, catalogue);
}

function exists(graph: GraphFile, scope: Scope, id: string): boolean {
  return id === PAD_IN || id === PAD_OUT
    ? holderOf(graph, scope) !== undefined
    : nodeAt(graph, scope, id) !== undefined;
}

function judgeTypes(
  graph: GraphFile,
  scope: Scope,
  from: End,
  to: End,
  catalogue: Catalogue,
): Verdict {
  const link = linkOf(from);
  const before = linksAt(graph, scope, to);
  const got = parseType(typeOfSource(graph, scope, link, catalogue));
  const wanted = wantedType(graph, scope, to, catalogue);
  const item = takesOne(graph, scope, to) ? undefined : listElement(wanted);
  const fitsItem = item !== undefined && bind(got, item, new Map(), catalogue);
  const gathered = Array.isArray(nodeAt(graph, scope, to.node)?.links?.[to.port]);
  if (gathered && fitsItem) {
    return before.includes(link) ? { ok: true, replaces: link } : { ok: true, gathers: true };
  }
  if (bind(got, wanted, new Map(), catalogue)) return replacing(before, link);
  if (fitsItem) return { ...replacing(before, link), gathers: true };
  return refusal(got, wanted, to, catalogue);
}

function replacing(before: readonly LinkText[], link: LinkText): { ok: true; replaces?: LinkText } {
  const old = before.find((other) => other !== link);
  return old === undefined ? { ok: true } : { ok: true, replaces: old };
}

/** Only ports of nodes gather several wires; loops, groups' outputs and pads take one. */
function takesOne(graph: GraphFile, scope: Scope, to: End): boolean {
  return to.node === PAD_OUT || isLoop(nodeAt(graph, scope, to.node));
}

/** The type that a port wants, what its variables stand for taken from its node's other wires. */
function wantedType(graph: GraphFile, scope: Scope, to: End, catalogue: Catalogue): Type {
  const node = nodeAt(graph, scope, to.node);
  const { name: kind, rest: name } = cut(to.port);
  if (isLoop(node)) return loopInput(graph, scope, to.node, kind, name, catalogue);
  if (to.node === PAD_OUT && kind === "collect") return parseType(UNKNOWN);
  const port = portsOf(graph, scope, to.node, catalogue).inputs.find((p) => p.name === to.port);
  const type = parseType(port?.type ?? UNKNOWN);
  const spec = node && catalogue.nodes.get(node.type);
  if (!spec || !hasVariable(type, catalogue)) return type;
  return substitute(type, boundBy(graph, scope, to.node, spec, catalogue, 0, to.port));
}

function cut(port: string): { name: string; rest: string } {
  const dot = port.indexOf(".");
  return dot < 0
    ? { name: port, rest: "" }
    : { name: port.slice(0, dot), rest: port.slice(dot + 1) };
}

/** `each` walks lists of anything; a state must hold what its next is; what is constant may be
 * anything: its readers in the body are judged by themselves. */
function loopInput(
  graph: GraphFile,
  scope: Scope,
  id: string,
  kind: string,
  name: string,
  catalogue: Catalogue,
): Type {
  if (kind === "each") return { kind: "list", of: parseType(UNKNOWN) };
  if (kind !== "state") return parseType(UNKNOWN);
  const node = nodeAt(graph, scope, id);
  const next = node?.state?.[name]?.next;
  const init = node?.state?.[name]?.init;
  // The type of `next` may itself follow from what the state is now: then nothing is known.
  if (!next || init) return parseType(init ? typeOfSource(graph, scope, init, catalogue) : UNKNOWN);
  return parseType(typeOfSource(graph, [...scope, id], next, catalogue));
}

function refusal(got: Type, wanted: Type, to: End, catalogue: Catalogue): Verdict {
  const source = typeText(got);
  const target = typeText(wanted);
  if (target === `list[${UNKNOWN}]`) {
    return { ok: false, reason: `${to.port} walks a list, and this is one ${source}` };
  }
  const conversion = conversionOf(source, target, catalogue);
  const base = `${source} does not fit ${to.port}, which takes ${named(wanted, catalogue)}`;
  if (conversion) return { ok: false, reason: `${base}; ${conversion} converts`, conversion };
  if (got.kind === "list" && typeFits(got.of, wanted, catalogue)) {
    return { ok: false, reason: `${base}: the wire carries a list`, conversion: "list.choose" };
  }
  return { ok: false, reason: base };
}

function named(type: Type, catalogue: Catalogue): string {
  return members(type, catalogue).join(" or ");
}

function members(type: Type, catalogue: Catalogue): string[] {
  if (type.kind === "union") return type.of.flatMap((member) => members(member, catalogue));
  if (type.kind === "list") return [`list of ${named(type.of, catalogue)}`];
  if (isVariable(type, catalogue)) return ["anything"];
  return [type.name];
}

/** The ring that a wire from one node to another would close, or undefined. */
export function cycle(
  graph: GraphFile,
  scope: Scope,
  from: string,
  to: string,
): string[] | undefined {
  if (from === PAD_IN || to === PAD_OUT) return undefined;
  const nodes = nodesIn(graph, scope) ?? {};
  const inLoop = isLoop(holderOf(graph, scope));
  const came = new Map<string, string>([[from, ""]]);
  const pending = [from];
  // From where the wire comes back along what feeds it: if that meets where it goes, a ring.
  for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
    if (id === to) return ringFrom(came, to);
    const node = nodes[id];
    if (!node) continue;
    for (const source of sourcesOf(id, node, inLoop)) {
      if (came.has(source)) continue;
      came.set(source, id);
      pending.push(source);
    }
  }
  return undefined;
}

function ringFrom(came: ReadonlyMap<string, string>, to: string): string[] {
  const ring = [to];
  for (let id = came.get(to); id; id = came.get(id)) ring.push(id);
  return [...ring, to];
}
