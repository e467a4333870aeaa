"""What each translation makes, found out by trying it: patterns of nodes that can be looked for.

A translation is called with wires that lead nowhere (holes) and with values that are easy to tell
from each other, twice with other values. What is the same both times is fixed; what changes with a
value is that value, or one worked out of it in a way that is known (`WAYS`). Imports `registry`,
`formats.comfyui.*` below it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice, product
from typing import Any

from nodeflow.formats.comfyui.build import (
    ANYTHING,
    Build,
    Folders,
    Growing,
    Later,
    Refused,
    Stand,
    Wire,
)
from nodeflow.formats.comfyui.prompt import PromptNode
from nodeflow.formats.comfyui.spec import PLAIN, ComfyNode, Input, Table
from nodeflow.graph import Link
from nodeflow.registry import Registry

CANVAS = -1
"""As the call of a `Ref`: the size of the picture, which a prompt tells elsewhere."""
HOLE = "$"
"""As the node of a link: what an input of a prompt's node brings; `ANYTHING` is not looked at."""
_MOST_CHOICES = 48
_FILE = "file:"
Given = Mapping[str, Any]


@dataclass(frozen=True)
class Way:
    """How a literal of ours comes from one of theirs, and back."""

    there: Callable[[Any], Any]
    back: Callable[[Any], Any]


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def _from_colour(text: str) -> int:
    if not re.fullmatch("#[0-9a-f]{6}", text):
        raise ValueError(text)
    return int(text[1:], 16)


def _plain_text(text: str) -> str:
    return text.replace("\\(", "(").replace("\\)", ")")


def _escaped(text: str) -> str:
    return text.replace("(", "\\(").replace(")", "\\)")


def _from_file(text: str) -> str:
    return str(text)


