/** Two hands on one named graph: what was found on the server, until somebody says what counts. */

import { create } from "zustand";

export interface Conflict {
  /** The graph both changed. */
  name: string;
  /** The version on the server; "" if it was deleted there. */
  etag: string;
  /** Found when saving: the edit here is not on the server yet. Else another page saved, and
   * nothing is lost either way. */
  saving: boolean;
}

export const useConflict = create<{ conflict: Conflict | null }>()(() => ({ conflict: null }));
