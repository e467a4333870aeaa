import { describe, expect, it } from "vitest";
import { ownLevels, scheduleNodes, whyNotDrawn, withLevels } from "../../src/inspect/schedules";
import { promptNodes } from "../../src/inspect/words";
import { catalogue, shippedGraph } from "../model/support";

const graph = shippedGraph("text_to_image");

describe("a schedule by hand", () => {
  it("is found wherever a node gives Sigmas", () => {
    expect(scheduleNodes(graph, catalogue)).toEqual(["sigmas"]);
  });

  it("takes the place of the node and loses what set its steps", () => {
    const made = withLevels(graph, "sigmas", [10, 1, 0]);
    expect(made.nodes.sigmas).toEqual({
      type: "sigmas.from_list",
      params: { values: [10, 1, 0] },
      links: { betas: "betas.betas" },
    });
    expect(made.inputs?.steps).toBeUndefined();
    expect(made.inputs?.prompt).toBe(graph.inputs?.prompt);
    expect(made.nodes.schedule).toEqual(graph.nodes.schedule);
    expect(made.view).toEqual(graph.view);
    expect(ownLevels(made.nodes.sigmas)).toEqual([10, 1, 0]);
    expect(graph.nodes.sigmas?.type).toBe("sigmas.normal");
  });

  it("is changed in place once it is one", () => {
    const made = withLevels(graph, "sigmas", [10, 1, 0]);
    const again = withLevels(made, "sigmas", [10, 2, 0]);
    expect(again.nodes.sigmas?.params?.values).toEqual([10, 2, 0]);
    expect(again.nodes.sigmas?.links).toEqual(made.nodes.sigmas?.links);
  });

  it("needs the model's clock", () => {
    const bare = { nodeflow: 1, nodes: { s: { type: "sigmas.karras" } } };
    expect(whyNotDrawn(bare, "s")).toContain("betas");
    expect(withLevels(bare, "s", [1, 0])).toBe(bare);
    expect(whyNotDrawn(graph, "sigmas")).toBe("");
  });
});

it("prompts are found by their widget", () => {
  expect(promptNodes(graph, catalogue).map(({ path }) => path)).toEqual(["positive", "negative"]);
});
