import { TriangleAlert, WifiOff } from "lucide-react";
import { keepMine, saveAsCopy, takeTheirs } from "../store/actions";
import { useCatalogue } from "../store/catalogue";
import { useConflict } from "../store/conflict";
import { useRuns } from "../store/runs";
import { PausedBanner } from "./PausedBanner";

/** What holds for a while, above the canvas: no server, or somebody else's version of the graph. */
export function Banners() {
  const lost = useRuns((state) => state.connection === "lost");
  const fault = useCatalogue((state) => state.fault);
  const conflict = useConflict((state) => state.conflict);
  return (
    <div className="nf-banners" aria-live="assertive">
      {lost ? (
        <div className="nf-banner nf-warning" role="alert">
          <WifiOff size={16} aria-hidden />
          <span>
            The server is away. You can go on editing; nothing is lost, and it is called again.
          </span>
        </div>
      ) : null}
      {conflict ? (
        <div className="nf-banner nf-warning" role="alert">
          <TriangleAlert size={16} aria-hidden />
          <span>
            {conflict.etag === ""
              ? `${conflict.name} was deleted on the server.`
              : `${conflict.name} was saved from another place too.`}{" "}
            {conflict.saving ? "Yours is not saved yet; nothing is lost." : "Nothing is lost."}
          </span>
          <button type="button" className="nf-button nf-small" onClick={() => void saveAsCopy()}>
            Save mine as a copy
          </button>
          <button type="button" className="nf-button nf-small" onClick={() => void keepMine()}>
            Mine counts
          </button>
          {conflict.etag === "" ? null : (
            <button type="button" className="nf-button nf-small" onClick={() => void takeTheirs()}>
              Take theirs
            </button>
          )}
        </div>
      ) : null}
      {fault ? (
        <div className="nf-banner nf-error" role="alert">
          <TriangleAlert size={16} aria-hidden />
          <span>{fault}</span>
          <button type="button" className="nf-button nf-small" onClick={() => location.reload()}>
            Try again
          </button>
        </div>
      ) : null}
      <PausedBanner />
    </div>
  );
}
