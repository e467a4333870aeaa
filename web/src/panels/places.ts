/** From a problem or an error to where it is. */

import { zoomTo } from "../canvas/actions";
import { nodeByPath } from "../model/links";
import { useEditor } from "../store/editor";
import { useUi } from "../store/ui";

/** `denoise[7]/guide` as the graph knows it. */
export function withoutPasses(path: string): string {
  return path.replace(/\[\d+\]/g, "");
}

/** Show a node, select it, and open its panel. */
export function goToNode(path: string, port = ""): void {
  const place = withoutPasses(path);
  if (!nodeByPath(useEditor.getState().graph, place)) {
    useUi.getState().notify("warning", `There is no node ${place} in this graph`);
    return;
  }
  zoomTo(place);
  if (!port || window.matchMedia?.("(max-width: 700px)").matches) return;
  useUi.getState().openRight("node");
  requestAnimationFrame(() => document.getElementById(fieldId(place, port))?.focus());
}

export function fieldId(path: string, port: string): string {
  return `field-${path.replaceAll("/", "-")}-${port}`;
}
