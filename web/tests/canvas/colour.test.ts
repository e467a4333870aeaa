import { describe, expect, it } from "vitest";
import {
  categoryColour,
  contrast,
  elementOf,
  GROUNDS,
  luminance,
  MARK_CONTRAST,
  readable,
  typeColour,
  typeShape,
} from "../../src/canvas/colour";
import type { Catalogue } from "../../src/model/catalogue";
import tokens from "../../src/styles/tokens.css?raw";

const catalogue: Catalogue = {
  version: "1",
  nodes: new Map(),
  types: new Map(
    [
      { name: "Latent", colour: "#ff9cf9", shape: "circle", bases: [] },
      { name: "Model", colour: "#b39ddb", shape: "square", bases: [] },
      { name: "Sampler", colour: "#9fd3e6", shape: "diamond", bases: [] },
    ].map((type) => [type.name, type]),
  ),
  conversions: [],
};

describe("contrast", () => {
  it("is 21 between black and white, 1 between equals", () => {
    expect(contrast("#000000", "#ffffff")).toBeCloseTo(21, 5);
    expect(contrast("#345678", "#345678")).toBeCloseTo(1, 10);
  });

  it("weighs green most", () => {
    expect(luminance("#00ff00")).toBeGreaterThan(luminance("#ff0000"));
    expect(luminance("#ff0000")).toBeGreaterThan(luminance("#0000ff"));
  });
});

describe("readable", () => {
  const colours = [
    "#ffd500",
    "#ff9cf9",
    "#cdffcd",
    "#9a9a9a",
    "#000000",
    "#ffffff",
    "#123",
    "#64b5f6",
  ];

  it.each(colours)("%s stands out from the grounds of both themes", (colour) => {
    for (const theme of ["light", "dark"] as const) {
      const made = readable(colour, theme);
      for (const ground of GROUNDS[theme]) {
        expect(contrast(made, ground)).toBeGreaterThanOrEqual(MARK_CONTRAST);
      }
    }
  });

  it("leaves alone what can be told already", () => {
    expect(readable("#b02020", "light")).toBe("#b02020");
  });

  it("knows the grounds that the style sheet has", () => {
    const [light, dark] = tokens.split('[data-theme="dark"]');
    expect(light).toContain(`--panel: ${GROUNDS.light[0]}`);
    expect(light).toContain(`--ground: ${GROUNDS.light[1]}`);
    expect(dark).toContain(`--panel: ${GROUNDS.dark[0]}`);
    expect(dark).toContain(`--ground: ${GROUNDS.dark[1]}`);
  });
});

describe("text of the themes", () => {
  const [light = "", dark = ""] = tokens.split('[data-theme="dark"]');
  const value = (part: string, name: string) =>
    new RegExp(`--${name}: (#[0-9a-f]{6})`).exec(part)?.[1] ?? "";

  it.each([
    ["light", light],
    ["dark", dark],
  ])("has a contrast of 4.5 or more in %s", (_name, part) => {
    for (const text of ["text", "text-2", "text-3", "accent", "good", "bad", "busy"]) {
      for (const ground of ["panel", "panel-2"]) {
        const ratio = contrast(value(part, text), value(part, ground));
        expect(ratio, `${text} on ${ground}`).toBeGreaterThanOrEqual(4.5);
      }
    }
  });
});

describe("types", () => {
  it("have the colour of their element, for both themes", () => {
    expect(typeColour("list[Latent]", catalogue)).toBe(typeColour("Latent", catalogue));
    expect(typeColour("Latent | none", catalogue)).toMatch(/^light-dark\(#.{6}, #.{6}\)$/);
    expect(typeColour("Unheard", catalogue)).toMatch(/^light-dark/);
  });

  it("are told apart by shape too", () => {
    expect(typeShape("Latent", catalogue)).toBe("circle");
    expect(typeShape("Model", catalogue)).toBe("square");
    expect(typeShape("Sampler", catalogue)).toBe("diamond");
    expect(typeShape("list[Model]", catalogue)).toBe("list");
    expect(typeShape("int | none", catalogue)).toBe("plain");
  });

  it("look into lists of lists and unions with none", () => {
    expect(elementOf("list[list[float]]")).toBe("float");
    expect(elementOf("none | Latent")).toBe("Latent");
  });
});

it("gives every category a colour of its family", () => {
  expect(categoryColour("image_adjust")).toBe(categoryColour("image"));
  expect(categoryColour("mypack:blur")).toMatch(/^light-dark/);
});
