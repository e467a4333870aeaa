import { useUi } from "../store/ui";
import type { Picture } from "./Lightbox";

/** Small pictures; each opens large, with its neighbours beside it. */
export function Thumbs({ pictures, large }: { pictures: readonly Picture[]; large?: boolean }) {
  const openOverlay = useUi((state) => state.openOverlay);
  if (pictures.length === 0) return null;
  return (
    <div className={large ? "nf-thumbs nf-thumbs-large" : "nf-thumbs"}>
      {pictures.map((picture, index) => (
        <button
          key={picture.url}
          type="button"
          className="nf-thumb"
          aria-label={`open ${picture.title}`}
          title={picture.title}
          onClick={() => openOverlay("lightbox", { pictures, index })}
        >
          <img
            src={large ? picture.url : (picture.thumb ?? picture.url)}
            alt={picture.title}
            loading="lazy"
          />
        </button>
      ))}
    </div>
  );
}
