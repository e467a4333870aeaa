"""The two syntaxes of prompts, read into a tree: ComfyUI's and AUTOMATIC1111's. No torch.

Both: `(a)` weighs by 1.1, `(a:1.3)` by 1.3, `\\(` is a bracket itself, `embedding:name` puts in a
textual inversion. In `comfyui` an explicit weight stands whatever is around it, and `//` and
`/* */` are comments. In `a1111` weights multiply; `[a]` divides by 1.1, `[a:b:0.5]` `[a:0.5]`
`[a::0.5]` change on the way (a share of the steps with a point, else a step's number), `[a|b]`
alternates, BREAK begins a chunk, AND parts texts that are predicted for apart, `#` begins a
comment, a backslash takes any character as it is. `<lora:name:1>`, there a command to the program,
is a fault: what is laid on a model is a node here. Any depth is read without recursion.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from nodes.diffusion.prompts.faults import PromptError, PromptProblem

SYNTAXES = ("comfyui", "a1111")
EMPHASIS = 1.1  # what a bracket alone weighs by


@dataclass(frozen=True)
class Words:
    text: str
    at: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Embedding:
    """`embedding:name`."""

    name: str
    at: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Break:
    """BREAK: what follows begins a chunk."""

    at: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Weighted:
    """`inside` times `weight`; `absolute` replaces the weight of what is around."""

    inside: Nodes
    weight: float
    absolute: bool = False


@dataclass(frozen=True)
class Scheduled:
    """`before` until `when`, then `after`: a share of the steps, or the number of a step."""

    before: Nodes
    after: Nodes
    when: float
    share: bool


@dataclass(frozen=True)
class Alternating:
    """One of the options at each step, in turn."""

    options: tuple[Nodes, ...]


PromptNode: TypeAlias = "Words | Embedding | Break | Weighted | Scheduled | Alternating"
Nodes: TypeAlias = "tuple[PromptNode, ...]"


@dataclass(frozen=True)
class Part:
    """One of the texts that AND joins, with its weight."""

    nodes: Nodes
    weight: float = 1.0


@dataclass(frozen=True)
class Prompt:
    """A prompt as it was read."""

    text: str
    syntax: str
    parts: tuple[Part, ...]


def parse(text: str, syntax: str) -> Prompt:
    """Read a prompt.

    Raises:
        PromptError: with every fault in it.
    """
    parser = _Parser(text, syntax)
    parts = parser.parts()
    if parser.problems:
        raise PromptError(text, parser.problems)
    return Prompt(text, syntax, parts)


def escape(text: str, syntax: str) -> str:
    """`text` so that `parse` reads it as nothing but words: the words `text`, also before the `:`
    of a weight, which after the word `embedding` would name a file."""
    if syntax == "comfyui":  # which has no escape for a letter: an empty comment parts the two
        escaped = re.sub(r"[():]|/(?=[/*])|(?<=\\)/", r"\\\g<0>", text)
        return re.sub(r"(?<![\w\\-])embedding\Z", r"\g<0>/**/", escaped)
    return re.sub(r"[\\()\[\]:|#]|\bAND\b|\bBREAK\b|(?<![\w\\-])embedding\Z", r"\\\g<0>", text)


def walk(nodes: Sequence[PromptNode]) -> Iterator[PromptNode]:
    """All nodes of a tree, in the text's order."""
    pending = list(reversed(nodes))
    while pending:
        found = pending.pop()
        yield found
        if isinstance(found, Weighted):
            pending.extend(reversed(found.inside))
        elif isinstance(found, Scheduled):
            pending.extend(reversed((*found.before, *found.after)))
        elif isinstance(found, Alternating):
            pending.extend(node for option in reversed(found.options) for node in reversed(option))


_NAME = r"embedding:((?:\\[^\s]|[^\s,()\\:%s])+)"
SPECIAL = {
    "comfyui": re.compile(
        r"(?P<escaped>\\[()/:])|(?P<comment>//[^\n]*|/\*[\s\S]*?(?:\*/|\Z))"
        r"|(?<![\w\\-])" + _NAME % "" + r"|(?P<mark>[():])"
    ),
    "a1111": re.compile(
        r"(?P<escaped>\\(?:.|\n|\Z))|(?P<comment>#[^\n]*)|(?P<word>\b(?:AND|BREAK)\b)"
        r"|(?P<network><(?:lora|lyco|hypernet):[^<>\n]*>)"
        r"|(?<![\w\\-])" + _NAME % r"\[\]|#" + r"|(?P<mark>[()\[\]:|])"
    ),
}
"""What is no plain word, by syntax."""
_CLOSING = {"(": ")", "[": "]"}
_OPENING = {")": "(", "]": "["}
_NUMBER = re.compile(r"\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\s*")
_LIKE_NUMBER = re.compile(r"\s*[+-]?[\d.][\d.,+-]*%?\s*")
_LAST_WEIGHT = re.compile(r"\s*:\s*([+-]?(?:\d+\.?\d*|\.\d+))\s*")


