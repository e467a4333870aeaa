/** What keys, menus and buttons do on the canvas: each is one undoable step. */

import {
  addFrame,
  addNode,
  addNote,
  connect,
  copyItems,
  duplicate,
  expose,
  group,
  insertOnWire,
  moveItems,
  pasteItems,
  readClip,
  removeItems,
  setCollapsed,
  setMode,
  setOutput,
  setReroute,
  unexpose,
  ungroup,
} from "../model/edit";
import { judge } from "../model/fit";
import {
  GROUP,
  type GraphFile,
  type Mode,
  nodesIn,
  PAD_IN,
  PAD_OUT,
  type Point,
  pathOf,
} from "../model/graph";
import { writeJson } from "../model/json";
import { align, arrange, distribute, type Edge as Line } from "../model/layout";
import { splitPath } from "../model/links";
import { portsOf } from "../model/ports";
import { useCatalogue } from "../store/catalogue";
import { useEditor } from "../store/editor";
import { useRuns } from "../store/runs";
import { useUi } from "../store/ui";
import type { CardNode } from "./derive";
import { type Box, first } from "./navigate";
import { scene } from "./scene";
import {
  centre,
  focusPane,
  paneBox,
  type SearchAsk,
  theFlow,
  toCanvas,
  toScreen,
  useCanvasStore,
} from "./store";

const say = (text: string) => useCanvasStore.getState().say(text);
const editor = () => useEditor.getState();
const catalogue = () => useCatalogue.getState().catalogue;

// ── what is selected ────────────────────────────────────────────────────────────────────────────

function isPad(id: string): boolean {
  return id === PAD_IN || id === PAD_OUT;
}

/** Ids of selected nodes, without pads, frames, notes and wires. */
export function selectedNodes(): string[] {
  const { graph, scope, selection } = editor();
  const nodes = nodesIn(graph, scope) ?? {};
  return selection.filter((id) => id in nodes);
}

/** All that has a place: nodes, frames, notes. */
export function selectedItems(): string[] {
  return editor().selection.filter((id) => !id.startsWith("wire:"));
}

function many(ids: readonly string[], what = "node"): string {
  return ids.length === 1 ? `1 ${what}` : `${ids.length} ${what}s`;
}

export function boxes(): Box[] {
  return scene().nodes.map(boxOf);
}

export function boxOf(node: CardNode): Box {
  const { width = 0, height = 0 } = node.measured ?? {};
  return { id: node.id, x: node.position.x, y: node.position.y, width, height };
}

function bounds(
  ids: readonly string[],
): { x: number; y: number; width: number; height: number } | null {
  const chosen = boxes().filter((box) => ids.includes(box.id));
  if (!chosen.length) return null;
  const x = Math.min(...chosen.map((box) => box.x));
  const y = Math.min(...chosen.map((box) => box.y));
  return {
    x,
    y,
    width: Math.max(...chosen.map((box) => box.x + box.width)) - x,
    height: Math.max(...chosen.map((box) => box.y + box.height)) - y,
  };
}

// ── seeing ──────────────────────────────────────────────────────────────────────────────────────

/** Farther out than this nothing can be told apart. */
const LEAST_ZOOM = 0.05;

export function fit(ids?: readonly string[], least = LEAST_ZOOM): void {
  const flow = theFlow();
  const all = boxes().map((box) => box.id);
  const box = bounds(ids?.length ? ids : all);
  if (!flow || !box) return;
  const pane = paneBox();
  const pad = pane.width < 600 ? 16 : 48;
  const zoom = Math.min(
    (pane.width - 2 * pad) / box.width,
    (pane.height - 2 * pad - 40) / box.height,
    1,
  );
  const shown = Math.max(least, zoom);
  // What does not fit is shown from its beginning.
  const wide = box.width * shown > pane.width - 2 * pad;
  const high = box.height * shown > pane.height - 2 * pad;
  const x = wide ? pad - box.x * shown : (pane.width - box.width * shown) / 2 - box.x * shown;
  const y = high
    ? pad + 30 - box.y * shown
    : (pane.height + 20 - box.height * shown) / 2 - box.y * shown;
  flow.setViewport({ x, y, zoom: shown });
}

export function zoomBy(factor: number): void {
  const flow = theFlow();
  if (flow) flow.zoomTo(flow.getZoom() * factor);
}

export function zoomToFull(): void {
  theFlow()?.zoomTo(1);
}

