"""`nodeflow validate`, `plan`, `nodes`, `schema`: what is told without running anything."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

from nodeflow.commands.prepare import Prepared, prepare, registry_with
from nodeflow.commands.report import DONE, WRONG, print_json, size, table, tell_problems
from nodeflow.errors import GraphError, Problem
from nodeflow.memory import short
from nodeflow.node import InputPort, NodeDefinition
from nodeflow.plan import Plan, plan
from nodeflow.provenance import every_task
from nodeflow.registry import Registry
from nodeflow.sockets import type_name


def validate_command(
    graph: str,
    inputs: Mapping[str, str],
    params: Mapping[str, str],
    nodes: Sequence[Path],
    *,
    as_json: bool,
    started: float,
) -> int:
    """Tell everything that is wrong with a graph."""
    count, given, outputs = 0, {}, []
    problems: Sequence[Problem]
    try:
        prepared = prepare(graph, registry_with(nodes), inputs, params)
        problems, count = prepared.problems, len(prepared.made.scope.tasks)
        given, outputs = _inputs(prepared), list(prepared.graph.outputs)
    except GraphError as error:
        problems = error.problems
    wrong = any(p.severity == "error" for p in problems)
    if as_json:
        about = {"valid": not wrong, "nodes": count, "inputs": given, "outputs": outputs}
        print_json({**about, "problems": [problem.as_json() for problem in problems]})
        return WRONG if wrong else DONE
    tell_problems(problems)
    if not wrong:
        print(f"{graph}: {count} nodes, nothing wrong ({perf_counter() - started:.2f} s)")
        for line in table([(f"  {name}", f"= {short(value)}") for name, value in given.items()]):
            print(line)
    return WRONG if wrong else DONE


def _inputs(prepared: Prepared) -> dict[str, Any]:
    """The graph's declared inputs with what they are set to."""
    tasks = {task.path: task for task in every_task(prepared.made.scope)}
    found = {}
    for name in prepared.graph.inputs:
        for path, port in prepared.graph.input_targets(name)[:1]:
            found[name] = tasks[path].params.get(port) if path in tasks else None
    return found


def plan_command(
    graph: str,
    inputs: Mapping[str, str],
    params: Mapping[str, str],
    outputs: Sequence[str],
    nodes: Sequence[Path],
    *,
    as_json: bool,
) -> int:
    """Print the order of a run, what is held and let go, and the predicted peak."""
    try:
        prepared = prepare(graph, registry_with(nodes), inputs, params)
        if prepared.errors:
            raise GraphError(prepared.problems)
        made = plan(prepared.graph, prepared.registry, outputs=list(outputs) or None)
    except GraphError as error:
        if as_json:
            print_json({"problems": [problem.as_json() for problem in error.problems]})
        else:
            tell_problems(error.problems)
        return WRONG
    if as_json:
        told = [problem.as_json() for problem in prepared.problems]
        print_json({**made.as_json(), "problems": told})
        return DONE
    tell_problems(prepared.problems)
    rows = [("#", "node", "type", "makes", "held", "let go after it"), *_plan_rows(made, "", "")]
    print("\n".join(table(rows, right=(4,))))
    kept = f"; kept: {', '.join(made.kept)}" if made.kept else ""
    print(f"predicted peak {size(made.peak)} at {made.peak_at or 'no node'}{kept}")
    return DONE


def nodes_command(name: str, nodes: Sequence[Path], *, as_json: bool) -> int:
    """List the node types, or tell all about one."""
    registry = registry_with(nodes)
    tell_problems(registry.failures)
    if not name:
        _list(registry, as_json=as_json)
        return DONE
    definition = registry.get(name)
    if definition is None:
        inside = [d for d in registry if d.category == name]
        if inside:
            _print_nodes(inside, as_json=as_json)
            return DONE
        near = sorted({d.category for d in registry if d.category.startswith(name)})
        near = near or registry.nearest(name)
        hint = f"did you mean {' or '.join(near)}?" if near else "see `nodeflow nodes`"
        problem = Problem("unknown-type", name, f"there is no node type {name!r}", hint)
        if as_json:
            print_json({"problems": [problem.as_json()]})
        else:
            tell_problems([problem])
        return WRONG
    if as_json:
        print_json(node_as_json(definition))
    else:
        print("\n".join(_about(definition)))
    return DONE


