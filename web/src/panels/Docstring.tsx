import { Fragment, useMemo } from "react";
import { docstring, type Piece } from "./docstring";

/** A node's help: text stays text; a paper's page opens only when it is clicked. */
export function Docstring({ text }: { text: string }) {
  const blocks = useMemo(() => docstring(text), [text]);
  return (
    <div className="nf-doc">
      {blocks.map((block, k) => {
        const key = `${k} ${block.kind}`;
        if (block.kind === "formula")
          return (
            <pre key={key} className="nf-formula">
              {block.text}
            </pre>
          );
        if (block.kind === "list")
          return (
            <ul key={key}>
              {block.items.map((item) => (
                <li key={item.map((piece) => piece.text).join("")}>{drawn(item)}</li>
              ))}
            </ul>
          );
        return (
          <p key={key} className={block.kind === "lead" ? "nf-lead" : undefined}>
            {drawn(block.pieces)}
          </p>
        );
      })}
    </div>
  );
}

function drawn(pieces: readonly Piece[]) {
  return pieces.map((piece, k) => {
    const key = `${k} ${piece.text}`;
    if (piece.kind === "code") return <code key={key}>{piece.text}</code>;
    if (piece.kind === "link")
      return (
        <a key={key} href={piece.href} target="_blank" rel="noreferrer noopener">
          {piece.text}
        </a>
      );
    return <Fragment key={key}>{piece.text}</Fragment>;
  });
}
