import { beforeEach, describe, expect, test, vi } from "vitest";
import type * as wire from "../../src/protocol";
import { type Message, type RunView, useRuns } from "../../src/store/runs";

const initial = useRuns.getInitialState();
beforeEach(() => useRuns.setState(initial, true));

let seq = 0;
const at = 1000;

function run(state: wire.RunEvent["state"], more: Partial<wire.RunEvent> = {}): Message {
  seq += 1;
  const told = {
    run: "r",
    seq,
    state,
    reason: "",
    at,
    total: null,
    cached: null,
    peak_bytes: null,
  };
  return { type: "nf.run", data: { ...told, ...more } };
}

function node(path: string, state: wire.NodeEvent["state"], ms: number | null = null): Message {
  seq += 1;
  const name = path.replace(/\[\d+\]/g, "");
  const data = { run: "r", seq, node: name, path, state, why: "", ms, bytes: null };
  return { type: "nf.node", data };
}

function step(number: number, more: Partial<wire.StepEvent> = {}): Message {
  seq += 1;
  const told = { run: "r", seq, node: "denoise", path: "denoise", step: number, steps: 3 };
  return { type: "nf.step", data: { ...told, sigma: 1, cfg: null, info: {}, ...more } };
}

function apply(...messages: Message[]): RunView {
  useRuns.getState().apply(messages);
  const view = useRuns.getState().runs.r;
  if (!view) throw new Error("no run");
  return view;
}

describe("events", () => {
  test("make a run's state, its nodes and its steps", () => {
    let view = apply(run("queued"), run("running", { total: 7 }), node("a", "running"));
    expect(view).toMatchObject({ state: "running", total: 7, startedAt: at });
    expect(view.nodes.a?.state).toBe("running");
    view = apply(node("a", "done", 12), step(0), step(1), step(2));
    expect(view.nodes.a).toEqual({ state: "done", why: "", ms: 12 });
    expect(view.steps.denoise?.map((one) => one.step)).toEqual([0, 1, 2]);
    expect(view.nodes.denoise).toMatchObject({ step: 2, steps: 3 });
    view = apply(run("done", { peak_bytes: 5 }));
    expect(view).toMatchObject({ state: "done", finishedAt: at, peakBytes: 5, lastSeq: seq });
  });

  test("times in a loop add up over its passes", () => {
    const view = apply(
      run("running"),
      node("denoise[0]/cond", "running"),
      node("denoise[0]/cond", "done", 10),
      node("denoise[1]/cond", "running"),
      node("denoise[1]/cond", "done", 20),
    );
    expect(view.nodes["denoise/cond"]).toMatchObject({ state: "done", ms: 30 });
  });

  test("a step told again adds what it knows; a loop begun anew begins its list anew", () => {
    const cfg = { cond: 1, uncond: 2, delta: 3, cos: 0.5 };
    let view = apply(run("running"), step(0), step(0, { sigma: null, cfg }));
    expect(view.steps.denoise).toEqual([{ step: 0, steps: 3, sigma: 1, cfg }]);
    view = apply(step(1), step(0));
    expect(view.steps.denoise).toHaveLength(1);
  });

  test("a run that was cut begins anew; one that was paused goes on", () => {
    let view = apply(run("running"), node("a", "done", 1));
    view = apply(run("paused"), run("running"));
    expect(view.nodes.a).toBeDefined();
    view = apply(run("queued"), run("running"));
    expect(view.nodes.a).toBeUndefined();
  });

  test("outputs and errors are kept, one output per name", () => {
    const output = { name: "image", node: "decode", files: [], value: 1 };
    seq += 1;
    const told: Message = { type: "nf.output", data: { run: "r", seq, output } };
    let view = apply(run("running"), told, told);
    expect(view.outputs).toEqual([output]);
    seq += 1;
    const error = {
      node: "a",
      path: "a",
      port: "x",
      code: "c",
      message: "m",
      hint: "",
      traceback: "",
    };
    view = apply({ type: "nf.error", data: { run: "r", seq, ...error } });
    expect(view.errors).toEqual([error]);
  });

  test("what was on its way when the run ended is stopped, or fell with what failed", () => {
    let view = apply(run("running"), node("a", "done", 1), node("b", "running"), step(1));
    view = apply(run("cancelled", { reason: "cancelled" }));
    expect(view.nodes.a?.state).toBe("done");
    expect(view.nodes.b).toMatchObject({ state: "stopped", why: "cancelled" });
    expect(view.nodes.denoise).toMatchObject({ state: "stopped", step: 1 });

    apply(run("running"), node("denoise", "running"), node("c", "running"));
    seq += 1;
    const fault = { run: "r", seq, node: "denoise/x", path: "denoise[1]/x", port: "scale" };
    const told = { code: "input", message: "scale: got 3", hint: "", traceback: "" };
    view = apply({ type: "nf.error", data: { ...fault, ...told } }, run("failed"));
    expect(view.errors[0]?.message).toBe("got 3");
    expect(view.nodes.denoise).toMatchObject({ state: "error", why: "got 3" });
    expect(view.nodes.c?.state).toBe("stopped");
  });

  test("what does not change stays the same object, so that nothing is drawn for it", () => {
    const before = apply(run("running"), node("a", "done", 1), step(0));
    const after = apply(node("b", "running"));
    expect(after.nodes.a).toBe(before.nodes.a);
    expect(after.steps.denoise).toBe(before.steps.denoise);
  });
});

test("a summary older than the events does not take them back", () => {
  apply(run("running"), run("done"));
  const told = { run: "r", number: 3, title: "T", state: "running", last_seq: 1, outputs: [] };
  const more = { nodes: {}, trace: "off", accepted_at: 1, started_at: 1, finished_at: null };
  const summary = { ...told, ...more, reason: "", peak_bytes: 0 } as unknown as wire.RunSummary;
  useRuns.getState().know([summary]);
  expect(useRuns.getState().runs.r).toMatchObject({ state: "done", number: 3, title: "T" });
});

test("few finished runs are remembered, the shown one among them", () => {
  useRuns.getState().show("run0");
  for (let k = 0; k < 100; k += 1) {
    const name = `run${k}`;
    const data = { ...run("done").data, run: name, seq: 1 } as wire.RunEvent;
    useRuns.getState().apply([{ type: "nf.run", data: { ...data, state: "queued", at: k + 1 } }]);
    useRuns.getState().apply([{ type: "nf.run", data: { ...data, seq: 2 } }]);
  }
  const { runs } = useRuns.getState();
  expect(Object.keys(runs).length).toBeLessThan(65);
  expect(runs.run0).toBeDefined();
  expect(runs.run99).toBeDefined();
});

test("an old preview's picture is let go of", () => {
  const revoked = vi.fn();
  URL.revokeObjectURL = revoked;
  const preview = { run: "r", node: "denoise", step: 1, steps: 2 };
  useRuns.getState().setPreviews([{ ...preview, url: "blob:1" }]);
  useRuns.getState().setPreviews([{ ...preview, url: "blob:2" }]);
  expect(revoked).toHaveBeenCalledExactlyOnceWith("blob:1");
});
