import {
  Background,
  BackgroundVariant,
  type ConnectionLineComponentProps,
  type FinalConnectionState,
  type HandleType,
  type NodeChange,
  ReactFlow,
  SelectionMode,
  useReactFlow,
  useStore,
} from "@xyflow/react";
import "@xyflow/react/dist/base.css";
import "../styles/canvas.css";
import {
  type FocusEvent,
  type KeyboardEvent,
  type MouseEvent,
  type PointerEvent,
  type TouchEvent,
  useCallback,
  useEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import { moveItems, resizeItem } from "../model/edit";
import { type GraphFile, nodesIn, type Point } from "../model/graph";
import { snap as snapped } from "../model/layout";
import { viewOf } from "../model/view";
import { useCatalogue } from "../store/catalogue";
import { useEditor } from "../store/editor";
import { useUi } from "../store/ui";
import * as act from "./actions";
import { Breadcrumb, EmptyHint, Told, Tools } from "./Bars";
import { typeColour } from "./colour";
import { registerCanvasCommands } from "./commands";
import { type CardNode, Derivation, type WireEdge } from "./derive";
import { FarWires } from "./FarWires";
import { FrameCard } from "./FrameCard";
import { best, link, relink, typeAt, unlink, verdict } from "./links";
import { ContextMenu, RefusalNote, Targets } from "./Menus";
import { MiniMap } from "./MiniMap";
import { Far, NodeCard } from "./NodeCard";
import { NoteCard } from "./NoteCard";
import { type Direction, neighbour } from "./navigate";
import { Search } from "./Search";
import { scene as drawn, setScene } from "./scene";
import { focusPane, type Side, setFlow, toCanvas, useCanvasStore } from "./store";
import { vars } from "./style";
import { useLongPress } from "./touch";
import { Wire } from "./Wire";
import { nearest, wirePath } from "./wirePath";
import { endsOf, wireNear } from "./wires";

const nodeTypes = { card: NodeCard, frame: FrameCard, note: NoteCard };
const edgeTypes = { wire: Wire };
/** Below this zoom only titles and sockets are drawn. */
const FAR = 0.35;
/** With more wires than this, they are painted when one is far. */
const MANY = 120;
const NO_EDGES: WireEdge[] = [];
const NO_NODES: CardNode[] = [];
const ADDING_KEYS = ["Meta", "Control", "Shift"];

registerCanvasCommands();

/** The canvas: what the document says, as cards and wires that hands and keys can work on. */
export function Canvas() {
  const graph = useEditor((s) => s.graph);
  const scope = useEditor((s) => s.scope);
  const selection = useEditor((s) => s.selection);
  const catalogue = useCatalogue((s) => s.catalogue);
  const moving = useCanvasStore((s) => s.moving);
  const sizing = useCanvasStore((s) => s.sizing);
  const bending = useCanvasStore((s) => s.bending);
  const linking = useCanvasStore((s) => s.linking);
  const snap = useCanvasStore((s) => s.snap);
  const boxing = useCanvasStore((s) => s.boxing);
  const far = useStore((s) => s.transform[2] < FAR);
  const derivation = useRef<Derivation>(null);
  derivation.current ??= new Derivation();
  const made = derivation.current;

  const scene = useMemo(() => {
    const passing = { selection, moving, sizing, bending };
    const next = made.scene(graph, scope, catalogue, passing);
    setScene(next);
    return next;
  }, [made, graph, scope, catalogue, selection, moving, sizing, bending]);

  const painted = far && scene.edges.length > MANY;
  const nodes = useCards(scene.nodes, painted);

  const pane = useRef<HTMLElement>(null);
  const flow = useReactFlow<CardNode, WireEdge>();
  useEffect(() => {
    setFlow(flow, pane.current);
    return () => setFlow(null, null);
  }, [flow]);
  const ready = useViewports();
  useClipboard();
  useLongPress(pane);
  const onFocus = useKeptKeyboard(graph);

  return (
    <Far.Provider value={painted ? "painted" : far ? "far" : ""}>
      <section
        ref={pane}
        className="canvas"
        aria-label="Graph"
        tabIndex={-1}
        data-linking={linking?.side ?? ""}
        onFocus={onFocus}
        onKeyDown={onKeyDown}
        onPointerDown={onPointerDown}
        onMouseDownCapture={onPress}
        onTouchStartCapture={onTouch}
        onClickCapture={onClickCapture}
        onDoubleClick={onPaneDoubleClick}
      >
        <ReactFlow<CardNode, WireEdge>
          aria-label="Graph, nodes and wires"
          nodes={ready ? nodes : NO_NODES}
          edges={ready && !painted ? scene.edges : NO_EDGES}
          nodeTypes={nodeTypes}
          edgeTypes={edgeTypes}
          onlyRenderVisibleElements
          minZoom={0.05}
          maxZoom={2.5}
          zoomOnDoubleClick={false}
          deleteKeyCode={null}
          disableKeyboardA11y
          edgesFocusable={false}
          elevateNodesOnSelect={false}
          connectOnClick={false}
          connectionRadius={28}
          connectionDragThreshold={5}
          nodeDragThreshold={3}
          paneClickDistance={4}
          multiSelectionKeyCode={ADDING_KEYS}
          selectionMode={SelectionMode.Partial}
          selectionOnDrag={boxing}
          panOnDrag={boxing ? PAN_OTHERS : PAN_FIRST}
          snapToGrid={snap}
          snapGrid={GRID}
          reconnectRadius={14}
          connectionLineComponent={ConnectionLine}
          isValidConnection={isValid}
          onNodesChange={onNodesChange}
          onEdgesChange={onEdgesChange}
          onNodeDragStart={onDragStart}
          onNodeDrag={onDrag}
          onNodeDragStop={onDragStop}
          onSelectionDragStart={onSelectionDragStart}
          onSelectionDragStop={() => commitMove()}
          onConnectStart={onConnectStart}
          onConnect={onConnect}
          onConnectEnd={onConnectEnd}
          onReconnectStart={onReconnectStart}
          onReconnect={onReconnect}
          onReconnectEnd={onReconnectEnd}
          onPaneClick={onPaneClick}
          onMoveStart={onMoveStart}
          onPaneContextMenu={onPaneMenu}
          onNodeContextMenu={onNodeMenu}
          onSelectionContextMenu={onSelectionMenu}
          onEdgeContextMenu={onWireMenu}
          onNodeDoubleClick={onNodeDoubleClick}
          onEdgeDoubleClick={onWireDoubleClick}
          onEdgeMouseEnter={onWireEnter}
          onEdgeMouseLeave={onWireLeave}
          onError={nothing}
        >
          {!far && (
            <Background
              variant={BackgroundVariant.Dots}
              gap={24}
              size={1.6}
              color="var(--ground-dots)"
            />
          )}
          {painted && <FarWires scene={scene} />}
        </ReactFlow>
        <Breadcrumb />
        <Tools />
        <MiniMap scene={scene} />
        <EmptyHint />
        <Told />
        <RefusalNote />
        <Search />
        <ContextMenu />
        <Targets />
      </section>
    </Far.Provider>
  );
}

/** A large graph is first shown from its beginning, near enough to read its titles. */
const FIRST_LOOK = 0.25;
/** On a phone one begins with what can be touched. */
const FIRST_LOOK_NARROW = 0.6;
const NARROW = 600;
const PAN_FIRST = [0, 1];
const PAN_OTHERS = [1];
const GRID: [number, number] = [20, 20];
/** A wire to a port that is gone is told at the port, not on the console. */
const nothing = () => undefined;

// ── where one looks ─────────────────────────────────────────────────────────────────────────────

/** Each scope keeps its own view; a newly opened document is fitted. Whether that is done: before
 * it, nothing is drawn that would be thrown away at once. */
function useViewports(): boolean {
  const [ready, setReady] = useState(false);
  const loads = useEditor((s) => s.loads);
  const where = useEditor((s) => s.scope.join("/"));
  const loaded = useCatalogue((s) => s.loaded);
  const width = useStore((s) => s.width);
  const known = useRef(new Map<string, { x: number; y: number; zoom: number }>());
  const last = useRef({ loads: -1, where: "", loaded: false, fitted: false });
  const flow = useReactFlow();
  useEffect(() => {
    if (!width) return;
    const before = last.current;
    if (before.loads !== loads) known.current.clear();
    const anew = before.loads !== loads || before.loaded !== loaded || !before.fitted;
    if (!anew && before.where === where) return;
    if (!anew) known.current.set(before.where, flow.getViewport());
    last.current = { loads, where, loaded, fitted: true };
    const kept = known.current.get(where);
    if (kept && !anew) flow.setViewport(kept);
    else act.fit([], width < NARROW ? FIRST_LOOK_NARROW : FIRST_LOOK);
    setReady(true);
    // What had the keyboard may be gone: a card, the dialog that a graph was opened from.
    if (document.activeElement === document.body) focusPane();
  }, [loads, where, loaded, width, flow]);
  return ready;
}

/** While wires are painted cards have no sockets, and the library may have measured that none are
 * there: once one is near again it is given every card anew, and takes the places we know. */
function useCards(nodes: CardNode[], painted: boolean): CardNode[] {
  const before = useRef(painted);
  const anew = useRef<WeakMap<CardNode, CardNode>>(null);
  return useMemo(() => {
    if (before.current && !painted) anew.current = new WeakMap();
    before.current = painted;
    const known = anew.current;
    if (painted || !known) return nodes;
    return nodes.map((node) => {
      const copy = known.get(node) ?? { ...node };
      known.set(node, copy);
      return copy;
    });
  }, [nodes, painted]);
}

// ── changes ─────────────────────────────────────────────────────────────────────────────────────

function onNodesChange(changes: NodeChange<CardNode>[]): void {
  select(changes);
  const { moving, sizing } = useCanvasStore.getState();
  let places: Record<string, Point> | null = null;
  let sizes: Record<string, Point> | null = null;
  let sized: { id: string; size: Point } | null = null;
  for (const change of changes) {
    if (change.type === "position" && change.position) {
      places ??= { ...moving };
      const at: Point = [change.position.x, change.position.y];
      places[change.id] = at;
      carry(change.id, at, places);
    } else if (change.type === "dimensions" && change.dimensions) {
      const size: Point = [change.dimensions.width, change.dimensions.height];
      if (change.resizing) sizes = { ...sizing, [change.id]: size };
      else if (change.resizing === false) sized = { id: change.id, size };
    }
  }
  if (places) useCanvasStore.setState({ moving: places });
  if (sizes) useCanvasStore.setState({ sizing: sizes });
  if (sized) commitSize(sized.id, sizing?.[sized.id] ?? sized.size);
}

interface Selects {
  type: string;
  id?: string;
  selected?: boolean;
}

function select(changes: readonly Selects[], prefix = ""): void {
  const { selection, select: choose } = useEditor.getState();
  let chosen: Set<string> | null = null;
  for (const change of changes) {
    if (change.type !== "select" || !change.id) continue;
    chosen ??= new Set(selection);
    if (change.selected) chosen.add(prefix + change.id);
    else chosen.delete(prefix + change.id);
  }
  if (chosen) choose([...chosen]);
}

function onEdgesChange(changes: readonly Selects[]): void {
  select(changes, "wire:");
}

// ── dragging ────────────────────────────────────────────────────────────────────────────────────

/** What frames that are dragged carry: how far each item is from its frame. */
let carried = new Map<string, { id: string; by: Point }[]>();

function onDragStart(_event: unknown, _node: CardNode, nodes: CardNode[]): void {
  begin(nodes);
}

function onSelectionDragStart(_event: unknown, nodes: CardNode[]): void {
  begin(nodes);
}

function begin(nodes: readonly CardNode[]): void {
  carried = new Map();
  const dragged = new Set(nodes.map((node) => node.id));
  const boxes = act.boxes();
  for (const node of nodes) {
    if (node.type !== "frame") continue;
    const frame = act.boxOf(node);
    const held = boxes.filter((box) => {
      const x = box.x + box.width / 2;
      const y = box.y + box.height / 2;
      const within =
        x > frame.x && x < frame.x + frame.width && y > frame.y && y < frame.y + frame.height;
      return within && !dragged.has(box.id);
    });
    for (const box of held) dragged.add(box.id);
    carried.set(
      node.id,
      held.map((box) => ({ id: box.id, by: [box.x - frame.x, box.y - frame.y] })),
    );
  }
}

function carry(id: string, at: Point, places: Record<string, Point>): void {
  // A frame pulled at its corner moves alone.
  if (useCanvasStore.getState().sizing?.[id]) return;
  for (const item of carried.get(id) ?? []) {
    places[item.id] = [at[0] + item.by[0], at[1] + item.by[1]];
  }
}

/** A single node that no wire holds may be put on a wire by dropping it there. */
function onDrag(_event: unknown, node: CardNode, nodes: CardNode[]): void {
  const alone = nodes.length === 1 && node.type === "card" && node.data.node !== undefined;
  const free = alone && !drawn().edges.some((e) => e.source === node.id || e.target === node.id);
  let wire = "";
  if (free) {
    const { width = 0 } = node.measured ?? {};
    const middle: Point = [node.position.x + width / 2, node.position.y + 17];
    const known = new Map(drawn().nodes.map((one) => [one.id, one]));
    wire = wireNear(middle, 34, known, drawn().edges, node.id)?.id ?? "";
  }
  if (useCanvasStore.getState().dropWire !== wire) useCanvasStore.setState({ dropWire: wire });
}

function onDragStop(_event: unknown, node: CardNode): void {
  const { dropWire } = useCanvasStore.getState();
  commitMove(dropWire);
  useCanvasStore.setState({ dropWire: "" });
  if (dropWire) act.putOnWire(node.id, dropWire);
}

function commitMove(onto = ""): void {
  const { moving, snap } = useCanvasStore.getState();
  carried = new Map();
  useCanvasStore.setState({ moving: null });
  if (!moving) return;
  const { scope, edit } = useEditor.getState();
  const places: Record<string, Point> = snap
    ? Object.fromEntries(Object.entries(moving).map(([id, at]) => [id, snapped(at)]))
    : moving;
  // Dropped on a wire, moving and inserting are one step back.
  const merge = onto ? `drop on ${onto}` : "";
  const there = { ...unplaced(), ...places };
  edit("Move", (graph) => moveItems(graph, scope, there), { merge });
}

/** What stands only where the eye needed it gets that place for good once something is moved. */
function unplaced(): Record<string, Point> {
  const { graph, scope } = useEditor.getState();
  const places: Record<string, Point> = {};
  for (const node of drawn().nodes) {
    if (node.type !== "card" || viewOf(graph, scope, node.id)) continue;
    places[node.id] = [node.position.x, node.position.y];
  }
  return places;
}

function commitSize(id: string, size: Point): void {
  const at = useCanvasStore.getState().moving?.[id];
  useCanvasStore.setState({ sizing: null, moving: null });
  const { scope, edit } = useEditor.getState();
  const whole: Point = [Math.round(size[0]), Math.round(size[1])];
  edit("Resize", (graph) => resizeItem(graph, scope, id, whole, at));
}

// ── linking ─────────────────────────────────────────────────────────────────────────────────────

interface Ends {
  source: string;
  sourceHandle?: string | null;
  target: string;
  targetHandle?: string | null;
}

let reconnecting = "";
/** Escape was pressed while a link was drawn: what the library tells of its end is nothing. */
let givenUp = false;
/** A link was drawn since the last press: the click that ends it is no tap on the socket. */
let drew = false;

function onPress(event: MouseEvent): void {
  drew = false;
  if (event.button === 0) takeOff(event, [event.clientX, event.clientY]);
}

function onTouch(event: TouchEvent): void {
  drew = false;
  const touch = event.touches[0];
  if (touch && event.touches.length === 1) takeOff(event, [touch.clientX, touch.clientY]);
}

function onClickCapture(event: MouseEvent): void {
  const element = event.target as Element;
  if (drew && event.detail > 0 && element.closest(".socket")) event.stopPropagation();
}

/** Who drags from an input that has a wire has its end in the hand, of several the last one's. */
function takeOff(event: MouseEvent | TouchEvent, at: Point): void {
  const socket = (event.target as Element).closest<HTMLElement>(".socket-in");
  const { nodeid: node, handleid: port } = socket?.dataset ?? {};
  if (!socket || useCanvasStore.getState().linking) return;
  const wire = drawn().edges.findLast((e) => e.target === node && e.targetHandle === port);
  if (!wire) return;
  const end = event.currentTarget.querySelector(
    `[data-id="${CSS.escape(wire.id)}"] .react-flow__edgeupdater-target`,
  );
  if (!end) return;
  event.stopPropagation();
  const [clientX, clientY] = at;
  const press = { bubbles: true, cancelable: true, view: window, clientX, clientY };
  end.dispatchEvent(new window.MouseEvent("mousedown", press));
}

/** Leave all as it was before the drag. */
function giveUp(): void {
  givenUp = true;
  document.dispatchEvent(new window.MouseEvent("mouseup"));
  givenUp = false;
  reconnecting = "";
  useCanvasStore.setState({ linking: null });
}

function sockets(ends: Ends) {
  const from = { node: ends.source, port: ends.sourceHandle ?? "", side: "source" as Side };
  const to = { node: ends.target, port: ends.targetHandle ?? "", side: "target" as Side };
  return { from, to };
}

function isValid(ends: Ends): boolean {
  const { from, to } = sockets(ends);
  return verdict(from, to).ok;
}

function onConnectStart(
  _event: unknown,
  {
    nodeId,
    handleId,
    handleType,
  }: { nodeId: string | null; handleId: string | null; handleType: HandleType | null },
): void {
  if (!nodeId || !handleId || !handleType) return;
  drew = true;
  const { graph, scope } = useEditor.getState();
  const name = { node: nodeId, port: handleId, side: handleType as Side };
  const type = typeAt(name, graph, scope, useCatalogue.getState().catalogue);
  useCanvasStore.setState({
    linking: { ...name, type, tap: false, ...(reconnecting ? { wire: reconnecting } : {}) },
    refusal: null,
    menu: null,
    search: null,
    targets: null,
  });
}

function onConnect(ends: Ends): void {
  if (givenUp) return;
  const { from, to } = sockets(ends);
  link(from, to, [0, 0]);
}

function placeOf(event: globalThis.MouseEvent | globalThis.TouchEvent): Point {
  const touch = "changedTouches" in event ? event.changedTouches[0] : event;
  return [touch?.clientX ?? 0, touch?.clientY ?? 0];
}

function onConnectEnd(
  event: globalThis.MouseEvent | globalThis.TouchEvent,
  state: FinalConnectionState,
): void {
  const { linking } = useCanvasStore.getState();
  useCanvasStore.setState({ linking: null });
  if (!linking || linking.tap || reconnecting || givenUp || state.isValid) return;
  const screen = placeOf(event);
  const over = under(screen, state);
  if (over?.socket) {
    if (over.node !== linking.node) link(linking, over.socket, screen);
  } else if (over) {
    const socket = over.node === linking.node ? undefined : best(linking, over.node);
    if (socket) link(linking, socket, screen);
    else if (over.node !== linking.node) refuseNode(linking, over.node, screen);
  } else act.startSearch(screen, { link: linking });
}

/** The socket or card that a link was dropped on. */
function under(screen: Point, state: FinalConnectionState) {
  const handle = state.toHandle;
  if (handle?.id) {
    return {
      node: handle.nodeId,
      socket: { node: handle.nodeId, port: handle.id, side: handle.type as Side },
    };
  }
  const card = document
    .elementFromPoint(screen[0], screen[1])
    ?.closest<HTMLElement>(".react-flow__node-card");
  return card?.dataset.id ? { node: card.dataset.id, socket: undefined } : undefined;
}

function refuseNode(
  linking: { node: string; port: string; type: string },
  node: string,
  screen: Point,
) {
  const reason = `No socket of ${node} fits ${linking.type}`;
  const from = { node: linking.node, port: linking.port };
  useCanvasStore.setState({ refusal: { screen, reason, from, to: { node, port: "" } } });
  useCanvasStore.getState().say(reason);
}

function onReconnectStart(_event: unknown, edge: WireEdge): void {
  reconnecting = edge.id;
}

function onReconnect(edge: WireEdge, ends: Ends): void {
  const { from, to } = sockets(ends);
  const same =
    edge.source === from.node &&
    edge.sourceHandle === from.port &&
    edge.target === to.node &&
    edge.targetHandle === to.port;
  if (!givenUp && !same) relink(edge.id, from, to);
}

function onReconnectEnd(
  event: globalThis.MouseEvent | globalThis.TouchEvent,
  edge: WireEdge,
  side: HandleType,
  state: FinalConnectionState,
): void {
  reconnecting = "";
  useCanvasStore.setState({ linking: null });
  if (givenUp || state.isValid) return;
  const screen = placeOf(event);
  const over = under(screen, state);
  if (!over) {
    unlink(edge.id);
    return;
  }
  // `side` is the end that stayed.
  const ends = sockets(edge as Ends);
  const kept = side === "source" ? ends.from : ends.to;
  const socket = over.socket ?? best(kept, over.node);
  if (!socket) refuseNode({ ...kept, type: edge.data?.type ?? "" }, over.node, screen);
  else if (verdict(kept, socket).ok) {
    const [from, to] = side === "source" ? [kept, socket] : [socket, kept];
    relink(edge.id, from, to);
  } else link(kept, socket, screen);
}

function ConnectionLine({
  fromX,
  fromY,
  toX,
  toY,
  fromPosition,
  connectionStatus,
}: ConnectionLineComponentProps<CardNode>) {
  const type = useCanvasStore((s) => s.linking?.type ?? "?");
  const catalogue = useCatalogue((s) => s.catalogue);
  const here: Point = [fromX, fromY];
  const there: Point = [toX, toY];
  const path = fromPosition === "left" ? wirePath(there, here) : wirePath(here, there);
  return (
    <g
      className="wire wire-drawn"
      data-status={connectionStatus ?? ""}
      style={vars({ "--wire": typeColour(type, catalogue) })}
    >
      <path className="wire-line" d={path} />
      <circle className="wire-tip" cx={toX} cy={toY} r={5} />
    </g>
  );
}

// ── clicks and menus ────────────────────────────────────────────────────────────────────────────

function onPaneClick(): void {
  useCanvasStore.setState({ linking: null, refusal: null, menu: null, targets: null });
}

/** A press on the empty canvas takes the keyboard there. */
function onPointerDown(event: PointerEvent<HTMLElement>): void {
  const element = event.target as Element;
  if (element.classList.contains("react-flow__pane")) {
    event.currentTarget.focus({ preventScroll: true });
  }
}

function onMoveStart(): void {
  const { refusal, menu, targets } = useCanvasStore.getState();
  if (refusal || menu || targets) {
    useCanvasStore.setState({ refusal: null, menu: null, targets: null });
  }
  useUi.getState().hoverWire(null);
}

function openMenu(event: MouseEvent | globalThis.MouseEvent, about: MenuAbout): void {
  event.preventDefault();
  const screen: Point = [event.clientX, event.clientY];
  useCanvasStore.setState({ menu: { screen, at: toCanvas(screen), about }, refusal: null });
}

type MenuAbout = NonNullable<ReturnType<typeof useCanvasStore.getState>["menu"]>["about"];

function onPaneMenu(event: MouseEvent | globalThis.MouseEvent): void {
  openMenu(event, { kind: "canvas" });
}

function onNodeMenu(event: MouseEvent, node: CardNode): void {
  const element = event.target as Element;
  // A field has the browser's own menu, with its clipboard and spelling.
  if (element.closest("input, textarea, [contenteditable=true]")) return;
  const { selection, select: choose } = useEditor.getState();
  if (!selection.includes(node.id)) choose([node.id]);
  openMenu(event, { kind: "nodes", id: node.id });
}

function onSelectionMenu(event: MouseEvent, nodes: CardNode[]): void {
  const [node] = nodes;
  if (node) openMenu(event, { kind: "nodes", id: node.id });
}

function onWireMenu(event: MouseEvent, edge: WireEdge): void {
  useEditor.getState().select([`wire:${edge.id}`]);
  openMenu(event, { kind: "wire", id: edge.id });
}

function onNodeDoubleClick(event: MouseEvent, node: CardNode): void {
  const element = event.target as Element;
  if (element.closest("input, textarea, button, [role=slider], [contenteditable=true], .row-field"))
    return;
  if (node.type !== "card") useCanvasStore.setState({ writing: node.id });
  else if (node.data.inside >= 0 && !element.closest(".card-name")) act.enter(node.id);
  else if (element.closest(".card-title") && node.data.node) {
    useCanvasStore.setState({ writing: node.id });
  }
}

function onPaneDoubleClick(event: MouseEvent): void {
  const element = event.target as Element;
  if (element.classList.contains("react-flow__pane"))
    act.startSearch([event.clientX, event.clientY]);
}

function onWireDoubleClick(event: MouseEvent, edge: WireEdge): void {
  const known = new Map(drawn().nodes.map((one) => [one.id, one]));
  const ends = endsOf(edge, known);
  if (!ends) return;
  const at = toCanvas([event.clientX, event.clientY]);
  const points = edge.data?.points ?? [];
  const { index } = nearest(at, ends[0], ends[1], points);
  act.bend(edge.id, [...points.slice(0, index), at, ...points.slice(index)], "Bend wire");
}

function onWireEnter(event: MouseEvent, edge: WireEdge): void {
  if (!edge.data) return;
  const { from, to, type } = edge.data;
  useUi.getState().hoverWire({ from, to, type, at: [event.clientX, event.clientY] });
}

function onWireLeave(): void {
  useUi.getState().hoverWire(null);
}

// ── keys ────────────────────────────────────────────────────────────────────────────────────────

const ARROWS: Record<string, Direction> = {
  ArrowLeft: "left",
  ArrowRight: "right",
  ArrowUp: "up",
  ArrowDown: "down",
};
const STEP = 10;

/** Arrows go from node to node, with Alt they move the selection; Enter goes in, Escape comes out. */
function onKeyDown(event: KeyboardEvent): void {
  const element = event.target as HTMLElement;
  if (element.closest(".menu, .search, .refusal, .tools, .crumbs")) return;
  if (event.key === "Escape") {
    stepBack(element);
    event.preventDefault();
    return;
  }
  const onNode = element.classList.contains("react-flow__node");
  if (!onNode && element.closest(".react-flow__node")) return;
  const direction = ARROWS[event.key];
  if (direction && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    event.stopPropagation();
    if (event.altKey) shift(direction, event.shiftKey ? 5 * STEP : STEP);
    else go(direction, onNode ? (element.dataset.id ?? "") : "", event.shiftKey);
  } else if (event.key === "Enter" && onNode && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    enterNode(element);
  } else if (event.key === " " && onNode) {
    event.preventDefault();
    toggle(element.dataset.id ?? "");
  } else if (event.key === "ContextMenu" || (event.key === "F10" && event.shiftKey)) {
    event.preventDefault();
    if (onNode && element.dataset.id) useEditor.getState().select([element.dataset.id]);
    act.menuAtSelection();
  }
}

/** One step back at a time: a link, a field, the selection, the loop. */
function stepBack(element: HTMLElement): void {
  const { linking, refusal } = useCanvasStore.getState();
  const { selection, select: choose, scope } = useEditor.getState();
  const node = element.closest<HTMLElement>(".react-flow__node");
  if (linking && !linking.tap) giveUp();
  else if (linking || refusal) useCanvasStore.setState({ linking: null, refusal: null });
  else if (node && node !== element) node.focus({ preventScroll: true });
  else if (selection.length) choose([]);
  else if (scope.length) act.leave();
}

function go(direction: Direction, from: string, adding: boolean): void {
  const { selection, select: choose } = useEditor.getState();
  const start = from || selection.find((id) => !id.startsWith("wire:")) || "";
  const boxes = act.boxes().filter((box) => !box.id.startsWith("frame:"));
  const next = start ? neighbour(boxes, start, direction) : act.firstNode();
  if (!next) return;
  choose(adding ? [...new Set([...selection, next])] : [next]);
  act.reveal(next);
}

function shift(direction: Direction, by: number): void {
  const along: Record<Direction, Point> = {
    left: [-by, 0],
    right: [by, 0],
    up: [0, -by],
    down: [0, by],
  };
  act.move(along[direction]);
}

function toggle(id: string): void {
  const { selection, select: choose } = useEditor.getState();
  choose(selection.includes(id) ? selection.filter((one) => one !== id) : [...selection, id]);
}

/** Enter on a loop goes inside; on another node to the first thing one can work on. */
function enterNode(element: HTMLElement): void {
  const id = element.dataset.id ?? "";
  const { graph, scope, select: choose } = useEditor.getState();
  if (!useEditor.getState().selection.includes(id)) choose([id]);
  const node = nodesIn(graph, scope)?.[id];
  if (id.startsWith("note:") || id.startsWith("frame:")) useCanvasStore.setState({ writing: id });
  else if (node?.body || typeof node?.graph === "object") act.enter(id);
  else {
    element
      .querySelector<HTMLElement>(".row-field :is(input, textarea, button, [tabindex='0'])")
      ?.focus();
  }
}

/** A card that had the keyboard and is gone, as after an undo, leaves it to the canvas. */
function useKeptKeyboard(graph: GraphFile): (event: FocusEvent) => void {
  const last = useRef<Element>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: cards go when the graph changes
  useEffect(() => {
    // Cards are drawn and taken away some frames later than the graph changes.
    let left = 12;
    let frame = 0;
    const look = () => {
      const gone = last.current && !last.current.isConnected;
      if (gone && document.activeElement === document.body) focusPane();
      else if (left > 0) frame = requestAnimationFrame(look);
      left -= 1;
    };
    look();
    return () => cancelAnimationFrame(frame);
  }, [graph]);
  return useCallback((event: FocusEvent) => {
    last.current = event.target;
  }, []);
}

// ── clipboard ───────────────────────────────────────────────────────────────────────────────────

/** The browser's own copy, cut and paste: no permission is asked for, and it works on any page. */
function useClipboard(): void {
  useEffect(() => {
    const elsewhere = (event: Event) => {
      const element = event.target as Element | null;
      const typed = element?.closest?.("input, textarea, [contenteditable=true], [role=dialog]");
      return Boolean(typed) || String(window.getSelection() ?? "") !== "";
    };
    const onCopy = (event: ClipboardEvent) => {
      if (elsewhere(event)) return;
      const text = act.copyText();
      if (!text) return;
      event.clipboardData?.setData("text/plain", text);
      event.preventDefault();
      if (event.type === "cut") act.remove();
    };
    const onPaste = (event: ClipboardEvent) => {
      if (elsewhere(event)) return;
      if (act.pasteText(event.clipboardData?.getData("text/plain") ?? "")) event.preventDefault();
    };
    document.addEventListener("copy", onCopy);
    document.addEventListener("cut", onCopy);
    document.addEventListener("paste", onPaste);
    return () => {
      document.removeEventListener("copy", onCopy);
      document.removeEventListener("cut", onCopy);
      document.removeEventListener("paste", onPaste);
    };
  }, []);
}
