import { cleanup, fireEvent, screen } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import * as api from "../../src/api/client";
import type { GalleryFile } from "../../src/protocol";
import { useEditor } from "../../src/store/editor";
import { readColour } from "../../src/widgets/Colour";
import { narrowed } from "../../src/widgets/Combobox";
import { inputPath } from "../../src/widgets/FilePath";
import { readList } from "../../src/widgets/Lists";
import { widgetRows } from "../../src/widgets/rows";
import { rolled } from "../../src/widgets/seeds";
import { guess, outside } from "../../src/widgets/Texts";
import { checkpointOf, counted } from "../../src/widgets/TokenCount";
import { held, portOf } from "./support";

afterEach(cleanup);
beforeEach(() => {
  vi.restoreAllMocks();
  vi.spyOn(api, "tokenize").mockResolvedValue({ texts: [] });
});

const SLIDER = { widget: "Slider", minimum: 0, maximum: 30, step: 0.5 };
const SEED = { widget: "Seed", minimum: 0, maximum: 2 ** 63, step: 1 };

describe("a slider", () => {
  const bar = () => screen.getByRole("slider", { name: "value, drag" });
  const field = () => screen.getByRole("spinbutton", { name: "value" });

  it("is dragged in one step", () => {
    const { changes, steps } = held(portOf("float", SLIDER), 0, true);
    const box = { left: 0, width: 300, top: 0, height: 20 } as DOMRect;
    vi.spyOn(bar(), "getBoundingClientRect").mockReturnValue(box);
    fireEvent.pointerDown(bar(), { clientX: 100, button: 0 });
    fireEvent.pointerMove(bar(), { clientX: 150 });
    fireEvent.pointerMove(bar(), { clientX: 205 });
    fireEvent.pointerUp(bar(), {});
    fireEvent.pointerMove(bar(), { clientX: 300 });
    expect(changes.map((change) => change.value)).toEqual([10, 15, 20.5]);
    expect(steps()).toBe(1);
    fireEvent.pointerDown(bar(), { clientX: 0, button: 0 });
    expect(steps()).toBe(2);
  });

  it("goes finely with shift", () => {
    const { last } = held(portOf("float", SLIDER), 15);
    vi.spyOn(bar(), "getBoundingClientRect").mockReturnValue({ left: 0, width: 300 } as DOMRect);
    fireEvent.pointerDown(bar(), { clientX: 150, button: 0, shiftKey: true });
    fireEvent.pointerMove(bar(), { clientX: 160, shiftKey: true });
    expect(last()).toBeCloseTo(15.1);
  });

  it("is moved by keys", async () => {
    const { user, last, steps } = held(portOf("float", SLIDER), 7.5);
    bar().focus();
    await user.keyboard("{ArrowRight}{ArrowRight}");
    expect(last()).toBe(8.5);
    expect(steps()).toBe(1);
    await user.keyboard("{Shift>}{ArrowLeft}{/Shift}");
    expect(last()).toBe(3.5);
    await user.keyboard("{Home}");
    expect(last()).toBe(0);
    await user.keyboard("{End}");
    expect(last()).toBe(30);
    expect(bar().getAttribute("aria-valuenow")).toBe("30");
  });

  it("takes a typed number, and mends one beyond its end when left", async () => {
    const { user, last, changes } = held(portOf("float", SLIDER), 7.5);
    await user.clear(field());
    await user.type(field(), "12");
    expect(last()).toBe(12);
    await user.clear(field());
    await user.type(field(), "99");
    expect(field().getAttribute("aria-invalid")).toBe("true");
    expect(changes.every((change) => Number(change.value) <= 30)).toBe(true);
    await user.tab();
    expect(last()).toBe(30);
  });

  it("shows the default where nothing is set", () => {
    held(portOf("float", SLIDER, { default: 7.5 }));
    expect((field() as HTMLInputElement).value).toBe("7.5");
  });
});

