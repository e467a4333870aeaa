import { describe, expect, test } from "vitest";
import {
  addFrame,
  addLoopPort,
  addNode,
  addNote,
  connect,
  copyItems,
  disconnect,
  duplicate,
  expose,
  group,
  insertOnWire,
  moveItems,
  pasteItems,
  readClip,
  removeItems,
  removeLoopPort,
  rename,
  renameInput,
  renameLoopPort,
  resizeItem,
  setCollapsed,
  setColour,
  setMode,
  setNoteText,
  setOutput,
  setParam,
  setReroute,
  setTitle,
  unexpose,
  ungroup,
} from "../../src/model/edit";
import { judge } from "../../src/model/fit";
import { emptyGraph, type GraphFile, nodesIn, type Scope } from "../../src/model/graph";
import { wiresIn } from "../../src/model/links";
import { portsOf } from "../../src/model/ports";
import { framesIn, notesIn, viewOf } from "../../src/model/view";
import { catalogue, frozen, scopesOf, shipped, shippedGraph } from "./support";

const LOOP: Scope = ["denoise"];
const graph = shippedGraph("text_to_image");

/** Every wire leads from an output that is there to an input that is there, and fits. */
function sound(made: GraphFile): void {
  for (const scope of scopesOf(made)) {
    for (const { id, from, to } of wiresIn(made, scope)) {
      const verdict = judge(made, scope, from, to, catalogue);
      expect({ scope, id, ...verdict }).toMatchObject({ ok: true });
    }
  }
  for (const [name, targets] of Object.entries(made.inputs ?? {})) {
    for (const target of typeof targets === "string" ? [targets] : targets) {
      const dot = target.lastIndexOf(".");
      const path = target.slice(0, dot).split("/");
      const ports = portsOf(made, path.slice(0, -1), path.at(-1) ?? "", catalogue);
      expect(
        ports.inputs.map((port) => port.name),
        name,
      ).toContain(target.slice(dot + 1));
    }
  }
  for (const path of Object.keys(made.view ?? {})) {
    if (path.startsWith("$") || path.includes("/$")) continue;
    const parts = path.split("/");
    const nodes = nodesIn(made, parts.slice(0, -1));
    expect(nodes?.[parts.at(-1) ?? ""], path).toBeDefined();
  }
}

describe("nodes", () => {
  test("an added node gets a fresh id, its place and its literals", () => {
    const { graph: made, id } = addNode(graph, [], "vae.decode", [10.4, 20], catalogue);
    expect(id).toBe("decode_2");
    expect(made.nodes[id]).toEqual({ type: "vae.decode" });
    expect(made.view?.[id]).toEqual([10, 20]);
    const inside = addNode(made, LOOP, "math.add", [0, 0], catalogue, { a: 1 });
    expect(nodesIn(inside.graph, LOOP)?.add?.params).toEqual({ a: 1 });
    expect(inside.graph.view?.["denoise/add"]).toEqual([0, 0]);
  });

  test("an id never means what a loop gives its body", () => {
    const type = "pack:things.state";
    const { id } = addNode(emptyGraph(), [], type, [0, 0], catalogue);
    expect(id).toBe("state_2");
  });

  test("a literal takes a wire's place, and undefined takes it back", () => {
    const linked = addNode(graph, [], "math.add", [0, 0], catalogue);
    const set = setParam(linked.graph, [], linked.id, "a", 3);
    expect(set.nodes.add?.params).toEqual({ a: 3 });
    expect(setParam(set, [], "add", "a", 3)).toBe(set);
    expect(setParam(set, [], "add", "a", undefined).nodes.add).toEqual({ type: "math.add" });
    expect(setParam(graph, [], "nothing", "a", 1)).toBe(graph);
    const wired = setParam(graph, [], "decode", "latent", 0);
    expect(wired.nodes.decode?.links).toEqual({ vae: "checkpoint.vae" });
  });

  test("removing takes wires, inputs, outputs and places along", () => {
    const made = frozen(removeItems(graph, [], ["positive", "decode"]));
    sound(made);
    expect(made.inputs?.prompt).toBeUndefined();
    expect(made.outputs).toBeUndefined();
    expect(made.view?.positive).toBeUndefined();
    // The loop keeps the port, without a wire.
    expect(made.nodes.denoise?.const?.positive).toBe("");
    const without = removeItems(graph, [], ["denoise"]);
    expect(Object.keys(without.view ?? {}).some((path) => path.startsWith("denoise"))).toBe(false);
    expect(without.inputs?.guidance_scale).toBeUndefined();
  });

  test("removing the node of a loop's next leaves the state without one", () => {
    const made = removeItems(graph, LOOP, ["move"]);
    expect(made.nodes.denoise?.state?.latent).toEqual({ init: "start.latent", next: "" });
    expect(made.nodes.denoise?.collect?.trace).toBe("");
  });

  test("renaming there and back gives the same graph", () => {
    for (const [, text] of shipped) {
      const whole = frozen(JSON.parse(text) as GraphFile);
      for (const scope of scopesOf(whole)) {
        for (const id of Object.keys(nodesIn(whole, scope) ?? {})) {
          const there = frozen(rename(whole, scope, id, "another-name"));
          expect(nodesIn(there, scope)?.[id]).toBeUndefined();
          const back = rename(there, scope, "another-name", id);
          expect(JSON.stringify(back)).toBe(JSON.stringify(whole));
        }
      }
    }
  });

  test("a taken or impossible id is refused", () => {
    for (const bad of ["decode", "", "a.b", "a/b", "a b", "state", "$in", "a[0]"]) {
      expect(rename(graph, [], "positive", bad)).toBe(graph);
    }
  });

  test("muting and bypassing are said in the file", () => {
    const muted = setMode(graph, [], ["decode", "denoise"], "mute");
    expect(muted.nodes.decode?.mode).toBe("mute");
    const back = setMode(muted, [], ["decode", "denoise"], undefined);
    expect(JSON.stringify(back)).toBe(JSON.stringify(graph));
    expect(setMode(graph, [], ["decode"], undefined)).toBe(graph);
  });
});

