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
  const sight = useRef<HTMLDivElement>(null);
  const scale = useRef<Scale>({ by: 1, x: 0, y: 0 });
  const transform = useStore((s) => s.transform);
  const width = useStore((s) => s.width);
  const height = useStore((s) => s.height);
  const latest = useRef(transform);
  latest.current = transform;
  const run = useRuns((s) => s.runs[s.shown]?.nodes);
  const theme = useUi((s) => s.theme);

  // What is there is painted when it changes; what one sees of it is one box that moves.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the theme changes what colours are
  useEffect(() => {
    const frame = requestAnimationFrame(() => {
      if (canvas.current) scale.current = draw(canvas.current, scene, run);
      if (sight.current) show(sight.current, scale.current, seenOf(latest.current, width, height));
    });
    return () => cancelAnimationFrame(frame);
  }, [scene, run, theme]);
  useEffect(() => {
    if (sight.current) show(sight.current, scale.current, seenOf(transform, width, height));
  }, [transform, width, height]);

  const go = (event: PointerEvent<HTMLCanvasElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    const { by, x, y } = scale.current;
    const zoom = transform[2];
    const at = [(event.clientX - box.x) / by + x, (event.clientY - box.y) / by + y] as const;
    theFlow()?.setViewport({ x: width / 2 - at[0] * zoom, y: height / 2 - at[1] * zoom, zoom });
  };
  return (
    <div className="minimap">
      <canvas
        ref={canvas}
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
      <div ref={sight} className="minimap-sight" />
    </div>
  );
}

interface Seen {
  x: number;
  y: number;
  width: number;
  height: number;
}

function seenOf([x, y, zoom]: readonly [number, number, number], w: number, h: number): Seen {
  return { x: -x / zoom, y: -y / zoom, width: w / zoom, height: h / zoom };
}

function show(box: HTMLElement, { by, x, y }: Scale, seen: Seen): void {
  box.style.transform = `translate(${(seen.x - x) * by}px, ${(seen.y - y) * by}px)`;
  box.style.width = `${seen.width * by}px`;
  box.style.height = `${seen.height * by}px`;
}

function draw(
  canvas: HTMLCanvasElement,
  scene: Scene,
  run: Readonly<Record<string, { state: string }>> | undefined,
): Scale {
  const pen = canvas.getContext("2d");
  if (!pen) return { by: 1, x: 0, y: 0 };
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const boxes = scene.nodes.map(boxOf);
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
  return { by, x, y };
}
