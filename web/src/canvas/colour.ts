/**
 * Colours of sockets, wires and categories for both themes: a type's own colour, made darker or
 * lighter until it can be told from the ground it lies on.
 */

import type { Catalogue } from "../model/catalogue";

export type ThemeName = "light" | "dark";
type Rgb = readonly [number, number, number];

/** The grounds of cards (`--panel`) and of the canvas (`--ground`), per theme. */
export const GROUNDS = {
  light: ["#ffffff", "#f4f2ee"],
  dark: ["#1f2126", "#17181c"],
} as const;

/** What WCAG asks of marks that carry meaning. */
export const MARK_CONTRAST = 3;

export function parse(hex: string): Rgb {
  const short = /^#([0-9a-f])([0-9a-f])([0-9a-f])$/i.exec(hex);
  const full = short
    ? `#${short
        .slice(1)
        .map((c) => c + c)
        .join("")}`
    : hex;
  const match = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(full);
  if (!match) return [154, 154, 154];
  return [1, 2, 3].map((k) => Number.parseInt(match[k] ?? "9a", 16)) as unknown as Rgb;
}

function written(rgb: Rgb): string {
  return `#${rgb.map((c) => Math.round(c).toString(16).padStart(2, "0")).join("")}`;
}

/** Relative luminance of WCAG 2: 0 is black, 1 is white. */
export function luminance(hex: string): number {
  const [r, g, b] = parse(hex).map((c) => {
    const s = c / 255;
    return s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4;
  }) as unknown as Rgb;
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

export function contrast(a: string, b: string): number {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

function mixed(hex: string, other: string, share: number): string {
  const a = parse(hex);
  const b = parse(other);
  return written(a.map((c, k) => c + ((b[k] ?? 0) - c) * share) as unknown as Rgb);
}

const found = new Map<string, string>();

/** The colour nearest to `hex` that stands out from both grounds of a theme. */
export function readable(hex: string, theme: ThemeName, least = MARK_CONTRAST): string {
  const key = `${hex} ${theme} ${least}`;
  let colour = found.get(key);
  if (colour === undefined) {
    colour = sought(hex, theme, least);
    found.set(key, colour);
  }
  return colour;
}

function sought(hex: string, theme: ThemeName, least: number): string {
  const far = theme === "light" ? "#000000" : "#ffffff";
  for (let k = 0; k <= 40; k += 1) {
    const tried = mixed(hex, far, k / 40);
    if (GROUNDS[theme].every((ground) => contrast(tried, ground) >= least)) return tried;
  }
  return far;
}

const both = new Map<string, string>();

/** For CSS: the colour as each theme needs it; the browser picks by `color-scheme`. */
export function themed(hex: string, least = MARK_CONTRAST): string {
  const key = `${hex} ${least}`;
  let text = both.get(key);
  if (text === undefined) {
    text = `light-dark(${readable(hex, "light", least)}, ${readable(hex, "dark", least)})`;
    both.set(key, text);
  }
  return text;
}

const PLAIN_COLOURS: Record<string, string> = {
  int: "#4f9d8f",
  float: "#5b8def",
  str: "#b98a3d",
  bool: "#a06cc0",
};

/** `A` of `list[A]` and of `A | none`. */
export function elementOf(type: string): string {
  const member = type.split(" | ").find((m) => m !== "none") ?? type;
  const list = /^list\[(.*)\]$/.exec(member);
  return list ? elementOf(list[1] ?? "") : member;
}

function ownColour(type: string, catalogue: Catalogue): string {
  const name = elementOf(type);
  return catalogue.types.get(name)?.colour ?? PLAIN_COLOURS[name] ?? "#8d8d8d";
}

export function typeColour(type: string, catalogue: Catalogue): string {
  return themed(ownColour(type, catalogue));
}

/** The same for what is painted and cannot ask the browser for the theme. */
export function typeColourIn(type: string, catalogue: Catalogue, theme: ThemeName): string {
  return readable(ownColour(type, catalogue), theme);
}

export type SocketShape = "circle" | "square" | "diamond" | "list" | "plain";

/** Lists have a shape of their own, whatever is in them; so have plain values. */
export function typeShape(type: string, catalogue: Catalogue): SocketShape {
  if (type.split(" | ").some((m) => m.startsWith("list["))) return "list";
  const name = elementOf(type);
  const shape = catalogue.types.get(name)?.shape;
  if (shape === "square" || shape === "diamond") return shape;
  return /^(int|float|str|bool)$/.test(name) ? "plain" : "circle";
}

/** Families of nodes whose colour says what they do; others have one made of their name. */
const FAMILIES: Record<string, number> = {
  load: 262,
  model: 262,
  lora: 40,
  text: 42,
  prompt: 42,
  string: 42,
  conditioning: 30,
  clip: 50,
  latent: 312,
  noise: 285,
  forward: 285,
  sigmas: 140,
  schedule: 140,
  timesteps: 140,
  sample: 200,
  sampler: 200,
  guidance: 330,
  guider: 330,
  vae: 4,
  image: 214,
  mask: 120,
  save: 170,
  control: 158,
  flow: 232,
  train: 20,
};

/** The colour of a category: all its nodes wear it. */
export function categoryColour(category: string): string {
  const family = category.split(/[_.:]/)[0] ?? "";
  let hue = FAMILIES[family];
  if (hue === undefined) {
    hue = 0;
    for (const letter of family) hue = (hue * 31 + letter.charCodeAt(0)) % 360;
  }
  return themed(fromHsl(hue, 0.46, 0.52));
}

function fromHsl(hue: number, saturation: number, light: number): string {
  const reach = saturation * Math.min(light, 1 - light);
  const channel = (n: number) => {
    const k = (n + hue / 30) % 12;
    return 255 * (light - reach * Math.max(-1, Math.min(k - 3, 9 - k, 1)));
  };
  return written([channel(0), channel(8), channel(4)]);
}
