import { describe, expect, test } from "vitest";
import type { GraphFile } from "../../src/model/graph";
import { literal, pythonOf } from "../../src/model/python";
import { shipped } from "./support";

test("values as Python writes them", () => {
  const value = [null, true, 1.5, 'a "b"\n', { x: [] }];
  expect(literal(value)).toBe('[None, True, 1.5, "a \\"b\\"\\n", {"x": []}]');
});

test("nodes, wires, loops, inputs and outputs", () => {
  const graph: GraphFile = {
    nodeflow: 1,
    title: "Three",
    inputs: { start: "begin.value" },
    outputs: { sum: "rounds.total" },
    nodes: {
      rounds: {
        type: "flow.loop",
        each: { i: "numbers.list" },
        state: { total: { init: "begin.value", next: "add.value" } },
        body: { add: { type: "math.add", links: { a: "state.total", b: "each.i" } } },
      },
      numbers: { type: "list.range", params: { count: 3 } },
      begin: { type: "value.integer", params: { value: 1 } },
    },
  };
  expect(pythonOf(graph).split("\n").slice(2, -5)).toEqual([
    "import nodeflow",
    "import nodes.list as list_nodes",
    "import nodes.math as math_nodes",
    "import nodes.value as value_nodes",
    "from nodeflow.builder import GraphBuilder",
    "",
    'builder = GraphBuilder(title="Three")',
    'numbers = builder.add(list_nodes.range, "numbers", count=3)',
    'begin = builder.add(value_nodes.integer, "begin", value=1)',
    "",
    'rounds_loop = builder.loop("rounds")',
    'rounds_i = rounds_loop.each("i", numbers["list"])',
    'rounds_total = rounds_loop.state("total", begin["value"])',
    'add = rounds_loop.add(math_nodes.add, "add", a=rounds_total, b=rounds_i)',
    'rounds = rounds_loop.close(next={"total": add["value"]})',
    "",
    'builder.input("start", "begin.value")',
    'builder.output("sum", rounds["total"])',
    "",
    "graph = builder.build()",
  ]);
});

describe.each(shipped)("%s", (_, text) => {
  test("every name is given before it is used, and only once", () => {
    const given = new Set<string>();
    const names = new Set<string>();
    const lines = pythonOf(JSON.parse(text) as GraphFile).split("\n");
    for (const line of lines) {
      const name = /^(\w+) = /.exec(line)?.[1];
      if (name) names.add(name);
    }
    for (const line of lines) {
      const bare = line.replace(/"(?:[^"\\]|\\.)*"/g, '""');
      for (const word of bare.replace(/^(\w+) = /, "").match(/(?<![.\w])\w+(?=\[""\]|\.)/g) ?? []) {
        if (names.has(word)) expect([...given], line).toContain(word);
      }
      const name = /^(\w+) = /.exec(line)?.[1];
      if (name) {
        expect(given.has(name), line).toBe(false);
        given.add(name);
      }
      expect(line).not.toContain("missing[");
    }
  });
});
