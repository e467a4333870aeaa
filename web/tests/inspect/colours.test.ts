import { describe, expect, it } from "vitest";
import {
  apart,
  FACTORS,
  familyOf,
  latentPixels,
  mapTable,
  picturePixels,
  planePixels,
  rangeOf,
} from "../../src/inspect/colours";
import { planes } from "../../src/inspect/numbers";

const shape = [1, 4, 2, 2];

describe("latents as colours", () => {
  it("are the sum over channels of value × factors, −1..1 as 0..255", () => {
    const values = Float32Array.from({ length: 16 }, (_, k) => Math.sin(k));
    const drawn = latentPixels(values, planes(shape), FACTORS.tiny);
    const { rows, constant } = FACTORS.tiny ?? { rows: [], constant: [0, 0, 0] };
    for (let p = 0; p < 4; p += 1) {
      for (let rgb = 0; rgb < 3; rgb += 1) {
        let sum = constant[rgb] as number;
        for (let c = 0; c < 4; c += 1) sum += (values[4 * c + p] as number) * (rows[c]?.[rgb] ?? 0);
        const wanted = Math.max(0, Math.min(255, (sum + 1) * 127.5));
        expect(Math.abs((drawn[4 * p + rgb] as number) - wanted)).toBeLessThanOrEqual(0.5001);
      }
      expect(drawn[4 * p + 3]).toBe(255);
    }
  });

  it("are magenta where something is no number, and grey without factors", () => {
    const values = new Float32Array(16);
    values[5] = Number.NaN;
    const drawn = latentPixels(values, planes(shape), FACTORS.sd1);
    expect([...drawn.slice(4, 8)]).toEqual([255, 0, 255, 255]);
    const three = Float32Array.from({ length: 12 }, (_, k) => k % 4);
    const grey = latentPixels(three, planes([1, 3, 2, 2]));
    expect([...grey.slice(0, 4)]).toEqual([0, 0, 0, 255]);
    expect([...grey.slice(12, 16)]).toEqual([255, 255, 255, 255]);
  });

  it("go by the widths of the texts that a model reads", () => {
    expect(familyOf(4, 128, 128)).toBe("tiny");
    expect(familyOf(4, 768, 768)).toBe("sd1");
    expect(familyOf(4, 2048, 1280)).toBe("sdxl");
    expect(familyOf(16, 4096, 2048)).toBe("sd3");
    expect(familyOf(16, 4096, 768)).toBe("flux");
    expect(familyOf(5, 0, 0)).toBe("");
  });

  it("have as many rows as channels", () => {
    for (const { rows } of Object.values(FACTORS)) expect([4, 16]).toContain(rows.length);
  });
});

describe("maps", () => {
  it("begin and end in the server's colours", () => {
    expect([...mapTable("grey").slice(0, 3)]).toEqual([0, 0, 0]);
    expect([...mapTable("grey").slice(-3)]).toEqual([255, 255, 255]);
    expect([...mapTable("viridis").slice(0, 3)]).toEqual([0x44, 0x01, 0x54]);
    expect([...mapTable("diverging").slice(-3)]).toEqual([0xb2, 0x18, 0x2b]);
  });

  it("that diverge have zero in the middle", () => {
    expect(rangeOf([-1, 3], "diverging")).toEqual({ low: -3, high: 3 });
    expect(rangeOf([-1, 3, Number.NaN], "viridis")).toEqual({ low: -1, high: 3 });
    const at = planes([1, 3]);
    const drawn = planePixels([-3, 0, 3], at, 0, "diverging", { low: -3, high: 3 });
    const middle = [...drawn.slice(4, 7)];
    for (const channel of middle) expect(channel).toBeGreaterThan(0xf0);
  });

  it("show pixels as they are", () => {
    const drawn = picturePixels(new Float32Array([0, 0.5, 1]), planes([1, 1, 1, 3], 0, true));
    expect([...drawn]).toEqual([0, 128, 255, 255]);
  });
});

it("two predictions lie apart by the norm over channels", () => {
  const a = new Float32Array([3, 0, 4, 0]);
  const b = new Float32Array([0, 0, 0, 2]);
  expect([...apart(a, b, planes([1, 2, 1, 2]))]).toEqual([5, 2]);
});
