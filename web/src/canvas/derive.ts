/**
 * The canvas's nodes and wires, worked out from the document. What did not change keeps its
 * object, so that only changed cards are drawn anew.
 */

import { type Edge, type Node, type NodeHandle, Position } from "@xyflow/react";
import type { Catalogue } from "../model/catalogue";
import {
  type Frame,
  GROUP,
  type GraphFile,
  type LinkText,
  type NodeFile,
  type NodeView,
  type Note,
  nodesIn,
  PAD_IN,
  PAD_OUT,
  type Point,
  pathOf,
  type Scope,
} from "../model/graph";
import { arrange } from "../model/layout";
import { innerGraph, isLoop, linkOf, splitTarget, type Wire, wiresIn } from "../model/links";
import { type NodePorts, portsOf, typeOfSource } from "../model/ports";
import { type CardLayout, cardLayout } from "../model/size";
import { framesIn, notesIn, viewOf } from "../model/view";
import { typeColour } from "./colour";

export interface CardData extends Record<string, unknown> {
  path: string;
  id: string;
  /** Undefined for the pads of a body. */
  node: NodeFile | undefined;
  ports: NodePorts;
  layout: CardLayout;
  view: NodeView;
  title: string;
  /** What feeds each input, as the file says it. */
  fed: Readonly<Record<string, readonly LinkText[]>>;
  /** Who reads each output: `decode.latent`. */
  readers: Readonly<Record<string, readonly string[]>>;
  /** By input: under which name the graph exposes it. */
  exposed: Readonly<Record<string, string>>;
  /** By output: as which output the graph declares it. */
  declared: Readonly<Record<string, string>>;
  /** How many nodes a loop or group holds; -1 for others. */
  inside: number;
}

export interface FrameData extends Record<string, unknown> {
  frame: Frame;
}

export interface NoteData extends Record<string, unknown> {
  note: Note;
}

export type CardNode = Node<CardData, "card"> | Node<FrameData, "frame"> | Node<NoteData, "note">;

export interface WireData extends Record<string, unknown> {
  /** The port it ends at: `path/of/node.port`. */
  to: string;
  from: string;
  type: string;
  colour: string;
  points: readonly Point[];
  list: boolean;
}

export type WireEdge = Edge<WireData, "wire">;

export interface Scene {
  nodes: CardNode[];
  edges: WireEdge[];
}

/** What is drawn otherwise than the document says, while a hand is on it. */
export interface Passing {
  selection: readonly string[];
  moving: Readonly<Record<string, Point>> | null;
  sizing: Readonly<Record<string, Point>> | null;
  bending: { wire: string; points: readonly Point[] } | null;
}

interface KnownCard {
  node: NodeFile | undefined;
  ports: NodePorts;
  /** Title, colour, size and what ties it to others, as text to compare. */
  told: string;
  data: CardData;
}

const NOWHERE: Point = [0, 0];
const NONE: Readonly<Record<string, never>> = {};
const NO_POINTS: readonly Point[] = [];

/** One per canvas: it remembers what it made last. */
export class Derivation {
  private scope = "";
  private cards = new Map<string, KnownCard>();
  private nodes = new Map<string, CardNode>();
  private edges = new Map<string, WireEdge>();
  private placed: { key: string; at: Record<string, Point> } = { key: "", at: {} };

  scene(graph: GraphFile, scope: Scope, catalogue: Catalogue, passing: Passing): Scene {
    const where = scope.join("/");
    if (where !== this.scope) {
      this.scope = where;
      this.cards.clear();
      this.nodes.clear();
      this.edges.clear();
    }
    const wires = wiresIn(graph, scope);
    const cards = this.allCards(graph, scope, catalogue, wires, passing);
    const places = this.places(graph, scope, cards, catalogue);
    const chosen = new Set(passing.selection);
    const nodes: CardNode[] = [];
    for (const item of itemsIn(graph, scope)) nodes.push(this.item(item, passing, chosen));
    for (const [id, data] of cards) {
      const at = passing.moving?.[id] ?? places[id] ?? [0, 0];
      nodes.push(this.card(id, data, at, chosen.has(id)));
    }
    prune(this.nodes, nodes);
    return { nodes, edges: this.allEdges(graph, scope, catalogue, wires, cards, passing, chosen) };
  }

  // ── cards ──────────────────────────────────────────────────────────────────────────────────────

