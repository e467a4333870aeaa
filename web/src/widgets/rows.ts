/** How high a widget is on a node, in rows of 26 px: known before anything is drawn. */

import type { WidgetSpec } from "../model/catalogue";

export const ROW = 26;

export function widgetRows(widget: WidgetSpec | undefined): number {
  return widget?.widget === "Prompt" || widget?.widget === "TextArea" ? 3 : 1;
}
