/** How large a node is and where its sockets sit: known before anything is drawn. */

import { ROW, widgetRows } from "../widgets/rows";
import type { NodeView } from "./graph";
import type { NodePorts, Port } from "./ports";

export const WIDTH = 260;
export const MIN_WIDTH = 160;
export const HEADER = 38;
export const PADDING = 8;
export { ROW };

/** Where a port is drawn: one row for outputs, one for each input and below it its widget's. */
export interface Row {
  port: Port;
  /** From the node's upper edge to the row's. */
  top: number;
  height: number;
  /** The socket's centre. */
  socket: number;
}

export interface NodeSize {
  width: number;
  height: number;
  inputs: Row[];
  outputs: Row[];
}

const kept = new WeakMap<NodePorts, Map<string, NodeSize>>();

/** The size that a node's ports need, or the width somebody gave it. Rows do not depend on what is
 * linked, so that nothing jumps when a wire is drawn. */
export function nodeSize(
  ports: NodePorts,
  view?: Pick<NodeView, "size" | "collapsed"> | undefined,
): NodeSize {
  const key = `${view?.collapsed ? "c" : ""}${view?.size?.join("x") ?? ""}`;
  let known = kept.get(ports);
  if (!known) {
    known = new Map();
    kept.set(ports, known);
  }
  let made = known.get(key);
  if (!made) {
    made = measure(ports, view);
    known.set(key, made);
  }
  return made;
}

function measure(ports: NodePorts, view?: Pick<NodeView, "size" | "collapsed">): NodeSize {
  const width = Math.max(MIN_WIDTH, view?.size?.[0] ?? WIDTH);
  if (view?.collapsed) {
    const folded = (port: Port) => ({ port, top: 0, height: HEADER, socket: HEADER / 2 });
    const inputs = ports.inputs.map(folded);
    return { width, height: HEADER, inputs, outputs: ports.outputs.map(folded) };
  }
  let top = HEADER + PADDING;
  const outputs = ports.outputs.map((port) => {
    const row = { port, top, height: ROW, socket: top + ROW / 2 };
    top += ROW;
    return row;
  });
  const inputs = ports.inputs.map((port) => {
    const rows = port.widget ? widgetRows(port.widget) : 1;
    // A widget of several rows has its name in a row above.
    const height = (rows > 1 ? rows + 1 : 1) * ROW;
    const row = { port, top, height, socket: top + ROW / 2 };
    top += height;
    return row;
  });
  return { width, height: Math.max(top + PADDING, view?.size?.[1] ?? 0), inputs, outputs };
}
