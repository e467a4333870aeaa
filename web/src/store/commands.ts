/**
 * All commands: the palette, the shortcut sheet and the key handler are made from this one list.
 * Whoever can do something registers it here.
 */

import { create } from "zustand";

export interface Command {
  /** `graph.save`; registering the same id again replaces the command. */
  id: string;
  title: string;
  /** `Mod+Enter`, `Mod+Shift+Z`, `Delete`, `?`; Mod is Ctrl, on a Mac the command key. */
  keys?: readonly string[];
  /** Where it stands in the sheet: "Run", "Edit", "View", "Graph" … */
  group?: string;
  /** More words to find it by. */
  words?: string;
  /** Whether it can be done now; absent: always. */
  when?: () => boolean;
  run: () => unknown;
  /** Its keys work while text is written, too. */
  inText?: boolean;
  /** Not in the palette. */
  hidden?: boolean;
}

export interface CommandsState {
  commands: readonly Command[];
}

export const useCommands = create<CommandsState>()(() => ({ commands: [] }));

/** Returns what takes them out again. */
export function registerCommands(added: readonly Command[]): () => void {
  const ids = new Set(added.map((command) => command.id));
  useCommands.setState(({ commands }) => ({
    commands: [...commands.filter((command) => !ids.has(command.id)), ...added],
  }));
  return () => {
    const mine = new Set(added);
    useCommands.setState(({ commands }) => ({
      commands: commands.filter((command) => !mine.has(command)),
    }));
  };
}

/** Do it, if it can be done now. Whether it was. */
export function runCommand(id: string): boolean {
  const command = useCommands.getState().commands.find((one) => one.id === id);
  if (!command || command.when?.() === false) return false;
  void command.run();
  return true;
}

const MAC = /Mac|iPhone|iPad/.test(globalThis.navigator?.platform ?? "");

/** Keys as people read them: `⌘ S` on a Mac, `Ctrl S` elsewhere. */
export function keysText(keys: string): string {
  const named: Record<string, string> = MAC
    ? { Mod: "⌘", Shift: "⇧", Alt: "⌥" }
    : { Mod: "Ctrl", Shift: "Shift", Alt: "Alt" };
  const signs: Record<string, string> = {
    ArrowLeft: "←",
    ArrowRight: "→",
    ArrowUp: "↑",
    ArrowDown: "↓",
    Escape: "Esc",
    Delete: "Del",
    " ": "Space",
  };
  return cut(keys)
    .map((part) => named[part] ?? signs[part] ?? (part.length === 1 ? part.toUpperCase() : part))
    .join(" ");
}

function cut(keys: string): string[] {
  // The plus key itself: `+`, `Mod++`.
  if (keys === "+") return ["+"];
  return keys.endsWith("++") ? [...keys.slice(0, -2).split("+"), "+"] : keys.split("+");
}

interface Pressed {
  key: string;
  code?: string;
  ctrlKey: boolean;
  metaKey: boolean;
  shiftKey: boolean;
  altKey: boolean;
}

/** Whether pressed keys are those of a command. A sign that needs Shift (`?`) is named without. */
export function matchesKeys(keys: string, pressed: Pressed): boolean {
  const parts = cut(keys);
  const key = parts.at(-1) ?? "";
  const has = (part: string) => parts.slice(0, -1).includes(part);
  const mod = MAC ? pressed.metaKey : pressed.ctrlKey;
  const other = MAC ? pressed.ctrlKey : pressed.metaKey;
  if (mod !== has("Mod") || other || pressed.altKey !== has("Alt")) return false;
  const sign = key.length === 1 && !/[a-z0-9 ]/i.test(key);
  if (!sign && pressed.shiftKey !== has("Shift")) return false;
  return same(key, pressed);
}

function same(key: string, pressed: Pressed): boolean {
  if (pressed.key.toLowerCase() === key.toLowerCase()) return true;
  // On layouts whose letters are others (Russian, Greek) the key's place counts.
  const foreign = pressed.key.length === 1 && pressed.key.charCodeAt(0) > 127;
  return foreign && /^[a-z]$/i.test(key) && pressed.code === `Key${key.toUpperCase()}`;
}

const FIELDS = "input, textarea, select, [contenteditable=''], [contenteditable='true']";
/** Inputs in which nothing is written: keys of the canvas may go through. */
const NO_TEXT = "input[type=checkbox], input[type=radio], input[type=range], input[type=button]";

function inText(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest(FIELDS) !== null && !target.matches(NO_TEXT);
}

function inDialog(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("[role=dialog], dialog") !== null;
}

/** Let the keys of all commands work. Returns what ends it. */
export function listenForKeys(target: Window = window): () => void {
  const pressed = (event: KeyboardEvent) => {
    if (event.defaultPrevented || event.isComposing) return;
    const text = inText(event.target);
    const dialog = inDialog(event.target);
    // The newest of those with the same keys that can be done now.
    const command = useCommands
      .getState()
      .commands.findLast(
        (one) =>
          one.keys?.some((keys) => matchesKeys(keys, event)) &&
          (one.inText || !(text || dialog)) &&
          one.when?.() !== false,
      );
    if (!command) return;
    event.preventDefault();
    void command.run();
  };
  target.addEventListener("keydown", pressed);
  return () => target.removeEventListener("keydown", pressed);
}