/** Show a node of any scope, select it and put the keyboard there. */
export function zoomTo(path: string): void {
  const { scope, id } = splitPath(path);
  if (editor().scope.join("/") !== scope.join("/")) editor().goTo(scope);
  editor().select([id]);
  requestAnimationFrame(() => reveal(id, true));
}

/** Bring a node into sight, and focus it there once it is drawn. */
export function reveal(id: string, centred = false): void {
  const flow = theFlow();
  const node = scene().nodes.find((one) => one.id === id);
  if (!flow || !node) return;
  const box = boxOf(node);
  const pane = paneBox();
  const { x, y, zoom } = flow.getViewport();
  const left = box.x * zoom + x;
  const top = box.y * zoom + y;
  const seen =
    left >= 0 &&
    top >= 36 &&
    left + box.width * zoom <= pane.width &&
    top + box.height * zoom <= pane.height;
  if (!seen || centred) {
    const closer = Math.max(zoom, 0.5);
    flow.setViewport({
      x: pane.width / 2 - (box.x + box.width / 2) * closer,
      y: pane.height / 2 - (box.y + Math.min(box.height, 300) / 2) * closer,
      zoom: closer,
    });
  }
  focusNode(id, 12);
}

/** Only what is in sight is drawn: wait for it some frames. */
function focusNode(id: string, tries: number): void {
  const element = document.querySelector<HTMLElement>(
    `.react-flow__node[data-id="${CSS.escape(id)}"]`,
  );
  if (element) element.focus({ preventScroll: true });
  else if (tries > 0) requestAnimationFrame(() => focusNode(id, tries - 1));
}

// ── adding ──────────────────────────────────────────────────────────────────────────────────────

const RECENT = "nodeflow.recent";
const RECENT_KEPT = 12;

export function recentTypes(): string[] {
  try {
    const list: unknown = JSON.parse(localStorage.getItem(RECENT) ?? "[]");
    return Array.isArray(list) ? list.filter((one) => typeof one === "string") : [];
  } catch {
    return [];
  }
}

function remember(type: string): void {
  const kept = [type, ...recentTypes().filter((one) => one !== type)].slice(0, RECENT_KEPT);
  try {
    localStorage.setItem(RECENT, JSON.stringify(kept));
  } catch {
    // Without storage there is no list of recent ones.
  }
}

/** Add a node as the search asked: connected to the socket a link came from, or on the wire. */
export function addAsked(type: string, ask: SearchAsk, port?: string): void {
  const { scope, edit, graph } = editor();
  const types = catalogue();
  const made = addNode(graph, scope, type, ask.at, types);
  if (!made.id) return;
  let next = made.graph;
  let told = "";
  if (ask.link) {
    const linked = connectNew(next, made.id, ask.link, port);
    if (linked) {
      next = linked.graph;
      told = `, connected to ${ask.link.node}.${ask.link.port}`;
      // Its socket, not its corner, comes to where the link was dropped.
      next = moveItems(next, scope, { [made.id]: linked.at(ask.at) });
    }
  }
  if (ask.wire) next = insertOnWire(next, scope, ask.wire, made.id, types);
  edit(`Add ${type}`, () => next, { select: [made.id] });
  remember(type);
  useCanvasStore.getState().close();
  say(`Added ${types.nodes.get(type)?.title ?? type}${told}`);
  requestAnimationFrame(() => reveal(made.id));
}

function connectNew(
  graph: ReturnType<typeof editor>["graph"],
  id: string,
  link: NonNullable<SearchAsk["link"]>,
  port?: string,
) {
  const { scope } = editor();
  const types = catalogue();
  const ports = portsOf(graph, scope, id, types);
  const list = link.side === "source" ? ports.inputs : ports.outputs;
  const names = port ? [port, ...list.map((one) => one.name)] : list.map((one) => one.name);
  for (const name of names) {
    const own = { node: id, port: name };
    const other = { node: link.node, port: link.port };
    const [from, to] = link.side === "source" ? [other, own] : [own, other];
    if (!judge(graph, scope, from, to, types).ok) continue;
    const at = (drop: Point): Point => [
      drop[0] + (link.side === "source" ? 24 : -272),
      drop[1] - 50,
    ];
    return { graph: connect(graph, scope, from, to, types), at };
  }
  return null;
}

/** Add a node where there is room near the middle of what one sees. */
export function addAtCentre(type: string): void {
  const screen = centre();
  const at = toCanvas(screen);
  addAsked(type, { screen, at: freePlace([at[0] - 124, at[1] - 60]) });
}

