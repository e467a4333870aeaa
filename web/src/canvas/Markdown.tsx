import { Fragment } from "react";
import { type Block, type Inline, markdown } from "./markdown";

/** Markdown drawn as elements of ours: text stays text. */
export function Markdown({ text }: { text: string }) {
  return <>{markdown(text).map((block, k) => drawn(block, k))}</>;
}

function drawn(block: Block, key: number) {
  switch (block.kind) {
    case "heading": {
      const Heading = `h${Math.min(6, block.level + 2)}` as "h3";
      return <Heading key={key}>{inlines(block.parts)}</Heading>;
    }
    case "list": {
      const List = block.ordered ? "ol" : "ul";
      return (
        <List key={key}>
          {block.items.map((item, k) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: items have no name but their place
            <li key={k}>{inlines(item)}</li>
          ))}
        </List>
      );
    }
    case "code":
      return (
        <pre key={key}>
          <code>{block.text}</code>
        </pre>
      );
    case "quote":
      return <blockquote key={key}>{inlines(block.parts)}</blockquote>;
    case "rule":
      return <hr key={key} />;
    default:
      return <p key={key}>{inlines(block.parts)}</p>;
  }
}

function inlines(parts: readonly Inline[]) {
  // biome-ignore lint/suspicious/noArrayIndexKey: parts have no name but their place
  return parts.map((part, k) => <Fragment key={k}>{one(part)}</Fragment>);
}

function one(part: Inline) {
  switch (part.kind) {
    case "code":
      return <code>{part.text}</code>;
    case "strong":
      return <strong>{inlines(part.parts)}</strong>;
    case "em":
      return <em>{inlines(part.parts)}</em>;
    case "strike":
      return <s>{inlines(part.parts)}</s>;
    case "link":
      return (
        <a href={part.href} target="_blank" rel="noreferrer noopener">
          {inlines(part.parts)}
        </a>
      );
    default:
      return part.text;
  }
}
