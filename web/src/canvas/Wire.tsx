import { type Edge, type EdgeProps, useStoreApi } from "@xyflow/react";
import { type KeyboardEvent, memo, type PointerEvent } from "react";
import type { Point } from "../model/graph";
import { useRuns } from "../store/runs";
import { bend } from "./actions";
import type { WireData } from "./derive";
import { useWireHealth } from "./health";
import { toCanvas, useCanvasStore } from "./store";
import { vars } from "./style";
import { wirePath } from "./wirePath";

type Props = EdgeProps<Edge<WireData, "wire">>;

/** A wire: its colour says the type, its motion that what it feeds is at work. */
export const Wire = memo(function Wire(props: Props) {
  const { id, sourceX, sourceY, targetX, targetY, data, selected } = props;
  const busy = useRuns((s) => {
    const nodes = s.runs[s.shown]?.nodes;
    return nodes !== undefined && nodes[nodeOf(data?.to ?? "")]?.state === "running";
  });
  const dropped = useCanvasStore((s) => s.dropWire === id);
  const health = useWireHealth(data?.from ?? "");
  if (!data) return null;
  const from: Point = [sourceX, sourceY];
  const to: Point = [targetX, targetY];
  const path = wirePath(from, to, data.points);
  return (
    <g
      className="wire"
      data-busy={busy}
      data-selected={selected}
      data-list={data.list}
      data-drop={dropped}
      data-health={health}
      style={vars({ "--wire": data.colour })}
    >
      <path className="wire-hit" d={path} />
      <path className="wire-line" d={path} />
      {busy && <path className="wire-flow" d={path} />}
      {data.points.map((point, index) => (
        <Bend
          // biome-ignore lint/suspicious/noArrayIndexKey: points have no name but their place
          key={index}
          wire={id}
          points={data.points}
          index={index}
          at={point}
        />
      ))}
    </g>
  );
});

function nodeOf(end: string): string {
  const slash = end.lastIndexOf("/");
  const dot = end.indexOf(".", slash + 1);
  return dot < 0 ? end : end.slice(0, dot);
}

interface BendProps {
  wire: string;
  points: readonly Point[];
  index: number;
  at: Point;
}

/** A point that a wire passes: drag it, move it by arrows, double-click or Delete takes it out. */
function Bend({ wire, points, index, at }: BendProps) {
  const flow = useStoreApi();
  const put = (place: Point) => points.map((point, k) => (k === index ? place : point));
  const take = () =>
    bend(
      wire,
      points.filter((_, k) => k !== index),
      "Straighten wire",
    );
  const onPointerDown = (event: PointerEvent<SVGCircleElement>) => {
    if (event.button !== 0) return;
    event.stopPropagation();
    event.currentTarget.setPointerCapture(event.pointerId);
    useCanvasStore.setState({ bending: { wire, points } });
  };
  const onPointerMove = (event: PointerEvent<SVGCircleElement>) => {
    if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
    const place = toCanvas([event.clientX, event.clientY]);
    useCanvasStore.setState({ bending: { wire, points: put(place) } });
  };
  const onPointerUp = () => {
    const { bending } = useCanvasStore.getState();
    useCanvasStore.setState({ bending: null });
    if (bending) bend(wire, bending.points);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = 10 / flow.getState().transform[2];
    const by: Record<string, Point> = {
      ArrowLeft: [-step, 0],
      ArrowRight: [step, 0],
      ArrowUp: [0, -step],
      ArrowDown: [0, step],
    };
    const shift = by[event.key];
    if (shift) bend(wire, put([at[0] + shift[0], at[1] + shift[1]]));
    else if (event.key === "Delete" || event.key === "Backspace") take();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: there is no button element inside a drawing
    <circle
      className="wire-bend nopan nodrag"
      cx={at[0]}
      cy={at[1]}
      r={7}
      role="button"
      tabIndex={0}
      aria-label={`Point ${index + 1} of the wire to ${wire}`}
      onPointerDown={onPointerDown}
      onPointerMove={onPointerMove}
      onPointerUp={onPointerUp}
      onPointerCancel={onPointerUp}
      onDoubleClick={(event) => {
        event.stopPropagation();
        take();
      }}
      onKeyDown={onKeyDown}
    />
  );
}
