/** Large graphs, made of copies of a shipped one. */

import { relinkNode } from "../../src/model/files";
import type { GraphFile, NodeFile, View } from "../../src/model/graph";
import { shippedGraph } from "./support";

/** `text_to_image` so often that there are `count` nodes at the top. */
export function many(count: number): GraphFile {
  const one = shippedGraph("text_to_image");
  const nodes: Record<string, NodeFile> = {};
  const view: View = {};
  const each = Object.keys(one.nodes).length;
  for (let k = 0; Object.keys(nodes).length < count && k < count / each; k += 1) {
    for (const [id, node] of Object.entries(one.nodes)) {
      nodes[`${id}_${k}`] = relinkNode(node, (link) => link.replace(".", `_${k}.`));
      view[`${id}_${k}`] = [(k % 20) * 2000, Math.floor(k / 20) * 900];
    }
  }
  return { nodeflow: 1, nodes, view };
}
