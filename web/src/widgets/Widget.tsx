import type { Json } from "../model/graph";
import type { Port } from "../model/ports";
import "../styles/widgets.css";
import { Choice } from "./Choice";
import { Colour } from "./Colour";
import { FilePath } from "./FilePath";
import type { FieldProps, OnChange } from "./field";
import { ListField } from "./Lists";
import { Numeric } from "./Numeric";
import { Prompt } from "./Prompt";
import { Seed } from "./Seed";
import { Slider } from "./Slider";
import { AnyLine, TextBlock, TextLine } from "./Texts";
import { Toggle } from "./Toggle";

export interface WidgetProps {
  /** The node's path, `denoise/guide`. */
  path: string;
  port: Port;
  /** What the graph says; undefined: the port's default holds. */
  value: Json | undefined;
  onChange: OnChange;
  /** As on a node, in rows of 26 px (`rows.ts`); else with room, as in a panel. */
  compact?: boolean;
  /** The accessible name; the port's name if nothing is given. It is not drawn. */
  label?: string;
  id?: string;
  disabled?: boolean;
}

/** The one thing that edits a literal, on nodes and in panels. */
export function Widget({ compact = false, ...rest }: WidgetProps) {
  const props: FieldProps = { ...rest, compact, label: rest.label ?? rest.port.name };
  const Field = fieldOf(props.port);
  return <Field {...props} />;
}

function fieldOf(port: Port): (props: FieldProps) => React.ReactNode {
  const kind = port.widget?.widget ?? "";
  if (port.type.startsWith("list[")) return ListField;
  const simple = KINDS[kind];
  if (simple) return simple;
  // A pack's own: names of models and the like are recognised by what they offer.
  if (port.widget?.options) return Choice;
  const members = port.type.split(" | ").filter((member) => member !== "none");
  if (members.length > 1) return AnyLine;
  if (members[0] === "bool") return Toggle;
  if (members[0] === "int" || members[0] === "float") return Numeric;
  return port.type.includes("none") ? AnyLine : TextLine;
}

const KINDS: Readonly<Record<string, (props: FieldProps) => React.ReactNode>> = {
  Slider: (props) => (hasEnds(props.port) ? <Slider {...props} /> : <Numeric {...props} />),
  Number: Numeric,
  Multiple: Numeric,
  Seed,
  Choice,
  Text: TextLine,
  Expression: TextLine,
  NewPath: TextLine,
  TextArea: TextBlock,
  Prompt,
  Colour,
  FilePath,
};

function hasEnds(port: Port): boolean {
  return typeof port.widget?.minimum === "number" && typeof port.widget.maximum === "number";
}
