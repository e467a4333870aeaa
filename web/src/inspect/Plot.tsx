/** Lines over steps, as a drawing that keys can walk through, with its figures as a table. */

import {
  type KeyboardEvent,
  type PointerEvent,
  type ReactNode,
  useEffect,
  useId,
  useRef,
  useState,
} from "react";
import { exactly, told } from "./numbers";
import { extent, linear, logarithmic, type Scale } from "./scales";

export interface Series {
  name: string;
  /** Which of the plot colours, 0..5. */
  colour: number;
  points: readonly (readonly [number, number])[];
  dashed?: boolean;
}

interface Props {
  title: string;
  xLabel: string;
  yLabel: string;
  series: readonly Series[];
  log?: boolean;
  /** Values the axis must reach. */
  include?: readonly number[];
  /** The step that is shown, and what choosing another does. */
  mark?: number;
  onMark?: (x: number) => void;
  height?: number;
  /** Drawn over the lines. */
  over?: (x: Scale, y: Scale, box: Box) => ReactNode;
}

export interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** The width that an element has on the screen. */
export function useWidth(start = 360): [React.RefObject<HTMLDivElement | null>, number] {
  const ref = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(start);
  useEffect(() => {
    const element = ref.current;
    if (!element || typeof ResizeObserver === "undefined") return;
    const observer = new ResizeObserver(([entry]) => {
      const now = Math.round(entry?.contentRect.width ?? 0);
      if (now > 0) setWidth(now);
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [ref, width];
}

const ROOM = { left: 52, right: 12, top: 10, bottom: 34 };

export function Plot(props: Props) {
  const { title, series, mark, onMark, height = 200 } = props;
  const [ref, width] = useWidth();
  const box: Box = {
    left: ROOM.left,
    top: ROOM.top,
    width: Math.max(40, width - ROOM.left - ROOM.right),
    height: height - ROOM.top - ROOM.bottom,
  };
  const { x, y } = scalesOf(props);
  const xs = [...new Set(series.flatMap((one) => one.points.map(([at]) => at)))].sort(
    (a, b) => a - b,
  );
  const px = (value: number) => box.left + x.place(value) * box.width;
  const py = (value: number) => box.top + (1 - y.place(value)) * box.height;
  const near = (clientX: number, target: Element) => {
    const left = target.getBoundingClientRect().left;
    const value = x.value((clientX - left - box.left) / box.width);
    return xs.reduce(
      (best, at) => (Math.abs(at - value) < Math.abs(best - value) ? at : best),
      xs[0] ?? 0,
    );
  };
  const drag = (event: PointerEvent<SVGSVGElement>) => {
    if (!onMark || !(event.buttons & 1) || (event.target as Element).closest(".nfi-point")) return;
    onMark(near(event.clientX, event.currentTarget));
  };
  const keys = (event: KeyboardEvent) => {
    if (!onMark || !xs.length) return;
    const at = xs.findLastIndex((value) => value <= (mark ?? 0));
    const to: Record<string, number> = {
      ArrowLeft: at - 1,
      ArrowDown: at - 1,
      ArrowRight: at + 1,
      ArrowUp: at + 1,
      Home: 0,
      End: xs.length - 1,
    };
    const next = to[event.key];
    if (next === undefined || (event.target as Element).closest(".nfi-point")) return;
    event.preventDefault();
    event.stopPropagation();
    const value = xs[Math.max(0, Math.min(xs.length - 1, next))];
    if (value !== undefined) onMark(value);
  };
  const figures = mark === undefined ? "" : atMark(series, mark);
  const slider = onMark
    ? {
        role: "slider",
        tabIndex: 0,
        "aria-valuemin": xs[0] ?? 0,
        "aria-valuemax": xs.at(-1) ?? 0,
        "aria-valuenow": mark ?? 0,
        "aria-valuetext": figures,
        onPointerDown: drag,
        onPointerMove: drag,
        onKeyDown: keys,
      }
    : { role: "img" };
  return (
    <figure className="nfi-plot">
      <figcaption>
        <strong>{title}</strong>
        <Legend series={series} {...(mark === undefined ? {} : { mark })} />
      </figcaption>
      <div ref={ref} className="nfi-plot-area">
        <svg
          width={width}
          height={height}
          aria-label={`${title}: ${series.map((one) => spoken(one)).join("; ")}`}
          className={onMark ? "nfi-svg nfi-live" : "nfi-svg"}
          {...slider}
        >
          {y.ticks.map((value) => (
            <g key={value}>
              <line
                className="nfi-grid"
                x1={box.left}
                x2={box.left + box.width}
                y1={py(value)}
                y2={py(value)}
              />
              <text className="nfi-tick" x={box.left - 6} y={py(value) + 4} textAnchor="end">
                {told(value)}
              </text>
            </g>
          ))}
          {x.ticks.filter(Number.isInteger).map((value) => (
            <text
              key={value}
              className="nfi-tick"
              x={px(value)}
              y={box.top + box.height + 15}
              textAnchor="middle"
            >
              {value}
            </text>
          ))}
          <text className="nfi-axis" x={box.left + box.width} y={height - 4} textAnchor="end">
            {props.xLabel}
          </text>
          <text className="nfi-axis" x={4} y={height - 4}>
            {props.yLabel}
          </text>
          {mark !== undefined && (
            <line
              className="nfi-mark"
              x1={px(mark)}
              x2={px(mark)}
              y1={box.top}
              y2={box.top + box.height}
            />
          )}
          {series.map((one) => (
            <g key={one.name} className={`nfi-s${one.colour % 6}`}>
              <path
                className="nfi-line"
                strokeDasharray={one.dashed ? "5 4" : undefined}
                d={one.points
                  .filter(([, value]) => Number.isFinite(value))
                  .map(
                    ([at, value], k) =>
                      `${k ? "L" : "M"}${px(at).toFixed(1)} ${py(value).toFixed(1)}`,
                  )
                  .join("")}
              />
              {one.points
                .filter(([at, value]) => at === mark && Number.isFinite(value))
                .map(([at, value]) => (
                  <circle key={at} className="nfi-dot" cx={px(at)} cy={py(value)} r={4} />
                ))}
            </g>
          ))}
          {props.over?.(
            { ...x, place: px, value: x.value },
            { ...y, place: py, value: y.value },
            box,
          )}
        </svg>
      </div>
      <Figures title={title} xLabel={props.xLabel} series={series} xs={xs} />
    </figure>
  );
}

function scalesOf({ series, log, include = [] }: Props): { x: Scale; y: Scale } {
  const xs = extent(series.flatMap((one) => one.points.map(([at]) => at))) ?? [0, 1];
  const all = [...series.flatMap((one) => one.points.map(([, value]) => value)), ...include];
  if (log) {
    const range = extent(all.filter((value) => value > 0)) ?? [0.1, 1];
    // A last 0 has no place on this axis: it stands a little below the least.
    const zero = all.some((value) => value === 0);
    return { x: linear(...xs), y: logarithmic(range[0] * (zero ? 0.6 : 0.9), range[1] * 1.1) };
  }
  const [low, high] = extent(all) ?? [0, 1];
  const room = (high - low) * 0.06;
  return { x: linear(...xs), y: linear(low - room, high + room) };
}

function atMark(series: readonly Series[], mark: number): string {
  const found = series.flatMap(({ name, points }) => {
    const point = points.find(([at]) => at === mark);
    return point ? [`${name} ${told(point[1])}`] : [];
  });
  return `${mark}: ${found.join(", ")}`;
}

function spoken({ name, points }: Series): string {
  const [first, last] = [points[0], points.at(-1)];
  if (!first || !last) return `${name}: nothing`;
  return `${name} from ${told(first[1])} at ${first[0]} to ${told(last[1])} at ${last[0]}`;
}

function Legend({ series, mark }: { series: readonly Series[]; mark?: number }) {
  return (
    <ul className="nfi-legend">
      {series.map(({ name, colour, points }) => {
        const here = points.find(([at]) => at === mark);
        return (
          <li key={name} className={`nfi-s${colour % 6}`}>
            <i aria-hidden="true" /> {name}
            {here ? <output title={exactly(here[1])}> {told(here[1])}</output> : null}
          </li>
        );
      })}
    </ul>
  );
}

function Figures(props: {
  title: string;
  xLabel: string;
  series: readonly Series[];
  xs: readonly number[];
}) {
  const [open, setOpen] = useState(false);
  const id = useId();
  return (
    <details className="nfi-figures" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Figures</summary>
      {open ? (
        <table aria-labelledby={id}>
          <caption id={id} className="nf-sr">
            {props.title}
          </caption>
          <thead>
            <tr>
              <th scope="col">{props.xLabel}</th>
              {props.series.map(({ name }) => (
                <th key={name} scope="col">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {props.xs.map((at) => (
              <tr key={at}>
                <th scope="row">{at}</th>
                {props.series.map(({ name, points }) => {
                  const value = points.find(([x]) => x === at)?.[1];
                  return (
                    <td key={name} title={exactly(value)}>
                      {told(value)}
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      ) : null}
    </details>
  );
}
