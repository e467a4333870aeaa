import { useStore } from "@xyflow/react";
import { useEffect, useMemo, useRef } from "react";
import type { Catalogue } from "../model/catalogue";
import type { Point } from "../model/graph";
import { useCatalogue } from "../store/catalogue";
import { type ThemeName, typeColourIn } from "./colour";
import type { Scene } from "./derive";
import { reachOf } from "./wirePath";
import { endsOf } from "./wires";

interface Line {
  stops: readonly Point[];
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** From afar, where there are many, wires and their sockets are one painting: thousands of
 * elements too small to work on would only slow the hand. */
export function FarWires({ scene }: { scene: Scene }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const transform = useStore((s) => s.transform);
  const width = useStore((s) => s.width);
  const height = useStore((s) => s.height);
  const catalogue = useCatalogue((s) => s.catalogue);
  const dark = document.documentElement.dataset.theme === "dark";
  const lines = useMemo(
    () => linesOf(scene, catalogue, dark ? "dark" : "light"),
    [scene, catalogue, dark],
  );
  useEffect(() => {
    if (canvas.current) paint(canvas.current, lines, transform, width, height);
  }, [lines, transform, width, height]);
  return (
    <div className="far-wires" aria-hidden="true">
      <canvas ref={canvas} />
    </div>
  );
}

/** Wires by colour, in the canvas's own measure. */
function linesOf(scene: Scene, catalogue: Catalogue, theme: ThemeName): Map<string, Line[]> {
  const nodes = new Map(scene.nodes.map((node) => [node.id, node]));
  const lines = new Map<string, Line[]>();
  for (const edge of scene.edges) {
    const ends = endsOf(edge, nodes);
    if (!ends) continue;
    const stops = [ends[0], ...(edge.data?.points ?? []), ends[1]];
    const xs = stops.map((stop) => stop[0]);
    const ys = stops.map((stop) => stop[1]);
    const line: Line = {
      stops,
      left: Math.min(...xs) - 180,
      top: Math.min(...ys) - 10,
      right: Math.max(...xs) + 180,
      bottom: Math.max(...ys) + 10,
    };
    const colour = typeColourIn(edge.data?.type ?? "?", catalogue, theme);
    const list = lines.get(colour);
    if (list) list.push(line);
    else lines.set(colour, [line]);
  }
  return lines;
}

function paint(
  canvas: HTMLCanvasElement,
  lines: ReadonlyMap<string, readonly Line[]>,
  [x, y, zoom]: readonly [number, number, number],
  width: number,
  height: number,
): void {
  const sharp = Math.min(2, window.devicePixelRatio || 1);
  const w = Math.round(width * sharp);
  const h = Math.round(height * sharp);
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
  }
  const pen = canvas.getContext("2d");
  if (!pen) return;
  pen.setTransform(1, 0, 0, 1, 0, 0);
  pen.clearRect(0, 0, w, h);
  pen.setTransform(zoom * sharp, 0, 0, zoom * sharp, x * sharp, y * sharp);
  pen.lineWidth = Math.max(2.5, 0.9 / zoom);
  const left = -x / zoom;
  const top = -y / zoom;
  const right = left + width / zoom;
  const bottom = top + height / zoom;
  for (const [colour, list] of lines) {
    const seen = list.filter(
      (line) => line.right > left && line.left < right && line.bottom > top && line.top < bottom,
    );
    pen.strokeStyle = colour;
    pen.fillStyle = colour;
    pen.globalAlpha = 0.75;
    pen.beginPath();
    for (const line of seen) trace(pen, line.stops);
    pen.stroke();
    pen.globalAlpha = 1;
    for (const { stops } of seen) {
      const a = stops[0] as Point;
      const b = stops.at(-1) as Point;
      pen.fillRect(a[0] - 12, a[1] - 8, 16, 16);
      pen.fillRect(b[0] - 4, b[1] - 8, 16, 16);
    }
  }
}

function trace(pen: CanvasRenderingContext2D, stops: readonly Point[]): void {
  const first = stops[0] as Point;
  pen.moveTo(first[0], first[1]);
  for (let k = 1; k < stops.length; k += 1) {
    const from = stops[k - 1] as Point;
    const to = stops[k] as Point;
    const r = reachOf(from, to);
    pen.bezierCurveTo(from[0] + r, from[1], to[0] - r, to[1], to[0], to[1]);
  }
}