/** The place, moved down and right until it covers no card's corner. */
function freePlace(at: Point): Point {
  const all = boxes();
  let [x, y] = at;
  for (let k = 0; k < 40; k += 1) {
    if (!all.some((box) => Math.abs(box.x - x) < 20 && Math.abs(box.y - y) < 20)) break;
    x += 28;
    y += 28;
  }
  return [x, y];
}

export function startSearch(screen?: Point, more: Partial<SearchAsk> = {}): void {
  const at = screen ?? centre();
  useCanvasStore.setState({
    search: { screen: at, at: toCanvas(at), ...more },
    menu: null,
    targets: null,
    refusal: null,
    linking: null,
  });
}

export function putOnWire(node: string, wire: string): void {
  const { scope, edit } = editor();
  const put = (graph: GraphFile) => insertOnWire(graph, scope, wire, node, catalogue());
  edit("Insert on wire", put, { merge: `drop on ${wire}` });
  say(`Put ${node} on the wire to ${wire}`);
}

/** A converting node between two sockets that do not fit. */
export function convert(): void {
  const { refusal } = useCanvasStore.getState();
  if (!refusal?.conversion) return;
  const { conversion, from, to } = refusal;
  const { graph, scope, edit } = editor();
  const types = catalogue();
  const places = new Map(boxes().map((box) => [box.id, box]));
  const a = places.get(from.node);
  const b = places.get(to.node);
  const at: Point =
    a && b ? [(a.x + a.width + b.x) / 2 - 124, (a.y + b.y) / 2 + 40] : toCanvas(refusal.screen);
  const made = addNode(graph, scope, conversion, at, types);
  const ports = portsOf(made.graph, scope, made.id, types);
  let next = made.graph;
  const input = ports.inputs.find((port) => {
    const end = { node: made.id, port: port.name };
    return judge(next, scope, from, end, types).ok;
  });
  if (input) next = connect(next, scope, from, { node: made.id, port: input.name }, types);
  const output = ports.outputs.find((port) => {
    const start = { node: made.id, port: port.name };
    return judge(next, scope, start, to, types).ok;
  });
  if (output) next = connect(next, scope, { node: made.id, port: output.name }, to, types);
  edit(`Convert with ${conversion}`, () => next, { select: [made.id] });
  useCanvasStore.setState({ refusal: null });
  say(`Put ${conversion} between ${from.node} and ${to.node}`);
}

export function note(screen?: Point): void {
  const { graph, scope, edit } = editor();
  const at = screen ? toCanvas(screen) : freePlace(toCanvas(centre()));
  const made = addNote(graph, scope, at, "");
  const id = itemId("note", made.id);
  edit("Add note", () => made.graph, { select: [id] });
  useCanvasStore.setState({ writing: id });
}

const ROOM = 28;

/** A frame around the selection, or an empty one. */
export function frame(screen?: Point): void {
  const { graph, scope, edit } = editor();
  const around = bounds(selectedItems());
  const at: Point = around ? [around.x - ROOM, around.y - ROOM - 34] : toCanvas(screen ?? centre());
  const size: Point = around
    ? [around.width + 2 * ROOM, around.height + 2 * ROOM + 34]
    : [420, 280];
  const made = addFrame(graph, scope, at, size, "Frame");
  const id = itemId("frame", made.id);
  edit("Add frame", () => made.graph, { select: [id] });
  useCanvasStore.setState({ writing: id });
}

function itemId(kind: "frame" | "note", id: string): string {
  return id.startsWith(`${kind}:`) ? id : `${kind}:${id}`;
}

// ── the selection ───────────────────────────────────────────────────────────────────────────────

export function remove(ids: readonly string[] = editor().selection): void {
  const { scope, edit } = editor();
  const gone = ids.filter((id) => !isPad(id));
  if (!gone.length) return;
  edit(`Delete ${many(gone, "item")}`, (graph) => removeItems(graph, scope, gone), { select: [] });
  say(`Deleted ${many(gone, "item")}`);
  focusPane();
}

/** The last thing copied, for browsers that keep the clipboard from us. */
let own = "";

/** The selection as text for a clipboard; "" if nothing is selected. */
export function copyText(): string {
  const { graph, scope } = editor();
  const ids = selectedItems().filter((id) => !isPad(id));
  if (!ids.length) return "";
  own = writeJson(copyItems(graph, scope, ids));
  say(`Copied ${many(ids, "item")}`);
  return own;
}

export function copy(): void {
  const text = copyText();
  if (text) void navigator.clipboard?.writeText(text).catch(() => undefined);
}

export function cut(): void {
  copy();
  remove(selectedItems());
}

