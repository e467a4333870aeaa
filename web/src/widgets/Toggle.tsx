import { type FieldProps, shownOf } from "./field";
import { newGesture } from "./gesture";

export function Toggle(props: FieldProps) {
  const { path, port, onChange, label, disabled } = props;
  const on = shownOf(props) === true;
  return (
    <button
      type="button"
      id={props.id}
      role="switch"
      aria-checked={on}
      aria-label={label}
      className="w-toggle nodrag"
      disabled={disabled}
      onClick={() => onChange(!on, { merge: newGesture(`${path}.${port.name}`).key() })}
    >
      <span className="w-knob" />
      <span className="w-toggle-text">{on ? "on" : "off"}</span>
    </button>
  );
}
