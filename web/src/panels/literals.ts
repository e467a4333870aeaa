/** Reading and writing a node's literals, by path. */

import { setParam } from "../model/edit";
import type { GraphFile, Json } from "../model/graph";
import { nodeByPath, splitPath, splitTarget } from "../model/links";
import { useEditor } from "../store/editor";

export function write(path: string, port: string, value: Json | undefined, merge: string): void {
  const { scope, id } = splitPath(path);
  const label = value === undefined ? `Reset ${port}` : `Set ${port}`;
  useEditor.getState().edit(label, (graph) => setParam(graph, scope, id, port, value), { merge });
}

/** The places that a declared input of the graph feeds. */
export function targetsOf(graph: GraphFile, name: string): string[] {
  const targets = graph.inputs?.[name] ?? [];
  return typeof targets === "string" ? [targets] : targets;
}

export function declaredValue(graph: GraphFile, name: string): Json | undefined {
  const { node, port } = splitTarget(targetsOf(graph, name)[0] ?? "");
  return nodeByPath(graph, node)?.params?.[port];
}

/** One step, however many places the input feeds. */
export function writeDeclared(name: string, value: Json | undefined, merge: string): void {
  useEditor.getState().edit(
    `Set ${name}`,
    (graph) =>
      targetsOf(graph, name).reduce((made, target) => {
        const { node, port } = splitTarget(target);
        const { scope, id } = splitPath(node);
        return setParam(made, scope, id, port, value);
      }, graph),
    { merge },
  );
}
