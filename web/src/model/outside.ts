/** A group's inputs as the node around them holds them. */

import { changeHolder, mapRecord, withField } from "./files";
import type { GraphFile, Scope } from "./graph";

/** The literal and wire at a group's input moved to another name, or dropped. */
export function relinkOutside(
  graph: GraphFile,
  scope: Scope,
  name: string,
  newName: string | undefined,
): GraphFile {
  return changeHolder(graph, scope, (node) => {
    const params = moved(node.params, name, newName);
    const links = moved(node.links, name, newName);
    return withField(withField(node, "params", params), "links", links);
  });
}

function moved<T>(
  record: Record<string, T> | undefined,
  name: string,
  newName: string | undefined,
): Record<string, T> | undefined {
  const value = record?.[name];
  if (!record || value === undefined) return record;
  const kept = mapRecord(record, (one, k) => (k === name ? undefined : one)) ?? {};
  return newName === undefined ? kept : { ...kept, [newName]: value };
}
