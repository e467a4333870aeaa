/**
 * Socket types as text (`Latent`, `list[Step]`, `int | str`, `T`) and which wire fits which port.
 * Says the same as `nodeflow/sockets.py`; a table made by Python holds the two together.
 */

import type { Catalogue } from "./catalogue";

export type Type =
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "list"; readonly of: Type }
  | { readonly kind: "union"; readonly of: readonly Type[] };

/** What a faulty or unknown node gives: fits everywhere, so that one fault is told once. */
export const UNKNOWN = "?";
export const PLAIN: ReadonlySet<string> = new Set(["bool", "int", "float", "str"]);
const NONE = "none";

const parsed = new Map<string, Type>();

/** A type's text as a tree; kept, as there are few hundred of them. */
export function parseType(text: string): Type {
  const known = parsed.get(text);
  if (known) return known;
  const made = parse(text.trim());
  parsed.set(text, made);
  return made;
}

function parse(text: string): Type {
  const parts = atTop(text);
  if (parts.length > 1) return { kind: "union", of: parts.map((part) => parse(part.trim())) };
  if (text.startsWith("list[") && text.endsWith("]")) {
    return { kind: "list", of: parse(text.slice(5, -1).trim()) };
  }
  return { kind: "name", name: text };
}

/** Split at `|` outside of brackets. */
function atTop(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let k = 0; k < text.length; k += 1) {
    const sign = text[k];
    if (sign === "[") depth += 1;
    else if (sign === "]") depth -= 1;
    else if (sign === "|" && depth === 0) {
      parts.push(text.slice(start, k));
      start = k + 1;
    }
  }
  return [...parts, text.slice(start)];
}

export function typeText(type: Type): string {
  if (type.kind === "name") return type.name;
  if (type.kind === "list") return `list[${typeText(type.of)}]`;
  return type.of.map(typeText).join(" | ");
}

/** A name that is neither plain nor a socket type stands for any type. */
export function isVariable(type: Type, catalogue: Catalogue): boolean {
  if (type.kind !== "name" || PLAIN.has(type.name) || type.name === NONE) return false;
  return !catalogue.types.has(type.name);
}

export function hasVariable(type: Type, catalogue: Catalogue): boolean {
  if (type.kind === "list") return hasVariable(type.of, catalogue);
  if (type.kind === "union") return type.of.some((member) => hasVariable(member, catalogue));
  return isVariable(type, catalogue);
}

/** The members of a union without none, or the type alone. */
export function members(type: Type): readonly Type[] {
  if (type.kind !== "union") return [type];
  return type.of.filter((member) => !isNone(member));
}

function isNone(type: Type): boolean {
  return type.kind === "name" && type.name === NONE;
}

function acceptsNone(type: Type): boolean {
  return type.kind === "union" && type.of.some(isNone);
}

/** The element that a port gathers, if it takes a list: `A` of `list[A]` or `list[A] | none`. */
export function listElement(type: Type): Type | undefined {
  for (const member of members(type)) if (member.kind === "list") return member.of;
  return undefined;
}

/** Whether a literal in a graph file can be of this type. */
export function isPlain(type: Type): boolean {
  if (type.kind === "list") return isPlain(type.of);
  return members(type).some((m) =>
    m.kind === "name" ? PLAIN.has(m.name) : m.kind === "list" && isPlain(m),
  );
}

/** Whether a wire of type `source` fits a port of type `target`. */
export function typeFits(source: Type, target: Type, catalogue: Catalogue): boolean {
  if (isVariable(target, catalogue) || isVariable(source, catalogue) || same(source, target)) {
    return true;
  }
  if (source.kind === "union") {
    const noneFits = acceptsNone(target) || !acceptsNone(source);
    return noneFits && members(source).every((member) => typeFits(member, target, catalogue));
  }
  if (target.kind === "union") {
    return members(target).some((member) => typeFits(source, member, catalogue));
  }
  if (source.kind === "list" || target.kind === "list") {
    return (
      source.kind === "list" && target.kind === "list" && typeFits(source.of, target.of, catalogue)
    );
  }
  if (source.name === "int" && target.name === "float") return true;
  if (source.name === "bool") return target.name === "bool";
  return derives(source.name, target.name, catalogue);
}

function same(a: Type, b: Type): boolean {
  return a === b || (a.kind === b.kind && typeText(a) === typeText(b));
}

function derives(name: string, base: string, catalogue: Catalogue): boolean {
  if (name === base) return true;
  const bases = catalogue.types.get(name)?.bases ?? [];
  return bases.some((other) => other === base || derives(other, base, catalogue));
}

/** What each type variable of a node stands for. */
export type Bound = Map<string, Type>;

/** Fit `source` to a generic `target`, noting in `bound` what each variable stands for. */
export function bind(source: Type, target: Type, bound: Bound, catalogue: Catalogue): boolean {
  if (target.kind === "name" && isVariable(target, catalogue)) {
    const before = bound.get(target.name);
    if (!before || typeFits(before, source, catalogue)) {
      bound.set(target.name, source);
      return true;
    }
    return typeFits(source, before, catalogue);
  }
  if (target.kind === "list" && source.kind === "list") {
    return bind(source.of, target.of, bound, catalogue);
  }
  const options = members(target);
  const variable = options.find((member) => isVariable(member, catalogue));
  if (variable && target.kind === "union") {
    const named = options.filter((member) => !isVariable(member, catalogue));
    if (named.some((member) => typeFits(source, member, catalogue))) return true;
    return bind(source, variable, bound, catalogue);
  }
  return typeFits(source, target, catalogue);
}

/** `type` with its variables replaced by what they are bound to. */
export function substitute(type: Type, bound: Bound): Type {
  if (type.kind === "name") return bound.get(type.name) ?? type;
  if (type.kind === "list") return { kind: "list", of: substitute(type.of, bound) };
  return { kind: "union", of: type.of.map((member) => substitute(member, bound)) };
}

/** The type a literal says a variable is, where no wire does. */
export function literalType(value: unknown): string {
  if (typeof value === "boolean") return "bool";
  if (typeof value === "bigint") return "int";
  if (typeof value === "number") return Number.isInteger(value) ? "int" : "float";
  return typeof value === "string" ? "str" : UNKNOWN;
}
