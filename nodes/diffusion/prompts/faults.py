"""What is wrong with a prompt, each fault with its place: no torch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class PromptProblem:
    """One fault: the offset `at` in the text, what was got and expected, and what to do."""

    at: int
    got: str
    expected: str
    hint: str = ""


class PromptError(ValueError):
    """A prompt cannot be read. `problems` are all faults that were found, in the text's order."""

    def __init__(self, text: str, problems: Iterable[PromptProblem]) -> None:
        self.text = text
        self.problems = tuple(sorted(problems, key=lambda problem: problem.at))
        super().__init__("; ".join(self.told(problem) for problem in self.problems))

    def place(self, problem: PromptProblem) -> tuple[int, int]:
        """Line and column of a problem, both counted from 1."""
        before = self.text[: problem.at]
        return before.count("\n") + 1, problem.at - (before.rfind("\n") + 1) + 1

    def where(self, problem: PromptProblem) -> str:
        """`column 5`, or `line 2, column 5` in a text of several lines."""
        line, column = self.place(problem)
        return f"line {line}, column {column}" if "\n" in self.text else f"column {column}"

    def told(self, problem: PromptProblem) -> str:
        """One problem in a line."""
        fault = f"{self.where(problem)}: got {problem.got}, expected {problem.expected}"
        return f"{fault} ({problem.hint})" if problem.hint else fault
