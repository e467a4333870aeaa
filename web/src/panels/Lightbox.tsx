import {
  Columns2,
  Diff,
  Download,
  FileJson,
  History,
  SlidersHorizontal,
  Trash2,
  ZoomIn,
} from "lucide-react";
import { type KeyboardEvent, useRef, useState } from "react";
import { openFile, restoreRun } from "../store/actions";
import { useUi } from "../store/ui";
import { Dialog } from "./Dialog";
import { FIT, transformOf, useZoom } from "./useZoom";

export interface Picture {
  url: string;
  /** A small one of it; absent: the picture itself. */
  thumb?: string;
  title: string;
  /** Whether it carries the graph that made it. */
  hasGraph?: boolean;
  /** The run that made it, as far as it is known. */
  run?: string;
  width?: number | null;
  height?: number | null;
  /** Deletes it on the server; absent where that is not offered. */
  remove?: () => Promise<void>;
}

export interface LightboxSubject {
  pictures: readonly Picture[];
  index: number;
  /** A second one to compare with. */
  other?: number;
}

type Way = "slider" | "side" | "difference";

/** What an overlay was given, which may be one address alone. */
export function subjectOf(subject: unknown): LightboxSubject {
  if (typeof subject === "string") return { pictures: [{ url: subject, title: "" }], index: 0 };
  return subject as LightboxSubject;
}

