/** Ports of loops: what each pass is given, carries and gives. */

import { changeHolder, freshName, mapRecord, relinkScope, withField } from "./files";
import type { GraphFile, NodeFile, Scope } from "./graph";
import { writeJson } from "./json";
import { holderOf, innerGraph, isLoop } from "./links";
import { relinkOutside } from "./outside";

/** `in` and `out` are those of a group. */
export type PortKind = "each" | "const" | "state" | "collect" | "in" | "out";

/** A port of the loop (or group) whose inside `scope` is, without a wire yet. The name is made
 * fresh where it is taken. */
export function addLoopPort(
  graph: GraphFile,
  scope: Scope,
  kind: PortKind,
  name: string,
): { graph: GraphFile; name: string } {
  const holder = holderOf(graph, scope);
  if (!holder) return { graph, name };
  const base = name.replace(/[./[\]\s]+/g, "_") || "value";
  const fresh = freshName(base, (other) => taken(holder, kind, other));
  return { graph: changeHolder(graph, scope, (node) => withPort(node, kind, fresh)), name: fresh };
}

function taken(holder: NodeFile, kind: PortKind, name: string): boolean {
  const inner = innerGraph(holder);
  if (inner) return name in ((kind === "out" ? inner.outputs : inner.inputs) ?? {});
  // A state and what is collected are both outputs of the loop.
  const outputs = { ...holder.state, ...holder.collect };
  if (kind === "state" || kind === "collect") return name in outputs;
  return name in ((kind === "each" ? holder.each : holder.const) ?? {});
}

function withPort(node: NodeFile, kind: PortKind, name: string): NodeFile {
  const inner = innerGraph(node);
  if (inner && kind === "out") {
    return { ...node, graph: { ...inner, outputs: { ...inner.outputs, [name]: "" } } };
  }
  if (inner && kind === "in") {
    return { ...node, graph: { ...inner, inputs: { ...inner.inputs, [name]: [] } } };
  }
  if (!isLoop(node) || kind === "in" || kind === "out") return node;
  if (kind === "state") {
    return { ...node, state: { ...node.state, [name]: { init: "", next: "" } } };
  }
  return { ...node, [kind]: { ...node[kind], [name]: "" } };
}

/** Another name, in the loop, its body and all that reads it. The same graph if it is taken. */
export function renameLoopPort(
  graph: GraphFile,
  scope: Scope,
  kind: PortKind,
  name: string,
  newName: string,
): GraphFile {
  const holder = holderOf(graph, scope);
  if (!holder || !newName || /[./[\]\s]/.test(newName) || taken(holder, kind, newName))
    return graph;
  const key = (k: string) => (k === name ? newName : k);
  const made = changeHolder(graph, scope, (node) => changeRecord(node, kind, renameKeys(key)));
  if (made === graph) return graph;
  return reread(made, scope, kind, name, newName);
}

function renameKeys(key: (name: string) => string) {
  return <T>(record: Record<string, T>): Record<string, T> =>
    Object.fromEntries(Object.entries(record).map(([name, value]) => [key(name), value]));
}

type ChangeRecord = <T>(record: Record<string, T>) => Record<string, T> | undefined;

function changeRecord(node: NodeFile, kind: PortKind, change: ChangeRecord): NodeFile {
  const inner = innerGraph(node);
  if (inner && (kind === "in" || kind === "out")) {
    const field = kind === "in" ? "inputs" : "outputs";
    const record = kind === "in" ? change(inner.inputs ?? {}) : change(inner.outputs ?? {});
    return { ...node, graph: withField(inner, field, record as never) };
  }
  if (kind === "in" || kind === "out") return node;
  if (kind === "state") return withField(node, "state", change(node.state ?? {}));
  return withField(node, kind, change(node[kind] ?? {}));
}

/** What read a port by its name reads it by another, or no more. */
function reread(
  graph: GraphFile,
  scope: Scope,
  kind: PortKind,
  name: string,
  newName: string | undefined,
): GraphFile {
  let made = graph;
  if (kind === "each" || kind === "const" || kind === "state") {
    const now = newName === undefined ? undefined : `${kind}.${newName}`;
    made = relinkScope(made, scope, (link) => (link === `${kind}.${name}` ? now : link));
  }
  const id = scope.at(-1) ?? "";
  if (kind === "state" || kind === "collect" || kind === "out") {
    const now = newName === undefined ? undefined : `${id}.${newName}`;
    made = relinkScope(made, scope.slice(0, -1), (link) => (link === `${id}.${name}` ? now : link));
  }
  return kind === "in" ? relinkOutside(made, scope, name, newName) : made;
}

/** A port taken away, with the wires at it. */
export function removeLoopPort(
  graph: GraphFile,
  scope: Scope,
  kind: PortKind,
  name: string,
): GraphFile {
  const without: ChangeRecord = (record) =>
    mapRecord(record, (value, k) => (k === name ? undefined : value));
  const made = changeHolder(graph, scope, (node) => {
    const next = changeRecord(node, kind, without);
    return writeJson(next) === writeJson(node) ? node : next;
  });
  return made === graph ? graph : reread(made, scope, kind, name, undefined);
}
