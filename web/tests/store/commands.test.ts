import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  listenForKeys,
  matchesKeys,
  registerCommands,
  runCommand,
  useCommands,
} from "../../src/store/commands";

const none = { ctrlKey: false, metaKey: false, shiftKey: false, altKey: false };
const mod = { ...none, ctrlKey: true };

describe("keys", () => {
  test.each([
    ["Mod+Enter", { ...mod, key: "Enter" }, true],
    ["Mod+Enter", { ...none, key: "Enter" }, false],
    ["Mod+Z", { ...mod, key: "z" }, true],
    ["Mod+Z", { ...mod, shiftKey: true, key: "Z" }, false],
    ["Mod+Shift+Z", { ...mod, shiftKey: true, key: "Z" }, true],
    ["?", { ...none, shiftKey: true, key: "?" }, true],
    ["Mod++", { ...mod, key: "+" }, true],
    ["Delete", { ...none, key: "Delete" }, true],
    ["A", { ...mod, key: "a" }, false],
    ["Mod+Z", { ...mod, key: "я", code: "KeyZ" }, true],
    ["Mod+Y", { ...mod, key: "z", code: "KeyY" }, false],
  ] as const)("%s and %o", (keys, pressed, expected) => {
    expect(matchesKeys(keys, pressed)).toBe(expected);
  });
});

describe("commands", () => {
  let stop = () => {};
  beforeEach(() => {
    useCommands.setState({ commands: [] });
    stop = listenForKeys();
  });
  afterEach(() => {
    stop();
    document.body.innerHTML = "";
  });

  function press(key: string, target: EventTarget = document.body, more: KeyboardEventInit = {}) {
    const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more });
    target.dispatchEvent(event);
    return event.defaultPrevented;
  }

  test("are done by their keys, the newest that can be done", () => {
    const old = vi.fn();
    const now = vi.fn();
    let able = true;
    registerCommands([
      { id: "old", title: "", keys: ["X"], run: old },
      { id: "new", title: "", keys: ["X"], run: now, when: () => able },
    ]);
    expect(press("x")).toBe(true);
    able = false;
    press("x");
    expect([old.mock.calls.length, now.mock.calls.length]).toEqual([1, 1]);
    expect(press("y")).toBe(false);
  });

  test("leave written text alone, but for those that say otherwise", () => {
    const undo = vi.fn();
    const save = vi.fn();
    registerCommands([
      { id: "undo", title: "", keys: ["Mod+Z"], run: undo },
      { id: "save", title: "", keys: ["Mod+S"], run: save, inText: true },
    ]);
    document.body.innerHTML = "<textarea></textarea><input type=range>";
    const [area, slider] = [document.querySelector("textarea"), document.querySelector("input")];
    if (!area || !slider) throw new Error("no fields");
    expect(press("z", area, { ctrlKey: true })).toBe(false);
    expect(press("s", area, { ctrlKey: true })).toBe(true);
    expect(press("z", slider, { ctrlKey: true })).toBe(true);
    expect([undo.mock.calls.length, save.mock.calls.length]).toEqual([1, 1]);
  });

  test("registering again replaces, and taking out takes out one's own", () => {
    const first = vi.fn();
    const second = vi.fn();
    const remove = registerCommands([{ id: "a", title: "", run: first }]);
    registerCommands([{ id: "a", title: "", run: second }]);
    remove();
    expect(runCommand("a")).toBe(true);
    expect([first.mock.calls.length, second.mock.calls.length]).toEqual([0, 1]);
    expect(runCommand("b")).toBe(false);
  });
});
