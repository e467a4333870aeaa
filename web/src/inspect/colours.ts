/** Tensors as pictures, drawn here: latents by linear factors, channels in colour maps. */

import type { Elements, Planes } from "./numbers";

export type MapName = "grey" | "viridis" | "diverging";

/** The colours the server draws with, in even steps from the least to the largest value; of
 * `diverging` from −m to m, m the largest magnitude. */
const MAPS: Readonly<Record<MapName, string>> = {
  grey: "000000 ffffff",
  // matplotlib's map of this name, in the public domain (CC0), in nine stretches
  viridis: "440154 482878 3e4989 31688e 26828e 1f9e89 35b779 6ece58 b5de2b fde725",
  diverging: "2166ac 67a9cf d1e5f0 f7f7f7 fddbc7 ef8a62 b2182b",
};

const tables = new Map<MapName, Uint8Array>();

/** 256 colours, three bytes each. */
export function mapTable(name: MapName): Uint8Array {
  const known = tables.get(name);
  if (known) return known;
  const anchors = MAPS[name].split(" ").map((text) => [0, 2, 4].map((at) => hex(text, at)));
  const table = new Uint8Array(256 * 3);
  for (let k = 0; k < 256; k += 1) {
    const place = (k / 255) * (anchors.length - 1);
    const below = Math.min(anchors.length - 2, Math.floor(place));
    for (let c = 0; c < 3; c += 1) {
      const [a, b] = [anchors[below]?.[c] ?? 0, anchors[below + 1]?.[c] ?? 0];
      table[3 * k + c] = Math.round(a + (b - a) * (place - below));
    }
  }
  tables.set(name, table);
  return table;
}

function hex(text: string, at: number): number {
  return Number.parseInt(text.slice(at, at + 2), 16);
}

// ── latents ─────────────────────────────────────────────────────────────────────────────────────

export type Row = readonly [number, number, number];
export interface Factors {
  rows: readonly Row[];
  constant: Row;
}

/** The server's own table (`nodes/diffusion/latent_colours.py`), from InvokeAI (Apache-2.0); those
 * of `tiny` were measured on it. */
export const FACTORS: Readonly<Record<string, Factors>> = {
  tiny: {
    rows: [
      [-0.5376, 0.3336, 0.3836],
      [-0.1969, -0.0224, -0.1818],
      [0.6287, 0.1532, -0.3137],
      [0.7993, 0.1732, 0.123],
    ],
    constant: [0.1827, 0.0346, 0.0053],
  },
  sd1: {
    rows: [
      [0.3444, 0.1385, 0.067],
      [0.1247, 0.4027, 0.1494],
      [-0.3192, 0.2513, 0.2103],
      [-0.1307, -0.1874, -0.7445],
    ],
    constant: [0, 0, 0],
  },
  sdxl: {
    rows: [
      [0.3816, 0.493, 0.532],
      [-0.3753, 0.1631, 0.1739],
      [0.177, 0.3588, -0.2048],
      [-0.435, -0.2644, -0.4289],
    ],
    constant: [0, 0, 0],
  },
  sd3: {
    rows: [
      [-0.0524, 0.0325, 0.0749],
      [-0.0581, 0.0076, 0.0573],
      [0.1614, 0.0127, -0.0377],
      [0.1442, 0.0846, 0.1594],
      [0.0489, 0.0056, -0.0669],
      [0.0519, 0.1922, 0.0626],
      [0.1539, 0.0482, 0.071],
      [-0.086, 0.0901, 0.1089],
      [-0.124, -0.0677, 0.0034],
      [-0.044, 0.0783, 0.0226],
      [0.031, 0.0638, 0.0775],
      [-0.0132, 0.0855, -0.0877],
      [0.0646, 0.0591, 0.1326],
      [-0.0786, -0.0226, -0.1276],
      [-0.0992, -0.0801, -0.0626],
      [-0.0339, -0.0804, -0.0608],
    ],
    constant: [0, 0, 0],
  },
  flux: {
    rows: [
      [-0.0412, 0.0149, 0.0521],
      [0.0056, 0.0291, 0.0768],
      [0.0342, -0.0681, -0.0427],
      [-0.0258, 0.0092, 0.0463],
      [0.0863, 0.0784, 0.0547],
      [-0.0017, 0.0402, 0.0158],
      [0.0501, 0.1058, 0.1152],
      [-0.0209, -0.0218, -0.0329],
      [-0.0314, 0.0083, 0.0896],
      [0.0851, 0.0665, -0.0472],
      [-0.0534, 0.0238, -0.0024],
      [0.0452, -0.0026, 0.0048],
      [0.0892, 0.0831, 0.0881],
      [-0.1117, -0.0304, -0.0789],
      [0.0027, -0.0479, -0.0043],
      [-0.1146, -0.0827, -0.0598],
    ],
    constant: [0, 0, 0],
  },
};

/** Which factors fit a run's latents: by their channels, and by how wide the texts are that its
 * model reads, which tells the families apart. "" where none fit. */
