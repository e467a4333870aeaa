import type { KeyboardEvent, PointerEvent } from "react";
import { useRef } from "react";
import { type FieldProps, shownOf } from "./field";
import { useGesture } from "./gesture";
import { NumberField } from "./NumberField";
import { boundsOf, type Figure, figure, isNumber, keyed, shareOf, valueAt } from "./number";

/** A bar that is dragged and a number that is typed; Shift moves finely, or by ten with keys. */
export function Slider(props: FieldProps) {
  const { path, port, onChange, label, compact, disabled } = props;
  const gesture = useGesture(`${path}.${port.name}`);
  const drag = useRef<{ x: number; share: number; width: number; fine: boolean } | null>(null);
  const bounds = boundsOf(port.type, port.widget);
  const low = bounds.minimum ?? 0;
  const high = Number(bounds.maximum ?? 1);
  const shown = shownOf(props);
  const value = isNumber(shown) ? shown : null;
  const share = value === null ? 0 : shareOf(value, bounds);

  const set = (next: Figure) => {
    if (next !== value) onChange(next, { merge: gesture.key() });
  };
  const down = (event: PointerEvent<HTMLDivElement>) => {
    if (event.button !== 0 || disabled) return;
    event.stopPropagation();
    gesture.begin();
    const box = event.currentTarget.getBoundingClientRect();
    const width = box.width || 1;
    const from = event.shiftKey ? share : (event.clientX - box.left) / width;
    drag.current = { x: event.clientX, share: from, width, fine: event.shiftKey };
    event.currentTarget.setPointerCapture?.(event.pointerId);
    event.currentTarget.focus();
    if (!event.shiftKey) set(valueAt(from, bounds));
  };
  const move = (event: PointerEvent<HTMLDivElement>) => {
    const from = drag.current;
    if (!from) return;
    if (from.fine !== event.shiftKey) {
      // From here on at another speed, without a jump.
      drag.current = { ...from, x: event.clientX, share, fine: event.shiftKey };
      return;
    }
    const moved = ((event.clientX - from.x) / from.width) * (from.fine ? 0.1 : 1);
    set(valueAt(from.share + moved, bounds, from.fine));
  };
  const key = (event: KeyboardEvent<HTMLDivElement>) => {
    if (event.ctrlKey || event.metaKey || disabled) return;
    const size = event.altKey ? "fine" : event.shiftKey ? "coarse" : "";
    const next = keyed(event.key, value ?? low, bounds, size);
    if (next === null) return;
    event.preventDefault();
    event.stopPropagation();
    set(next);
  };

  return (
    <div className={`w-slider nodrag nowheel ${compact ? "w-compact" : ""}`}>
      <div
        className="w-track"
        role="slider"
        tabIndex={disabled ? -1 : 0}
        aria-label={`${label}, drag`}
        aria-valuemin={low}
        aria-valuemax={high}
        aria-valuenow={Number(value ?? low)}
        aria-valuetext={value === null ? "not set" : `${figure(value)} ${port.widget?.unit ?? ""}`}
        aria-disabled={disabled || undefined}
        onPointerDown={down}
        onPointerMove={move}
        onPointerUp={() => {
          drag.current = null;
        }}
        onPointerCancel={() => {
          drag.current = null;
        }}
        onFocus={() => {
          if (!drag.current) gesture.begin();
        }}
        onKeyDown={key}
      >
        <span className="w-fill" style={{ width: `${share * 100}%` }} />
        <span className="w-thumb" style={{ left: `${share * 100}%` }} />
      </div>
      <NumberField
        id={props.id}
        label={label}
        value={value}
        bounds={bounds}
        gesture={gesture}
        unit={compact ? undefined : port.widget?.unit}
        disabled={disabled}
        onChange={(next, merge) => onChange(next, { merge })}
      />
    </div>
  );
}
