import { Fragment, type KeyboardEvent, useEffect, useRef } from "react";
import { canCollapse, canExplode, change } from "../inspect/explode";
import { sourceOf, useLook, wireOf } from "../inspect/look";
import { nodesIn, PAD_IN, PAD_OUT, pathOf } from "../model/graph";
import { innerGraph, isLoop } from "../model/links";
import { useCatalogue } from "../store/catalogue";
import { useEditor } from "../store/editor";
import { useUi } from "../store/ui";
import * as act from "./actions";
import { askStep } from "./breakpoints";
import { candidates, link, typeAt, unlink } from "./links";
import { placed } from "./Search";
import { scene } from "./scene";
import { focusPane, type MenuAsk, useCanvasStore } from "./store";

interface Entry {
  label: string;
  keys?: string;
  run(): void;
  off?: boolean;
  danger?: boolean;
}

type Entries = (Entry | "line")[];

/** What a right click, a long press or the menu key opens. */
export function ContextMenu() {
  const ask = useCanvasStore((s) => s.menu);
  if (!ask) return null;
  const entries = entriesFor(ask);
  return <List key={`${ask.screen}`} label={labelFor(ask)} screen={ask.screen} entries={entries} />;
}

function labelFor({ about }: MenuAsk): string {
  if (about.kind === "canvas") return "Canvas menu";
  if (about.kind === "wire") return `Menu of the wire to ${about.id}`;
  if (about.kind === "socket") return `Menu of ${about.node}.${about.port}`;
  return `Menu of ${about.id}`;
}

function entriesFor(ask: MenuAsk): Entries {
  const { about } = ask;
  if (about.kind === "canvas") return canvasEntries(ask);
  if (about.kind === "wire") return wireEntries(ask, about.id);
  if (about.kind === "socket") return socketEntries(ask, about);
  return nodeEntries(ask, about.id);
}

function canvasEntries(ask: MenuAsk): Entries {
  const inside = useEditor.getState().scope.length > 0;
  return [
    { label: "Add node…", keys: "Tab", run: () => act.startSearch(ask.screen) },
    { label: "Add note", run: () => act.note(ask.screen) },
    { label: "Add frame", run: () => act.frame(ask.screen) },
    "line",
    { label: "Paste", keys: "Ctrl V", run: () => void act.paste(ask.screen) },
    { label: "Select all", keys: "Ctrl A", run: act.selectAll },
    { label: "Arrange all", keys: "Ctrl Shift L", run: act.arrangeSelection },
    "line",
    { label: "Fit to view", keys: "F", run: () => act.fit() },
    { label: "100 %", keys: "1", run: act.zoomToFull },
    ...(inside ? [{ label: "Leave", keys: "Esc", run: act.leave }] : []),
  ];
}

function nodeEntries(ask: MenuAsk, id: string): Entries {
  const { graph, scope, selection } = useEditor.getState();
  const node = nodesIn(graph, scope)?.[id];
  const count = selection.filter((one) => !one.startsWith("wire:")).length;
  if (!node) return drawnEntries(ask, id);
  const entries: Entries = [];
  if (node.body || node.graph) {
    entries.push({ label: "Enter", keys: "Enter", run: () => act.enter(id) }, "line");
  }
  const path = pathOf(scope, id);
  if (canExplode(path)) {
    entries.push({ label: "Show every step", run: () => void change("explode", false, path) });
    const run = () => void change("explode", true, path);
    entries.push({ label: "Show every step, and check", run }, "line");
  } else if (canCollapse(path)) {
    const into = "Collapse into one node";
    entries.push({ label: into, run: () => void change("collapse", false, path) });
    entries.push({ label: `${into}, and check`, run: () => void change("collapse", true, path) });
    entries.push("line");
  }
  entries.push(
    { label: "Rename", keys: "F2", run: act.beginRename, off: count > 1 },
    { label: "Details", run: () => useUi.getState().openRight("node") },
    "line",
    { label: "Copy", keys: "Ctrl C", run: act.copy },
    { label: "Cut", keys: "Ctrl X", run: act.cut },
    { label: "Duplicate", keys: "Ctrl D", run: act.duplicateSelection },
    "line",
    {
      label: node.mode === "mute" ? "Unmute" : "Mute",
      keys: "Ctrl M",
      run: () => act.toggleMode("mute"),
    },
    {
      label: node.mode === "bypass" ? "Take back bypass" : "Bypass",
      keys: "Ctrl B",
      run: () => act.toggleMode("bypass"),
    },
    { label: "Stop before it, or no more", keys: "F9", run: act.toggleBreakpoints },
    ...(isLoop(node)
      ? [{ label: "Stop before step…", run: () => askStep(pathOf(scope, id)), off: count > 1 }]
      : []),
    { label: "Collapse or expand", keys: "H", run: act.toggleCollapsed },
    "line",
    { label: "Group", keys: "Ctrl G", run: act.groupSelection },
  );
  if (innerGraph(node))
    entries.push({ label: "Ungroup", keys: "Ctrl Shift G", run: act.ungroupSelection });
  entries.push({ label: "Frame around", keys: "Ctrl Alt F", run: () => act.frame() });
  if (count > 1) entries.push("line", ...alignEntries(count));
  entries.push("line", { label: "Delete", keys: "Del", run: () => act.remove(), danger: true });
  return entries;
}

