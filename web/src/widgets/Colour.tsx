import { useState } from "react";
import { asText, type FieldProps, shownOf } from "./field";
import { useGesture } from "./gesture";

/** `#rrggbb` of `#rgb`, `rrggbb` and `#RRGGBB`; "" of anything else. */
export function readColour(text: string): string {
  const digits = text.trim().replace(/^#/, "").toLowerCase();
  if (/^[0-9a-f]{6}$/.test(digits)) return `#${digits}`;
  if (/^[0-9a-f]{3}$/.test(digits)) return `#${digits.replace(/./g, "$&$&")}`;
  return "";
}

export function Colour(props: FieldProps) {
  const { path, port, onChange, label, compact, disabled } = props;
  const gesture = useGesture(`${path}.${port.name}`);
  const [draft, setDraft] = useState<string | null>(null);
  const value = asText(shownOf(props));
  const invalid = draft !== null && readColour(draft) === "";
  return (
    <span className={`w-colour nodrag ${compact ? "w-compact" : ""}`}>
      <input
        type="color"
        aria-label={`${label}, pick`}
        disabled={disabled}
        value={readColour(value) || "#000000"}
        onFocus={gesture.begin}
        onChange={(event) => onChange(event.currentTarget.value, { merge: gesture.key() })}
      />
      <input
        id={props.id}
        type="text"
        className="w-text w-mono"
        aria-label={label}
        aria-invalid={invalid || undefined}
        title={invalid ? "write #rrggbb" : undefined}
        autoComplete="off"
        spellCheck={false}
        disabled={disabled}
        value={draft ?? value}
        onFocus={gesture.begin}
        onBlur={() => setDraft(null)}
        onChange={(event) => {
          const text = event.currentTarget.value;
          setDraft(text);
          const read = readColour(text);
          if (read && read !== value) onChange(read, { merge: gesture.key() });
        }}
      />
    </span>
  );
}
