import { type KeyboardEvent, useDeferredValue, useEffect, useMemo, useRef, useState } from "react";
import type { Catalogue, NodeSpec } from "../model/catalogue";
import { nodesIn } from "../model/graph";
import { type Found, search } from "../model/search";
import { useCatalogue } from "../store/catalogue";
import { useEditor } from "../store/editor";
import { addAsked, recentTypes } from "./actions";
import { categoryColour, typeColour, typeShape } from "./colour";
import { focusPane, type SearchAsk, useCanvasStore } from "./store";
import { vars } from "./style";

const SHOWN = 60;
const WIDTH = 620;
const HEIGHT = 420;

/** The field that adds a node: typed, chosen with arrows, taken with Enter. */
export function Search() {
  const ask = useCanvasStore((s) => s.search);
  // A new question begins with an empty field.
  return ask ? <Field key={`${ask.screen}`} ask={ask} /> : null;
}

function results(catalogue: Catalogue, text: string, ask: SearchAsk): Found[] {
  const filter =
    ask.link?.side === "source"
      ? { takes: ask.link.type }
      : ask.link
        ? { gives: ask.link.type }
        : {};
  const found = search(catalogue, text, filter, text ? SHOWN : 600);
  if (text) return found;
  // With nothing typed: what was added lately, what the graph is made of, then all by name.
  const { graph, scope } = useEditor.getState();
  const used = Object.values(nodesIn(graph, scope) ?? {}).map((node) => node.type);
  const order = [...new Set([...recentTypes(), ...used])];
  const rank = (one: Found) => {
    const k = order.indexOf(one.spec.id);
    return k < 0 ? order.length : k;
  };
  return found
    .sort((a, b) => rank(a) - rank(b) || (a.spec.id < b.spec.id ? -1 : 1))
    .slice(0, SHOWN);
}

function Field({ ask }: { ask: SearchAsk }) {
  const catalogue = useCatalogue((s) => s.catalogue);
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState(0);
  const asked = useDeferredValue(text);
  const found = useMemo(() => results(catalogue, asked, ask), [catalogue, asked, ask]);
  const input = useRef<HTMLInputElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const at = Math.min(chosen, found.length - 1);

  useEffect(() => input.current?.focus(), []);
  useEffect(() => {
    list.current?.children[at]?.scrollIntoView({ block: "nearest" });
  }, [at]);

  const close = () => {
    useCanvasStore.setState({ search: null });
    focusPane();
  };
  const take = (one: Found | undefined) => {
    if (one) addAsked(one.spec.id, ask, one.port);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    event.stopPropagation();
    const last = found.length - 1;
    const moves: Record<string, number> = {
      ArrowDown: at >= last ? 0 : at + 1,
      ArrowUp: at <= 0 ? last : at - 1,
      PageDown: Math.min(last, at + 8),
      PageUp: Math.max(0, at - 8),
    };
    const next = moves[event.key];
    if (next !== undefined) setChosen(next);
    else if (event.key === "Enter") {
      // Who types faster than the list is drawn means what was typed.
      take(asked === text ? found[at] : results(catalogue, text, ask)[0]);
    } else if (event.key === "Escape" || event.key === "Tab") close();
    else return;
    event.preventDefault();
  };
  const one = found[at];
  return (
    <>
      <div className="veil" onPointerDown={close} aria-hidden="true" />
      <div
        className="search"
        role="dialog"
        aria-label="Add a node"
        style={placed(ask.screen, WIDTH, HEIGHT)}
        onKeyDown={onKeyDown}
      >
        <input
          ref={input}
          className="search-field"
          type="text"
          role="combobox"
          aria-label="Search nodes"
          aria-expanded="true"
          aria-controls="search-list"
          aria-activedescendant={one ? `found-${one.spec.id}` : undefined}
          placeholder={placeholder(ask)}
          value={text}
          autoComplete="off"
          spellCheck={false}
          onChange={(event) => {
            setText(event.target.value);
            setChosen(0);
          }}
        />
        <div className="search-body">
          <div
            className="search-list"
            id="search-list"
            role="listbox"
            aria-label="Nodes"
            ref={list}
          >
            {found.map((result, k) => (
              <Result
                key={result.spec.id}
                result={result}
                chosen={k === at}
                onPoint={() => setChosen(k)}
                onTake={() => take(result)}
              />
            ))}
          </div>
          {!found.length && (
            <p className="search-none">
              {catalogue.nodes.size ? "No node fits that." : "The nodes are still being loaded."}
            </p>
          )}
          {one && <About spec={one.spec} catalogue={catalogue} port={one.port} />}
        </div>
        <p className="search-hint">
          <kbd>↑</kbd> <kbd>↓</kbd> choose <kbd>Enter</kbd> add <kbd>Esc</kbd> close
        </p>
      </div>
    </>
  );
}

