import { ReactFlowProvider } from "@xyflow/react";
import { Canvas } from "./canvas/Canvas";
import { Drawer } from "./inspect/Drawer";
import { Notices } from "./panels/Notices";
import { Overlays } from "./panels/Overlays";
import { RightPanel } from "./panels/RightPanel";
import { TopBar } from "./panels/TopBar";
import { useStart } from "./panels/useStart";

/** The page: a bar, the canvas, one panel beside it and one drawer below, and what lies over all. */
export function App() {
  useStart();
  return (
    <ReactFlowProvider>
      <div className="app">
        <TopBar />
        <main className="app-main">
          <Canvas />
          <RightPanel />
        </main>
        <Drawer />
        <Overlays />
        <Notices />
      </div>
    </ReactFlowProvider>
  );
}
