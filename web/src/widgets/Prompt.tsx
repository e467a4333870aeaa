import { type ComponentType, useEffect, useRef, useState } from "react";
import { nodeByPath } from "../model/links";
import { useEditor } from "../store/editor";
import { asText, type FieldProps, shownOf } from "./field";
import { useGesture } from "./gesture";
import { placeholderOf } from "./Texts";
import { TokenCount } from "./TokenCount";
import type { Syntax } from "./weights";

type EditorProps = Parameters<typeof import("./PromptEditor")["default"]>[0];

/** Drawn without a boundary that waits: between the one field and the other no key may be lost. */
let PromptEditor: ComponentType<EditorProps> | null = null;
const load = async () => {
  PromptEditor = (await import("./PromptEditor")).default;
};

/**
 * A prompt. It looks and behaves as a text area until it has the focus; then the editor with
 * weights and completions takes its place, with what is typed and selected as it was.
 */
export function Prompt(props: FieldProps) {
  const { path, port, onChange, label, compact, disabled } = props;
  const gesture = useGesture(`${path}.${port.name}`);
  const area = useRef<HTMLTextAreaElement>(null);
  const [selection, setSelection] = useState<[number, number] | null>(null);
  const [focused, setFocused] = useState(false);
  const composing = useRef(false);
  const pressed = useRef(false);
  const wanted = useRef(false);
  const type = useEditor((state) => nodeByPath(state.graph, path)?.type ?? "");
  const syntax: Syntax = type.includes("a1111") ? "a1111" : "comfyui";
  const value = asText(shownOf(props));

  // A node that leaves the screen takes its editor with it.
  useEffect(
    () => () => {
      wanted.current = false;
    },
    [],
  );

  const swap = () => {
    const own = area.current;
    if (
      !wanted.current ||
      composing.current ||
      pressed.current ||
      !PromptEditor ||
      !own ||
      document.activeElement !== own
    )
      return;
    setSelection([own.selectionStart, own.selectionEnd]);
  };
  const done = () => {
    setSelection(null);
    setFocused(false);
  };
  const plain = (
    <textarea
      ref={area}
      id={props.id}
      className="w-area"
      aria-label={label}
      disabled={disabled}
      rows={compact ? 3 : 5}
      placeholder={placeholderOf(props)}
      value={value}
      onFocus={() => {
        gesture.begin();
        setFocused(true);
        wanted.current = true;
        load().then(swap, () => undefined);
      }}
      onBlur={() => {
        wanted.current = false;
        pressed.current = false;
        setFocused(false);
      }}
      // Between a key's going down and the letter it writes, the field must stay the same.
      onKeyDown={() => {
        pressed.current = true;
      }}
      onKeyUp={() => {
        pressed.current = false;
        swap();
      }}
      onCompositionStart={() => {
        composing.current = true;
      }}
      onCompositionEnd={() => {
        composing.current = false;
        swap();
      }}
      onChange={(event) => onChange(event.currentTarget.value, { merge: gesture.key() })}
    />
  );
  return (
    <div className={`w-prompt nodrag nowheel ${compact ? "w-compact" : ""}`}>
      {selection === null || !PromptEditor ? (
        plain
      ) : (
        <PromptEditor
          label={label}
          value={value}
          selection={selection}
          syntax={syntax}
          words={embeddings}
          onChange={(text) => onChange(text, { merge: gesture.key() })}
          onDone={done}
        />
      )}
      {compact && !focused ? null : <TokenCount text={value} path={path} />}
    </div>
  );
}

let asked: Promise<string[]> | null = null;

/** Names of the textual inversions that the server has, asked for once. */
function embeddings(): Promise<string[]> {
  asked ??= fetch(new URL("api/embeddings", document.baseURI), { credentials: "same-origin" })
    .then((answer) => (answer.ok ? answer.json() : []))
    .then((names: unknown) => (Array.isArray(names) ? names.map(String) : []))
    .catch(() => []);
  return asked;
}
