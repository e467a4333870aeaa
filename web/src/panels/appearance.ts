/** How the page looks, kept in this browser: the theme, and what is shown. */

import { useCanvasStore } from "../canvas/store";
import { type Theme, useUi } from "../store/ui";

const KEY = "nodeflow.appearance";

export interface Appearance {
  theme: Theme;
  minimap: boolean;
  previews: boolean;
  snap: boolean;
}

/** What was kept, as far as it makes sense. */
export function readAppearance(text: string | null): Partial<Appearance> {
  let told: unknown;
  try {
    told = JSON.parse(text ?? "{}");
  } catch {
    return {};
  }
  if (typeof told !== "object" || told === null) return {};
  const { theme, minimap, previews, snap } = told as Record<string, unknown>;
  const kept: Partial<Appearance> = {};
  if (theme === "light" || theme === "dark" || theme === "system") kept.theme = theme;
  if (typeof minimap === "boolean") kept.minimap = minimap;
  if (typeof previews === "boolean") kept.previews = previews;
  if (typeof snap === "boolean") kept.snap = snap;
  return kept;
}

function stored(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null; // a browser that keeps nothing
  }
}

function store(appearance: Appearance): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(appearance));
  } catch {
    // It is asked for again next time.
  }
}

/** Let the theme hold on the page, and keep what is chosen. Returns what ends it. */
export function startAppearance(): () => void {
  const { snap, ...ui } = readAppearance(stored());
  useUi.setState(ui);
  if (snap !== undefined) useCanvasStore.setState({ snap });
  const dark = window.matchMedia?.("(prefers-color-scheme: dark)");
  const show = () => {
    const { theme } = useUi.getState();
    const now = theme === "system" ? (dark?.matches ? "dark" : "light") : theme;
    document.documentElement.dataset.theme = now;
  };
  const keep = () => {
    const { theme, minimap, previews } = useUi.getState();
    store({ theme, minimap, previews, snap: useCanvasStore.getState().snap });
  };
  show();
  dark?.addEventListener("change", show);
  const ends = [
    useUi.subscribe((now, before) => {
      if (now.theme !== before.theme) show();
      if (
        now.theme !== before.theme ||
        now.minimap !== before.minimap ||
        now.previews !== before.previews
      )
        keep();
    }),
    useCanvasStore.subscribe((now, before) => {
      if (now.snap !== before.snap) keep();
    }),
  ];
  return () => {
    dark?.removeEventListener("change", show);
    for (const end of ends) end();
  };
}
