import { Minus, Plus } from "lucide-react";
import { type FieldProps, shownOf } from "./field";
import { useGesture } from "./gesture";
import { NumberField } from "./NumberField";
import { boundsOf, isNumber, nudge } from "./number";

/** A number typed or stepped. An optional one can be emptied, which is `null`. */
export function Numeric(props: FieldProps) {
  const { path, port, onChange, label, compact, disabled } = props;
  const gesture = useGesture(`${path}.${port.name}`);
  const bounds = boundsOf(port.type, port.widget);
  const shown = shownOf(props);
  const value = isNumber(shown) ? shown : null;
  const optional = / \| none\b/.test(port.type);
  const step = (steps: number) => {
    gesture.begin();
    const next = nudge(value ?? bounds.minimum ?? 0, steps, bounds, "");
    if (next !== value) onChange(next, { merge: gesture.key() });
  };
  return (
    <span className={`w-numeric nodrag ${compact ? "w-compact" : ""}`}>
      <NumberField
        id={props.id}
        label={label}
        value={value}
        bounds={bounds}
        gesture={gesture}
        unit={port.widget?.unit}
        placeholder={optional ? "none" : port.required ? "needed" : ""}
        disabled={disabled}
        onChange={(next, merge) => onChange(next, { merge })}
        onEmpty={optional ? (merge) => onChange(null, { merge }) : undefined}
      />
      {compact ? null : (
        <>
          <button
            type="button"
            className="w-button"
            aria-label={`less ${label}`}
            disabled={disabled || (value !== null && value === bounds.minimum)}
            onClick={() => step(-1)}
          >
            <Minus size={14} aria-hidden />
          </button>
          <button
            type="button"
            className="w-button"
            aria-label={`more ${label}`}
            disabled={disabled || (value !== null && value === bounds.maximum)}
            onClick={() => step(1)}
          >
            <Plus size={14} aria-hidden />
          </button>
        </>
      )}
    </span>
  );
}
