/** What passes on the canvas and belongs to no document: drags, menus, searches, announcements. */

import type { ReactFlowInstance } from "@xyflow/react";
import { create } from "zustand";
import type { Point } from "../model/graph";
import type { CardNode, WireEdge } from "./derive";

export type Side = "source" | "target";

/** A link being made: from which socket, and what may come of it. */
export interface Linking {
  node: string;
  port: string;
  side: Side;
  /** The socket type at that end. */
  type: string;
  /** Begun by a tap or a key: it waits for a second socket instead of following the pointer. */
  tap: boolean;
  /** The wire whose other end was taken off. */
  wire?: string;
}

export interface SearchAsk {
  /** Where the field stands on the screen, and where the node will stand on the canvas. */
  screen: Point;
  at: Point;
  /** Only what fits this socket, which is connected then. */
  link?: { node: string; port: string; side: Side; type: string };
  /** A wire the node is put on. */
  wire?: string;
}

export interface MenuAsk {
  screen: Point;
  at: Point;
  about:
    | { kind: "canvas" }
    | { kind: "nodes"; id: string }
    | { kind: "wire"; id: string }
    | { kind: "socket"; node: string; port: string; side: Side };
}

/** Asked from a socket by key: all sockets that fit. */
export interface TargetsAsk {
  node: string;
  port: string;
  side: Side;
  screen: Point;
}

export interface Refusal {
  screen: Point;
  reason: string;
  /** A node that converts, and the ends it would go between. */
  conversion?: string;
  from: { node: string; port: string };
  to: { node: string; port: string };
}

export interface CanvasState {
  /** Places of what is dragged, until it is dropped. */
  moving: Readonly<Record<string, Point>> | null;
  /** Sizes of what is pulled at its corner, until it is let go. */
  sizing: Readonly<Record<string, Point>> | null;
  /** Points of a wire while one of them is dragged. */
  bending: { wire: string; points: readonly Point[] } | null;
  linking: Linking | null;
  search: SearchAsk | null;
  menu: MenuAsk | null;
  targets: TargetsAsk | null;
  refusal: Refusal | null;
  /** The item whose title or text is being written: node id, `frame:…` or `note:…`. */
  writing: string;
  /** The wire a dragged node would be put on. */
  dropWire: string;
  /** Read out by screen readers. */
  said: string;
  snap: boolean;
  /** Whether a plain drag on the canvas selects instead of panning. */
  boxing: boolean;

  say(text: string): void;
  close(): void;
}

export const useCanvasStore = create<CanvasState>()((set) => ({
  moving: null,
  sizing: null,
  bending: null,
  linking: null,
  search: null,
  menu: null,
  targets: null,
  refusal: null,
  writing: "",
  dropWire: "",
  said: "",
  snap: false,
  boxing: false,
  // The same words twice are read twice only if the text differs.
  say: (text) => set((s) => ({ said: s.said === text ? `${text}\u00a0` : text })),
  close: () => set({ search: null, menu: null, targets: null, refusal: null }),
}));

export type Flow = ReactFlowInstance<CardNode, WireEdge>;

let flow: Flow | null = null;
let pane: HTMLElement | null = null;

/** Set by the canvas when it is there; null where it is not (tests, before the first paint). */
export function setFlow(instance: Flow | null, element: HTMLElement | null): void {
  flow = instance;
  pane = element;
}

export function theFlow(): Flow | null {
  return flow;
}

/** The canvas on the screen. */
export function paneBox(): DOMRect {
  return pane?.getBoundingClientRect() ?? new DOMRect(0, 0, 800, 600);
}

export function focusPane(): void {
  pane?.focus({ preventScroll: true });
}

/** Whether keys go to the canvas itself and to nothing on it. */
export function isPaneFocused(): boolean {
  return pane !== null && document.activeElement === pane;
}

/** The middle of what one sees, on the screen. */
export function centre(): Point {
  const box = paneBox();
  return [box.x + box.width / 2, box.y + box.height / 2];
}

export function toCanvas(screen: Point): Point {
  const place = flow?.screenToFlowPosition({ x: screen[0], y: screen[1] }, { snapToGrid: false });
  return place ? [Math.round(place.x), Math.round(place.y)] : [0, 0];
}

export function toScreen(at: Point): Point {
  const place = flow?.flowToScreenPosition({ x: at[0], y: at[1] });
  return place ? [place.x, place.y] : [0, 0];
}
