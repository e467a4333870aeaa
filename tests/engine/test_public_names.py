"""The names that `import nodeflow` gives."""

from __future__ import annotations

import inspect
from importlib import import_module

import nodeflow


def test_every_public_name_is_what_it_says_whatever_was_imported_before() -> None:
    for module in ("plan", "validate", "executor", "api"):
        import_module(f"nodeflow.{module}")
    for name in nodeflow.__all__:
        value = getattr(nodeflow, name)
        assert inspect.isfunction(value) or inspect.isclass(value), name
        assert value.__name__ == name
        assert value.__module__.startswith("nodeflow.")


def test_functions_keep_their_names_when_they_are_asked_for_twice() -> None:
    assert nodeflow.plan is nodeflow.plan
    assert nodeflow.validate is nodeflow.validate