describe("wires", () => {
  test("one that does not fit changes nothing, and the reason names both types", () => {
    const from = { node: "checkpoint", port: "model" };
    const to = { node: "decode", port: "latent" };
    const verdict = judge(graph, [], from, to, catalogue);
    expect(verdict.ok ? "" : verdict.reason).toMatch(
      /^Model does not fit latent, which takes Latent/,
    );
    expect(connect(graph, [], from, to, catalogue)).toBe(graph);
  });

  test("a refusal names the node that converts", () => {
    const { graph: made } = addNode(graph, [], "mask.invert", [0, 0], catalogue);
    const from = { node: "decode", port: "image" };
    const verdict = judge(made, [], from, { node: "invert", port: "mask" }, catalogue);
    expect(verdict).toMatchObject({ ok: false });
    if (!verdict.ok && verdict.conversion) {
      expect(catalogue.nodes.has(verdict.conversion)).toBe(true);
    }
  });

  test("a cycle is refused, and told in full", () => {
    const first = addNode(emptyGraph(), [], "math.add", [0, 0], catalogue);
    const second = addNode(first.graph, [], "math.add", [0, 0], catalogue);
    const port = portsOf(second.graph, [], "add", catalogue).outputs[0]?.name ?? "";
    const there = connect(
      second.graph,
      [],
      { node: "add", port },
      { node: "add_2", port: "a" },
      catalogue,
    );
    expect(there).not.toBe(second.graph);
    const back = { node: "add_2", port };
    const verdict = judge(there, [], back, { node: "add", port: "a" }, catalogue);
    expect(verdict).toMatchObject({ ok: false });
    expect(verdict.ok ? "" : verdict.reason).toContain("add → add_2 → add");
    const self = judge(there, [], { node: "add", port }, { node: "add", port: "b" }, catalogue);
    expect(self).toMatchObject({ ok: false });
  });

  test("a state that carries what its own body made is no cycle", () => {
    const from = { node: "cond", port: "noise" };
    const to = { node: "$out", port: "collect.trace" };
    const made = connect(graph, LOOP, from, to, catalogue);
    expect(made.nodes.denoise?.collect?.trace).toBe("cond.noise");
    sound(made);
  });

  test("a port that takes a list gathers, one by one, and lets go one by one", () => {
    let made: GraphFile = emptyGraph();
    for (let k = 0; k < 3; k += 1) {
      made = addNode(made, [], "load.image", [0, 0], catalogue).graph;
    }
    const spec = [...catalogue.nodes.values()].find((node) =>
      node.inputs.some((input) => input.type === "list[Image]"),
    );
    const port = spec?.inputs.find((input) => input.type === "list[Image]")?.name ?? "";
    const added = addNode(made, [], spec?.id ?? "", [0, 0], catalogue);
    made = added.graph;
    const to = { node: added.id, port };
    for (const node of ["image", "image_2", "image_3"]) {
      const verdict = judge(made, [], { node, port: "image" }, to, catalogue);
      expect(verdict).toEqual({ ok: true, gathers: true });
      made = connect(made, [], { node, port: "image" }, to, catalogue);
    }
    const links = () => made.nodes[added.id]?.links?.[port];
    expect(links()).toEqual(["image.image", "image_2.image", "image_3.image"]);
    expect(connect(made, [], { node: "image", port: "image" }, to, catalogue)).toBe(made);
    made = disconnect(made, [], to, 1);
    expect(links()).toEqual(["image.image", "image_3.image"]);
    made = removeItems(made, [], [`wire:${added.id}.${port}#0`, `wire:${added.id}.${port}#1`]);
    expect(links()).toBeUndefined();
  });

  test("a node is put into a wire", () => {
    const wire = "decode.latent";
    const added = addNode(graph, [], "flow.pass_through", [0, 0], catalogue);
    const made = frozen(insertOnWire(added.graph, [], wire, added.id, catalogue));
    expect(made.nodes.decode?.links?.latent).toBe("pass_through.value");
    expect(made.nodes.pass_through?.links?.value).toBe("denoise.latent");
    sound(made);
    const other = addNode(graph, [], "noise.gaussian", [0, 0], catalogue);
    expect(insertOnWire(other.graph, [], "positive.clip", other.id, catalogue)).toBe(other.graph);
  });
});

