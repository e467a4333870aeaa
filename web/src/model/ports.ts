/** What a node looks like from outside: worked out from its definition and the file. */

import type { Catalogue, InputSpec, NodeSpec, WidgetSpec } from "./catalogue";
import {
  GROUP,
  type GraphFile,
  type Json,
  type LinkText,
  MAP,
  type NodeFile,
  nodesIn,
  PAD_IN,
  PAD_OUT,
  type Scope,
} from "./graph";
import {
  type End,
  holderOf,
  innerGraph,
  isLoop,
  linksAt,
  nodeAt,
  splitLink,
  splitTarget,
  wiresOfNode,
} from "./links";
import {
  type Bound,
  bind,
  hasVariable,
  isPlain,
  isVariable,
  listElement,
  literalType,
  parseType,
  substitute,
  typeText,
  UNKNOWN,
} from "./types";

export interface Port {
  name: string;
  type: string;
  required: boolean;
  isList: boolean;
  /** How its literal is edited; absent where it takes none. */
  widget?: WidgetSpec;
  default?: Json;
  spec?: InputSpec;
}

export interface NodePorts {
  title: string;
  category: string;
  /** False: a placeholder with the ports that its literals and wires name. */
  known: boolean;
  inputs: Port[];
  outputs: Port[];
}

const NOTHING: NodePorts = { title: "", category: "", known: false, inputs: [], outputs: [] };

/** Worked out once per definition. */
const ofSpec = new WeakMap<NodeSpec, NodePorts>();
/** Worked out anew with each graph, but handed out again where nothing changed. */
const ofNode = new WeakMap<NodeFile, NodePorts>();
const ofPads = new WeakMap<NodeFile, { in?: NodePorts; out?: NodePorts }>();

/** The ports of a node, a loop, a group or a pad; the same object as long as they are the same. */
export function portsOf(
  graph: GraphFile,
  scope: Scope,
  id: string,
  catalogue: Catalogue,
): NodePorts {
  if (id === PAD_IN || id === PAD_OUT) return padPorts(graph, scope, id, catalogue);
  const node = nodeAt(graph, scope, id);
  if (!node) return NOTHING;
  const spec = catalogue.nodes.get(node.type);
  if (spec) {
    const plain = specPorts(spec, catalogue);
    const extra = unknownInputs(node, plain);
    return extra.length ? kept(node, { ...plain, inputs: [...plain.inputs, ...extra] }) : plain;
  }
  const inner = innerGraph(node);
  if (!isLoop(node) && !inner) return kept(node, placeholder(graph, scope, id, node));
  const own = steady(nodesIn(graph, scope) ?? {}, id, node, graph, scope, catalogue);
  if (own?.ports) return own.ports;
  const made = inner
    ? groupPorts(graph, scope, id, inner, catalogue)
    : loopPorts(graph, scope, id, node, catalogue);
  const same = kept(node, made);
  if (own) own.ports = same;
  return same;
}

function kept(node: NodeFile, made: NodePorts): NodePorts {
  const before = ofNode.get(node);
  if (before && samePorts(before, made)) return before;
  ofNode.set(node, made);
  return made;
}

function samePorts(a: NodePorts, b: NodePorts): boolean {
  return (
    a.title === b.title &&
    a.known === b.known &&
    samePortList(a.inputs, b.inputs) &&
    samePortList(a.outputs, b.outputs)
  );
}

function samePortList(a: readonly Port[], b: readonly Port[]): boolean {
  return (
    a.length === b.length &&
    a.every((port, k) => {
      const other = b[k];
      return (
        other !== undefined &&
        port.name === other.name &&
        port.type === other.type &&
        port.required === other.required &&
        port.widget === other.widget &&
        port.default === other.default
      );
    })
  );
}

function specPorts(spec: NodeSpec, catalogue: Catalogue): NodePorts {
  const known = ofSpec.get(spec);
  if (known) return known;
  const made: NodePorts = {
    title: spec.title,
    category: spec.category,
    known: true,
    inputs: spec.inputs.map((input) => inputPort(input, catalogue)),
    outputs: spec.outputs.map((output) => plainPort(output.name, output.type)),
  };
  ofSpec.set(spec, made);
  return made;
}

function inputPort(input: InputSpec, catalogue: Catalogue): Port {
  const type = parseType(input.type);
  const port: Port = {
    name: input.name,
    type: input.type,
    required: input.required,
    isList: listElement(type) !== undefined,
    spec: input,
  };
  const literal = isPlain(type) || isVariable(type, catalogue);
  if (input.widget) port.widget = input.widget;
  else if (literal && isPlain(type)) port.widget = plainWidget(input.type);
  if (input.default !== undefined) port.default = input.default;
  return port;
}

