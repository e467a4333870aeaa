/** The canvas's commands: the palette, the shortcut sheet and the keys are made from these. */

import { GROUP, nodesIn } from "../model/graph";
import { registerCommands } from "../store/commands";
import { useEditor } from "../store/editor";
import { useRuns } from "../store/runs";
import { useUi } from "../store/ui";
import * as act from "./actions";
import { isPaneFocused, useCanvasStore } from "./store";

const some = () => useEditor.getState().selection.length > 0;
const nodes = () => act.selectedNodes().length > 0;
const several = (least: number) => () => act.selectedItems().length >= least;
const inside = () => useEditor.getState().scope.length > 0;
/** Text somebody marked on the page is copied by the browser. */
const noText = () => !String(window.getSelection?.() ?? "");

function selectedType(test: (type: string) => boolean): boolean {
  const { graph, scope } = useEditor.getState();
  const all = nodesIn(graph, scope) ?? {};
  return act.selectedNodes().some((id) => test(all[id]?.type ?? ""));
}

export function registerCanvasCommands(): () => void {
  const edit = { group: "Edit" };
  const view = { group: "View" };
  const nodesGroup = { group: "Nodes" };
  return registerCommands([
    {
      ...nodesGroup,
      id: "canvas.add",
      title: "Add a node…",
      keys: ["Tab"],
      words: "new search insert",
      when: isPaneFocused,
      hidden: true,
      run: () => act.startSearch(),
    },
    {
      ...nodesGroup,
      id: "canvas.addAnywhere",
      title: "Add a node…",
      keys: ["Shift+A"],
      words: "new search insert",
      run: () => act.startSearch(),
    },
    {
      ...nodesGroup,
      id: "canvas.note",
      title: "Add a note",
      keys: ["Shift+N"],
      run: () => act.note(),
    },
    {
      ...nodesGroup,
      id: "canvas.frame",
      title: "Frame around the selection",
      keys: ["Mod+Alt+F"],
      words: "group comment box",
      run: () => act.frame(),
    },
    {
      ...edit,
      id: "canvas.delete",
      title: "Delete",
      keys: ["Delete", "Backspace"],
      when: some,
      run: () => act.remove(),
    },
    {
      ...edit,
      id: "canvas.duplicate",
      title: "Duplicate",
      keys: ["Mod+D"],
      when: several(1),
      run: act.duplicateSelection,
    },
    // Keys of the clipboard are the browser's own events: those need no permission.
    { ...edit, id: "canvas.copy", title: "Copy", when: several(1), run: act.copy },
    { ...edit, id: "canvas.cut", title: "Cut", when: several(1), run: act.cut },
    { ...edit, id: "canvas.paste", title: "Paste", run: () => act.paste() },
    {
      ...edit,
      id: "canvas.all",
      title: "Select all",
      keys: ["Mod+A"],
      when: noText,
      run: act.selectAll,
    },
    { ...edit, id: "canvas.none", title: "Select nothing", when: some, run: act.selectNone },
    {
      ...nodesGroup,
      id: "canvas.rename",
      title: "Rename",
      keys: ["F2"],
      when: several(1),
      run: act.beginRename,
    },
    {
      ...nodesGroup,
      id: "canvas.bypass",
      title: "Bypass, or take it back",
      keys: ["Mod+B"],
      words: "skip hand through",
      when: nodes,
      run: () => act.toggleMode("bypass"),
    },
    {
      ...nodesGroup,
      id: "canvas.mute",
      title: "Mute, or take it back",
      keys: ["Mod+M"],
      words: "disable off",
      when: nodes,
      run: () => act.toggleMode("mute"),
    },
    {
      ...nodesGroup,
      id: "canvas.collapse",
      title: "Collapse or expand",
      keys: ["H", "Alt+C"],
      when: nodes,
      run: act.toggleCollapsed,
    },
    {
      ...nodesGroup,
      id: "canvas.group",
      title: "Group the selection",
      keys: ["Mod+G"],
      words: "subgraph",
      when: nodes,
      run: act.groupSelection,
    },
    {
      ...nodesGroup,
      id: "canvas.ungroup",
      title: "Ungroup",
      keys: ["Mod+Shift+G"],
      when: () => selectedType((type) => type === GROUP),
      run: act.ungroupSelection,
    },
    {
      ...nodesGroup,
      id: "canvas.enter",
      title: "Enter the loop or group",
      when: () => selectedType((type) => type.startsWith("flow.")),
      run: act.enterSelected,
    },
    {
      ...nodesGroup,
      id: "canvas.leave",
      title: "Leave the loop or group",
      keys: ["Escape"],
      when: () => inside() && useUi.getState().overlay === "",
      run: act.leave,
    },
    {
      ...nodesGroup,
      id: "canvas.breakpoint",
      title: "Stop before this node, or no more",
      keys: ["F9"],
      words: "breakpoint pause debug",
      when: nodes,
      run: act.toggleBreakpoints,
    },
    { ...view, id: "canvas.fit", title: "Fit all to view", keys: ["F"], run: () => act.fit() },
    {
      ...view,
      id: "canvas.fitSelection",
      title: "Fit the selection to view",
      keys: ["Shift+F"],
      when: several(1),
      run: () => act.fit(act.selectedItems()),
    },
    { ...view, id: "canvas.full", title: "Zoom to 100 %", keys: ["1"], run: act.zoomToFull },
    { ...view, id: "canvas.in", title: "Zoom in", keys: ["+", "="], run: () => act.zoomBy(1.25) },
    { ...view, id: "canvas.out", title: "Zoom out", keys: ["-"], run: () => act.zoomBy(1 / 1.25) },
    {
      ...view,
      id: "canvas.minimap",
      title: "Show or hide the minimap",
      keys: ["M"],
      run: () => useUi.getState().setMinimap(!useUi.getState().minimap),
    },
    {
      ...view,
      id: "canvas.snap",
      title: "Snap to the grid, or no more",
      keys: ["Shift+S"],
      run: () => useCanvasStore.setState(({ snap }) => ({ snap: !snap })),
    },
    {
      ...view,
      id: "canvas.error",
      title: "Go to the node that failed",
      words: "problem",
      when: () => failed() !== "",
      run: () => act.zoomTo(failed()),
    },
    {
      ...nodesGroup,
      id: "canvas.arrange",
      title: "Arrange the selection, or all",
      keys: ["Mod+Shift+L"],
      words: "layout tidy",
      run: act.arrangeSelection,
    },
    ...(
      [
        ["left", "Alt+A"],
        ["right", "Alt+D"],
        ["top", "Alt+W"],
        ["bottom", "Alt+S"],
        ["centre", ""],
        ["middle", ""],
      ] as const
    ).map(([line, keys]) => ({
      ...nodesGroup,
      id: `canvas.align.${line}`,
      title: `Align ${line}`,
      ...(keys ? { keys: [keys] } : {}),
      when: several(2),
      run: () => act.alignSelection(line),
    })),
    {
      ...nodesGroup,
      id: "canvas.distribute.x",
      title: "Distribute across",
      when: several(3),
      run: () => act.distributeSelection("x"),
    },
    {
      ...nodesGroup,
      id: "canvas.distribute.y",
      title: "Distribute down",
      when: several(3),
      run: () => act.distributeSelection("y"),
    },
  ]);
}

function failed(): string {
  const { runs, shown } = useRuns.getState();
  return runs[shown]?.errors.find((error) => error.node)?.node ?? "";
}