export function familyOf(channels: number, textWidth: number, pooledWidth: number): string {
  if (channels === 4) {
    if (textWidth === 128) return "tiny";
    return textWidth === 2048 || textWidth === 1280 ? "sdxl" : "sd1";
  }
  if (channels === 16) return pooledWidth === 2048 ? "sd3" : "flux";
  return "";
}

/** A latent's item as RGBA: the sum over its channels of value × factors, plus a constant, −1..1
 * as 0..255; nan and inf are magenta. Without fitting factors the mean in grey, stretched. */
export function latentPixels(values: Elements, at: Planes, factors?: Factors): Uint8ClampedArray {
  const { channels, height, width, from, channel } = at;
  const out = new Uint8ClampedArray(height * width * 4);
  const fits = factors && factors.rows.length === channels ? factors : undefined;
  const { rows, constant } = fits ?? stretched(values, at);
  const plane = height * width;
  for (let p = 0; p < plane; p += 1) {
    let [r, g, b] = [constant[0], constant[1], constant[2]];
    for (let c = 0; c < channels; c += 1) {
      const value = values[from + c * channel + p] as number;
      const row = rows[c] as Row;
      r += value * row[0];
      g += value * row[1];
      b += value * row[2];
    }
    const sound = Number.isFinite(r + g + b);
    // Clamping, and rounding half to even as the server does, are the array's own.
    out[4 * p] = sound ? (r + 1) * 127.5 : 255;
    out[4 * p + 1] = sound ? (g + 1) * 127.5 : 0;
    out[4 * p + 2] = sound ? (b + 1) * 127.5 : 255;
    out[4 * p + 3] = 255;
  }
  return out;
}

/** Factors that draw the mean over the channels in grey, from its least to its largest. */
function stretched(values: Elements, at: Planes): Factors {
  const { channels, height, width, from, channel } = at;
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let p = 0; p < height * width; p += 1) {
    let sum = 0;
    for (let c = 0; c < channels; c += 1) sum += values[from + c * channel + p] as number;
    if (!Number.isFinite(sum)) continue;
    low = Math.min(low, sum);
    high = Math.max(high, sum);
  }
  const span = high > low ? high - low : 1;
  const factor = 2 / span;
  const offset = Number.isFinite(low) ? -(low * factor) - 1 : -1;
  return {
    rows: Array.from({ length: channels }, () => [factor, factor, factor] as const),
    constant: [offset, offset, offset],
  };
}

// ── maps ────────────────────────────────────────────────────────────────────────────────────────

export interface Range {
  low: number;
  high: number;
}

/** What the ends of a map stand for. */
export function rangeOf(values: ArrayLike<number>, name: MapName): Range {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let k = 0; k < values.length; k += 1) {
    const value = values[k] as number;
    if (!Number.isFinite(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (high < low) return { low: 0, high: 1 };
  if (name !== "diverging") return { low, high };
  const most = Math.max(Math.abs(low), Math.abs(high));
  return { low: -most, high: most };
}

/** One channel as RGBA in a colour map. */
export function planePixels(
  values: ArrayLike<number>,
  at: Planes,
  c: number,
  name: MapName,
  { low, high }: Range,
): Uint8ClampedArray {
  const { height, width } = at;
  const table = mapTable(name);
  const out = new Uint8ClampedArray(height * width * 4);
  const span = high > low ? high - low : 1;
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const value = values[at.from + c * at.channel + y * at.row + x * at.column] as number;
      const to = 4 * (y * width + x);
      out[to + 3] = 255;
      if (Number.isFinite(value)) {
        const share = Math.min(1, Math.max(0, (value - low) / span));
        const index = 3 * Math.round(share * 255);
        out[to] = table[index] as number;
        out[to + 1] = table[index + 1] as number;
        out[to + 2] = table[index + 2] as number;
      } else {
        out[to] = 255;
        out[to + 2] = 255;
      }
    }
  }
  return out;
}

/** Pixels in 0..1 as they are. */
export function picturePixels(values: Elements, at: Planes): Uint8ClampedArray {
  const { height, width, channels } = at;
  const out = new Uint8ClampedArray(height * width * 4);
  for (let p = 0; p < height * width; p += 1) {
    const from = at.from + p * at.column;
    for (let c = 0; c < 3; c += 1) out[4 * p + c] = (values[from + c] as number) * 255;
    out[4 * p + 3] = channels === 4 ? (values[from + 3] as number) * 255 : 255;
  }
  return out;
}

/** How far two predictions lie apart at each place: the norm of their difference over channels. */
export function apart(a: Elements, b: Elements, at: Planes): Float64Array {
  const plane = at.height * at.width;
  const made = new Float64Array(plane);
  for (let p = 0; p < plane; p += 1) {
    let sum = 0;
    for (let c = 0; c < at.channels; c += 1) {
      const place = at.from + c * at.channel + p;
      sum += ((a[place] as number) - (b[place] as number)) ** 2;
    }
    made[p] = Math.sqrt(sum);
  }
  return made;
}