const WIDGETS = new Map<string, WidgetSpec>();

/** The widget of a port whose signature names none; one object per type. */
function plainWidget(type: string): WidgetSpec {
  const known = WIDGETS.get(type);
  if (known) return known;
  const made: WidgetSpec = { widget: widgetName(type) };
  if (type === "int") made.step = 1;
  WIDGETS.set(type, made);
  return made;
}

function widgetName(type: string): string {
  if (type.startsWith("list[")) return "List";
  if (type === "bool") return "Toggle";
  if (type === "str") return "Text";
  return type.includes("str") ? "Any" : "Number";
}

function plainPort(name: string, type: string, required = false): Port {
  return { name, type, required, isList: parseType(type).kind === "list" };
}

/** Ports that a node's file names and its definition does not have: kept and shown. */
function unknownInputs(node: NodeFile, ports: NodePorts): Port[] {
  const extra: Port[] = [];
  for (const record of [node.params, node.links]) {
    for (const name in record) {
      const known = ports.inputs.some((port) => port.name === name);
      if (!known && !extra.some((port) => port.name === name)) extra.push(plainPort(name, UNKNOWN));
    }
  }
  return extra;
}

function loopPorts(
  graph: GraphFile,
  scope: Scope,
  id: string,
  node: NodeFile,
  catalogue: Catalogue,
): NodePorts {
  const outside = (link: LinkText | undefined) =>
    link ? typeOfSource(graph, scope, link, catalogue) : UNKNOWN;
  const inputs = [
    ...Object.entries(node.each ?? {}).map(([n, l]) => plainPort(`each.${n}`, outside(l), true)),
    ...Object.entries(node.const ?? {}).map(([n, l]) => plainPort(`const.${n}`, outside(l), true)),
    ...Object.entries(node.state ?? {}).map(([n, s]) =>
      plainPort(`state.${n}`, outside(s.init), true),
    ),
  ];
  const names = [...Object.keys(node.state ?? {}), ...Object.keys(node.collect ?? {})];
  const outputs = names.map((name) =>
    plainPort(name, typeOfSource(graph, scope, `${id}.${name}`, catalogue)),
  );
  const title = node.type === MAP ? "For each" : "Loop";
  return { title, category: "flow", known: true, inputs, outputs };
}

function groupPorts(
  graph: GraphFile,
  scope: Scope,
  id: string,
  inner: GraphFile,
  catalogue: Catalogue,
): NodePorts {
  const inside = [...scope, id];
  const inputs = Object.keys(inner.inputs ?? {}).map((name) =>
    declaredPort(graph, inside, inner, name, catalogue),
  );
  const outputs = Object.keys(inner.outputs ?? {}).map((name) =>
    plainPort(name, typeOfSource(graph, scope, `${id}.${name}`, catalogue)),
  );
  const title = inner.title || "Group";
  return { title, category: "flow", known: true, inputs, outputs };
}

/** A declared input of a graph as a port: what the first port is that it feeds. */
export function declaredPort(
  graph: GraphFile,
  scope: Scope,
  file: GraphFile,
  name: string,
  catalogue: Catalogue,
): Port {
  const targets = file.inputs?.[name] ?? [];
  const target = typeof targets === "string" ? targets : (targets[0] ?? "");
  const { node: path, port } = splitTarget(target);
  const parts = path.split("/");
  const at = [...scope, ...parts.slice(0, -1)];
  const id = parts.at(-1) ?? "";
  const found = portsOf(graph, at, id, catalogue).inputs.find((input) => input.name === port);
  if (!found) return plainPort(name, UNKNOWN);
  const node = nodeAt(graph, at, id);
  const literal = node?.params?.[port];
  const fed = literal !== undefined || node?.links?.[port] !== undefined;
  const made: Port = { ...found, name, required: found.required && !fed };
  if (literal !== undefined) made.default = literal;
  return made;
}

function placeholder(graph: GraphFile, scope: Scope, id: string, node: NodeFile): NodePorts {
  const none: NodePorts = { ...NOTHING, title: node.type };
  const outputs = readPorts(nodesIn(graph, scope) ?? {}, id);
  for (const link of Object.values(fileOf(graph, scope)?.outputs ?? {})) {
    const end = splitLink(link);
    if (end.node === id) outputs.add(end.port);
  }
  return {
    title: node.type === GROUP && typeof node.graph === "string" ? node.graph : node.type,
    category: node.type.split(".").slice(0, -1).join("."),
    known: false,
    inputs: unknownInputs(node, none),
    outputs: [...outputs].map((name) => plainPort(name, UNKNOWN)),
  };
}

