import {
  ChartLine,
  ChevronDown,
  CircleAlert,
  CircleHelp,
  Ellipsis,
  History,
  Images,
  ListOrdered,
  Redo2,
  Search,
  Settings,
  SlidersHorizontal,
  TextCursorInput,
  Undo2,
} from "lucide-react";
import type { ReactNode } from "react";
import "../styles/panels.css";
import { isDirty, useEditor } from "../store/editor";
import { useProblems } from "../store/problems";
import { useRuns } from "../store/runs";
import { type RightPanel, useUi } from "../store/ui";
import { keysOf, titled } from "./commands";
import { fileItems } from "./fileMenu";
import { Menu, type MenuItem } from "./Menu";
import { progressOf } from "./progress";
import { RunButton } from "./RunButton";

const PANELS: { id: RightPanel; label: string; Icon: typeof Search }[] = [
  { id: "node", label: "Node", Icon: SlidersHorizontal },
  { id: "form", label: "Form", Icon: TextCursorInput },
  { id: "gallery", label: "Gallery", Icon: Images },
  { id: "queue", label: "Queue", Icon: ListOrdered },
  { id: "history", label: "History", Icon: History },
  { id: "problems", label: "Problems", Icon: CircleAlert },
];

export function TopBar() {
  return (
    <>
      <header className="nf-top">
        <Mark />
        <h1 className="nf-sr">nodeflow</h1>
        <GraphName />
        <span className="nf-pair nf-wide-only">
          <Steps />
        </span>
        <span className="nf-grow" />
        <QueueChip />
        <RunButton />
        <span className="nf-grow" />
        <nav className="nf-toggles nf-wide-only" aria-label="panels">
          {PANELS.map((panel) => (
            <PanelToggle key={panel.id} {...panel} />
          ))}
          <DrawerToggle />
        </nav>
        <span className="nf-pair nf-wide-only nf-tools">
          <OverlayButton overlay="palette" label="Commands" Icon={Search} />
          <OverlayButton overlay="shortcuts" label="Keys" Icon={CircleHelp} />
          <OverlayButton overlay="settings" label="Settings" Icon={Settings} />
        </span>
        <span className="nf-narrow-only">
          <MoreMenu />
        </span>
      </header>
      <nav className="nf-bottom nf-narrow-only" aria-label="panels and run">
        <PanelToggle {...(PANELS[1] as (typeof PANELS)[number])} />
        <PanelToggle {...(PANELS[2] as (typeof PANELS)[number])} />
        <RunButton />
        <PanelToggle {...(PANELS[3] as (typeof PANELS)[number])} />
        <PanelToggle {...(PANELS[0] as (typeof PANELS)[number])} />
      </nav>
    </>
  );
}

function Mark() {
  return (
    <svg className="nf-mark" viewBox="0 0 32 32" aria-hidden="true">
      <path d="M9 9 C18 9 14 23 23 23" fill="none" stroke="currentColor" strokeWidth="3" />
      <circle cx="8" cy="9" r="4.5" fill="currentColor" />
      <circle cx="24" cy="23" r="4.5" fill="currentColor" />
    </svg>
  );
}

/** What the document is called: its name on the server, its title, where it came from. */
export function nameOf(state: { name: string; graph: { title?: string }; origin: string }): string {
  return state.name || state.graph.title || state.origin || "Untitled";
}

function GraphName() {
  const name = useEditor(nameOf);
  const origin = useEditor((state) => state.origin);
  const saved = useEditor((state) => state.name !== "");
  const dirty = useEditor(isDirty);
  const state = dirty ? "not saved" : saved ? "saved" : "as opened";
  return (
    <Menu
      label={`graph ${name}, ${state}`}
      title={origin ? `${name}: ${origin}` : name}
      className="nf-graph-name"
      items={fileItems()}
    >
      <span className="nf-name-text">
        <span className="nf-cut">{name}</span>{" "}
        <small>
          {dirty ? <span className="nf-dot" /> : null}
          {state}
        </small>
      </span>
      <ChevronDown size={15} aria-hidden />
    </Menu>
  );
}

function Steps() {
  const past = useEditor((state) => state.past.at(-1)?.label);
  const future = useEditor((state) => state.future.at(-1)?.label);
  const undo = useEditor((state) => state.undo);
  const redo = useEditor((state) => state.redo);
  return (
    <>
      <button
        type="button"
        className="nf-icon"
        aria-label="undo"
        title={past ? `Undo: ${past} (${keysOf("edit.undo")})` : "Nothing to undo"}
        disabled={past === undefined}
        onClick={undo}
      >
        <Undo2 size={17} aria-hidden />
      </button>
      <button
        type="button"
        className="nf-icon"
        aria-label="redo"
        title={future ? `Redo: ${future} (${keysOf("edit.redo")})` : "Nothing to redo"}
        disabled={future === undefined}
        onClick={redo}
      >
        <Redo2 size={17} aria-hidden />
      </button>
    </>
  );
}

