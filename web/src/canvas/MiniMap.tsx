import { useStore } from "@xyflow/react";
import { type PointerEvent, useEffect, useRef } from "react";
import { useRuns } from "../store/runs";
import { useUi } from "../store/ui";
import { boxOf } from "./actions";
import type { Scene } from "./derive";
import { theFlow } from "./store";

const WIDTH = 176;
const HEIGHT = 116;
const RIM = 8;

interface Scale {
  by: number;
  x: number;
  y: number;
}

/** All of the scope in one small picture, coloured by how the run stands. One canvas, so that
 * thousands of nodes cost one pass of rectangles. */
export function MiniMap({ scene }: { scene: Scene }) {
  const shown = useUi((s) => s.minimap);
  return shown && scene.nodes.length > 1 ? <Drawn scene={scene} /> : null;
}

function Drawn({ scene }: { scene: Scene }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const scale = useRef<Scale>({ by: 1, x: 0, y: 0 });
  const transform = useStore((s) => s.transform);
  const width = useStore((s) => s.width);
  const height = useStore((s) => s.height);
  const run = useRuns((s) => s.runs[s.shown]?.nodes);
  const theme = useUi((s) => s.theme);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the theme changes what colours are
  useEffect(() => {
    const frame = requestAnimationFrame(() => {
      if (canvas.current)
        scale.current = draw(canvas.current, scene, transform, width, height, run);
    });
    return () => cancelAnimationFrame(frame);
  }, [scene, transform, width, height, run, theme]);

  const go = (event: PointerEvent<HTMLCanvasElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    const { by, x, y } = scale.current;
    const zoom = transform[2];
    const at = [(event.clientX - box.x) / by + x, (event.clientY - box.y) / by + y] as const;
    theFlow()?.setViewport({ x: width / 2 - at[0] * zoom, y: height / 2 - at[1] * zoom, zoom });
  };
  return (
    <canvas
      ref={canvas}
      className="minimap"
      role="img"
      aria-label={`Minimap: ${scene.nodes.length} items; click to go there`}
      width={WIDTH * 2}
      height={HEIGHT * 2}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        go(event);
      }}
      onPointerMove={(event) => {
        if (event.currentTarget.hasPointerCapture(event.pointerId)) go(event);
      }}
    />
  );
}

function draw(
  canvas: HTMLCanvasElement,
  scene: Scene,
  transform: readonly [number, number, number],
  width: number,
  height: number,
  run: Readonly<Record<string, { state: string }>> | undefined,
): Scale {
  const pen = canvas.getContext("2d");
  if (!pen) return { by: 1, x: 0, y: 0 };
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const boxes = scene.nodes.map(boxOf);
  const [tx, ty, zoom] = transform;
  const view = { x: -tx / zoom, y: -ty / zoom, width: width / zoom, height: height / zoom };
  const left = Math.min(...boxes.map((box) => box.x));
  const top = Math.min(...boxes.map((box) => box.y));
  const right = Math.max(...boxes.map((box) => box.x + box.width));
  const bottom = Math.max(...boxes.map((box) => box.y + box.height));
  const by = Math.min(
    (WIDTH - 2 * RIM) / Math.max(1, right - left),
    (HEIGHT - 2 * RIM) / Math.max(1, bottom - top),
    0.2,
  );
  const x = (left + right) / 2 - WIDTH / 2 / by;
  const y = (top + bottom) / 2 - HEIGHT / 2 / by;
  pen.setTransform(2, 0, 0, 2, 0, 0);
  pen.clearRect(0, 0, WIDTH, HEIGHT);
  const states: Record<string, string> = {
    running: colour("--busy"),
    done: colour("--good"),
    cached: colour("--cached"),
    error: colour("--bad"),
  };
  const rest = colour("--line-strong");
  const accent = colour("--accent");
  for (const [k, box] of boxes.entries()) {
    const node = scene.nodes[k];
    const state = node?.type === "card" ? run?.[node.data.path]?.state : undefined;
    pen.globalAlpha = node?.type === "frame" ? 0.25 : 1;
    pen.fillStyle = node?.selected ? accent : (states[state ?? ""] ?? rest);
    const w = Math.max(1.5, box.width * by);
    const h = Math.max(1.5, box.height * by);
    pen.fillRect((box.x - x) * by, (box.y - y) * by, w, h);
  }
  pen.globalAlpha = 1;
  pen.strokeStyle = accent;
  pen.lineWidth = 1.5;
  pen.strokeRect((view.x - x) * by, (view.y - y) * by, view.width * by, view.height * by);
  return { by, x, y };
}
