import { ChevronDown } from "lucide-react";
import { Combobox } from "./Combobox";
import { asText, type FieldProps, shownOf } from "./field";
import { useGesture } from "./gesture";

/** More than so many are searched rather than looked through. */
export const FEW = 8;

/** One of a few names; also names of model files, some of which may not be here. */
export function Choice(props: FieldProps) {
  const { path, port, onChange, label, compact, disabled } = props;
  const gesture = useGesture(`${path}.${port.name}`);
  const options = port.widget?.options ?? [];
  const value = asText(shownOf(props));
  const kind = port.widget?.kind;
  const optional = port.widget?.optional === true;
  const lacking = value !== "" && !options.includes(value);
  const pick = (next: string) => {
    gesture.begin();
    if (next !== value) onChange(next, { merge: gesture.key() });
  };
  const note = lacking
    ? kind
      ? `${value} is not in the ${kind} folder`
      : `${value} is not offered`
    : options.length === 0
      ? kind
        ? `there is no file in the ${kind} folder yet`
        : "nothing is offered"
      : "";
  const few = options.length <= FEW && !(kind && lacking);
  return (
    <span className={`w-choice nodrag ${compact ? "w-compact" : ""}`}>
      {few ? (
        <span className="w-select">
          <select
            id={props.id}
            aria-label={label}
            aria-invalid={lacking || undefined}
            title={note || undefined}
            value={value}
            disabled={disabled}
            onChange={(event) => pick(event.currentTarget.value)}
          >
            {value === "" && !options.includes("") ? (
              <option value="" disabled={!optional}>
                {options.length === 0 ? `no ${kind ?? "choice"} here` : "choose …"}
              </option>
            ) : null}
            {lacking ? <option value={value}>{`${value} (missing)`}</option> : null}
            {options.map((option) => (
              <option key={option} value={option}>
                {option === "" ? "none" : option}
              </option>
            ))}
          </select>
          <ChevronDown size={14} aria-hidden />
        </span>
      ) : (
        <Combobox
          id={props.id}
          label={label}
          value={value}
          options={options}
          disabled={disabled}
          invalid={lacking}
          title={note}
          onPick={pick}
        />
      )}
      {compact || note === "" ? null : <span className="w-note">{note}</span>}
    </span>
  );
}