describe("copies", () => {
  test.each(shipped)("%s: copied whole into nothing it is the same graph", (_, text) => {
    const whole = frozen(JSON.parse(text) as GraphFile);
    const drawn = [...framesIn(whole, []), ...notesIn(whole, [])];
    const names = drawn.map((item) => ("text" in item ? `note:${item.id}` : `frame:${item.id}`));
    const ids = [...Object.keys(whole.nodes), ...names];
    const clip = readClip(JSON.stringify(copyItems(whole, [], ids)));
    if (!clip) throw new Error("no clip");
    const nodes = Object.keys(whole.nodes).flatMap((id) => viewOf(whole, [], id) ?? []);
    const corner = Math.min(...[...nodes, ...drawn].map(({ at }) => at[0]));
    const top = Math.min(...[...nodes, ...drawn].map(({ at }) => at[1]));
    const { graph: made } = pasteItems(emptyGraph(), [], clip, [corner, top]);
    expect(made.nodes).toEqual(whole.nodes);
    expect(made.view ?? {}).toEqual(whole.view ?? {});
  });

  test("pasted beside itself it keeps its own wires and loses those from outside", () => {
    const clip = copyItems(graph, [], ["denoise", "decode"]);
    const { graph: made, ids } = pasteItems(graph, [], clip, [0, 900]);
    expect(ids).toEqual(["denoise_2", "decode_2"]);
    expect(made.nodes.decode_2?.links).toEqual({ latent: "denoise_2.latent" });
    expect(made.nodes.denoise_2?.each).toEqual({ step: "" });
    expect(made.view?.["denoise_2/cond"]).toEqual(graph.view?.["denoise/cond"]);
    sound(frozen(made));
  });

  test("a duplicate reads what the first one reads", () => {
    const { graph: made, ids } = duplicate(graph, [], ["decode"], [40, 40]);
    expect(made.nodes[ids[0] ?? ""]).toEqual(graph.nodes.decode);
    expect(made.view?.decode_2).toEqual([1740, 40]);
  });

  test("what a body reads of its loop stays in that body, and is lost outside", () => {
    const clip = copyItems(graph, LOOP, ["cond"]);
    const inside = pasteItems(graph, LOOP, clip, [0, 0]);
    expect(nodesIn(inside.graph, LOOP)?.cond_2?.links?.step).toBe("each.step");
    const outside = pasteItems(graph, [], clip, [0, 0]);
    expect(outside.graph.nodes.cond).toEqual({ type: "model.predict_noise" });
  });

  test("any other text is no clip", () => {
    for (const text of [
      "",
      "hello",
      "{}",
      '{"nodeflow_clip":1}',
      '{"nodeflow_clip":1,"nodes":3}',
    ]) {
      expect(readClip(text)).toBeUndefined();
    }
  });
});

