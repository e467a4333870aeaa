import { describe, expect, test } from "vitest";
import { connect, disconnect } from "../../src/model/edit";
import { judge } from "../../src/model/fit";
import { type GraphFile, nodesIn, PAD_IN, PAD_OUT } from "../../src/model/graph";
import { linksAt, wiresIn } from "../../src/model/links";
import { portsOf, typeOfSource } from "../../src/model/ports";
import { isGraphFile } from "../../src/store/documents";
import { catalogue, frozen, scopesOf, shipped } from "./support";

describe.each(shipped)("%s", (_, text) => {
  const graph = frozen(JSON.parse(text) as GraphFile);

  test("is read as it is and written as it was", () => {
    expect(isGraphFile(graph)).toBe(true);
    expect(JSON.parse(JSON.stringify(graph))).toEqual(JSON.parse(text));
  });

  test("every node is known, and every wire ends at ports that are there", () => {
    for (const scope of scopesOf(graph)) {
      const ids = Object.keys(nodesIn(graph, scope) ?? {});
      for (const id of scope.length ? [PAD_IN, ...ids, PAD_OUT] : ids) {
        expect(portsOf(graph, scope, id, catalogue).known, [...scope, id].join("/")).toBe(true);
      }
      for (const { id, from, to } of wiresIn(graph, scope)) {
        const source = portsOf(graph, scope, from.node, catalogue);
        const target = portsOf(graph, scope, to.node, catalogue);
        expect(
          source.outputs.map((port) => port.name),
          id,
        ).toContain(from.port);
        expect(
          target.inputs.map((port) => port.name),
          id,
        ).toContain(to.port);
      }
    }
  });

  test("every wire is judged to fit, and its type is known", () => {
    for (const scope of scopesOf(graph)) {
      for (const { id, from, to } of wiresIn(graph, scope)) {
        expect({ id, ...judge(graph, scope, from, to, catalogue) }).toMatchObject({ id, ok: true });
        const link = from.node === PAD_IN ? from.port : `${from.node}.${from.port}`;
        expect(typeOfSource(graph, scope, link, catalogue), id).not.toMatch(/\?|\bT\b/);
      }
    }
  });

  test("every wire can be taken off and put on again", () => {
    for (const scope of scopesOf(graph)) {
      for (const { from, to, index } of wiresIn(graph, scope)) {
        const off = frozen(disconnect(graph, scope, to, index));
        expect(linksAt(off, scope, to)).toHaveLength(linksAt(graph, scope, to).length - 1);
        const on = frozen(connect(off, scope, from, to, catalogue));
        const links = (made: GraphFile) => [...linksAt(made, scope, to)].sort();
        expect(links(on)).toEqual(links(graph));
      }
    }
  });
});
