/** The commands that need no more than the stores. */

import { cancelRun, exportComfyUI, exportJson, exportPython, runGraph, saveGraph } from "./actions";
import { type Command, registerCommands } from "./commands";
import { hasNodes } from "./documents";
import { useEditor } from "./editor";
import { useRuns } from "./runs";

const editor = () => useEditor.getState();

const RUN: Command[] = [
  {
    id: "run.queue",
    title: "Run",
    group: "Run",
    keys: ["Mod+Enter"],
    inText: true,
    words: "queue start execute",
    run: () => runGraph(),
  },
  {
    id: "run.front",
    title: "Run before all that waits",
    group: "Run",
    keys: ["Mod+Shift+Enter"],
    inText: true,
    words: "front queue",
    run: () => runGraph({ front: true }),
  },
  {
    id: "run.cancel",
    title: "Cancel the run",
    group: "Run",
    keys: ["Mod+Alt+Enter"],
    inText: true,
    words: "stop interrupt abort",
    when: () => useRuns.getState().running.length > 0,
    run: () => cancelRun(),
  },
];

const EDIT: Command[] = [
  {
    id: "edit.undo",
    title: "Undo",
    group: "Edit",
    keys: ["Mod+Z"],
    when: () => editor().past.length > 0,
    run: () => editor().undo(),
  },
  {
    id: "edit.redo",
    title: "Redo",
    group: "Edit",
    keys: ["Mod+Shift+Z", "Mod+Y"],
    when: () => editor().future.length > 0,
    run: () => editor().redo(),
  },
];

const GRAPH: Command[] = [
  {
    id: "graph.save",
    title: "Save",
    group: "Graph",
    keys: ["Mod+S"],
    inText: true,
    run: () => saveGraph(),
  },
  {
    id: "graph.json",
    title: "Export the graph file",
    group: "Graph",
    words: "download json",
    when: () => hasNodes(editor().graph),
    run: exportJson,
  },
  {
    id: "graph.comfyui",
    title: "Export for ComfyUI",
    group: "Graph",
    words: "download prompt api",
    when: () => hasNodes(editor().graph),
    run: exportComfyUI,
  },
  {
    id: "graph.python",
    title: "Export as Python",
    group: "Graph",
    words: "download script",
    when: () => hasNodes(editor().graph),
    run: exportPython,
  },
];

export function registerBase(): () => void {
  return registerCommands([...RUN, ...EDIT, ...GRAPH]);
}
