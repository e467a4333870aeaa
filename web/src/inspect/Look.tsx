/** The panel that shows a wire's value whole: figures, histogram, channels, single values. */

import { Copy } from "lucide-react";
import { type PointerEvent, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import * as api from "../api/client";
import type * as wire from "../protocol";
import { useRuns } from "../store/runs";
import { useScrub } from "../store/scrub";
import { useUi } from "../store/ui";
import { latentPixels, type MapName, picturePixels, planePixels, rangeOf } from "./colours";
import { factorsFor, paint } from "./Draw";
import { useLook } from "./look";
import { arePixels, type Elements, exactly, planes, shapeText, told } from "./numbers";
import { NoTrace } from "./Scrubber";
import { Stats } from "./Steps";
import { DRAWN_HERE, useElements, useRunTrace, useShownTrace } from "./store";
import type { Tensor } from "./trace";
import { useCarried } from "./WireCard";

export function Look() {
  const { from, type, part } = useLook();
  const run = useRuns((state) => state.shown);
  const trace = useShownTrace();
  const tensors = useCarried(from);
  if (!from) return <p className="nf-quiet">Click a wire to see what it carries.</p>;
  const tensor = tensors.find((one) => one.part === part) ?? tensors[0];
  return (
    <div className="nfi-look">
      <p className="nfi-look-name">
        <strong>{type}</strong> <code>{from}</code>
      </p>
      {tensor ? (
        <>
          {tensors.length > 1 ? <Parts tensors={tensors} part={tensor.part} /> : null}
          <Facts tensor={tensor} />
          {tensor.kept ? (
            <>
              <Picture run={run} tensor={tensor} />
              <HistogramOf run={run} tensor={tensor} />
            </>
          ) : (
            <NoTrace what="Its figures were kept, its elements were not." level="full" />
          )}
        </>
      ) : trace ? (
        <NoTrace
          what={`Nothing of this wire was traced at level “${trace.level}”: a ${type} may hold no tensors.`}
          level="full"
        />
      ) : (
        <NoTrace what="What it carries is known once a run is traced." level="full" />
      )}
    </div>
  );
}

function Parts({ tensors, part }: { tensors: readonly Tensor[]; part: string }) {
  return (
    <label className="nfi-field">
      part
      <select
        className="nfi-select"
        value={part}
        onChange={(event) => useLook.setState({ part: event.target.value, item: 0, channel: null })}
      >
        {tensors.map((one) => (
          <option key={one.tid} value={one.part}>
            {one.part || "value"} ({shapeText(one.shape)})
          </option>
        ))}
      </select>
    </label>
  );
}

function Facts({ tensor }: { tensor: Tensor }) {
  const rows: [string, string][] = [
    ["shape", shapeText(tensor.shape)],
    ["type", tensor.dtype],
    ["device", tensor.device],
    ["made at", tensor.path],
  ];
  return (
    <>
      <dl className="nfi-facts">
        {rows.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <Stats stats={tensor.stats} />
    </>
  );
}

// ── picture ─────────────────────────────────────────────────────────────────────────────────────

const MAP_NAMES: readonly MapName[] = ["grey", "diverging", "viridis"];

function Picture({ run, tensor }: { run: string; tensor: Tensor }) {
  const { item, channel, map } = useLook();
  const pixels = arePixels(tensor.part, tensor.shape);
  const at = planes(tensor.shape, 0, pixels);
  const latent = tensor.role !== "value" && tensor.shape.length === 4;
  const whole = latent || pixels || at.channels === 1;
  const shown = channel ?? (whole ? null : 0);
  const kept = Math.min(item, at.items - 1);
  return (
    <div className="nfi-look-picture">
      <div className="nfi-row">
        {at.channels > 1 ? (
          <label className="nfi-field">
            channel
            <select
              className="nfi-select"
              value={shown ?? ""}
              onChange={(event) =>
                useLook.setState({
                  channel: event.target.value === "" ? null : Number(event.target.value),
                })
              }
            >
              {whole ? <option value="">all, in colours</option> : null}
              {Array.from({ length: Math.min(at.channels, 1024) }, (_, k) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: channels have no name but their place
                <option key={k} value={k}>
                  {k}
                </option>
              ))}
            </select>
          </label>
        ) : null}
        {at.items > 1 ? (
          <label className="nfi-field">
            item
            <input
              className="nfi-number"
              type="number"
              min={0}
              max={at.items - 1}
              value={kept}
              onChange={(event) =>
                useLook.setState({ item: Math.max(0, Number(event.target.value)) })
              }
            />
          </label>
        ) : null}
        <label className="nfi-field">
          map
          <select
            className="nfi-select"
            value={map}
            disabled={shown === null && (latent || pixels)}
            onChange={(event) => useLook.setState({ map: event.target.value as MapName })}
          >
            {MAP_NAMES.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
      </div>
      {tensor.bytes > DRAWN_HERE ? (
        <img
          className="nfi-canvas"
          alt={`${tensor.path}.${tensor.port}`}
          src={api.tensorPicture(run, tensor.tid, { item: kept, channel: shown, map })}
        />
      ) : (
        <Values run={run} tensor={tensor} item={kept} channel={shown} map={map} />
      )}
    </div>
  );
}

interface ValuesProps {
  run: string;
  tensor: Tensor;
  item: number;
  channel: number | null;
  map: MapName;
}

/** The picture, with the value under the pointer or the arrow keys. */
function Values({ run, tensor, item, channel, map }: ValuesProps) {
  const values = useElements(run, tensor);
  const trace = useRunTrace(run);
  const family = useScrub((state) => state.family);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [cursor, setCursor] = useState<readonly [number, number] | null>(null);
  const pixels = arePixels(tensor.part, tensor.shape);
  const at = useMemo(() => planes(tensor.shape, item, pixels), [tensor, item, pixels]);
  useLayoutEffect(() => {
    if (!canvas.current || !values) return;
    paint(canvas.current, at.width, at.height, () => {
      if (channel === null && pixels) return picturePixels(values, at);
      if (channel === null && at.channels > 1)
        return latentPixels(values, at, factorsFor(trace, family, at.channels));
      const from = at.from + (channel ?? 0) * at.channel;
      const plane = pixels ? values : values.subarray(from, from + at.height * at.width);
      return planePixels(values, at, channel ?? 0, map, rangeOf(plane, map));
    });
  }, [values, at, channel, map, pixels, trace, family]);
  const move = (event: PointerEvent<HTMLDivElement>) => {
    const box = canvas.current?.getBoundingClientRect() ?? new DOMRect(0, 0, 1, 1);
    const x = Math.floor(((event.clientX - box.left) / box.width) * at.width);
    const y = Math.floor(((event.clientY - box.top) / box.height) * at.height);
    setCursor([clamp(x, at.width), clamp(y, at.height)]);
  };
  const by: Record<string, readonly [number, number]> = {
    ArrowLeft: [-1, 0],
    ArrowRight: [1, 0],
    ArrowUp: [0, -1],
    ArrowDown: [0, 1],
  };
  const [x, y] = cursor ?? [0, 0];
  return (
    <>
      <div
        className="nfi-look-values"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys move over its values
        tabIndex={0}
        role="application"
        aria-label={`Values of ${tensor.path}.${tensor.port}: arrow keys move over them`}
        aria-describedby="nfi-value"
        onPointerMove={move}
        onPointerDown={move}
        onFocus={() => setCursor((before) => before ?? [0, 0])}
        onKeyDown={(event) => {
          const step = by[event.key];
          if (!step) return;
          event.preventDefault();
          event.stopPropagation();
          setCursor([clamp(x + step[0], at.width), clamp(y + step[1], at.height)]);
        }}
      >
        <canvas ref={canvas} className="nfi-canvas nfi-look-canvas" />
      </div>
      <Value {...{ values, tensor, at, channel, x, y }} none={!cursor} />
    </>
  );
}

function clamp(value: number, side: number): number {
  return Math.max(0, Math.min(side - 1, value));
}

function Value(props: {
  values: Elements | undefined;
  tensor: Tensor;
  at: ReturnType<typeof planes>;
  channel: number | null;
  x: number;
  y: number;
  none: boolean;
}) {
  const { values, at, channel, x, y, none } = props;
  if (none || !values) {
    return (
      <p id="nfi-value" className="nf-quiet">
        {values ? "Point at the picture for its values." : "fetching …"}
      </p>
    );
  }
  const first = channel ?? 0;
  const count = channel === null ? Math.min(at.channels, 4) : 1;
  const read = (c: number) =>
    values[at.from + c * at.channel + y * at.row + x * at.column] as number;
  const found = Array.from({ length: count }, (_, k) => read(first + k));
  const place = at.place(first, y, x);
  const text = `[${place.join(", ")}] = ${found.join(", ")}`;
  return (
    <p id="nfi-value" className="nfi-value" aria-live="polite">
      <code>[{place.join(", ")}]</code>{" "}
      {found.map((value, k) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: channels have no name but their place
        <output key={k} title={exactly(value)}>
          {told(value)}{" "}
        </output>
      ))}
      {channel === null && at.channels > 4 ? "…" : ""}
      <button
        type="button"
        className="nf-icon"
        aria-label="copy this value"
        title={`Copy ${text}`}
        onClick={() => void copy(text)}
      >
        <Copy size={14} aria-hidden />
      </button>
    </p>
  );
}

async function copy(text: string): Promise<void> {
  const { notify } = useUi.getState();
  try {
    await navigator.clipboard.writeText(text);
    notify("good", `Copied ${text}`);
  } catch {
    notify("warning", `The browser does not let this page copy: ${text}`);
  }
}

// ── histogram ───────────────────────────────────────────────────────────────────────────────────

function HistogramOf({ run, tensor }: { run: string; tensor: Tensor }) {
  const [found, setFound] = useState<{ tid: string; histogram: wire.Histogram } | null>(null);
  const [fault, setFault] = useState("");
  useEffect(() => {
    let gone = false;
    setFault("");
    // While the slider is dragged not every step on the way is asked for.
    const timer = setTimeout(() => {
      api.tensorStats(run, tensor.tid).then(
        (histogram) => gone || setFound({ tid: tensor.tid, histogram }),
        (error: unknown) =>
          gone || setFault(error instanceof Error ? error.message : String(error)),
      );
    }, 120);
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, [run, tensor]);
  if (fault) return <p className="nf-fault">{fault}</p>;
  if (!found) return null;
  return <Bars histogram={found.histogram} stale={found.tid !== tensor.tid} />;
}

function Bars({ histogram, stale }: { histogram: wire.Histogram; stale: boolean }) {
  const { counts, edges, channels } = histogram;
  const most = Math.max(1, ...counts);
  const width = 100 / Math.max(1, counts.length);
  const [low, high] = [edges[0] ?? 0, edges.at(-1) ?? 0];
  const peak = counts.indexOf(most);
  const label = `Histogram from ${told(low)} to ${told(high)}, most (${most}) from ${told(edges[peak])} to ${told(edges[peak + 1])}`;
  return (
    <figure className="nfi-histogram" data-stale={stale}>
      <svg viewBox="0 0 100 40" preserveAspectRatio="none" role="img" aria-label={label}>
        {low < 0 && high > 0 ? (
          <line
            className="nfi-mark"
            x1={(-low / (high - low)) * 100}
            x2={(-low / (high - low)) * 100}
            y1={0}
            y2={40}
            vectorEffect="non-scaling-stroke"
          />
        ) : null}
        {counts.map((count, k) => (
          <rect
            // biome-ignore lint/suspicious/noArrayIndexKey: bars have no name but their place
            key={k}
            className="nfi-bar"
            x={k * width}
            width={width * 0.9}
            y={40 - (count / most) * 40}
            height={(count / most) * 40}
          >
            <title>{`${told(edges[k])} to ${told(edges[k + 1])}: ${count}`}</title>
          </rect>
        ))}
      </svg>
      <figcaption>
        <span title={exactly(low)}>{told(low)}</span>
        <span>{counts.reduce((sum, count) => sum + count, 0)} values</span>
        <span title={exactly(high)}>{told(high)}</span>
      </figcaption>
      {channels.length > 1 ? (
        <table className="nfi-table">
          <caption>By channel</caption>
          <thead>
            <tr>
              {["", "min", "max", "mean", "std"].map((name) => (
                <th key={name} scope="col">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {channels.map((one, k) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: channels have no name but their place
              <tr key={k}>
                <th scope="row">{k}</th>
                {[one.min, one.max, one.mean, one.std].map((value, c) => (
                  // biome-ignore lint/suspicious/noArrayIndexKey: columns are fixed
                  <td key={c} title={exactly(value)}>
                    {told(value)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      ) : null}
    </figure>
  );
}
