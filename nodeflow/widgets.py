"""Widgets: how a parameter is edited, and which of its values make sense.

They stand in a signature as `Annotated[float, Slider(0, 30)]` and are read by validation, by the
editor and by `nodeflow nodes`. Imports only `errors`, `confinement` and `sockets`.
"""

from __future__ import annotations

import difflib
import os
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from nodeflow.confinement import confined, why_not, why_not_output

MAX_SEED = 2**63 - 1
LONGEST_PATH, DEEPEST_PATH = 1000, 32
"""Characters of a path that is written, and folders in it."""


@dataclass(frozen=True)
class Widget:
    """Base: accepts everything.

    `looks_outside` says that `check` depends on the machine (files that exist): then a node's
    default is not held against it when the node is registered, only when a graph is checked.
    """

    code: ClassVar[str] = "out-of-range"
    """The code of the problem that a refused value is."""
    looks_outside: ClassVar[bool] = False

    def check(self, value: Any) -> str | None:
        """What is wrong with `value`, or None."""
        return None

    def barred(self, value: Any) -> str | None:
        """Why a process that runs graphs of strangers may not take `value`, or None. `check` says
        it too; this alone is asked of a wire's value where `check` looks outside."""
        return None

    def hint(self, value: Any) -> str:
        """What to do about a value that `check` refused."""
        return ""

    def as_json(self) -> dict[str, Any]:
        return {"widget": type(self).__name__, **asdict(self)}


@dataclass(frozen=True)
class Number(Widget):
    """A number typed or stepped; None leaves an end open. Units are said by `unit` (`px`,
    `steps`)."""

    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    unit: str = ""

    def check(self, value: Any) -> str | None:
        if isinstance(value, (list, tuple)):
            return next((fault for v in value if (fault := self.check(v))), None)
        if value is None or isinstance(value, str):
            return None
        if value != value:  # NaN
            return "nan is no number"
        if self.minimum is not None and value < self.minimum:
            return f"{value} is below {_figure(self.minimum)}"
        if self.maximum is not None and value > self.maximum:
            return f"{value} is above {_figure(self.maximum)}"
        return None

    def hint(self, value: Any) -> str:
        low = "" if self.minimum is None else _figure(self.minimum)
        high = "" if self.maximum is None else _figure(self.maximum)
        return f"give a value in {low}..{high}"


def _figure(number: float) -> str:
    """In full where it is an integer: the largest seed is no round figure."""
    return str(number) if isinstance(number, int) else f"{number:g}"


@dataclass(frozen=True)
class Multiple(Number):
    """A number of which only multiples of `step` are taken, as of a picture's sides."""

    def check(self, value: Any) -> str | None:
        fault = super().check(value)
        numbers = value if isinstance(value, (list, tuple)) else [value]
        if fault is None and self.step:
            odd = [n for n in numbers if isinstance(n, (int, float)) and n % self.step]
            return f"{odd[0]} is no multiple of {_figure(self.step)}" if odd else None
        return fault

    def hint(self, value: Any) -> str:
        if super().check(value) or not self.step or isinstance(value, (list, tuple)):
            return super().hint(value)
        below = value // self.step * self.step
        return f"the nearest are {_figure(below)} and {_figure(below + self.step)}"


@dataclass(frozen=True)
class Slider(Number):
    """A number between two ends, dragged."""


@dataclass(frozen=True)
class Seed(Number):
    """A seed in 0..2^63-1, with a die and a lock in the editor."""

    minimum: float | None = 0
    maximum: float | None = MAX_SEED
    step: float | None = 1


@dataclass(frozen=True, init=False)
class Choice(Widget):
    """One of a few names."""

    code: ClassVar[str] = "not-offered"
    options: tuple[str, ...]

    def __init__(self, *options: str) -> None:
        object.__setattr__(self, "options", options)

    def check(self, value: Any) -> str | None:
        return None if value is None or value in self.options else f"{value!r} is not offered"

    def hint(self, value: Any) -> str:
        near = difflib.get_close_matches(str(value), self.options, n=1)
        offered = ", ".join(self.options)
        return f"did you mean {near[0]!r}? offered: {offered}" if near else f"offered: {offered}"


@dataclass(frozen=True)
class Text(Widget):
    """One line of text."""

    placeholder: str = ""


@dataclass(frozen=True)
class TextArea(Text):
    """Several lines of text."""


@dataclass(frozen=True)
class Prompt(TextArea):
    """A prompt, edited with weights and a token count."""


@dataclass(frozen=True)
class Colour(Widget):
    """A colour as `#rrggbb`."""

    code: ClassVar[str] = "no-colour"

    def check(self, value: Any) -> str | None:
        text = str(value)
        good = len(text) == 7 and text[0] == "#"
        good = good and all(c in "0123456789abcdefABCDEF" for c in text[1:])
        return None if good else f"{value!r} is no colour"

    def hint(self, value: Any) -> str:
        return "write #rrggbb, for example #ff8800"


@dataclass(frozen=True)
class Expression(Text):
    """Arithmetic over named values, evaluated by a safe evaluator."""


@dataclass(frozen=True)
class FilePath(Widget):
    """A file that is read. Its content, not its name, counts in the node's key."""

    code: ClassVar[str] = "no-such-file"
    looks_outside: ClassVar[bool] = True

    suffixes: tuple[str, ...] = ()
    folder: bool = False

    def barred(self, value: Any) -> str | None:
        if isinstance(value, (list, tuple)):
            return next((fault for item in value if (fault := self.barred(item))), None)
        fault = why_not(str(value))
        return f"{str(value)!r} {fault}" if fault else None

    def check(self, value: Any) -> str | None:
        if fault := self.barred(value):
            return fault
        path = os.path.expanduser(str(value))
        found = os.path.isdir(path) if self.folder else os.path.isfile(path)
        if not found:
            return f"{value!r} does not exist"
        if self.suffixes and not path.lower().endswith(self.suffixes):
            return f"{value!r} is none of {', '.join(self.suffixes)}"
        return None

    def hint(self, value: Any) -> str:
        if self.barred(value):
            return "upload it, or let the operator name its folder"
        path = os.path.expanduser(str(value))
        folder = os.path.dirname(path) or "."
        if why_not(folder):
            return "check the path"
        if not os.path.isdir(folder):
            begin = "" if confined() else f"; paths start at {os.getcwd()!r}"
            return f"the folder {folder!r} does not exist either{begin}"
        near = difflib.get_close_matches(os.path.basename(path), sorted(os.listdir(folder)), n=1)
        return f"did you mean {os.path.join(folder, near[0])!r}?" if near else "check the path"


@dataclass(frozen=True)
class NewPath(Widget):
    """A file or folder that is written, under the run's output folder."""

    code: ClassVar[str] = "outside-output"

    def check(self, value: Any) -> str | None:
        text = str(value)
        parts = text.replace("\\", "/").split("/")
        # As Windows would judge too: a graph travels, and newer Pythons take no `\a` for absolute.
        absolute = os.path.isabs(text) or text.startswith(("/", "\\")) or ":" in parts[0]
        if absolute or ".." in parts or "\0" in text:
            return f"{text[:200]!r} leaves the output folder"
        if len(text) > LONGEST_PATH or len(parts) > DEEPEST_PATH:
            return f"{text[:60]!r} … is longer than any path"
        fault = why_not_output(text)
        return f"{value!r} {fault}" if fault else None

    def hint(self, value: Any) -> str:
        return "give a relative path without '..'; the run's output folder comes before it"
