import { X } from "lucide-react";
import { useEffect, useRef } from "react";
import "../styles/panels.css";
import { Look } from "../inspect/Look";
import { type RightPanel as Panel, useUi } from "../store/ui";
import { Form } from "./Form";
import { Gallery } from "./Gallery";
import { HistoryPanel } from "./History";
import { NodePanel } from "./NodePanel";
import { ProblemsPanel } from "./Problems";
import { QueuePanel } from "./Queue";

const PANELS: Partial<Record<Panel, { title: string; Body: () => React.ReactNode }>> = {
  node: { title: "Node", Body: NodePanel },
  queue: { title: "Queue", Body: QueuePanel },
  history: { title: "History", Body: HistoryPanel },
  gallery: { title: "Gallery", Body: Gallery },
  problems: { title: "Problems", Body: ProblemsPanel },
  form: { title: "Form", Body: Form },
  look: { title: "Look", Body: Look },
};

/** One panel at a time beside the canvas; on a phone it lies over it. */
export function RightPanel() {
  const right = useUi((state) => state.right);
  const openRight = useUi((state) => state.openRight);
  const head = useRef<HTMLHeadingElement>(null);
  const before = useRef(right);
  const panel = PANELS[right];

  // On a phone the panel covers what was focused.
  useEffect(() => {
    if (right && right !== before.current && window.matchMedia?.("(max-width: 700px)").matches)
      head.current?.focus();
    before.current = right;
  }, [right]);

  if (!panel) return null;
  const { title, Body } = panel;
  return (
    <aside
      className="nf-right"
      aria-label={title}
      onKeyDown={(event) => {
        if (event.key !== "Escape" || event.defaultPrevented) return;
        event.stopPropagation();
        openRight("");
      }}
    >
      <header className="nf-panel-head">
        <h2 ref={head} tabIndex={-1}>
          {title}
        </h2>
        <button
          type="button"
          className="nf-icon"
          aria-label={`close ${title.toLowerCase()}`}
          onClick={() => openRight("")}
        >
          <X size={17} aria-hidden />
        </button>
      </header>
      <div className="nf-panel-body">
        <Body />
      </div>
    </aside>
  );
}