function alignEntries(count: number): Entries {
  return [
    { label: "Arrange", keys: "Ctrl Shift L", run: act.arrangeSelection },
    { label: "Align left", keys: "Alt A", run: () => act.alignSelection("left") },
    { label: "Align right", keys: "Alt D", run: () => act.alignSelection("right") },
    { label: "Align top", keys: "Alt W", run: () => act.alignSelection("top") },
    { label: "Align bottom", keys: "Alt S", run: () => act.alignSelection("bottom") },
    { label: "Distribute across", run: () => act.distributeSelection("x"), off: count < 3 },
    { label: "Distribute down", run: () => act.distributeSelection("y"), off: count < 3 },
  ];
}

function drawnEntries(ask: MenuAsk, id: string): Entries {
  if (id === PAD_IN || id === PAD_OUT) {
    return [{ label: "Leave", keys: "Esc", run: act.leave }];
  }
  const word = id.startsWith("note:") ? "Write" : "Rename";
  return [
    { label: word, keys: "F2", run: act.beginRename },
    { label: "Copy", keys: "Ctrl C", run: act.copy },
    { label: "Duplicate", keys: "Ctrl D", run: act.duplicateSelection },
    "line",
    { label: "Add node here…", run: () => act.startSearch(ask.screen) },
    { label: "Delete", keys: "Del", run: () => act.remove(), danger: true },
  ];
}

function wireEntries(ask: MenuAsk, id: string): Entries {
  const edge = scene().edges.find((one) => one.id === id);
  const points = edge?.data?.points ?? [];
  const wire = wireOf(id);
  return [
    ...(wire
      ? [
          {
            label: "Look inside",
            keys: "L",
            run: () => useLook.getState().look(wire.from, wire.type),
          },
        ]
      : []),
    { label: "Insert a node…", run: () => act.startSearch(ask.screen, { wire: id }) },
    { label: "Add a point", run: () => act.bend(id, [...points, ask.at], "Bend wire") },
    { label: "Straighten", run: () => act.bend(id, [], "Straighten wire"), off: !points.length },
    "line",
    { label: "Go to its source", run: () => edge && act.reveal(edge.source) },
    { label: "Go to its target", run: () => edge && act.reveal(edge.target) },
    "line",
    { label: "Disconnect", keys: "Del", run: () => unlink(id), danger: true },
  ];
}

function socketEntries(ask: MenuAsk, about: MenuAsk["about"] & { kind: "socket" }): Entries {
  const { node, port, side } = about;
  const { graph, scope } = useEditor.getState();
  const type = typeAt(about, graph, scope, useCatalogue.getState().catalogue);
  const edges = scene().edges.filter((edge) =>
    side === "source"
      ? edge.source === node && edge.sourceHandle === port
      : edge.target === node && edge.targetHandle === port,
  );
  const asked = { node, port, side, type };
  const entries: Entries = [
    {
      label: "Connect to…",
      keys: "Enter",
      run: () => useCanvasStore.setState({ targets: { node, port, side, screen: ask.screen } }),
    },
    { label: "Add a node that fits…", run: () => act.startSearch(ask.screen, { link: asked }) },
  ];
  const carried =
    side === "target" ? sourceOf(node, port) : { from: pathOf(scope, `${node}.${port}`), type };
  if (carried) {
    const { from, type: of } = carried;
    entries.push({ label: "Look inside", keys: "L", run: () => useLook.getState().look(from, of) });
  }
  if (node !== PAD_IN && node !== PAD_OUT) {
    entries.push("line");
    if (side === "target") {
      const target = `${pathOf(scope, node)}.${port}`;
      const shown = Object.values(graph.inputs ?? {})
        .flat()
        .includes(target);
      entries.push({
        label: shown ? "No input of the graph any more" : "Make it an input of the graph",
        run: () => act.toggleExposed(node, port),
      });
    } else if (!scope.length) {
      const marked = Object.values(graph.outputs ?? {}).includes(`${node}.${port}`);
      entries.push({
        label: marked ? "No output of the graph any more" : "Make it an output of the graph",
        run: () => act.toggleOutput(node, port),
      });
    }
  }
  if (edges.length) {
    entries.push("line");
    for (const edge of edges.slice(0, 12)) {
      const other = side === "source" ? edge.id : `${edge.source}.${edge.sourceHandle}`;
      entries.push({ label: `Disconnect ${other}`, run: () => unlink(edge.id), danger: true });
    }
  }
  return entries;
}

