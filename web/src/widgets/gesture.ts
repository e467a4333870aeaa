/** Edits of one gesture carry one key, so that they are one step back. */

import { useMemo } from "react";

let count = 0;

export interface Gesture {
  /** A new one begins: a press, a focus. */
  begin(): void;
  /** The key of the running one; after a pause another begins by itself. */
  key(): string;
}

/** Keys pressed or held within this time belong together. */
const PAUSE_MS = 1200;

export function newGesture(where: string): Gesture {
  let key = "";
  let last = 0;
  const begin = () => {
    count += 1;
    key = `${where}#${count}`;
    last = Date.now();
  };
  return {
    begin,
    key: () => {
      if (key === "" || Date.now() - last > PAUSE_MS) begin();
      last = Date.now();
      return key;
    },
  };
}

export function useGesture(where: string): Gesture {
  return useMemo(() => newGesture(where), [where]);
}