/** The graph file whose own nodes a scope's are, if it is one. */
export function fileOf(graph: GraphFile, scope: Scope): GraphFile | undefined {
  return scope.length ? innerGraph(holderOf(graph, scope)) : graph;
}

const readers = new WeakMap<object, Map<string, Set<string>>>();

/** The outputs of a node that others of its scope read. */
function readPorts(nodes: Record<string, NodeFile>, id: string): Set<string> {
  let index = readers.get(nodes);
  if (!index) {
    index = new Map();
    for (const node of Object.values(nodes)) {
      for (const link of everyLink(node)) {
        const end = splitLink(link);
        const ports = index.get(end.node) ?? new Set();
        index.set(end.node, ports.add(end.port));
      }
    }
    readers.set(nodes, index);
  }
  return new Set(index.get(id));
}

function everyLink(node: NodeFile): LinkText[] {
  return [
    ...Object.values(node.links ?? {}).flat(),
    ...Object.values(node.each ?? {}),
    ...Object.values(node.const ?? {}),
    ...Object.values(node.state ?? {}).map((state) => state.init),
  ];
}

function padPorts(graph: GraphFile, scope: Scope, id: string, catalogue: Catalogue): NodePorts {
  const holder = holderOf(graph, scope);
  if (!holder) return NOTHING;
  const pads = ofPads.get(holder) ?? {};
  const side = id === PAD_IN ? "in" : "out";
  const made =
    side === "in"
      ? padInPorts(graph, scope, holder, catalogue)
      : padOutPorts(graph, scope, holder, catalogue);
  const before = pads[side];
  if (before && samePorts(before, made)) return before;
  ofPads.set(holder, { ...pads, [side]: made });
  return made;
}

function padInPorts(
  graph: GraphFile,
  scope: Scope,
  holder: NodeFile,
  catalogue: Catalogue,
): NodePorts {
  const title = isLoop(holder) ? "Each pass is given" : "Inputs";
  const pad = { title, category: "flow", known: true, inputs: [] };
  const inner = innerGraph(holder);
  if (inner) {
    const names = Object.keys(inner.inputs ?? {});
    const outputs = names.map((name) => {
      const port = declaredPort(graph, scope, inner, name, catalogue);
      return plainPort(name, port.type);
    });
    return { ...pad, outputs };
  }
  const names = [
    ...Object.keys(holder.each ?? {}).map((name) => `each.${name}`),
    ...Object.keys(holder.const ?? {}).map((name) => `const.${name}`),
    ...Object.keys(holder.state ?? {}).map((name) => `state.${name}`),
  ];
  const outputs = names.map((name) => plainPort(name, typeOfSource(graph, scope, name, catalogue)));
  return { ...pad, outputs };
}

function padOutPorts(
  graph: GraphFile,
  scope: Scope,
  holder: NodeFile,
  catalogue: Catalogue,
): NodePorts {
  const title = isLoop(holder) ? "Each pass gives" : "Outputs";
  const pad = { title, category: "flow", known: true, outputs: [] };
  const inner = innerGraph(holder);
  const type = (link: LinkText | undefined) =>
    link ? typeOfSource(graph, scope, link, catalogue) : UNKNOWN;
  if (inner) {
    const inputs = Object.entries(inner.outputs ?? {}).map(([name, link]) =>
      plainPort(name, type(link), true),
    );
    return { ...pad, inputs };
  }
  // What comes next must be what the state began as; what is collected may be anything.
  const next = Object.keys(holder.state ?? {}).map((name) =>
    plainPort(`next.${name}`, type(`state.${name}`), true),
  );
  const collect = Object.entries(holder.collect ?? {}).map(([name, link]) =>
    plainPort(`collect.${name}`, type(link), true),
  );
  return { ...pad, inputs: [...next, ...collect] };
}

// ── types of wires ──────────────────────────────────────────────────────────────────────────────

interface Known {
  catalogue: Catalogue;
  types: Map<string, string>;
}

const knownTypes = new WeakMap<GraphFile, Known>();
/** Chains of generic nodes longer than this are not followed to their end. */
const FAR = 400;

/** The socket type that a link carries, variables resolved where they can be; `?` unknown. */
export function typeOfSource(
  graph: GraphFile,
  scope: Scope,
  link: LinkText,
  catalogue: Catalogue,
): string {
  return follow(graph, scope, link, catalogue, 0);
}

