import { cleanup, fireEvent, render, screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, describe, expect, it, vi } from "vitest";
import { Dialog } from "../../src/panels/Dialog";
import { ago, duration, size } from "../../src/panels/format";
import { nameFault, slug } from "../../src/panels/Graphs";
import { Menu } from "../../src/panels/Menu";
import { BLANK, did, redone, type Sheet, undone } from "../../src/panels/maskStrokes";
import { Notices } from "../../src/panels/Notices";
import { commandsFor, pathsOf, rank } from "../../src/panels/Palette";
import { withoutPasses } from "../../src/panels/places";
import { progressOf } from "../../src/panels/progress";
import { beforeOf } from "../../src/panels/Queue";
import { grouped } from "../../src/panels/Shortcuts";
import { found, sectioned } from "../../src/panels/Templates";
import { FIT, zoomedAt } from "../../src/panels/useZoom";
import type { Template } from "../../src/protocol";
import type { RunView } from "../../src/store/runs";
import { useUi } from "../../src/store/ui";

afterEach(() => {
  cleanup();
  vi.useRealTimers();
  useUi.setState({ notices: [] });
});

describe("a dialog", () => {
  it("takes the focus, gives it back, and closes on Escape and on a press beside it", async () => {
    const user = userEvent.setup();
    const onClose = vi.fn();
    render(<button type="button">before</button>);
    screen.getByRole("button", { name: "before" }).focus();
    const { unmount } = render(
      <Dialog title="Things" onClose={onClose}>
        <input aria-label="first" data-autofocus />
        <button type="button">last</button>
      </Dialog>,
    );
    const dialog = screen.getByRole("dialog", { name: "Things" });
    expect(document.activeElement).toBe(screen.getByLabelText("first"));
    await user.keyboard("{Escape}");
    expect(onClose).toHaveBeenCalledTimes(1);
    fireEvent.pointerDown(dialog);
    expect(onClose).toHaveBeenCalledTimes(1);
    fireEvent.pointerDown(dialog.parentElement as HTMLElement);
    expect(onClose).toHaveBeenCalledTimes(2);
    unmount();
    expect(document.activeElement).toBe(screen.getByRole("button", { name: "before" }));
  });

  it("keeps its keys from the page below", async () => {
    const below = vi.fn();
    document.addEventListener("keydown", below);
    render(
      <Dialog title="Things" onClose={() => undefined}>
        <input aria-label="first" data-autofocus />
      </Dialog>,
    );
    await userEvent.setup().keyboard("{Escape}");
    expect(below).not.toHaveBeenCalled();
    document.removeEventListener("keydown", below);
  });
});

describe("a menu", () => {
  const items = (run: () => void) => [
    { label: "Alpha", run },
    { label: "Beta", run, disabled: true },
    { label: "Gamma", run },
  ];

  it("is gone through by keys", async () => {
    const user = userEvent.setup();
    const run = vi.fn();
    render(
      <Menu label="more" items={items(run)}>
        …
      </Menu>,
    );
    const button = screen.getByRole("button", { name: "more" });
    button.focus();
    await user.keyboard("{ArrowDown}");
    expect(document.activeElement?.textContent).toBe("Alpha");
    await user.keyboard("{ArrowDown}");
    expect(document.activeElement?.textContent).toBe("Gamma");
    await user.keyboard("{ArrowDown}");
    expect(document.activeElement?.textContent).toBe("Alpha");
    await user.keyboard("g");
    expect(document.activeElement?.textContent).toBe("Gamma");
    await user.keyboard("{Enter}");
    expect(run).toHaveBeenCalledTimes(1);
    expect(screen.queryByRole("menu")).toBeNull();
    expect(document.activeElement).toBe(button);
  });

  it("closes on Escape and on a press elsewhere", async () => {
    const user = userEvent.setup();
    render(
      <Menu label="more" items={items(() => undefined)}>
        …
      </Menu>,
    );
    const button = screen.getByRole("button", { name: "more" });
    await user.click(button);
    expect(within(screen.getByRole("menu")).getAllByRole("menuitem")).toHaveLength(3);
    await user.keyboard("{Escape}");
    expect(screen.queryByRole("menu")).toBeNull();
    await user.click(button);
    fireEvent.pointerDown(document.body);
    expect(screen.queryByRole("menu")).toBeNull();
  });
});

describe("notices", () => {
  it("go by themselves, but errors stay", () => {
    vi.useFakeTimers();
    render(<Notices />);
    vi.useFakeTimers();
    const { notify } = useUi.getState();
    notify("good", "saved");
    notify("error", "broken");
    vi.advanceTimersByTime(0);
    cleanup();
    render(<Notices />);
    expect(screen.getByRole("alert").textContent).toContain("broken");
    vi.advanceTimersByTime(60_000);
    expect(useUi.getState().notices.map((notice) => notice.text)).toEqual(["broken"]);
  });

  it("do what they offer once", async () => {
    const run = vi.fn();
    useUi.getState().notify("info", "gone", { label: "Bring back", run });
    render(<Notices />);
    await userEvent.setup().click(screen.getByRole("button", { name: "Bring back" }));
    expect(run).toHaveBeenCalledTimes(1);
    expect(useUi.getState().notices).toEqual([]);
  });
});

describe("figures", () => {
  it("are told as people read them", () => {
    expect([0.4, 12, 3400, 12_300, 125_000, 7_320_000].map(duration)).toEqual([
      "< 1 ms",
      "12 ms",
      "3.4 s",
      "12 s",
      "2 min 5 s",
      "2 h 2 min",
    ]);
    expect(duration(59_900)).toBe("1 min 0 s");
    expect([0, 999, 1500, 999_900, 123_456_789].map(size)).toEqual([
      "0 B",
      "999 B",
      "1.5 kB",
      "1.0 MB",
      "123 MB",
    ]);
    expect(
      [0, 100, 7200, 86_400 * 2].map((seconds) => ago(10_000_000 - seconds, 10_000_000)),
    ).toEqual(["just now", "2 min ago", "2 hours ago", "2 days ago"]);
  });
});

