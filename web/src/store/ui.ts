/** What is open, and how it looks. Kept in this browser; nothing of the graph is here. */

import { create } from "zustand";

export type Theme = "light" | "dark" | "system";
/** The panel at the right: one at a time. */
export type RightPanel =
  | ""
  | "node"
  | "queue"
  | "history"
  | "gallery"
  | "problems"
  | "form"
  | "look";
/** What lies over everything. */
export type Overlay =
  | ""
  | "templates"
  | "welcome"
  | "shortcuts"
  | "palette"
  | "settings"
  | "lightbox"
  | "mask"
  | "graphs"
  | "leftOut";

export interface UiState {
  theme: Theme;
  right: RightPanel;
  overlay: Overlay;
  /** What an overlay is about: a picture's URL, a node's path … */
  subject: unknown;
  /** The drawer at the bottom, with the step scrubber and the plots. */
  drawer: boolean;
  minimap: boolean;
  /** Whether runs are asked for pictures of what they work on. */
  previews: boolean;
  notices: readonly Notice[];
  /** The wire under the pointer or the keyboard, for the card that tells what it carries. */
  wire: WireHover | null;

  hoverWire(wire: WireHover | null): void;
  setTheme(theme: Theme): void;
  openRight(panel: RightPanel): void;
  openOverlay(overlay: Overlay, subject?: unknown): void;
  closeOverlay(): void;
  setDrawer(open: boolean): void;
  setMinimap(shown: boolean): void;
  setPreviews(shown: boolean): void;
  /** A line that goes away by itself; errors stay until they are closed. */
  notify(kind: Notice["kind"], text: string, action?: Notice["action"]): void;
  dismiss(id: number): void;
}

export interface Notice {
  id: number;
  kind: "info" | "good" | "warning" | "error";
  text: string;
  action?: { label: string; run: () => void };
}

/** A wire as the inspector needs it: ends as `path/of/node.port`, and where it is on the screen. */
export interface WireHover {
  from: string;
  to: string;
  type: string;
  at: readonly [number, number];
}

let counter = 0;

export const useUi = create<UiState>()((set) => ({
  theme: "system",
  right: "",
  overlay: "",
  subject: null,
  drawer: false,
  minimap: true,
  previews: true,
  notices: [],
  wire: null,
  hoverWire: (wire) => set((state) => (state.wire === wire ? state : { wire })),
  setTheme: (theme) => set({ theme }),
  openRight: (right) => set({ right }),
  openOverlay: (overlay, subject = null) => set({ overlay, subject }),
  closeOverlay: () => set({ overlay: "", subject: null }),
  setDrawer: (drawer) => set({ drawer }),
  setMinimap: (minimap) => set({ minimap }),
  setPreviews: (previews) => set({ previews }),
  notify: (kind, text, action) => {
    counter += 1;
    const notice: Notice = action
      ? { id: counter, kind, text, action }
      : { id: counter, kind, text };
    set((state) => ({ notices: [...state.notices, notice] }));
  },
  dismiss: (id) => set((state) => ({ notices: state.notices.filter((n) => n.id !== id) })),
}));
