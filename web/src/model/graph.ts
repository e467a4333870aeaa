/**
 * The graph file as the editor holds it: exactly the JSON that nodeflow saves and runs, never
 * changed in place. Everything the screen shows is worked out from it and the catalogue.
 */

/** Whole numbers beyond 2^53 are `bigint`, so that none is rounded: see `model/json.ts`. */
export type Json = null | boolean | number | bigint | string | Json[] | { [key: string]: Json };

/** `node.port`; a list port may gather several. */
export type LinkText = string;
export type Mode = "mute" | "bypass";

export interface StateFile {
  init: LinkText;
  next: LinkText;
}

export interface NodeFile {
  type: string;
  version?: number;
  params?: Record<string, Json>;
  links?: Record<string, LinkText | LinkText[]>;
  /** A muted node does not run, nor does what needs it; a bypassed one hands its input through. */
  mode?: Mode;
  each?: Record<string, LinkText>;
  const?: Record<string, LinkText>;
  state?: Record<string, StateFile>;
  collect?: Record<string, LinkText>;
  body?: Record<string, NodeFile>;
  graph?: GraphFile | string;
}

export type Point = [number, number];

/** What `view` holds of one node, by its path: its place alone, or more. */
export interface NodeView {
  at: Point;
  /** Width and height somebody gave it; absent: as its ports need. */
  size?: Point;
  title?: string;
  colour?: string;
  collapsed?: boolean;
}

export interface Frame {
  id: string;
  /** The path of the loop or group it stands in, "" at the top. */
  scope: string;
  at: Point;
  size: Point;
  title: string;
  colour?: string;
}

export interface Note {
  id: string;
  scope: string;
  at: Point;
  size: Point;
  /** Markdown. */
  text: string;
  colour?: string;
}

/**
 * `view` of a graph file: by node path a place `[x, y]` or a NodeView; keys with `$` are the
 * editor's own. `$reroutes`: points a wire passes, by `path/of/node.port` it ends at. `$random`:
 * seeds, `path/of/node.port`, that are drawn anew before each run.
 */
export interface View {
  $frames?: Frame[];
  $notes?: Note[];
  $reroutes?: Record<string, Point[]>;
  $random?: string[];
  [path: string]:
    | Point
    | NodeView
    | Frame[]
    | Note[]
    | Record<string, Point[]>
    | string[]
    | undefined;
}

export interface GraphFile {
  nodeflow: number;
  title?: string;
  description?: string;
  inputs?: Record<string, string | string[]>;
  outputs?: Record<string, LinkText>;
  nodes: Record<string, NodeFile>;
  view?: View;
}

export const LOOP = "flow.loop";
export const MAP = "flow.map";
export const GROUP = "flow.graph";
/** In a loop's body: the pads through which values come in and go out. No node has such an id. */
export const PAD_IN = "$in";
export const PAD_OUT = "$out";

/** A path of ids from the top: `[]` is the graph itself, `["denoise"]` the body of that loop. */
export type Scope = readonly string[];

export function emptyGraph(): GraphFile {
  return { nodeflow: 1, nodes: {} };
}

export function pathOf(scope: Scope, id: string): string {
  return [...scope, id].join("/");
}

/** The nodes that stand in a scope; undefined if there is no such place. */
export function nodesIn(graph: GraphFile, scope: Scope): Record<string, NodeFile> | undefined {
  let nodes: Record<string, NodeFile> | undefined = graph.nodes;
  for (const id of scope) {
    const node: NodeFile | undefined = nodes?.[id];
    nodes = node?.body ?? (typeof node?.graph === "object" ? node.graph.nodes : undefined);
  }
  return nodes;
}

/** The graph with the nodes of a scope replaced by what `change` makes of them. */
export function withNodes(
  graph: GraphFile,
  scope: Scope,
  change: (nodes: Record<string, NodeFile>) => Record<string, NodeFile>,
): GraphFile {
  const [id, ...rest] = scope;
  if (id === undefined) return { ...graph, nodes: change(graph.nodes) };
  return { ...graph, nodes: within(graph.nodes, id, rest, change) };
}

function within(
  nodes: Record<string, NodeFile>,
  id: string,
  rest: Scope,
  change: (nodes: Record<string, NodeFile>) => Record<string, NodeFile>,
): Record<string, NodeFile> {
  const node = nodes[id];
  if (!node) throw new Error(`there is no node ${id}`);
  const [next, ...deeper] = rest;
  const inner = (of: Record<string, NodeFile>) =>
    next === undefined ? change(of) : within(of, next, deeper, change);
  if (node.body) return { ...nodes, [id]: { ...node, body: inner(node.body) } };
  if (typeof node.graph === "object") {
    return {
      ...nodes,
      [id]: { ...node, graph: { ...node.graph, nodes: inner(node.graph.nodes) } },
    };
  }
  throw new Error(`${id} has no inside`);
}
