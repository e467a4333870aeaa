import { Monitor, Moon, Sun } from "lucide-react";
import { useEffect, useState } from "react";
import { info } from "../api/client";
import { useCanvasStore } from "../canvas/store";
import type { ServerInfo } from "../protocol";
import { type Theme, useUi } from "../store/ui";
import { Dialog } from "./Dialog";

const THEMES: { theme: Theme; label: string; Icon: typeof Sun }[] = [
  { theme: "light", label: "Light", Icon: Sun },
  { theme: "dark", label: "Dark", Icon: Moon },
  { theme: "system", label: "As the system", Icon: Monitor },
];

export function SettingsDialog() {
  const { closeOverlay, setTheme, setMinimap, setPreviews } = useUi.getState();
  const theme = useUi((state) => state.theme);
  const minimap = useUi((state) => state.minimap);
  const previews = useUi((state) => state.previews);
  const snap = useCanvasStore((state) => state.snap);
  const [server, setServer] = useState<ServerInfo | null>(null);
  useEffect(() => {
    let wanted = true;
    info().then(
      (got) => wanted && setServer(got),
      () => undefined,
    );
    return () => {
      wanted = false;
    };
  }, []);
  return (
    <Dialog title="Settings" onClose={closeOverlay} size="small">
      <div className="nf-scroll nf-settings">
        <div className="nf-segments" role="radiogroup" aria-label="theme">
          {THEMES.map(({ theme: one, label, Icon }) => (
            // biome-ignore lint/a11y/useSemanticElements: a segment is no round button
            <button
              key={one}
              type="button"
              role="radio"
              aria-checked={theme === one}
              className="nf-segment"
              data-autofocus={theme === one || undefined}
              onClick={() => setTheme(one)}
            >
              <Icon size={16} aria-hidden />
              <span>{label}</span>
            </button>
          ))}
        </div>
        <Switch label="Minimap" on={minimap} set={setMinimap} />
        <Switch
          label="Previews while it runs"
          note="Small pictures of the latent; off saves a little time."
          on={previews}
          set={setPreviews}
        />
        <Switch
          label="Snap to the grid"
          on={snap}
          set={(on) => useCanvasStore.setState({ snap: on })}
        />
        {server ? (
          <p className="nf-quiet">
            nodeflow {server.version} · {server.device}
            {server.torch ? ` · torch ${server.torch}` : ""}
          </p>
        ) : null}
      </div>
    </Dialog>
  );
}

function Switch(props: { label: string; note?: string; on: boolean; set(on: boolean): void }) {
  return (
    <div className="nf-switch">
      <span>
        {props.label}
        {props.note ? <small>{props.note}</small> : null}
      </span>
      <button
        type="button"
        role="switch"
        aria-checked={props.on}
        aria-label={props.label}
        className="w-toggle"
        onClick={() => props.set(!props.on)}
      >
        <span className="w-knob" />
        <span className="w-toggle-text">{props.on ? "on" : "off"}</span>
      </button>
    </div>
  );
}