describe("groups", () => {
  test.each(shipped)("%s: any part grouped still fits, and ungrouped is as before", (_, text) => {
    const whole = frozen(JSON.parse(text) as GraphFile);
    for (const scope of scopesOf(whole)) {
      const ids = Object.keys(nodesIn(whole, scope) ?? {});
      for (const part of [
        ids,
        ids.slice(0, 1),
        ids.slice(-2),
        ids.filter((_id, k) => k % 2 === 0),
      ]) {
        const grouped = group(whole, scope, part);
        if (!grouped.id) continue;
        sound(frozen(grouped.graph));
        const back = ungroup(grouped.graph, scope, grouped.id);
        sound(frozen(back.graph));
        const bare = withoutPasses(back.graph, scope, whole);
        expect(sorted(bare).join("\n")).toBe(sorted(nodesIn(whole, scope) ?? {}).join("\n"));
        expect(back.graph.outputs ?? {}).toEqual(
          back.graph.outputs === undefined ? {} : expect.anything(),
        );
        expect(back.graph.inputs ?? {}).toEqual(whole.inputs ?? {});
      }
    }
  });

  test("one that would feed itself through the outside is refused", () => {
    const made = group(graph, [], ["checkpoint", "decode"]);
    expect(made.id).toBe("");
    expect(made.graph).toBe(graph);
  });

  test("a declared input still reaches its port inside", () => {
    const made = group(graph, [], ["positive", "negative"]);
    expect(made.graph.inputs?.prompt).toBe("group/positive.text");
    expect(made.graph.nodes.group?.links).toEqual({ clip: "checkpoint.clip" });
    expect(made.graph.view?.["group/positive"]).toEqual(graph.view?.positive);
  });
});

/** Nodes that stand in for a group's inputs hand on what they get: read through them. */
function withoutPasses(made: GraphFile, scope: Scope, whole: GraphFile) {
  const before = nodesIn(whole, scope) ?? {};
  const now = nodesIn(made, scope) ?? {};
  const through = new Map<string, string>();
  for (const [id, node] of Object.entries(now)) {
    if (!(id in before)) through.set(`${id}.value`, String(node.links?.value));
  }
  const text = JSON.stringify(
    Object.fromEntries(Object.entries(now).filter(([id]) => id in before)),
  );
  return JSON.parse(text, (_key, value: unknown) =>
    typeof value === "string" ? (through.get(value) ?? value) : value,
  ) as typeof before;
}

function sorted(nodes: object): string[] {
  const deep = (value: unknown): unknown =>
    typeof value !== "object" || value === null || Array.isArray(value)
      ? value
      : Object.fromEntries(
          Object.entries(value)
            .map(([key, inner]) => [key, deep(inner)] as const)
            .sort(([a], [b]) => (a < b ? -1 : 1)),
        );
  return Object.entries(nodes)
    .map(([id, node]) => JSON.stringify([id, deep(node)]))
    .sort();
}

describe("loops", () => {
  test("a port is added, wired from both sides, renamed and removed", () => {
    const added = addLoopPort(graph, LOOP, "const", "vae");
    expect(added.name).toBe("vae");
    const from = { node: "checkpoint", port: "vae" };
    let made = connect(added.graph, [], from, { node: "denoise", port: "const.vae" }, catalogue);
    expect(made.nodes.denoise?.const?.vae).toBe("checkpoint.vae");
    const ports = portsOf(made, LOOP, "$in", catalogue);
    expect(ports.outputs.find((port) => port.name === "const.vae")?.type).toBe("Vae");
    const decoder = addNode(made, LOOP, "vae.decode", [0, 0], catalogue);
    const pad = { node: "$in", port: "const.vae" };
    made = connect(decoder.graph, LOOP, pad, { node: decoder.id, port: "vae" }, catalogue);
    expect(nodesIn(made, LOOP)?.decode?.links?.vae).toBe("const.vae");
    made = frozen(renameLoopPort(made, LOOP, "const", "vae", "decoder"));
    expect(nodesIn(made, LOOP)?.decode?.links?.vae).toBe("const.decoder");
    sound(made);
    made = removeLoopPort(made, LOOP, "const", "decoder");
    expect(nodesIn(made, LOOP)?.decode).toEqual({ type: "vae.decode" });
  });

  test("a renamed state is read by its new name outside and inside", () => {
    const made = frozen(renameLoopPort(graph, LOOP, "state", "latent", "picture"));
    expect(made.nodes.decode?.links?.latent).toBe("denoise.picture");
    expect(nodesIn(made, LOOP)?.cond?.links?.latent).toBe("state.picture");
    sound(made);
    const back = renameLoopPort(made, LOOP, "state", "picture", "latent");
    expect(JSON.stringify(back)).toBe(JSON.stringify(graph));
    expect(renameLoopPort(graph, LOOP, "state", "latent", "trace")).toBe(graph);
  });

  test("each must walk a list", () => {
    const to = { node: "denoise", port: "each.step" };
    const verdict = judge(graph, [], { node: "start", port: "latent" }, to, catalogue);
    expect(verdict).toEqual({
      ok: false,
      reason: "each.step walks a list, and this is one Latent",
    });
  });

  test("what comes next must be what the state began as", () => {
    const to = { node: "$out", port: "next.latent" };
    const verdict = judge(graph, LOOP, { node: "guide", port: "noise" }, to, catalogue);
    expect(verdict).toMatchObject({ ok: false });
  });
});

