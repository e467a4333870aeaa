import { expect, test } from "vitest";
import { setParam } from "../../src/model/edit";
import { judge } from "../../src/model/fit";
import type { GraphFile } from "../../src/model/graph";
import { wiresIn } from "../../src/model/links";
import { portsOf, typeOfEnd } from "../../src/model/ports";
import { many } from "./many";
import { catalogue } from "./support";

/** The quickest of several: what the work takes, whatever else the machine does. */
function quickest(work: (k: number) => void, times = 25): number {
  let best = Number.POSITIVE_INFINITY;
  for (let k = 0; k < times; k += 1) {
    const begun = performance.now();
    work(k);
    best = Math.min(best, performance.now() - begun);
  }
  return best;
}

/** What the canvas asks of the model for every node and every wire after an edit. */
function everything(graph: GraphFile): number {
  let count = 0;
  for (const id in graph.nodes) {
    const ports = portsOf(graph, [], id, catalogue);
    count += ports.inputs.length + ports.outputs.length;
  }
  for (const wire of wiresIn(graph, [])) {
    count += typeOfEnd(graph, [], wire.from, catalogue).length;
  }
  return count;
}

test("one literal of 2,000 nodes: all ports, wires and types again within 4 ms", () => {
  let graph = many(2000);
  everything(graph);
  const taken = quickest((k) => {
    graph = setParam(graph, [], "noise_7", "seed", k + 1);
    everything(graph);
  });
  console.info(`edit of one literal in 2,000 nodes: ${taken.toFixed(2)} ms`);
  expect(taken).toBeLessThan(4);
});

test("a wire is judged within 2 ms among 2,000 nodes", () => {
  const graph = many(2000);
  const from = { node: "empty_3", port: "latent" };
  const taken = quickest(() =>
    judge(graph, [], from, { node: "noise_9", port: "latent" }, catalogue),
  );
  console.info(`judging a wire among 2,000 nodes: ${taken.toFixed(2)} ms`);
  expect(taken).toBeLessThan(2);
});
