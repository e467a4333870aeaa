import { useState } from "react";
import type { Json } from "../model/graph";
import { type FieldProps, shownOf } from "./field";
import { useGesture } from "./gesture";
import { boundsOf, figure, isNumber, readNumber } from "./number";

/** Numbers with commas or spaces between; texts one in a line, or with `|` between on a node. */
export function ListField(props: FieldProps) {
  const { path, port, onChange, label, compact, disabled } = props;
  const gesture = useGesture(`${path}.${port.name}`);
  const [draft, setDraft] = useState<string | null>(null);
  const member = port.type.replace(/^list\[(.*)\]$/, "$1");
  const numbers = member === "int" || member === "float";
  const shown = shownOf(props);
  const items = Array.isArray(shown) ? shown : shown === undefined || shown === null ? [] : [shown];
  const between = numbers ? ", " : compact ? " | " : "\n";
  const text = draft ?? items.map((i) => (isNumber(i) ? figure(i) : String(i))).join(between);
  const read = readList(text, port.type, props.port.widget);
  const fault = "fault" in read ? read.fault : "";
  const shared = {
    id: props.id,
    "aria-label": label,
    "aria-invalid": fault ? true : undefined,
    title: fault || undefined,
    disabled,
    value: text,
    onFocus: gesture.begin,
    onBlur: () => setDraft(null),
    onChange: (event: { currentTarget: { value: string } }) => {
      setDraft(event.currentTarget.value);
      const now = readList(event.currentTarget.value, port.type, port.widget);
      if ("value" in now) onChange(now.value, { merge: gesture.key() });
    },
  };
  return numbers || compact ? (
    <span className="w-listfield">
      <input
        type="text"
        className="w-text w-mono nodrag"
        autoComplete="off"
        placeholder={numbers ? "1, 2, 3" : "one | another"}
        {...shared}
      />
      {!compact && fault ? <span className="w-note">{fault}</span> : null}
    </span>
  ) : (
    <textarea className="w-area nodrag nowheel" rows={4} placeholder="one in a line" {...shared} />
  );
}

export function readList(
  text: string,
  type: string,
  widget?: FieldProps["port"]["widget"],
): { value: Json[] } | { fault: string } {
  const member = type.replace(/^list\[(.*)\]$/, "$1");
  if (member !== "int" && member !== "float") {
    const parts = text.split(text.includes("\n") ? "\n" : /\s*\|\s*/);
    return { value: text === "" ? [] : parts };
  }
  const bounds = boundsOf(type, widget);
  const value: Json[] = [];
  for (const part of text.split(/[\s,;]+/).filter(Boolean)) {
    const read = readNumber(part, bounds);
    if ("fault" in read) return { fault: `${part}: ${read.fault}` };
    value.push(read.value);
  }
  return { value };
}
