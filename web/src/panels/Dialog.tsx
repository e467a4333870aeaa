import { X } from "lucide-react";
import {
  type KeyboardEvent,
  type ReactNode,
  useEffect,
  useId,
  useLayoutEffect,
  useRef,
} from "react";
import { createPortal } from "react-dom";
import { focusPane } from "../canvas/store";

interface Props {
  title: string;
  onClose(): void;
  children: ReactNode;
  /** Beside the title. */
  aside?: ReactNode;
  size?: "small" | "medium" | "large" | "full";
  /** The title is read out but not drawn, where the content has its own head. */
  bare?: boolean;
  className?: string;
}

const FOCUSABLE =
  'a[href], button:not(:disabled), input:not(:disabled):not([hidden]), select:not(:disabled), textarea:not(:disabled), [tabindex="0"]';

/** Lies over everything, keeps the focus, closes on Escape and gives the focus back. */
export function Dialog({
  title,
  onClose,
  children,
  aside,
  size = "medium",
  bare,
  className,
}: Props) {
  const box = useRef<HTMLDivElement>(null);
  const name = useId();

  useLayoutEffect(() => {
    const before = document.activeElement;
    const own = box.current;
    const first = own?.querySelector<HTMLElement>("[data-autofocus]") ?? own;
    first?.focus();
    return () => {
      if (before instanceof HTMLElement && before.isConnected && before !== document.body)
        before.focus();
      else focusPane();
    };
  }, []);

  // Escape reaches it even when the focus went to the page below, as after a click on nothing.
  const close = useRef(onClose);
  close.current = onClose;
  useEffect(() => {
    const press = (event: globalThis.KeyboardEvent) => {
      if (event.key !== "Escape" || event.defaultPrevented) return;
      if (box.current?.contains(document.activeElement)) return;
      close.current();
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, []);

  const key = (event: KeyboardEvent<HTMLDivElement>) => {
    if (event.key === "Escape") {
      event.stopPropagation();
      event.preventDefault();
      onClose();
    }
    if (event.key !== "Tab" || !box.current?.contains(document.activeElement)) return;
    const stops = [...box.current.querySelectorAll<HTMLElement>(FOCUSABLE)].filter(
      (element) => element.offsetParent !== null || element === document.activeElement,
    );
    const first = stops[0];
    const last = stops.at(-1);
    const at = document.activeElement;
    if (event.shiftKey && (at === first || at === box.current)) {
      event.preventDefault();
      last?.focus();
    } else if (!event.shiftKey && at === last) {
      event.preventDefault();
      first?.focus();
    }
  };

  return createPortal(
    <div
      className="nf-scrim"
      role="presentation"
      onPointerDown={(event) => {
        if (event.target === event.currentTarget) onClose();
      }}
    >
      <div
        ref={box}
        role="dialog"
        aria-modal="true"
        aria-labelledby={name}
        tabIndex={-1}
        className={`nf-dialog nf-dialog-${size} ${className ?? ""}`}
        onKeyDown={key}
      >
        <div className={bare ? "nf-sr" : "nf-dialog-head"}>
          <h2 id={name}>{title}</h2>
          {aside}
          {bare ? null : (
            <button type="button" className="nf-icon" aria-label="close" onClick={onClose}>
              <X size={18} aria-hidden />
            </button>
          )}
        </div>
        {children}
      </div>
    </div>,
    document.body,
  );
}