describe("a number", () => {
  const field = () => screen.getByRole("spinbutton", { name: "value" }) as HTMLInputElement;

  it("is stepped by keys and buttons", async () => {
    const { user, last } = held(portOf("int", { widget: "Number", minimum: 0, maximum: 99 }), 5);
    field().focus();
    await user.keyboard("{ArrowUp}");
    expect(last()).toBe(6);
    await user.keyboard("{Shift>}{ArrowUp}{/Shift}");
    expect(last()).toBe(16);
    await user.click(screen.getByRole("button", { name: "less value" }));
    expect(last()).toBe(15);
  });

  it("settles on a multiple", async () => {
    const multiple = { widget: "Multiple", minimum: 8, maximum: 8192, step: 8, unit: "px" };
    const { user, last } = held(portOf("int", multiple), 256);
    await user.clear(field());
    await user.type(field(), "515{Enter}");
    expect(last()).toBe(512);
    await user.clear(field());
    await user.type(field(), "512*1.5+8{Enter}");
    expect(last()).toBe(776);
  });

  it("goes back to what it was on Escape", async () => {
    const { user, untouched } = held(portOf("int"), 5);
    await user.clear(field());
    await user.type(field(), "abc{Escape}");
    expect(field().value).toBe("5");
    untouched();
  });

  it("can be none where the type allows it", async () => {
    const { user, last } = held(portOf("int | none"), 5);
    await user.clear(field());
    await user.tab();
    expect(last()).toBeNull();
  });
});

describe("a seed", () => {
  beforeEach(() =>
    useEditor.getState().load({
      nodeflow: 1,
      nodes: { node: { type: "noise.gaussian", params: { value: 3 } } },
    }),
  );

  it("is drawn by the die, and stepped", async () => {
    const { user, last, steps } = held(portOf("int", SEED), 3);
    await user.click(screen.getByRole("button", { name: "seed after, value" }));
    expect(last()).toBe(4);
    await user.click(screen.getByRole("button", { name: "draw a new value" }));
    expect(Number.isSafeInteger(last())).toBe(true);
    expect(steps()).toBe(2);
  });

  it("is drawn before each run once that is asked for, in a step one sees", async () => {
    const { user } = held(portOf("int", SEED), 3);
    const toggle = screen.getByRole("button", { name: "random value each run" });
    expect(toggle.getAttribute("aria-pressed")).toBe("false");
    await user.click(toggle);
    expect(toggle.getAttribute("aria-pressed")).toBe("true");
    const { graph, past } = useEditor.getState();
    expect(graph.view?.$random).toEqual(["node.value"]);
    expect(past).toHaveLength(1);
    expect(rolled(graph, () => 77).nodes.node?.params).toEqual({ value: 77 });
    await user.click(toggle);
    expect(useEditor.getState().graph.view?.$random).toBeUndefined();
  });

  it("is left alone where a wire feeds it or the node is gone", () => {
    const graph = {
      nodeflow: 1,
      nodes: { node: { type: "noise.gaussian", links: { value: "a.b" } } },
      view: { $random: ["node.value", "gone.seed"] },
    };
    expect(rolled(graph, () => 1)).toBe(graph);
  });
});

