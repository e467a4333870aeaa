/** The commands of what stands around the canvas, beside those that every store offers. */

import { drawSeeds, runGraph } from "../store/actions";
import { type Command, keysText, registerCommands, useCommands } from "../store/commands";
import { useEditor } from "../store/editor";
import { outputsOfSelection } from "./selected";

export function panelCommands(): Command[] {
  return [
    {
      id: "run.toSelected",
      title: "Run to the selected node",
      group: "Run",
      when: () => outputsOfSelection().length > 0,
      run: async () => void (await runGraph({ outputs: outputsOfSelection() })),
    },
    {
      id: "run.trace",
      title: "Run and keep every step",
      group: "Run",
      words: "trace latents look inside",
      run: async () => void (await runGraph({ trace: "latents" })),
    },
    {
      id: "run.traceAll",
      title: "Run and keep every value",
      group: "Run",
      words: "trace full look inside",
      run: async () => void (await runGraph({ trace: "full" })),
    },
    {
      id: "edit.drawSeeds",
      title: "Draw the random seeds now",
      group: "Edit",
      words: "dice die",
      when: () => (useEditor.getState().graph.view?.$random ?? []).length > 0,
      run: () => useEditor.getState().edit("Draw seeds", drawSeeds),
    },
  ];
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
