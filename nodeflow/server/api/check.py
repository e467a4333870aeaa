"""What is told of a graph without running it, and of a text without drawing it."""

from __future__ import annotations

from typing import Any

from nodeflow.errors import GraphError, Problem
from nodeflow.formats.comfyui.export import export
from nodeflow.formats.comfyui.spec import default_table
from nodeflow.formats.graph_json import graph_from_data
from nodeflow.graph import Graph, walk
from nodeflow.plan import plan
from nodeflow.program import Program
from nodeflow.registry import Registry
from nodeflow.server.api.table import Call, Route
from nodeflow.server.keys import REGISTRY, RUNS, SETTINGS
from nodeflow.server.protocol import (
    ComfyuiExport,
    GraphRequest,
    PlanAnswer,
    ProblemData,
    TokenizeAnswer,
    TokenizeRequest,
    ValidateAnswer,
)
from nodeflow.server.settings import Settings
from nodeflow.server.wire import in_thread, refusal
from nodeflow.sockets import type_name
from nodeflow.validate import UNKNOWN, program


async def validate_graph(call: Call) -> ValidateAnswer:
    """Faults of the graph are the answer, not a refusal: the editor asks after every change."""
    request: GraphRequest = call.body
    registry, most = call.app[REGISTRY], call.app[SETTINGS].limits.graph_nodes
    return await in_thread(lambda: _validate(request, registry, most))


async def plan_graph(call: Call) -> PlanAnswer:
    request: GraphRequest = call.body
    registry, most = call.app[REGISTRY], call.app[SETTINGS].limits.graph_nodes
    return await in_thread(lambda: _plan(request, registry, most))


async def export_comfyui(call: Call) -> ComfyuiExport:
    """What cannot go over is no refusal: the rest does, and the answer names it."""
    request: GraphRequest = call.body
    registry, settings = call.app[REGISTRY], call.app[SETTINGS]
    return await in_thread(lambda: _exported(request, registry, settings))


def _exported(request: GraphRequest, registry: Registry, settings: Settings) -> ComfyuiExport:
    graph = graph_from_data(request.graph, registry)
    _refuse_large(graph, settings.limits.graph_nodes)
    made = export(
        graph.with_inputs(request.inputs),
        default_table(),
        registry,
        partial=True,
        folder=settings.input,
    )
    return ComfyuiExport(prompt=made.prompt, problems=told(made.problems))


async def tokenize_text(call: Call) -> TokenizeAnswer:
    request: TokenizeRequest = call.body
    told = await call.app[RUNS].call("tokenize", request.model_dump())
    return TokenizeAnswer.model_validate(told)


def told(problems: Any) -> list[ProblemData]:
    """Problems as they go over the wire, errors first."""
    ordered = sorted(problems, key=lambda p: p.severity != "error")
    return [ProblemData(**problem.as_json()) for problem in ordered]


def _validate(request: GraphRequest, registry: Registry, most: int) -> ValidateAnswer:
    try:
        made = _program(request, registry, most)
        problems: tuple[Problem, ...] = tuple(made.problems)
        if request.outputs is not None and not made.errors:
            plan(made.graph, registry, outputs=request.outputs)
    except GraphError as error:
        return ValidateAnswer(valid=False, problems=told(error.problems))
    valid = not any(problem.severity == "error" for problem in problems)
    return ValidateAnswer(valid=valid, problems=told(problems), types=_types(made))


def _plan(request: GraphRequest, registry: Registry, most: int) -> PlanAnswer:
    made = _program(request, registry, most)
    if made.errors:
        raise GraphError(made.problems)
    found = plan(made.graph, registry, outputs=request.outputs)
    return PlanAnswer(**found.as_json(), problems=told(made.problems))


def _program(request: GraphRequest, registry: Registry, most: int) -> Program:
    graph = graph_from_data(request.graph, registry)
    _refuse_large(graph, most)
    return program(graph.with_inputs(request.inputs), registry)


def _refuse_large(graph: Graph, most: int) -> None:
    count = 0
    for count, _ in enumerate(walk(graph), start=1):
        if count > most:
            raise refusal(413, "too-large", "nodes", f"the graph has more than {most:,} nodes")


def _types(made: Program) -> dict[str, dict[str, str]]:
    """Node → output → type, bodies included. What a faulty node would give is left out."""
    found: dict[str, dict[str, str]] = {}
    scopes = [made.scope]
    while scopes:
        scope = scopes.pop()
        for task in scope.tasks:
            slots = enumerate(task.outputs, start=task.first)
            types = {name: scope.slot_types[slot] for slot, name in slots}
            found[task.path] = {
                name: type_name(tp) for name, tp in types.items() if tp is not UNKNOWN
            }
            if task.loop is not None:
                scopes.append(task.loop.body)
    return found


ROUTES = [
    Route(
        *("POST", "/validate", validate_graph, "All that is wrong with a graph, and its types"),
        takes=GraphRequest,
        gives=ValidateAnswer,
        large=True,
    ),
    Route(
        *("POST", "/plan", plan_graph, "The order of a run and the memory it takes"),
        takes=GraphRequest,
        gives=PlanAnswer,
        large=True,
    ),
    Route(
        *("POST", "/export/comfyui", export_comfyui, "A graph as a prompt for ComfyUI"),
        takes=GraphRequest,
        gives=ComfyuiExport,
        refuses=(413,),
        large=True,
    ),
    Route(
        *("POST", "/tokenize", tokenize_text, "The pieces that the text encoders see"),
        takes=TokenizeRequest,
        gives=TokenizeAnswer,
        refuses=(404, 503),
    ),
]
