"""The exception tree of nodeflow, and `Problem`, the one form in which every fault is told.

Lowest layer: imports nothing of nodeflow.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, told so that it can be mended.

    `code` is stable and machine-readable (`unknown-type`), `where` is a path into the graph
    (`denoise/guide.scale`), `message` says what was got and what was expected, `hint` what to do.
    `severity` is `error`, or `warning` for what does not keep the graph from running.
    """

    code: str
    where: str
    message: str
    hint: str = ""
    severity: str = "error"

    def __str__(self) -> str:
        text = f"{self.where}: {self.message}" if self.where else self.message
        return f"{text}\n    → {self.hint}" if self.hint else text

    def as_json(self) -> dict[str, str]:
        return asdict(self)


class NodeflowError(Exception):
    """Base of every error that nodeflow raises on purpose."""


class RegistrationError(NodeflowError):
    """A node or a node pack is declared wrongly. Raised at import, never in a run."""


class GraphError(NodeflowError):
    """The graph, or what was asked of it, is wrong. Holds every problem found, not the first."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        head = "1 problem" if count == 1 else f"{count} problems"
        super().__init__("\n".join([f"{head} in the graph", *(f"  {p}" for p in self.problems)]))


class GraphFormatError(GraphError):
    """A file is no graph: not JSON, not the schema, or written by a newer nodeflow."""


class NodeError(NodeflowError):
    """A node failed while it ran. `__cause__` is the original exception."""

    code = "node-failed"

    def __init__(
        self, path: str, type_id: str, message: str, inputs: dict[str, str] | None = None
    ) -> None:
        self.path = path
        self.type_id = type_id
        self.message = message
        self.inputs = dict(inputs or {})
        lines = [f"{path} ({type_id}): {message}"]
        lines += [f"    {port} = {short}" for port, short in self.inputs.items()]
        super().__init__("\n".join(lines))

    def problem(self) -> Problem:
        got = ", ".join(f"{port} = {short}" for port, short in self.inputs.items())
        return Problem(self.code, self.path, self.message, f"its inputs were {got}" if got else "")


class OutputTypeError(NodeError):
    """Under `--check`: a node returned what its signature does not promise."""

    code = "wrong-output"


class MutationError(NodeError):
    """Under `--check`: a node changed one of its inputs in place."""

    code = "mutated-input"


class InputError(NodeflowError):
    """What a node body raises when a value it got makes no sense: `port`, got, expected, what to
    do.

    The executor adds the node's path.
    """

    def __init__(self, port: str, got: str, expected: str, hint: str = "") -> None:
        self.port = port
        text = f"{port}: got {got}, expected {expected}"
        super().__init__(f"{text}. {hint}" if hint else text)


class Cancelled(NodeflowError):
    """The run was cancelled; what had finished is kept."""
