import { act, renderHook } from "@testing-library/react";
import { expect, it } from "vitest";
import { useHealth } from "../../src/inspect/health";
import { useTraceIndex } from "../../src/inspect/store";
import { indexed } from "../../src/inspect/trace";
import type { GraphFile } from "../../src/model/graph";
import type * as wire from "../../src/protocol";
import { useEditor } from "../../src/store/editor";
import { useRuns } from "../../src/store/runs";
import { useScrub } from "../../src/store/scrub";

const graph: GraphFile = {
  nodeflow: 1,
  nodes: {
    loop: {
      type: "flow.loop",
      state: { latent: { init: "start.latent", next: "move.latent" } },
      body: { move: { type: "t.move", links: { latent: "state.latent" } } },
    },
  },
};

function row(step: number, nan: number, inf = 0): wire.TensorInfo {
  return {
    ...{ tid: `t${step + 1}`, node: "loop/move", path: `loop[${step}]/move`, port: "latent" },
    ...{ type: "Latent", part: "samples", step, role: "x_t", dtype: "float32", device: "cpu" },
    ...{ shape: [1, 4, 2, 2], bytes: 64, kept: true },
    stats: { min: 0, max: 0, mean: 0, std: 0, norm: 0, nan, inf },
  };
}

it("a wire is unsound at the steps at which it carries what is no number", () => {
  useEditor.getState().load(graph);
  useRuns.setState({ shown: "r" });
  const tensors = [row(0, 0), row(1, 0, 2), row(2, 3)];
  const trace = indexed({ run: "r", level: "stats", tensors, guidance: [], evicted: 0 });
  useTraceIndex.setState({ of: { r: trace } });
  useScrub.getState().choose("loop", 3, 0);
  const { result } = renderHook(() => ({
    made: useHealth("loop/move.latent"),
    given: useHealth("loop/$in.state.latent"),
    other: useHealth("start.latent"),
  }));
  const seen = [0, 1, 2].map((step) => {
    act(() => useScrub.getState().goTo(step));
    return result.current;
  });
  expect(seen.map(({ made }) => made)).toEqual(["", "inf", "nan"]);
  expect(seen.map(({ given }) => given)).toEqual(["", "", "inf"]);
  expect(seen.map(({ other }) => other)).toEqual(["", "", ""]);
});

it("the step stays within the run, and pins are at most two", () => {
  const { choose, goTo, pin, unpin } = useScrub.getState();
  choose("loop", 5);
  expect(useScrub.getState()).toMatchObject({ step: 4, follow: true });
  goTo(99);
  expect(useScrub.getState()).toMatchObject({ step: 4, follow: false });
  goTo(-3);
  expect(useScrub.getState().step).toBe(0);
  for (const step of [1, 1, 2, 3]) pin({ run: "r", node: "loop", step, title: "" });
  expect(useScrub.getState().pins.map(({ step }) => step)).toEqual([1, 3]);
  unpin(0);
  unpin(0);
  useScrub.getState().setSteps(3);
  expect(useScrub.getState().step).toBe(0);
});