/** The same for a wire's end, which is cut already: the quick way for all wires of a canvas. */
export function typeOfEnd(graph: GraphFile, scope: Scope, end: End, catalogue: Catalogue): string {
  return followEnd(graph, scope, end, catalogue, 0);
}

function follow(
  graph: GraphFile,
  scope: Scope,
  link: LinkText,
  catalogue: Catalogue,
  depth: number,
): string {
  return link ? followEnd(graph, scope, splitLink(link), catalogue, depth) : UNKNOWN;
}

function followEnd(
  graph: GraphFile,
  scope: Scope,
  end: End,
  catalogue: Catalogue,
  depth: number,
): string {
  if (depth > FAR) return UNKNOWN;
  const nodes = nodesIn(graph, scope);
  const node = nodes?.[end.node];
  const spec = node && catalogue.nodes.get(node.type);
  if (spec) {
    const fixed = fixedTypes(spec, catalogue).get(end.port);
    if (fixed !== null) return fixed ?? UNKNOWN;
  }
  const steady = nodes && node ? steadyTypes(nodes, end.node, node, graph, scope, catalogue) : null;
  const kept = steady?.get(end.port);
  if (kept !== undefined) return kept;
  let known = knownTypes.get(graph);
  if (known?.catalogue !== catalogue) {
    known = { catalogue, types: new Map() };
    knownTypes.set(graph, known);
  }
  const key = `${scope.join("/")}/${end.node}.${end.port}`;
  const before = known.types.get(key);
  if (before !== undefined) return before;
  known.types.set(key, UNKNOWN); // what reads itself is a cycle, which is told elsewhere
  const found = resolve(graph, scope, end, node, catalogue, depth + 1);
  known.types.set(key, found);
  steady?.set(end.port, found);
  return found;
}

const ofOutputs = new WeakMap<NodeSpec, Map<string, string | null>>();

/** The types of a definition's outputs; null where one depends on what is connected. */
function fixedTypes(spec: NodeSpec, catalogue: Catalogue): Map<string, string | null> {
  let known = ofOutputs.get(spec);
  if (!known) {
    known = new Map();
    for (const { name, type } of spec.outputs) {
      known.set(name, hasVariable(parseType(type), catalogue) ? null : type);
    }
    ofOutputs.set(spec, known);
  }
  return known;
}

/** What was worked out of a node that reads others, as long as those are the same. */
interface Steady {
  catalogue: Catalogue;
  id: string;
  /** The nodes it reads, in the order of its wires. */
  sources: readonly NodeFile[];
  types: Map<string, string>;
  ports?: NodePorts;
}

const steadies = new WeakMap<NodeFile, Steady>();

/** What is kept of a node whose types follow from itself and from nodes whose own are fixed; null
 * where they follow from more. An edit elsewhere leaves it as it is. */
function steady(
  nodes: Record<string, NodeFile>,
  id: string,
  node: NodeFile,
  graph: GraphFile,
  scope: Scope,
  catalogue: Catalogue,
): Steady | null {
  const wires = wiresOfNode(id, node, isLoop(holderOf(graph, scope)));
  const known = steadies.get(node);
  const valid =
    known?.catalogue === catalogue &&
    known.id === id &&
    wires.every((wire, k) => nodes[wire.from.node] === known.sources[k]);
  if (valid) return known;
  // Inside a group a port may be fed from around it.
  if (scope.length && innerGraph(holderOf(graph, scope))) return null;
  const sources: NodeFile[] = [];
  for (const { from } of wires) {
    const source = nodes[from.node];
    const spec = source && catalogue.nodes.get(source.type);
    if (!source || typeof fixedTypes(spec ?? NO_SPEC, catalogue).get(from.port) !== "string") {
      return null;
    }
    sources.push(source);
  }
  const made: Steady = { catalogue, id, sources, types: new Map() };
  steadies.set(node, made);
  return made;
}

const NO_SPEC: NodeSpec = {
  id: "",
  version: 1,
  title: "",
  category: "",
  doc: "",
  inputs: [],
  outputs: [],
  writes: false,
  volatile: false,
  source: "",
};

function steadyTypes(...of: Parameters<typeof steady>): Map<string, string> | null {
  return steady(...of)?.types ?? null;
}

