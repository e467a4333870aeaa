import { describe, expect, it } from "vitest";
import {
  arePixels,
  difference,
  halfToNumber,
  planes,
  statistics,
  told,
  unpack,
} from "../../src/inspect/numbers";

function bytes(size: number, write: (view: DataView) => void): ArrayBuffer {
  const view = new DataView(new ArrayBuffer(size));
  write(view);
  return view.buffer as ArrayBuffer;
}

describe("unpacking", () => {
  it("reads half precision, subnormals and what is no number", () => {
    const cases: [number, number][] = [
      [0x0000, 0],
      [0x3c00, 1],
      [0xc000, -2],
      [0x7bff, 65504],
      [0x0400, 2 ** -14],
      [0x0001, 2 ** -24],
      [0x3555, 0.333251953125],
      [0x7c00, Number.POSITIVE_INFINITY],
      [0xfc00, Number.NEGATIVE_INFINITY],
    ];
    for (const [bits, value] of cases) expect(halfToNumber(bits)).toBe(value);
    expect(halfToNumber(0x7e00)).toBeNaN();
    expect(Object.is(halfToNumber(0x8000), -0)).toBe(true);
    const data = bytes(4, (view) => {
      view.setUint16(0, 0x3c00, true);
      view.setUint16(2, 0xc000, true);
    });
    expect([...unpack(data, "float16")]).toEqual([1, -2]);
  });

  it("reads bfloat16 as the upper half of a float32", () => {
    const values = [1, -3.140625, 1e38, 0.0078125];
    const data = bytes(2 * values.length, (view) => {
      for (const [k, value] of values.entries()) {
        const wide = new DataView(new ArrayBuffer(4));
        wide.setFloat32(0, value);
        view.setUint16(2 * k, wide.getUint16(0), true);
      }
    });
    const read = unpack(data, "bfloat16");
    for (const [k, value] of values.entries()) {
      expect(Math.abs((read[k] as number) - value)).toBeLessThanOrEqual(Math.abs(value) / 128);
    }
    expect(read[0]).toBe(1);
    expect(read[1]).toBe(-3.140625);
  });

  it("reads every other dtype that the server writes", () => {
    expect([...unpack(new Float32Array([1.5, -2]).buffer, "float32")]).toEqual([1.5, -2]);
    expect([...unpack(new Float64Array([0.1]).buffer, "float64")]).toEqual([0.1]);
    expect([...unpack(new BigInt64Array([-5n, 2n ** 40n]).buffer, "int64")]).toEqual([-5, 2 ** 40]);
    expect([...unpack(new Int32Array([-7]).buffer, "int32")]).toEqual([-7]);
    expect([...unpack(new Int16Array([-300]).buffer, "int16")]).toEqual([-300]);
    expect([...unpack(new Int8Array([-3]).buffer, "int8")]).toEqual([-3]);
    expect([...unpack(new Uint8Array([200]).buffer, "uint8")]).toEqual([200]);
    expect([...unpack(new Uint8Array([0, 1]).buffer, "bool")]).toEqual([0, 1]);
    expect(() => unpack(new ArrayBuffer(8), "complex64")).toThrow();
  });
});

describe("statistics", () => {
  it("are of the finite elements, with the population's deviation", () => {
    expect(statistics([1, 2, 3, 4])).toEqual({
      min: 1,
      max: 4,
      mean: 2.5,
      std: Math.sqrt(1.25),
      norm: Math.sqrt(30),
      nan: 0,
      inf: 0,
    });
    const broken = statistics([Number.NaN, 5, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]);
    expect(broken).toEqual({ min: 5, max: 5, mean: 5, std: 0, norm: 5, nan: 1, inf: 2 });
    expect(statistics([]).mean).toBeNull();
  });

  it("of a difference say whether two tensors are the same to the bit", () => {
    const same = difference([1, 2], [1, 2]);
    expect(same).toMatchObject({ identical: true, largest: 0, rms: 0 });
    expect(same?.cosine).toBeCloseTo(1, 12);
    const other = difference([3, 4], [0, 0]);
    expect(other).toMatchObject({ identical: false, largest: 4, mean: 3.5, cosine: null });
    expect(other?.rms).toBeCloseTo(Math.sqrt(12.5), 12);
    expect(difference([0], [-0])?.identical).toBe(false);
    expect(difference([1], [1, 2])).toBeUndefined();
  });
});

it("numbers are told with four significant digits", () => {
  expect(told(14.614641229333637)).toBe("14.61");
  expect(told(-0.0008198492260675408)).toBe("−8.198e−4");
  expect(told(0.0291671)).toBe("0.02917");
  expect(told(1234567)).toBe("1.235e6");
  expect(told(0)).toBe("0");
  expect(told(null)).toBe("–");
  expect(told(Number.NaN)).toBe("nan");
  expect(told(Number.NEGATIVE_INFINITY)).toBe("−inf");
});

describe("planes", () => {
  const at = (shape: number[], item: number, pixels: boolean, c: number, y: number, x: number) => {
    const found = planes(shape, item, pixels);
    return found.from + c * found.channel + y * found.row + x * found.column;
  };
  const ravel = (shape: number[], place: number[]) =>
    place.reduce((sum, index, k) => sum * (shape[k] as number) + index, 0);

  it.each([
    [[2, 4, 3, 5], false],
    [[2, 3, 5, 4], true],
    [[3, 5, 6], false],
    [[5, 6], false],
    [[6], false],
    [[2, 3, 2, 4, 5], false],
  ])("point at the element that the server counts at the same place: %j", (shape, pixels) => {
    const one = planes(shape, 0, pixels);
    const item = one.items - 1;
    const [c, y, x] = [one.channels - 1, one.height - 1, one.width > 1 ? one.width - 2 : 0];
    const place = planes(shape, item, pixels).place(c, y, x);
    expect(place).toHaveLength(shape.length);
    expect(at(shape, item, pixels, c, y, x)).toBe(ravel(shape, place));
  });

  it("know pixels by their part and their last axis", () => {
    expect(arePixels("pixels", [1, 8, 8, 3])).toBe(true);
    expect(arePixels("pixels", [1, 8, 8, 5])).toBe(false);
    expect(arePixels("samples", [1, 4, 8, 3])).toBe(false);
  });
});
