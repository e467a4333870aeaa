/** Axes: where a value stands between two edges, and which values are marked. */

export interface Scale {
  /** A share of the axis, 0..1; outside where the value is. */
  place(value: number): number;
  value(place: number): number;
  ticks: readonly number[];
}

export function linear(low: number, high: number, count = 5): Scale {
  const [a, b] = high > low ? [low, high] : [low - 0.5, low + 0.5];
  return {
    place: (value) => (value - a) / (b - a),
    value: (place) => a + place * (b - a),
    ticks: roundTicks(a, b, count),
  };
}

/** Of positive values; what is 0 or less stands at the edge below. */
export function logarithmic(low: number, high: number): Scale {
  const least = Math.max(low, Number.MIN_VALUE);
  const [a, b] =
    high > least ? [Math.log(least), Math.log(high)] : [Math.log(least) - 1, Math.log(least) + 1];
  return {
    place: (value) => (value > 0 ? (Math.log(value) - a) / (b - a) : 0),
    value: (place) => Math.exp(a + place * (b - a)),
    ticks: decades(Math.exp(a), Math.exp(b)),
  };
}

/** Steps of 1, 2 or 5 times a power of ten. */
export function roundTicks(low: number, high: number, count: number): number[] {
  const raw = (high - low) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= raw * 0.999) ?? power;
  const made: number[] = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k += 1) {
    made.push(Number((k * step).toPrecision(12)));
  }
  return made;
}

function decades(low: number, high: number): number[] {
  const made: number[] = [];
  const first = Math.floor(Math.log10(low));
  const last = Math.ceil(Math.log10(high));
  const steps = last - first > 4 ? [1] : [1, 3];
  for (let power = first; power <= last; power += 1) {
    for (const step of steps) {
      const value = Number((step * 10 ** power).toPrecision(6));
      if (value >= low * 0.999 && value <= high * 1.001) made.push(value);
    }
  }
  return made;
}

/** The least and the largest finite value. */
export function extent(values: Iterable<number>): [number, number] | undefined {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return high >= low ? [low, high] : undefined;
}

/** A point of a schedule moved: each sigma stays below the one before and above the one after, a
 * thousandth away; a last 0 stays 0. The same list where nothing changes. */
export function movedPoint(
  values: readonly number[],
  index: number,
  to: number,
): readonly number[] {
  const before = values[index - 1];
  const here = values[index];
  const after = values[index + 1];
  if (here === undefined || (index === values.length - 1 && here === 0)) return values;
  const most = before === undefined ? 10_000 : before * (1 - 1e-3);
  const least = after === undefined ? 0 : after > 0 ? after * (1 + 1e-3) : 1e-4;
  if (least > most) return values;
  const value = Number(Math.min(most, Math.max(least, to)).toPrecision(6));
  if (value === here || value >= (before ?? Infinity) || value <= (after ?? -1)) return values;
  return values.map((old, k) => (k === index ? value : old));
}

export interface Vectors {
  cond: [number, number];
  uncond: [number, number];
  /** uncond + scale · (cond − uncond) */
  guided: [number, number];
}

/** The two predictions and what guidance makes of them in the plane they span: uncond lies along
 * the first axis, cond at the angle between them. */
export function guidancePlane(
  told: { cond: number; uncond: number; cos: number },
  scale: number,
): Vectors {
  const cos = Math.min(1, Math.max(-1, told.cos));
  const cond: [number, number] = [told.cond * cos, told.cond * Math.sqrt(1 - cos * cos)];
  const uncond: [number, number] = [told.uncond, 0];
  return {
    cond,
    uncond,
    guided: [uncond[0] + scale * (cond[0] - uncond[0]), scale * cond[1]],
  };
}
