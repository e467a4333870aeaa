import { ChevronDown, Play, Square } from "lucide-react";
import { useState } from "react";
import { cancelRun, runGraph } from "../store/actions";
import { useEditor } from "../store/editor";
import { useRuns } from "../store/runs";
import { keysOf, titled } from "./commands";
import { Menu } from "./Menu";
import { outputsOfSelection } from "./selected";

/** Run, and beside it the other ways to; while something runs also what stops it. */
export function RunButton({ wide }: { wide?: boolean }) {
  const running = useRuns((state) => state.running[0] ?? "");
  const one = useEditor((state) => state.selection.length === 1 && state.scope.length === 0);
  const [busy, setBusy] = useState(false);
  const go = async (how: Parameters<typeof runGraph>[0] = {}) => {
    setBusy(true);
    try {
      await runGraph(how);
    } finally {
      setBusy(false);
    }
  };
  return (
    <div className={wide ? "nf-run nf-wide" : "nf-run"}>
      <button
        type="button"
        className="nf-button nf-primary nf-run-main"
        title={titled("Run", "run.queue")}
        aria-busy={busy}
        onClick={() => void go()}
      >
        <Play size={15} aria-hidden fill="currentColor" /> Run
      </button>
      <Menu
        label="more ways to run"
        className="nf-button nf-primary nf-run-more"
        align="end"
        items={[
          {
            label: "Run before all that waits",
            keys: keysOf("run.front"),
            run: () => void go({ front: true }),
          },
          {
            label: "Run to the selected node",
            disabled: !one,
            run: () => void go({ outputs: outputsOfSelection() }),
          },
          {
            label: "Run and keep every step",
            run: () => void go({ trace: "latents" }),
            divided: true,
          },
          { label: "Run and keep every value", run: () => void go({ trace: "full" }) },
        ]}
      >
        <ChevronDown size={15} aria-hidden />
      </Menu>
      {running ? (
        <button
          type="button"
          className="nf-button nf-cancel"
          title={titled("Cancel what runs", "run.cancel")}
          onClick={() => void cancelRun(running)}
        >
          <Square size={13} aria-hidden fill="currentColor" /> Cancel
        </button>
      ) : null}
    </div>
  );
}
