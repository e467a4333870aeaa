import { describe, expect, it } from "vitest";
import { nearest, wirePath } from "../../src/canvas/wirePath";
import type { Point } from "../../src/model/graph";

describe("wirePath", () => {
  it("begins and ends at its sockets, through its points", () => {
    const path = wirePath([0, 0], [300, 100], [[150, 200]]);
    expect(path.startsWith("M0,0")).toBe(true);
    expect(path.endsWith("300,100")).toBe(true);
    expect(path).toContain(" 150,200");
    expect(path.match(/C/g)).toHaveLength(2);
  });

  it("leaves to the right and arrives from the left, even backwards", () => {
    const [, first, second] = /C(-?[\d.]+),\S+ (-?[\d.]+),/.exec(wirePath([500, 0], [0, 0])) ?? [];
    expect(Number(first)).toBeGreaterThan(500);
    expect(Number(second)).toBeLessThan(0);
  });
});

describe("nearest", () => {
  const points: Point[] = [
    [100, 0],
    [200, 0],
  ];

  it("is at the ends at the ends", () => {
    expect(nearest([0, 0], [0, 0], [300, 0]).distance).toBe(0);
    expect(nearest([300, 0], [0, 0], [300, 0]).distance).toBeCloseTo(0, 9);
  });

  it("says between which points", () => {
    expect(nearest([50, 5], [0, 0], [300, 0], points).index).toBe(0);
    expect(nearest([150, 5], [0, 0], [300, 0], points).index).toBe(1);
    expect(nearest([250, 5], [0, 0], [300, 0], points).index).toBe(2);
  });
});
