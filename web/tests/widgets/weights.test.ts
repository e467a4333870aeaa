import { describe, expect, it } from "vitest";
import { type Syntax, spans, weigh } from "../../src/widgets/weights";

/** `|` marks the cursor, `<` and `>` the ends of a selection. */
function changed(marked: string, by: number, syntax: Syntax = "comfyui"): string | null {
  const from = marked.includes("<") ? marked.indexOf("<") : marked.indexOf("|");
  const to = marked.includes(">") ? marked.indexOf(">") - 1 : from;
  const text = marked.replace(/[<>|]/g, "");
  const change = weigh(text, from, to, by, syntax);
  if (!change) return null;
  const made = text.slice(0, change.from) + change.insert + text.slice(change.to);
  const [a, b] = change.select;
  return `${made.slice(0, a)}<${made.slice(a, b)}>${made.slice(b)}`;
}

describe("changing a weight", () => {
  it("weighs the word at the cursor", () => {
    expect(changed("a re|d circle", 0.05)).toBe("a (<red>:1.05) circle");
    expect(changed("a red| circle", -0.05)).toBe("a (<red>:0.95) circle");
  });

  it("weighs a selection, without the spaces at its ends", () => {
    expect(changed("a< red circle >on", 0.05)).toBe("a (<red circle>:1.05) on");
  });

  it("goes on from the weight that is there", () => {
    expect(changed("a (re|d:1.05) circle", 0.05)).toBe("a (<red>:1.1) circle");
    expect(changed("a (<red>:1.05) circle", 0.05)).toBe("a (<red>:1.1) circle");
    expect(changed("a <(red:1.05)> circle", 0.05)).toBe("a (<red>:1.1) circle");
    expect(changed("a (re|d) circle", 0.05)).toBe("a (<red>:1.15) circle");
  });

  it("takes the brackets away at 1", () => {
    expect(changed("a (re|d:1.05) circle", -0.05)).toBe("a <red> circle");
    expect(changed("a (<red>:0.95) circle", 0.05)).toBe("a <red> circle");
  });

  it("chooses the nearest brackets", () => {
    expect(changed("(a (re|d:1.2) b:0.5)", 0.1)).toBe("(a (<red>:1.3) b:0.5)");
    expect(changed("((a) re|d:0.5)", 0.1)).toBe("(<(a) red>:0.6)");
  });

  it("leaves escaped brackets and empty places alone", () => {
    expect(changed("smile \\(ha|ppy\\)", 0.05)).toBe("smile \\((<happy>:1.05)\\)");
    expect(changed("a , | , b", 0.05)).toBeNull();
  });

  it("comes back to where it began", () => {
    let text = "a red circle";
    for (const by of [0.05, 0.05, 0.05, -0.05, -0.05, -0.05]) {
      const change = weigh(text, text.indexOf("red") + 1, text.indexOf("red") + 1, by, "comfyui");
      if (change) text = text.slice(0, change.from) + change.insert + text.slice(change.to);
    }
    expect(text).toBe("a red circle");
  });
});

describe("where weights hold", () => {
  const told = (text: string, syntax: Syntax) =>
    spans(text, syntax).map(({ from, to, weight }) => [
      text.slice(from, to),
      Math.round(weight * 1000) / 1000,
    ]);

  it("multiplies within", () => {
    expect(told("a (b (c:2):1.5) d", "comfyui")).toEqual([
      ["(b ", 1.5],
      ["(c:2)", 3],
      [":1.5)", 1.5],
    ]);
    expect(told("((x))", "comfyui").map(([, weight]) => weight)).toEqual([1.1, 1.21, 1.1]);
  });

  it("reads square brackets in one syntax only", () => {
    expect(told("a [b] c", "comfyui")).toEqual([]);
    expect(told("a [b] c", "a1111")).toEqual([["[b]", 0.909]]);
  });

  it("takes a change on the way for no weight", () => {
    expect(told("[cat:dog:0.5] [a|b]", "a1111")).toEqual([]);
  });

  it("ignores brackets that are open or escaped", () => {
    expect(told("a (b", "comfyui")).toEqual([]);
    expect(told("a \\(b\\)", "comfyui")).toEqual([]);
    expect(told("a) (b)", "comfyui")).toEqual([["(b)", 1.1]]);
  });
});
