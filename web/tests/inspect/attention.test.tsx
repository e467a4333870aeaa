import { readFileSync } from "node:fs";
import { cleanup, render, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, describe, expect, it, vi } from "vitest";
import { asksWith } from "../../src/inspect/asks";
import { nearest, shortLayer, TokenAttention } from "../../src/inspect/TokenAttention";
import type { GraphFile } from "../../src/model/graph";
import type { AttentionIndex } from "../../src/protocol";
import { useRuns } from "../../src/store/runs";

const read = (name: string) =>
  JSON.parse(
    readFileSync(`${import.meta.dirname}/../../../graphs/${name}.json`, "utf8"),
  ) as GraphFile;

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
  useRuns.setState({ runs: {}, graphs: {}, shown: "" });
});

describe("who asked under a prompt", () => {
  it("is told in a loop, through its pads", () => {
    const graph = read("text_to_image");
    const asks = ["cond", "uncond"].map((id) => ({
      node: `denoise/${id}`,
      prompt: "conditioning",
    }));
    expect(asksWith(graph, asks, "positive")).toEqual([asks[0]]);
    expect(asksWith(graph, asks, "negative")).toEqual([asks[1]]);
    expect(asksWith(graph, asks, "checkpoint")).toEqual(asks);
    expect(asksWith(graph, asks, "decode")).toEqual([]);
  });

  it("is told of a sampler in one node, and through a guider before it", () => {
    const whole = [
      { node: "sampler", prompt: "positive" },
      { node: "sampler", prompt: "negative" },
    ];
    expect(asksWith(read("text_to_image_simple"), whole, "negative")).toEqual([whole[1]]);
    const guided = whole.map((ask) => ({ ...ask, node: "sample" }));
    expect(asksWith(read("attention"), guided, "positive")).toEqual([guided[0]]);
  });

  it("is told in a group, and of a text in one", () => {
    const ask: GraphFile["nodes"] = {
      cond: { type: "model.predict_noise" },
    };
    const graph: GraphFile = {
      nodeflow: 1,
      nodes: {
        text: { type: "text.encode" },
        words: {
          type: "flow.graph",
          graph: {
            nodeflow: 1,
            nodes: { inner: { type: "text.encode" } },
            outputs: { said: "inner.conditioning" },
          },
        },
        one: group(ask, "text.conditioning"),
        two: group(ask, "words.said"),
      },
    };
    const asks = ["one/cond", "two/cond"].map((node) => ({ node, prompt: "conditioning 2" }));
    expect(asksWith(graph, asks, "text")).toEqual([asks[0]]);
    expect(asksWith(graph, asks, "words/inner")).toEqual([asks[1]]);
  });
});

function group(nodes: GraphFile["nodes"], link: string): GraphFile["nodes"][string] {
  const inner = { nodeflow: 1, nodes, inputs: { text: "cond.conditioning" } };
  return { type: "flow.graph", graph: inner, links: { text: link } };
}

describe("names and steps", () => {
  it("of layers are short", () => {
    expect(shortLayer("mid_block.attentions.0.transformer_blocks.0.attn2")).toBe("mid");
    expect(shortLayer("up_blocks.1.attentions.2.transformer_blocks.0.attn2")).toBe("up 1 · 2");
    expect(shortLayer("down_blocks.2.attentions.1.transformer_blocks.9.attn2")).toBe(
      "down 2 · 1 · 9",
    );
    expect(shortLayer("blocks.3.attn2")).toBe("blocks.3.attn2");
  });

  it("of which not each was traced are those before", () => {
    expect(nearest([0, 5, 10], 7)).toBe(5);
    expect(nearest([3, 5], 0)).toBe(3);
    expect(nearest([null], 4)).toBe(null);
  });
});

function index(): AttentionIndex {
  const layers = ["mid_block.attentions.0.transformer_blocks.0.attn2", "up_blocks.1.attentions.0"];
  return {
    run: "r1",
    nodes: ["sampler"],
    prompts: ["positive", "negative"],
    layers: layers.map((name) => ({ name, height: 4, width: 6 })),
    steps: [0, 1],
    tokens: 77,
    items: 1,
    note: "",
    maps: layers.flatMap((layer, k) =>
      ["positive", "negative"].flatMap((prompt, p) =>
        [0, 1].map((step) => ({
          ...{ tid: `t${k}${p}${step}`, node: "sampler", path: `sampler[${step}]`, step },
          ...{ prompt, layer, tokens: 77, kept: true },
        })),
      ),
    ),
  };
}

function told(answer: AttentionIndex): void {
  vi.stubGlobal("fetch", async () => new Response(JSON.stringify(answer)));
}

/** Each test another run: what was told of one is kept. */
function done(run: string): void {
  const at = { run, at: 1, reason: "", total: null, cached: null, peak_bytes: null };
  useRuns.getState().keepGraph(run, read("text_to_image_simple"));
  useRuns.getState().apply([{ type: "nf.run", data: { ...at, seq: 1, state: "done" } }]);
}

const shown = () =>
  screen.getAllByRole("img").map((one) => new URL((one as HTMLImageElement).src).searchParams);

describe("the maps of a token", () => {
  it("are the mean of all layers, or those of one that is chosen", async () => {
    told(index());
    done("a");
    const user = userEvent.setup();
    render(
      <TokenAttention run="a" node="sampler" slot={2} step={7} prompt="negative" word="red" />,
    );
    await waitFor(() => screen.getByRole("region", { name: "attention to red" }));
    const [mean] = shown();
    expect(Object.fromEntries(mean ?? [])).toEqual({
      node: "sampler",
      prompt: "negative",
      step: "1",
      slot: "2",
      item: "0",
    });
    const choices = screen.getAllByRole("radio");
    expect(choices.map((one) => one.closest("label")?.textContent)).toEqual([
      "mean of all",
      "mid 4 × 6",
      "up 1 · 0 4 × 6",
    ]);
    expect((choices[0] as HTMLInputElement).checked).toBe(true);
    await user.click(choices[1] as HTMLElement);
    expect(shown()[0]?.get("layer")).toBe("mid_block.attentions.0.transformer_blocks.0.attn2");
  });

  it("are told not to be there where there was no room", async () => {
    const full = index();
    told({ ...full, maps: full.maps.map((map) => ({ ...map, kept: false })) });
    done("b");
    render(<TokenAttention run="b" node="sampler" slot={2} step={0} />);
    await waitFor(() => screen.getByText(/no room/));
  });

  it("are nothing where the run told of none", async () => {
    told({ ...index(), maps: [], note: "SD3Transformer2DModel has no cross-attention to a text" });
    done("c");
    const { container } = render(<TokenAttention run="c" node="sampler" slot={2} step={0} />);
    await waitFor(() => expect(container.textContent).toBe(""));
  });
});
