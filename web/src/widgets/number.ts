/** Reading, writing and stepping numbers, as every number on the screen is. */

import type { WidgetSpec } from "../model/catalogue";
import { asNumber } from "../model/json";

/** Whole numbers beyond 2^53 are `bigint`; all others plain. */
export type Figure = number | bigint;

export interface Bounds {
  minimum: number | null;
  maximum: Figure | null;
  step: number | null;
  whole: boolean;
  /** Only multiples of `step` are taken. */
  multiple: boolean;
}

export type Read = { value: Figure } | { fault: string };

export function boundsOf(type: string, widget?: WidgetSpec): Bounds {
  const whole = type.replace(/^list\[(.*)\]$/, "$1").split(" | ")[0] === "int";
  const top = widget?.maximum ?? null;
  return {
    minimum: widget?.minimum ?? null,
    maximum: whole && top !== null ? exactTop(top) : top,
    step: widget?.step ?? null,
    whole,
    multiple: widget?.widget === "Multiple",
  };
}

/** The catalogue's numbers are the browser's own: 2^63 - 1, as far as seeds go, is read as 2^63. */
function exactTop(top: number): Figure {
  const power = Math.log2(top);
  return top > Number.MAX_SAFE_INTEGER && Number.isInteger(power) ? 2n ** BigInt(power) - 1n : top;
}

/** A number, or a small sum such as `1024/8*3`; a comma may stand for the point. */
export function readNumber(text: string, bounds: Bounds): Read {
  const value = wholeOf(text) ?? evaluate(text);
  if (value === null || !isFigure(value)) return { fault: `“${text}” is no number` };
  if (bounds.whole && typeof value === "number" && !Number.isInteger(value))
    return { fault: "a whole number is needed" };
  if (bounds.minimum !== null && value < bounds.minimum)
    return { fault: `${figure(bounds.minimum)} or more is needed` };
  if (bounds.maximum !== null && value > bounds.maximum)
    return { fault: `${figure(bounds.maximum)} or less is needed` };
  if (bounds.multiple && bounds.step && Number(value) % bounds.step !== 0)
    return { fault: `a multiple of ${bounds.step} is needed` };
  return { value };
}

/** The nearest value that is taken; null if the text is no number at all. */
export function mend(text: string, bounds: Bounds): Figure | null {
  const value = wholeOf(text) ?? evaluate(text);
  return value === null || Number.isNaN(value) ? null : settle(value, bounds);
}

/** A whole number written out, to its last figure. */
function wholeOf(text: string): Figure | null {
  const plain = text.trim();
  return /^[+-]?\d{16,40}$/.test(plain) ? asNumber(BigInt(plain.replace("+", ""))) : null;
}

export function isNumber(value: unknown): value is Figure {
  return typeof value === "number" || typeof value === "bigint";
}

function isFigure(value: Figure): boolean {
  return typeof value === "bigint" || Number.isFinite(value);
}

export function settle(value: Figure, bounds: Bounds): Figure {
  const { minimum, maximum } = bounds;
  if (minimum !== null && value < minimum) return minimum;
  if (maximum !== null && value > maximum) return maximum;
  return typeof value === "bigint" && bounds.whole ? value : settled(Number(value), bounds);
}

function settled(value: number, bounds: Bounds): Figure {
  let settled = value;
  if (bounds.multiple && bounds.step) settled = Math.round(settled / bounds.step) * bounds.step;
  if (bounds.whole) settled = Math.round(settled);
  if (bounds.minimum !== null) settled = Math.max(bounds.minimum, settled);
  return bounds.maximum !== null && settled > bounds.maximum ? bounds.maximum : settled;
}

/** A value on the grid of steps that begins at the lower end. */
export function snap(value: number, bounds: Bounds, fine = false): Figure {
  const step = stepOf(bounds, value) * (fine && !bounds.whole ? 0.1 : 1);
  const origin = bounds.multiple ? 0 : (bounds.minimum ?? 0);
  const snapped = origin + Math.round((value - origin) / step) * step;
  return settle(rounded(snapped, decimals(step) + decimals(origin)), bounds);
}

/** One step up or down; coarse is ten, fine a tenth where there are parts of one. */
export function nudge(
  value: Figure,
  steps: number,
  bounds: Bounds,
  size: "fine" | "" | "coarse",
): Figure {
  const plain = typeof value === "number" ? value : Number(value);
  const far = Math.abs(plain) + Math.abs(steps) * 10 * stepOf(bounds, plain);
  if (bounds.whole && !bounds.multiple && Number.isInteger(plain) && !Number.isSafeInteger(far)) {
    const by = BigInt(Math.round(steps * stepOf(bounds, plain) * (size === "coarse" ? 10 : 1)));
    return settle(asNumber(BigInt(value) + by), bounds);
  }
  return nudged(plain, steps, bounds, size);
}