function placeholder(ask: SearchAsk): string {
  if (ask.link?.side === "source") return `What takes ${ask.link.type}?`;
  if (ask.link) return `What gives ${ask.link.type}?`;
  return ask.wire ? "Node to put on the wire" : "Add a node: name, category, what it does";
}

interface ResultProps {
  result: Found;
  chosen: boolean;
  onPoint(): void;
  onTake(): void;
}

function Result({ result, chosen, onPoint, onTake }: ResultProps) {
  const { spec, ranges, port } = result;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the field above holds the keys
    <div
      id={`found-${spec.id}`}
      className="search-result"
      role="option"
      aria-selected={chosen}
      tabIndex={-1}
      onPointerMove={chosen ? undefined : onPoint}
      onClick={onTake}
    >
      <span
        className="card-swatch"
        style={vars({ "--cat": categoryColour(spec.category) })}
        aria-hidden="true"
      />
      <span className="search-title">{marked(spec.title, ranges)}</span>
      {port && <span className="search-port">{port}</span>}
      <span className="search-category">{spec.category.replaceAll("_", " ")}</span>
    </div>
  );
}

function marked(title: string, ranges: Found["ranges"]) {
  const parts = [];
  let end = 0;
  for (const [from, to] of ranges) {
    if (from > end) parts.push(title.slice(end, from));
    parts.push(<mark key={from}>{title.slice(from, to)}</mark>);
    end = to;
  }
  parts.push(title.slice(end));
  return parts;
}

function About({ spec, catalogue, port }: { spec: NodeSpec; catalogue: Catalogue; port?: string }) {
  const firstLine = spec.doc.split("\n")[0] ?? "";
  const side = (list: readonly { name: string; type: string }[], word: string) => (
    <ul aria-label={word}>
      {list.map((one) => (
        <li key={one.name} data-fits={one.name === port}>
          <i
            className="dot-mark"
            data-shape={typeShape(one.type, catalogue)}
            style={vars({ "--socket": typeColour(one.type, catalogue) })}
          />
          {one.name} <small>{one.type}</small>
        </li>
      ))}
    </ul>
  );
  return (
    <aside className="search-about">
      <h3>{spec.title}</h3>
      <code>{spec.id}</code>
      <p>{firstLine}</p>
      <h4>Takes</h4>
      {spec.inputs.length ? side(spec.inputs, "Inputs") : <p>nothing</p>}
      <h4>Gives</h4>
      {side(spec.outputs, "Outputs")}
    </aside>
  );
}

/** A box at a point of the screen, moved until all of it can be seen. */
export function placed(screen: readonly [number, number], width: number, height: number) {
  const rim = 8;
  const w = Math.min(width, window.innerWidth - 2 * rim);
  const h = Math.min(height, window.innerHeight - 2 * rim);
  return {
    left: Math.max(rim, Math.min(screen[0], window.innerWidth - w - rim)),
    top: Math.max(rim, Math.min(screen[1], window.innerHeight - h - rim)),
    width: w,
    maxHeight: h,
  };
}
