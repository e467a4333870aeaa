/** Finding a node type by what somebody types, or by what a wire needs. */

import type { Catalogue, NodeSpec } from "./catalogue";
import { bind, listElement, parseType } from "./types";

/** Places in the title that matched: from, to. */
export type Range = readonly [number, number];

export interface Found {
  spec: NodeSpec;
  score: number;
  /** Words that match only if they were mistyped. */
  typos: number;
  /** In `spec.title`. */
  ranges: readonly Range[];
  /** The port that takes or gives what was asked for. */
  port?: string;
}

export interface Filter {
  /** Only what has an input for this type. */
  takes?: string;
  /** Only what has an output of this type. */
  gives?: string;
}

interface Entry {
  spec: NodeSpec;
  title: string;
  id: string;
  doc: string;
  /** Of title and id. */
  words: readonly string[];
}

const entries = new WeakMap<Catalogue, Entry[]>();

function entriesOf(catalogue: Catalogue): Entry[] {
  let known = entries.get(catalogue);
  if (!known) {
    known = [...catalogue.nodes.values()].map((spec) => ({
      spec,
      title: spec.title.toLowerCase(),
      id: spec.id.toLowerCase(),
      doc: spec.doc.toLowerCase(),
      words: [...new Set(`${spec.title} ${spec.id}`.toLowerCase().split(/[\s._:-]+/))],
    }));
    entries.set(catalogue, known);
  }
  return known;
}

/** Node types that match every word typed, best first, those of which a word seems mistyped after
 * all others; all of them for an empty text. */
export function search(
  catalogue: Catalogue,
  text: string,
  filter: Filter = {},
  limit = 100,
): Found[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const found: Found[] = [];
  for (const entry of entriesOf(catalogue)) {
    const port = fittingPort(entry.spec, filter, catalogue);
    if ((filter.takes || filter.gives) && port === undefined) continue;
    const matched = match(entry, words);
    if (!matched) continue;
    const score = matched.score + (port ? port.bonus : 0);
    const { typos, ranges } = matched;
    const one: Found = { spec: entry.spec, score, typos, ranges };
    if (port) one.port = port.name;
    found.push(one);
  }
  found.sort((a, b) => a.typos - b.typos || b.score - a.score || (a.spec.id < b.spec.id ? -1 : 1));
  return found.slice(0, limit);
}

interface Match {
  score: number;
  typos: number;
  ranges: Range[];
}

function match(entry: Entry, words: readonly string[]): Match | null {
  let score = 0;
  let typos = 0;
  const ranges: Range[] = [];
  for (const word of words) {
    const title = inText(entry.title, word);
    const id = inText(entry.id, word);
    const best = Math.max(title ? title.score * 1.2 : 0, id?.score ?? 0);
    const doc = best < 20 && word.length > 2 ? docScore(entry.doc, word) : 0;
    if (best === 0 && doc === 0) {
      const near = mistyped(entry.words, word);
      if (!near) return null;
      typos += 1;
      const at = entry.title.indexOf(near);
      if (at >= 0) ranges.push([at, at + near.length]);
      score += at >= 0 ? 4 : 2;
      continue;
    }
    score += Math.max(best, doc);
    if (title && title.score * 1.2 >= best) ranges.push(...title.ranges);
  }
  // Of equal matches the shorter title is the nearer.
  return { score: score - entry.title.length / 100, typos, ranges: merged(ranges) };
}

/** The word, or the begin of one, that was meant: one slip away, two from a long one. */
function mistyped(known: readonly string[], word: string): string | undefined {
  if (word.length < 4) return undefined;
  const allowed = word.length < 8 ? 1 : 2;
  for (const one of known) {
    if (one.length < word.length - allowed) continue;
    const found = slips(word, one, allowed);
    if (found >= 0) return one.slice(0, found);
  }
  return undefined;
}

/** How many letters of `text`'s begin are `word` with at most so many slips: a letter wrong, left
 * out, too many, or two of them swapped. -1 if none are. */
function slips(word: string, text: string, allowed: number): number {
  let older: number[] = [];
  let last = Array.from({ length: text.length + 1 }, (_, k) => k);
  for (let i = 1; i <= word.length; i += 1) {
    const row = [i];
    for (let k = 1; k <= text.length; k += 1) {
      const same = word[i - 1] === text[k - 1];
      let least = Math.min(
        (last[k] ?? 0) + 1,
        (row[k - 1] ?? 0) + 1,
        (last[k - 1] ?? 0) + (same ? 0 : 1),
      );
      const swapped = i > 1 && k > 1 && word[i - 1] === text[k - 2] && word[i - 2] === text[k - 1];
      if (swapped) least = Math.min(least, (older[k - 2] ?? 0) + 1);
      row.push(least);
    }
    older = last;
    last = row;
  }
  const best = Math.min(...last);
  return best <= allowed ? last.lastIndexOf(best) : -1;
}

