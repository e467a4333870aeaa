/**
 * A small part of Markdown as a tree: headings, lists, quotes, code, emphasis, links to http(s).
 * HTML stays text: nothing a note says becomes markup of its own.
 */

export type Inline =
  | { kind: "text" | "code"; text: string }
  | { kind: "strong" | "em" | "strike"; parts: Inline[] }
  | { kind: "link"; href: string; parts: Inline[] };

export type Block =
  | { kind: "heading"; level: number; parts: Inline[] }
  | { kind: "paragraph" | "quote"; parts: Inline[] }
  | { kind: "list"; ordered: boolean; items: Inline[][] }
  | { kind: "code"; text: string }
  | { kind: "rule" };

const INLINE =
  /`([^`]+)`|\*\*(.+?)\*\*|~~(.+?)~~|\*([^*\s][^*]*?)\*|\b_([^_\s][^_]*?)_\b|\[([^\]]+)\]\(([^)\s]+)\)/;
/** Emphasis within emphasis, to this depth: no text makes the parser dig. */
const DEPTH = 4;

/** Only addresses that open a page; `javascript:` and its like stay text. */
export function safeHref(href: string): string {
  return /^https?:\/\//i.test(href) || href.startsWith("#") ? href : "";
}

export function inline(text: string, depth = 0): Inline[] {
  const parts: Inline[] = [];
  let rest = text;
  while (rest) {
    const match = depth < DEPTH ? INLINE.exec(rest) : null;
    if (!match) break;
    if (match.index > 0) parts.push({ kind: "text", text: rest.slice(0, match.index) });
    parts.push(piece(match, depth));
    rest = rest.slice(match.index + match[0].length);
  }
  if (rest) parts.push({ kind: "text", text: rest });
  return parts;
}

function piece(match: RegExpExecArray, depth: number): Inline {
  const [whole, code, strong, strike, em, em2, label, href] = match;
  if (code !== undefined) return { kind: "code", text: code };
  if (strong !== undefined) return { kind: "strong", parts: inline(strong, depth + 1) };
  if (strike !== undefined) return { kind: "strike", parts: inline(strike, depth + 1) };
  const slanted = em ?? em2;
  if (slanted !== undefined) return { kind: "em", parts: inline(slanted, depth + 1) };
  const safe = safeHref(href ?? "");
  if (!safe) return { kind: "text", text: whole };
  return { kind: "link", href: safe, parts: inline(label ?? "", depth + 1) };
}

export function markdown(text: string): Block[] {
  const blocks: Block[] = [];
  const lines = text.replace(/\r\n?/g, "\n").split("\n");
  let k = 0;
  while (k < lines.length) {
    const line = lines[k] ?? "";
    if (!line.trim()) {
      k += 1;
    } else if (line.startsWith("```")) {
      const end = lines.findIndex((l, n) => n > k && l.startsWith("```"));
      const last = end < 0 ? lines.length : end;
      blocks.push({ kind: "code", text: lines.slice(k + 1, last).join("\n") });
      k = last + 1;
    } else if (/^ {0,3}([-*_])( *\1){2,} *$/.test(line)) {
      blocks.push({ kind: "rule" });
      k += 1;
    } else if (/^#{1,6} /.test(line)) {
      const level = line.indexOf(" ");
      blocks.push({ kind: "heading", level, parts: inline(line.slice(level + 1).trim()) });
      k += 1;
    } else if (ITEM.test(line)) {
      const items = taken(lines, k, (l) => ITEM.test(l));
      const ordered = /^\s*\d/.test(line);
      blocks.push({
        kind: "list",
        ordered,
        items: items.map((item) => inline(item.replace(ITEM, ""))),
      });
      k += items.length;
    } else if (line.startsWith(">")) {
      const quoted = taken(lines, k, (l) => l.startsWith(">"));
      const joined = quoted.map((l) => l.replace(/^> ?/, "")).join("\n");
      blocks.push({ kind: "quote", parts: inline(joined) });
      k += quoted.length;
    } else {
      const told = taken(lines, k, (l, n) => n === 0 || !STARTS.test(l));
      blocks.push({ kind: "paragraph", parts: inline(told.join("\n")) });
      k += told.length;
    }
  }
  return blocks;
}

const ITEM = /^\s{0,3}(?:[-*+]|\d{1,3}[.)])\s+/;
/** What ends a paragraph. */
const STARTS = /^(?:\s*$|```|#{1,6} |>|\s{0,3}(?:[-*+]|\d{1,3}[.)])\s+)/;

function taken(lines: string[], from: number, belongs: (line: string, k: number) => boolean) {
  let end = from;
  while (end < lines.length && belongs(lines[end] ?? "", end - from)) end += 1;
  return lines.slice(from, end);
}