describe("looks", () => {
  test("what somebody gives a node is written beside its place, and a bare place as before", () => {
    let made = setTitle(graph, [], "decode", "To pixels");
    made = setColour(made, [], "decode", "#aabbcc");
    made = setCollapsed(made, [], ["decode"], true);
    made = resizeItem(made, [], "decode", [300, 100]);
    const at = graph.view?.decode;
    expect(made.view?.decode).toEqual({
      at,
      title: "To pixels",
      colour: "#aabbcc",
      collapsed: true,
      size: [300, 100],
    });
    made = setTitle(made, [], "decode", "");
    made = setColour(made, [], "decode", undefined);
    made = setCollapsed(made, [], ["decode"], false);
    made = resizeItem(made, [], "decode", undefined);
    expect(JSON.stringify(made)).toBe(JSON.stringify(graph));
  });

  test("frames, notes and points of wires", () => {
    const frame = addFrame(graph, LOOP, [0, 0], [500, 300], "Guidance");
    const note = addNote(frame.graph, [], [5, 5], "Look **here**");
    let made = setNoteText(note.graph, note.id, "There");
    expect(made.view?.$notes?.[0]?.text).toBe("There");
    expect(setNoteText(made, note.id, "There")).toBe(made);
    expect(framesIn(made, LOOP)).toHaveLength(1);
    expect(framesIn(made, [])).toHaveLength(0);
    made = moveItems(made, LOOP, { [frame.id]: [7.6, 8], cond: [1, 2] });
    expect(made.view?.$frames?.[0]?.at).toEqual([8, 8]);
    expect(made.view?.["denoise/cond"]).toEqual([1, 2]);
    made = setReroute(made, [], "decode.latent", [[1, 1]]);
    expect(made.view?.$reroutes).toEqual({ "decode.latent": [[1, 1]] });
    const renamed = rename(made, [], "decode", "pixels");
    expect(renamed.view?.$reroutes).toEqual({ "pixels.latent": [[1, 1]] });
    expect(
      disconnect(made, [], { node: "decode", port: "latent" }).view?.$reroutes,
    ).toBeUndefined();
    made = removeItems(made, LOOP, [frame.id, note.id]);
    expect(made.view?.$frames).toBeUndefined();
    expect(made.view?.$notes).toBeUndefined();
    const moved = rename(addNote(graph, LOOP, [0, 0]).graph, [], "denoise", "loop");
    expect(moved.view?.$notes?.[0]?.scope).toBe("loop");
  });
});

describe("declared inputs and outputs", () => {
  test("one name may feed several ports", () => {
    const one = expose(graph, "vae_name", "checkpoint.name");
    const two = expose(one, "vae_name", "positive.text");
    expect(two.inputs?.vae_name).toEqual(["checkpoint.name", "positive.text"]);
    expect(expose(two, "vae_name", "positive.text")).toBe(two);
    expect(unexpose(two, "vae_name", "positive.text").inputs?.vae_name).toBe("checkpoint.name");
    expect(JSON.stringify(unexpose(two, "vae_name"))).toBe(JSON.stringify(graph));
    expect(Object.keys(renameInput(graph, "prompt", "text").inputs ?? {})[0]).toBe("text");
    expect(renameInput(graph, "prompt", "seed")).toBe(graph);
  });

  test("outputs", () => {
    const made = setOutput(graph, "latent", "denoise.latent");
    expect(made.outputs).toEqual({ image: "decode.image", latent: "denoise.latent" });
    expect(JSON.stringify(setOutput(made, "latent", undefined))).toBe(JSON.stringify(graph));
    expect(setOutput(graph, "image", "decode.image")).toBe(graph);
  });
});
