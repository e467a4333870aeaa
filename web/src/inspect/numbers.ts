/** Tensors as numbers: unpacking what the server sends raw, statistics, differences, how a number
 * is written. Everything in float64, as NumPy and the server count. */

export interface Statistics {
  min: number | null;
  max: number | null;
  mean: number | null;
  std: number | null;
  norm: number | null;
  nan: number;
  inf: number;
}

const SIZES: Readonly<Record<string, number>> = {
  float64: 8,
  float32: 4,
  float16: 2,
  bfloat16: 2,
  int64: 8,
  int32: 4,
  int16: 2,
  int8: 1,
  uint8: 1,
  bool: 1,
};

/** Bytes of one element; 0 for a dtype that is not known. */
export function elementSize(dtype: string): number {
  return SIZES[dtype] ?? 0;
}

/** Half precision as a number: 1 sign, 5 exponent, 10 fraction bits. */
export function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

export type Elements = Float32Array | Float64Array;

/** Little-endian elements as numbers; float32 where that holds them exactly, else float64. */
export function unpack(data: ArrayBuffer, dtype: string): Elements {
  const size = elementSize(dtype);
  if (!size) throw new Error(`elements of ${dtype} are not known here`);
  const count = Math.floor(data.byteLength / size);
  const view = new DataView(data);
  if (dtype === "float32") {
    if (LITTLE) return new Float32Array(data, 0, count);
    return Float32Array.from({ length: count }, (_, k) => view.getFloat32(4 * k, true));
  }
  if (dtype === "float64") {
    if (LITTLE) return new Float64Array(data, 0, count);
    return Float64Array.from({ length: count }, (_, k) => view.getFloat64(8 * k, true));
  }
  if (dtype === "bfloat16") {
    // The upper half of a float32.
    const words = new Uint32Array(count);
    for (let k = 0; k < count; k += 1) words[k] = view.getUint16(2 * k, true) << 16;
    return new Float32Array(words.buffer);
  }
  const read: Readonly<Record<string, (at: number) => number>> = {
    float16: (k) => halfToNumber(view.getUint16(2 * k, true)),
    int64: (k) => Number(view.getBigInt64(8 * k, true)),
    int32: (k) => view.getInt32(4 * k, true),
    int16: (k) => view.getInt16(2 * k, true),
    int8: (k) => view.getInt8(k),
    uint8: (k) => view.getUint8(k),
    bool: (k) => view.getUint8(k),
  };
  const at = read[dtype] as (at: number) => number;
  const wide = dtype === "int64" || dtype === "int32";
  const made = wide ? new Float64Array(count) : new Float32Array(count);
  for (let k = 0; k < count; k += 1) made[k] = at(k);
  return made;
}

const LITTLE = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** Of the finite elements, with the population's standard deviation; others are counted. */
export function statistics(values: ArrayLike<number>): Statistics {
  let [nan, inf, count, sum, squares] = [0, 0, 0, 0, 0];
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  for (let k = 0; k < values.length; k += 1) {
    const value = values[k] as number;
    if (Number.isNaN(value)) nan += 1;
    else if (!Number.isFinite(value)) inf += 1;
    else {
      count += 1;
      sum += value;
      squares += value * value;
      if (value < min) min = value;
      if (value > max) max = value;
    }
  }
  if (!count) return { min: null, max: null, mean: null, std: null, norm: null, nan, inf };
  const mean = sum / count;
  let spread = 0;
  for (let k = 0; k < values.length; k += 1) {
    const value = values[k] as number;
    if (Number.isFinite(value)) spread += (value - mean) ** 2;
  }
  return { min, max, mean, std: Math.sqrt(spread / count), norm: Math.sqrt(squares), nan, inf };
}

export interface Difference {
  /** a − b */
  values: Float64Array;
  largest: number;
  mean: number;
  /** root mean square */
  rms: number;
  cosine: number | null;
  identical: boolean;
}

