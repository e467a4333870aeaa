import { useMemo } from "react";
import { compare } from "../model/compare";
import type { GraphFile, Json } from "../model/graph";
import { writeJson } from "../model/json";
import { nodeByPath, splitTarget } from "../model/links";
import { goToNode } from "./places";

/** What the second graph does otherwise than the first, node by node. */
export function Differences({ before, after }: { before: GraphFile; after: GraphFile }) {
  const found = useMemo(() => compare(before, after), [before, after]);
  const { added, removed, changed, ports } = found;
  if (added.length + removed.length + changed.length === 0)
    return <p className="nf-quiet">The graph is the same now.</p>;
  const loose = changed.filter((path) => !ports.some((port) => splitTarget(port).node === path));
  return (
    <table className="nf-table">
      <caption className="nf-sr">then and now</caption>
      <thead>
        <tr>
          <th scope="col">where</th>
          <th scope="col">then</th>
          <th scope="col">now</th>
        </tr>
      </thead>
      <tbody>
        {ports.map((place) => {
          const { node, port } = splitTarget(place);
          return (
            <tr key={place}>
              <th scope="row">
                <button type="button" className="nf-link" onClick={() => goToNode(node, port)}>
                  {place}
                </button>
              </th>
              <td>{shown(before, node, port)}</td>
              <td>{shown(after, node, port)}</td>
            </tr>
          );
        })}
        {loose.map((path) => (
          <Whole key={path} path={path} before="otherwise" after="changed" there />
        ))}
        {added.map((path) => (
          <Whole key={path} path={path} before="–" after="added" there />
        ))}
        {removed.map((path) => (
          <Whole key={path} path={path} before="there" after="removed" />
        ))}
      </tbody>
    </table>
  );
}

function Whole(props: { path: string; before: string; after: string; there?: boolean }) {
  return (
    <tr>
      <th scope="row">
        {props.there ? (
          <button type="button" className="nf-link" onClick={() => goToNode(props.path)}>
            {props.path}
          </button>
        ) : (
          props.path
        )}
      </th>
      <td>{props.before}</td>
      <td>{props.after}</td>
    </tr>
  );
}

/** A literal or what is wired there, in short. */
function shown(graph: GraphFile, path: string, port: string): string {
  const node = nodeByPath(graph, path);
  const link = node?.links?.[port];
  if (link !== undefined) return `← ${Array.isArray(link) ? link.join(", ") : link}`;
  const value = node?.params?.[port];
  if (value === undefined) return "default";
  return short(value);
}

export function short(value: Json): string {
  const text = typeof value === "string" ? value : writeJson(value);
  return text.length > 120 ? `${text.slice(0, 119)}…` : text;
}
