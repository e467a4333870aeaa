"""Every standard node, found by walking the package: named after its file, tested, documented."""

import ast
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import nodes
from nodeflow.node import NodeDefinition

TESTS = Path(__file__).parent
MODULES = sorted(found.name for found in pkgutil.iter_modules(nodes.__path__) if not found.ispkg)
HEAVY = ("torch", "diffusers", "transformers", "peft", "PIL")


def definitions(module_name: str) -> dict[str, NodeDefinition]:
    """Function name → definition, of the nodes that a module itself defines."""
    module = importlib.import_module(f"nodes.{module_name}")
    return {
        name: definition
        for name, value in vars(module).items()
        if isinstance(definition := getattr(value, "__node__", None), NodeDefinition)
        and getattr(value, "__module__", "") == module.__name__
    }


def names_of_tests(module_name: str) -> set[str]:
    """Names of all test functions in the test file of a node module, those in classes too."""
    path = TESTS / f"test_{module_name}.py"
    if not path.is_file():
        return set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {
        piece.name
        for piece in ast.walk(tree)
        if isinstance(piece, (ast.FunctionDef, ast.AsyncFunctionDef))
    }


def test_the_walk_finds_nodes() -> None:
    ids = {d.id for name in MODULES for d in definitions(name).values()}
    assert {"image.save", "mask.grow", "list.range", "math.expression"} <= ids


@pytest.mark.parametrize("module_name", MODULES)
def test_an_id_leads_to_its_source(module_name: str) -> None:
    for name, definition in definitions(module_name).items():
        assert definition.id == f"{module_name}.{name}"


@pytest.mark.parametrize("module_name", MODULES)
def test_every_node_has_a_test_of_its_name(module_name: str) -> None:
    tests = names_of_tests(module_name)
    untested = [
        name
        for name in definitions(module_name)
        if not any(test.startswith(f"test_{name}") for test in tests)
    ]
    assert untested == [], f"tests/nodes/test_{module_name}.py has no test_<name> for these"


@pytest.mark.parametrize("module_name", MODULES)
def test_every_docstring_begins_with_a_short_sentence(module_name: str) -> None:
    for definition in definitions(module_name).values():
        first = definition.doc.split("\n")[0]
        assert len(first) <= 100, f"{definition.id}: {first}"
        assert first.endswith("."), f"{definition.id}: {first}"


def test_no_id_is_taken_twice() -> None:
    ids = [d.id for name in MODULES for d in definitions(name).values()]
    assert len(ids) == len(set(ids))


def test_importing_all_nodes_imports_nothing_heavy() -> None:
    imports = "\n".join(f"import nodes.{name}" for name in MODULES)
    report = f"print(*[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{imports}\n{report}"],
        capture_output=True,
        text=True,
        cwd=Path(nodes.__path__[0]).parent,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
