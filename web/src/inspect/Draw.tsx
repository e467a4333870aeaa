/** Tensors on canvases: drawn when their elements are here, at their own size, enlarged by CSS. */

import { useLayoutEffect, useMemo, useRef } from "react";
import { useScrub } from "../store/scrub";
import {
  FACTORS,
  type Factors,
  familyOf,
  latentPixels,
  type MapName,
  picturePixels,
  planePixels,
  rangeOf,
} from "./colours";
import { arePixels, type Elements, planes } from "./numbers";
import { useElements, useRunTrace } from "./store";
import type { RunTrace, Tensor } from "./trace";

/** The name by which drawing is measured. */
export const MEASURE = "nf.draw";

export function paint(
  canvas: HTMLCanvasElement,
  width: number,
  height: number,
  make: () => Uint8ClampedArray,
): void {
  const begin = performance.now();
  const context = canvas.getContext("2d");
  if (!context) return;
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const pixels = make() as Uint8ClampedArray<ArrayBuffer>;
  context.putImageData(new ImageData(pixels, width, height), 0, 0);
  performance.measure(MEASURE, { start: begin, end: performance.now() });
}

export function factorsFor(
  trace: RunTrace | undefined,
  chosen: string,
  channels: number,
): Factors | undefined {
  const name = chosen || familyOf(channels, trace?.textWidth ?? 0, trace?.pooledWidth ?? 0);
  return FACTORS[name];
}

interface LatentProps {
  run: string;
  values: Elements | undefined;
  shape: readonly number[];
  item?: number;
  label: string;
  className?: string;
}

/** A latent in colours. */
export function LatentCanvas({ run, values, shape, item = 0, label, className }: LatentProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const trace = useRunTrace(run);
  const family = useScrub((state) => state.family);
  useLayoutEffect(() => {
    if (!canvas.current || !values) return;
    const at = planes(shape, item);
    const factors = factorsFor(trace, family, at.channels);
    paint(canvas.current, at.width, at.height, () => latentPixels(values, at, factors));
  }, [values, shape, item, trace, family]);
  return (
    <canvas
      ref={canvas}
      role="img"
      aria-label={label}
      className={`nfi-canvas ${className ?? ""}`}
    />
  );
}

interface MapProps {
  values: ArrayLike<number> | undefined;
  width: number;
  height: number;
  map: MapName;
  label: string;
  className?: string;
}

/** One plane of numbers in a colour map. */
export function MapCanvas({ values, width, height, map, label, className }: MapProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    if (!canvas.current || !values) return;
    const at = planes([height, width]);
    paint(canvas.current, width, height, () =>
      planePixels(values, at, 0, map, rangeOf(values, map)),
    );
  }, [values, width, height, map]);
  return (
    <canvas
      ref={canvas}
      role="img"
      aria-label={label}
      className={`nfi-canvas ${className ?? ""}`}
    />
  );
}

/** Whatever a tensor is, as a picture: latents in colours, pixels as they are, masks in grey. */
export function TensorCanvas(props: {
  run: string;
  tensor: Tensor;
  label: string;
  className?: string;
}) {
  const { run, tensor, label, className } = props;
  const values = useElements(run, tensor);
  const shape = tensor.shape;
  if (tensor.role !== "value" && shape.length === 4) {
    return (
      <LatentCanvas {...{ run, values, shape, label }} {...(className ? { className } : {})} />
    );
  }
  return <PlainCanvas {...{ values, tensor, label }} {...(className ? { className } : {})} />;
}

function PlainCanvas(props: {
  values: Elements | undefined;
  tensor: Tensor;
  label: string;
  className?: string;
}) {
  const { values, tensor, label, className } = props;
  const canvas = useRef<HTMLCanvasElement>(null);
  const pixels = arePixels(tensor.part, tensor.shape);
  const at = useMemo(() => planes(tensor.shape, 0, pixels), [tensor, pixels]);
  useLayoutEffect(() => {
    if (!canvas.current || !values) return;
    const mask = tensor.type.includes("Mask");
    paint(canvas.current, at.width, at.height, () => {
      if (pixels) return picturePixels(values, at);
      const range = mask ? { low: 0, high: 1 } : rangeOf(values, "viridis");
      return planePixels(values, at, 0, mask ? "grey" : "viridis", range);
    });
  }, [values, at, pixels, tensor]);
  return (
    <canvas
      ref={canvas}
      role="img"
      aria-label={label}
      className={`nfi-canvas ${className ?? ""}`}
    />
  );
}