function docScore(doc: string, word: string): number {
  const at = doc.indexOf(word);
  if (at < 0) return 0;
  const line = doc.indexOf("\n");
  return line < 0 || at < line ? 12 : 6;
}

/** A whole word, the begin of one, any part, or letters in order; null if none. */
function inText(text: string, word: string): { score: number; ranges: Range[] } | null {
  if (text === word) return { score: 120, ranges: [[0, text.length]] };
  let at = text.indexOf(word);
  if (at >= 0) {
    let best = at;
    let score = 40;
    for (; at >= 0; at = text.indexOf(word, at + 1)) {
      const begins = at === 0 || /[\s._-]/.test(text[at - 1] ?? "");
      const after = text[at + word.length];
      const ends = after === undefined || /[\s._-]/.test(after);
      const here = begins ? (ends ? 90 : 70) + (at === 0 ? 10 : 0) : 40;
      if (here > score) {
        score = here;
        best = at;
      }
    }
    return { score, ranges: [[best, best + word.length]] };
  }
  return word.length > 1 ? letters(text, word) : null;
}

/** Letters in order, as `tti` in "Text to image": the more begin words or stand together, the
 * better. */
function letters(text: string, word: string): { score: number; ranges: Range[] } | null {
  const ranges: Range[] = [];
  let from = 0;
  let score = 0;
  for (const letter of word) {
    let at = text.indexOf(letter, from);
    if (at < 0) return null;
    for (let k = at; k >= 0; k = text.indexOf(letter, k + 1)) {
      if (k === 0 || /[\s._-]/.test(text[k - 1] ?? "")) {
        at = k;
        break;
      }
    }
    const begins = at === 0 || /[\s._-]/.test(text[at - 1] ?? "");
    score += begins ? 8 : at === from ? 4 : -3;
    ranges.push([at, at + 1]);
    from = at + 1;
  }
  const share = score / word.length;
  return share > 2 ? { score: Math.min(35, share * 5), ranges } : null;
}

function merged(ranges: readonly Range[]): Range[] {
  const sorted = [...ranges].sort((a, b) => a[0] - b[0]);
  const made: [number, number][] = [];
  for (const [from, to] of sorted) {
    const last = made.at(-1);
    if (last && from <= last[1]) last[1] = Math.max(last[1], to);
    else made.push([from, to]);
  }
  return made;
}

/** The first port that fits, required ones before others; ports of exactly that type are worth
 * more than those that take anything. */
export function fittingPort(
  spec: NodeSpec,
  filter: Filter,
  catalogue: Catalogue,
): { name: string; bonus: number } | undefined {
  let best: { name: string; bonus: number } | undefined;
  const offer = (name: string, bonus: number) => {
    if (!best || bonus > best.bonus) best = { name, bonus };
  };
  if (filter.takes) {
    const source = parseType(filter.takes);
    for (const input of spec.inputs) {
      const target = parseType(input.type);
      const item = listElement(target);
      const fits =
        bind(source, target, new Map(), catalogue) ||
        (item !== undefined && bind(source, item, new Map(), catalogue));
      if (!fits) continue;
      offer(input.name, (input.type === filter.takes ? 30 : 5) + (input.required ? 10 : 0));
    }
  }
  if (filter.gives) {
    const target = parseType(filter.gives);
    const item = listElement(target);
    for (const output of spec.outputs) {
      const source = parseType(output.type);
      const fits =
        bind(source, target, new Map(), catalogue) ||
        (item !== undefined && bind(source, item, new Map(), catalogue));
      if (fits) offer(output.name, output.type === filter.gives ? 30 : 5);
    }
  }
  return best;
}

/** Node types by category, both in alphabetical order. */
export function categories(catalogue: Catalogue): Map<string, NodeSpec[]> {
  const found = new Map<string, NodeSpec[]>();
  const specs = [...catalogue.nodes.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  for (const spec of specs) {
    const list = found.get(spec.category);
    if (list) list.push(spec);
    else found.set(spec.category, [spec]);
  }
  return found;
}
