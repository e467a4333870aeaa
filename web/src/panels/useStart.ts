import { useEffect } from "react";
import { ApiError, loadCatalogue } from "../api/client";
import { startSocket } from "../api/socket";
import { placeMissing } from "../model/layout";
import { watchProblems } from "../model/validate";
import { openGraph, openTemplate, restoreRun } from "../store/actions";
import { restored, startAutosave } from "../store/autosave";
import { registerBase } from "../store/base";
import { useCatalogue } from "../store/catalogue";
import { listenForKeys } from "../store/commands";
import { bringBack } from "../store/documents";
import { listenForFiles } from "../store/drop";
import { useEditor } from "../store/editor";
import { useUi } from "../store/ui";

/** What lies on the canvas at a first visit: one key from a picture. */
const FIRST = "text_to_image";
/** Milliseconds between two tries to reach the server. */
const AGAIN = 1500;

let begun = false;

/** What happens once when the page opens. */
export function useStart(): void {
  useEffect(() => {
    if (begun) return;
    begun = true;
    registerBase();
    listenForKeys();
    listenForFiles();
    startSocket();
    void begin();
  }, []);
}

async function begin(): Promise<void> {
  const [version] = await Promise.all([startAutosave(), catalogue()]);
  if (version) bringBack(restored(version));
  const asked = await openAsked();
  if (!version && !asked) {
    const opened = await openTemplate(FIRST);
    // The notice of what was opened says nothing to one who asked for nothing.
    const { notices, dismiss, overlay, openOverlay } = useUi.getState();
    if (opened) for (const notice of notices) dismiss(notice.id);
    // Who was faster and opened something keeps it.
    if (overlay === "") openOverlay("welcome");
  }
  watchProblems();
}

/** `?template=…`, `?graph=…` or `?run=…` in the address say what to open. */
async function openAsked(): Promise<boolean> {
  const asked = new URLSearchParams(location.search);
  const [template, graph, run] = ["template", "graph", "run"].map((name) => asked.get(name));
  if (!template && !graph && !run) return false;
  // Reloading brings back what was edited since, not this again.
  history.replaceState(null, "", location.pathname + location.hash);
  if (template) return openTemplate(template);
  if (graph) return openGraph(graph);
  await restoreRun(run ?? "");
  return true;
}

/** The node types; asked for again until the server answers. */
async function catalogue(): Promise<void> {
  for (;;) {
    try {
      const { catalogue: found, problems } = await loadCatalogue();
      useCatalogue.setState({ catalogue: found, loaded: true, fault: "" });
      placeAll();
      const [first, ...others] = problems;
      if (first) {
        const more = others.length ? ` (and ${others.length} more)` : "";
        useUi.getState().notify("warning", `A node pack did not load: ${first.message}${more}`);
      }
      return;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      useCatalogue.setState({ fault: error.message });
      await new Promise((resolve) => setTimeout(resolve, AGAIN));
    }
  }
}

/** Nodes without a place got none while their sizes were not known. */
function placeAll(): void {
  const { graph, saved } = useEditor.getState();
  const placed = placeMissing(graph, useCatalogue.getState().catalogue);
  if (placed !== graph) {
    useEditor.setState({ graph: placed, saved: saved === graph ? placed : saved });
  }
}
