/** Weights in a prompt: where they hold, and how a key changes them. */

export type Syntax = "comfyui" | "a1111";

export interface Span {
  from: number;
  to: number;
  weight: number;
}

interface Bracket {
  open: number;
  /** Just behind what is weighed: the colon of a weight, or the closing sign. */
  inner: number;
  close: number;
  weight: number;
  /** Whether the weight is written out. */
  written: boolean;
  sign: "(" | "[";
}

const MORE = 1.1;
const WRITTEN = /:\s*(-?\d+\.?\d*|-?\.\d+)\s*$/;

/** The brackets that are closed, inner ones first. Escaped ones are text. */
export function brackets(text: string, syntax: Syntax): Bracket[] {
  const found: Bracket[] = [];
  const open: { sign: "(" | "["; at: number; plain: boolean }[] = [];
  for (let at = 0; at < text.length; at += 1) {
    const sign = text[at];
    if (sign === "\\") at += 1;
    else if (sign === "(" || (sign === "[" && syntax === "a1111"))
      open.push({ sign, at, plain: true });
    else if (sign === "|" || sign === ":") {
      const last = open.at(-1);
      if (last?.sign === "[") last.plain = false; // a change on the way, no weight
    } else if (sign === ")" || (sign === "]" && syntax === "a1111")) {
      const last = open.at(-1);
      if (last?.sign !== (sign === ")" ? "(" : "[")) continue;
      open.pop();
      if (!last.plain) continue;
      const written = last.sign === "(" ? WRITTEN.exec(text.slice(last.at + 1, at)) : null;
      found.push({
        open: last.at,
        inner: written ? last.at + 1 + written.index : at,
        close: at,
        weight: written ? Number(written[1]) : last.sign === "(" ? MORE : 1 / MORE,
        written: written !== null,
        sign: last.sign,
      });
    }
  }
  return found;
}

/** Stretches of the text that weigh other than 1, with their whole weight. */
export function spans(text: string, syntax: Syntax): Span[] {
  const all = brackets(text, syntax);
  const cuts = new Set<number>([0, text.length]);
  for (const b of all) cuts.add(b.open).add(b.close + 1);
  const places = [...cuts].sort((a, b) => a - b);
  const result: Span[] = [];
  for (let k = 0; k + 1 < places.length; k += 1) {
    const from = places[k] ?? 0;
    const to = places[k + 1] ?? 0;
    const over = all.filter((b) => b.open <= from && b.close >= to - 1);
    const weight = over.reduce((product, b) => product * b.weight, 1);
    if (over.length > 0) result.push({ from, to, weight });
  }
  return result;
}

export interface Change {
  from: number;
  to: number;
  insert: string;
  /** What is selected afterwards. */
  select: [number, number];
}

/** The change that makes what is selected, or the word at the cursor, weigh more or less. */
export function weigh(
  text: string,
  from: number,
  to: number,
  by: number,
  syntax: Syntax,
): Change | null {
  let [start, end] = from <= to ? [from, to] : [to, from];
  const all = brackets(text, syntax).filter((b) => b.sign === "(");
  const around = all
    .filter((b) => (start === end ? b.open < start && b.close + 1 >= end : isWhole(b, start, end)))
    .sort((a, b) => a.close - a.open - (b.close - b.open))[0];
  if (around) return reweigh(text, around, by);
  if (start === end) [start, end] = wordAt(text, start);
  while (start < end && /\s/.test(text[start] ?? "")) start += 1;
  while (start < end && /\s/.test(text[end - 1] ?? "")) end -= 1;
  if (start === end) return null;
  const inner = text.slice(start, end);
  const insert = `(${inner}:${show(1 + by)})`;
  return { from: start, to: end, insert, select: [start + 1, start + 1 + inner.length] };
}

function isWhole(b: Bracket, start: number, end: number): boolean {
  const outer = start === b.open && end === b.close + 1;
  return outer || (start === b.open + 1 && (end === b.inner || end === b.close));
}

function reweigh(text: string, b: Bracket, by: number): Change {
  const inner = text.slice(b.open + 1, b.inner);
  const weight = Math.round((b.weight + by) * 100) / 100;
  const whole = { from: b.open, to: b.close + 1 };
  if (weight === 1) return { ...whole, insert: inner, select: [b.open, b.open + inner.length] };
  const insert = `(${inner}:${show(weight)})`;
  return { ...whole, insert, select: [b.open + 1, b.open + 1 + inner.length] };
}

function wordAt(text: string, at: number): [number, number] {
  const within = /[^\s,.;:()[\]|{}\\]/;
  let start = at;
  let end = at;
  while (start > 0 && within.test(text[start - 1] ?? "")) start -= 1;
  while (end < text.length && within.test(text[end] ?? "")) end += 1;
  return [start, end];
}

function show(weight: number): string {
  return String(Math.round(weight * 100) / 100);
}
