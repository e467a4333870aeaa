"""Dynamic prompts: a text with choices and wildcards becomes one of many texts. No torch.

`{a|b}` is one of them, `{2$$a|b|c}` two, `{1-2$$ and $$a|b|c}` one or two with ` and ` between
them; `{0.3::a|b}` weighs a 0.3 and b 1; `__name__` is a line of a wildcard. Choices nest, empty
ones count, and `\\{` is the sign itself. All else stays as it is written: weights and brackets are
left to whoever reads the prompt.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations, product
from typing import TypeAlias, TypeVar

from nodes.diffusion.prompts.faults import PromptError, PromptProblem

Lines = Callable[[str], Sequence[str]]
"""A wildcard's lines by its name; raises LookupError, with what to do, where there is none."""


@dataclass(frozen=True)
class Wildcard:
    """`__name__`."""

    name: str
    at: int


@dataclass(frozen=True)
class Choice:
    """`{...}`: from `fewest` to `most` of the options, in the order written, `between` between.

    `options` are those that can be chosen at all: of weights above 0.
    """

    options: tuple[Pieces, ...]
    weights: tuple[float, ...]
    fewest: int
    most: int
    between: str
    at: int


Piece: TypeAlias = "str | Choice | Wildcard"
Pieces: TypeAlias = "tuple[Piece, ...]"

_SPECIAL = re.compile(r"\\[{}|\\_]|[{}|]|__([^\s{}|$,:()\[\]\\]+?)__")
_HEAD = re.compile(r"(\d{0,6})(-?)(\d{0,6})\$\$(?:((?:[^${}|\\]|\$(?!\$))*)\$\$)?")
_WEIGHT = re.compile(r"\s*(\d{1,9}\.?\d{0,9}|\.\d{1,9})::")

_T = TypeVar("_T")


@dataclass
class _Frame:
    at: int
    options: list[list[Piece]] = field(default_factory=lambda: [[]])
    starts: list[int] = field(default_factory=list)


def parse(text: str) -> Pieces:
    """Read a dynamic prompt.

    Raises:
        PromptError: with every fault in it.
    """
    problems: list[PromptProblem] = []
    frames = [_Frame(0)]
    place = 0
    for found in _SPECIAL.finditer(text):
        _add(frames[-1], text[place : found.start()])
        place = found.end()
        sign, at = found[0], found.start()
        if sign[0] == "\\":
            # What means something to the prompt's own syntax keeps its backslash.
            own = "{}_|" if len(frames) > 1 else "{}_"
            _add(frames[-1], sign[1] if sign[1] in own else sign)
        elif found[1]:
            frames[-1].options[-1].append(Wildcard(found[1], at))
        elif sign == "{":
            frames.append(_Frame(at, starts=[found.end()]))
        elif sign == "|":
            _bar(frames, at)
        elif len(frames) == 1:
            problems.append(
                PromptProblem(at, "'}'", "a '{' before it", "write \\} for the sign itself")
            )
        else:
            frame = frames.pop()
            frames[-1].options[-1].append(_choice(text, frame, problems))
    _add(frames[-1], text[place:])
    for frame in frames[1:]:
        hint = "write \\{ for the sign itself"
        problems.append(PromptProblem(frame.at, "'{'", "'}' for it before the end", hint))
    if problems:
        raise PromptError(text, problems)
    return tuple(frames[0].options[0])


def _add(frame: _Frame, text: str) -> None:
    if text:
        frame.options[-1].append(text)


def _bar(frames: list[_Frame], at: int) -> None:
    if len(frames) == 1:
        _add(frames[0], "|")  # outside of braces: alternation, or the matrix's
    else:
        frames[-1].options.append([])
        frames[-1].starts.append(at + 1)


def _choice(text: str, frame: _Frame, problems: list[PromptProblem]) -> Choice:
    """What stands in braces: a head, options, and their weights."""
    options = frame.options
    count = len(options)
    fewest, most, between = 1, 1, ", "
    head = _HEAD.match(text, frame.starts[0])
    first = options[0][0] if options[0] else ""
    if head and (head[1] or head[2] or head[3]):
        if not isinstance(first, str) or not first.startswith(head[0]):
            problems.append(PromptProblem(frame.at, f"{head[0]!r}", "plain text between '$$'"))
            return Choice((), (), 0, 0, "", frame.at)
        low, dash, high = head[1], head[2], head[3]
        fewest = int(low) if low else 1
        most = int(high) if high else count if dash else fewest
        between = ", " if head[4] is None else head[4]
        options[0][0] = first[len(head[0]) :]
        if fewest > most or most > count:
            got = f"{fewest} to {most} of {count} options" if dash else f"{most} of {count} options"
            problems.append(PromptProblem(frame.at, got, f"at most {count}, and a rising range"))
            fewest = most = 0
    weights = [_weight(option) for option in options]
    kept = [k for k, weight in enumerate(weights) if weight > 0 and most > 0]
    if len(kept) < most:
        got = f"{len(kept)} options of weight above 0"
        problems.append(PromptProblem(frame.at, got, f"at least {most}"))
    offered = tuple(tuple(options[k]) for k in kept)
    return Choice(offered, tuple(weights[k] for k in kept), fewest, most, between, frame.at)


def _weight(option: list[Piece]) -> float:
    """The weight before an option, which is cut off it."""
    if not option or not isinstance(option[0], str):
        return 1.0
    found = _WEIGHT.match(option[0])
    if not found:
        return 1.0
    option[0] = option[0][found.end() :]
    return float(found[1])


