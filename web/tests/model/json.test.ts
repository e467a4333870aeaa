import { describe, expect, it } from "vitest";
import { readClip } from "../../src/model/clip";
import { compare } from "../../src/model/compare";
import { sameJson, setParam } from "../../src/model/edit";
import type { GraphFile } from "../../src/model/graph";
import { readJson, writeJson } from "../../src/model/json";
import { literal } from "../../src/model/python";
import { many } from "./many";

const LARGEST = 2n ** 64n - 1n;
const graph = (seed: string): GraphFile =>
  readJson(
    `{"nodeflow":1,"nodes":{"n":{"type":"noise.gaussian","params":{"seed":${seed}}}}}`,
  ) as GraphFile;

describe("whole numbers", () => {
  it.each([
    "9007199254740993",
    "-9007199254740993",
    "9223372036854775807",
    "18446744073709551615",
    "[9007199254740991,9007199254740993]",
    '{"a":{"b":[1,2.5,"12345678901234567890",null,true]},"c":9007199254740993}',
  ])("%s stays as it is", (text) => {
    expect(writeJson(readJson(text))).toBe(text);
  });

  it("are plain where that is exact", () => {
    expect(readJson("9007199254740991")).toBe(Number.MAX_SAFE_INTEGER);
    expect(readJson("[1234567890123456]")).toEqual([1234567890123456]);
    expect(readJson("1e20")).toBe(1e20);
    expect(readJson("9007199254740993")).toBe(9007199254740993n);
  });

  it("leave fractions alone", () => {
    const text = "[0.12345678901234567,1.2345678901234567e-8]";
    expect(readJson(text)).toEqual(JSON.parse(text));
    expect(readJson(`[${text},9007199254740993]`)).toEqual([JSON.parse(text), 9007199254740993n]);
  });

  it("are written with an indent as the browser would", () => {
    const value = { a: [1, { b: "x" }], c: {} };
    expect(writeJson({ ...value, d: LARGEST }, 2)).toBe(
      JSON.stringify({ ...value, d: "D" }, null, 2).replace('"D"', String(LARGEST)),
    );
  });

  it("refuse what is no JSON", () => {
    expect(() => readJson("{")).toThrow(SyntaxError);
    expect(() => readJson("[9007199254740993,]")).toThrow(SyntaxError);
  });
});

describe("a graph with a large seed", () => {
  it("tells neighbours apart", () => {
    const one = graph("9007199254740992");
    const other = graph("9007199254740993");
    expect(compare(one, other).ports).toEqual(["n.seed"]);
    expect(compare(other, graph("9007199254740993")).changed).toEqual([]);
    expect(sameJson(one, other)).toBe(false);
    expect(sameJson(other, graph("9007199254740993"))).toBe(true);
  });

  it("is not changed by the same value again", () => {
    const file = graph("9007199254740993");
    expect(setParam(file, [], "n", "seed", 9007199254740993n)).toBe(file);
    expect(setParam(file, [], "n", "seed", 1n)).not.toBe(file);
  });

  it("goes through the clipboard and into Python", () => {
    const nodes = { n: { type: "noise.gaussian", params: { seed: LARGEST } } };
    const text = writeJson({ nodeflow_clip: 1, nodes, view: {}, frames: [], notes: [] });
    expect(readClip(text)?.nodes).toEqual(nodes);
    expect(literal(LARGEST)).toBe("18446744073709551615");
  });
});

it("a graph of 2,000 nodes without such numbers costs what the browser asks", () => {
  const text = JSON.stringify(many(2000));
  const time = (read: (text: string) => unknown) => {
    let best = Number.POSITIVE_INFINITY;
    for (let k = 0; k < 7; k += 1) {
      const start = performance.now();
      read(text);
      best = Math.min(best, performance.now() - start);
    }
    return best;
  };
  expect(time(readJson)).toBeLessThan(2 * time(JSON.parse) + 5);
  // With one such number it is read figure by figure: slower, and still no wait.
  const long = text.replace('"nodeflow":1', '"nodeflow":1,"title":9007199254740993');
  const start = performance.now();
  expect((readJson(long) as { title: unknown }).title).toBe(9007199254740993n);
  expect(performance.now() - start).toBeLessThan(1500);
});