/** Every socket that fits one, for keys and for those who do not drag. */
export function Targets() {
  const ask = useCanvasStore((s) => s.targets);
  if (!ask) return null;
  const { graph, scope } = useEditor.getState();
  const type = typeAt(ask, graph, scope, useCatalogue.getState().catalogue);
  const entries: Entries = candidates(ask).map((one) => ({
    label: `${one.title} · ${one.node}.${one.port}`,
    keys: one.replaces ? `instead of ${one.replaces}` : one.type,
    run: () => {
      link(ask, one, ask.screen);
      act.reveal(ask.node);
    },
  }));
  entries.push("line", {
    label: "Add a node that fits…",
    run: () => act.startSearch(ask.screen, { link: { ...ask, type } }),
  });
  const label = `Connect ${ask.node}.${ask.port} to`;
  return <List label={label} heading={label} screen={ask.screen} entries={entries} />;
}

interface ListProps {
  label: string;
  heading?: string;
  screen: readonly [number, number];
  entries: Entries;
}

/** A menu: arrows, Home, End, first letters; Escape closes it. */
function List({ label, heading, screen, entries }: ListProps) {
  const menu = useRef<HTMLDivElement>(null);
  const stops = () => [
    ...(menu.current?.querySelectorAll<HTMLElement>("button:not(:disabled)") ?? []),
  ];
  // biome-ignore lint/correctness/useExhaustiveDependencies: once, when it opens
  useEffect(() => stops()[0]?.focus(), []);
  const close = () => {
    useCanvasStore.setState({ menu: null, targets: null });
    focusPane();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    event.stopPropagation();
    const all = stops();
    const at = all.indexOf(document.activeElement as HTMLElement);
    let next: HTMLElement | undefined;
    if (event.key === "ArrowDown") next = all[(at + 1) % all.length];
    else if (event.key === "ArrowUp") next = all[(at - 1 + all.length) % all.length];
    else if (event.key === "Home") next = all[0];
    else if (event.key === "End") next = all.at(-1);
    else if (event.key === "Escape" || event.key === "Tab") close();
    else if (/^\S$/.test(event.key) && !event.ctrlKey && !event.metaKey) {
      const letter = event.key.toLowerCase();
      const turned = [...all.slice(at + 1), ...all.slice(0, at + 1)];
      next = turned.find((stop) => stop.textContent?.toLowerCase().startsWith(letter));
    } else return;
    event.preventDefault();
    next?.focus();
  };
  const height = 16 + entries.length * 32;
  return (
    <>
      <div
        className="veil"
        onPointerDown={close}
        onContextMenu={(event) => event.preventDefault()}
        aria-hidden="true"
      />
      <div
        ref={menu}
        className="menu"
        role="menu"
        aria-label={label}
        tabIndex={-1}
        style={{ ...placed(screen, 280, height), height: "auto" }}
        onKeyDown={onKeyDown}
      >
        {heading && <p className="menu-heading">{heading}</p>}
        {entries.map((entry, k) =>
          entry === "line" ? (
            // biome-ignore lint/suspicious/noArrayIndexKey: lines have no name
            <hr key={`line${k}`} />
          ) : (
            <Fragment key={entry.label}>
              <button
                type="button"
                role="menuitem"
                tabIndex={-1}
                className="menu-item"
                data-danger={entry.danger}
                disabled={entry.off}
                onClick={() => {
                  useCanvasStore.setState({ menu: null, targets: null });
                  focusPane();
                  entry.run();
                }}
              >
                <span>{entry.label}</span>
                {entry.keys && <kbd>{entry.keys}</kbd>}
              </button>
            </Fragment>
          ),
        )}
      </div>
    </>
  );
}

/** Why a wire was refused, with the node that would help. */
export function RefusalNote() {
  const refusal = useCanvasStore((s) => s.refusal);
  const button = useRef<HTMLButtonElement>(null);
  if (!refusal) return null;
  const close = () => useCanvasStore.setState({ refusal: null });
  return (
    <div className="refusal" role="alert" style={placed(refusal.screen, 320, 120)}>
      <p>{refusal.reason}</p>
      <div className="refusal-buttons">
        {refusal.conversion && (
          <button type="button" className="refusal-help" ref={button} onClick={act.convert}>
            Put {refusal.conversion} between
          </button>
        )}
        <button type="button" onClick={close}>
          Close
        </button>
      </div>
    </div>
  );
}