  private allCards(
    graph: GraphFile,
    scope: Scope,
    catalogue: Catalogue,
    wires: readonly Wire[],
    passing: Passing,
  ): Map<string, CardData> {
    const ties = tiesOf(graph, scope, wires);
    const cards = new Map<string, CardData>();
    const ids = Object.keys(nodesIn(graph, scope) ?? {});
    if (scope.length) ids.push(PAD_IN, PAD_OUT);
    for (const id of ids) cards.set(id, this.data(graph, scope, id, catalogue, ties, passing));
    for (const id of this.cards.keys()) if (!cards.has(id)) this.cards.delete(id);
    return cards;
  }

  private data(
    graph: GraphFile,
    scope: Scope,
    id: string,
    catalogue: Catalogue,
    ties: Ties,
    passing: Passing,
  ): CardData {
    const node = nodesIn(graph, scope)?.[id];
    const path = pathOf(scope, id);
    const ports = portsOf(graph, scope, id, catalogue);
    const before = viewOf(graph, scope, id);
    const view: NodeView = { at: NOWHERE, ...before };
    const size = passing.sizing?.[id] ?? before?.size;
    if (size) view.size = size;
    const { title = "", colour = "", collapsed = false } = view;
    const told = `${title}\n${colour}\n${collapsed}\n${size}\n${ties.text(id, path)}`;
    const known = this.cards.get(id);
    if (known && known.node === node && known.ports === ports && known.told === told) {
      return known.data;
    }
    const inside = insideOf(node);
    const fed = ties.fed.get(id) ?? NONE;
    const data: CardData = {
      path,
      id,
      node,
      ports,
      view,
      layout: cardLayout(ports, { node, view, fed, inside: inside >= 0 }),
      title: title || ports.title,
      fed,
      readers: ties.readers.get(id) ?? NONE,
      exposed: ties.exposed.get(path) ?? NONE,
      declared: ties.declared.get(path) ?? NONE,
      inside,
    };
    this.cards.set(id, { node, ports, told, data });
    return data;
  }

  private card(id: string, data: CardData, at: Point, selected: boolean): CardNode {
    const known = this.nodes.get(id);
    if (
      known &&
      known.data === data &&
      known.position.x === at[0] &&
      known.position.y === at[1] &&
      known.selected === selected
    ) {
      return known;
    }
    const { width, height } = data.layout;
    const made: CardNode = {
      id,
      type: "card",
      position: { x: at[0], y: at[1] },
      data,
      selected,
      initialWidth: width,
      initialHeight: height,
      measured: { width, height },
      handles: handlesOf(data.layout),
      zIndex: selected ? 20 : 0,
      domAttributes: { "aria-labelledby": `name:${data.path}`, "aria-roledescription": "node" },
    };
    this.nodes.set(id, made);
    return made;
  }

  // ── frames and notes ───────────────────────────────────────────────────────────────────────────

  private item(item: Item, passing: Passing, chosen: ReadonlySet<string>): CardNode {
    const { id, what } = item;
    const at = passing.moving?.[id] ?? what.at;
    const size = passing.sizing?.[id] ?? what.size;
    const selected = chosen.has(id);
    const known = this.nodes.get(id);
    const before = known?.type === "frame" ? known.data.frame : undefined;
    const told = known?.type === "note" ? known.data.note : before;
    if (
      known &&
      told === what &&
      known.position.x === at[0] &&
      known.position.y === at[1] &&
      known.width === size[0] &&
      known.height === size[1] &&
      known.selected === selected
    ) {
      return known;
    }
    const shared = {
      id,
      position: { x: at[0], y: at[1] },
      selected,
      width: size[0],
      height: size[1],
      measured: { width: size[0], height: size[1] },
    };
    const made: CardNode =
      item.kind === "frame"
        ? {
            ...shared,
            type: "frame",
            zIndex: -2,
            dragHandle: ".frame-title",
            data: { frame: item.what },
          }
        : { ...shared, type: "note", zIndex: selected ? 20 : 0, data: { note: item.what } };
    this.nodes.set(id, made);
    return made;
  }

  // ── wires ──────────────────────────────────────────────────────────────────────────────────────

