/** Binary messages: u32 kind | u32 length of the head (both big-endian) | head as JSON | data. */

export const TENSOR = 100;
export const PREVIEW = 101;

export interface BinaryFrame {
  kind: number;
  head: unknown;
  data: ArrayBuffer;
}

/** The frame that a message holds; undefined if it is cut short or its head is no JSON. */
export function readFrame(message: ArrayBuffer): BinaryFrame | undefined {
  if (message.byteLength < 8) return undefined;
  const view = new DataView(message);
  const end = 8 + view.getUint32(4);
  if (end > message.byteLength) return undefined;
  try {
    const head: unknown = JSON.parse(new TextDecoder().decode(new Uint8Array(message, 8, end - 8)));
    if (typeof head !== "object" || head === null) return undefined;
    return { kind: view.getUint32(0), head, data: message.slice(end) };
  } catch {
    return undefined;
  }
}
