"""Writes what the editor's tests compare it with: the catalogue, and which type fits which.

`python web/scripts/fixtures.py` from the repository's root; with --check it says whether the table
of types is stale. The catalogue need not be the newest: it must know the nodes of the shipped
graphs.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, TypeVar

from nodeflow.registry import load_registry
from nodeflow.server.api.catalogue import catalogue
from nodeflow.sockets import assignable, bind, type_name

T = TypeVar("T")
FOLDER = Path(__file__).parent.parent / "tests" / "fixtures"


def every_type(registry: Any) -> dict[str, Any]:
    """Every type that stands in a signature, and some that unions and lists make of a few."""
    found: dict[str, Any] = {}
    for definition in registry:
        for port in (*definition.inputs.values(), *definition.outputs):
            found.setdefault(type_name(port.type), port.type)
    image, latent = found["Image"], found["Latent"]
    for tp in (bool, int | str, int | None, float | None, image | None, image | latent):
        found.setdefault(type_name(tp), tp)
    for tp in (list[bool], list[image], list[image | None], list[list[int]], list[float] | None):
        found.setdefault(type_name(tp), tp)
    found.setdefault("T", T)
    return found


def tables() -> dict[str, str]:
    registry = load_registry()
    types = every_type(registry)
    names = sorted(types)
    table = {
        "types": names,
        "fits": ["".join("01"[assignable(types[s], types[t])] for t in names) for s in names],
        "binds": ["".join("01"[bind(types[s], types[t], {})] for t in names) for s in names],
    }
    told = catalogue(registry)
    for node in told["nodes"]:
        node["doc"] = node["doc"].partition("\n")[0]
        node["source"] = ""
    return {
        "types.json": json.dumps(table, indent=1) + "\n",
        "catalogue.json": _lines(told),
    }


def _lines(told: dict[str, Any]) -> str:
    """One node a line, so that a change of one is a change of one line."""
    told = {**told, "version": "", "problems": []}
    parts = []
    for key, value in told.items():
        if isinstance(value, list) and value:
            inner = ",\n".join(json.dumps(item) for item in value)
            parts.append(f"{json.dumps(key)}: [\n{inner}\n]")
        else:
            parts.append(f"{json.dumps(key)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def main() -> int:
    stale = []
    for name, text in tables().items():
        path = FOLDER / name
        if "--check" not in sys.argv:
            path.write_text(text, encoding="utf-8")
        elif name == "types.json" and path.read_text(encoding="utf-8") != text:
            stale.append(name)
    if stale:
        print(f"stale: {', '.join(stale)}; run python web/scripts/fixtures.py", file=sys.stderr)
    return len(stale)


if __name__ == "__main__":
    raise SystemExit(main())
