import { useEffect, useLayoutEffect } from "react";
import { useUi } from "../store/ui";
import { startAppearance } from "./appearance";
import { Banners } from "./Banners";
import { registerPanelCommands } from "./commands";
import { Graphs } from "./Graphs";
import { LeftOut, type LeftOutSubject } from "./LeftOut";
import { Lightbox, subjectOf } from "./Lightbox";
import { Mask, type MaskSubject } from "./Mask";
import { Palette } from "./Palette";
import { SettingsDialog } from "./Settings";
import { Shortcuts } from "./Shortcuts";
import { Templates } from "./Templates";
import { Welcome } from "./Welcome";
import { watchRuns } from "./watchRuns";

/** What lies over everything; one at a time, and the banners under it. */
export function Overlays() {
  useLayoutEffect(startAppearance, []);
  useEffect(registerPanelCommands, []);
  useEffect(watchRuns, []);
  return (
    <>
      <Banners />
      <Overlay />
    </>
  );
}

function Overlay() {
  const overlay = useUi((state) => state.overlay);
  const subject = useUi((state) => state.subject);
  switch (overlay) {
    case "templates":
      return <Templates />;
    case "welcome":
      return <Welcome />;
    case "shortcuts":
      return <Shortcuts />;
    case "palette":
      return <Palette />;
    case "settings":
      return <SettingsDialog />;
    case "graphs":
      return <Graphs saving={(subject as { save?: boolean } | null)?.save === true} />;
    case "leftOut":
      return subject ? <LeftOut subject={subject as LeftOutSubject} /> : null;
    case "lightbox":
      return subject ? <Lightbox subject={subjectOf(subject)} /> : null;
    case "mask":
      return subject ? <Mask subject={subject as MaskSubject} /> : null;
    default:
      return null;
  }
}
