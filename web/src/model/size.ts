/**
 * How large a node's card is and where its sockets sit, worked out before anything is drawn: rows
 * of fixed height. The canvas draws exactly this; a rendered size is never asked for.
 */

import { ROW, widgetRows } from "../widgets/rows";
import type { NodeFile, NodeView } from "./graph";
import type { NodePorts, Port } from "./ports";

export const WIDTH = 248;
export const MINIMUM_WIDTH = 180;
export const TITLE = 34;
/** Above the first row and below the last. */
export const INSET = 7;
/** The name above a widget of several rows. */
export const LABEL = 20;
/** What a loop or group shows of its inside, with the button that enters it. */
export const INSIDE = 44;
/** A socket's box: its outer edge, where the wire ends, lies `OUT` beyond the card's side. */
export const SOCKET = 22;
export const OUT = 6;

export interface CardRow {
  y: number;
  height: number;
  input?: Port;
  output?: Port;
  /** The literal is edited in this row. */
  widget: boolean;
}

export interface HandlePlace {
  id: string;
  type: "source" | "target";
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface CardLayout {
  width: number;
  height: number;
  rows: readonly CardRow[];
  handles: readonly HandlePlace[];
}

/** What a card's size depends on, besides its ports. */
export interface CardState {
  node?: NodeFile | undefined;
  view?: NodeView | undefined;
  /** What feeds each port, where more is known than the node's own links: a pad of a group. */
  fed?: Readonly<Record<string, readonly unknown[]>> | undefined;
  /** A loop or group, which one can enter. */
  inside?: boolean;
}

/** Whether the port shows a field for its literal when no wire ends at it. */
export function hasField(port: Port): boolean {
  return port.widget !== undefined;
}

export function isLinked(node: NodeFile | undefined, port: string): boolean {
  const link = node?.links?.[port];
  return Array.isArray(link) ? link.length > 0 : link !== undefined;
}

/** Rows from the top: sockets of inputs beside those of outputs, then one field per literal. */
export function cardLayout(ports: NodePorts, state: CardState = {}): CardLayout {
  const width = Math.max(MINIMUM_WIDTH, state.view?.size?.[0] ?? WIDTH);
  if (state.view?.collapsed) return collapsed(ports, width);
  const sockets = ports.inputs.filter((port) => !hasField(port));
  const fields = ports.inputs.filter(hasField);
  const rows: CardRow[] = [];
  let y = TITLE + INSET;
  for (let k = 0; k < Math.max(sockets.length, ports.outputs.length); k += 1) {
    const row: CardRow = { y, height: ROW, widget: false };
    if (sockets[k]) row.input = sockets[k];
    if (ports.outputs[k]) row.output = ports.outputs[k];
    rows.push(row);
    y += ROW;
  }
  for (const port of fields) {
    const linked = isLinked(state.node, port.name) || (state.fed?.[port.name]?.length ?? 0) > 0;
    const many = linked ? 1 : widgetRows(port.widget);
    const height = many > 1 ? many * ROW + LABEL + 4 : ROW;
    rows.push({ y, height, input: port, widget: !linked });
    y += height;
  }
  const inside = state.inside ? INSIDE : 0;
  return { width, height: y + INSET + inside, rows, handles: places(rows, width) };
}

function places(rows: readonly CardRow[], width: number): HandlePlace[] {
  const handles: HandlePlace[] = [];
  for (const row of rows) {
    const y = row.y + (Math.min(row.height, ROW) - SOCKET) / 2;
    if (row.input) handles.push(place(row.input.name, "target", -OUT, y));
    if (row.output) handles.push(place(row.output.name, "source", width + OUT - SOCKET, y));
  }
  return handles;
}

function place(id: string, type: "source" | "target", x: number, y: number): HandlePlace {
  return { id, type, x, y, width: SOCKET, height: SOCKET };
}

/** A title alone: all wires meet at the middle of its sides. */
function collapsed(ports: NodePorts, width: number): CardLayout {
  const y = (TITLE - SOCKET) / 2;
  const handles = [
    ...ports.inputs.map((port) => place(port.name, "target", -OUT, y)),
    ...ports.outputs.map((port) => place(port.name, "source", width + OUT - SOCKET, y)),
  ];
  return { width, height: TITLE, rows: [], handles };
}

/** Width and height alone, for layouts. */
export function nodeSize(ports: NodePorts, view?: NodeView, state: CardState = {}) {
  const { width, height } = cardLayout(ports, { ...state, view });
  return { width, height };
}