  private allEdges(
    graph: GraphFile,
    scope: Scope,
    catalogue: Catalogue,
    wires: readonly Wire[],
    cards: ReadonlyMap<string, CardData>,
    passing: Passing,
    chosen: ReadonlySet<string>,
  ): WireEdge[] {
    const reroutes = graph.view?.$reroutes;
    const edges: WireEdge[] = [];
    for (const wire of wires) {
      const source = cards.get(wire.from.node);
      if (!source || !cards.has(wire.to.node)) continue;
      const declared = source.ports.outputs.find((port) => port.name === wire.from.port)?.type;
      const type =
        declared && settled(declared, catalogue)
          ? declared
          : typeOfSource(graph, scope, linkOf(wire.from), catalogue);
      const to = pathOf(scope, wire.id);
      const points =
        passing.bending?.wire === wire.id ? passing.bending.points : (reroutes?.[to] ?? NO_POINTS);
      const selected = chosen.has(`wire:${wire.id}`);
      edges.push(this.edge(wire, scope, type, points, selected, catalogue));
    }
    prune(this.edges, edges);
    return edges;
  }

  private edge(
    wire: Wire,
    scope: Scope,
    type: string,
    points: readonly Point[],
    selected: boolean,
    catalogue: Catalogue,
  ): WireEdge {
    const known = this.edges.get(wire.id);
    const { from, to } = wire;
    if (
      known?.data &&
      known.source === from.node &&
      known.sourceHandle === from.port &&
      known.target === to.node &&
      known.targetHandle === to.port &&
      known.data.type === type &&
      known.data.points === points &&
      known.selected === selected
    ) {
      return known;
    }
    const made: WireEdge = {
      id: wire.id,
      type: "wire",
      source: from.node,
      sourceHandle: from.port,
      target: to.node,
      targetHandle: to.port,
      selected,
      ariaLabel: `Wire ${linkOf(from)} to ${to.node}.${to.port}, ${type}`,
      data: {
        from: pathOf(scope, `${from.node}.${from.port}`),
        to: pathOf(scope, `${to.node}.${to.port}`),
        type,
        colour: typeColour(type, catalogue),
        points,
        list: type.startsWith("list["),
      },
    };
    this.edges.set(wire.id, made);
    return made;
  }

  // ── places ─────────────────────────────────────────────────────────────────────────────────────

  /** Places from the file; what has none is laid out for the eye, and nothing of it is saved. */
  private places(
    graph: GraphFile,
    scope: Scope,
    cards: ReadonlyMap<string, CardData>,
    catalogue: Catalogue,
  ): Record<string, Point> {
    const places: Record<string, Point> = {};
    const lost: string[] = [];
    for (const id of cards.keys()) {
      const at = viewOf(graph, scope, id)?.at;
      if (at) places[id] = at;
      else if (id !== PAD_IN && id !== PAD_OUT) lost.push(id);
    }
    if (lost.length) this.arrangeLost(graph, scope, lost, places, cards, catalogue);
    setPads(places, cards);
    return places;
  }

  private arrangeLost(
    graph: GraphFile,
    scope: Scope,
    lost: readonly string[],
    places: Record<string, Point>,
    cards: ReadonlyMap<string, CardData>,
    catalogue: Catalogue,
  ): void {
    const key = `${this.scope} ${catalogue.version} ${lost.join(" ")}`;
    if (this.placed.key !== key) {
      const sizes: Record<string, { width: number; height: number }> = {};
      for (const id of lost) {
        const layout = cards.get(id)?.layout;
        if (layout) sizes[id] = { width: layout.width, height: layout.height };
      }
      this.placed = { key, at: arrange(graph, scope, lost, sizes) };
    }
    // Below all that has a place.
    let low = 0;
    for (const [id, at] of Object.entries(places)) {
      low = Math.max(low, at[1] + (cards.get(id)?.layout.height ?? 0) + 80);
    }
    for (const id of lost) {
      const at = this.placed.at[id] ?? [0, 0];
      places[id] = [at[0], at[1] + low];
    }
  }
}

