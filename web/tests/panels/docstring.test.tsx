import { render, screen } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { Docstring } from "../../src/panels/Docstring";
import { docstring, formulaOf } from "../../src/panels/docstring";
import { catalogue } from "../model/support";

const CFG = `Push the prediction away from \`uncond\`, towards \`cond\`.

uncond + scale * (cond - uncond), per element, [B, C, H, W]. Scale 1 is \`cond\` itself, 0
\`uncond\`. Ho & Salimans 2022, arXiv 2207.12598, eq. 6, whose w is scale - 1.`;

describe("a docstring", () => {
  it("has its first line, its formula and the rest", () => {
    expect(docstring(CFG).map((block) => block.kind)).toEqual(["lead", "formula", "paragraph"]);
    expect(docstring(CFG)[1]).toEqual({
      kind: "formula",
      text: "uncond + scale * (cond - uncond)",
    });
  });

  it("shows formulas in a block, names as code and papers as links that wait for a click", () => {
    const { container } = render(<Docstring text={CFG} />);
    expect(container.querySelector("pre")?.textContent).toBe("uncond + scale * (cond - uncond)");
    expect([...container.querySelectorAll("code")].map((code) => code.textContent)).toContain(
      "cond",
    );
    const link = screen.getByRole("link", { name: "arXiv 2207.12598" });
    expect(link.getAttribute("href")).toBe("https://arxiv.org/abs/2207.12598");
    expect(link.getAttribute("rel")).toContain("noreferrer");
  });

  it("keeps indented lines as they stand", () => {
    const blocks = docstring("Do.\n\nIt is\n\n    a = b\n      + c\n\nand so on.");
    expect(blocks[2]).toEqual({ kind: "formula", text: "a = b\n  + c" });
  });

  it("draws lists", () => {
    const blocks = docstring("Do.\n\n- one\n- two\n  goes on");
    expect(blocks[1]).toMatchObject({ kind: "list" });
    expect(blocks[1]).toHaveProperty("items.length", 2);
  });

  it("keeps text of strangers as text", () => {
    const { container } = render(<Docstring text={"<img src=x onerror=alert(1)> `<b>`"} />);
    expect(container.querySelector("img, b")).toBeNull();
    expect(container.textContent).toContain("<img src=x onerror=alert(1)>");
  });

  it.each([
    "One prompt of weight 1 is the other.",
    "Values float32 [1, H, W] in 0..1.",
    "Go the whole step with D + (D_r - D) / 2r, and with noise of which the trial's was a part.",
    "Texts joined by AND are predicted for apart - and averaged.",
  ])("takes prose for prose: %s", (sentence) => {
    expect(formulaOf(sentence)).toBeNull();
  });

  it.each([
    [
      "grey = 0.2126 R + 0.7152 G + 0.0722 B (Rec. ITU-R BT.709);",
      "grey = 0.2126 R + 0.7152 G + 0.0722 B",
    ],
    ["x_t = a * x0 + b * eps, where a is less.", "x_t = a * x0 + b * eps"],
    ["a = 1, b = 2.", "a = 1, b = 2"],
  ])("finds the formula in %s", (sentence, formula) => {
    expect(formulaOf(sentence)?.formula.trim()).toBe(formula);
  });

  it("loses no word of any node's help", () => {
    const bare = (text: string) => text.replace(/[\s`.,;:]+/g, "");
    let seen = 0;
    for (const { doc } of catalogue.nodes.values()) {
      if (!doc) continue;
      seen += 1;
      const drawn = docstring(doc)
        .map((block) =>
          block.kind === "formula"
            ? block.text
            : block.kind === "list"
              ? `- ${block.items.map((item) => item.map((piece) => piece.text).join("")).join("- ")}`
              : block.pieces.map((piece) => piece.text).join(""),
        )
        .join(" ");
      expect(bare(drawn)).toBe(bare(doc));
    }
    expect(seen).toBeGreaterThan(0);
  });
});
