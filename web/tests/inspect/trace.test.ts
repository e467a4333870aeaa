import { describe, expect, it } from "vitest";
import {
  atStep,
  carried,
  indexed,
  loopOf,
  originOf,
  passOf,
  stepTensors,
} from "../../src/inspect/trace";
import type { GraphFile } from "../../src/model/graph";
import type * as wire from "../../src/protocol";

let count = 0;

function tensor(
  path: string,
  port: string,
  role: wire.TensorInfo["role"],
  nan = 0,
): wire.TensorInfo {
  count += 1;
  const passes = [...path.matchAll(/\[(\d+)\]/g)];
  const last = passes.at(-1)?.[1];
  return {
    tid: `t${count}`,
    node: path.replace(/\[\d+\]/g, ""),
    ...{ path, port, role, part: "samples", type: "Latent", dtype: "float32", device: "cpu" },
    ...{ step: last === undefined ? null : Number(last), shape: [1, 4, 2, 2], bytes: 64 },
    stats: { min: 0, max: 1, mean: 0.5, std: 0.1, norm: 1, nan, inf: 0 },
    kept: true,
  };
}

const graph: GraphFile = {
  nodeflow: 1,
  nodes: {
    start: { type: "t.start" },
    text: { type: "t.text" },
    denoise: {
      type: "flow.loop",
      each: { step: "steps.steps" },
      const: { positive: "text.conditioning" },
      state: { latent: { init: "start.latent", next: "move.latent" } },
      body: {
        cond: { type: "t.ask", links: { latent: "state.latent", conditioning: "const.positive" } },
        uncond: { type: "t.ask", links: { latent: "state.latent" } },
        guide: { type: "t.guide", links: { cond: "cond.noise", uncond: "uncond.noise" } },
        move: { type: "t.move", links: { latent: "state.latent", noise: "guide.noise" } },
      },
    },
    show: { type: "t.show", links: { latent: "denoise.latent" } },
  },
};

function traced(steps: number, every = 1): wire.TensorIndex {
  const tensors = [tensor("start", "latent", "x_t")];
  const guidance: Record<string, unknown>[] = [];
  for (let k = 0; k < steps; k += every) {
    for (const name of ["cond", "uncond", "guide"]) {
      tensors.push(tensor(`denoise[${k}]/${name}`, "noise", "eps"));
    }
    tensors.push(tensor(`denoise[${k}]/move`, "latent", "x_t", k === 3 ? 5 : 0));
    guidance.push({ node: "denoise/guide", path: `denoise[${k}]/guide`, step: k, cos: 1 });
  }
  tensors.push(tensor("denoise", "latent", "x_t"));
  return { run: "r", level: "full", tensors, guidance, evicted: 0 };
}

describe("paths", () => {
  it("tell their loop and their pass", () => {
    expect(loopOf("outer[1]/denoise[3]/cond")).toBe("outer/denoise");
    expect(loopOf("sampler[2]")).toBe("sampler");
    expect(loopOf("start")).toBe("");
    expect(passOf("outer[1]/denoise[3]/cond", "outer")).toBe(1);
    expect(passOf("outer[1]/denoise[3]/cond", "outer/denoise")).toBe(3);
    expect(passOf("denoise[3]/cond", "other")).toBeUndefined();
  });
});

describe("a trace", () => {
  const trace = indexed(traced(5));

  it("knows its loops and what is unsound", () => {
    expect([...trace.latents]).toEqual([["denoise", 5]]);
    expect([...trace.unsound]).toEqual(["denoise/move.latent"]);
  });

  it("shows each port as it was at a step", () => {
    const at = (port: string, step: number) =>
      atStep(trace.byPort.get(port) ?? [], "denoise", step).map(({ path }) => path);
    expect(at("denoise/move.latent", 2)).toEqual(["denoise[2]/move"]);
    expect(at("start.latent", 2)).toEqual(["start"]);
    const thin = indexed(traced(5, 2));
    const found = atStep(thin.byPort.get("denoise/move.latent") ?? [], "denoise", 3);
    expect(found.map(({ path }) => path)).toEqual(["denoise[2]/move"]);
  });

  it("follows wires through pads: state comes from the step before, or from its beginning", () => {
    const path = (from: string, step: number) =>
      carried(trace, graph, from, "denoise", step)[0]?.path;
    expect(path("denoise/$in.state.latent", 0)).toBe("start");
    expect(path("denoise/$in.state.latent", 3)).toBe("denoise[2]/move");
    expect(path("denoise/guide.noise", 3)).toBe("denoise[3]/guide");
    expect(path("denoise.latent", 3)).toBe("denoise[3]/move");
    expect(originOf(graph, "denoise/$in.const.positive", "denoise", 2)).toEqual({
      port: "text.conditioning",
      back: 0,
    });
  });

  it("tells what a step did", () => {
    const { after, before, eps, cond, uncond } = stepTensors(trace, graph, "denoise", 2);
    expect([after, before, eps, cond, uncond].map((one) => one?.path)).toEqual([
      "denoise[2]/move",
      "denoise[1]/move",
      "denoise[2]/guide",
      "denoise[2]/cond",
      "denoise[2]/uncond",
    ]);
    expect(stepTensors(trace, graph, "denoise", 0).before?.path).toBe("start");
  });

  it("tells the same of a sampler in one node", () => {
    const tensors = [0, 1, 2].flatMap((k) => [
      tensor(`sampler[${k}]`, "latent", "x_t"),
      tensor(`sampler[${k}]`, "denoised", "x0"),
      tensor(`sampler[${k}]`, "cond", "eps"),
      tensor(`sampler[${k}]`, "uncond", "eps"),
    ]);
    const one: GraphFile = { nodeflow: 1, nodes: { sampler: { type: "sampler.sample" } } };
    const told = indexed({ run: "r", level: "full", tensors, guidance: [], evicted: 0 });
    const { after, x0, eps, cond, uncond } = stepTensors(told, one, "sampler", 1);
    expect([after, x0, cond, uncond].map((found) => found?.port)).toEqual([
      "latent",
      "denoised",
      "cond",
      "uncond",
    ]);
    expect(eps).toBeUndefined();
    expect(carried(told, one, "sampler.latent", "sampler", 1)[0]?.path).toBe("sampler[1]");
  });
});
