import {
  type KeyboardEvent,
  type ReactNode,
  useCallback,
  useEffect,
  useRef,
  useState,
} from "react";
import { Floating } from "../widgets/Combobox";

export interface MenuItem {
  label: string;
  run(): void;
  keys?: string;
  icon?: ReactNode;
  disabled?: boolean;
  /** A line above it. */
  divided?: boolean;
  danger?: boolean;
}

interface Props {
  label: string;
  /** What the button shows. */
  children: ReactNode;
  items: readonly MenuItem[];
  className?: string;
  align?: "start" | "end";
  title?: string;
}

/** A button and its menu: arrows, Home and End, first letters, Escape. */
export function Menu({ label, children, items, className, align = "start", title }: Props) {
  const button = useRef<HTMLButtonElement>(null);
  const [open, setOpen] = useState(false);
  const close = useCallback(() => setOpen(false), []);
  const leave = () => {
    close();
    button.current?.focus();
  };
  return (
    <>
      <button
        ref={button}
        type="button"
        className={className ?? "nf-icon"}
        aria-label={label}
        aria-haspopup="menu"
        aria-expanded={open}
        title={title ?? label}
        onClick={() => setOpen(!open)}
        onKeyDown={(event) => {
          if (event.key !== "ArrowDown" || open) return;
          event.preventDefault();
          setOpen(true);
        }}
      >
        {children}
      </button>
      {open && button.current ? (
        <Floating anchor={button.current} onAway={close} align={align}>
          <Items label={label} items={items} onLeave={leave} />
        </Floating>
      ) : null}
    </>
  );
}

function Items(props: { label: string; items: readonly MenuItem[]; onLeave(): void }) {
  const { label, items, onLeave } = props;
  const list = useRef<HTMLDivElement>(null);
  const stops = () => [
    ...(list.current?.querySelectorAll<HTMLButtonElement>("button:not(:disabled)") ?? []),
  ];
  // biome-ignore lint/correctness/useExhaustiveDependencies: once, when it opens
  useEffect(() => stops()[0]?.focus(), []);
  const key = (event: KeyboardEvent) => {
    const all = stops();
    const at = all.indexOf(document.activeElement as HTMLButtonElement);
    let next: HTMLButtonElement | undefined;
    if (event.key === "ArrowDown") next = all[(at + 1) % all.length];
    else if (event.key === "ArrowUp") next = all[(at - 1 + all.length) % all.length];
    else if (event.key === "Home") next = all[0];
    else if (event.key === "End") next = all.at(-1);
    else if (event.key === "Escape" || event.key === "Tab") onLeave();
    else if (event.key.length === 1 && /\S/.test(event.key) && !event.ctrlKey && !event.metaKey) {
      const begins = (stop: HTMLButtonElement) =>
        stop.textContent?.trim().toLowerCase().startsWith(event.key.toLowerCase());
      next = [...all.slice(at + 1), ...all.slice(0, at + 1)].find(begins);
      if (!next) return;
    } else return;
    event.preventDefault();
    event.stopPropagation();
    next?.focus();
  };
  return (
    <div
      ref={list}
      role="menu"
      aria-label={label}
      tabIndex={-1}
      className="nf-menu"
      onKeyDown={key}
    >
      {items.map((item) => (
        <button
          key={item.label}
          type="button"
          role="menuitem"
          tabIndex={-1}
          disabled={item.disabled}
          className={`nf-menu-item ${item.divided ? "nf-divided" : ""} ${item.danger ? "nf-danger" : ""}`}
          onClick={() => {
            onLeave();
            item.run();
          }}
        >
          <span className="nf-menu-icon">{item.icon}</span>
          <span>{item.label}</span>
          {item.keys ? <kbd>{item.keys}</kbd> : null}
        </button>
      ))}
    </div>
  );
}
