import { asText, type FieldProps, shownOf } from "./field";
import { useGesture } from "./gesture";

/** One line: Text, Expression, NewPath, and plain `str`. */
export function TextLine(props: FieldProps) {
  const { path, port, onChange, label, disabled } = props;
  const gesture = useGesture(`${path}.${port.name}`);
  const kind = port.widget?.widget ?? "Text";
  const value = asText(shownOf(props));
  const fault = kind === "NewPath" ? outside(value) : "";
  return (
    <input
      id={props.id}
      type="text"
      className={`w-text nodrag ${kind === "Expression" || kind === "NewPath" ? "w-mono" : ""}`}
      aria-label={label}
      aria-invalid={fault ? true : undefined}
      title={fault || undefined}
      autoComplete="off"
      spellCheck={kind === "Text"}
      disabled={disabled}
      placeholder={placeholderOf(props)}
      value={value}
      onFocus={gesture.begin}
      onChange={(event) => onChange(event.currentTarget.value, { merge: gesture.key() })}
    />
  );
}

/** Several lines; on a node of fixed height, in a panel one can pull it larger. */
export function TextBlock(props: FieldProps) {
  const { path, port, onChange, label, compact, disabled } = props;
  const gesture = useGesture(`${path}.${port.name}`);
  return (
    <textarea
      id={props.id}
      className={`w-area nodrag nowheel ${compact ? "w-compact" : ""}`}
      aria-label={label}
      disabled={disabled}
      rows={compact ? 3 : 5}
      placeholder={placeholderOf(props)}
      value={asText(shownOf(props))}
      onFocus={gesture.begin}
      onChange={(event) => onChange(event.currentTarget.value, { merge: gesture.key() })}
    />
  );
}

export function placeholderOf(props: FieldProps): string {
  const { port } = props;
  if (port.widget?.placeholder) return port.widget.placeholder;
  if (port.required) return "needed";
  return port.widget?.widget === "Prompt" ? "a prompt" : "";
}

/** As `nodeflow.widgets.NewPath` judges. */
export function outside(path: string): string {
  const parts = path.replaceAll("\\", "/").split("/");
  const absolute = /^[/\\]/.test(path) || (parts[0] ?? "").includes(":");
  return absolute || parts.includes("..") || path.includes("\0")
    ? "a path below the output folder, without “..”"
    : "";
}

/** Of a type that takes texts, numbers and truth: what is typed is taken for what it looks like. */
export function AnyLine(props: FieldProps) {
  const { path, port, onChange, label, disabled } = props;
  const gesture = useGesture(`${path}.${port.name}`);
  const shown = shownOf(props);
  return (
    <input
      id={props.id}
      type="text"
      className="w-text nodrag"
      aria-label={label}
      autoComplete="off"
      disabled={disabled}
      placeholder={/\bnone\b/.test(port.type) ? "none" : ""}
      value={asText(shown)}
      onFocus={gesture.begin}
      onChange={(event) =>
        onChange(guess(event.currentTarget.value, port.type), { merge: gesture.key() })
      }
    />
  );
}

/** A value of one of the types `str | int | …` that a text can stand for. */
export function guess(text: string, type: string): string | number | boolean | null {
  const members = type.split(" | ");
  if (text === "" && members.includes("none")) return null;
  if (members.includes("bool") && (text === "true" || text === "false")) return text === "true";
  if (members.includes("int") && /^-?\d{1,15}$/.test(text) && String(Number(text)) === text)
    return Number(text);
  if (members.includes("float") && /^-?\d+\.\d*[1-9]$/.test(text)) return Number(text);
  return text;
}
