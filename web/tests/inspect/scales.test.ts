import { describe, expect, it } from "vitest";
import {
  extent,
  guidancePlane,
  linear,
  logarithmic,
  movedPoint,
  roundTicks,
} from "../../src/inspect/scales";

describe("axes", () => {
  it("place and value are each other's inverse", () => {
    for (const scale of [linear(-2, 7), logarithmic(0.03, 14.6)]) {
      for (const value of [0.03, 0.5, 5]) {
        expect(scale.value(scale.place(value))).toBeCloseTo(value, 9);
      }
    }
    expect(logarithmic(0.01, 100).place(1)).toBeCloseTo(0.5, 9);
    expect(logarithmic(0.01, 100).place(0)).toBe(0);
  });

  it("hold where all values are the same", () => {
    expect(linear(3, 3).place(3)).toBe(0.5);
    expect(logarithmic(3, 3).place(3)).toBeCloseTo(0.5, 9);
  });

  it("are marked at round values within their edges", () => {
    expect(roundTicks(0, 20, 5)).toEqual([0, 5, 10, 15, 20]);
    expect(roundTicks(0.13, 0.48, 4)).toEqual([0.2, 0.3, 0.4]);
    expect(logarithmic(0.02, 20).ticks).toEqual([0.03, 0.1, 0.3, 1, 3, 10]);
  });

  it("reach over finite values only", () => {
    expect(extent([1, Number.NaN, -4, Number.POSITIVE_INFINITY])).toEqual([-4, 1]);
    expect(extent([])).toBeUndefined();
  });
});

describe("a point of a schedule moved", () => {
  const levels = [14, 6, 2, 0.5, 0];

  it("goes where it is put", () => {
    expect(movedPoint(levels, 2, 3.25)).toEqual([14, 6, 3.25, 0.5, 0]);
  });

  it("stays between its neighbours", () => {
    const up = movedPoint(levels, 2, 100);
    const down = movedPoint(levels, 2, 0.001);
    for (const made of [up, down]) {
      for (let k = 1; k < made.length; k += 1) {
        expect(made[k] as number).toBeLessThan(made[k - 1] as number);
      }
    }
    expect(movedPoint(levels, 3, -1)[3]).toBeGreaterThan(0);
  });

  it("leaves a last 0 and a place that is none alone", () => {
    expect(movedPoint(levels, 4, 0.1)).toBe(levels);
    expect(movedPoint(levels, 9, 0.1)).toBe(levels);
    expect(movedPoint(levels, 2, 2)).toBe(levels);
  });
});

describe("the plane of guidance", () => {
  const told = { cond: 5, uncond: 4, cos: 0.6 };

  it("keeps norms and angle", () => {
    const { cond, uncond } = guidancePlane(told, 7.5);
    expect(Math.hypot(...cond)).toBeCloseTo(5, 12);
    expect(Math.hypot(...uncond)).toBeCloseTo(4, 12);
    const dot = cond[0] * uncond[0] + cond[1] * uncond[1];
    expect(dot / 20).toBeCloseTo(0.6, 12);
    const delta = Math.hypot(cond[0] - uncond[0], cond[1] - uncond[1]);
    expect(delta).toBeCloseTo(Math.sqrt(25 + 16 - 2 * 20 * 0.6), 12);
  });

  it("guides from uncond through cond", () => {
    expect(guidancePlane(told, 0).guided).toEqual([4, 0]);
    const { cond, guided } = guidancePlane(told, 1);
    expect(guided[0]).toBeCloseTo(cond[0], 12);
    expect(guided[1]).toBeCloseTo(cond[1], 12);
    expect(guidancePlane({ ...told, cos: 1.0000001 }, 2).cond[1]).toBe(0);
  });
});
