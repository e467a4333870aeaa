import { expect, test } from "vitest";
import { isNodeOf } from "../../src/model/validate";
import type * as wire from "../../src/protocol";
import { located, problemsOf, useProblems } from "../../src/store/problems";
import { shippedGraph } from "../model/support";

const isNode = isNodeOf(shippedGraph("text_to_image"));
const told = (where: string): wire.ProblemData => ({
  code: "c",
  where,
  message: "m",
  hint: "",
  severity: "error",
});

test.each([
  ["decode", "decode", ""],
  ["decode.latent", "decode", "latent"],
  ["denoise/guide.scale", "denoise/guide", "scale"],
  ["denoise.state.latent", "denoise", "state.latent"],
  ["denoise.each.step", "denoise", "each.step"],
  ["nodes/decode/params/latent", "decode", "latent"],
  ["nodes/denoise/body/guide/params/scale", "denoise/guide", "scale"],
  ["nodes/denoise/state/latent/init", "denoise", "state.latent"],
  ["inputs.seed", "", ""],
  ["", "", ""],
  ["nothing.there", "", ""],
])("a problem at %s is told at node %s, port %s", (where, node, port) => {
  expect(located(told(where), isNode)).toMatchObject({ where, node, port });
});

test("a node whose problems stay keeps its list", () => {
  const { set } = useProblems.getState();
  set([told("decode.latent"), told("noise.seed")], isNode);
  const before = problemsOf(useProblems.getState(), "decode");
  set([told("decode.latent")], isNode);
  expect(problemsOf(useProblems.getState(), "decode")).toBe(before);
  expect(problemsOf(useProblems.getState(), "noise")).toEqual([]);
  expect(problemsOf(useProblems.getState(), "denoise")).toBe(
    problemsOf(useProblems.getState(), "noise"),
  );
});