let pastes = 0;

export async function paste(screen?: Point): Promise<void> {
  let text = own;
  try {
    text = (await navigator.clipboard?.readText()) || own;
  } catch {
    // Not allowed: what was copied here is what we have.
  }
  pasteText(readClip(text) ? text : own, screen);
}

export function pasteText(text: string, screen?: Point): boolean {
  const clip = readClip(text);
  if (!clip) return false;
  const { graph, scope, edit } = editor();
  pastes += 1;
  const at = toCanvas(screen ?? centre());
  const place: Point = screen ? at : freePlace([at[0] - 200 + (pastes % 8) * 28, at[1] - 120]);
  const made = pasteItems(graph, scope, clip, place);
  if (!made.ids.length) return false;
  edit("Paste", () => made.graph, { select: made.ids });
  say(`Pasted ${many(made.ids, "item")}`);
  return true;
}

export function duplicateSelection(): void {
  const { graph, scope, edit } = editor();
  const ids = selectedItems().filter((id) => !isPad(id));
  if (!ids.length) return;
  const made = duplicate(graph, scope, ids, [36, 36]);
  edit("Duplicate", () => made.graph, { select: made.ids });
  say(`Duplicated ${many(made.ids, "item")}`);
}

export function selectAll(): void {
  const ids = scene().nodes.map((one) => one.id);
  editor().select(ids);
  say(`Selected ${many(ids, "item")}`);
}

export function selectNone(): void {
  editor().select([]);
}

export function move(by: Point): void {
  const { scope, edit } = editor();
  const to: Record<string, Point> = {};
  for (const box of boxes()) {
    if (editor().selection.includes(box.id)) to[box.id] = [box.x + by[0], box.y + by[1]];
  }
  edit("Move", (graph) => moveItems(graph, scope, to), { merge: "move by key" });
}

function sizes(ids: readonly string[]) {
  const found: Record<string, { at: Point; width: number; height: number }> = {};
  for (const { id, x, y, width, height } of boxes()) {
    if (ids.includes(id)) found[id] = { at: [x, y], width, height };
  }
  return found;
}

export function alignSelection(how: Line): void {
  const ids = selectedItems();
  if (ids.length < 2) return;
  const { scope, edit } = editor();
  edit(`Align ${how}`, (graph) => moveItems(graph, scope, align(sizes(ids), how)));
  say(`Aligned ${many(ids, "item")}: ${how}`);
}

export function distributeSelection(axis: "x" | "y"): void {
  const ids = selectedItems();
  if (ids.length < 3) return;
  const { scope, edit } = editor();
  edit("Distribute", (graph) => moveItems(graph, scope, distribute(sizes(ids), axis)));
  say(`Distributed ${many(ids, "item")}`);
}

/** Lay out the selection, or all: about where it stands now. */
export function arrangeSelection(): void {
  const { scope, edit, graph } = editor();
  const chosen = editor().selection.filter((id) => !id.includes(":"));
  const ids =
    chosen.length > 1
      ? chosen
      : scene()
          .nodes.map((one) => one.id)
          .filter((id) => !id.includes(":"));
  const before = bounds(ids);
  if (!before) return;
  const places = arrange(graph, scope, ids, sizes(ids));
  const left = Math.min(...Object.values(places).map((at) => at[0]));
  const top = Math.min(...Object.values(places).map((at) => at[1]));
  const to: Record<string, Point> = {};
  for (const [id, at] of Object.entries(places)) {
    to[id] = [at[0] - left + before.x, at[1] - top + before.y];
  }
  edit("Arrange", (now) => moveItems(now, scope, to));
  say(`Arranged ${many(ids)}`);
}

export function toggleMode(mode: Mode): void {
  const { graph, scope, edit } = editor();
  const ids = selectedNodes();
  if (!ids.length) return;
  const nodes = nodesIn(graph, scope) ?? {};
  const on = !ids.every((id) => nodes[id]?.mode === mode);
  const word = mode === "mute" ? "Mute" : "Bypass";
  edit(on ? word : `Un${word.toLowerCase()}`, (now) =>
    setMode(now, scope, ids, on ? mode : undefined),
  );
  say(`${many(ids)} ${on ? (mode === "mute" ? "muted" : "bypassed") : "active again"}`);
}

export function toggleBreakpoints(): void {
  const { scope } = editor();
  for (const id of selectedNodes()) useRuns.getState().toggleBreakpoint(pathOf(scope, id));
}

