/**
 * A node's docstring, which is plain text, as blocks to draw: the first line, paragraphs, and
 * formulas on lines of their own. A formula is an indented block, or a sentence that is more
 * signs than words.
 */

export type Piece =
  | { kind: "text"; text: string }
  | { kind: "code"; text: string }
  | { kind: "link"; text: string; href: string };

export type Block =
  | { kind: "lead" | "paragraph"; pieces: Piece[] }
  | { kind: "formula"; text: string }
  | { kind: "list"; items: Piece[][] };

export function docstring(doc: string): Block[] {
  const blocks: Block[] = [];
  for (const [k, part] of doc
    .trim()
    .split(/\n\s*\n/)
    .entries()) {
    const lines = part.split("\n");
    if (k === 0) {
      blocks.push({ kind: "lead", pieces: pieces(joined(lines)) });
    } else if (lines.every((line) => /^ {2,}\S/.test(line))) {
      blocks.push({ kind: "formula", text: outdented(lines) });
    } else if (lines.every((line) => /^\s*[-*] |^\s{2,}/.test(line)) && /^\s*[-*] /.test(part)) {
      const items = part.split(/\n(?=\s*[-*] )/);
      blocks.push({
        kind: "list",
        items: items.map((item) => pieces(joined(item.split("\n")).replace(/^[-*] /, ""))),
      });
    } else blocks.push(...mixed(lines));
  }
  return blocks;
}

/** Lines of a paragraph, among which indented ones are formulas. */
function mixed(lines: string[]): Block[] {
  const blocks: Block[] = [];
  let k = 0;
  while (k < lines.length) {
    const indented = /^ {4,}\S/.test(lines[k] ?? "");
    let end = k;
    while (end < lines.length && /^ {4,}\S/.test(lines[end] ?? "") === indented) end += 1;
    const run = lines.slice(k, end);
    blocks.push(
      ...(indented ? [{ kind: "formula" as const, text: outdented(run) }] : prose(joined(run))),
    );
    k = end;
  }
  return blocks;
}

function prose(text: string): Block[] {
  const blocks: Block[] = [];
  let plain = "";
  const flush = () => {
    if (plain.trim()) blocks.push({ kind: "paragraph", pieces: pieces(plain.trim()) });
    plain = "";
  };
  for (const sentence of sentences(text)) {
    const found = formulaOf(sentence);
    if (!found) {
      plain += `${sentence} `;
      continue;
    }
    flush();
    blocks.push({ kind: "formula", text: found.formula });
    plain = found.rest ? `${found.rest} ` : "";
  }
  flush();
  return blocks;
}

/** Cut at `. ` before a capital and at `; `, not in brackets and not after `eq` and the like. */
function sentences(text: string): string[] {
  const found: string[] = [];
  let depth = 0;
  let from = 0;
  for (let at = 0; at < text.length; at += 1) {
    const sign = text[at] ?? "";
    if ("([".includes(sign)) depth += 1;
    if (")]".includes(sign)) depth = Math.max(0, depth - 1);
    const ends =
      depth === 0 &&
      text[at + 1] === " " &&
      (sign === ";" ||
        (sign === "." && !/(?:\beqs?|\bal|\bFig|\bsec|\be\.g|\bi\.e)$/.test(text.slice(from, at))));
    if (!ends) continue;
    found.push(text.slice(from, at + 1));
    from = at + 2;
  }
  if (from < text.length) found.push(text.slice(from));
  return found;
}

/** The formula that a sentence begins with, if that is what it does. */
export function formulaOf(sentence: string): { formula: string; rest: string } | null {
  const cut = endOfFormula(sentence);
  const formula = sentence.slice(0, cut).replace(/[.,;:]$/, "");
  const rest = sentence
    .slice(cut)
    .replace(/^[,:;]?\s*/, "")
    .trim();
  if (formula.length > 200 || !isFormula(formula)) return null;
  return { formula: formula.replaceAll("`", ""), rest: rest === "." ? "" : rest };
}

function endOfFormula(sentence: string): number {
  let depth = 0;
  for (let at = 0; at < sentence.length; at += 1) {
    const sign = sentence[at] ?? "";
    if (sign === "(" && /^\([A-Z][a-z]+\b/.test(sentence.slice(at)) && depth === 0) return at;
    if ("([".includes(sign)) depth += 1;
    if (")]".includes(sign)) depth -= 1;
    if (
      depth > 0 ||
      !/^[,:;] |^ (?:where|with|for|if|as|after|by|in|on|to) /.test(sentence.slice(at))
    )
      continue;
    // `a = 1, b = 2` goes on; `a = 1, where …` does not.
    if (/^, \S+ =/.test(sentence.slice(at))) continue;
    return at;
  }
  return sentence.length;
}

const SIGN = /^(?:[=+\-*/^·×≤≥<>@]|==|<=|>=|\*\*|:=|->|→)$/;

function isFormula(text: string): boolean {
  const tokens = text.split(/\s+/).filter(Boolean);
  const signs = tokens.filter((token) => SIGN.test(token)).length;
  // A shape, a sentence that begins with a word, or one that goes on in words.
  if (/^\[.*\]$/.test(text) || /^[A-Z][a-z]+\b/.test(text) || /\b(?:the|is|are|gives)\b/.test(text))
    return false;
  const named =
    /^[a-z_]{3,}$/.test(tokens[0] ?? "") && !/^(?:log|exp|sin|cos|sqrt)$/.test(tokens[0] ?? "");
  if (named && !SIGN.test(tokens[1] ?? "")) return false;
  if (signs === 0 || SIGN.test(tokens[0] ?? "") || SIGN.test(tokens.at(-1) ?? "")) return false;
  let run = 0;
  for (const token of tokens) {
    run = SIGN.test(token) ? 0 : run + 1;
    if (run > 3) return false;
  }
  const words = tokens.filter((token) => /^[a-z]{2,}$/i.test(token)).length;
  return words <= signs * 2;
}

/** Text with `code` and arXiv numbers found. */
export function pieces(text: string): Piece[] {
  const found: Piece[] = [];
  const pattern = /`([^`]+)`|\barXiv[: ](\d{4}\.\d{4,5})/g;
  let from = 0;
  for (const match of text.matchAll(pattern)) {
    if (match.index > from) found.push({ kind: "text", text: text.slice(from, match.index) });
    if (match[1] !== undefined) found.push({ kind: "code", text: match[1] });
    else found.push({ kind: "link", text: match[0], href: `https://arxiv.org/abs/${match[2]}` });
    from = match.index + match[0].length;
  }
  if (from < text.length) found.push({ kind: "text", text: text.slice(from) });
  return found;
}

function joined(lines: string[]): string {
  return lines
    .map((line) => line.trim())
    .join(" ")
    .trim();
}

function outdented(lines: string[]): string {
  const depth = Math.min(...lines.map((line) => /^ */.exec(line)?.[0].length ?? 0));
  return lines.map((line) => line.slice(depth).trimEnd()).join("\n");
}