def schema_command() -> int:
    """Print the JSON Schema of graph files."""
    from nodeflow.formats.schema import json_schema

    print(json.dumps(json_schema(), indent=2))
    return DONE


def node_as_json(definition: NodeDefinition) -> dict[str, Any]:
    """A node type as plain data: ports with types, defaults and widgets, and its source."""
    return {
        "id": definition.id,
        "version": definition.version,
        "title": definition.title,
        "category": definition.category,
        "doc": definition.doc,
        "inputs": [_port_as_json(port) for port in definition.inputs.values()],
        "outputs": [{"name": o.name, "type": type_name(o.type)} for o in definition.outputs],
        "writes": definition.writes,
        "volatile": definition.volatile,
        "source": definition.source,
    }


def _plan_rows(made: Plan, mark: str, indent: str) -> Iterable[tuple[str, ...]]:
    """A row per step; a loop's pass stands indented below it, as deep as bodies are nested."""
    for number, step in enumerate(made.steps, start=1):
        name = step.path.rpartition("/")[2] if indent else step.path
        makes = ", ".join(f"{output} {size(nbytes)}" for output, _, nbytes in step.makes)
        frees = ", ".join(step.frees)
        yield f"{mark}{number}", f"{indent}{name}", step.type, makes, size(step.held), frees
        if step.body is not None:
            yield from _plan_rows(step.body, f"{mark}{number}.", f"{indent}  ")


def _list(registry: Registry, *, as_json: bool) -> None:
    if as_json:
        failures = [problem.as_json() for problem in registry.failures]
        print_json({"nodes": [node_as_json(d) for d in registry], "problems": failures})
        return
    _print_nodes(list(registry), as_json=False)
    print(f"{len(registry.definitions)} node types; `nodeflow nodes NAME` tells all about one")


def _print_nodes(definitions: Sequence[NodeDefinition], *, as_json: bool) -> None:
    if as_json:
        print_json({"nodes": [node_as_json(d) for d in definitions], "problems": []})
        return
    rows = [(f"  {d.id}", d.title, d.doc.partition("\n")[0]) for d in definitions]
    category = None
    for definition, line in zip(definitions, table(rows), strict=True):
        if definition.category != category:
            category = definition.category
            print(category)
        print(line)


def _about(definition: NodeDefinition) -> list[str]:
    lines = [f"{definition.id}  version {definition.version}  {definition.title}", ""]
    lines += [definition.doc, ""]
    if definition.inputs:
        rows = [_port_row(port) for port in definition.inputs.values()]
        lines += ["inputs", *table(rows), ""]
    if definition.outputs:
        rows = [(f"  {port.name}", type_name(port.type)) for port in definition.outputs]
        lines += ["outputs", *table(rows), ""]
    if definition.writes:
        lines.append("It writes files, so it runs each time.")
    if definition.volatile:
        lines.append("It depends on more than its inputs, so it runs each time.")
    return [*lines, definition.source]


def _port_row(port: InputPort) -> tuple[str, ...]:
    default = "required" if port.required else f"= {port.default!r}"
    return f"  {port.name}", type_name(port.type), default, _widget(port)


def _widget(port: InputPort) -> str:
    if port.widget is None:
        return ""
    told = port.widget.as_json()
    name = told.pop("widget")
    facts = [f"{key} {_word(value)}" for key, value in told.items() if value not in (None, "", ())]
    return f"{name}({', '.join(facts)})" if facts else name


def _word(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return " | ".join(str(item) for item in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _port_as_json(port: InputPort) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": port.name,
        "type": type_name(port.type),
        "required": port.required,
    }
    if not port.required:
        told["default"] = port.default
    if port.widget is not None:
        told["widget"] = port.widget.as_json()
    return told
