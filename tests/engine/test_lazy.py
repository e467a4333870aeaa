"""A graph is read, checked and planned without loading torch, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GRAPHS = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "graphs").rglob("*.json"))
HEAVY = ["torch", "diffusers", "transformers", "peft", "safetensors", "accelerate", "PIL", "numpy"]


def _loaded_after(code: str) -> set[str]:
    """The heavy packages that are loaded once a process has run some code."""
    report = f"\nimport json, sys; print(json.dumps([n for n in {HEAVY!r} if n in sys.modules]))"
    done = subprocess.run(
        [sys.executable, "-c", code + report], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_importing_nodeflow_loads_next_to_nothing() -> None:
    code = """
import sys
import nodeflow
loaded = [name for name in sys.modules if name.startswith("nodeflow.") or name == "pydantic"]
assert not loaded, loaded
assert set(nodeflow.__all__) == set(nodeflow._HOMES)
"""
    assert _loaded_after(code) == set()


def test_every_public_name_is_there_without_torch() -> None:
    code = "import nodeflow\nfor name in nodeflow.__all__: getattr(nodeflow, name)"
    assert _loaded_after(code) == set()


def test_a_name_that_is_not_there() -> None:
    import nodeflow

    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = nodeflow.nothing


def test_every_graph_is_loaded_checked_and_planned_without_torch() -> None:
    assert GRAPHS
    code = f"""
import nodeflow
from nodeflow.registry import default_registry
assert not default_registry().failures, default_registry().failures
for name in {GRAPHS!r}:
    graph = nodeflow.load(name)
    problems = nodeflow.validate(graph)
    if "/models/" in name:  # of files that a user has
        missing = {{"no-such-checkpoint", "no-such-model", "no-such-file"}}
        assert {{problem.code for problem in problems}} <= missing, (name, problems)
        continue
    assert not problems, (name, problems)
    assert nodeflow.plan(graph).steps, name
"""
    assert _loaded_after(code) == set()


def test_the_command_line_is_there_without_torch() -> None:
    assert _loaded_after("import nodeflow.cli") == set()