function QueueChip() {
  const running = useRuns((state) => state.running[0] ?? "");
  const run = useRuns((state) => state.runs[running]);
  const waiting = useRuns((state) => state.queued.length);
  const paused = useRuns((state) => state.paused);
  const open = useUi((state) => state.right === "queue");
  const openRight = useUi((state) => state.openRight);
  if (!running && waiting === 0 && !paused) return null;
  const { share, text } = run ? progressOf(run) : { share: null, text: "" };
  const percent = share === null ? 0 : Math.round(share * 100);
  const words = [
    running ? `${percent} %` : paused ? "paused" : "",
    waiting > 0 ? `${waiting} waiting` : "",
  ].filter(Boolean);
  return (
    <button
      type="button"
      className="nf-chip"
      aria-label={`queue: ${words.join(", ")}`}
      title={text || "Queue"}
      aria-pressed={open}
      onClick={() => openRight(open ? "" : "queue")}
    >
      <span className="nf-bar">
        <span style={{ width: `${running ? percent : 0}%` }} />
      </span>
      <span className="nf-chip-text">{words.join(" · ")}</span>
    </button>
  );
}

function PanelToggle({ id, label, Icon }: (typeof PANELS)[number]) {
  const open = useUi((state) => state.right === id);
  const openRight = useUi((state) => state.openRight);
  const problems = useProblems((state) => (id === "problems" ? state.all.length : 0));
  const errors = useRuns((state) =>
    id === "problems" ? (state.runs[state.shown]?.errors.length ?? 0) : 0,
  );
  const count = problems + errors;
  return (
    <button
      type="button"
      className="nf-icon nf-toggle"
      aria-pressed={open}
      aria-label={count > 0 ? `${label}, ${count}` : label}
      title={titled(label, `view.${id}`)}
      onClick={() => openRight(open ? "" : id)}
    >
      <Icon size={18} aria-hidden />
      <span className="nf-toggle-label">{label}</span>
      {count > 0 ? <span className="nf-badge">{count > 99 ? "99+" : count}</span> : null}
    </button>
  );
}

function DrawerToggle() {
  const open = useUi((state) => state.drawer);
  const setDrawer = useUi((state) => state.setDrawer);
  return (
    <button
      type="button"
      className="nf-icon nf-toggle"
      aria-pressed={open}
      aria-label="Look inside"
      title={titled("Look inside: steps, wires, plots", "view.drawer")}
      onClick={() => setDrawer(!open)}
    >
      <ChartLine size={18} aria-hidden />
      <span className="nf-toggle-label">Inside</span>
    </button>
  );
}

function OverlayButton(props: {
  overlay: "palette" | "shortcuts" | "settings";
  label: string;
  Icon: typeof Search;
}): ReactNode {
  const openOverlay = useUi((state) => state.openOverlay);
  return (
    <button
      type="button"
      className="nf-icon"
      aria-label={props.label}
      title={titled(props.label, `view.${props.overlay}`)}
      onClick={() => openOverlay(props.overlay)}
    >
      <props.Icon size={18} aria-hidden />
    </button>
  );
}

/** What has no room on a phone. */
function MoreMenu() {
  const problems = useProblems((state) => state.all.length);
  const { openRight, openOverlay, setDrawer } = useUi.getState();
  const { undo, redo } = useEditor.getState();
  const past = useEditor((state) => state.past.length > 0);
  const future = useEditor((state) => state.future.length > 0);
  const items: MenuItem[] = [
    { label: "Undo", run: undo, disabled: !past, icon: <Undo2 size={15} /> },
    { label: "Redo", run: redo, disabled: !future, icon: <Redo2 size={15} /> },
    {
      label: problems > 0 ? `Problems (${problems})` : "Problems",
      run: () => openRight("problems"),
      icon: <CircleAlert size={15} />,
      divided: true,
    },
    { label: "History", run: () => openRight("history"), icon: <History size={15} /> },
    { label: "Look inside", run: () => setDrawer(true), icon: <ChartLine size={15} /> },
    {
      label: "Commands",
      run: () => openOverlay("palette"),
      icon: <Search size={15} />,
      divided: true,
    },
    { label: "Keys", run: () => openOverlay("shortcuts"), icon: <CircleHelp size={15} /> },
    { label: "Settings", run: () => openOverlay("settings"), icon: <Settings size={15} /> },
  ];
  return (
    <Menu label="more" items={items} align="end">
      <Ellipsis size={19} aria-hidden />
    </Menu>
  );
}
