import { describe, expect, it } from "vitest";
import {
  type Bounds,
  boundsOf,
  decimals,
  figure,
  keyed,
  mend,
  nudge,
  readNumber,
  settle,
  shareOf,
  snap,
  valueAt,
} from "../../src/widgets/number";

const FREE: Bounds = { minimum: null, maximum: null, step: null, whole: false, multiple: false };
const WHOLE: Bounds = { ...FREE, whole: true };
const SCALE: Bounds = { ...FREE, minimum: 0, maximum: 30, step: 0.5 };
const SIDE: Bounds = { ...WHOLE, minimum: 8, maximum: 8192, step: 8, multiple: true };
const STEPS: Bounds = { ...WHOLE, minimum: 1, maximum: 1000, step: 1 };

describe("reading a number", () => {
  it.each([
    ["3", 3],
    [" -2.5 ", -2.5],
    ["1,5", 1.5],
    [".5", 0.5],
    ["1e-3", 0.001],
    ["512*2", 1024],
    ["2+3*4", 14],
    ["(2+3)*4", 20],
    ["1024/8/2", 64],
    ["-(1+1)", -2],
    ["+7", 7],
  ])("takes %s", (text, value) => {
    expect(readNumber(text, FREE)).toEqual({ value });
  });

  it.each(["", "x", "1+", "(1", "1)", "2 3", "1/0", "--", "0x10", "alert(1)"])(
    "refuses %s",
    (text) => {
      expect(readNumber(text, FREE)).toHaveProperty("fault");
    },
  );

  it("tells the limit that was passed", () => {
    expect(readNumber("31", SCALE)).toEqual({ fault: "30 or less is needed" });
    expect(readNumber("-1", SCALE)).toEqual({ fault: "0 or more is needed" });
    expect(readNumber("1.5", WHOLE)).toEqual({ fault: "a whole number is needed" });
    expect(readNumber("100", SIDE)).toEqual({ fault: "a multiple of 8 is needed" });
  });

  it("mends what can be mended", () => {
    expect(mend("99", SCALE)).toBe(30);
    expect(mend("100", SIDE)).toBe(104);
    expect(mend("2.6", WHOLE)).toBe(3);
    expect(mend("no", WHOLE)).toBeNull();
  });
});

describe("stepping", () => {
  it("goes by the step, by ten with coarse, by a tenth with fine", () => {
    expect(nudge(7.5, 1, SCALE, "")).toBe(8);
    expect(nudge(7.5, -1, SCALE, "coarse")).toBe(2.5);
    expect(nudge(7.5, 1, SCALE, "fine")).toBe(7.55);
    expect(nudge(0.1, 1, { ...SCALE, step: 0.1 }, "")).toBe(0.2);
    expect(nudge(0.2, 1, { ...SCALE, step: 0.1 }, "")).toBe(0.3);
  });

  it("stays within the ends and on multiples", () => {
    expect(nudge(30, 1, SCALE, "")).toBe(30);
    expect(nudge(512, 1, SIDE, "")).toBe(520);
    expect(nudge(100, 1, SIDE, "")).toBe(104);
    expect(nudge(100, -1, SIDE, "")).toBe(96);
    expect(nudge(8, -1, SIDE, "")).toBe(8);
  });

  it("has no tenths of a whole number", () => {
    expect(nudge(5, 1, WHOLE, "fine")).toBe(6);
  });

  it("knows the keys of a bar and no others", () => {
    expect(keyed("ArrowRight", 1, SCALE, "")).toBe(1.5);
    expect(keyed("PageDown", 10, SCALE, "")).toBe(5);
    expect(keyed("Home", 10, SCALE, "")).toBe(0);
    expect(keyed("End", 10, SCALE, "")).toBe(30);
    expect(keyed("a", 10, SCALE, "")).toBeNull();
  });
});

describe("a bar", () => {
  it("finds the value it was set to again", () => {
    for (const bounds of [SCALE, STEPS, { ...SCALE, minimum: -20, maximum: 20, step: 0.05 }]) {
      for (const share of [0, 0.1, 0.33, 0.5, 0.9, 1]) {
        const value = valueAt(share, bounds);
        expect(Number(valueAt(shareOf(value, bounds), bounds))).toBeCloseTo(Number(value), 9);
      }
    }
  });

  it("gives small counts room", () => {
    expect(shareOf(20, STEPS)).toBeGreaterThan(0.2);
    expect(valueAt(0, STEPS)).toBe(1);
    expect(valueAt(1, STEPS)).toBe(1000);
  });

  it("snaps to the grid that begins at its lower end", () => {
    const odd: Bounds = { ...WHOLE, minimum: 1, maximum: 31, step: 2 };
    expect(snap(4, odd)).toBe(5);
    expect(snap(7.74, SCALE)).toBe(7.5);
    expect(snap(7.74, SCALE, true)).toBe(7.75);
  });
});

describe("figures", () => {
  it("are short and exact", () => {
    expect(figure(0.1 + 0.2)).toBe("0.3");
    expect(figure(12)).toBe("12");
    expect(decimals(0.05)).toBe(2);
    expect(decimals(1e-7)).toBe(7);
  });

  it("are whole where the type is", () => {
    expect(boundsOf("list[int]").whole).toBe(true);
    expect(boundsOf("int | none").whole).toBe(true);
    expect(boundsOf("list[float]").whole).toBe(false);
  });
});

describe("seeds beyond 2^53", () => {
  const SEED = boundsOf("int", { widget: "Seed", minimum: 0, maximum: 2 ** 63 });
  const WIDE = boundsOf("int", { widget: "Number", minimum: 0, maximum: 2 ** 64 });

  it("end where they end", () => {
    expect(SEED.maximum).toBe(2n ** 63n - 1n);
    expect(WIDE.maximum).toBe(2n ** 64n - 1n);
    expect(settle(2n ** 64n, SEED)).toBe(2n ** 63n - 1n);
    expect(mend("99999999999999999999", SEED)).toBe(2n ** 63n - 1n);
    expect(mend("-99999999999999999999", SEED)).toBe(0);
  });

  it("are typed to the last figure", () => {
    expect(readNumber("9007199254740993", SEED)).toEqual({ value: 9007199254740993n });
    expect(readNumber(" 9007199254740991 ", SEED)).toEqual({ value: Number.MAX_SAFE_INTEGER });
    expect(readNumber("9223372036854775808", SEED)).toEqual({
      fault: "9223372036854775807 or less is needed",
    });
    expect(figure(9007199254740993n)).toBe("9007199254740993");
  });

  it("are stepped by one, over the edge and back", () => {
    expect(nudge(Number.MAX_SAFE_INTEGER, 1, SEED, "")).toBe(2n ** 53n);
    expect(nudge(2n ** 53n, 1, SEED, "")).toBe(2n ** 53n + 1n);
    expect(nudge(2n ** 53n, -1, SEED, "")).toBe(Number.MAX_SAFE_INTEGER);
    expect(nudge(2n ** 63n - 2n, 1, SEED, "coarse")).toBe(2n ** 63n - 1n);
    expect(nudge(5, 1, SEED, "")).toBe(6);
  });
});
