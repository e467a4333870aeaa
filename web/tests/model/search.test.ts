import { describe, expect, test } from "vitest";
import { search } from "../../src/model/search";
import { catalogue } from "./support";

const ids = (text: string) => search(catalogue, text).map((found) => found.spec.id);

describe("a word that was mistyped", () => {
  test.each([
    ["guassian", "noise.gaussian"],
    ["mulitply", "math.multiply"],
    ["multipyl", "math.multiply"],
    ["mutliply math", "math.multiply"],
    ["gausian", "noise.gaussian"],
    ["mulitp", "math.multiply"],
  ])("%s finds %s", (text, id) => {
    expect(ids(text)).toContain(id);
  });

  test("is shown where it was meant", () => {
    const found = search(catalogue, "guassian").find(({ spec }) => spec.id === "noise.gaussian");
    expect(found).toMatchObject({ typos: 1, ranges: [[0, 8]] });
  });

  test("comes after all that match as typed", () => {
    for (const text of ["latent", "blur", "image scale", "noise", "load"]) {
      const typos = search(catalogue, text).map((found) => found.typos);
      expect(typos).toEqual([...typos].sort((a, b) => a - b));
      expect(typos[0]).toBe(0);
    }
    // A port that fits exactly is worth much, yet not more than a word typed right.
    const found = search(catalogue, "mask", { takes: "Latent" }).map(({ typos }) => typos);
    expect(found).toEqual([...found].sort((a, b) => a - b));
  });

  test("is not guessed at from little", () => {
    expect(ids("no such node at all")).toEqual([]);
    expect(ids("xyzzy")).toEqual([]);
  });
});