function nudged(value: number, steps: number, bounds: Bounds, size: "fine" | "" | "coarse") {
  let step = stepOf(bounds, value);
  if (size === "coarse") step *= 10;
  if (size === "fine" && !bounds.whole) step /= 10;
  const next = rounded(value + steps * step, Math.max(decimals(step), decimals(value)));
  if (!bounds.multiple || !bounds.step) return settle(next, bounds);
  const grid = bounds.step;
  const onGrid = steps > 0 ? Math.floor(next / grid) * grid : Math.ceil(next / grid) * grid;
  return settle(onGrid, bounds);
}

/** A bar over very many whole numbers gives the small ones more room. */
function bendOf(bounds: Bounds): number {
  const range = Number(bounds.maximum ?? 1) - (bounds.minimum ?? 0);
  return bounds.whole && range > 250 ? 3 : 1;
}

/** Where on its bar a value stands, 0..1. */
export function shareOf(value: Figure, bounds: Bounds): number {
  const low = bounds.minimum ?? 0;
  const range = Number(bounds.maximum ?? 1) - low || 1;
  return Math.min(1, Math.max(0, (Number(value) - low) / range)) ** (1 / bendOf(bounds));
}

/** The value at a place of the bar, on the grid of steps. */
export function valueAt(share: number, bounds: Bounds, fine = false): Figure {
  const low = bounds.minimum ?? 0;
  const range = Number(bounds.maximum ?? 1) - low;
  const within = Math.min(1, Math.max(0, share));
  return snap(low + range * within ** bendOf(bounds), bounds, fine);
}

/** What a key makes of a value on a bar; null for a key that means nothing there. */
export function keyed(key: string, value: Figure, bounds: Bounds, size: "fine" | "" | "coarse") {
  if (key === "ArrowRight" || key === "ArrowUp") return nudge(value, 1, bounds, size);
  if (key === "ArrowLeft" || key === "ArrowDown") return nudge(value, -1, bounds, size);
  if (key === "PageUp") return nudge(value, 1, bounds, "coarse");
  if (key === "PageDown") return nudge(value, -1, bounds, "coarse");
  if (key === "Home") return bounds.minimum;
  return key === "End" ? bounds.maximum : null;
}

function stepOf(bounds: Bounds, value: number): number {
  if (bounds.step) return bounds.step;
  if (bounds.whole) return 1;
  if (bounds.minimum !== null && bounds.maximum !== null) {
    const range = Number(bounds.maximum) - bounds.minimum;
    if (range <= 20) return 10 ** Math.floor(Math.log10(range / 50));
  }
  const size = Math.abs(value);
  return size === 0 ? 0.1 : 10 ** (Math.floor(Math.log10(size)) - 1);
}

export function decimals(value: number): number {
  const [mantissa = "", exponent = "0"] = String(value).toLowerCase().split("e");
  const places = (mantissa.split(".")[1] ?? "").length - Number(exponent);
  return Math.min(12, Math.max(0, places));
}

function rounded(value: number, places: number): number {
  return Number(value.toFixed(Math.min(12, places)));
}

/** As short as can be without telling another number. */
export function figure(value: Figure): string {
  if (typeof value === "bigint") return String(value);
  if (!Number.isFinite(value)) return String(value);
  if (Number.isInteger(value)) return String(value);
  return String(Number(value.toPrecision(10)));
}

function evaluate(text: string): number | null {
  const source = /^[^.]*,[^.,]*$/.test(text) ? text.replace(",", ".") : text;
  const tokens = source.match(/\d+\.?\d*(?:e[+-]?\d+)?|\.\d+(?:e[+-]?\d+)?|[-+*/()]|\S/gi);
  if (!tokens || tokens.length > 200) return null;
  let at = 0;
  const sum = (): number => {
    let left = product();
    while (tokens[at] === "+" || tokens[at] === "-")
      left = tokens[at++] === "+" ? left + product() : left - product();
    return left;
  };
  const product = (): number => {
    let left = factor();
    while (tokens[at] === "*" || tokens[at] === "/")
      left = tokens[at++] === "*" ? left * factor() : left / factor();
    return left;
  };
  const factor = (): number => {
    const token = tokens[at++];
    if (token === "-") return -factor();
    if (token === "+") return factor();
    if (token === "(") {
      const inner = sum();
      return tokens[at++] === ")" ? inner : Number.NaN;
    }
    return token && /^[\d.]/.test(token) ? Number(token) : Number.NaN;
  };
  const value = sum();
  return at === tokens.length && !Number.isNaN(value) ? value : null;
}