describe("a choice", () => {
  const MANY = Array.from({ length: 12 }, (_, k) => `option_${k}`);

  it("of few is a list", async () => {
    const { user, last } = held(portOf("str", { widget: "Choice", options: ["a", "b"] }), "a");
    await user.selectOptions(screen.getByRole("combobox", { name: "value" }), "b");
    expect(last()).toBe("b");
  });

  it("of many is searched by keys", async () => {
    const { user, last } = held(portOf("str", { widget: "Choice", options: MANY }), "option_3");
    const field = screen.getByRole("combobox", { name: "value" });
    await user.click(field);
    expect(screen.getAllByRole("option")).toHaveLength(12);
    await user.clear(field);
    await user.type(field, "11");
    expect(screen.getAllByRole("option")).toHaveLength(1);
    await user.keyboard("{Enter}");
    expect(last()).toBe("option_11");
    expect(screen.queryByRole("listbox")).toBeNull();
  });

  it("is opened by the arrow, picked by mouse and left by Escape", async () => {
    const { user, last, changes } = held(
      portOf("str", { widget: "Choice", options: MANY }),
      "option_3",
    );
    const field = screen.getByRole("combobox", { name: "value" }) as HTMLInputElement;
    field.focus();
    await user.keyboard("{ArrowDown}{ArrowDown}");
    const active = field.getAttribute("aria-activedescendant");
    expect(document.getElementById(active ?? "")?.textContent).toBe("option_4");
    await user.keyboard("{Escape}");
    expect(changes).toEqual([]);
    expect(field.value).toBe("option_3");
    await user.click(field);
    await user.click(screen.getByRole("option", { name: "option_7" }));
    expect(last()).toBe("option_7");
  });

  it("tells of a model that is not here", () => {
    const widget = { widget: "ModelName", kind: "loras", optional: false, options: ["a", "b"] };
    held(portOf("str", widget), "gone.safetensors");
    expect(screen.getByText("gone.safetensors is not in the loras folder")).toBeTruthy();
    cleanup();
    held(portOf("str", { ...widget, options: [] }));
    expect(screen.getByText("there is no file in the loras folder yet")).toBeTruthy();
  });

  it("ranks what begins with the search first", () => {
    expect(narrowed(["best euler", "euler", "heun"], "eul")).toEqual(["euler", "best euler"]);
    expect(narrowed(["dpmpp_2m_sde", "dpmpp_2m"], "2m sde")).toEqual(["dpmpp_2m_sde"]);
  });
});

describe("texts", () => {
  it("are written in one step a visit", async () => {
    const { user, last, steps } = held(portOf("str", { widget: "Text" }), "");
    await user.type(screen.getByRole("textbox", { name: "value" }), "a red cat");
    expect(last()).toBe("a red cat");
    expect(steps()).toBe(1);
  });

  it("have lines in an area", async () => {
    const { user, last } = held(portOf("str", { widget: "TextArea" }), "", true);
    await user.type(screen.getByRole("textbox", { name: "value" }), "one{Enter}two");
    expect(last()).toBe("one\ntwo");
    expect(widgetRows({ widget: "TextArea" })).toBe(3);
    expect(widgetRows({ widget: "Text" })).toBe(1);
  });

  it("warn of a path that leaves the output folder", () => {
    for (const path of ["../a", "/etc/x", "C:\\x", "a/../../b", "\\\\host"])
      expect(outside(path)).not.toBe("");
    for (const path of ["a", "a/b", "a..b", ""]) expect(outside(path)).toBe("");
    held(portOf("str", { widget: "NewPath" }), "../x");
    expect(screen.getByRole("textbox", { name: "value" }).getAttribute("aria-invalid")).toBe(
      "true",
    );
  });

  it("of several types are taken for what they look like", () => {
    const type = "str | int | float | bool";
    expect(guess("12", type)).toBe(12);
    expect(guess("1.5", type)).toBe(1.5);
    expect(guess("1.", type)).toBe("1.");
    expect(guess("true", type)).toBe(true);
    expect(guess("007", type)).toBe("007");
    expect(guess("12", "str | none")).toBe("12");
    expect(guess("", "str | none")).toBeNull();
  });
});

describe("a switch", () => {
  it("is turned by mouse and by key", async () => {
    const { user, last, steps } = held(portOf("bool"), false);
    const knob = screen.getByRole("switch", { name: "value" });
    await user.click(knob);
    expect(last()).toBe(true);
    await user.keyboard(" ");
    expect(last()).toBe(false);
    expect(steps()).toBe(2);
  });
});