describe("the queue", () => {
  it("puts a run before the one whose place it takes", () => {
    const queued = ["a", "b", "c"];
    expect(beforeOf(queued, "c", 0)).toBe("a");
    expect(beforeOf(queued, "a", 1)).toBe("c");
    expect(beforeOf(queued, "a", 2)).toBe("");
    expect(beforeOf(queued, "b", 0)).toBe("a");
  });

  it("tells how far a run is", () => {
    const run = {
      total: 4,
      nodes: {
        model: { state: "cached", why: "" },
        text: { state: "done", why: "" },
        denoise: { state: "running", why: "", step: 5, steps: 10 },
        "denoise/guide": { state: "running", why: "" },
      },
    } as unknown as RunView;
    expect(progressOf(run)).toEqual({
      share: 0.625,
      node: "denoise/guide",
      text: "denoise/guide · step 5 of 10",
    });
    expect(progressOf({ total: null, nodes: {} } as unknown as RunView).share).toBeNull();
  });
});

describe("templates", () => {
  const template = (name: string, section: string, title = name): Template => ({
    name,
    title,
    section,
    description: "",
    inputs: [],
    missing: [],
    picture: "",
  });

  it("have lessons first, else the order of the server", () => {
    const list = [template("a", "start"), template("b", "models"), template("c", "learn")];
    expect(sectioned(list).map(([name]) => name)).toEqual(["learn", "start", "models"]);
  });

  it("are found by words of any field", () => {
    const list = [template("inpaint", "edit", "Paint a part anew"), template("a", "start")];
    expect(found(list, "paint EDIT").map((one) => one.name)).toEqual(["inpaint"]);
    expect(found(list, "")).toHaveLength(2);
  });
});

describe("the palette", () => {
  const commands = [
    { id: "a", title: "Save as …", group: "Graph", run: () => undefined },
    { id: "b", title: "Run", group: "Run", keys: ["Mod+Enter"], run: () => undefined },
    { id: "c", title: "Cancel the run", group: "Run", when: () => false, run: () => undefined },
    { id: "d", title: "Palette", hidden: true, run: () => undefined },
  ];

  it("offers what can be done now, the best answer first", () => {
    expect(commandsFor(commands, "").map((one) => one.id)).toEqual(["a", "b"]);
    expect(commandsFor(commands, "run").map((one) => one.id)).toEqual(["b"]);
    expect(commandsFor(commands, "graph").map((one) => one.id)).toEqual(["a"]);
    expect(rank("Save as", "sa")).toBeGreaterThan(rank("Use as", "sa"));
    expect(rank("Save as", "zz")).toBe(0);
  });

  it("knows the nodes inside loops", () => {
    const graph = {
      nodeflow: 1,
      nodes: { loop: { type: "flow.loop", body: { step: { type: "x.y" } } }, end: { type: "x.z" } },
    };
    expect(pathsOf(graph)).toEqual(["loop", "loop/step", "end"]);
  });

  it("has a sheet of those with keys", () => {
    expect(grouped(commands).map(([name, list]) => [name, list.map((one) => one.id)])).toEqual([
      ["Run", ["b"]],
    ]);
  });
});

describe("names of saved graphs", () => {
  it("are judged as the server will", () => {
    for (const name of [
      "",
      "a\\b",
      "../a",
      "a/../b",
      "a//b",
      "/a",
      "x".repeat(200),
      "a:b",
      "a,b",
      "con",
      "a.",
      "a/b/c",
      "_a",
    ])
      expect(nameFault(name), name).not.toBe("");
    for (const name of ["a", "folder/a", "Ünï cödé 2", "a.b"]) expect(nameFault(name)).toBe("");
    expect(slug(" Text: to / image? ")).toBe("Text to image");
    expect(slug("")).toBe("untitled");
  });
});

describe("places", () => {
  it("are found without numbers of passes", () => {
    expect(withoutPasses("denoise[7]/inner[2]/cond")).toBe("denoise/inner/cond");
  });
});

describe("a mask", () => {
  it("goes back and forth by steps, and forgets what was taken back once it goes on", () => {
    let sheet: Sheet = BLANK;
    sheet = did(sheet, { kind: "invert" });
    sheet = did(sheet, { kind: "clear" });
    sheet = undone(sheet);
    expect(sheet.acts).toEqual([{ kind: "invert" }]);
    expect(redone(sheet).acts).toEqual([{ kind: "invert" }, { kind: "clear" }]);
    sheet = did(sheet, { kind: "fill" });
    expect(redone(sheet)).toBe(sheet);
    expect(undone(BLANK)).toBe(BLANK);
  });
});

describe("zooming", () => {
  it("keeps the point under the pointer where it is", () => {
    const zoomed = zoomedAt({ scale: 2, x: 30, y: -10 }, 1.5, 100, 40);
    const before = [(100 - 30) / 2, (40 + 10) / 2];
    expect((100 - zoomed.x) / zoomed.scale).toBeCloseTo(before[0] ?? 0);
    expect((40 - zoomed.y) / zoomed.scale).toBeCloseTo(before[1] ?? 0);
    expect(zoomedAt(FIT, 1e9, 0, 0).scale).toBe(32);
    expect(zoomedAt(FIT, 1e-9, 0, 0).scale).toBe(0.2);
  });
});