export function toggleCollapsed(): void {
  const { scope, edit } = editor();
  const ids = selectedNodes();
  if (!ids.length) return;
  const shown = scene().nodes.filter((one) => ids.includes(one.id));
  const on = !shown.every((one) => one.type === "card" && one.data.view.collapsed);
  edit(on ? "Collapse" : "Expand", (graph) => setCollapsed(graph, scope, ids, on));
  say(`${on ? "Collapsed" : "Expanded"} ${many(ids)}`);
}

export function groupSelection(): void {
  const { graph, scope, edit } = editor();
  const ids = selectedNodes();
  if (!ids.length) return;
  const made = group(graph, scope, ids);
  if (!made.id) {
    useUi
      .getState()
      .notify("warning", "These nodes cannot be one group: a wire leaves them and comes back.");
    return;
  }
  edit("Group", () => made.graph, { select: [made.id] });
  say(`Grouped ${many(ids)}`);
}

export function ungroupSelection(): void {
  const { graph, scope, edit } = editor();
  const nodes = nodesIn(graph, scope) ?? {};
  const id = selectedNodes().find((one) => nodes[one]?.type === GROUP);
  if (!id) return;
  const made = ungroup(graph, scope, id);
  edit("Ungroup", () => made.graph, { select: made.ids });
  say(`Ungrouped ${id}`);
}

/** Begin to write the title or text of what is selected. */
export function beginRename(): void {
  const id = selectedItems().find((one) => !isPad(one));
  if (id) useCanvasStore.setState({ writing: id });
}

export function enterSelected(): void {
  const [id] = selectedNodes();
  if (id) enter(id);
}

export function enter(id: string): void {
  const before = editor().scope.length;
  editor().enter(id);
  if (editor().scope.length > before) say(`Inside ${id}`);
}

export function leave(): void {
  const { scope } = editor();
  if (!scope.length) return;
  editor().leave();
  say(scope.length > 1 ? `Back in ${scope.at(-2)}` : "Back in the graph");
}

// ── ports ───────────────────────────────────────────────────────────────────────────────────────

/** Make an input of the graph out of a node's: its port's name, or one near it that is free. */
export function toggleExposed(id: string, port: string): void {
  const { graph, scope, edit } = editor();
  const target = `${pathOf(scope, id)}.${port}`;
  for (const [name, targets] of Object.entries(graph.inputs ?? {})) {
    if (targets === target || (Array.isArray(targets) && targets.includes(target))) {
      edit(`Take back input ${name}`, (now) => unexpose(now, name, target));
      say(`${name} is no input of the graph any more`);
      return;
    }
  }
  const name = freeName(port, id, graph.inputs ?? {});
  edit(`Expose ${name}`, (now) => expose(now, name, target));
  say(`${target} is the graph's input ${name} now`);
}

export function toggleOutput(id: string, port: string): void {
  const { graph, scope, edit } = editor();
  if (scope.length) return;
  const found = `${id}.${port}`;
  const old = Object.entries(graph.outputs ?? {}).find(([, link]) => link === found);
  if (old) {
    edit(`Take back output ${old[0]}`, (now) => setOutput(now, old[0], undefined));
    say(`${old[0]} is no output of the graph any more`);
    return;
  }
  const name = freeName(port, id, graph.outputs ?? {});
  edit(`Output ${name}`, (now) => setOutput(now, name, found));
  say(`${found} is the graph's output ${name} now`);
}

function freeName(port: string, id: string, taken: object): string {
  const base = port.split(".").at(-1) ?? port;
  for (const name of [base, `${id}_${base}`]) if (!(name in taken)) return name;
  let k = 2;
  while (`${base}_${k}` in taken) k += 1;
  return `${base}_${k}`;
}

// ── wires ───────────────────────────────────────────────────────────────────────────────────────

export function bend(wire: string, points: readonly Point[], label = "Bend wire"): void {
  const { scope, edit } = editor();
  edit(label, (graph) => setReroute(graph, scope, wire, points));
}

/** Where the keyboard begins when nothing is selected. */
export function firstNode(): string {
  return first(boxes().filter((box) => !box.id.startsWith("frame:")));
}

export function menuAtSelection(): void {
  const [id] = selectedItems();
  const box = id ? boxes().find((one) => one.id === id) : undefined;
  const screen = box ? toScreen([box.x + box.width / 2, box.y + 40]) : centre();
  useCanvasStore.setState({
    menu: {
      screen,
      at: toCanvas(screen),
      about: id ? { kind: "nodes", id } : { kind: "canvas" },
    },
  });
}