describe("a colour", () => {
  it("is typed or picked", async () => {
    const { user, last } = held(portOf("str", { widget: "Colour" }), "#ffffff");
    const field = screen.getByRole("textbox", { name: "value" });
    await user.clear(field);
    await user.type(field, "#f80");
    expect(last()).toBe("#ff8800");
    await user.type(field, "z");
    expect(field.getAttribute("aria-invalid")).toBe("true");
    fireEvent.change(screen.getByLabelText("value, pick"), { target: { value: "#123456" } });
    expect(last()).toBe("#123456");
    expect(readColour("RED")).toBe("");
  });
});

describe("a list", () => {
  it("of numbers is written with commas", async () => {
    const { user, last } = held(
      portOf("list[float]", { widget: "Slider", minimum: -10, maximum: 10 }),
    );
    const field = screen.getByRole("textbox", { name: "value" });
    await user.type(field, "1, 2.5, -3");
    expect(last()).toEqual([1, 2.5, -3]);
    await user.type(field, ", 99");
    expect(field.getAttribute("aria-invalid")).toBe("true");
    expect(last()).toEqual([1, 2.5, -3, 9]);
    expect(readList("1.5", "list[int]")).toHaveProperty("fault");
  });

  it("of texts has one in a line", async () => {
    const { user, last } = held(portOf("list[str]"), ["a"]);
    await user.type(screen.getByRole("textbox", { name: "value" }), "{Enter}b c");
    expect(last()).toEqual(["a", "b c"]);
  });
});

describe("a file", () => {
  const WIDGET = { widget: "FilePath", suffixes: [".png"], folder: false };

  it("is uploaded by the button, by drop and by paste", async () => {
    const upload = vi.spyOn(api, "upload").mockImplementation(async (file) => ({
      param: `input/${file.name}`,
      file: {
        kind: "input",
        path: file.name,
        bytes: 1,
        media_type: "image/png",
        width: 1,
        height: 1,
      },
    }));
    const { user, last, container } = held(portOf("str", WIDGET, { required: true }));
    const file = new File(["x"], "cat.png", { type: "image/png" });
    await user.upload(container.querySelector("input[type=file]") as HTMLInputElement, file);
    expect(last()).toBe("input/cat.png");
    const place = container.querySelector(".w-file") as HTMLElement;
    const dropped = new File(["x"], "dog.png", { type: "image/png" });
    fireEvent.drop(place, { dataTransfer: { files: [dropped], types: ["Files"] } });
    await vi.waitFor(() => expect(last()).toBe("input/dog.png"));
    fireEvent.paste(place, { clipboardData: { files: [file] } });
    await vi.waitFor(() => expect(last()).toBe("input/cat.png"));
    fireEvent.drop(place, {
      dataTransfer: { files: [new File(["x"], "a.svg")], types: ["Files"] },
    });
    expect(upload).toHaveBeenCalledTimes(3);
  });

  it("is picked from what is there", async () => {
    vi.spyOn(api, "outputs").mockResolvedValue({
      next: "",
      files: ["a.png", "b.txt"].map((path) => ({
        kind: "input",
        path,
        bytes: 1,
        media_type: "image/png",
        width: 1,
        height: 1,
        saved_at: 0,
        run: "",
        has_graph: false,
        param: `somewhere/input/${path}`,
      })),
    });
    const { user, last } = held(portOf("str", WIDGET));
    await user.click(screen.getByRole("button", { name: "pick a file for value" }));
    expect(screen.queryByRole("button", { name: "b.txt" })).toBeNull();
    await user.click(await screen.findByRole("button", { name: "a.png" }));
    expect(last()).toBe("somewhere/input/a.png");
  });

  it("that is not there is told, and no picture of it is asked for", async () => {
    const file = (path: string): GalleryFile => ({
      kind: "input",
      path,
      bytes: 1,
      media_type: "image/png",
      width: 1,
      height: 1,
      saved_at: 0,
      run: "",
      has_graph: false,
      param: `input/${path}`,
    });
    const asked = vi.spyOn(api, "outputs").mockImplementation(async ({ name } = {}) => ({
      next: "",
      files: name === "here.png" ? [file("here.png")] : [],
    }));
    const { user } = held(portOf("str", WIDGET), "input/gone.png");
    expect((await screen.findByRole("status")).textContent).toBe("not found in input/");
    expect(asked).toHaveBeenLastCalledWith({ kind: "input", name: "gone.png", limit: 1 });
    expect(screen.queryByRole("img")).toBeNull();
    const field = screen.getByRole("textbox", { name: "value" });
    expect(field.getAttribute("aria-invalid")).toBe("true");
    await user.clear(field);
    await user.type(field, "input/here.png");
    expect(await screen.findByRole("img", { name: "chosen for value" })).toBeTruthy();
    expect(screen.queryByRole("status")).toBeNull();
    expect(field.getAttribute("aria-invalid")).toBeNull();
  });

  it("is told on a card in a word", async () => {
    vi.spyOn(api, "outputs").mockResolvedValue({ next: "", files: [] });
    held(portOf("str", WIDGET), "input/lost.png", true);
    expect(await screen.findByRole("img", { name: "not found in input/" })).toBeTruthy();
  });

  it("is shown where it is one of ours", () => {
    expect(inputPath("input/sub/a.png")).toBe("sub/a.png");
    expect(inputPath("/home/x/a.png")).toBe("");
    expect(inputPath("input/a.txt")).toBe("");
  });
});

