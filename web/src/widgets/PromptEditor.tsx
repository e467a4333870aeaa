/** The prompt editor proper: a chunk of its own, loaded when a prompt is first edited. */

import {
  autocompletion,
  type CompletionContext,
  type CompletionResult,
  completionKeymap,
} from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { Annotation, EditorState, Prec, StateField } from "@codemirror/state";
import { Decoration, type DecorationSet, EditorView, keymap } from "@codemirror/view";
import { useLayoutEffect, useRef } from "react";
import { type Syntax, spans, weigh } from "./weights";

export interface PromptEditorProps {
  label: string;
  value: string;
  selection: [number, number];
  syntax: Syntax;
  /** Names of textual inversions, for completing `embedding:…`. */
  words(): Promise<string[]>;
  onChange(text: string): void;
  onDone(): void;
}

/** What one press of Ctrl-Up or Ctrl-Down adds. */
const STEP = 0.05;

export default function PromptEditor(props: PromptEditorProps) {
  const place = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const latest = useRef(props);
  latest.current = props;

  // biome-ignore lint/correctness/useExhaustiveDependencies: built once; it reads `latest`
  useLayoutEffect(() => {
    if (!place.current) return;
    const { value, selection, label } = latest.current;
    const within = (at: number) => Math.min(at, value.length);
    const own = new EditorView({
      parent: place.current,
      root: strict(),
      state: EditorState.create({
        doc: value,
        selection: { anchor: within(selection[0]), head: within(selection[1]) },
        extensions: [
          history(),
          weights(() => latest.current.syntax),
          Prec.highest(
            keymap.of([
              { key: "Ctrl-ArrowUp", mac: "Mod-ArrowUp", run: reweigh(STEP) },
              { key: "Ctrl-ArrowDown", mac: "Mod-ArrowDown", run: reweigh(-STEP) },
            ]),
          ),
          autocompletion({ override: [complete], icons: false }),
          keymap.of([
            ...completionKeymap,
            ...historyKeymap,
            // Ctrl-Enter is the page's: it runs the graph.
            ...defaultKeymap.filter((binding) => binding.key !== "Mod-Enter"),
          ]),
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({ "aria-label": label, spellcheck: "true" }),
          EditorView.updateListener.of((update) => {
            if (update.docChanged && !update.transactions.some((t) => t.annotation(fromOutside)))
              latest.current.onChange(update.state.doc.toString());
          }),
          EditorView.domEventHandlers({
            blur: () => {
              // After the event: the editor must not be torn down from within it.
              queueMicrotask(() => latest.current.onDone());
            },
          }),
        ],
      }),
    });
    view.current = own;
    own.focus();
    return () => {
      view.current = null;
      own.destroy();
    };
  }, []);

  // What another hand changed: an undo of the graph, a dropped file.
  useLayoutEffect(() => {
    const own = view.current;
    if (!own || own.state.doc.toString() === props.value) return;
    own.dispatch({
      changes: { from: 0, to: own.state.doc.length, insert: props.value },
      annotations: fromOutside.of(true),
    });
  }, [props.value]);

  function reweigh(by: number) {
    return (own: EditorView): boolean => {
      const { from, to } = own.state.selection.main;
      const change = weigh(own.state.doc.toString(), from, to, by, latest.current.syntax);
      if (change) {
        own.dispatch({
          changes: { from: change.from, to: change.to, insert: change.insert },
          selection: { anchor: change.select[0], head: change.select[1] },
          userEvent: "input.weigh",
        });
      }
      return true;
    };
  }

  async function complete(context: CompletionContext): Promise<CompletionResult | null> {
    const word = context.matchBefore(/(?:embedding:)?[\w.-]*/);
    if (!word || (word.from === word.to && !context.explicit)) return null;
    const names = await latest.current.words();
    if (names.length === 0) return null;
    const options = names.map((name) => ({
      label: `embedding:${name.replace(/\.(safetensors|pt|bin)$/, "")}`,
      detail: "embedding",
    }));
    return { from: word.from, options, validFor: /^[\w:.-]*$/ };
  }

  return <div ref={place} className="w-editor" />;
}

/**
 * The document, seen as if it had no head. CodeMirror then hands its rules over by the CSSOM, which
 * the page's policy allows; into a head it would write a style element, which the policy refuses.
 */
function strict(): Document {
  if (!("adoptedStyleSheets" in document)) return document;
  return new Proxy(document, {
    get: (own, name) => {
      const value: unknown = name === "head" ? undefined : Reflect.get(own, name, own);
      return typeof value === "function" ? value.bind(own) : value;
    },
    set: (own, name, value) => Reflect.set(own, name, value, own),
  });
}

const fromOutside = Annotation.define<boolean>();

/** Words that weigh more are warm, those that weigh less cool; the figures stand back. */
function weights(syntax: () => Syntax) {
  const marks = (state: EditorState): DecorationSet => {
    const text = state.doc.toString();
    const ranges = spans(text, syntax()).map(({ from, to, weight }) =>
      Decoration.mark({
        class: `w-weight w-weight-${degree(weight)}`,
        attributes: { title: `weight ${Math.round(weight * 1000) / 1000}` },
      }).range(from, to),
    );
    return Decoration.set(ranges, true);
  };
  return StateField.define<DecorationSet>({
    create: marks,
    update: (old, transaction) => (transaction.docChanged ? marks(transaction.state) : old),
    provide: (field) => EditorView.decorations.from(field),
  });
}

export function degree(weight: number): string {
  if (weight >= 1.3) return "more-2";
  if (weight > 1) return "more-1";
  if (weight === 1) return "even";
  return weight <= 0.7 ? "less-2" : "less-1";
}
