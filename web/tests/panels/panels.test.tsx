import { cleanup, render, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import * as api from "../../src/api/client";
import type { GraphFile } from "../../src/model/graph";
import { Form, labelOf } from "../../src/panels/Form";
import { Graphs } from "../../src/panels/Graphs";
import { inputFor, NodePanel, uses } from "../../src/panels/NodePanel";
import { Palette } from "../../src/panels/Palette";
import { ProblemsPanel } from "../../src/panels/Problems";
import { QueuePanel } from "../../src/panels/Queue";
import { RightPanel } from "../../src/panels/RightPanel";
import { nameOf, TopBar } from "../../src/panels/TopBar";
import { watchRuns } from "../../src/panels/watchRuns";
import { useCatalogue } from "../../src/store/catalogue";
import { registerCommands } from "../../src/store/commands";
import { useEditor } from "../../src/store/editor";
import { useProblems } from "../../src/store/problems";
import { type RunView, useRuns } from "../../src/store/runs";
import { useUi } from "../../src/store/ui";
import { catalogue, shippedGraph } from "../model/support";

const GRAPH = shippedGraph("text_to_image");

function runView(run: string, more: Partial<RunView> = {}): RunView {
  return {
    run,
    number: 1,
    title: run,
    state: "running",
    reason: "",
    acceptedAt: 0,
    startedAt: null,
    finishedAt: null,
    lastSeq: 0,
    peakBytes: 0,
    total: 2,
    trace: "off",
    nodes: {},
    steps: {},
    outputs: [],
    errors: [],
    pausedAt: "",
    pausedPath: "",
    ...more,
  };
}

beforeEach(() => {
  vi.restoreAllMocks();
  vi.spyOn(api, "tokenize").mockResolvedValue({ texts: [] });
  useCatalogue.setState({ catalogue, loaded: true });
  useEditor.getState().load(GRAPH);
  useRuns.setState({ runs: {}, shown: "", running: [], queued: [], paused: false, previews: {} });
  useProblems.getState().set([], () => true);
  useUi.setState({ right: "", overlay: "", notices: [] });
});
afterEach(cleanup);

const params = (id: string) => useEditor.getState().graph.nodes[id]?.params;

describe("the node panel", () => {
  it("tells of the graph while nothing is selected", async () => {
    render(<NodePanel />);
    const title = screen.getByLabelText("Title of the graph");
    await userEvent.setup().type(title, "!");
    expect(useEditor.getState().graph.title).toBe(`${GRAPH.title}!`);
    expect(useEditor.getState().past).toHaveLength(1);
  });

  it("edits the literals of the one that is selected, and takes them back", async () => {
    useEditor.getState().select(["empty"]);
    render(<NodePanel />);
    const user = userEvent.setup();
    const width = screen.getByRole("spinbutton", { name: "width" });
    await user.clear(width);
    await user.type(width, "256");
    expect(params("empty")).toMatchObject({ width: 256 });
    await user.click(screen.getByRole("button", { name: "reset width" }));
    expect(params("empty")).not.toHaveProperty("width");
    useEditor.getState().undo();
    expect(params("empty")).toMatchObject({ width: 256 });
  });

  it("shows where a wire comes from, and what the last run told", () => {
    useEditor.getState().select(["decode"]);
    useRuns.setState({
      shown: "r",
      runs: {
        r: runView("r", {
          nodes: { decode: { state: "done", why: "the seed changed", ms: 34, bytes: 1_200_000 } },
        }),
      },
    });
    render(<NodePanel />);
    expect(screen.getByRole("button", { name: "checkpoint.vae" })).toBeTruthy();
    const facts = screen.getByRole("region", { name: "in the last run" });
    expect(facts.textContent).toContain("the seed changed");
    expect(facts.textContent).toContain("34 ms · 1.2 MB");
  });

  it("shows an error with its hint, the traceback folded", () => {
    useEditor.getState().select(["decode"]);
    const error = {
      run: "r",
      seq: 1,
      node: "decode",
      path: "decode",
      port: "latent",
      code: "input",
      message: "4 channels are needed",
      hint: "use the fitting VAE",
      traceback: "File a.py",
    };
    useRuns.setState({ shown: "r", runs: { r: runView("r", { errors: [error] }) } });
    const { container } = render(<NodePanel />);
    expect(screen.getByText("4 channels are needed")).toBeTruthy();
    expect(screen.getByText("use the fitting VAE")).toBeTruthy();
    expect(container.querySelector("details")?.open).toBe(false);
  });

  it("keeps what nobody knows", () => {
    const graph: GraphFile = {
      nodeflow: 1,
      nodes: { odd: { type: "gone.node", params: { a: 1 } } },
    };
    useEditor.getState().load(graph);
    useEditor.getState().select(["odd"]);
    render(<NodePanel />);
    expect(screen.getByText(/Its values are kept/)).toBeTruthy();
  });

  it("finds templates by the nodes inside loops too", () => {
    expect(uses(GRAPH, "guidance.cfg_combine")).toBe(true);
    expect(uses(GRAPH, "image.grid")).toBe(false);
    expect(inputFor(GRAPH, "denoise/guide.scale")).toBe("guidance_scale");
    expect(inputFor(GRAPH, "denoise/guide.other")).toBe("");
  });
});

describe("the form", () => {
  it("asks for the declared inputs and writes them where they belong", async () => {
    render(<Form />);
    const user = userEvent.setup();
    const prompt = screen.getByRole("textbox", { name: "Negative prompt" });
    await user.type(prompt, "x");
    expect(params("negative")).toMatchObject({ text: "x" });
    const scale = screen.getByRole("spinbutton", { name: "Guidance scale" });
    await user.clear(scale);
    await user.type(scale, "3");
    const guide = useEditor.getState().graph.nodes.denoise?.body?.guide;
    expect(guide?.params).toMatchObject({ scale: 3 });
    expect(labelOf("guidance_scale")).toBe("Guidance scale");
  });

  it("shows the pictures of the run below", () => {
    const file = {
      kind: "output" as const,
      path: "a.png",
      bytes: 1,
      media_type: "image/png",
      width: 8,
      height: 8,
    };
    const outputs = [{ name: "image", node: "decode", files: [file], value: null }];
    useRuns.setState({ shown: "r", runs: { r: runView("r", { state: "done", outputs }) } });
    render(<Form />);
    expect(screen.getByRole("button", { name: "open a.png" })).toBeTruthy();
  });
});

describe("the queue panel", () => {
  beforeEach(() =>
    useRuns.setState({
      running: ["a"],
      queued: ["b", "c", "d"],
      runs: Object.fromEntries(["a", "b", "c", "d"].map((id) => [id, runView(id)])),
    }),
  );

  it("moves a run by keys and by buttons", async () => {
    const change = vi.spyOn(api, "changeRun").mockResolvedValue({} as never);
    render(<QueuePanel />);
    const user = userEvent.setup();
    const items = within(screen.getByRole("list", { name: "waiting runs" })).getAllByRole(
      "listitem",
    );
    items[2]?.focus();
    await user.keyboard("{Alt>}{ArrowUp}{/Alt}");
    expect(change).toHaveBeenLastCalledWith("d", { before: "c" });
    await user.click(screen.getByRole("button", { name: "1 b later" }));
    expect(change).toHaveBeenLastCalledWith("b", { before: "d" });
  });

  it("removes a run, and says so when that fails", async () => {
    const remove = vi.spyOn(api, "deleteRun").mockRejectedValue(new Error("too late"));
    render(<QueuePanel />);
    await userEvent.setup().click(screen.getByRole("button", { name: "remove 1 c" }));
    expect(remove).toHaveBeenCalledWith("c");
    await waitFor(() => expect(useUi.getState().notices[0]?.text).toContain("too late"));
  });

  it("shows what runs and pauses the queue", async () => {
    const pause = vi.spyOn(api, "setPaused").mockResolvedValue({} as never);
    render(<QueuePanel />);
    expect(screen.getByRole("progressbar").getAttribute("aria-valuenow")).toBe("0");
    await userEvent.setup().click(screen.getByRole("button", { name: "Pause the queue" }));
    expect(pause).toHaveBeenCalledWith(true);
  });
});

describe("the problems panel", () => {
  it("lists errors before warnings and names their places", () => {
    useProblems.getState().set(
      [
        { code: "a", where: "empty.width", message: "odd", hint: "", severity: "warning" },
        {
          code: "b",
          where: "decode.vae",
          message: "missing",
          hint: "connect it",
          severity: "error",
        },
      ],
      (path) => path in GRAPH.nodes,
    );
    render(<ProblemsPanel />);
    const list = screen.getByRole("list", { name: "problems" });
    const texts = within(list)
      .getAllByRole("button")
      .map((button) => button.textContent);
    expect(texts).toEqual(["decode.vae missingconnect it", "empty.width odd"]);
  });
});

describe("the right panel", () => {
  it("is named, and left by Escape", async () => {
    useUi.setState({ right: "problems" });
    render(<RightPanel />);
    expect(screen.getByRole("complementary", { name: "Problems" })).toBeTruthy();
    screen.getByRole("button", { name: "close problems" }).focus();
    await userEvent.setup().keyboard("{Escape}");
    expect(useUi.getState().right).toBe("");
  });
});

describe("the bar", () => {
  it("tells the name and whether it is saved", () => {
    render(<TopBar />);
    expect(screen.getByRole("button", { name: `graph ${GRAPH.title}, as opened` })).toBeTruthy();
    cleanup();
    useEditor.getState().edit("x", (graph) => ({ ...graph, title: "Other" }));
    render(<TopBar />);
    expect(screen.getByRole("button", { name: "graph Other, not saved" })).toBeTruthy();
    expect(screen.getByRole("button", { name: "undo" })).toHaveProperty("disabled", false);
    expect(nameOf({ name: "", graph: {}, origin: "" })).toBe("Untitled");
  });

  it("has the queue and a way to cancel only while something runs", () => {
    render(<TopBar />);
    expect(screen.queryAllByRole("button", { name: "Cancel" })).toHaveLength(0);
    cleanup();
    useRuns.setState({ running: ["a"], queued: ["b"], runs: { a: runView("a") } });
    render(<TopBar />);
    expect(screen.getAllByRole("button", { name: "Cancel" }).length).toBeGreaterThan(0);
    expect(screen.getByRole("button", { name: "queue: 0 %, 1 waiting" })).toBeTruthy();
  });
});

describe("the palette on the screen", () => {
  it("runs what is chosen by keys", async () => {
    const run = vi.fn();
    const off = registerCommands([{ id: "t", title: "Tidy everything", run }]);
    useUi.setState({ overlay: "palette" });
    render(<Palette />);
    await userEvent.setup().keyboard("tidy{Enter}");
    await waitFor(() => expect(run).toHaveBeenCalledTimes(1));
    expect(useUi.getState().overlay).toBe("");
    off();
  });
});

describe("saved graphs", () => {
  it("are listed, and one's name can be taken", async () => {
    vi.spyOn(api, "graphs").mockResolvedValue([
      { name: "first", title: "First", etag: "e", bytes: 1, saved_at: 0 },
    ]);
    const put = vi
      .spyOn(api, "putGraph")
      .mockResolvedValue({ name: "new one", title: "", etag: "f", bytes: 1, saved_at: 0 });
    render(<Graphs saving />);
    const user = userEvent.setup();
    await screen.findByText("first");
    const name = screen.getByLabelText("Name");
    await user.clear(name);
    await user.type(name, "../x");
    expect(screen.getByRole("button", { name: "Save" })).toHaveProperty("disabled", true);
    await user.clear(name);
    await user.type(name, "new one{Enter}");
    await waitFor(() => expect(put).toHaveBeenCalledTimes(1));
    expect(put.mock.calls[0]?.[0]).toBe("new one");
  });
});

describe("a run that fails", () => {
  it("is told once, with the way to its node", () => {
    const end = watchRuns();
    const error = {
      run: "r",
      seq: 1,
      node: "denoise/guide",
      path: "denoise[3]/guide",
      port: "",
      code: "x",
      message: "too large",
      hint: "",
      traceback: "",
    };
    useRuns.setState({ shown: "r", runs: { r: runView("r") } });
    const failed = runView("r", { state: "failed", errors: [error] });
    useRuns.setState({ runs: { r: failed } });
    useRuns.setState({ runs: { r: { ...failed, lastSeq: 9 } } });
    const { notices } = useUi.getState();
    expect(notices.map((notice) => notice.text)).toEqual(["denoise[3]/guide: too large"]);
    notices[0]?.action?.run();
    expect(useEditor.getState().scope).toEqual(["denoise"]);
    expect(useEditor.getState().selection).toEqual(["guide"]);
    end();
  });
});
