import { useEffect, useState } from "react";
import { ApiError, tokenize } from "../api/client";
import type { GraphFile } from "../model/graph";
import { nodesIn } from "../model/graph";
import { nodeByPath, sourcesOf, splitPath } from "../model/links";
import { useEditor } from "../store/editor";

export interface Count {
  encoder: string;
  /** Pieces of the text, without the marks that begin, end and fill a chunk. */
  pieces: number;
  chunks: number;
  /** Of one chunk, without its begin and end. */
  room: number;
}

interface Piece {
  chunk: number;
  special?: string;
}

export function counted(text: { encoder: string; length: number; pieces: Piece[] }): Count {
  const own = text.pieces.filter((piece) => !piece.special);
  const chunks = text.pieces.reduce((most, piece) => Math.max(most, piece.chunk + 1), 1);
  return { encoder: text.encoder, pieces: own.length, chunks, room: Math.max(1, text.length - 2) };
}

/** The checkpoint whose tokenizer reads a node's prompt: the nearest one upstream. */
export function checkpointOf(graph: GraphFile, path: string): string {
  let { scope, id } = splitPath(path);
  for (let depth = 0; depth <= 8; depth += 1) {
    const nodes = nodesIn(graph, scope) ?? {};
    const seen = new Set<string>([id]);
    for (const next of seen) {
      const node = nodes[next];
      if (!node) continue;
      const name = node.params?.name;
      if (node.type.startsWith("load.checkpoint") && typeof name === "string") return name;
      for (const source of sourcesOf(next, node, false)) seen.add(source);
    }
    if (scope.length === 0) break;
    id = scope[scope.length - 1] ?? "";
    scope = scope.slice(0, -1);
  }
  return "tiny";
}

const WAIT_MS = 350;
/** Set once a server says that it cannot count: then it is not asked again. */
let unable = false;

/** How many pieces a prompt has, and how many chunks of 77 slots they fill. */
export function TokenCount({ text, path }: { text: string; path: string }) {
  const checkpoint = useEditor((state) =>
    nodeByPath(state.graph, path) ? checkpointOf(state.graph, path) : "tiny",
  );
  const [count, setCount] = useState<Count | null>(null);
  useEffect(() => {
    if (unable) return;
    let wanted = true;
    const timer = setTimeout(() => {
      tokenize(text, checkpoint).then(
        (answer) => {
          const first = answer.texts[0];
          if (wanted) setCount(first ? counted(first) : null);
        },
        // A prompt that cannot be read, or a server that is away: no figure rather than a wrong one.
        (error: unknown) => {
          if (wanted) setCount(null);
          unable ||= error instanceof ApiError && error.problems[0]?.code === "no-such-tool";
        },
      );
    }, WAIT_MS);
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }, [text, checkpoint]);
  if (!count) return <span className="w-count" />;
  const whole = count.chunks * count.room;
  return (
    <span
      className="w-count"
      title={`${count.pieces} pieces in ${count.chunks} ${count.chunks === 1 ? "chunk" : "chunks"} of ${count.room + 2} slots, ${count.encoder}`}
    >
      {count.pieces} / {whole}
      {count.chunks > 1 ? ` · ${count.chunks} chunks` : ""}
    </span>
  );
}
