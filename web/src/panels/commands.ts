/** The commands of what stands around the canvas: panels, dialogs, documents, ways to run. */

import { newGraph, openFile, runGraph } from "../store/actions";
import { type Command, keysText, registerCommands, useCommands } from "../store/commands";
import { useEditor } from "../store/editor";
import { type Overlay, type RightPanel, useUi } from "../store/ui";
import { rolled } from "../widgets/seeds";
import { outputsOfSelection } from "./selected";

const ui = () => useUi.getState();

/** Open a panel, or close it where it is open. */
function panel(name: RightPanel, title: string, key: string): Command {
  return {
    id: `view.${name}`,
    title,
    group: "View",
    keys: [key],
    run: () => ui().openRight(ui().right === name ? "" : name),
  };
}

function overlay(id: string, name: Overlay, title: string, more: Partial<Command> = {}): Command {
  return { id, title, group: "View", run: () => ui().openOverlay(name), ...more };
}

/** The browser's own dialog; a picture gives the graph that made it. */
export function chooseFile(): void {
  const chooser = document.createElement("input");
  chooser.type = "file";
  chooser.accept = ".json,.png,.webp,.jpg,.jpeg";
  chooser.addEventListener("change", () => {
    const [file] = chooser.files ?? [];
    if (file) void openFile(file);
  });
  chooser.click();
}

export function saveAs(): void {
  ui().openOverlay("graphs", { save: true });
}

const RUN: Command[] = [
  {
    id: "run.toSelected",
    title: "Run to the selected node",
    group: "Run",
    when: () => outputsOfSelection().length > 0,
    run: () => runGraph({ outputs: outputsOfSelection() }),
  },
  {
    id: "run.trace",
    title: "Run and keep every step",
    group: "Run",
    words: "run with trace latents look inside",
    run: () => runGraph({ trace: "latents" }),
  },
  {
    id: "run.traceAll",
    title: "Run and keep every value",
    group: "Run",
    words: "run with trace full look inside",
    run: () => runGraph({ trace: "full" }),
  },
  {
    id: "edit.drawSeeds",
    title: "Draw the random seeds now",
    group: "Edit",
    words: "dice die",
    when: () => (useEditor.getState().graph.view?.$random ?? []).length > 0,
    run: () => useEditor.getState().edit("New seed", (graph) => rolled(graph)),
  },
];

const GRAPH: Command[] = [
  {
    id: "graph.saveAs",
    title: "Save as …",
    group: "Graph",
    keys: ["Mod+Shift+S"],
    inText: true,
    run: saveAs,
  },
  overlay("graph.open", "graphs", "Saved graphs", {
    group: "Graph",
    keys: ["Mod+O"],
    inText: true,
  }),
  {
    id: "graph.file",
    title: "Open a file or picture …",
    group: "Graph",
    words: "load import json png comfyui",
    run: chooseFile,
  },
  { id: "graph.new", title: "New, empty graph", group: "Graph", words: "clear", run: newGraph },
  overlay("graph.templates", "templates", "Templates and lessons", {
    group: "Graph",
    keys: ["T"],
    words: "examples learn",
  }),
];

const VIEW: Command[] = [
  overlay("view.palette", "palette", "Command palette", {
    keys: ["Mod+K", "Mod+Shift+P"],
    inText: true,
    hidden: true,
  }),
  overlay("view.shortcuts", "shortcuts", "Keys", { keys: ["?"], words: "keyboard shortcuts help" }),
  overlay("view.settings", "settings", "Settings", { keys: ["Mod+,"], inText: true }),
  overlay("view.welcome", "welcome", "Welcome", { words: "help begin" }),
  panel("node", "About the node", "N"),
  panel("form", "The graph as a form", "I"),
  panel("gallery", "Gallery", "G"),
  panel("queue", "Queue", "Q"),
  panel("history", "History of runs", "R"),
  panel("problems", "Problems", "P"),
  {
    id: "view.drawer",
    title: "Steps and plots",
    group: "View",
    keys: ["D"],
    words: "scrubber inspector drawer look inside",
    run: () => ui().setDrawer(!ui().drawer),
  },
  ...(["light", "dark", "system"] as const).map((theme) => ({
    id: `view.theme.${theme}`,
    title: `Theme: ${theme === "system" ? "as the system's" : theme}`,
    group: "View",
    run: () => ui().setTheme(theme),
  })),
];

export function panelCommands(): Command[] {
  return [...RUN, ...GRAPH, ...VIEW];
}

/** Returns what takes them out again. */
export const registerPanelCommands = () => registerCommands(panelCommands());

/** The keys of a command as people read them, "" for none. */
export function keysOf(id: string): string {
  const keys = useCommands.getState().commands.find((one) => one.id === id)?.keys?.[0];
  return keys ? keysText(keys) : "";
}

/** A tooltip: what a button does, and its keys. */
export function titled(title: string, id: string): string {
  const keys = keysOf(id);
  return keys ? `${title} (${keys})` : title;
}
