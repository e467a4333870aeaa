import { render, screen } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { Markdown } from "../../src/canvas/Markdown";
import { markdown, safeHref } from "../../src/canvas/markdown";

describe("markdown", () => {
  it("knows headings, paragraphs, lists, quotes, code and rules", () => {
    const text = "# Title\n\nOne\ntwo\n\n- a\n- b\n\n1. x\n\n> said\n\n```\n<b>\n```\n\n---";
    expect(markdown(text).map((block) => block.kind)).toEqual([
      "heading",
      "paragraph",
      "list",
      "list",
      "quote",
      "code",
      "rule",
    ]);
  });

  it("nests emphasis, and gives back the same letters", () => {
    expect(markdown("**a *b* c** `d`")).toEqual([
      {
        kind: "paragraph",
        parts: [
          {
            kind: "strong",
            parts: [
              { kind: "text", text: "a " },
              { kind: "em", parts: [{ kind: "text", text: "b" }] },
              { kind: "text", text: " c" },
            ],
          },
          { kind: "text", text: " " },
          { kind: "code", text: "d" },
        ],
      },
    ]);
  });

  it("leaves snake_case alone", () => {
    expect(markdown("guidance_scale_up")).toEqual([
      { kind: "paragraph", parts: [{ kind: "text", text: "guidance_scale_up" }] },
    ]);
  });

  it("ends, whatever it is given", () => {
    for (const text of ["```", "*".repeat(5000), "[".repeat(2000), "> ", "- ", "#", "\n\n\n"]) {
      expect(Array.isArray(markdown(text))).toBe(true);
    }
  });

  it("opens only pages", () => {
    expect(safeHref("https://example.org/a")).toBe("https://example.org/a");
    expect(safeHref("javascript:alert(1)")).toBe("");
    expect(safeHref("data:text/html,x")).toBe("");
    expect(safeHref(" javascript:alert(1)")).toBe("");
  });
});

describe("a note", () => {
  it("shows HTML as the text that it is", () => {
    const { container } = render(<Markdown text={'<img src=x onerror="alert(1)"> **bold**'} />);
    expect(container.querySelector("img")).toBeNull();
    expect(container.textContent).toContain('<img src=x onerror="alert(1)">');
    expect(screen.getByText("bold").tagName).toBe("STRONG");
  });

  it("makes no link of a script", () => {
    const { container } = render(<Markdown text="[click](javascript:alert(1))" />);
    expect(container.querySelector("a")).toBeNull();
  });
});
