import { describe, expect, it } from "vitest";
import { type Box, type Direction, first, neighbour } from "../../src/canvas/navigate";

function box(id: string, x: number, y: number, width = 200, height = 100): Box {
  return { id, x, y, width, height };
}

// a b c
// d e f
const grid = ["a", "b", "c", "d", "e", "f"].map((id, k) =>
  box(id, (k % 3) * 300, Math.floor(k / 3) * 200),
);

describe("neighbour", () => {
  it.each<[string, Direction, string]>([
    ["a", "right", "b"],
    ["b", "right", "c"],
    ["c", "left", "b"],
    ["a", "down", "d"],
    ["e", "up", "b"],
    ["f", "left", "e"],
    ["c", "right", ""],
    ["a", "up", ""],
  ])("of %s to the %s is %s", (from, direction, to) => {
    expect(neighbour(grid, from, direction)).toBe(to);
  });

  it("comes back the way it went", () => {
    for (const { id } of grid) {
      for (const [there, back] of [
        ["right", "left"],
        ["down", "up"],
      ] as const) {
        const next = neighbour(grid, id, there);
        if (next) expect(neighbour(grid, next, back)).toBe(id);
      }
    }
  });

  it("prefers what is beside a tall node to what is nearer but aside", () => {
    const boxes = [box("tall", 0, 0, 200, 800), box("beside", 400, 700), box("aside", 250, 1100)];
    expect(neighbour(boxes, "tall", "right")).toBe("beside");
  });

  it("reaches every node of a graph somehow", () => {
    const scattered = Array.from({ length: 40 }, (_, k) =>
      box(`n${k}`, (k * 7919) % 2000, (k * 104_729) % 1500),
    );
    const reached = new Set([first(scattered)]);
    for (const id of reached) {
      for (const direction of ["left", "right", "up", "down"] as const) {
        const next = neighbour(scattered, id, direction);
        if (next) reached.add(next);
      }
    }
    expect(reached.size).toBeGreaterThanOrEqual(38);
  });

  it("of a node that is not there is none", () => {
    expect(neighbour(grid, "x", "left")).toBe("");
  });
});

it("begins at the upper left", () => {
  expect(first(grid)).toBe("a");
  expect(first([])).toBe("");
});
