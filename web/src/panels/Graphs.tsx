import { Pencil, Trash2 } from "lucide-react";
import { useCallback, useEffect, useState } from "react";
import { deleteGraph, graph as getGraph, graphs, putGraph } from "../api/client";
import type { GraphName } from "../protocol";
import { openGraph, saveGraph } from "../store/actions";
import { useEditor } from "../store/editor";
import { useUi } from "../store/ui";
import { Dialog } from "./Dialog";
import { ago } from "./format";
import { useSafely } from "./Queue";

const PART = "[\\p{L}\\p{N}][\\p{L}\\p{N}_ .()+-]{0,99}";
const NAME = new RegExp(`^${PART}(?:/${PART})?$`, "u");
/** Names that Windows keeps for devices, and ends that it cuts off. */
const RESERVED = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)|[ .]$/i;

/** What is wrong with a name for a saved graph, "" if nothing: as the server will judge. */
export function nameFault(name: string): string {
  if (name.trim() === "") return "a name is needed";
  if (!NAME.test(name)) return "letters, digits, spaces and - _ . ( ) +; one folder at most";
  return name.split("/").some((part) => RESERVED.test(part)) ? "not this name" : "";
}

/** Graphs saved on the server: open, rename, delete; or save this one under a name. */
export function Graphs({ saving }: { saving: boolean }) {
  const close = useUi((state) => state.closeOverlay);
  const title = useEditor((state) => state.graph.title ?? "");
  const own = useEditor((state) => state.name);
  const [list, setList] = useState<GraphName[] | null>(null);
  const [fault, setFault] = useState("");
  const [name, setName] = useState(own || slug(title));
  const [renamed, setRenamed] = useState<{ from: string; to: string } | null>(null);
  const safely = useSafely();
  const load = useCallback(() => {
    graphs().then(setList, (error: Error) => setFault(error.message));
  }, []);
  useEffect(load, [load]);

  const wrong = nameFault(name);
  const there = (list ?? []).find((one) => one.name === name);
  const save = async () => {
    if (wrong) return;
    if (there && name !== own && !window.confirm(`${name} is there already. Save over it?`)) return;
    close();
    await saveGraph(name);
  };
  const rename = async (one: GraphName, to: string) => {
    setRenamed(null);
    if (to === one.name || nameFault(to)) return;
    const moved = await safely("The graph could not be renamed", async () => {
      const { graph, etag } = await getGraph(one.name);
      const saved = await putGraph(to, graph, "");
      await deleteGraph(one.name, etag);
      const editor = useEditor.getState();
      if (editor.name === one.name) editor.markSaved(editor.saved, to, saved.etag);
    });
    if (moved) load();
  };
  const remove = async (one: GraphName) => {
    if (!window.confirm(`Delete ${one.name}?`)) return;
    if (await safely("The graph could not be deleted", () => deleteGraph(one.name, one.etag)))
      load();
  };

  return (
    <Dialog title={saving ? "Save as" : "Saved graphs"} onClose={close} size="medium">
      {saving ? (
        <form
          className="nf-saveas"
          onSubmit={(event) => {
            event.preventDefault();
            void save();
          }}
        >
          <label htmlFor="save-name">Name</label>
          <input
            id="save-name"
            className="w-text"
            data-autofocus
            autoComplete="off"
            aria-invalid={wrong ? true : undefined}
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            onFocus={(event) => event.currentTarget.select()}
          />
          <button type="submit" className="nf-button nf-primary" disabled={wrong !== ""}>
            Save
          </button>
          <p className="nf-quiet">
            {wrong || (there && name !== own ? "there already" : "a / makes a folder")}
          </p>
        </form>
      ) : null}
      <div className="nf-scroll">
        {fault ? <p className="nf-fault">{fault}</p> : null}
        {list !== null && list.length === 0 ? (
          <p className="nf-empty">Nothing is saved on this server yet.</p>
        ) : null}
        <ul className="nf-list nf-graphs" aria-label="saved graphs">
          {(list ?? []).map((one) => (
            <li key={one.name} className="nf-row">
              {renamed?.from === one.name ? (
                <input
                  className="w-text"
                  aria-label={`new name of ${one.name}`}
                  autoFocus
                  value={renamed.to}
                  onChange={(event) =>
                    setRenamed({ from: one.name, to: event.currentTarget.value })
                  }
                  onBlur={() => setRenamed(null)}
                  onKeyDown={(event) => {
                    if (event.key === "Enter") void rename(one, renamed.to);
                    if (event.key !== "Escape") return;
                    event.stopPropagation();
                    setRenamed(null);
                  }}
                />
              ) : (
                <button
                  type="button"
                  className="nf-open"
                  onClick={() => {
                    if (saving) return setName(one.name);
                    close();
                    void openGraph(one.name);
                  }}
                >
                  <strong className="nf-cut">{one.name}</strong>
                  <span className="nf-quiet nf-cut">
                    {one.title && one.title !== one.name ? `${one.title} · ` : ""}
                    {ago(one.saved_at)}
                  </span>
                </button>
              )}
              <button
                type="button"
                className="nf-icon"
                aria-label={`rename ${one.name}`}
                title="Rename"
                onClick={() => setRenamed({ from: one.name, to: one.name })}
              >
                <Pencil size={15} aria-hidden />
              </button>
              <button
                type="button"
                className="nf-icon"
                aria-label={`delete ${one.name}`}
                title="Delete"
                onClick={() => void remove(one)}
              >
                <Trash2 size={15} aria-hidden />
              </button>
            </li>
          ))}
        </ul>
      </div>
    </Dialog>
  );
}

/** A name that will do, made of a title. */
export function slug(title: string): string {
  const name = title
    .replace(/[^\p{L}\p{N}_ .()+-]+/gu, " ")
    .replace(/\s+/g, " ")
    .replace(/^[^\p{L}\p{N}]+/u, "")
    .slice(0, 80)
    .replace(/[ .]+$/, "");
  return nameFault(name) === "" ? name : "untitled";
}
