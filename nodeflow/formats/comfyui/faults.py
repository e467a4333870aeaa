"""What is wrong with a prompt, in ComfyUI's words: its clients look at `code`. Imports `errors`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nodeflow.errors import Problem

TEXTS = {
    "required_input_missing": "Required input is missing",
    "invalid_input_type": "Failed to convert an input value to its type",
    "value_smaller_than_min": "Value is smaller than its minimum",
    "value_bigger_than_max": "Value is larger than its maximum",
    "value_not_in_list": "Value not in list",
    "return_type_mismatch": "Return type mismatch between linked nodes",
    "bad_linked_input": "Bad linked input, must be a list of a node's id and an output's number",
    "custom_validation_failed": "The value does not hold",
    "dependency_cycle": "The nodes feed each other in a circle",
    "invalid_prompt": "Cannot execute the prompt",
    "missing_node_type": "There is no such node type",
    "prompt_no_outputs": "Prompt has no outputs",
    "exception_during_validation": "The node cannot be read",
}
"""What each kind of fault is, in one line."""


@dataclass(frozen=True)
class PromptProblem(Problem):
    """A problem of a prompt: at which node and input, and what ComfyUI's clients are told beside
    it."""

    node: str = ""
    input: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        return TEXTS.get(self.code, "The prompt does not hold")

    def as_json(self) -> dict[str, str]:
        return Problem(self.code, self.where, self.message, self.hint, self.severity).as_json()


def problem(
    code: str,
    node: str,
    message: str,
    hint: str = "",
    *,
    input: str = "",
    severity: str = "error",
    **extra: Any,
) -> PromptProblem:
    """A problem at a node of a prompt, or at one of its inputs."""
    where = f"{node}.{input}" if input else node
    told = {"input_name": input, **extra} if input else dict(extra)
    return PromptProblem(code, where, message, hint, severity, node, input, told)