class Variants:
    """All that a dynamic prompt can become. `lines` reads wildcards.

    Raises PromptError when it is made: for faults in the text, and for a wildcard that is not
    there, that has a fault in a line, or that leads back to itself.
    """

    def __init__(self, text: str, lines: Lines) -> None:
        self.pieces = parse(text)
        self._lines: dict[str, tuple[Pieces, ...]] = {}
        problems = []
        for wildcard in _wildcards(self.pieces):
            try:
                self._read(wildcard.name, lines)
            except LookupError as error:
                got = f"wildcard __{wildcard.name}__"
                hint = str(error.args[0])
                problems.append(PromptProblem(wildcard.at, got, "one that can be read", hint))
        if problems:
            raise PromptError(text, problems)

    def _read(self, name: str, lines: Lines) -> None:
        """Read a wildcard, and all that its lines lead to.

        Raises:
            LookupError: one of them cannot be read, or leads back to itself.
        """
        trail: dict[str, Iterator[str]] = {}
        entering: str | None = name
        while entering is not None or trail:
            if entering is None:
                last = next(reversed(trail))
                entering = next(trail[last], None)
                if entering is None:
                    del trail[last]
            elif entering in trail:
                raise LookupError(f"{' → '.join([*trail, entering])} would never end")
            else:
                if entering not in self._lines:
                    self._lines[entering] = _parsed_lines(entering, lines)
                    inside = [w.name for line in self._lines[entering] for w in _wildcards(line)]
                    trail[entering] = iter(dict.fromkeys(inside))
                entering = None

    def random(self, seed: int) -> str:
        """One of them; a seed always gives the same. Options are drawn by weight, lines evenly."""
        source = random.Random(seed)
        found: list[str] = []
        pending: list[Piece] = list(reversed(self.pieces))
        while pending:
            piece = pending.pop()
            if isinstance(piece, str):
                found.append(piece)
            elif isinstance(piece, Wildcard):
                pending.extend(reversed(source.choice(self._lines[piece.name])))
            else:
                pending.extend(reversed(_laid(piece, _drawn(piece, source))))
        return "".join(found)

    def count(self) -> int:
        """How many there are, equal ones counted as often as they come."""
        return self._folded(_one, _product, _ways)

    def every(self) -> list[str]:
        """All of them, each once; what stands left changes slowest."""
        found: list[str] = self._folded(
            lambda text: [text],
            lambda parts: ["".join(chosen) for chosen in product(*parts)],
            lambda choice, parts: [
                choice.between.join(chosen)
                for selected in _selections(choice, parts)
                for chosen in product(*selected)
            ],
        )
        return list(dict.fromkeys(found))

    def _folded(
        self,
        of_text: Callable[[str], _T],
        of_row: Callable[[list[_T]], _T],
        of_choice: Callable[[Choice, list[_T]], _T],
    ) -> _T:
        """A value worked out from the innermost choices outwards. A wildcard is the choice of one
        of its lines."""
        done: dict[int, _T] = {}
        pending = [self.pieces]
        while pending:
            row = pending[-1]
            inner = [o for p in row if not isinstance(p, str) for o in self._choice(p).options]
            waiting = [option for option in inner if id(option) not in done]
            if waiting:
                pending.extend(waiting)
                continue
            pending.pop()
            values = []
            for piece in row:
                if isinstance(piece, str):
                    values.append(of_text(piece))
                else:
                    choice = self._choice(piece)
                    values.append(of_choice(choice, [done[id(o)] for o in choice.options]))
            done[id(row)] = of_row(values)
        return done[id(self.pieces)]

    def _choice(self, piece: Choice | Wildcard) -> Choice:
        if isinstance(piece, Choice):
            return piece
        lines = self._lines[piece.name]
        return Choice(lines, (1.0,) * len(lines), 1, 1, "", piece.at)


def _parsed_lines(name: str, lines: Lines) -> tuple[Pieces, ...]:
    found = []
    for number, line in enumerate(lines(name), start=1):
        try:
            found.append(parse(line))
        except PromptError as error:
            raise LookupError(f"line {number} of {name}: {error}") from None
    if not found:
        raise LookupError(f"{name} has no lines")
    return tuple(found)


def _one(text: str) -> int:
    return 1


def _product(counts: Sequence[int]) -> int:
    return math.prod(counts)


def _selections(choice: Choice, values: Sequence[_T]) -> Iterator[tuple[_T, ...]]:
    """The options' values in every way to choose."""
    for size in range(choice.fewest, choice.most + 1):
        yield from combinations(values, size)


def _ways(choice: Choice, counts: Sequence[int]) -> int:
    """How many texts a choice has whose options have `counts`: elementary symmetric polynomials."""
    ways = [1] + [0] * choice.most
    for count in counts:
        for size in range(choice.most, 0, -1):
            ways[size] += count * ways[size - 1]
    return sum(ways[choice.fewest :])


def _laid(choice: Choice, chosen: Sequence[int]) -> list[Piece]:
    found: list[Piece] = []
    for number, index in enumerate(chosen):
        found += [choice.between] if number else []
        found += choice.options[index]
    return found


def _drawn(choice: Choice, source: random.Random) -> list[int]:
    """Which options, in the order written: drawn one by one without putting back."""
    wanted = source.randint(choice.fewest, choice.most)
    left = list(range(len(choice.options)))
    chosen = []
    for _ in range(wanted):
        index = source.choices(left, [choice.weights[k] for k in left])[0]
        left.remove(index)
        chosen.append(index)
    return sorted(chosen)


def _wildcards(pieces: Pieces) -> Iterator[Wildcard]:
    pending = list(reversed(pieces))
    while pending:
        piece = pending.pop()
        if isinstance(piece, Wildcard):
            yield piece
        elif isinstance(piece, Choice):
            pending.extend(p for option in reversed(piece.options) for p in reversed(option))
