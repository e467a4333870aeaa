import { useStore } from "@xyflow/react";
import {
  BoxSelect,
  ChevronRight,
  Grid3x3,
  Map as MapIcon,
  Maximize,
  Minus,
  Plus,
  SquarePlus,
} from "lucide-react";
import { nodesIn } from "../model/graph";
import { viewOf } from "../model/view";
import { useEditor } from "../store/editor";
import { useUi } from "../store/ui";
import { fit as fitView, leave, startSearch, zoomBy, zoomToFull } from "./actions";
import { useCanvasStore } from "./store";

/** Where in the graph one is; each part goes there. */
export function Breadcrumb() {
  const scope = useEditor((s) => s.scope);
  const graph = useEditor((s) => s.graph);
  const goTo = useEditor((s) => s.goTo);
  if (!scope.length) return null;
  return (
    <nav className="crumbs" aria-label="Where you are">
      <button type="button" onClick={() => goTo([])}>
        {graph.title || "Graph"}
      </button>
      {scope.map((id, k) => {
        const outer = scope.slice(0, k);
        const title = viewOf(graph, outer, id)?.title || id;
        const here = k === scope.length - 1;
        return (
          <span key={[...outer, id].join("/")}>
            <ChevronRight size={14} aria-hidden="true" />
            <button
              type="button"
              aria-current={here ? "page" : undefined}
              onClick={() => goTo(scope.slice(0, k + 1))}
            >
              {title}
            </button>
          </span>
        );
      })}
      <button type="button" className="crumbs-leave" onClick={leave}>
        Leave <kbd>Esc</kbd>
      </button>
    </nav>
  );
}

/** Zoom and what helps the hand, at the lower left. */
export function Tools() {
  const zoom = useStore((s) => Math.round(s.transform[2] * 100));
  const minimap = useUi((s) => s.minimap);
  const setMinimap = useUi((s) => s.setMinimap);
  const snap = useCanvasStore((s) => s.snap);
  const boxing = useCanvasStore((s) => s.boxing);
  return (
    <div className="tools" role="toolbar" aria-label="View">
      <button
        type="button"
        aria-label="Add a node (Tab)"
        title="Add a node (Tab)"
        onClick={() => startSearch()}
      >
        <SquarePlus size={16} aria-hidden="true" />
      </button>
      <span className="tools-line" />
      <button
        type="button"
        aria-label="Zoom out"
        title="Zoom out (−)"
        onClick={() => zoomBy(1 / 1.25)}
      >
        <Minus size={16} aria-hidden="true" />
      </button>
      <button
        type="button"
        className="tools-zoom"
        aria-label={`Zoom ${zoom} percent: back to 100`}
        title="100 % (1)"
        onClick={zoomToFull}
      >
        {zoom}%
      </button>
      <button type="button" aria-label="Zoom in" title="Zoom in (+)" onClick={() => zoomBy(1.25)}>
        <Plus size={16} aria-hidden="true" />
      </button>
      <button
        type="button"
        aria-label="Fit to view"
        title="Fit to view (F)"
        onClick={() => fitView()}
      >
        <Maximize size={16} aria-hidden="true" />
      </button>
      <span className="tools-line" />
      <button
        type="button"
        aria-label="Drag selects"
        aria-pressed={boxing}
        title="A drag on the canvas selects (else with Shift)"
        onClick={() => useCanvasStore.setState({ boxing: !boxing })}
      >
        <BoxSelect size={16} aria-hidden="true" />
      </button>
      <button
        type="button"
        aria-label="Snap to grid"
        aria-pressed={snap}
        title="Snap to grid"
        onClick={() => useCanvasStore.setState({ snap: !snap })}
      >
        <Grid3x3 size={16} aria-hidden="true" />
      </button>
      <button
        type="button"
        aria-label="Minimap"
        aria-pressed={minimap}
        title="Minimap (M)"
        onClick={() => setMinimap(!minimap)}
      >
        <MapIcon size={16} aria-hidden="true" />
      </button>
    </div>
  );
}

/** What is read out, and the line that says how to go on with a link taken up by a tap. */
export function Told() {
  const said = useCanvasStore((s) => s.said);
  const linking = useCanvasStore((s) => s.linking);
  return (
    <>
      <div className="unseen" role="status" aria-live="polite">
        {said}
      </div>
      {linking?.tap && (
        <div className="tap-hint">
          <span>
            Linking from{" "}
            <strong>
              {linking.node}.{linking.port}
            </strong>
            : tap a socket that lights up
          </span>
          <button type="button" onClick={() => useCanvasStore.setState({ linking: null })}>
            Cancel
          </button>
        </div>
      )}
    </>
  );
}

/** An empty canvas says how to begin. */
export function EmptyHint() {
  const empty = useEditor((s) => !Object.keys(nodesIn(s.graph, s.scope) ?? {}).length);
  const openOverlay = useUi((s) => s.openOverlay);
  if (!empty) return null;
  return (
    <div className="empty">
      <h2>Nothing here yet</h2>
      <p>
        Double-click or press <kbd>Tab</kbd> to add a node.
      </p>
      <div className="empty-buttons">
        <button type="button" onClick={() => startSearch()}>
          Add a node
        </button>
        <button type="button" onClick={() => openOverlay("templates")}>
          Browse templates
        </button>
      </div>
    </div>
  );
}
