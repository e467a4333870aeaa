import { ChevronDown } from "lucide-react";
import { useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from "react";
import { createPortal } from "react-dom";

interface Props {
  label: string;
  value: string;
  options: readonly string[];
  onPick(value: string): void;
  /** Whether other texts than the options are taken. */
  free?: boolean | undefined;
  id?: string | undefined;
  disabled?: boolean | undefined;
  invalid?: boolean | undefined;
  title?: string | undefined;
  placeholder?: string | undefined;
}

/** Those that have all words of the search, the ones that begin with it first. */
export function narrowed(options: readonly string[], search: string): string[] {
  const words = search
    .toLowerCase()
    .split(/[\s_./-]+/)
    .filter(Boolean);
  const whole = search.trim().toLowerCase();
  const found = options.filter((option) => {
    const text = option.toLowerCase();
    return words.every((word) => text.includes(word));
  });
  const rank = (option: string) => {
    const at = option.toLowerCase().indexOf(whole);
    return at === 0 ? 0 : at > 0 ? 1 : 2;
  };
  return whole === "" ? found : found.sort((a, b) => rank(a) - rank(b));
}

/** A field that is searched while one types; the list lies over everything. */
export function Combobox(props: Props) {
  const { label, value, options, onPick, free } = props;
  const [search, setSearch] = useState<string | null>(null);
  const [active, setActive] = useState(-1);
  const field = useRef<HTMLInputElement>(null);
  const list = useId();
  const open = search !== null;
  const found = useMemo(
    () => (search === null ? [] : narrowed(options, search === value ? "" : search)),
    [options, search, value],
  );

  const show = () => {
    if (props.disabled || open) return;
    setSearch(value);
    setActive(options.indexOf(value));
    field.current?.select();
  };
  const hide = () => {
    setSearch(null);
    setActive(-1);
  };
  const pick = (option: string | undefined) => {
    hide();
    if (option !== undefined) onPick(option);
  };

  return (
    <span className="w-combo">
      <input
        ref={field}
        id={props.id}
        type="text"
        role="combobox"
        aria-label={label}
        aria-expanded={open}
        aria-controls={open ? list : undefined}
        aria-autocomplete="list"
        aria-activedescendant={open && found[active] ? `${list}-${active}` : undefined}
        aria-invalid={props.invalid || undefined}
        title={props.title || (open ? undefined : value) || undefined}
        autoComplete="off"
        spellCheck={false}
        disabled={props.disabled}
        placeholder={props.placeholder ?? (options.length === 0 ? "nothing here" : "choose …")}
        value={search ?? value}
        onClick={show}
        onChange={(event) => {
          setSearch(event.currentTarget.value);
          setActive(event.currentTarget.value === "" ? -1 : 0);
        }}
        onBlur={() => {
          if (open && free && search !== value) pick(search ?? undefined);
          else hide();
        }}
        onKeyDown={(event) => {
          if (event.key === "ArrowDown" || event.key === "ArrowUp") {
            event.preventDefault();
            if (!open) return show();
            const by = event.key === "ArrowDown" ? 1 : -1;
            const count = found.length;
            setActive(count === 0 ? -1 : (active + by + count) % count);
          } else if (event.key === "Enter" && !(event.ctrlKey || event.metaKey)) {
            event.preventDefault();
            if (!open) show();
            else if (free && active < 0) pick(search ?? undefined);
            else pick(found[active]);
          } else if (event.key === "Escape" && open) {
            event.stopPropagation();
            event.nativeEvent.stopImmediatePropagation();
            hide();
          } else if (open && (event.key === "Home" || event.key === "End") && event.ctrlKey) {
            event.preventDefault();
            setActive(event.key === "Home" ? 0 : found.length - 1);
          }
        }}
      />
      <ChevronDown size={14} aria-hidden />
      {open && field.current ? (
        <Floating anchor={field.current} onAway={hide}>
          <div role="listbox" id={list} aria-label={label} className="w-list" tabIndex={-1}>
            {found.length === 0 ? <p className="w-none">nothing found</p> : null}
            {found.map((option, k) => (
              <div
                key={option}
                id={`${list}-${k}`}
                role="option"
                tabIndex={-1}
                aria-selected={option === value}
                className={k === active ? "w-option w-active" : "w-option"}
                ref={k === active ? keepSeen : undefined}
                onPointerDown={(event) => event.preventDefault()}
                onClick={() => pick(option)}
                onKeyDown={() => undefined}
              >
                {option === "" ? "none" : option}
              </div>
            ))}
          </div>
        </Floating>
      ) : null}
    </span>
  );
}

function keepSeen(element: HTMLElement | null): void {
  element?.scrollIntoView?.({ block: "nearest" });
}

/** Lies under an element, or above it where there is no room; closed by a press elsewhere. */
export function Floating(props: {
  anchor: HTMLElement;
  onAway(): void;
  children: React.ReactNode;
  align?: "start" | "end";
  className?: string;
}) {
  const { anchor, onAway, align = "start" } = props;
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const own = box.current;
    if (!own) return;
    const at = anchor.getBoundingClientRect();
    const room = window.innerHeight - at.bottom - 12;
    const above = room < 180 && at.top > room;
    own.style.minWidth = `${Math.max(140, at.width)}px`;
    own.style.maxHeight = `${Math.max(120, Math.min(420, above ? at.top - 12 : room))}px`;
    own.style[above ? "bottom" : "top"] = above
      ? `${window.innerHeight - at.top + 4}px`
      : `${at.bottom + 4}px`;
    const width = own.offsetWidth;
    const left = align === "end" ? at.right - width : at.left;
    own.style.left = `${Math.max(8, Math.min(left, window.innerWidth - width - 8))}px`;
  }, [anchor, align]);
  useEffect(() => {
    const press = (event: Event) => {
      const target = event.target as Node;
      if (!box.current?.contains(target) && !anchor.contains(target)) onAway();
    };
    document.addEventListener("pointerdown", press, true);
    document.addEventListener("wheel", press, true);
    window.addEventListener("resize", onAway);
    return () => {
      document.removeEventListener("pointerdown", press, true);
      document.removeEventListener("wheel", press, true);
      window.removeEventListener("resize", onAway);
    };
  }, [anchor, onAway]);
  return createPortal(
    <div ref={box} className={`w-floating ${props.className ?? ""}`}>
      {props.children}
    </div>,
    document.body,
  );
}
