import { type RefObject, useEffect } from "react";

const HOLD_MS = 550;
const STILL = 8;

/** A long press is a right click, in browsers that do not make one of it themselves. */
export function useLongPress(pane: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    const element = pane.current;
    if (!element) return;
    let timer = 0;
    let from = { x: 0, y: 0 };
    let opened = 0;
    let held = false;
    const stop = () => window.clearTimeout(timer);
    const onDown = (event: PointerEvent) => {
      stop();
      held = false;
      if (event.pointerType !== "touch" || !event.isPrimary) return;
      from = { x: event.clientX, y: event.clientY };
      const target = event.target as Element;
      if (target.closest("input, textarea, .menu, .search")) return;
      timer = window.setTimeout(() => {
        if (Date.now() - opened < 1000) return;
        const { x, y } = from;
        held = true;
        const init = { bubbles: true, cancelable: true, clientX: x, clientY: y };
        target.dispatchEvent(new MouseEvent("contextmenu", init));
      }, HOLD_MS);
    };
    const onMove = (event: PointerEvent) => {
      if (Math.hypot(event.clientX - from.x, event.clientY - from.y) > STILL) stop();
    };
    // Letting go is no tap on what has opened under the finger.
    const onTouchEnd = (event: TouchEvent) => {
      if (held && event.cancelable) event.preventDefault();
      held = false;
    };
    const onMenu = (event: Event) => {
      // The browser made one itself.
      if (event.isTrusted) stop();
      opened = Date.now();
    };
    element.addEventListener("pointerdown", onDown, true);
    element.addEventListener("pointermove", onMove, true);
    element.addEventListener("pointerup", stop, true);
    element.addEventListener("pointercancel", stop, true);
    element.addEventListener("contextmenu", onMenu, true);
    element.addEventListener("touchend", onTouchEnd, { capture: true, passive: false });
    return () => {
      stop();
      element.removeEventListener("pointerdown", onDown, true);
      element.removeEventListener("pointermove", onMove, true);
      element.removeEventListener("pointerup", stop, true);
      element.removeEventListener("pointercancel", stop, true);
      element.removeEventListener("contextmenu", onMenu, true);
      element.removeEventListener("touchend", onTouchEnd, true);
    };
  }, [pane]);
}
