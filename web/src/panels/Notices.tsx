import { CircleAlert, CircleCheck, Info, TriangleAlert, X } from "lucide-react";
import { useEffect } from "react";
import { type Notice, useUi } from "../store/ui";

/** How long a line stays; errors stay until they are closed. */
const STAY_MS = { info: 5000, good: 4000, warning: 8000, error: 0 };

const ICONS = { info: Info, good: CircleCheck, warning: TriangleAlert, error: CircleAlert };

export function Notices() {
  const notices = useUi((state) => state.notices);
  return (
    <section
      className="nf-notices"
      aria-label="notices"
      aria-live="polite"
      aria-relevant="additions"
    >
      {notices.slice(-4).map((notice) => (
        <NoticeLine key={notice.id} notice={notice} />
      ))}
    </section>
  );
}

function NoticeLine({ notice }: { notice: Notice }) {
  const dismiss = useUi((state) => state.dismiss);
  const { id, kind, text, action } = notice;
  useEffect(() => {
    const stay = STAY_MS[kind];
    if (stay === 0) return;
    const timer = setTimeout(() => dismiss(id), action ? stay * 2 : stay);
    return () => clearTimeout(timer);
  }, [id, kind, action, dismiss]);
  const Icon = ICONS[kind];
  return (
    <div className={`nf-notice nf-${kind}`} role={kind === "error" ? "alert" : "status"}>
      <Icon size={16} aria-hidden />
      <span className="nf-notice-text">{text}</span>
      {action ? (
        <button
          type="button"
          className="nf-button nf-small"
          onClick={() => {
            dismiss(id);
            action.run();
          }}
        >
          {action.label}
        </button>
      ) : null}
      <button
        type="button"
        className="nf-icon nf-small"
        aria-label="close"
        onClick={() => dismiss(id)}
      >
        <X size={14} aria-hidden />
      </button>
    </div>
  );
}
