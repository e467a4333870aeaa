import { beforeEach, describe, expect, it } from "vitest";
import { Derivation, type Passing, type Scene } from "../../src/canvas/derive";
import type { Catalogue, NodeSpec } from "../../src/model/catalogue";
import { moveItems, setParam } from "../../src/model/edit";
import type { GraphFile, Scope } from "../../src/model/graph";

function spec(id: string, inputs: [string, string][], outputs: [string, string][]): NodeSpec {
  return {
    id,
    version: 1,
    title: id.split(".")[1] ?? id,
    category: id.split(".")[0] ?? "",
    doc: "",
    inputs: inputs.map(([name, type]) => ({ name, type, required: true })),
    outputs: outputs.map(([name, type]) => ({ name, type })),
    writes: false,
    volatile: false,
    source: "",
  };
}

const specs = [
  spec("latent.empty", [["width", "int"]], [["latent", "Latent"]]),
  spec("latent.scale", [["latent", "Latent"]], [["latent", "Latent"]]),
  spec("list.of", [["items", "list[T]"]], [["list", "list[T]"]]),
  spec("vae.decode", [["latent", "Latent"]], [["image", "Image"]]),
];

const catalogue: Catalogue = {
  version: "1",
  nodes: new Map(specs.map((one) => [one.id, one])),
  types: new Map(
    ["Latent", "Image"].map((name) => [
      name,
      { name, colour: "#888888", shape: "circle", bases: [] },
    ]),
  ),
  conversions: [],
};

const graph: GraphFile = {
  nodeflow: 1,
  inputs: { width: "a.width" },
  outputs: { picture: "d.image" },
  nodes: {
    a: { type: "latent.empty", params: { width: 64 } },
    b: { type: "latent.scale", links: { latent: "a.latent" } },
    c: { type: "list.of", links: { items: ["a.latent", "b.latent"] } },
    d: { type: "vae.decode", links: { latent: "b.latent" } },
    loop: {
      type: "flow.loop",
      each: { one: "c.list" },
      state: { latent: { init: "a.latent", next: "inner.latent" } },
      body: { inner: { type: "latent.scale", links: { latent: "state.latent" } } },
    },
    strange: { type: "somepack:unknown", params: { kept: 3 }, links: { in: "b.latent" } },
  },
  view: {
    a: [0, 0],
    b: [300, 0],
    c: [600, 0],
    d: [600, 200],
    loop: [900, 0],
    strange: [900, 300],
    $frames: [{ id: "f", scope: "", at: [-20, -60], size: [300, 200], title: "Start" }],
    $notes: [{ id: "n", scope: "loop", at: [0, 0], size: [200, 80], text: "inside" }],
    $reroutes: { "d.latent": [[500, 150]] },
  },
};

const still: Passing = { selection: [], moving: null, sizing: null, bending: null };
let made: Derivation;
const scene = (of: GraphFile, passing: Partial<Passing> = {}, scope: Scope = []) =>
  made.scene(of, scope, catalogue, { ...still, ...passing });
const node = (of: Scene, id: string) => of.nodes.find((one) => one.id === id);
const edge = (of: Scene, id: string) => of.edges.find((one) => one.id === id);

beforeEach(() => {
  made = new Derivation();
});

