import { X } from "lucide-react";
import { type KeyboardEvent, useEffect } from "react";
import "../styles/inspect.css";
import { type DrawerTab, useScrub } from "../store/scrub";
import { useUi } from "../store/ui";
import { registerInspect } from "./commands";
import { Guidance } from "./Guidance";
import { Schedule } from "./Schedule";
import { Scrubber } from "./Scrubber";
import { Steps } from "./Steps";
import { watchTraces } from "./store";
import { Tokens } from "./Tokens";
import { Trajectory } from "./Trajectory";
import { WireCard } from "./WireCard";

const TABS: readonly { id: DrawerTab; title: string; Body: () => React.ReactNode }[] = [
  { id: "steps", title: "Steps", Body: Steps },
  { id: "schedule", title: "Schedule", Body: Schedule },
  { id: "guidance", title: "Guidance", Body: Guidance },
  { id: "tokens", title: "Tokens", Body: Tokens },
  { id: "trajectory", title: "Trajectory", Body: Trajectory },
];

/** Below the canvas: the step scrubber and what is plotted over steps. */
export function Drawer() {
  const open = useUi((state) => state.drawer);
  useEffect(() => {
    const stops = [watchTraces(), registerInspect()];
    return () => {
      for (const stop of stops) stop();
    };
  }, []);
  return (
    <>
      <WireCard />
      {open ? <Open /> : null}
    </>
  );
}

function Open() {
  const tab = useScrub((state) => state.tab);
  const setTab = useScrub((state) => state.setTab);
  const Body = TABS.find((one) => one.id === tab)?.Body ?? Steps;
  const keys = (event: KeyboardEvent) => {
    const at = TABS.findIndex((one) => one.id === tab);
    const to: Record<string, number> = {
      ArrowLeft: (at + TABS.length - 1) % TABS.length,
      ArrowRight: (at + 1) % TABS.length,
      Home: 0,
      End: TABS.length - 1,
    };
    const next = TABS[to[event.key] ?? -1];
    if (!next) return;
    event.preventDefault();
    event.stopPropagation();
    setTab(next.id);
    document.getElementById(`nfi-tab-${next.id}`)?.focus();
  };
  return (
    <section
      className="nfi-drawer"
      aria-label="Look inside"
      onKeyDown={(event) => {
        if (event.key !== "Escape" || event.defaultPrevented) return;
        event.stopPropagation();
        useUi.getState().setDrawer(false);
      }}
    >
      <header className="nfi-head">
        <div role="tablist" aria-label="What is shown" className="nfi-tabs" onKeyDown={keys}>
          {TABS.map(({ id, title }) => (
            <button
              key={id}
              id={`nfi-tab-${id}`}
              type="button"
              role="tab"
              aria-selected={id === tab}
              aria-controls="nfi-body"
              tabIndex={id === tab ? 0 : -1}
              onClick={() => setTab(id)}
            >
              {title}
            </button>
          ))}
        </div>
        <Scrubber />
        <button
          type="button"
          className="nf-icon nfi-close"
          aria-label="close what looks inside"
          onClick={() => useUi.getState().setDrawer(false)}
        >
          <X size={17} aria-hidden />
        </button>
      </header>
      <div id="nfi-body" role="tabpanel" aria-labelledby={`nfi-tab-${tab}`} className="nfi-body">
        <Body />
      </div>
    </section>
  );
}
