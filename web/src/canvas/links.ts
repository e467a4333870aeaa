/** Making and judging links between sockets, as the hand does it. */

import type { Catalogue } from "../model/catalogue";
import { connect, disconnect } from "../model/edit";
import { judge, type Verdict } from "../model/fit";
import { type GraphFile, nodesIn, PAD_IN, PAD_OUT, type Scope } from "../model/graph";
import { wireEnd } from "../model/links";
import { portsOf } from "../model/ports";
import { useCatalogue } from "../store/catalogue";
import { useEditor } from "../store/editor";
import { type Linking, type Side, useCanvasStore } from "./store";

export interface End {
  node: string;
  port: string;
}

export interface SocketName extends End {
  side: Side;
}

/** What would come of a link between two sockets, whichever of them it was drawn from. */
export function verdict(a: SocketName, b: SocketName): Verdict {
  const { graph, scope } = useEditor.getState();
  const { catalogue } = useCatalogue.getState();
  if (a.side === b.side) {
    const what = a.side === "source" ? "outputs" : "inputs";
    return { ok: false, reason: `Both are ${what}: a wire goes from an output to an input` };
  }
  const [from, to] = a.side === "source" ? [a, b] : [b, a];
  return judge(graph, scope, from, to, catalogue);
}

const judged = new WeakMap<Linking, Map<string, boolean>>();

/** Whether the link being made may end at a socket; worked out once per link. */
export function fits(linking: Linking, node: string, port: string, side: Side): boolean {
  if (linking.side === side) return false;
  let known = judged.get(linking);
  if (!known) {
    known = new Map();
    judged.set(linking, known);
  }
  const key = `${node}.${port}`;
  let ok = known.get(key);
  if (ok === undefined) {
    ok = verdict(linking, { node, port, side }).ok;
    known.set(key, ok);
  }
  return ok;
}

/** Connect two sockets: one undoable step, or the reason why not. */
export function link(a: SocketName, b: SocketName, screen: readonly [number, number]): boolean {
  const [from, to] = a.side === "source" ? [a, b] : [b, a];
  const found = verdict(a, b);
  const { say } = useCanvasStore.getState();
  if (!found.ok) {
    const refusal = {
      screen: [screen[0], screen[1]] as [number, number],
      reason: found.reason,
      from,
      to,
      ...(found.conversion ? { conversion: found.conversion } : {}),
    };
    useCanvasStore.setState({ refusal, linking: null });
    say(found.reason);
    return false;
  }
  const { scope, edit } = useEditor.getState();
  const { catalogue } = useCatalogue.getState();
  edit("Connect", (graph) => connect(graph, scope, plain(from), plain(to), catalogue));
  say(`Connected ${from.node}.${from.port} to ${to.node}.${to.port}`);
  return true;
}

/** Move one end of a wire to another socket: one undoable step. */
export function relink(wire: string, from: End, to: End): void {
  const { scope, edit } = useEditor.getState();
  const { catalogue } = useCatalogue.getState();
  const old = wireEnd(wire);
  edit("Reconnect", (graph) =>
    connect(cut(graph, scope, old), scope, plain(from), plain(to), catalogue),
  );
  useCanvasStore.getState().say(`Connected ${from.node}.${from.port} to ${to.node}.${to.port}`);
}

export function unlink(wire: string): void {
  const { scope, edit } = useEditor.getState();
  const old = wireEnd(wire);
  edit("Disconnect", (graph) => cut(graph, scope, old));
  useCanvasStore.getState().say(`Disconnected ${old.to.node}.${old.to.port}`);
}

function cut(graph: GraphFile, scope: Scope, old: ReturnType<typeof wireEnd>): GraphFile {
  return disconnect(graph, scope, old.to, old.index);
}

function plain({ node, port }: End): End {
  return { node, port };
}

export interface Candidate extends SocketName {
  title: string;
  type: string;
  /** The link that would give way. */
  replaces: string;
}

/** All sockets of the scope that fit one, those that are free first. */
export function candidates(of: SocketName): Candidate[] {
  const { graph, scope } = useEditor.getState();
  const { catalogue } = useCatalogue.getState();
  const side: Side = of.side === "source" ? "target" : "source";
  const found: Candidate[] = [];
  const ids = Object.keys(nodesIn(graph, scope) ?? {});
  if (scope.length) ids.push(side === "source" ? PAD_IN : PAD_OUT);
  for (const id of ids) {
    if (id === of.node) continue;
    const ports = portsOf(graph, scope, id, catalogue);
    for (const port of side === "source" ? ports.outputs : ports.inputs) {
      const result = verdict(of, { node: id, port: port.name, side });
      if (!result.ok) continue;
      found.push({
        node: id,
        port: port.name,
        side,
        title: ports.title,
        type: port.type,
        replaces: result.replaces ?? "",
      });
    }
  }
  return found.sort((a, b) => Number(Boolean(a.replaces)) - Number(Boolean(b.replaces)));
}

/** The first socket of a node that fits a link dropped on its card: a free one if there is one. */
export function best(linking: SocketName, node: string): SocketName | undefined {
  const { graph, scope } = useEditor.getState();
  const { catalogue } = useCatalogue.getState();
  const side: Side = linking.side === "source" ? "target" : "source";
  const ports = portsOf(graph, scope, node, catalogue);
  let taken: SocketName | undefined;
  for (const port of side === "source" ? ports.outputs : ports.inputs) {
    const name = { node, port: port.name, side };
    const result = verdict(linking, name);
    if (!result.ok) continue;
    if (!result.replaces) return name;
    taken ??= name;
  }
  return taken;
}

/** The type at a socket, as the search needs it. */
export function typeAt(name: SocketName, graph: GraphFile, scope: Scope, catalogue: Catalogue) {
  const ports = portsOf(graph, scope, name.node, catalogue);
  const list = name.side === "source" ? ports.outputs : ports.inputs;
  return list.find((port) => port.name === name.port)?.type ?? "?";
}