describe("the scene", () => {
  it("has a card per node at its place, and what is drawn beside them", () => {
    const { nodes } = scene(graph);
    expect(nodes.map((one) => one.id)).toEqual(["frame:f", "a", "b", "c", "d", "loop", "strange"]);
    expect(node(scene(graph), "b")?.position).toEqual({ x: 300, y: 0 });
  });

  it("has a wire per link, named by where it ends; gathered ones by number", () => {
    const ids = scene(graph).edges.map((one) => one.id);
    expect(ids).toEqual([
      "b.latent",
      "c.items#0",
      "c.items#1",
      "d.latent",
      "loop.each.one",
      "loop.state.latent",
      "strange.in",
    ]);
  });

  it("gives wires the type that goes through them, and their points", () => {
    const drawn = scene(graph);
    expect(edge(drawn, "b.latent")?.data?.type).toBe("Latent");
    expect(edge(drawn, "loop.each.one")?.data).toMatchObject({ type: "list[Latent]", list: true });
    expect(edge(drawn, "d.latent")?.data?.points).toEqual([[500, 150]]);
  });

  it("places every handle on the card, before anything is drawn", () => {
    for (const one of scene(graph).nodes) {
      if (one.type !== "card") continue;
      const { layout, ports } = one.data;
      expect(layout.handles).toHaveLength(ports.inputs.length + ports.outputs.length);
      for (const handle of layout.handles) {
        expect(handle.y).toBeGreaterThanOrEqual(0);
        expect(handle.y + handle.height).toBeLessThanOrEqual(layout.height);
      }
      expect(one.handles).toHaveLength(layout.handles.length);
      expect(one.measured).toEqual({ width: layout.width, height: layout.height });
    }
  });

  it("says which ports are the graph's own inputs and outputs", () => {
    const drawn = scene(graph);
    expect(node(drawn, "a")?.data).toMatchObject({ exposed: { width: "width" } });
    expect(node(drawn, "d")?.data).toMatchObject({ declared: { image: "picture" } });
  });

  it("keeps what an unknown node holds", () => {
    const card = node(scene(graph), "strange");
    expect(card?.data).toMatchObject({ ports: { known: false }, node: { params: { kept: 3 } } });
    expect(edge(scene(graph), "strange.in")).toBeDefined();
  });

  it("shows a body with its pads beside it, placed though nobody placed them", () => {
    const drawn = scene(graph, {}, ["loop"]);
    expect(drawn.nodes.map((one) => one.id)).toEqual(["note:n", "inner", "$in", "$out"]);
    expect(drawn.edges.map((one) => one.id)).toEqual(["inner.latent", "$out.next.latent"]);
    const [inner, into, out] = ["inner", "$in", "$out"].map(
      (id) => node(drawn, id)?.position.x ?? 0,
    );
    expect(into).toBeLessThan(inner ?? 0);
    expect(out).toBeGreaterThan(inner ?? 0);
  });

  it("leaves out wires from nodes that are not there", () => {
    const cut: GraphFile = {
      ...graph,
      nodes: { d: { type: "vae.decode", links: { latent: "gone.latent" } } },
    };
    expect(scene(cut).edges).toEqual([]);
    expect(node(scene(cut), "d")?.data).toMatchObject({ fed: { latent: ["gone.latent"] } });
  });
});

describe("identity", () => {
  const same = (a: Scene, b: Scene) => ({
    nodes: b.nodes.filter((one) => !a.nodes.includes(one)).map((one) => one.id),
    edges: b.edges.filter((one) => !a.edges.includes(one)).map((one) => one.id),
  });

  it("is kept where nothing changed", () => {
    expect(same(scene(graph), scene({ ...graph, title: "other" }))).toEqual({
      nodes: [],
      edges: [],
    });
  });

  it("changes for the one node that was edited", () => {
    const before = scene(graph);
    const after = scene(setParam(graph, [], "a", "width", 128));
    expect(same(before, after)).toEqual({ nodes: ["a"], edges: [] });
  });

  it("changes for the one node that was moved, and its card's data does not", () => {
    const before = scene(graph);
    const after = scene(moveItems(graph, [], { b: [310, 5] }));
    expect(same(before, after)).toEqual({ nodes: ["b"], edges: [] });
    expect(node(after, "b")?.data).toBe(node(before, "b")?.data);
  });

  it("changes for what is dragged alone", () => {
    const before = scene(graph);
    const after = scene(graph, { moving: { c: [700, 10], "frame:f": [0, 0] } });
    expect(same(before, after)).toEqual({ nodes: ["frame:f", "c"], edges: [] });
    expect(node(after, "c")?.position).toEqual({ x: 700, y: 10 });
  });

  it("changes for what is selected alone", () => {
    const before = scene(graph);
    const after = scene(graph, { selection: ["d", "wire:b.latent"] });
    expect(same(before, after)).toEqual({ nodes: ["d"], edges: ["b.latent"] });
  });

  it("changes for both ends of a wire that was cut", () => {
    const before = scene(graph);
    const nodes = { ...graph.nodes, d: { type: "vae.decode" } };
    const after = scene({ ...graph, nodes });
    expect(same(before, after)).toEqual({ nodes: ["b", "d"], edges: [] });
    expect(after.edges).toHaveLength(before.edges.length - 1);
  });

  it("is kept for 2,000 nodes when one of them changes", () => {
    const nodes: GraphFile["nodes"] = { n0: { type: "latent.empty" } };
    const view: NonNullable<GraphFile["view"]> = { n0: [0, 0] };
    for (let k = 1; k < 2000; k += 1) {
      nodes[`n${k}`] = { type: "latent.scale", links: { latent: `n${k - 1}.latent` } };
      view[`n${k}`] = [(k % 40) * 300, Math.floor(k / 40) * 150];
    }
    const large: GraphFile = { nodeflow: 1, nodes, view };
    const before = scene(large);
    const after = scene(moveItems(large, [], { n7: [1, 2] }));
    expect(same(before, after)).toEqual({ nodes: ["n7"], edges: [] });
  });
});