WAYS: dict[str, Way] = {
    "same": Way(lambda x: x, lambda x: x),
    "rest": Way(lambda x: round(1.0 - float(x), 12), lambda x: round(1.0 - float(x), 12)),
    "eighth": Way(lambda x: x // 8, lambda x: x * 8),
    "more": Way(lambda x: x + 1, lambda x: x - 1),
    "half": Way(lambda x: (x - 1) // 2, lambda x: 2 * x + 1),
    "colour": Way(lambda x: f"#{x:06x}", _from_colour),
    "numbers": Way(_numbers, lambda x: ", ".join(map(str, x))),
    "weights": Way(lambda x: f"{x}.safetensors", lambda x: x.removesuffix(".safetensors")),
    "escaped": Way(_plain_text, _escaped),
    "file": Way(lambda x: _FILE + x, _from_file),
}


@dataclass(frozen=True)
class Ref:
    """The literal of a prompt's node, by the number of the node in the pattern and its input."""

    call: int
    input: str
    way: str = "same"
    allowed: tuple[Any, ...] = ()
    """The values for which the pattern holds; all of them if empty."""


@dataclass(frozen=True)
class Fixed:
    value: Any


@dataclass
class Part:
    """One of our nodes in a pattern."""

    type: str
    params: dict[str, Fixed | Ref]
    links: dict[str, Any]
    """Links or tuples of them; their nodes are parts, `HOLE` or `ANYTHING`."""


@dataclass
class Call:
    """One of their nodes in a pattern."""

    spec: ComfyNode
    inputs: dict[str, Any] = field(default_factory=dict)
    """Of inputs with a fixed value: that; of those that another call feeds: a `Link` to it."""


@dataclass
class Pattern:
    calls: list[Call]
    parts: dict[str, Part]
    outputs: tuple[Link | None, ...]
    """What each output of the first call is."""
    anchors: dict[int, str]
    """The part that has the name of each call's node."""
    owner: dict[str, int]
    """The call that made each part."""
    differs: str = ""
    """What is not quite the same, of one of ours that comes near (`own`)."""
    own: bool = False

    @property
    def anchor(self) -> str:
        return self.anchors.get(0, "") or next(iter(self.parts))

    @property
    def holes(self) -> set[tuple[int, str]]:
        """The inputs whose wires it reads."""
        found = set()
        for part in self.parts.values():
            for source in part.links.values():
                for link in source if isinstance(source, tuple) else (source,):
                    if link.node == HOLE:
                        call, _, name = link.port.partition(".")
                        found.add((int(call), name))
        return found

    @property
    def spec(self) -> ComfyNode:
        return self.calls[0].spec


class _Probing(Build):
    """A translation that is tried."""

    def file(self, name: str, home: str = "input") -> str:
        return _FILE + str(self.literal(name))


def patterns(table: Table, registry: Registry) -> list[Pattern]:
    """Those of the whole table, and of what comes near (`table.near`)."""
    found: list[Pattern] = []
    for own, specs in ((False, table.nodes.values()), (True, table.near)):
        for spec in specs:
            if spec.open_ended:
                continue
            found += _Prober(spec, replace(table, carriers={}), registry, own).run()
    return found


class _Prober:
    def __init__(self, spec: ComfyNode, table: Table, registry: Registry, own: bool) -> None:
        self.spec = spec
        self.table = table
        self.registry = registry
        self.own = own
        self.found: dict[Any, Pattern] = {}

    def run(self) -> list[Pattern]:
        named = [i for i in self.spec.inputs.values() if i.source == "samplers"]
        names = self._kinds(named[0]) if named else [{}]
        for nested in self._nestings():
            for fixed in names:
                self._choices(nested, fixed)
        return list(self.found.values())

    def _nestings(self) -> Iterator[dict[str, ComfyNode]]:
        """Without, and with each node whose doing shows only where its output goes."""
        yield {}
        for input, names in self.table.joined.get(self._name(), {}).items():
            for name in names:
                yield {input: self.table.nodes[name]}

    def _name(self) -> str:
        return f"near {self.spec.name}" if self.own else self.spec.name

    def _kinds(self, input: Input) -> list[Given]:
        """The names of samplers, those together that make the same nodes."""
        kinds: dict[Any, list[str]] = {}
        for name in self.table.options(input):
            pattern = self._try({}, {input.name: name}, ())
            if pattern is not None:
                kinds.setdefault(_shape(pattern, name), []).append(name)
            else:
                kinds.setdefault(name, []).append(name)
        return [{input.name: _Several(tuple(names))} for names in kinds.values()]

    def _choices(self, nested: Mapping[str, ComfyNode], fixed: Given) -> None:
        """All choices of the node, and the values at which translations turn another way."""
        inputs = self.spec.inputs.values()
        closed = [i for i in inputs if i.type == "BOOLEAN" or (i.type == "COMBO" and i.options)]
        closed = [i for i in closed if i.name not in fixed]
        options = [_ordered(i) for i in closed]
        absent = [i.name for i in inputs if not i.required and not i.literal]
        leaves = [set(c) for c in _subsets(absent)]
        chosen = islice(product(*options), _MOST_CHOICES)
        for count, (choice, left) in enumerate(product(chosen, leaves)):
            given = {**fixed, **{i.name: v for i, v in zip(closed, choice, strict=True)}}
            plain = self._settle(nested, given, left)
            if count == 0 and not nested:
                for input in inputs:
                    for value in _special(input):
                        self._settle(nested, {**given, input.name: value}, left, plain)

    def _settle(
        self,
        nested: Mapping[str, ComfyNode],
        given: Given,
        left: Any,
        plain: Pattern | None = None,
    ) -> Pattern | None:
        """Where a translation refuses a value, with that input at its default."""
        tried = dict(given)
        for _ in range(4):
            told: list[str] = []
            found = self._try(nested, tried, left, told, plain)
            if found is not None or not told:
                return found
            input = self.spec.inputs.get(told[0])
            if input is not None and input.literal and input.name not in tried:
                tried[input.name] = _Listed() if input.type == "STRING" else input.default
            else:  # it may be the others that do not go with this one
                tried = {**self._numbers(), **tried}
        return None

    def _numbers(self) -> dict[str, Any]:
        inputs = self.spec.inputs.values()
        return {i.name: i.default for i in inputs if i.type in ("INT", "FLOAT")}

    def _keep(self, pattern: Pattern, plain: Pattern | None) -> None:
        if not pattern.parts or self._worked_out(pattern):
            return
        if plain is None or not _within_reach(pattern, plain, self.spec):
            self.found.setdefault(_shape(pattern), pattern)

    def _worked_out(self, pattern: Pattern) -> bool:
        """Whether nothing of what it makes tells what it was made of."""
        values = (p for part in pattern.parts.values() for p in part.params.values())
        said = pattern.holes or any(isinstance(value, Ref) for value in values)
        return not said and any(
            i.type in ("STRING", "INT", "FLOAT") for i in self.spec.inputs.values()
        )

    def _try(
        self,
        nested: Mapping[str, ComfyNode],
        given: Given,
        left: Any,
        told: list[str] | None = None,
        plain: Pattern | None = None,
    ) -> Pattern | None:
        """The first pattern of a choice; all that differ by what a hole tells are kept."""
        best: Pattern | None = None
        for how in range(self._tellings()):
            for likes in (False, True):
                pattern, later = self._pattern(nested, given, left, how, likes, told)
                if pattern is not None:
                    best = best or pattern
                    if told is not None:
                        self._keep(pattern, plain)
                if not later:
                    break
        return best

    def _tellings(self) -> int:
        counts = [
            len(self.table.holes[i.type](Wire(Link(HOLE, ""))))
            for i in self.spec.inputs.values()
            if i.type in self.table.holes
        ]
        return math.prod(counts)

    def _pattern(
        self,
        nested: Mapping[str, ComfyNode],
        given: Given,
        left: Any,
        how: int,
        likes: bool,
        told: list[str] | None,
    ) -> tuple[Pattern | None, bool]:
        """The pattern of two tries, and whether outputs may be made for more than they need."""
        tries = []
        for second in (False, True):
            run = _Run(self, nested, given, left, how, likes, second)
            try:
                tries.append(run.made())
            except Refused as refused:
                if told is not None:
                    told += [getattr(p, "input", "") for p in refused.problems]
                return None, False
            except (LookupError, AttributeError, TypeError, ValueError, ArithmeticError):
                return None, False  # the translation wants to know more than a hole tells
        return _compared(tries[0], tries[1], self.own), tries[0].later and not likes


@dataclass(frozen=True)
class _Several:
    """Names that a translation treats alike."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class _Listed:
    """A text that is a list of numbers."""


class _Run:
    """One try: the nodes that a translation makes of holes and of values."""

    def __init__(
        self,
        prober: _Prober,
        nested: Mapping[str, ComfyNode],
        given: Given,
        left: Any,
        how: int,
        likes: bool,
        second: bool,
    ) -> None:
        self.prober, self.nested, self.given, self.left = prober, nested, given, left
        self.how, self.likes, self.second = how, likes, second
        self.literals: dict[tuple[int, str], Any] = {}
        self.allowed: dict[tuple[int, str], tuple[str, ...]] = {}
        self.calls: list[Call] = []
        self.builds: list[Build] = []
        self.outputs: tuple[Link | None, ...] = ()
        self.owner: dict[str, int] = {}
        self.anchors: dict[int, str] = {}
        canvas = {"width": 8192, "height": 8704} if second else {"width": 4096, "height": 4608}
        self.literals.update({(CANVAS, name): value for name, value in canvas.items()})
        around = {"canvas": PromptNode("canvas", "EmptyLatentImage", canvas)}
        self.growing = Growing(prober.table, prober.registry, Folders(), around)
        self.later = False
        """Whether an output can be made for more than it needs."""

    def made(self) -> _Run:
        value = self._call(self.prober.spec, self.given, self.nested)
        made = value if isinstance(value, tuple) else () if value is None else (value,)
        self.outputs = tuple(self._output(one) for one in made)
        for build in self.builds:
            number = int(build.node.id)
            for id in build.stand.nodes:
                self.owner.setdefault(id, number)
                self.anchors.setdefault(number, id)
        return self

    def _output(self, value: Any) -> Link | None:
        if isinstance(value, Later):
            self.later = self.later or bool(value.likes)
            wanted = (*value.needs, *(value.likes if self.likes else ()))
            value = value(**{name: Wire(Link(ANYTHING, name)) for name in wanted})
        return value.link if isinstance(value, Wire) else None

    def _call(self, spec: ComfyNode, given: Given, nested: Mapping[str, ComfyNode]) -> Any:
        number = len(self.calls)
        call = Call(spec)
        self.calls.append(call)
        values: dict[str, Any] = {}
        how = self.how
        for place, input in enumerate(spec.inputs.values()):
            if input.name in nested:
                inner = self._call(nested[input.name], {}, {})
                call.inputs[input.name] = Link(str(len(self.calls) - 1), "0")
                values[input.name] = inner[0] if isinstance(inner, tuple) else inner
            elif input.literal:
                values[input.name] = self._literal(number, place, input, given, call)
            elif input.name not in self.left or number:
                if number and not input.required:
                    continue
                hole = Wire(Link(HOLE, f"{number}.{input.name}"))
                if input.type in self.prober.table.holes:
                    ways = self.prober.table.holes[input.type](hole)
                    hole, how = ways[how % len(ways)], how // len(ways)
                values[input.name] = hole
        node = PromptNode(f"{number}", spec.name, {}, spec.name)
        build = _Probing(self.growing, node, spec, values, Stand(spec.name, ""))
        self.builds.append(build)
        return spec.make(build)

    def _literal(self, number: int, place: int, input: Input, given: Given, call: Call) -> Any:
        wanted = given.get(input.name)
        if isinstance(wanted, _Several):
            self.allowed[number, input.name] = wanted.names
            value: Any = wanted.names[0]
            self.literals[number, input.name] = value
            return value
        if isinstance(wanted, _Listed) or (number and input.type == "STRING"):
            value = "5, 6, 9" if self.second else "7, 8"
        elif input.name in given or input.type == "BOOLEAN" or (input.options and number):
            value = given.get(input.name, input.default)
            call.inputs[input.name] = value
            return value
        else:
            value = _sample(input, 13 * number + place, self.second)
        self.literals[number, input.name] = value
        return value


def _sample(input: Input, place: int, second: bool) -> Any:
    """A value that no other input has: of two tries, the pair."""
    if input.type in ("STRING", "COMBO"):
        return f"{input.name}:{place}:{'b' if second else 'a'} \\(\\)"
    low = input.low if input.low is not None else -1e6
    high = input.high if input.high is not None else 1e6
    if input.type == "FLOAT":
        base = 0.0 if low <= 0.0 and high >= 1.0 else low
        span = min(1.0, high - base)
        share = 0.313 + 0.0137 * (place % 13) + 0.0011 * (place // 13)
        return round(base + span * (share + (0.25 if second else 0.0)), 6)
    if high >= 700 and low <= 200:
        return 200 + 8 * place + (240 if second else 0)
    pairs = [(a, b) for a in _within(low, high) for b in _within(low, high) if a != b]
    return pairs[(7 * place) % len(pairs)][second] if pairs else int(low)


def _within(low: float, high: float) -> list[int]:
    """Whole numbers of a small range, those first at which nothing special happens."""
    start = int(low)
    every = list(range(start, int(min(high, start + 40)) + 1))
    plain = [value for value in every if value not in (0, 1)]
    return plain if len(plain) > 2 else every


def _special(input: Input) -> list[Any]:
    """Values at which translations turn another way."""
    if input.type not in ("INT", "FLOAT"):
        return []
    kind = PLAIN[input.type]
    wanted = dict.fromkeys(kind(v) for v in (0, 1, input.default) if v is not None)
    low = -math.inf if input.low is None else input.low
    high = math.inf if input.high is None else input.high
    return [value for value in wanted if low <= value <= high]


def _ordered(input: Input) -> list[Any]:
    """The choices, the default first."""
    every = [True, False] if input.type == "BOOLEAN" else list(input.options)
    return sorted(every, key=lambda value: value != input.default)


def _subsets(names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Which of a few inputs are left out: none first."""
    for bits in islice(product((False, True), repeat=len(names)), 16):
        yield tuple(name for name, bit in zip(names, bits, strict=True) if bit)


def _compared(first: _Run, second: _Run, own: bool) -> Pattern | None:
    """What two tries have in common; None where they are not of one shape."""
    one, other = first.growing.nodes, second.growing.nodes
    if list(one) != list(other) or first.outputs != second.outputs:
        return None
    parts = {}
    for id, node in one.items():
        again = other[id]
        if node.type != again.type or node.links != again.links:
            return None
        if set(node.params) != set(again.params):
            return None
        params: dict[str, Fixed | Ref] = {}
        for port, value in node.params.items():
            found = _origin(value, again.params[port], first, second)
            if found is None:
                return None
            params[port] = found
        parts[id] = Part(node.type, params, dict(node.links))
    differs = first.calls[0].spec.differs if own else ""
    return Pattern(first.calls, parts, first.outputs, first.anchors, first.owner, differs, own)


def _origin(value: Any, again: Any, first: _Run, second: _Run) -> Fixed | Ref | None:
    for (call, name), given in first.literals.items():
        allowed = first.allowed.get((call, name), ())
        if allowed and value == given == again:
            return Ref(call, name, allowed=allowed)
    if _alike(value, again):
        return Fixed(value)
    for way in WAYS:
        for (call, name), given in first.literals.items():
            try:
                there = WAYS[way].there
                same = _alike(there(given), value)
                if same and _alike(there(second.literals[call, name]), again):
                    return Ref(call, name, way)
            except (TypeError, ValueError, ArithmeticError, AttributeError):
                continue
    return None


def _alike(one: Any, other: Any) -> bool:
    if isinstance(one, bool) != isinstance(other, bool):
        return False
    return bool(one == other)


def _within_reach(pattern: Pattern, plain: Pattern, spec: ComfyNode) -> bool:
    """Whether what a special value makes is what any other makes, with that value."""
    one, other = pattern.parts, plain.parts
    if list(one) != list(other) or pattern.outputs != plain.outputs:
        return False
    for id, part in one.items():
        again = other[id]
        if part.type != again.type or part.links != again.links:
            return False
        if set(part.params) != set(again.params):
            return False
        for port, found in part.params.items():
            usual = again.params[port]
            if found == usual:
                continue
            if not isinstance(found, Fixed) or not isinstance(usual, Ref):
                return False
            given = pattern.calls[usual.call].inputs.get(usual.input)
            if given == spec.inputs[usual.input].default and not _goes(usual, given, found.value):
                return False
    return True


def _goes(ref: Ref, given: Any, value: Any) -> bool:
    try:
        return _alike(WAYS[ref.way].there(given), value)
    except (TypeError, ValueError, ArithmeticError, AttributeError):
        return False


def _shape(pattern: Pattern, name: str = "") -> Any:
    """Equal for patterns that the same graphs match; a sampler's `name` counts not."""

    def told(value: Fixed | Ref) -> Any:
        if isinstance(value, Fixed):
            return "name" if name and value.value == name else repr(value.value)
        return (value.call, value.input, value.way, value.allowed)

    parts = tuple(
        (
            id,
            part.type,
            tuple((port, told(value)) for port, value in sorted(part.params.items())),
            tuple((port, str(link)) for port, link in sorted(part.links.items())),
        )
        for id, part in pattern.parts.items()
    )
    return parts, tuple(map(str, pattern.outputs)), tuple(c.spec.name for c in pattern.calls)
