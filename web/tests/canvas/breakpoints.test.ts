import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  isEdited,
  keepBreakpoints,
  pausedRun,
  placeText,
  restartHere,
  standing,
  stepsOf,
  stopsAgain,
  toggleStep,
} from "../../src/canvas/breakpoints";
import type { GraphFile } from "../../src/model/graph";
import { useEditor } from "../../src/store/editor";
import { useRuns } from "../../src/store/runs";

const graph: GraphFile = {
  nodeflow: 1,
  nodes: {
    steps: { type: "schedule.steps" },
    denoise: { type: "flow.loop", body: { guide: { type: "guidance.cfg_combine" } } },
  },
};

/** A run that waits, as the server tells it. */
function wait(path: string, ran: GraphFile = graph): void {
  const at = { run: "r1", at: 1, reason: "", total: null, cached: null, peak_bytes: null };
  const node = path.replace(/\[\d+\]/g, "");
  useRuns.getState().keepGraph("r1", ran);
  useRuns.getState().apply([
    { type: "nf.run", data: { ...at, seq: 1, state: "running" } },
    { type: "nf.paused", data: { run: "r1", seq: 2, node, path } },
    { type: "nf.run", data: { ...at, seq: 3, state: "paused" } },
  ]);
  useRuns.getState().show("r1");
}

beforeEach(() => useEditor.getState().load(graph));

afterEach(() => {
  useRuns.setState({ runs: {}, graphs: {}, shown: "", breakpoints: [] });
  sessionStorage.clear();
  vi.unstubAllGlobals();
});

describe("places", () => {
  it("are told with steps counted from 1, the innermost first", () => {
    expect(placeText("guide")).toBe("guide");
    expect(placeText("denoise[3]")).toBe("denoise, step 4");
    expect(placeText("outer[0]/denoise[3]/guide")).toBe(
      "guide in denoise, step 4 in outer, step 1",
    );
  });

  it("of a loop are its own passes, in order", () => {
    const set = ["denoise[10]", "denoise", "denoise[2]", "denoise[2]/guide", "other[1]"];
    expect(stepsOf(set, "denoise")).toEqual([2, 10]);
    toggleStep("denoise", 4);
    expect(useRuns.getState().breakpoints).toEqual(["denoise[4]"]);
    toggleStep("denoise", 4);
    expect(useRuns.getState().breakpoints).toEqual([]);
  });

  it("stand where the graph has a node for them", () => {
    const set = ["denoise[1]", "denoise/guide", "gone", "denoise/gone"];
    expect(standing(set, graph)).toEqual(["denoise[1]", "denoise/guide"]);
  });
});

describe("the session", () => {
  it("keeps them over a reload, and what the next document has", () => {
    const stop = keepBreakpoints();
    useRuns.getState().toggleBreakpoint("steps");
    useRuns.getState().toggleBreakpoint("denoise");
    stop();
    useRuns.setState({ breakpoints: [] });
    const again = keepBreakpoints();
    expect(useRuns.getState().breakpoints).toEqual(["steps", "denoise"]);
    useEditor.getState().load({ nodeflow: 1, nodes: { steps: { type: "schedule.steps" } } });
    expect(useRuns.getState().breakpoints).toEqual(["steps"]);
    again();
  });

  it("is begun without where what is stored is none", () => {
    sessionStorage.setItem("nodeflow.breakpoints", "{{");
    keepBreakpoints()();
    expect(useRuns.getState().breakpoints).toEqual([]);
  });
});

describe("a run that waits", () => {
  it("is told with its pass, and no more once it goes on", () => {
    wait("denoise[3]/guide");
    expect(pausedRun()).toMatchObject({
      pausedAt: "denoise/guide",
      pausedPath: "denoise[3]/guide",
    });
    const at = { run: "r1", at: 2, reason: "", total: null, cached: null, peak_bytes: null };
    useRuns.getState().apply([{ type: "nf.run", data: { ...at, seq: 4, state: "running" } }]);
    expect(pausedRun()).toBeUndefined();
    expect(useRuns.getState().runs.r1).toMatchObject({ pausedAt: "", pausedPath: "" });
  });

  it("is edited where something that counts differs", () => {
    wait("steps");
    const run = pausedRun();
    expect(run && isEdited(run)).toBe(false);
    useEditor.getState().edit("Move", (file) => ({ ...file, view: { steps: [1, 2] } }));
    expect(run && isEdited(run)).toBe(false);
    useEditor.getState().edit("Set", (file) => ({ ...file, title: "another" }));
    expect(run && isEdited(run)).toBe(true);
  });

  it("stops again where it waits, by its breakpoint or by itself", () => {
    expect(stopsAgain(["denoise/guide"], "denoise[3]/guide")).toEqual(["denoise/guide"]);
    expect(stopsAgain(["denoise[1]"], "denoise[1]/guide")).toEqual([
      "denoise[1]/guide",
      "denoise[1]",
    ]);
  });

  it("is queued anew with the edits, in front, before it is cancelled", async () => {
    wait("denoise[3]/guide");
    useRuns.setState({ breakpoints: ["denoise/guide", "gone"] });
    useEditor.getState().edit("Set", (file) => ({
      ...file,
      nodes: { ...file.nodes, steps: { type: "schedule.steps", params: { shift: 2 } } },
      view: { $random: ["steps.shift"] },
    }));
    const asked: [string, Record<string, unknown>][] = [];
    vi.stubGlobal("fetch", async (url: string, init: RequestInit) => {
      asked.push([String(url), JSON.parse(String(init.body ?? "{}"))]);
      return new Response(JSON.stringify({ run: "r2", position: 0, problems: [] }));
    });
    expect(await restartHere()).toBe("r2");
    const [submit, cancel] = asked;
    expect(submit?.[0]).toMatch(/\/runs$/);
    expect(submit?.[1]).toMatchObject({ front: true, breakpoints: ["denoise/guide"] });
    // Seeds that are drawn anew for each run are not, or nothing would be cached.
    expect(submit?.[1].graph).toMatchObject({ nodes: { steps: { params: { shift: 2 } } } });
    expect(cancel?.[0]).toMatch(/\/runs\/r1\/cancel$/);
    expect(useRuns.getState().shown).toBe("r2");
  });
});
