import { FileQuestion, FolderOpen, Image as ImageIcon, Upload } from "lucide-react";
import { useCallback, useEffect, useRef, useState } from "react";
import { fileUrl, outputs, upload } from "../api/client";
import type { GalleryFile } from "../protocol";
import { useUi } from "../store/ui";
import { Floating } from "./Combobox";
import { asText, type FieldProps, shownOf } from "./field";
import { useGesture } from "./gesture";

const PICTURE = /\.(png|jpe?g|webp|avif|bmp|gif|tiff?)$/i;
const ABSENT = "not found in input/";
/** Milliseconds after the last letter until the server is asked. */
const PAUSE = 200;

/** A file that is read: uploaded by button, drop or paste, or picked from what is there. */
export function FilePath(props: FieldProps) {
  const { path, port, onChange, label, compact, disabled } = props;
  const gesture = useGesture(`${path}.${port.name}`);
  const notify = useUi((state) => state.notify);
  const openOverlay = useUi((state) => state.openOverlay);
  const chooser = useRef<HTMLInputElement>(null);
  const picker = useRef<HTMLButtonElement>(null);
  const [busy, setBusy] = useState(false);
  const [picking, setPicking] = useState(false);
  const [over, setOver] = useState(false);
  const suffixes = port.widget?.suffixes ?? [];
  const value = asText(shownOf(props));
  const pictures = suffixes.length === 0 || suffixes.some((suffix) => PICTURE.test(`a${suffix}`));

  const set = (text: string) => {
    gesture.begin();
    onChange(text, { merge: gesture.key() });
  };
  const send = async (file: File | undefined) => {
    if (!file || disabled) return;
    if (suffixes.length > 0 && !suffixes.some((s) => file.name.toLowerCase().endsWith(s))) {
      notify("warning", `${file.name} is none of ${suffixes.join(", ")}`);
      return;
    }
    setBusy(true);
    try {
      set((await upload(file)).param);
    } catch (error) {
      notify("error", `${file.name} could not be uploaded: ${(error as Error).message}`);
    } finally {
      setBusy(false);
    }
  };
  const close = useCallback(() => setPicking(false), []);
  const field = useRef<HTMLInputElement>(null);
  // The name stands at a path's end.
  // biome-ignore lint/correctness/useExhaustiveDependencies: whenever another path is shown
  useEffect(() => {
    const own = field.current;
    if (own && own !== document.activeElement) own.scrollLeft = own.scrollWidth;
  }, [value]);
  const named = pictures ? inputPath(value) : "";
  const there = useThere(named);
  const shown = there ? named : "";
  const absent = there === false;

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: a place to drop on; the button does the same
    <div
      className={`w-file nodrag ${compact ? "w-compact" : ""} ${over ? "w-over" : ""}`}
      onDragOver={(event) => {
        if (![...event.dataTransfer.types].includes("Files")) return;
        event.preventDefault();
        event.stopPropagation();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        setOver(false);
        if (event.dataTransfer.files.length === 0) return;
        event.preventDefault();
        event.stopPropagation();
        void send(event.dataTransfer.files[0]);
      }}
      onPaste={(event) => {
        const file = [...event.clipboardData.files][0];
        if (!file) return;
        event.preventDefault();
        event.stopPropagation();
        void send(file);
      }}
    >
      <span className="w-file-row">
        {compact && shown ? (
          <img className="w-chip" src={fileUrl("input", shown, 48)} alt="" draggable={false} />
        ) : null}
        {compact && absent ? (
          <span className="w-absent" role="img" aria-label={ABSENT} title={ABSENT}>
            <FileQuestion size={16} aria-hidden />
          </span>
        ) : null}
        <input
          ref={field}
          id={props.id}
          type="text"
          className="w-text"
          aria-label={label}
          aria-invalid={absent || undefined}
          autoComplete="off"
          spellCheck={false}
          disabled={disabled}
          placeholder={port.widget?.folder ? "a folder" : "drop a file here"}
          title={value || undefined}
          value={value}
          onFocus={gesture.begin}
          onChange={(event) => onChange(event.currentTarget.value, { merge: gesture.key() })}
        />
        {port.widget?.folder ? null : (
          <>
            <button
              type="button"
              className="w-button"
              aria-label={`upload a file for ${label}`}
              title="Upload a file"
              aria-busy={busy}
              disabled={disabled || busy}
              onClick={() => chooser.current?.click()}
            >
              <Upload size={14} aria-hidden />
            </button>
            <button
              ref={picker}
              type="button"
              className="w-button"
              aria-label={`pick a file for ${label}`}
              aria-expanded={picking}
              title="Files that are here"
              disabled={disabled}
              onClick={() => setPicking(!picking)}
            >
              <FolderOpen size={14} aria-hidden />
            </button>
            <input
              ref={chooser}
              type="file"
              hidden
              tabIndex={-1}
              accept={suffixes.join(",")}
              onChange={(event) => {
                void send(event.currentTarget.files?.[0]);
                event.currentTarget.value = "";
              }}
            />
          </>
        )}
      </span>
      {!compact && absent ? (
        <p className="w-absent" role="status">
          {ABSENT}
        </p>
      ) : null}
      {!compact && shown ? (
        <span className="w-picture">
          <img src={fileUrl("input", shown)} alt={`chosen for ${label}`} />
          <button
            type="button"
            className="w-link"
            onClick={() =>
              openOverlay("mask", { picture: fileUrl("input", shown), path, port: port.name })
            }
          >
            paint a mask
          </button>
        </span>
      ) : null}
      {picking && picker.current ? (
        <Floating anchor={picker.current} onAway={close} align="end" className="w-files">
          <Files
            suffixes={suffixes}
            onClose={() => {
              close();
              picker.current?.focus();
            }}
            onPick={(param) => {
              set(param);
              close();
              picker.current?.focus();
            }}
          />
        </Floating>
      ) : null}
    </div>
  );
}

