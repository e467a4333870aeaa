"""What is told of the queue, of runs that have ended, and of prompts that are refused, in ComfyUI's
shapes. Imports `errors`, `formats.comfyui`, `server.protocol`, `server.comfyui.record`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nodeflow.errors import Problem
from nodeflow.formats.comfyui.faults import TEXTS, PromptProblem
from nodeflow.formats.comfyui.spec import default_table
from nodeflow.server.comfyui.record import Record, outputs_by_node
from nodeflow.server.protocol import RunSummary

_LINES = 50
"""Faults told in one text; each stands at its node besides."""
_WHOLE = ("invalid_prompt", "missing_node_type", "prompt_no_outputs")
_MESSAGES = {
    "invalid_prompt": "Cannot execute the prompt: its nodes cannot be read",
    "prompt_no_outputs": "Prompt has no outputs",
    "prompt_outputs_failed_validation": "Prompt outputs failed validation",
}


def refused(problems: Iterable[Problem], prompt: Any) -> dict[str, Any]:
    """The body of an answer that refuses a prompt: everything that is wrong with it."""
    errors = [p for p in problems if p.severity == "error"]
    codes = {problem.code for problem in errors}
    type = "prompt_outputs_failed_validation"
    if codes & set(_WHOLE):
        type = "prompt_no_outputs" if codes == {"prompt_no_outputs"} else "invalid_prompt"
    lines = [_line(problem) for problem in errors]
    more = [f"… and {len(lines) - _LINES} more"] if len(lines) > _LINES else []
    first = errors[0] if errors else None
    extra = dict(first.extra) if isinstance(first, PromptProblem) and len(errors) == 1 else {}
    return {
        "error": {
            "type": type,
            "message": _MESSAGES[type],
            "details": "\n".join([*lines[:_LINES], *more]),
            "extra_info": extra,
        },
        "node_errors": _node_errors(errors, prompt if isinstance(prompt, Mapping) else {}),
    }


def error(type: str, message: str, details: str = "", **extra: Any) -> dict[str, Any]:
    """The body of an answer that refuses for a reason of no node's."""
    told = {"type": type, "message": message, "details": details or message, "extra_info": extra}
    return {"error": told, "node_errors": {}}


def _line(problem: Problem) -> str:
    where = f"{problem.where}: " if problem.where else ""
    hint = f" ({problem.hint})" if problem.hint else ""
    return f"{where}{problem.message}{hint}"


def _node_errors(errors: Sequence[Problem], prompt: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    readers = readers_of(prompt)
    for problem in errors:
        id = problem.node if isinstance(problem, PromptProblem) else ""
        if not id:
            continue
        node = prompt.get(id)
        type = node.get("class_type", "") if isinstance(node, Mapping) else ""
        if id not in found:
            ends = dependents(prompt, id, readers)
            found[id] = {"errors": [], "dependent_outputs": ends, "class_type": type}
        entry = found[id]
        hint = f" ({problem.hint})" if problem.hint else ""
        entry["errors"].append(
            {
                "type": problem.code,
                "message": TEXTS.get(problem.code, "The value does not hold"),
                "details": f"{problem.message}{hint}",
                "extra_info": dict(problem.extra) if isinstance(problem, PromptProblem) else {},
            }
        )
    return found


def readers_of(prompt: Mapping[str, Any]) -> dict[str, list[str]]:
    """The nodes that read each node."""
    found: dict[str, list[str]] = {}
    for reader, node in prompt.items():
        inputs = node.get("inputs") if isinstance(node, Mapping) else None
        for value in inputs.values() if isinstance(inputs, Mapping) else ():
            if isinstance(value, list) and len(value) == 2:
                found.setdefault(str(value[0]), []).append(str(reader))
    return found


def dependents(
    prompt: Mapping[str, Any], id: str, readers: Mapping[str, Sequence[str]]
) -> list[str]:
    """The nodes at the ends of the prompt that need this one and save or show something."""
    found, ends, pending = {id}, [], [id]
    while pending:
        name = pending.pop()
        further = readers.get(name, ())
        if not further:
            ends.append(name)
        fresh = [reader for reader in further if reader not in found]
        found.update(fresh)
        pending.extend(fresh)
    return sorted(name for name in ends if _saves(prompt, name))


def _saves(prompt: Mapping[str, Any], id: str) -> bool:
    node = prompt.get(id)
    type = node.get("class_type") if isinstance(node, Mapping) else None
    spec = default_table().nodes.get(type) if isinstance(type, str) else None
    return spec is None or spec.output_node


# ── the queue and what has ended ───────────────────────────────────────────────────────────────


def queue_item(summary: RunSummary, record: Record | None) -> list[Any]:
    """`[number, id, prompt, extra data, outputs]`."""
    record = record or Record()
    extra = {**record.extra_data, "client_id": record.client} if record.client else {}
    return [summary.number, summary.run, record.prompt, extra, list(record.ends)]


def history_entry(summary: RunSummary, record: Record) -> dict[str, Any]:
    """A run that has ended."""
    outputs = outputs_by_node(record, summary.outputs)
    done = summary.state == "done"
    return {
        "prompt": queue_item(summary, record),
        "outputs": outputs,
        "status": {
            "status_str": "success" if done else "error",
            "completed": done,
            "messages": _messages(summary),
        },
        "meta": {
            id: {"node_id": id, "display_node": id, "parent_node": None, "real_node_id": id}
            for id in outputs
        },
    }


def _messages(summary: RunSummary) -> list[list[Any]]:
    def at(seconds: float | None) -> dict[str, Any]:
        return {"prompt_id": summary.run, "timestamp": int((seconds or 0) * 1000)}

    last = {"done": "execution_success", "cancelled": "execution_interrupted"}
    end = last.get(summary.state, "execution_error")
    told: list[list[Any]] = []
    if summary.started_at is not None:
        told.append(["execution_start", at(summary.started_at)])
        told.append(["execution_cached", {"nodes": [], **at(summary.started_at)}])
    reason = {"exception_message": summary.reason} if end == "execution_error" else {}
    told.append([end, {**at(summary.finished_at), **reason}])
    return told
