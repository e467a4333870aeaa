/** What every widget is given. */

import type { Json } from "../model/graph";
import type { Port } from "../model/ports";

export type OnChange = (value: Json | undefined, options: { merge: string }) => void;

export interface FieldProps {
  /** The node's path, `denoise/guide`. */
  path: string;
  port: Port;
  /** What the graph says; undefined: the default holds. */
  value: Json | undefined;
  onChange: OnChange;
  /** As on a node: rows of 26 px. Else as in a panel, with room. */
  compact: boolean;
  /** The accessible name; the port's name if nothing else is said. */
  label: string;
  id?: string | undefined;
  disabled?: boolean | undefined;
}

export function shownOf(props: Pick<FieldProps, "value" | "port">): Json | undefined {
  return props.value === undefined ? props.port.default : props.value;
}

export function asText(value: Json | undefined): string {
  return value === undefined || value === null ? "" : String(value);
}
