/** Zooming and panning by wheel, drag, pinch and keys, for the lightbox and the mask painter. */

import { type PointerEvent, useCallback, useEffect, useRef, useState } from "react";

export interface Zoom {
  scale: number;
  x: number;
  y: number;
}

export const FIT: Zoom = { scale: 1, x: 0, y: 0 };
const MOST = 32;
const LEAST = 0.2;

/** Zoomed by a factor so that the point under (px, py), from the middle of the stage, stays. */
export function zoomedAt(zoom: Zoom, factor: number, px: number, py: number): Zoom {
  const scale = Math.min(MOST, Math.max(LEAST, zoom.scale * factor));
  const ratio = scale / zoom.scale;
  return { scale, x: px - (px - zoom.x) * ratio, y: py - (py - zoom.y) * ratio };
}

interface Options {
  /** Whether one pointer pans; else only two do, as when one paints. */
  panWithOne: boolean;
  /** Whatever changes it begins anew: the picture's address. */
  about: string;
}

export function useZoom({ panWithOne, about }: Options) {
  const [zoom, setZoom] = useState<Zoom>(FIT);
  const stage = useRef<HTMLDivElement>(null);
  const pointers = useRef(new Map<number, [number, number]>());

  // biome-ignore lint/correctness/useExhaustiveDependencies: another picture begins at its whole
  useEffect(() => setZoom(FIT), [about]);

  const middle = useCallback((x: number, y: number): [number, number] => {
    const box = stage.current?.getBoundingClientRect();
    return box ? [x - box.left - box.width / 2, y - box.top - box.height / 2] : [0, 0];
  }, []);

  useEffect(() => {
    const own = stage.current;
    const wheel = (event: WheelEvent) => {
      event.preventDefault();
      const [px, py] = middle(event.clientX, event.clientY);
      const factor = Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015));
      setZoom((now) => zoomedAt(now, factor, px, py));
    };
    // React's own wheel listener is passive: the page would scroll along.
    own?.addEventListener("wheel", wheel, { passive: false });
    return () => own?.removeEventListener("wheel", wheel);
  }, [middle]);

  const down = (event: PointerEvent) => {
    pointers.current.set(event.pointerId, [event.clientX, event.clientY]);
  };
  /** True if the movement was one of the view. */
  const move = (event: PointerEvent): boolean => {
    const before = pointers.current.get(event.pointerId);
    if (!before) return false;
    const other = [...pointers.current].find(([id]) => id !== event.pointerId)?.[1];
    const now: [number, number] = [event.clientX, event.clientY];
    pointers.current.set(event.pointerId, now);
    if (other) {
      const factor = distance(now, other) / Math.max(1, distance(before, other));
      const [px, py] = middle((now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
      const dx = (now[0] - before[0]) / 2;
      const dy = (now[1] - before[1]) / 2;
      setZoom((z) => {
        const zoomed = zoomedAt(z, factor, px, py);
        return { ...zoomed, x: zoomed.x + dx, y: zoomed.y + dy };
      });
      return true;
    }
    if (!panWithOne) return false;
    setZoom((z) => ({ ...z, x: z.x + now[0] - before[0], y: z.y + now[1] - before[1] }));
    return true;
  };
  const up = (event: PointerEvent) => {
    pointers.current.delete(event.pointerId);
  };
  const by = (factor: number) => setZoom((now) => zoomedAt(now, factor, 0, 0));
  const fingers = () => pointers.current.size;
  return { zoom, setZoom, stage, down, move, up, by, fingers };
}

function distance(a: [number, number], b: [number, number]): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1]);
}

export function transformOf(zoom: Zoom): string {
  return `translate(${zoom.x}px, ${zoom.y}px) scale(${zoom.scale})`;
}
