/** A widget held by what holds it in the editor: a value that comes back, and steps by gesture. */

import { render } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useState } from "react";
import { expect } from "vitest";
import type { WidgetSpec } from "../../src/model/catalogue";
import type { Json } from "../../src/model/graph";
import type { Port } from "../../src/model/ports";
import type { OnChange } from "../../src/widgets/field";
import { Widget } from "../../src/widgets/Widget";

/** jsdom has no pointer events of its own. */
class PointerLike extends MouseEvent {
  readonly pointerId: number;
  constructor(type: string, init: PointerEventInit = {}) {
    super(type, init);
    this.pointerId = init.pointerId ?? 1;
  }
}
window.PointerEvent ??= PointerLike as typeof PointerEvent;

/** Nor can it measure text, which CodeMirror does in the next frame. */
Range.prototype.getClientRects ??= () => [] as unknown as DOMRectList;

export function portOf(type: string, widget?: WidgetSpec, more: Partial<Port> = {}): Port {
  return {
    name: "value",
    type,
    required: false,
    isList: type.startsWith("list["),
    ...(widget ? { widget } : {}),
    ...more,
  };
}

interface HolderProps {
  port: Port;
  start: Json | undefined;
  compact: boolean;
  onChange: OnChange;
}

function Holder({ port, start, compact, onChange }: HolderProps) {
  const [value, setValue] = useState<Json | undefined>(start);
  const change: OnChange = (next, options) => {
    onChange(next, options);
    setValue(next);
  };
  return <Widget path="node" port={port} value={value} compact={compact} onChange={change} />;
}

export function held(port: Port, start?: Json, compact = false) {
  const changes: { value: Json | undefined; merge: string }[] = [];
  const onChange: OnChange = (value, { merge }) => changes.push({ value, merge });
  const shown = render(<Holder port={port} start={start} compact={compact} onChange={onChange} />);
  return {
    ...shown,
    user: userEvent.setup(),
    changes,
    last: () => changes.at(-1)?.value,
    /** How many steps back there would be. */
    steps: () => new Set(changes.map((change) => change.merge)).size,
    untouched: () => expect(changes).toEqual([]),
  };
}
