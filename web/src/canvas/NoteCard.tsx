import { type Node, type NodeProps, NodeResizer } from "@xyflow/react";
import { memo } from "react";
import { setNoteText } from "../model/edit";
import { useEditor } from "../store/editor";
import type { NoteData } from "./derive";
import { Markdown } from "./Markdown";
import { useCanvasStore } from "./store";
import { vars } from "./style";

type Props = NodeProps<Node<NoteData, "note">>;

/** A note in Markdown: double click writes, Escape or a click elsewhere ends it. */
export const NoteCard = memo(function NoteCard({ id, data, selected }: Props) {
  const { note } = data;
  const writing = useCanvasStore((s) => s.writing === id);
  const done = (text: string) => {
    useCanvasStore.setState({ writing: "" });
    useEditor.getState().edit("Write note", (graph) => setNoteText(graph, id, text));
  };
  return (
    <article
      className="note"
      data-selected={selected}
      aria-label="Note"
      style={note.colour ? vars({ "--cat": note.colour }) : undefined}
    >
      {selected && <NodeResizer minWidth={120} minHeight={60} />}
      {writing ? (
        <textarea
          className="note-field nodrag nopan nowheel"
          aria-label="Text of the note, in Markdown"
          defaultValue={note.text}
          // biome-ignore lint/a11y/noAutofocus: the person asked to write here
          autoFocus
          onBlur={(event) => done(event.target.value)}
          onKeyDown={(event) => {
            event.stopPropagation();
            if (event.key === "Escape") event.currentTarget.blur();
          }}
        />
      ) : (
        <div className="note-text nowheel">
          {note.text ? <Markdown text={note.text} /> : <p>Double-click to write</p>}
        </div>
      )}
    </article>
  );
});
