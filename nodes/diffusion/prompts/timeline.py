"""Prompts that change on the way: which words are read when. No torch."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from nodes.diffusion.prompts.faults import PromptError, PromptProblem
from nodes.diffusion.prompts.syntax import (
    Alternating,
    Break,
    Embedding,
    Nodes,
    Prompt,
    PromptNode,
    Scheduled,
    Weighted,
    Words,
    walk,
)
from nodes.types import Span

_MOST = 4096  # moments that a prompt may have; each holds a text


@dataclass(frozen=True)
class Text:
    """Words of one weight."""

    text: str
    weight: float = 1.0
    at: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Vectors:
    """A textual inversion, with the weight of its place."""

    name: str
    weight: float = 1.0
    at: int = field(default=0, compare=False)


Run: TypeAlias = "Text | Vectors | Break"
Runs: TypeAlias = "tuple[Run, ...]"


@dataclass(frozen=True)
class Moment:
    """What is read of each of several texts, and when: in all of `spans`."""

    runs: tuple[Runs, ...]
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True)
class _Place:
    share: float = 0.0
    index: float = 0.0
    turn: int = 0


def moments(prompts: Sequence[Prompt], part: int = 0) -> list[Moment]:
    """When which words of the texts are read: the moments cover the whole way, none twice.

    `part` says which of the texts that AND joins. A prompt that never changes has one moment
    without spans. Shares of the steps are cut at `[a:b:0.5]`, step numbers at `[a:b:5]`, and where
    `[a|b]` takes turns there is a moment for each turn.

    Raises:
        PromptError: the turns and changes together make more than 4096 moments.
    """
    texts = [prompt.parts[part].nodes for prompt in prompts]
    nodes = [node for text in texts for node in walk(text)]
    changes = [node for node in nodes if isinstance(node, Scheduled)]
    shares = sorted({0.0, *(c.when for c in changes if c.share and 0 < c.when < 1)})
    indices = sorted({0.0, *(c.when for c in changes if not c.share and c.when > 0)})
    turns = math.lcm(1, *(len(n.options) for n in nodes if isinstance(n, Alternating)))
    if len(shares) * len(indices) * turns > _MOST:
        got = f"{len(shares) * len(indices)} stretches with {turns} turns each"
        problem = PromptProblem(0, got, f"at most {_MOST} in all", "alternate fewer things")
        raise PromptError(prompts[0].text, [problem])
    _check_weights(prompts, part)
    merges = prompts[0].syntax == "a1111"
    found: list[Moment] = []
    for first, end in _pairs(indices, math.inf):
        rows = []
        for start, stop in _pairs(shares, 1.0):
            places = (_Place(start, first, turn) for turn in range(turns))
            cycle = [tuple(_runs(text, place, merges) for text in texts) for place in places]
            rows.append((start, stop, _shortest_cycle(cycle)))
        within = () if len(indices) == 1 else (Span(first, end, "index"),)
        found.extend(_moments_of(rows, within))
    return found


def _check_weights(prompts: Sequence[Prompt], part: int) -> None:
    """Brackets in brackets multiply, and a number has an end.

    Raises:
        PromptError: a weight that is beyond it.
    """
    for prompt in prompts:
        pending = [(node, 1.0) for node in prompt.parts[part].nodes]
        while pending:
            node, weight = pending.pop()
            if isinstance(node, Weighted):
                weight = node.weight if node.absolute else weight * node.weight
                pending.extend((inner, weight) for inner in node.inside)
            elif isinstance(node, Scheduled):
                pending.extend((inner, weight) for inner in (*node.before, *node.after))
            elif isinstance(node, Alternating):
                pending.extend((inner, weight) for option in node.options for inner in option)
            elif not math.isfinite(weight):
                problem = PromptProblem(node.at, f"weight {weight:g}", "a finite weight")
                raise PromptError(prompt.text, [problem])


def _pairs(starts: Sequence[float], end: float) -> Iterator[tuple[float, float]]:
    return zip(starts, (*starts[1:], end), strict=True)


def _shortest_cycle(cycle: list[tuple[Runs, ...]]) -> list[tuple[Runs, ...]]:
    count = len(cycle)
    for size in range(1, count):
        if count % size == 0 and cycle == cycle[:size] * (count // size):
            return cycle[:size]
    return cycle


def _moments_of(
    rows: list[tuple[float, float, list[tuple[Runs, ...]]]], within: tuple[Span, ...]
) -> Iterator[Moment]:
    """Stretches with the same words in one, and a moment for each turn of each stretch."""
    joined: list[tuple[float, float, list[tuple[Runs, ...]]]] = []
    for start, stop, cycle in rows:
        if joined and joined[-1][2] == cycle:
            joined[-1] = (joined[-1][0], stop, cycle)
        else:
            joined.append((start, stop, cycle))
    for start, stop, cycle in joined:
        spans = within if (start, stop) == (0.0, 1.0) else (*within, Span(start, stop, "steps"))
        for turn, runs in enumerate(cycle):
            every = (Span(0.0, 1.0, "steps", len(cycle), turn),) if len(cycle) > 1 else ()
            yield Moment(runs, (*spans, *every))


def _runs(nodes: Nodes, place: _Place, merges: bool) -> Runs:
    """What is read at a place of the way, in the text's order, with the weights multiplied."""
    found: list[Run] = []
    pending: list[tuple[PromptNode, float]] = [(node, 1.0) for node in reversed(nodes)]
    while pending:
        node, weight = pending.pop()
        if isinstance(node, Weighted):
            weight = node.weight if node.absolute else weight * node.weight
            pending.extend((inner, weight) for inner in reversed(node.inside))
        elif isinstance(node, (Scheduled, Alternating)):
            pending.extend((inner, weight) for inner in reversed(_chosen(node, place)))
        elif isinstance(node, Break):
            found.append(node)
        else:
            found.append(_run(node, round(weight, 12)))  # 1.1 / 1.1 is 1
    return _merged(found) if merges else tuple(found)


def _chosen(node: Scheduled | Alternating, place: _Place) -> Nodes:
    if isinstance(node, Alternating):
        return node.options[place.turn % len(node.options)]
    passed = place.share if node.share else place.index
    return node.after if passed >= node.when else node.before


def _run(node: Words | Embedding, weight: float) -> Run:
    if isinstance(node, Words):
        return Text(node.text, weight, node.at)
    return Vectors(node.name, weight, node.at)


def _merged(runs: Sequence[Run]) -> Runs:
    """Words of the same weight next to each other in one: `[fe|]male` is a word."""
    found: list[Run] = []
    joined: list[str] = []
    for run in runs:
        last = found[-1] if found else None
        if isinstance(run, Text) and isinstance(last, Text) and run.weight == last.weight:
            joined.append(run.text)
            continue
        if joined and isinstance(last, Text):
            found[-1] = Text("".join((last.text, *joined)), last.weight, last.at)
        joined = []
        found.append(run)
    if joined and isinstance(found[-1], Text):
        found[-1] = Text("".join((found[-1].text, *joined)), found[-1].weight, found[-1].at)
    return tuple(found)
