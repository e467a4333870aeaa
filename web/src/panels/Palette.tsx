import { CornerDownLeft, LocateFixed, Plus, Search } from "lucide-react";
import { type ReactNode, useId, useMemo, useState } from "react";
import { addAtCentre } from "../canvas/actions";
import type { GraphFile } from "../model/graph";
import { search } from "../model/search";
import { useCatalogue } from "../store/catalogue";
import { type Command, keysText, useCommands } from "../store/commands";
import { useEditor } from "../store/editor";
import { useUi } from "../store/ui";
import { Dialog } from "./Dialog";
import { goToNode } from "./places";

interface Entry {
  id: string;
  title: string;
  group: string;
  keys: string;
  icon: ReactNode;
  run(): void;
}

/** How well a text answers to what is typed; 0 for not at all. */
export function rank(text: string, typed: string): number {
  const whole = typed.trim().toLowerCase();
  if (whole === "") return 1;
  const lower = text.toLowerCase();
  if (lower.startsWith(whole)) return 4;
  const words = whole.split(/\s+/);
  if (words.every((word) => lower.split(/[\s:./_-]+/).some((part) => part.startsWith(word))))
    return 3;
  if (words.every((word) => lower.includes(word))) return 2;
  return 0;
}

export function commandsFor(commands: readonly Command[], typed: string): Command[] {
  return commands
    .filter((command) => !command.hidden && command.when?.() !== false)
    .map((command) => ({
      command,
      score: Math.max(
        rank(command.title, typed) * 2,
        rank(`${command.group ?? ""} ${command.title} ${command.words ?? ""}`, typed),
      ),
    }))
    .filter(({ score }) => score > 0)
    .sort(
      (a, b) =>
        b.score - a.score ||
        (typed.trim() === "" ? 0 : a.command.title.length - b.command.title.length),
    )
    .map(({ command }) => command);
}

/** Paths of all nodes, inside loops and groups too. */
export function pathsOf(graph: GraphFile): string[] {
  const paths: string[] = [];
  const walk = (nodes: GraphFile["nodes"], prefix: string) => {
    for (const [id, node] of Object.entries(nodes)) {
      paths.push(prefix + id);
      const inside = node.body ?? (typeof node.graph === "object" ? node.graph.nodes : undefined);
      if (inside) walk(inside, `${prefix}${id}/`);
    }
  };
  walk(graph.nodes, "");
  return paths;
}

export function Palette() {
  const close = useUi((state) => state.closeOverlay);
  const commands = useCommands((state) => state.commands);
  const catalogue = useCatalogue((state) => state.catalogue);
  const graph = useEditor((state) => state.graph);
  const [typed, setTyped] = useState("");
  const [active, setActive] = useState(0);
  const list = useId();

  const entries = useMemo(() => {
    const found: Entry[] = commandsFor(commands, typed).map((command) => ({
      id: command.id,
      title: command.title,
      group: command.group ?? "",
      keys: command.keys?.[0] ? keysText(command.keys[0]) : "",
      icon: <CornerDownLeft size={14} aria-hidden />,
      run: () => void command.run(),
    }));
    if (typed.trim() === "") return found;
    const here = pathsOf(graph)
      .filter((path) => rank(path.replaceAll("/", " "), typed) > 0)
      .slice(0, 6)
      .map((path) => ({
        id: `go ${path}`,
        title: `Go to ${path}`,
        group: "This graph",
        keys: "",
        icon: <LocateFixed size={14} aria-hidden />,
        run: () => goToNode(path),
      }));
    const nodes = search(catalogue, typed.replace(/^add\s+/i, ""))
      .slice(0, 8)
      .map(({ spec }) => ({
        id: `add ${spec.id}`,
        title: `Add ${spec.title}`,
        group: spec.id,
        keys: "",
        icon: <Plus size={14} aria-hidden />,
        run: () => addAtCentre(spec.id),
      }));
    return [...found, ...here, ...nodes];
  }, [commands, catalogue, graph, typed]);

  const run = (entry: Entry | undefined) => {
    if (!entry) return;
    // First the focus goes back to where it was: a command may want to put it elsewhere.
    close();
    requestAnimationFrame(() => entry.run());
  };
  return (
    <Dialog title="Commands" bare onClose={close} size="small" className="nf-palette">
      <div className="nf-search nf-palette-search">
        <Search size={17} aria-hidden />
        <input
          type="text"
          role="combobox"
          data-autofocus
          aria-label="command"
          aria-expanded="true"
          aria-controls={list}
          aria-autocomplete="list"
          aria-activedescendant={entries[active] ? `${list}-${active}` : undefined}
          autoComplete="off"
          spellCheck={false}
          placeholder="A command, a node to add, a node of this graph"
          value={typed}
          onChange={(event) => {
            setTyped(event.currentTarget.value);
            setActive(0);
          }}
          onKeyDown={(event) => {
            const count = entries.length;
            if (event.key === "ArrowDown") setActive((now) => (now + 1) % Math.max(1, count));
            else if (event.key === "ArrowUp")
              setActive((now) => (now - 1 + count) % Math.max(1, count));
            else if (event.key === "Enter") run(entries[active]);
            else return;
            event.preventDefault();
            event.stopPropagation();
          }}
        />
      </div>
      <div role="listbox" id={list} aria-label="commands" className="nf-palette-list" tabIndex={-1}>
        {entries.length === 0 ? <p className="w-none">nothing found</p> : null}
        {entries.map((entry, k) => (
          <div
            key={entry.id}
            id={`${list}-${k}`}
            role="option"
            tabIndex={-1}
            aria-selected={k === active}
            className={k === active ? "nf-entry w-active" : "nf-entry"}
            ref={k === active ? (own) => own?.scrollIntoView?.({ block: "nearest" }) : undefined}
            onPointerMove={() => setActive(k)}
            onClick={() => run(entry)}
            onKeyDown={() => undefined}
          >
            {entry.icon}
            <span className="nf-cut">{entry.title}</span>
            <span className="nf-quiet nf-cut nf-entry-group">{entry.group}</span>
            {entry.keys ? <kbd>{entry.keys}</kbd> : null}
          </div>
        ))}
      </div>
    </Dialog>
  );
}