function resolve(
  graph: GraphFile,
  scope: Scope,
  end: End,
  node: NodeFile | undefined,
  catalogue: Catalogue,
  depth: number,
): string {
  if (!node) return givenType(graph, scope, end, catalogue, depth);
  if (isLoop(node)) {
    const state = node.state?.[end.port];
    if (state) return follow(graph, scope, state.init, catalogue, depth);
    const collected = node.collect?.[end.port];
    if (!collected) return UNKNOWN;
    const inner = follow(graph, [...scope, end.node], collected, catalogue, depth);
    return inner === UNKNOWN ? UNKNOWN : `list[${inner}]`;
  }
  const inner = innerGraph(node);
  if (inner) {
    const link = inner.outputs?.[end.port];
    return link ? follow(graph, [...scope, end.node], link, catalogue, depth) : UNKNOWN;
  }
  const spec = catalogue.nodes.get(node.type);
  const output = spec?.outputs.find((port) => port.name === end.port);
  if (!spec || !output) return UNKNOWN;
  const bound = boundBy(graph, scope, end.node, spec, catalogue, depth);
  const type = substitute(parseType(output.type), bound);
  return hasVariable(type, catalogue) ? UNKNOWN : typeText(type);
}

/** What a loop gives its body, or a group what comes in. */
function givenType(
  graph: GraphFile,
  scope: Scope,
  end: End,
  catalogue: Catalogue,
  depth: number,
): string {
  const holder = holderOf(graph, scope);
  const id = scope.at(-1);
  if (!holder || id === undefined) return UNKNOWN;
  const outside = scope.slice(0, -1);
  if (end.node === PAD_IN) {
    const inner = innerGraph(holder);
    if (inner) return declaredPort(graph, scope, inner, end.port, catalogue).type;
    return follow(graph, scope, end.port, catalogue, depth);
  }
  if (!isLoop(holder)) return UNKNOWN;
  if (end.node === "const") {
    return follow(graph, outside, holder.const?.[end.port] ?? "", catalogue, depth);
  }
  if (end.node === "state") {
    return follow(graph, outside, holder.state?.[end.port]?.init ?? "", catalogue, depth);
  }
  if (end.node !== "each") return UNKNOWN;
  const list = parseType(follow(graph, outside, holder.each?.[end.port] ?? "", catalogue, depth));
  return list.kind === "list" ? typeText(list.of) : UNKNOWN;
}

/** What the variables of a generic node stand for, by its wires and then by its literals. */
export function boundBy(
  graph: GraphFile,
  scope: Scope,
  id: string,
  spec: NodeSpec,
  catalogue: Catalogue,
  depth = 0,
  without = "",
): Bound {
  const bound: Bound = new Map();
  const node = nodeAt(graph, scope, id);
  for (const input of spec.inputs) {
    const target = parseType(input.type);
    if (input.name === without || !hasVariable(target, catalogue)) continue;
    const fromGroup = linksFromGroup(graph, scope, id, input.name);
    const links = fromGroup ?? {
      scope,
      links: linksAt(graph, scope, { node: id, port: input.name }),
    };
    const gathered = Array.isArray(node?.links?.[input.name]);
    for (const link of links.links) {
      const text = follow(graph, links.scope, link, catalogue, depth + 1);
      if (text === UNKNOWN) continue;
      const source = parseType(text);
      bind(gathered ? { kind: "list", of: source } : source, target, bound, catalogue);
    }
  }
  for (const input of spec.inputs) {
    const value = node?.params?.[input.name];
    if (value !== undefined && input.name !== without) {
      bindLiteral(value, input.type, bound, catalogue);
    }
  }
  return bound;
}

/** A node directly inside a group may be fed through the group's declared input. */
function linksFromGroup(
  graph: GraphFile,
  scope: Scope,
  id: string,
  port: string,
): { scope: Scope; links: readonly LinkText[] } | undefined {
  const inner = innerGraph(holderOf(graph, scope));
  const group = scope.at(-1);
  if (!inner || group === undefined) return undefined;
  const target = `${id}.${port}`;
  for (const [name, targets] of Object.entries(inner.inputs ?? {})) {
    if (targets !== target && !(Array.isArray(targets) && targets.includes(target))) continue;
    const outside = scope.slice(0, -1);
    const links = linksAt(graph, outside, { node: group, port: name });
    if (links.length) return { scope: outside, links };
  }
  return undefined;
}

function bindLiteral(value: Json, type: string, bound: Bound, catalogue: Catalogue): void {
  const target = parseType(type);
  if (target.kind === "list") {
    if (Array.isArray(value) && value[0] !== undefined) {
      bindLiteral(value[0], typeText(target.of), bound, catalogue);
    }
    return;
  }
  if (target.kind !== "name" || !isVariable(target, catalogue) || bound.has(target.name)) return;
  const found = literalType(value);
  if (found !== UNKNOWN) bound.set(target.name, parseType(found));
}
