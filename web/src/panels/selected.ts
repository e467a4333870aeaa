import { pathOf } from "../model/graph";
import { portsOf } from "../model/ports";
import { useCatalogue } from "../store/catalogue";
import { useEditor } from "../store/editor";

/** The outputs of the one selected node, as what a run is asked for; [] if that makes no sense. */
export function outputsOfSelection(): string[] {
  const { graph, scope, selection } = useEditor.getState();
  const [id] = selection;
  if (selection.length !== 1 || !id || id.includes(":") || scope.length > 0) return [];
  const ports = portsOf(graph, scope, id, useCatalogue.getState().catalogue).outputs;
  return ports.slice(0, 1).map((port) => `${pathOf(scope, id)}.${port.name}`);
}
