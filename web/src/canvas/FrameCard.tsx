import { type Node, type NodeProps, NodeResizer } from "@xyflow/react";
import { memo } from "react";
import { setTitle } from "../model/edit";
import { useEditor } from "../store/editor";
import type { FrameData } from "./derive";
import { useCanvasStore } from "./store";
import { vars } from "./style";

type Props = NodeProps<Node<FrameData, "frame">>;

/** A frame with a title: what lies in it moves with it. */
export const FrameCard = memo(function FrameCard({ id, data, selected }: Props) {
  const { frame } = data;
  const writing = useCanvasStore((s) => s.writing === id);
  const done = (text: string) => {
    useCanvasStore.setState({ writing: "" });
    const { scope, edit } = useEditor.getState();
    edit("Rename frame", (graph) => setTitle(graph, scope, id, text.trim()));
  };
  return (
    <section
      className="frame"
      data-selected={selected}
      aria-label={`Frame ${frame.title || "without a title"}`}
      style={frame.colour ? vars({ "--cat": frame.colour }) : undefined}
    >
      {selected && <NodeResizer minWidth={140} minHeight={90} />}
      <header className="frame-title">
        {writing ? (
          <input
            className="card-name-field nodrag nopan"
            aria-label="Title of the frame"
            defaultValue={frame.title}
            // biome-ignore lint/a11y/noAutofocus: the person asked to write here
            autoFocus
            onFocus={(event) => event.target.select()}
            onBlur={(event) => done(event.target.value)}
            onKeyDown={(event) => {
              event.stopPropagation();
              if (event.key === "Escape") event.currentTarget.value = frame.title;
              if (event.key === "Enter" || event.key === "Escape") event.currentTarget.blur();
            }}
          />
        ) : (
          frame.title || "Frame"
        )}
      </header>
    </section>
  );
});
