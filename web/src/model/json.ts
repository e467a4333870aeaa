/**
 * JSON whose whole numbers stay what they are. Seeds go up to 2^64 - 1, and a browser's numbers are
 * exact to 2^53: what is above is a `bigint`. Texts without such a number, which are nearly all,
 * are read and written by the browser itself.
 */

import { parse, stringify } from "lossless-json";

/** Sixteen figures in a row that are not behind a point; some of them are still exact. */
const LONG = /(?<![\d.])\d{16}/;
const WHOLE = /^-?\d+$/;

function read(text: string): number | bigint {
  const value = Number(text);
  return WHOLE.test(text) && !Number.isSafeInteger(value) ? BigInt(text) : value;
}

/** What a text of JSON says. Throws a SyntaxError where it is none. */
export function readJson(text: string): unknown {
  return LONG.test(text) ? parse(text, null, { parseNumber: read }) : JSON.parse(text);
}

/** The text of a value, as `JSON.stringify` writes it. */
export function writeJson(value: unknown, indent?: number): string {
  try {
    return JSON.stringify(value, null, indent);
  } catch (error) {
    // The browser refuses a bigint; what it refuses else, this does as well.
    if (!(error instanceof TypeError)) throw error;
    return stringify(value, null, indent) ?? "null";
  }
}

/** A whole number as a plain one where that is exact. */
export function asNumber(value: bigint): number | bigint {
  const plain = Number(value);
  return Number.isSafeInteger(plain) ? plain : value;
}