@dataclass(frozen=True)
class _Mark:
    """A `:` or `|` that may part what is in a bracket, or an AND."""

    sign: str
    at: int


@dataclass
class _Frame:
    """A bracket that is still open; the outermost has none."""

    bracket: str
    at: int
    items: list[PromptNode | _Mark] = field(default_factory=list)


class _Parser:
    def __init__(self, text: str, syntax: str) -> None:
        self.text = text
        self.syntax = syntax
        self.problems: list[PromptProblem] = []
        self.frames = [_Frame("", 0)]
        self.open = {"(": 0, "[": 0}

    def fault(self, at: int, got: str, expected: str, hint: str = "") -> None:
        self.problems.append(PromptProblem(at, got, expected, hint))

    def parts(self) -> tuple[Part, ...]:
        self._read()
        while len(self.frames) > 1:
            self._unclosed(self.frames[-1], "the end")
        items = self.frames[0].items
        cuts = [k for k, i in enumerate(items) if isinstance(i, _Mark) and i.sign == "AND"]
        if not cuts:
            return (Part(self._literal(items)),)
        edges = zip([-1, *cuts], [*cuts, len(items)], strict=True)
        return tuple(self._part(items[a + 1 : b]) for a, b in edges)

    def _read(self) -> None:
        place = 0
        for found in SPECIAL[self.syntax].finditer(self.text):
            self._words(self.text[place : found.start()], place)
            place = found.end()
            self._special(found)
        self._words(self.text[place:], place)

    def _words(self, text: str, at: int) -> None:
        if text:
            self.frames[-1].items.append(Words(text, at))

    def _special(self, found: re.Match[str]) -> None:
        sign, at = found[0], found.start()
        if found.lastgroup == "escaped":
            if len(sign) == 1:
                self.fault(at, "a backslash at the end", "a character after it", "write \\\\")
            self._words(sign[1:], at + 1)
        elif found.lastgroup == "comment":
            if sign.startswith("/*") and not (sign.endswith("*/") and len(sign) > 3):
                self.fault(at, "'/*' without an end", "'*/' after it")
        elif found.lastgroup == "word":
            self._keyword(sign, at)
        elif found.lastgroup == "network":
            kind = "hypernetwork" if sign.startswith("<hypernet") else "lora"
            hint = f"{kind}.load and {kind}.apply lay it on the model; \\< is the sign itself"
            self.fault(at, repr(sign), "a prompt without it", hint)
        elif found.lastgroup == "mark":
            self._mark(sign, at)
        else:
            name = re.sub(r"\\(.)", r"\1", sign.partition(":")[2])
            self.frames[-1].items.append(Embedding(name, at))

    def _keyword(self, word: str, at: int) -> None:
        if word == "BREAK":
            self.frames[-1].items.append(Break(at))
        elif len(self.frames) > 1:
            frame = self.frames[-1]
            inside = f"AND inside the {frame.bracket!r} {self._at(frame.at)}"
            self.fault(at, inside, "AND outside of all brackets", "write \\AND for the word")
        else:
            self.frames[-1].items.append(_Mark("AND", at))

    def _mark(self, sign: str, at: int) -> None:
        if sign in _CLOSING:
            self.frames.append(_Frame(sign, at))
            self.open[sign] += 1
        elif sign in _OPENING:
            self._closing(sign, at)
        else:
            self.frames[-1].items.append(_Mark(sign, at))

    def _closing(self, sign: str, at: int) -> None:
        wanted = _OPENING[sign]
        if not self.open[wanted]:
            hint = f"write \\{sign} for the sign itself"
            self.fault(at, f"{sign!r}", f"a {wanted!r} before it", hint)
            return
        while self.frames[-1].bracket != wanted:
            self._unclosed(self.frames[-1], f"{sign!r} {self._at(at)}")
        self._close()

    def _unclosed(self, frame: _Frame, before: str) -> None:
        wanted = _CLOSING[frame.bracket]
        hint = f"write \\{frame.bracket} for the sign itself"
        self.fault(frame.at, f"{frame.bracket!r}", f"{wanted!r} for it before {before}", hint)
        self.frames.pop()
        self.open[frame.bracket] -= 1

    def _at(self, at: int) -> str:
        error = PromptError(self.text, ())
        return "at " + error.where(PromptProblem(at, "", ""))

    def _close(self) -> None:
        """The last bracket ends: what it meant goes into the one around it."""
        frame = self.frames.pop()
        self.open[frame.bracket] -= 1
        read = self._round if frame.bracket == "(" else self._square
        self.frames[-1].items.append(read(frame))

    def _round(self, frame: _Frame) -> PromptNode:
        items = frame.items
        cut = _last(items, ":")
        if cut is not None:
            number = self._number(items[cut + 1 :])
            if number is not None:
                own = self.syntax == "comfyui"
                return Weighted(self._literal(items[:cut]), number, absolute=own)
            mark = items[cut]
            if _is_blank(items[cut + 1 :]) and isinstance(mark, _Mark):
                self.fault(
                    mark.at, "':' and nothing after it", "a weight", "\\: is the sign itself"
                )
        return Weighted(self._literal(items), EMPHASIS)

    def _square(self, frame: _Frame) -> PromptNode:
        items = frame.items
        if any(isinstance(item, _Mark) and item.sign == "|" for item in items):
            return self._alternating(frame)
        fields = _split(items, ":")
        if len(fields) == 1:
            return Weighted(self._literal(items), 1 / EMPHASIS)
        last = fields[-1]
        number = self._number(last)
        if number is None:
            if len(fields) == 2 and not _is_blank(last):
                return Weighted(self._literal(items), 1 / EMPHASIS)  # `[artist:name]`
            hint = "when to change: a share of the steps such as 0.5, or a step's number"
            got = f"{_source(last)!r} after the last ':' of '[ ]'"
            self.fault(frame.at, got, "a number", hint)
            return Words("")
        if len(fields) > 3:
            hint = "[before:after:when]; write \\: for the sign itself"
            self.fault(frame.at, f"{len(fields) - 1} texts in '[ ]'", "one or two", hint)
            return Words("")
        before = () if len(fields) == 2 else self._literal(fields[0])
        return self._scheduled(before, self._literal(fields[-2]), number, last, frame)

    def _scheduled(
        self, before: Nodes, after: Nodes, number: float, items: Sequence[object], frame: _Frame
    ) -> PromptNode:
        share = not _source(items).strip().lstrip("+-").isdigit()
        at = next((item.at for item in items if isinstance(item, Words)), frame.at)
        if number < 0 or (share and number > 1):
            hint = "a weight is written (text:1.2)"
            self.fault(at, f"{number:g}", "a share of 0.0..1.0, or a whole step number", hint)
        return Scheduled(before, after, number, share)

    def _alternating(self, frame: _Frame) -> PromptNode:
        options = _split(frame.items, "|")
        fields = _split(options[-1], ":")
        if len(fields) > 1 and self._number(fields[-1]) is not None:
            got = "'|' and ':' with a number in one '[ ]'"
            hint = "put one inside the other, such as [[a|b]:c:0.5]; \\: is the sign itself"
            self.fault(frame.at, got, "one of them", hint)
        return Alternating(tuple(self._literal(option) for option in options))

    def _number(self, items: Sequence[PromptNode | _Mark]) -> float | None:
        """The number that items are, or None where they are text."""
        if not items or not all(isinstance(item, Words) for item in items):
            return None
        text, at = _source(items), items[0].at if isinstance(items[0], Words) else 0
        at += len(text) - len(text.lstrip())
        if not _NUMBER.fullmatch(text):
            if _LIKE_NUMBER.fullmatch(text):
                hint = "write \\: before what is no number"
                self.fault(at, f"{text.strip()!r}", "a number such as 1.2", hint)
                return 1.0
            return None
        if not math.isfinite(float(text)):
            self.fault(at, f"{text.strip()!r}", "a finite number")
            return 1.0
        return float(text)

    def _part(self, items: list[PromptNode | _Mark]) -> Part:
        """One text between ANDs, with the weight at its end: `a cat :1.2`."""
        cut = _last(items, ":")
        if cut is not None:
            number = self._number(items[cut + 1 :])
            if number is not None:
                return Part(self._literal(items[:cut]), number)
        return Part(self._literal(items))

    def _literal(self, items: Sequence[PromptNode | _Mark]) -> Nodes:
        """Items with marks that part nothing as text again, and text next to text in one."""
        found: list[PromptNode] = []
        run: list[Words] = []
        for item in (*items, None):
            if isinstance(item, _Mark):
                item = Words(item.sign, item.at)
            if isinstance(item, Words):
                run.append(item)
                continue
            if run:
                found.append(Words("".join(words.text for words in run), run[0].at))
                run = []
            if item is not None:
                found.append(item)
        return tuple(found)


def _last(items: Sequence[object], sign: str) -> int | None:
    for k in range(len(items) - 1, -1, -1):
        item = items[k]
        if isinstance(item, _Mark) and item.sign == sign:
            return k
    return None


def _split(items: Sequence[PromptNode | _Mark], sign: str) -> list[list[PromptNode | _Mark]]:
    found: list[list[PromptNode | _Mark]] = [[]]
    for item in items:
        if isinstance(item, _Mark) and item.sign == sign:
            found.append([])
        else:
            found[-1].append(item)
    return found


def _source(items: Sequence[object]) -> str:
    return "".join(item.text for item in items if isinstance(item, Words))


def _is_blank(items: Sequence[object]) -> bool:
    return all(isinstance(item, Words) and not item.text.strip() for item in items)
