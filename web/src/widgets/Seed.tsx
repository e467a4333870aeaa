import { ChevronDown, ChevronUp, Dices, Lock, Shuffle } from "lucide-react";
import { useEditor } from "../store/editor";
import { type FieldProps, shownOf } from "./field";
import { useGesture } from "./gesture";
import { NumberField } from "./NumberField";
import { boundsOf, type Figure, isNumber, nudge } from "./number";
import { drawSeed, isRandom, setRandom } from "./seeds";

/** A seed: typed, stepped, drawn once by the die, or drawn before each run. */
export function Seed(props: FieldProps) {
  const { path, port, onChange, label, compact, disabled } = props;
  const gesture = useGesture(`${path}.${port.name}`);
  const random = useEditor((state) => isRandom(state.graph, path, port.name));
  const edit = useEditor((state) => state.edit);
  const bounds = boundsOf(port.type, port.widget);
  const shown = shownOf(props);
  const value = isNumber(shown) ? shown : null;
  const set = (next: Figure) => {
    gesture.begin();
    onChange(next, { merge: gesture.key() });
  };
  return (
    <span className={`w-seed nodrag ${compact ? "w-compact" : ""}`}>
      <NumberField
        id={props.id}
        label={label}
        value={value}
        bounds={bounds}
        gesture={gesture}
        disabled={disabled}
        onChange={(next, merge) => onChange(next, { merge })}
      />
      {compact ? null : (
        <>
          <button
            type="button"
            className="w-button"
            aria-label={`seed before, ${label}`}
            title="The seed before"
            disabled={disabled}
            onClick={() => set(nudge(value ?? 0, -1, bounds, ""))}
          >
            <ChevronDown size={14} aria-hidden />
          </button>
          <button
            type="button"
            className="w-button"
            aria-label={`seed after, ${label}`}
            title="The seed after"
            disabled={disabled}
            onClick={() => set(nudge(value ?? 0, 1, bounds, ""))}
          >
            <ChevronUp size={14} aria-hidden />
          </button>
        </>
      )}
      <button
        type="button"
        className="w-button"
        aria-label={`draw a new ${label}`}
        title="Draw a new one now"
        disabled={disabled}
        onClick={() => set(drawSeed())}
      >
        <Dices size={14} aria-hidden />
      </button>
      <button
        type="button"
        className="w-button"
        aria-pressed={random}
        aria-label={`random ${label} each run`}
        title={
          random
            ? "A new one is written here before each run. Press to keep it."
            : "Kept. Press to draw a new one before each run."
        }
        disabled={disabled}
        onClick={() =>
          edit(random ? "Keep the seed" : "Random seed each run", (graph) =>
            setRandom(graph, path, port.name, !random),
          )
        }
      >
        {random ? <Shuffle size={14} aria-hidden /> : <Lock size={14} aria-hidden />}
      </button>
    </span>
  );
}
