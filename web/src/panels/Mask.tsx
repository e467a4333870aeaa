import { Brush, Eraser, FlipHorizontal2, Redo2, Trash2, Undo2 } from "lucide-react";
import { type PointerEvent, useEffect, useMemo, useRef, useState } from "react";
import { upload } from "../api/client";
import { addNode, setParam } from "../model/edit";
import type { GraphFile } from "../model/graph";
import { nodeByPath, splitPath } from "../model/links";
import { viewOf } from "../model/view";
import { useCatalogue } from "../store/catalogue";
import { useEditor } from "../store/editor";
import { useUi } from "../store/ui";
import { Slider } from "../widgets/Slider";
import { Dialog } from "./Dialog";
import {
  BLANK,
  did,
  draw,
  drawAct,
  maskFile,
  redone,
  type Sheet,
  type Stroke,
  undone,
} from "./maskStrokes";
import { transformOf, useZoom } from "./useZoom";

export interface MaskSubject {
  /** The picture that is painted on. */
  picture: string;
  /** The node whose file it is, and the parameter. */
  path: string;
  port: string;
}

/** The node that reads a mask from a file. */
export const LOADER = "load.mask";

/** Mask loaders beside a node, by path. */
export function loadersNear(graph: GraphFile, path: string): string[] {
  const { scope } = splitPath(path);
  const prefix = scope.length > 0 ? `${scope.join("/")}/` : "";
  const parent = scope.length > 0 ? nodeByPath(graph, scope.join("/")) : undefined;
  const inner = typeof parent?.graph === "object" ? parent.graph.nodes : parent?.body;
  const nodes = scope.length > 0 ? (inner ?? {}) : graph.nodes;
  return Object.entries(nodes)
    .filter(([, node]) => node.type === LOADER)
    .map(([id]) => prefix + id);
}

