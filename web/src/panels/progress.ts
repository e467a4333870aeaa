/** How far a run is, from what the nodes tell. */

import type { RunView } from "../store/runs";

export interface Progress {
  /** 0..1; null while nobody knows how much there is. */
  share: number | null;
  /** The node that runs, "" for none. */
  node: string;
  text: string;
}

export function progressOf(run: RunView): Progress {
  const entries = Object.entries(run.nodes);
  const at = entries.filter(([, node]) => node.state === "running");
  // The innermost: of a loop and what runs inside it, the loop tells steps, the node its name.
  const running = at.sort(([a], [b]) => b.split("/").length - a.split("/").length)[0]?.[0] ?? "";
  const stepping = at.find(([, node]) => (node.steps ?? 0) > 1)?.[1];
  const top = entries.filter(([path]) => !path.includes("/"));
  const over = top.filter(([, node]) =>
    ["done", "cached", "skipped", "error"].includes(node.state),
  );
  const part = stepping?.steps ? (stepping.step ?? 0) / stepping.steps : 0;
  const total = Math.max(run.total ?? top.length, over.length);
  const share = total > 0 ? Math.min(1, (over.length + Math.min(1, part)) / total) : null;
  const step = stepping?.steps ? `step ${stepping.step ?? 0} of ${stepping.steps}` : "";
  return { share, node: running, text: [running, step].filter(Boolean).join(" · ") };
}
