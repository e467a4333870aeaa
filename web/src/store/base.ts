/** The commands that need no more than the stores. */

import {
  cancelRun,
  exportComfyUI,
  exportJson,
  exportPython,
  newGraph,
  openFile,
  runGraph,
  saveGraph,
} from "./actions";
import { type Command, registerCommands } from "./commands";
import { hasNodes } from "./documents";
import { useEditor } from "./editor";
import { useRuns } from "./runs";
import { type Overlay, type RightPanel, useUi } from "./ui";

const editor = () => useEditor.getState();
const ui = () => useUi.getState();

function overlay(name: Overlay) {
  return () => ui().openOverlay(name);
}

/** Open a panel, or close it where it is open. */
function panel(name: RightPanel) {
  return () => ui().openRight(ui().right === name ? "" : name);
}

/** Let somebody choose a file to open. */
export function chooseFile(): void {
  const input = document.createElement("input");
  input.type = "file";
  input.accept = ".json,.png,.webp,.jpg,.jpeg";
  input.onchange = () => {
    const file = input.files?.[0];
    if (file) void openFile(file);
  };
  input.click();
}

const RUN: Command[] = [
  {
    id: "run.queue",
    title: "Run",
    group: "Run",
    keys: ["Mod+Enter"],
    inText: true,
    words: "queue start execute",
    run: async () => void (await runGraph()),
  },
  {
    id: "run.front",
    title: "Run before all that waits",
    group: "Run",
    keys: ["Mod+Shift+Enter"],
    inText: true,
    words: "front queue",
    run: async () => void (await runGraph({ front: true })),
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
    run: async () => void (await saveGraph()),
  },
  {
    id: "graph.saveAs",
    title: "Save under a name …",
    group: "Graph",
    keys: ["Mod+Shift+S"],
    inText: true,
    run: () => ui().openOverlay("graphs", { save: true }),
  },
  {
    id: "graph.open",
    title: "Saved graphs",
    group: "Graph",
    keys: ["Mod+O"],
    inText: true,
    run: overlay("graphs"),
  },
  { id: "graph.file", title: "Open a file …", group: "Graph", words: "load", run: chooseFile },
  { id: "graph.new", title: "New, empty graph", group: "Graph", words: "clear", run: newGraph },
  {
    id: "graph.templates",
    title: "Templates and lessons",
    group: "Graph",
    keys: ["T"],
    words: "examples",
    run: overlay("templates"),
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
    words: "download api prompt",
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

const VIEW: Command[] = [
  {
    id: "view.palette",
    title: "Command palette",
    group: "View",
    keys: ["Mod+K", "Mod+Shift+P"],
    inText: true,
    hidden: true,
    run: overlay("palette"),
  },
  {
    id: "view.shortcuts",
    title: "Keyboard shortcuts",
    group: "View",
    keys: ["?"],
    run: overlay("shortcuts"),
  },
  {
    id: "view.settings",
    title: "Settings",
    group: "View",
    keys: ["Mod+,"],
    run: overlay("settings"),
  },
  { id: "view.welcome", title: "Welcome", group: "View", run: overlay("welcome") },
  { id: "view.queue", title: "Queue", group: "View", keys: ["Q"], run: panel("queue") },
  {
    id: "view.history",
    title: "History of runs",
    group: "View",
    keys: ["H"],
    run: panel("history"),
  },
  { id: "view.gallery", title: "Gallery", group: "View", keys: ["G"], run: panel("gallery") },
  { id: "view.problems", title: "Problems", group: "View", keys: ["P"], run: panel("problems") },
  { id: "view.form", title: "The graph as a form", group: "View", keys: ["I"], run: panel("form") },
  { id: "view.node", title: "About the node", group: "View", keys: ["N"], run: panel("node") },
  {
    id: "view.drawer",
    title: "Steps and plots",
    group: "View",
    keys: ["D"],
    words: "scrubber inspector drawer",
    run: () => ui().setDrawer(!ui().drawer),
  },
  {
    id: "view.minimap",
    title: "Minimap",
    group: "View",
    keys: ["M"],
    run: () => ui().setMinimap(!ui().minimap),
  },
  ...(["light", "dark", "system"] as const).map((theme) => ({
    id: `view.theme.${theme}`,
    title: `Theme: ${theme === "system" ? "as the system's" : theme}`,
    group: "View",
    run: () => ui().setTheme(theme),
  })),
];

export function registerBase(): () => void {
  return registerCommands([...RUN, ...EDIT, ...GRAPH, ...VIEW]);
}