/** Files that were there when asked: they are shown at once where a node comes into sight again. */
const known = new Set<string>();

/** Whether a file is below input/; undefined as long as that is not known, or where none is named.
 * A list is asked, as a picture that is missing would be an error on the console. */
function useThere(path: string): boolean | undefined {
  const [asked, setAsked] = useState<{ path: string; found: boolean }>();
  useEffect(() => {
    if (!path || known.has(path)) return;
    let wanted = true;
    const ask = () => {
      outputs({ kind: "input", name: path, limit: 1 }).then(
        ({ files }) => {
          const found = files.some((file) => file.path === path);
          if (found) known.add(path);
          if (wanted) setAsked({ path, found });
        },
        () => undefined,
      );
    };
    // Not at every letter that is typed.
    const timer = setTimeout(ask, PAUSE);
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }, [path]);
  if (!path) return undefined;
  if (known.has(path)) return true;
  return asked?.path === path ? asked.found : undefined;
}

/** The part of a parameter below input/, "" if it points elsewhere. */
export function inputPath(value: string): string {
  const parts = value.replaceAll("\\", "/").split("/");
  const at = parts.lastIndexOf("input");
  return at >= 0 && PICTURE.test(value) ? parts.slice(at + 1).join("/") : "";
}

function Files(props: { suffixes: string[]; onPick(param: string): void; onClose(): void }) {
  const { suffixes } = props;
  const [files, setFiles] = useState<GalleryFile[] | null>(null);
  const first = useRef<HTMLDivElement>(null);
  useEffect(() => {
    let wanted = true;
    outputs({ kind: "input", limit: 60 }).then(
      (page) => wanted && setFiles(page.files),
      () => wanted && setFiles([]),
    );
    return () => {
      wanted = false;
    };
  }, []);
  useEffect(() => {
    if (files) (first.current?.querySelector("button") ?? first.current)?.focus();
  }, [files]);
  const fitting = (files ?? []).filter(
    ({ path }) => suffixes.length === 0 || suffixes.some((s) => path.toLowerCase().endsWith(s)),
  );
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: keys of the buttons inside
    <div
      ref={first}
      tabIndex={-1}
      className="w-files-grid"
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.stopPropagation();
        props.onClose();
      }}
    >
      {files === null ? <p className="w-none">looking …</p> : null}
      {files !== null && fitting.length === 0 ? (
        <p className="w-none">nothing was uploaded yet</p>
      ) : null}
      {fitting.map(({ path, param }) => (
        <button
          key={path}
          type="button"
          className="w-thumb-pick"
          onClick={() => props.onPick(param)}
        >
          {PICTURE.test(path) ? (
            <img src={fileUrl("input", path, 96)} alt="" loading="lazy" />
          ) : (
            <ImageIcon size={18} aria-hidden />
          )}
          <span>{path}</span>
        </button>
      ))}
    </div>
  );
}
