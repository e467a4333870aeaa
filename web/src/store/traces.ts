/** What is traced of runs: how much is asked for, and the tensors that were pushed. */

import { create } from "zustand";
import type * as wire from "../protocol";
import type { TraceLevel } from "./runs";

/** A tensor that came over the socket. */
export interface PushedTensor {
  head: wire.TensorHead;
  data: ArrayBuffer;
}

export interface TracesState {
  /** Asked for with the next run. */
  level: TraceLevel;
  every: number;
  /** By run, by tensor id. */
  pushed: Readonly<Record<string, Readonly<Record<string, PushedTensor>>>>;
  bytes: number;

  setLevel(level: TraceLevel, every?: number): void;
  push(tensors: readonly PushedTensor[]): void;
  clear(run: string): void;
}

/** Of pushed tensors at most so many bytes are kept; the oldest run's go first. */
const MOST_BYTES = 256 << 20;

export const useTraces = create<TracesState>()((set) => ({
  level: "off",
  every: 1,
  pushed: {},
  bytes: 0,

  setLevel: (level, every = 1) => set({ level, every }),

  push: (tensors) =>
    set((state) => {
      const pushed = { ...state.pushed };
      let { bytes } = state;
      for (const tensor of tensors) {
        const { run, tid } = tensor.head;
        const of = pushed[run] ?? {};
        bytes += tensor.data.byteLength - (of[tid]?.data.byteLength ?? 0);
        pushed[run] = { ...of, [tid]: tensor };
      }
      for (const run of Object.keys(pushed)) {
        if (bytes <= MOST_BYTES || Object.keys(pushed).length < 2) break;
        bytes -= sizeOf(pushed[run] ?? {});
        delete pushed[run];
      }
      return { pushed, bytes };
    }),

  clear: (run) =>
    set((state) => {
      const { [run]: gone, ...pushed } = state.pushed;
      return gone ? { pushed, bytes: state.bytes - sizeOf(gone) } : state;
    }),
}));

function sizeOf(tensors: Readonly<Record<string, PushedTensor>>): number {
  return Object.values(tensors).reduce((sum, tensor) => sum + tensor.data.byteLength, 0);
}
