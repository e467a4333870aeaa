import { Columns2, Trash2 } from "lucide-react";
import { useCallback, useEffect, useRef, useState } from "react";
import { deleteOutput, fileUrl, outputs } from "../api/client";
import type { GalleryFile } from "../protocol";
import { useRuns } from "../store/runs";
import { useUi } from "../store/ui";
import { ago, size } from "./format";
import type { Picture } from "./Lightbox";
import { isPicture } from "./pictures";
import { useSafely } from "./Queue";

const PAGE = 48;

export function Gallery() {
  const [files, setFiles] = useState<GalleryFile[] | null>(null);
  const [next, setNext] = useState("");
  const [fault, setFault] = useState("");
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const running = useRuns((state) => state.running.join(" "));
  const openOverlay = useUi((state) => state.openOverlay);
  const safely = useSafely();
  const grid = useRef<HTMLUListElement>(null);

  const load = useCallback(async (after?: string) => {
    try {
      const page = await outputs({ limit: PAGE, after });
      const pictures = page.files.filter(isPicture);
      setFiles((now) => (after === undefined ? pictures : [...(now ?? []), ...pictures]));
      setNext(page.next ?? "");
      setFault("");
    } catch (error) {
      setFault((error as Error).message);
    }
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `running` says when to look again
  useEffect(() => void load(), [load, running]);

  const forget = (path: string) => {
    setFiles((now) => (now ?? []).filter((file) => file.path !== path));
    setChosen((now) => now.filter((one) => one !== path));
  };
  const pictures: Picture[] = (files ?? []).map((file) => ({
    url: fileUrl(file.kind, file.path),
    thumb: fileUrl(file.kind, file.path, 256),
    title: file.path,
    hasGraph: file.has_graph,
    run: file.run ?? "",
    width: file.width,
    height: file.height,
    remove: async () => {
      await deleteOutput(file.path);
      forget(file.path);
    },
  }));
  const choose = (path: string) =>
    setChosen((now) =>
      now.includes(path) ? now.filter((one) => one !== path) : [...now, path].slice(-2),
    );
  const compare = () => {
    const at = chosen.map((path) => (files ?? []).findIndex((file) => file.path === path));
    const [index, other] = at;
    if (index === undefined || other === undefined) return;
    openOverlay("lightbox", { pictures, index, other });
  };
  const removeChosen = async () => {
    if (!window.confirm(`Delete ${chosen.join(" and ")} for good?`)) return;
    for (const file of (files ?? []).filter((one) => chosen.includes(one.path))) {
      const gone = await safely(`${file.path} could not be deleted`, () => deleteOutput(file.path));
      if (gone) forget(file.path);
    }
  };
  const arrows = (event: React.KeyboardEvent) => {
    const stops = [...(grid.current?.querySelectorAll<HTMLButtonElement>(".nf-shot") ?? [])];
    const at = stops.indexOf(event.target as HTMLButtonElement);
    if (at < 0) return;
    const top = stops[0]?.offsetTop;
    const columns = Math.max(1, stops.filter((stop) => stop.offsetTop === top).length);
    const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    stops[at + by]?.focus();
  };

  if (fault) return <p className="nf-fault">{fault}</p>;
  if (!files) return <p className="nf-quiet">looking …</p>;
  if (files.length === 0)
    return (
      <div className="nf-empty">
        <p>No picture yet.</p>
        <p className="nf-quiet">
          Every picture carries the graph that made it, and opens it again.
        </p>
      </div>
    );
  return (
    <>
      {chosen.length > 0 ? (
        <div className="nf-row nf-sticky">
          <span className="nf-quiet">{chosen.length === 1 ? "one chosen" : "two chosen"}</span>
          <span className="nf-grow" />
          <button
            type="button"
            className="nf-button nf-small"
            disabled={chosen.length < 2}
            onClick={compare}
          >
            <Columns2 size={14} aria-hidden /> Compare
          </button>
          <button
            type="button"
            className="nf-button nf-small nf-danger"
            onClick={() => void removeChosen()}
          >
            <Trash2 size={14} aria-hidden /> Delete
          </button>
        </div>
      ) : null}
      <ul ref={grid} className="nf-grid" aria-label="pictures" onKeyDown={arrows}>
        {files.map((file, index) => (
          <li key={file.path} className={chosen.includes(file.path) ? "nf-chosen" : ""}>
            <button
              type="button"
              className="nf-shot"
              aria-label={`open ${file.path}`}
              title={`${file.path}\n${file.width} × ${file.height}, ${size(file.bytes)}, ${ago(file.saved_at)}`}
              onClick={() => openOverlay("lightbox", { pictures, index })}
            >
              <img src={fileUrl(file.kind, file.path, 256)} alt={file.path} loading="lazy" />
            </button>
            <label className="nf-pick">
              <input
                type="checkbox"
                aria-label={`choose ${file.path}`}
                checked={chosen.includes(file.path)}
                onChange={() => choose(file.path)}
              />
            </label>
          </li>
        ))}
      </ul>
      {next ? (
        <button type="button" className="nf-button" onClick={() => void load(next)}>
          Older ones
        </button>
      ) : null}
    </>
  );
}
