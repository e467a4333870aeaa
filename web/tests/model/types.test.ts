import { expect, test } from "vitest";
import { assignable, conversionOf } from "../../src/model/fit";
import { bind, parseType, typeText } from "../../src/model/types";
import table from "../fixtures/types.json";
import { catalogue } from "./support";

const { types, fits, binds } = table;

test.each(types.map((name, k) => [name, k] as const))("what %s fits, as Python says", (name, k) => {
  const ours = types.map((target) => Number(assignable(name, target, catalogue))).join("");
  expect(ours).toBe(fits[k]);
});

test.each(types.map((name, k) => [name, k] as const))("what %s binds to, as Python", (name, k) => {
  const source = parseType(name);
  const ours = types.map((t) => Number(bind(source, parseType(t), new Map(), catalogue))).join("");
  expect(ours).toBe(binds[k]);
});

test("a type's text is read and written back", () => {
  for (const name of types) expect(typeText(parseType(name))).toBe(name);
});

test("an unknown type fits everywhere, so that one fault is told once", () => {
  for (const name of types) {
    expect(assignable("?", name, catalogue)).toBe(true);
    expect(assignable(name, "?", catalogue)).toBe(true);
  }
});

test("conversions are found by what fits their ends", () => {
  for (const { source, target, node } of catalogue.conversions) {
    const found = conversionOf(source, target, catalogue);
    expect(found).toBeDefined();
    if (source !== "T") expect(catalogue.nodes.has(node)).toBe(true);
  }
});
