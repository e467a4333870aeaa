/** The card that tells what a wire carries, a moment after the pointer or the keyboard came to it.
 * A click on a wire, or L at a socket, opens the panel that shows it whole. */

import { useEffect, useState } from "react";
import { useEditor } from "../store/editor";
import { useRuns } from "../store/runs";
import { useScrub } from "../store/scrub";
import { useUi, type WireHover } from "../store/ui";
import { TensorCanvas } from "./Draw";
import { atSocket, useLook, wireOf } from "./look";
import { shapeText } from "./numbers";
import { Stats, spoken } from "./Steps";
import { useShownTrace } from "./store";
import { carried, type Tensor } from "./trace";

const AFTER_MS = 250;

export function WireCard() {
  useWireEvents();
  const hovered = useUi((state) => state.wire);
  const focused = useLook((state) => state.focused);
  const wire = hovered ?? focused;
  const [shown, setShown] = useState<WireHover | null>(null);
  useEffect(() => {
    if (!wire) {
      setShown(null);
      return;
    }
    const timer = setTimeout(() => setShown(wire), AFTER_MS);
    return () => clearTimeout(timer);
  }, [wire]);
  return shown && wire ? <Card wire={shown} /> : null;
}

/** What a wire carries at the step that is shown. */
export function useCarried(from: string): readonly Tensor[] {
  const trace = useShownTrace();
  const graph = useEditor((state) => state.graph);
  const node = useScrub((state) => state.node);
  const step = useScrub((state) => state.step);
  return trace && from ? carried(trace, graph, from, node, step) : [];
}

function Card({ wire }: { wire: WireHover }) {
  const tensors = useCarried(wire.from);
  const trace = useShownTrace();
  const run = useRuns((state) => state.shown);
  const [first] = tensors;
  const [x, y] = wire.at;
  const left = Math.max(8, Math.min(x + 14, window.innerWidth - 268));
  const top = y + 300 > window.innerHeight ? Math.max(8, y - 250) : y + 16;
  return (
    <div className="nfi-wire" role="status" style={{ left, top }}>
      <p className="nfi-wire-type">
        <strong>{wire.type}</strong> <span>{wire.from}</span>
      </p>
      {first ? (
        <>
          <p>
            {shapeText(first.shape)} · {first.dtype} · {first.device}
            {first.step === null ? "" : ` · step ${first.step + 1}`}
          </p>
          <Stats stats={first.stats} />
          <p className="nf-sr">{spoken(first.stats)}</p>
          {first.kept && first.shape.length >= 3 && first.bytes < 1 << 22 ? (
            <TensorCanvas run={run} tensor={first} label="" className="nfi-wire-picture" />
          ) : null}
          {tensors.length > 1 ? (
            <p className="nf-quiet">and {tensors.length - 1} more tensors</p>
          ) : null}
        </>
      ) : (
        <p className="nf-quiet">
          {trace ? "Nothing of this was traced." : "Run with trace to see what it carries."}
        </p>
      )}
    </div>
  );
}

/** Clicks on wires, the keyboard at a socket. */
function useWireEvents(): void {
  useEffect(() => {
    const open = (event: Event) => {
      const target = event.target as Element;
      const edge = target.closest?.(".react-flow__edge");
      const id = edge?.getAttribute("data-id");
      if (!id || target.closest(".wire-bend")) return;
      const wire = wireOf(id);
      if (wire) useLook.getState().look(wire.from, wire.type);
    };
    const focus = (event: FocusEvent) => {
      const socket = (event.target as Element).closest?.(".socket");
      const at = socket?.matches(":focus-visible") ? atSocket(socket) : undefined;
      if (!socket || !at) {
        if (useLook.getState().focused) useLook.setState({ focused: null });
        return;
      }
      const box = socket.getBoundingClientRect();
      useLook.setState({ focused: { ...at, to: "", at: [box.right, box.bottom] } });
    };
    document.addEventListener("click", open);
    document.addEventListener("focusin", focus);
    return () => {
      document.removeEventListener("click", open);
      document.removeEventListener("focusin", focus);
    };
  }, []);
}