/** How two tensors of one shape differ; undefined where their sizes differ. */
export function difference(a: ArrayLike<number>, b: ArrayLike<number>): Difference | undefined {
  if (a.length !== b.length || !a.length) return undefined;
  const values = new Float64Array(a.length);
  let [largest, sum, squares, dot, aa, bb] = [0, 0, 0, 0, 0, 0];
  let identical = true;
  for (let k = 0; k < a.length; k += 1) {
    const [x, y] = [a[k] as number, b[k] as number];
    const d = x - y;
    values[k] = d;
    if (!Object.is(x, y)) identical = false;
    if (Math.abs(d) > largest || Number.isNaN(d)) largest = Math.abs(d);
    sum += Math.abs(d);
    squares += d * d;
    dot += x * y;
    aa += x * x;
    bb += y * y;
  }
  const cosine = aa > 0 && bb > 0 ? dot / Math.sqrt(aa * bb) : null;
  return {
    values,
    largest,
    mean: sum / a.length,
    rms: Math.sqrt(squares / a.length),
    cosine,
    identical,
  };
}

/** Four significant digits; the whole number stands in a title beside it. */
export function told(value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "−inf";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-3) return minus(value.toExponential(3).replace("e+", "e"));
  return minus(String(Number(value.toPrecision(4))));
}

/** Every digit. */
export function exactly(value: number | null | undefined): string {
  return value === null || value === undefined ? "no finite value" : String(value);
}

function minus(text: string): string {
  return text.replaceAll("-", "−");
}

export function shapeText(shape: readonly number[]): string {
  return shape.length ? shape.join(" × ") : "one number";
}

// ── planes ──────────────────────────────────────────────────────────────────────────────────────

/** One item of a tensor as channels of rows: element (c, y, x) is at
 * `from + c·channel + y·row + x·column`. */
export interface Planes {
  items: number;
  channels: number;
  height: number;
  width: number;
  from: number;
  channel: number;
  row: number;
  column: number;
  /** The place of (c, y, x) as the server counts it. */
  place(c: number, y: number, x: number): number[];
}

/** As the server draws: [B, C, H, W]; pixels [B, H, W, C]; [B, H, W] one plane; matrices, rows and
 * single numbers as they are. More axes count as channels. */
export function planes(shape: readonly number[], item = 0, pixels = false): Planes {
  const sides = shape.length;
  const width = shape[sides - 1] ?? 1;
  const height = sides > 1 ? (shape[sides - 2] ?? 1) : 1;
  if (sides >= 4 && pixels) {
    const [items = 1, h = 1, w = 1, c = 1] = shape;
    return {
      ...{ items, channels: c, height: h, width: w, from: item * h * w * c },
      ...{ channel: 1, row: w * c, column: c },
      place: (ch, y, x) => [item, y, x, ch],
    };
  }
  if (sides >= 4) {
    const middle = shape.slice(1, -2);
    const channels = middle.reduce((product, side) => product * side, 1);
    const plane = height * width;
    return {
      ...{ items: shape[0] ?? 1, channels, height, width, from: item * channels * plane },
      ...{ channel: plane, row: width, column: 1 },
      place: (c, y, x) => [item, ...unravel(c, middle), y, x],
    };
  }
  const items = sides === 3 ? (shape[0] ?? 1) : 1;
  return {
    ...{ items, channels: 1, height, width, from: item * height * width },
    ...{ channel: height * width, row: width, column: 1 },
    place: (_, y, x) => (sides === 3 ? [item, y, x] : [y, x].slice(2 - sides)),
  };
}

function unravel(index: number, sides: readonly number[]): number[] {
  const made: number[] = [];
  let rest = index;
  for (let k = sides.length - 1; k >= 0; k -= 1) {
    const side = sides[k] ?? 1;
    made.unshift(rest % side);
    rest = Math.floor(rest / side);
  }
  return made;
}

/** Whether the last axis holds colours, as the server judges it. */
export function arePixels(part: string, shape: readonly number[]): boolean {
  const last = shape[3];
  return part.endsWith("pixels") && shape.length === 4 && (last === 3 || last === 4);
}
