/** What the panel "Look" shows: a wire's value, and how it is drawn. */

import { create } from "zustand";
import { pathOf } from "../model/graph";
import { endOf, holderOf, isLoop, linksAt, wireEnd } from "../model/links";
import { typeOfEnd } from "../model/ports";
import { useCatalogue } from "../store/catalogue";
import { useEditor } from "../store/editor";
import { useUi, type WireHover } from "../store/ui";
import type { MapName } from "./colours";

export interface LookState {
  /** `path/of/node.port` that the value comes from, "" for nothing. */
  from: string;
  type: string;
  part: string;
  item: number;
  /** null: all together, as a picture where that can be. */
  channel: number | null;
  map: MapName;
  /** The socket that the keyboard is at. */
  focused: WireHover | null;
  look(from: string, type: string): void;
}

export const useLook = create<LookState>()((set) => ({
  from: "",
  type: "",
  part: "",
  item: 0,
  channel: null,
  map: "viridis",
  focused: null,
  look: (from, type) => {
    set((state) =>
      state.from === from ? { type } : { from, type, part: "", item: 0, channel: null },
    );
    useUi.getState().openRight("look");
  },
}));

/** The wire of an edge id in the scope that is shown. */
export function wireOf(edge: string): { from: string; type: string } | undefined {
  const { to, index } = wireEnd(edge);
  return sourceOf(to.node, to.port, index ?? 0);
}

/** What feeds a port in the scope that is shown. */
export function sourceOf(
  node: string,
  port: string,
  index = 0,
): { from: string; type: string } | undefined {
  const { graph, scope } = useEditor.getState();
  const link = linksAt(graph, scope, { node, port })[index];
  if (!link) return undefined;
  const end = endOf(link, isLoop(holderOf(graph, scope)));
  const type = typeOfEnd(graph, scope, end, useCatalogue.getState().catalogue);
  return { from: pathOf(scope, `${end.node}.${end.port}`), type };
}

/** The value at a socket: what it gives, or what it is given. */
export function atSocket(element: Element): { from: string; type: string } | undefined {
  const node = element.getAttribute("data-nodeid");
  const port = element.getAttribute("data-handleid");
  if (!node || !port) return undefined;
  if (element.classList.contains("target")) return sourceOf(node, port);
  const { graph, scope } = useEditor.getState();
  const type = typeOfEnd(graph, scope, { node, port }, useCatalogue.getState().catalogue);
  return { from: pathOf(scope, `${node}.${port}`), type };
}
