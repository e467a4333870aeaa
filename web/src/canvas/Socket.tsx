import { Handle, Position } from "@xyflow/react";
import { type KeyboardEvent, type MouseEvent, memo } from "react";
import type { Port } from "../model/ports";
import { SOCKET } from "../model/size";
import { useCatalogue } from "../store/catalogue";
import { typeColour, typeShape } from "./colour";
import { fits, link } from "./links";
import { type Side, useCanvasStore } from "./store";
import { vars } from "./style";

interface Props {
  node: string;
  port: Port;
  side: Side;
  y: number;
  /** What it is connected to, in words. */
  ends: readonly string[];
  /** Whether Tab stops here: only in the node one is at. */
  tabbable: boolean;
}

/** A socket: colour and shape say its type; it is a button for keys and taps. */
export const Socket = memo(function Socket({ node, port, side, y, ends, tabbable }: Props) {
  const catalogue = useCatalogue((s) => s.catalogue);
  const fit = useCanvasStore((s) => {
    if (!s.linking) return "";
    if (s.linking.node === node && s.linking.port === port.name && s.linking.side === side) {
      return "origin";
    }
    return fits(s.linking, node, port.name, side) ? "fits" : "unfit";
  });
  const word = side === "source" ? "output" : "input";
  const connected = ends.length ? `connected to ${ends.join(", ")}` : "not connected";
  const needed = side === "target" && port.required && !ends.length ? ", required" : "";
  return (
    <Handle
      id={port.name}
      type={side}
      position={side === "source" ? Position.Right : Position.Left}
      className={`socket ${side === "source" ? "socket-out" : "socket-in"}`}
      style={{ ...vars({ "--socket": typeColour(port.type, catalogue) }), top: y, height: SOCKET }}
      role="button"
      tabIndex={tabbable ? 0 : -1}
      aria-label={`${word} ${port.name}, ${port.type}, ${connected}${needed}`}
      title={`${port.name}: ${port.type}`}
      data-shape={typeShape(port.type, catalogue)}
      data-fit={fit}
      data-used={ends.length > 0}
      onClick={(event: MouseEvent) => tapped(event, node, port, side)}
      onContextMenu={(event: MouseEvent) => openMenu(event, node, port.name, side)}
      onKeyDown={(event: KeyboardEvent) => pressed(event, node, port.name, side)}
    />
  );
});

/** A tap takes the link up, a second one on another socket lays it down. */
function tapped(event: MouseEvent, node: string, port: Port, side: Side): void {
  event.stopPropagation();
  const { linking, say } = useCanvasStore.getState();
  const here = { node, port: port.name, side };
  if (!linking) {
    useCanvasStore.setState({ linking: { ...here, type: port.type, tap: true }, refusal: null });
    say(`Linking from ${node}.${port.name}: choose a socket that fits, Escape to cancel`);
    return;
  }
  const same = linking.node === node && linking.port === port.name && linking.side === side;
  useCanvasStore.setState({ linking: null });
  if (!same) link(linking, here, [event.clientX, event.clientY]);
}

function openMenu(event: MouseEvent, node: string, port: string, side: Side): void {
  event.preventDefault();
  event.stopPropagation();
  const screen: [number, number] = [event.clientX, event.clientY];
  useCanvasStore.setState({
    menu: { screen, at: [0, 0], about: { kind: "socket", node, port, side } },
  });
}

function pressed(event: KeyboardEvent, node: string, port: string, side: Side): void {
  if (event.key !== "Enter" && event.key !== " ") return;
  event.preventDefault();
  event.stopPropagation();
  const box = event.currentTarget.getBoundingClientRect();
  const screen: [number, number] = [box.right + 4, box.top];
  useCanvasStore.setState({ targets: { node, port, side, screen }, linking: null });
}

/** What a link is called where a port shows it: the wire's name. */
export function wireName(links: readonly string[]): string {
  return links.length > 2 ? `${links[0]} and ${links.length - 1} more` : links.join(", ");
}
