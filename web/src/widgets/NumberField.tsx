import { useRef, useState } from "react";
import type { Gesture } from "./gesture";
import { type Bounds, type Figure, figure, mend, nudge, readNumber } from "./number";

interface Props {
  label: string;
  value: Figure | null;
  bounds: Bounds;
  gesture: Gesture;
  onChange(value: Figure, merge: string): void;
  /** Called when the field is emptied; without it an empty field goes back to what it was. */
  onEmpty?: ((merge: string) => void) | undefined;
  unit?: string | undefined;
  placeholder?: string | undefined;
  id?: string | undefined;
  disabled?: boolean | undefined;
  className?: string | undefined;
}

/** A number that is typed or stepped; a sum such as `512*2` is worked out. */
export function NumberField(props: Props) {
  const { label, value, bounds, gesture, onChange, onEmpty } = props;
  // Only what is being typed and is no value yet; the value itself is in the graph.
  const [draft, setDraft] = useState<string | null>(null);
  const field = useRef<HTMLInputElement>(null);
  const shown = draft ?? (value === null ? "" : figure(value));
  const read = draft === null ? null : readNumber(draft, bounds);
  const fault = read && "fault" in read && draft?.trim() !== "" ? read.fault : "";

  const type = (text: string) => {
    setDraft(text);
    const now = readNumber(text, bounds);
    if ("value" in now && now.value !== value) onChange(now.value, gesture.key());
  };
  const settle = () => {
    if (draft === null) return;
    setDraft(null);
    if (draft.trim() === "" && onEmpty) return onEmpty(gesture.key());
    const mended = mend(draft, bounds);
    if (mended !== null && mended !== value) onChange(mended, gesture.key());
  };
  const step = (steps: number, size: "fine" | "" | "coarse") => {
    const from = (draft === null ? null : mend(draft, bounds)) ?? value ?? bounds.minimum ?? 0;
    setDraft(null);
    const next = nudge(from, steps, bounds, size);
    if (next !== value) onChange(next, gesture.key());
  };

  return (
    <span className={`w-number nodrag ${props.className ?? ""}`}>
      <input
        ref={field}
        id={props.id}
        type="text"
        inputMode={bounds.whole ? "numeric" : "decimal"}
        autoComplete="off"
        spellCheck={false}
        role="spinbutton"
        aria-label={label}
        aria-valuenow={value === null ? undefined : Number(value)}
        aria-valuemin={bounds.minimum ?? undefined}
        aria-valuemax={bounds.maximum === null ? undefined : Number(bounds.maximum)}
        aria-valuetext={value === null ? "empty" : `${figure(value)} ${props.unit ?? ""}`.trim()}
        aria-invalid={fault ? true : undefined}
        title={fault || undefined}
        placeholder={props.placeholder}
        disabled={props.disabled}
        value={shown}
        onFocus={(event) => {
          gesture.begin();
          event.currentTarget.select();
        }}
        onChange={(event) => type(event.currentTarget.value)}
        onBlur={settle}
        onKeyDown={(event) => {
          if (event.ctrlKey || event.metaKey) return;
          const size = event.altKey ? "fine" : event.shiftKey ? "coarse" : "";
          if (event.key === "ArrowUp") step(1, size);
          else if (event.key === "ArrowDown") step(-1, size);
          else if (event.key === "PageUp") step(1, "coarse");
          else if (event.key === "PageDown") step(-1, "coarse");
          else if (event.key === "Enter") {
            settle();
            event.currentTarget.select();
            return;
          } else if (event.key === "Escape" && draft !== null) {
            setDraft(null);
            event.stopPropagation();
            return;
          } else return;
          event.preventDefault();
        }}
      />
      {props.unit ? <span className="w-unit">{props.unit}</span> : null}
    </span>
  );
}