/** Pads nobody has placed stand to the left and to the right of the body. */
function setPads(places: Record<string, Point>, cards: ReadonlyMap<string, CardData>): void {
  let left = Number.POSITIVE_INFINITY;
  let right = Number.NEGATIVE_INFINITY;
  let top = Number.POSITIVE_INFINITY;
  for (const [id, at] of Object.entries(places)) {
    if (id === PAD_IN || id === PAD_OUT) continue;
    left = Math.min(left, at[0]);
    top = Math.min(top, at[1]);
    right = Math.max(right, at[0] + (cards.get(id)?.layout.width ?? 0));
  }
  if (left > right) [left, right, top] = [0, 0, 0];
  const width = cards.get(PAD_IN)?.layout.width ?? 0;
  if (cards.has(PAD_IN) && !places[PAD_IN]) places[PAD_IN] = [left - width - 90, top];
  if (cards.has(PAD_OUT) && !places[PAD_OUT]) places[PAD_OUT] = [right + 90, top];
}

// ── what ties a node to others ────────────────────────────────────────────────────────────────────

interface Ties {
  fed: Map<string, Record<string, string[]>>;
  readers: Map<string, Record<string, string[]>>;
  exposed: Map<string, Record<string, string>>;
  declared: Map<string, Record<string, string>>;
  /** All of it for one node, to compare. */
  text(id: string, path: string): string;
}

function tiesOf(graph: GraphFile, scope: Scope, wires: readonly Wire[]): Ties {
  const fed = new Map<string, Record<string, string[]>>();
  const readers = new Map<string, Record<string, string[]>>();
  for (const { from, to } of wires) {
    push(entry(fed, to.node), to.port, linkOf(from));
    push(entry(readers, from.node), from.port, `${to.node}.${to.port}`);
  }
  const exposed = new Map<string, Record<string, string>>();
  for (const [name, targets] of Object.entries(graph.inputs ?? {})) {
    for (const target of typeof targets === "string" ? [targets] : targets) {
      const end = splitTarget(target);
      entry(exposed, end.node)[end.port] = name;
    }
  }
  const declared = new Map<string, Record<string, string>>();
  for (const [name, link] of Object.entries(scope.length ? {} : (graph.outputs ?? {}))) {
    const end = splitTarget(link);
    entry(declared, end.node)[end.port] = name;
  }
  const text = (id: string, path: string) => {
    const parts = [fed.get(id), readers.get(id), exposed.get(path), declared.get(path)];
    return parts.some(Boolean) ? JSON.stringify(parts) : "";
  };
  return { fed, readers, exposed, declared, text };
}

function push(of: Record<string, string[]>, key: string, text: string): void {
  const list = of[key];
  if (list) list.push(text);
  else of[key] = [text];
}

function entry<T>(map: Map<string, Record<string, T>>, key: string): Record<string, T> {
  let of = map.get(key);
  if (!of) {
    of = {};
    map.set(key, of);
  }
  return of;
}

function insideOf(node: NodeFile | undefined): number {
  if (!node) return -1;
  if (isLoop(node)) return Object.keys(node.body ?? {}).length;
  if (node.type === GROUP) return Object.keys(innerGraph(node)?.nodes ?? {}).length;
  return -1;
}

// ── small things ──────────────────────────────────────────────────────────────────────────────────

type Item = { id: string } & ({ kind: "frame"; what: Frame } | { kind: "note"; what: Note });

function itemsIn(graph: GraphFile, scope: Scope): Item[] {
  return [
    ...framesIn(graph, scope).map(
      (what): Item => ({ id: `frame:${what.id}`, kind: "frame", what }),
    ),
    ...notesIn(graph, scope).map((what): Item => ({ id: `note:${what.id}`, kind: "note", what })),
  ];
}

const handles = new WeakMap<CardLayout, NodeHandle[]>();

function handlesOf(layout: CardLayout): NodeHandle[] {
  let made = handles.get(layout);
  if (!made) {
    made = layout.handles.map((place) => ({
      ...place,
      position: place.type === "source" ? Position.Right : Position.Left,
    }));
    handles.set(layout, made);
  }
  return made;
}

/** Whether a type says all: `T` must be looked up along the wires. */
function settled(type: string, catalogue: Catalogue): boolean {
  return type.split(" | ").every((member) => {
    const name = member.replace(/^(list\[)+|\]+$/g, "");
    return catalogue.types.has(name) || /^(int|float|str|bool|none)$/.test(name);
  });
}

function prune<T extends { id: string }>(known: Map<string, T>, kept: readonly T[]): void {
  if (known.size === kept.length) return;
  const ids = new Set(kept.map((item) => item.id));
  for (const id of known.keys()) if (!ids.has(id)) known.delete(id);
}