describe("a prompt", () => {
  it("keeps what is typed while its editor takes the place of the area", async () => {
    const { user, last } = held(portOf("str", { widget: "Prompt" }), "a cat");
    await user.click(screen.getByRole("textbox", { name: "value" }));
    await vi.waitFor(() => expect(document.querySelector(".cm-editor")).not.toBeNull(), 5000);
    const editor = screen.getByRole("textbox", { name: "value" });
    expect(editor.textContent).toBe("a cat");
    expect(document.activeElement).toBe(editor);
    fireEvent.keyDown(editor, { key: "ArrowUp", ctrlKey: true });
    await vi.waitFor(() => expect(last()).toBe("a (cat:1.05)"));
    expect(document.querySelector(".w-weight-more-1")).not.toBeNull();
    fireEvent.keyDown(editor, { key: "z", code: "KeyZ", keyCode: 90, ctrlKey: true });
    await vi.waitFor(() => expect(last()).toBe("a cat"));
    fireEvent.blur(editor);
    await vi.waitFor(() => expect(document.querySelector(".cm-editor")).toBeNull());
    expect((screen.getByRole("textbox") as HTMLTextAreaElement).value).toBe("a cat");
  }, 20_000);

  it("counts pieces by chunks, without begin, end and filling", () => {
    const piece = (chunk: number, special = "") => ({ chunk, special });
    const pieces = [
      piece(0, "start"),
      piece(0),
      piece(0),
      piece(1),
      piece(1, "end"),
      piece(1, "pad"),
    ];
    expect(counted({ encoder: "clip_l", length: 77, pieces })).toEqual({
      encoder: "clip_l",
      pieces: 3,
      chunks: 2,
      room: 75,
    });
  });

  it("asks the tokenizer of the checkpoint upstream", () => {
    const graph = {
      nodeflow: 1,
      nodes: {
        checkpoint: { type: "load.checkpoint", params: { name: "big" } },
        skip: { type: "clip.skip", links: { clip: "checkpoint.clip" } },
        positive: { type: "text.encode", links: { clip: "skip.clip" } },
        alone: { type: "text.encode" },
      },
    };
    expect(checkpointOf(graph, "positive")).toBe("big");
    expect(checkpointOf(graph, "alone")).toBe("tiny");
  });
});
