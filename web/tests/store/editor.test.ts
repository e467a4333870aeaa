import { beforeEach, describe, expect, test } from "vitest";
import { addNode, connect, moveItems, removeItems, rename, setParam } from "../../src/model/edit";
import { type GraphFile, nodesIn, type Scope } from "../../src/model/graph";
import { wiresIn } from "../../src/model/links";
import { portsOf } from "../../src/model/ports";
import { bringBack, keep } from "../../src/store/documents";
import { isDirty, useEditor } from "../../src/store/editor";
import { catalogue, frozen, shippedGraph } from "../model/support";

const state = () => useEditor.getState();
const text = () => JSON.stringify(state().graph);

beforeEach(() => state().load(shippedGraph("text_to_image")));

/** A number below `count`, the same in every run of the test. */
function dice(seed: number) {
  let at = seed;
  return (count: number) => {
    at = (at * 1103515245 + 12345) % 2147483648;
    return at % count;
  };
}

const TYPES = ["math.add", "vae.decode", "latent.empty", "flow.loop", "flow.pass_through"];

function anyEdit(graph: GraphFile, scope: Scope, roll: (count: number) => number): GraphFile {
  const ids = Object.keys(nodesIn(graph, scope) ?? {});
  const id = ids[roll(ids.length)] ?? "";
  switch (roll(6)) {
    case 0:
      return addNode(graph, scope, TYPES[roll(5)] ?? "", [roll(900), roll(900)], catalogue).graph;
    case 1:
      return removeItems(graph, scope, [id]);
    case 2:
      return moveItems(graph, scope, { [id]: [roll(900), roll(900)] });
    case 3:
      return rename(graph, scope, id, `n${roll(1000)}`);
    case 4: {
      const port = portsOf(graph, scope, id, catalogue).inputs.find((input) => input.widget);
      return port ? setParam(graph, scope, id, port.name, roll(100)) : graph;
    }
    default: {
      const wires = wiresIn(graph, scope);
      const from = wires[roll(wires.length)]?.from;
      const to = wires[roll(wires.length)]?.to;
      return from && to ? connect(graph, scope, from, to, catalogue) : graph;
    }
  }
}

describe("steps back and forward", () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8])(
    "any %i-th row of edits is undone and redone exactly",
    (seed) => {
      const roll = dice(seed * 7919);
      const states = [text()];
      for (let k = 0; k < 60; k += 1) {
        const scope: Scope = roll(3) === 0 && state().graph.nodes.denoise?.body ? ["denoise"] : [];
        const before = state().past.length;
        state().edit("any", (graph) => frozen(anyEdit(graph, scope, roll)));
        if (state().past.length > before) states.push(text());
      }
      expect(states.length).toBeGreaterThan(20);
      for (let k = states.length - 2; k >= 0; k -= 1) {
        state().undo();
        expect(text()).toBe(states[k]);
      }
      state().undo();
      expect(text()).toBe(states[0]);
      for (const expected of states.slice(1)) {
        state().redo();
        expect(text()).toBe(expected);
      }
      state().redo();
      expect(text()).toBe(states.at(-1));
    },
  );

  test("what changes nothing is no step", () => {
    state().edit("nothing", (graph) => setParam(graph, [], "noise", "seed", 0));
    expect(state().past).toHaveLength(0);
  });

  test("one gesture is one step, and what follows going back is a new one", () => {
    for (const seed of [1, 2, 3]) {
      const set = (graph: GraphFile) => setParam(graph, [], "noise", "seed", seed);
      state().edit("seed", set, { merge: "noise.seed" });
    }
    expect(state().past).toHaveLength(1);
    state().undo();
    expect(state().graph.nodes.noise?.params?.seed).toBe(0);
    state().redo();
    const set = (graph: GraphFile) => setParam(graph, [], "noise", "seed", 9);
    state().edit("seed", set, { merge: "noise.seed" });
    expect(state().past).toHaveLength(2);
  });

  test("going back leads to where the edit was made", () => {
    state().enter("denoise");
    state().edit("scale", (graph) => setParam(graph, ["denoise"], "guide", "scale", 3));
    state().leave();
    state().undo();
    expect(state().scope).toEqual(["denoise"]);
  });
});

test("what is loaded over can be brought back with its steps", () => {
  state().edit("seed", (graph) => setParam(graph, [], "noise", "seed", 5));
  const before = text();
  const kept = keep();
  state().load(shippedGraph("attention"));
  expect(isDirty(state())).toBe(false);
  bringBack(kept);
  expect(text()).toBe(before);
  expect(isDirty(state())).toBe(true);
  state().undo();
  expect(isDirty(state())).toBe(false);
});