export function Lightbox({ subject }: { subject: LightboxSubject }) {
  const close = useUi((state) => state.closeOverlay);
  const notify = useUi((state) => state.notify);
  const [pictures, setPictures] = useState(subject.pictures);
  const [index, setIndex] = useState(subject.index);
  const [other, setOther] = useState<number | null>(subject.other ?? null);
  const [way, setWay] = useState<Way>("slider");
  const [split, setSplit] = useState(50);
  const picture = pictures[index];
  const second = other === null ? undefined : pictures[other];
  const { zoom, setZoom, stage, down, move, up, by } = useZoom({
    panWithOne: true,
    about: second ? "compare" : (picture?.url ?? ""),
  });
  const moved = useRef(false);
  if (!picture) return null;

  const go = (to: number) => setIndex(Math.min(pictures.length - 1, Math.max(0, to)));
  const openGraph = async (one: Picture) => {
    const answer = await fetch(one.url);
    const name = one.title.split("/").at(-1) || "picture.png";
    await openFile(new File([await answer.blob()], name, { type: "image/png" }));
    close();
  };
  const remove = async (one: Picture) => {
    if (!one.remove || !window.confirm(`Delete ${one.title} for good?`)) return;
    try {
      await one.remove();
    } catch (error) {
      notify("error", `${one.title} could not be deleted: ${(error as Error).message}`);
      return;
    }
    const rest = pictures.filter((p) => p !== one);
    if (rest.length === 0) return close();
    setPictures(rest);
    setOther(null);
    setIndex(Math.min(index, rest.length - 1));
  };
  const key = (event: KeyboardEvent) => {
    if (event.target instanceof HTMLInputElement || event.ctrlKey || event.metaKey) return;
    if (event.key === "ArrowRight") go(index + 1);
    else if (event.key === "ArrowLeft") go(index - 1);
    else if (event.key === "Home") go(0);
    else if (event.key === "End") go(pictures.length - 1);
    else if (event.key === "+" || event.key === "=") by(1.25);
    else if (event.key === "-") by(0.8);
    else if (event.key === "0") setZoom(FIT);
    else if (event.key === "c" && pictures.length > 1)
      setOther(other === null ? (index + 1) % pictures.length : null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const transform = transformOf(zoom);
  const shown = (one: Picture, className = "") => (
    <img className={className} src={one.url} alt={one.title || "picture"} draggable={false} />
  );

  return (
    <Dialog title="Picture" onClose={close} size="full" className="nf-lightbox">
      {/* biome-ignore lint/a11y/noStaticElementInteractions: keys of the view inside */}
      <div className="nf-lightbox-body" onKeyDown={key}>
        <div
          ref={stage}
          className="nf-stage"
          role="application"
          aria-label={`${picture.title || "picture"}: arrows turn pages, plus and minus zoom`}
          // biome-ignore lint/a11y/noNoninteractiveTabindex: zoomed and turned by keys
          tabIndex={0}
          data-autofocus
          onPointerDown={(event) => {
            moved.current = false;
            down(event);
            event.currentTarget.setPointerCapture?.(event.pointerId);
          }}
          onPointerMove={(event) => {
            if (move(event)) moved.current = true;
          }}
          onPointerUp={up}
          onPointerCancel={up}
          onDoubleClick={() => setZoom(zoom.scale === 1 ? { ...FIT, scale: 3 } : FIT)}
        >
          {second ? (
            <div className={`nf-compare nf-compare-${way}`}>
              <figure>
                <div className="nf-zoomed" style={{ transform }}>
                  {shown(picture)}
                </div>
                <figcaption>{picture.title}</figcaption>
              </figure>
              <figure style={way === "slider" ? { clipPath: `inset(0 0 0 ${split}%)` } : undefined}>
                <div className="nf-zoomed" style={{ transform }}>
                  {shown(second)}
                </div>
                <figcaption>{second.title}</figcaption>
              </figure>
              {way === "slider" ? (
                <span className="nf-split" style={{ left: `${split}%` }} />
              ) : null}
            </div>
          ) : (
            <div className="nf-zoomed" style={{ transform }}>
              {shown(picture, zoom.scale > 3 ? "nf-pixels" : "")}
            </div>
          )}
        </div>
        {second ? (
          <div className="nf-lightbox-bar">
            <div className="nf-segments" role="radiogroup" aria-label="how to compare">
              <Segment way="slider" now={way} set={setWay} label="Slider">
                <SlidersHorizontal size={15} aria-hidden />
              </Segment>
              <Segment way="side" now={way} set={setWay} label="Side by side">
                <Columns2 size={15} aria-hidden />
              </Segment>
              <Segment way="difference" now={way} set={setWay} label="Difference">
                <Diff size={15} aria-hidden />
              </Segment>
            </div>
            {way === "slider" ? (
              <input
                type="range"
                className="nf-range"
                aria-label="where the second picture begins"
                min={0}
                max={100}
                step={0.5}
                value={split}
                onChange={(event) => setSplit(Number(event.currentTarget.value))}
              />
            ) : null}
            <span className="nf-grow" />
            <button type="button" className="nf-button" onClick={() => setOther(null)}>
              One picture
            </button>
          </div>
        ) : (
          <div className="nf-lightbox-bar">
            <span className="nf-file-name" title={picture.title}>
              {picture.title}
            </span>
            <span className="nf-quiet">
              {picture.width && picture.height ? `${picture.width} × ${picture.height}` : ""}
              {pictures.length > 1 ? ` · ${index + 1} of ${pictures.length}` : ""}
            </span>
            <span className="nf-grow" />
            <button
              type="button"
              className="nf-icon"
              aria-label={zoom.scale === 1 ? "zoom in" : "whole picture"}
              title={zoom.scale === 1 ? "Zoom in (+)" : "Whole picture (0)"}
              onClick={() => (zoom.scale === 1 ? by(2) : setZoom(FIT))}
            >
              <ZoomIn size={17} aria-hidden />
            </button>
            {pictures.length > 1 ? (
              <button
                type="button"
                className="nf-button"
                onClick={() => setOther((index + 1) % pictures.length)}
              >
                <Columns2 size={16} aria-hidden /> Compare
              </button>
            ) : null}
            {picture.run ? (
              <button
                type="button"
                className="nf-button"
                onClick={() => {
                  close();
                  void restoreRun(picture.run ?? "");
                }}
              >
                <History size={16} aria-hidden /> Restore its run
              </button>
            ) : null}
            {picture.hasGraph ? (
              <button type="button" className="nf-button" onClick={() => void openGraph(picture)}>
                <FileJson size={16} aria-hidden /> Open its graph
              </button>
            ) : null}
            <a
              className="nf-icon"
              href={picture.url}
              download={picture.title.split("/").at(-1) || "picture.png"}
              aria-label="download"
              title="Download"
            >
              <Download size={17} aria-hidden />
            </a>
            {picture.remove ? (
              <button
                type="button"
                className="nf-icon nf-danger"
                aria-label="delete"
                title="Delete"
                onClick={() => void remove(picture)}
              >
                <Trash2 size={17} aria-hidden />
              </button>
            ) : null}
          </div>
        )}
        {pictures.length > 1 ? (
          <div
            className="nf-strip"
            role="listbox"
            aria-label={second ? "second picture" : "pictures"}
          >
            {pictures.map((one, k) => (
              <button
                key={one.url}
                type="button"
                role="option"
                aria-selected={k === index || k === other}
                aria-label={one.title || `picture ${k + 1}`}
                className={k === index ? "nf-now" : k === other ? "nf-other" : ""}
                onClick={() => (other === null || k === index ? go(k) : setOther(k))}
              >
                <img src={one.thumb ?? one.url} alt="" loading="lazy" />
              </button>
            ))}
          </div>
        ) : null}
      </div>
    </Dialog>
  );
}

function Segment(props: {
  way: Way;
  now: Way;
  set(way: Way): void;
  label: string;
  children: React.ReactNode;
}) {
  const on = props.way === props.now;
  return (
    // biome-ignore lint/a11y/useSemanticElements: a segment is no round button
    <button
      type="button"
      role="radio"
      aria-checked={on}
      className="nf-segment"
      onClick={() => props.set(props.way)}
    >
      {props.children}
      <span>{props.label}</span>
    </button>
  );
}