export function Mask({ subject }: { subject: MaskSubject }) {
  const { picture } = subject;
  const close = useUi((state) => state.closeOverlay);
  const notify = useUi((state) => state.notify);
  const graph = useEditor((state) => state.graph);
  const canvas = useRef<HTMLCanvasElement>(null);
  const base = useMemo(() => document.createElement("canvas"), []);
  const [shape, setShape] = useState<[number, number] | null>(null);
  const [sheet, setSheet] = useState<Sheet>(BLANK);
  const [size, setSize] = useState(40);
  const [soft, setSoft] = useState(0.2);
  const [erase, setErase] = useState(false);
  const [busy, setBusy] = useState(false);
  const [cursor, setCursor] = useState<[number, number] | null>(null);
  const stroke = useRef<Stroke | null>(null);
  const { zoom, stage, down, move, up, by, fingers, setZoom } = useZoom({
    panWithOne: false,
    about: picture,
  });

  const loaders = useMemo(() => {
    const own = nodeByPath(graph, subject.path)?.type === LOADER ? [subject.path] : [];
    return own.length > 0 ? own : loadersNear(graph, subject.path);
  }, [graph, subject.path]);
  const [target, setTarget] = useState(loaders[0] ?? "");

  useEffect(() => {
    const own = canvas.current;
    if (!shape || !own) return;
    for (const c of [own, base]) {
      if (c.width !== shape[0] || c.height !== shape[1]) [c.width, c.height] = shape;
    }
    const [below, above] = [base.getContext("2d"), own.getContext("2d")];
    if (!below || !above) return;
    draw(below, sheet.acts);
    show(above, base);
  }, [sheet, shape, base]);

  const place = (event: PointerEvent): [number, number] => {
    const box = canvas.current?.getBoundingClientRect();
    if (!box || !shape) return [0, 0];
    return [
      ((event.clientX - box.left) / (box.width || 1)) * shape[0],
      ((event.clientY - box.top) / (box.height || 1)) * shape[1],
    ];
  };
  const preview = () => {
    const context = canvas.current?.getContext("2d");
    if (!context || !stroke.current) return;
    show(context, base, stroke.current);
  };
  const finish = () => {
    const done = stroke.current;
    stroke.current = null;
    if (done) setSheet((now) => did(now, done));
  };
  const dab = (points: [number, number][]) =>
    setSheet((now) => did(now, { kind: "stroke", points, size, soft, erase }));

  const save = async () => {
    if (!canvas.current) return;
    setBusy(true);
    try {
      const { param } = await upload(await maskFile(base, "mask.png"));
      writeMask(subject, target, param);
      notify("good", "The mask is saved and set");
      close();
    } catch (error) {
      notify("error", `The mask could not be saved: ${(error as Error).message}`);
      setBusy(false);
    }
  };

  const key = (event: React.KeyboardEvent) => {
    const ctrl = event.ctrlKey || event.metaKey;
    const typed = event.target instanceof HTMLInputElement;
    if (ctrl && event.key.toLowerCase() === "z")
      setSheet(event.shiftKey ? redone(sheet) : undone(sheet));
    else if (ctrl && event.key.toLowerCase() === "y") setSheet(redone(sheet));
    else if (ctrl || typed) return;
    else if (event.key === "[") setSize(Math.max(1, Math.round(size / 1.25)));
    else if (event.key === "]") setSize(Math.min(400, Math.round(size * 1.25) + 1));
    else if (event.key === "e") setErase(!erase);
    else if (event.key === "i") setSheet(did(sheet, { kind: "invert" }));
    else if (event.key === "0") setZoom({ scale: 1, x: 0, y: 0 });
    else if (event.key === "+") by(1.25);
    else if (event.key === "-") by(0.8);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const paintByKey = (event: React.KeyboardEvent) => {
    if (!shape || event.ctrlKey || event.metaKey) return;
    const at = cursor ?? [shape[0] / 2, shape[1] / 2];
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[
      event.key
    ];
    if (way) {
      const next: [number, number] = [
        Math.min(shape[0], Math.max(0, at[0] + ((way[0] ?? 0) * size) / 2)),
        Math.min(shape[1], Math.max(0, at[1] + ((way[1] ?? 0) * size) / 2)),
      ];
      setCursor(next);
      if (event.shiftKey) dab([at, next]);
    } else if (event.key === " " || event.key === "Enter") {
      setCursor(at);
      dab([at]);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const option = (value: string) => (
    <option key={value} value={value}>
      {value === "" ? "a new mask node" : value}
    </option>
  );
  const ports = {
    size: { name: "size", type: "int", required: false, isList: false, widget: SIZE },
    soft: { name: "softness", type: "float", required: false, isList: false, widget: SOFT },
  };

  return (
    <Dialog title="Paint a mask" onClose={close} size="full" className="nf-mask">
      {/* biome-ignore lint/a11y/noStaticElementInteractions: keys of the tools inside */}
      <div className="nf-mask-body" onKeyDown={key}>
        <div className="nf-mask-tools" role="toolbar" aria-label="mask tools">
          <button
            type="button"
            className="nf-button"
            aria-pressed={!erase}
            onClick={() => setErase(false)}
          >
            <Brush size={16} aria-hidden /> Paint
          </button>
          <button
            type="button"
            className="nf-button"
            aria-pressed={erase}
            title="E"
            onClick={() => setErase(true)}
          >
            <Eraser size={16} aria-hidden /> Erase
          </button>
          <div className="nf-tool">
            <span>Size</span>
            <Slider
              path="mask"
              port={ports.size}
              value={size}
              label="brush size"
              compact={false}
              onChange={(v) => setSize(Number(v))}
            />
          </div>
          <div className="nf-tool">
            <span>Soft</span>
            <Slider
              path="mask"
              port={ports.soft}
              value={soft}
              label="softness"
              compact={false}
              onChange={(v) => setSoft(Number(v))}
            />
          </div>
          <button
            type="button"
            className="nf-button"
            title="I"
            onClick={() => setSheet(did(sheet, { kind: "invert" }))}
          >
            <FlipHorizontal2 size={16} aria-hidden /> Invert
          </button>
          <button
            type="button"
            className="nf-button"
            onClick={() => setSheet(did(sheet, { kind: "clear" }))}
          >
            <Trash2 size={16} aria-hidden /> Clear
          </button>
          <button
            type="button"
            className="nf-icon"
            aria-label="undo"
            disabled={sheet.acts.length === 0}
            onClick={() => setSheet(undone(sheet))}
          >
            <Undo2 size={16} aria-hidden />
          </button>
          <button
            type="button"
            className="nf-icon"
            aria-label="redo"
            disabled={sheet.undone.length === 0}
            onClick={() => setSheet(redone(sheet))}
          >
            <Redo2 size={16} aria-hidden />
          </button>
        </div>
        <div
          ref={stage}
          className="nf-stage nf-mask-stage"
          role="application"
          aria-label="the picture: arrows move the brush, space paints, shift and arrows draw"
          // biome-ignore lint/a11y/noNoninteractiveTabindex: painted by keys too
          tabIndex={0}
          data-autofocus
          onKeyDown={paintByKey}
          onPointerDown={(event) => {
            down(event);
            event.currentTarget.setPointerCapture?.(event.pointerId);
            if (fingers() > 1 || event.button !== 0) {
              stroke.current = null;
              setSheet((now) => ({ ...now }));
              return;
            }
            stroke.current = { kind: "stroke", points: [place(event)], size, soft, erase };
            preview();
          }}
          onPointerMove={(event) => {
            setCursor(place(event));
            if (move(event) || !stroke.current) return;
            const points = [...stroke.current.points, place(event)];
            stroke.current = { ...stroke.current, points };
            preview();
          }}
          onPointerUp={(event) => {
            up(event);
            finish();
          }}
          onPointerCancel={(event) => {
            up(event);
            stroke.current = null;
          }}
        >
          <div className="nf-zoomed" style={{ transform: transformOf(zoom) }}>
            <img
              src={picture}
              alt=""
              draggable={false}
              onLoad={(event) => {
                const { naturalWidth, naturalHeight } = event.currentTarget;
                setShape([naturalWidth || 512, naturalHeight || 512]);
              }}
            />
            <canvas ref={canvas} className="nf-mask-canvas" />
            {cursor && shape ? (
              <span className="nf-brush" style={brushBox(canvas.current, shape, cursor, size)} />
            ) : null}
          </div>
        </div>
        <footer className="nf-dialog-foot">
          <label className="nf-target">
            set it in{" "}
            <select value={target} onChange={(event) => setTarget(event.currentTarget.value)}>
              {loaders.map(option)}
              {loaders.includes(subject.path) ? null : option("")}
            </select>
          </label>
          <span className="nf-grow" />
          <button type="button" className="nf-button" onClick={close}>
            Cancel
          </button>
          <button
            type="button"
            className="nf-button nf-primary"
            disabled={busy || sheet.acts.length === 0}
            onClick={() => void save()}
          >
            Save the mask
          </button>
        </footer>
      </div>
    </Dialog>
  );
}

/** What is on the sheet, and the stroke being drawn, in a colour that stands out. */
function show(context: CanvasRenderingContext2D, base: HTMLCanvasElement, stroke?: Stroke): void {
  const { width, height } = context.canvas;
  context.clearRect(0, 0, width, height);
  context.drawImage(base, 0, 0);
  if (stroke) drawAct(context, stroke);
  context.globalCompositeOperation = "source-in";
  context.fillStyle = "#e8304f";
  context.fillRect(0, 0, width, height);
  context.globalCompositeOperation = "source-over";
}

/** Where the brush lies over the drawn picture, which fills only part of the stage. */
function brushBox(
  canvas: HTMLCanvasElement | null,
  shape: [number, number],
  at: [number, number],
  size: number,
) {
  if (!canvas) return {};
  const scale = canvas.offsetWidth / shape[0];
  return {
    left: canvas.offsetLeft + at[0] * scale,
    top: canvas.offsetTop + at[1] * scale,
    width: size * scale,
    height: size * scale,
  };
}

const SIZE = { widget: "Slider", minimum: 1, maximum: 400, step: 1, unit: "px" };
const SOFT = { widget: "Slider", minimum: 0, maximum: 1, step: 0.05 };

/** One step: the file's name in a mask loader, or a new loader beside the picture's node. */
export function writeMask(subject: MaskSubject, target: string, param: string): void {
  const { edit } = useEditor.getState();
  const { catalogue } = useCatalogue.getState();
  if (target) {
    const { scope, id } = splitPath(target);
    const port = target === subject.path ? subject.port : "path";
    // What is painted is white on black, with no transparency.
    edit("Paint a mask", (graph) => {
      const named = setParam(graph, scope, id, port, param);
      return nodeByPath(graph, target)?.type === LOADER
        ? setParam(named, scope, id, "channel", "red")
        : named;
    });
    return;
  }
  const { scope, id } = splitPath(subject.path);
  edit("Paint a mask", (graph) => {
    const [x, y] = viewOf(graph, scope, id)?.at ?? [0, 0];
    return addNode(graph, scope, LOADER, [x, y + 160], catalogue, {
      path: param,
      channel: "red",
    }).graph;
  });
}
