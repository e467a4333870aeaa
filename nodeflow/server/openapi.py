"""The OpenAPI document, made of the same table as the router and of the models on the wire.

Imports `server.api.table`, `server.protocol`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from nodeflow.server.api.table import Route
from nodeflow.server.protocol import Problems

REFUSALS = {
    400: "the request is wrong",
    401: "no token, or a wrong one",
    403: "not from here",
    404: "there is no such thing",
    405: "not with this method",
    409: "not in this state",
    410: "it was let go",
    412: "somebody else changed it meanwhile",
    413: "too large",
    415: "not JSON",
    429: "the queue is full",
    500: "a fault of the server's own",
    503: "not now",
}
ALWAYS = (400, 401, 403, 413)
"""What any route may refuse with."""
OBJECT = {"type": "object", "additionalProperties": True}
_REF = "#/components/schemas/{model}"


def document(routes: Iterable[Route], version: str, added: Iterable[Any] = ()) -> dict[str, Any]:
    """The document of a table of routes; `added` are models that only the socket uses."""
    table = list(routes)
    models = _models(table, added)
    refs, definitions = models_json_schema(models, ref_template=_REF)
    paths: dict[str, dict[str, Any]] = {}
    for route in table:
        paths.setdefault(route.plain_path, {})[route.method.lower()] = _operation(route, refs)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "nodeflow",
            "version": version,
            "description": "Runs of graphs, what they make, and the graphs themselves. Events come "
            "over a websocket at /api/v1/ws; their models are among the schemas.",
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": definitions.get("$defs", {}),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],
    }


def _models(table: Iterable[Route], added: Iterable[Any]) -> list[tuple[Any, Any]]:
    found: dict[tuple[Any, str], None] = {(Problems, "serialization"): None}
    for route in table:
        if _is_model(route.takes):
            found[route.takes, "validation"] = None
        if _is_model(route.gives):
            found[route.gives, "serialization"] = None
    found.update({(model, "serialization"): None for model in added})
    return list(found)


def _is_model(given: Any) -> bool:
    return isinstance(given, type) and issubclass(given, BaseModel)


def _operation(route: Route, refs: dict[Any, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "summary": route.summary,
        "operationId": _operation_id(route),
        "tags": [route.path.strip("/").partition("/")[0]],
        "responses": _responses(route, refs),
    }
    parameters = [*_path_parameters(route), *_query_parameters(route), *_headers(route)]
    if parameters:
        told["parameters"] = parameters
    if route.takes is not None:
        schema = refs[route.takes, "validation"] if _is_model(route.takes) else OBJECT
        told["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schema}},
        }
    return told


def _operation_id(route: Route) -> str:
    name: str = getattr(route.handler, "__name__", "")
    return name.strip("_")


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    text = {"type": "string", "minLength": 1}
    return [
        {"name": name, "in": "path", "required": True, "schema": text} for name in route.parameters
    ]


def _query_parameters(route: Route) -> list[dict[str, Any]]:
    schema = route.query.model_json_schema(ref_template=_REF)
    required = schema.get("required", ())
    return [
        {"name": name, "in": "query", "required": name in required, "schema": told}
        for name, told in schema.get("properties", {}).items()
    ]


def _headers(route: Route) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "header", "required": False, "schema": {"type": "string"}}
        for name in route.headers
    ]


def _responses(route: Route, refs: dict[Any, Any]) -> dict[str, Any]:
    good: dict[str, Any] = {"description": "done"}
    if route.gives is not None:
        schema = refs[route.gives, "serialization"] if _is_model(route.gives) else OBJECT
        good["content"] = {"application/json": {"schema": schema}}
    told = {str(route.status if route.gives is not None else 204): good}
    if "If-None-Match" in route.headers and route.method == "GET":
        told["304"] = {"description": "as you have it"}
    problems = {"application/json": {"schema": refs[Problems, "serialization"]}}
    unsupported = (415,) if route.takes is not None else ()
    absent = (404,) if route.parameters else ()
    for status in sorted({*ALWAYS, *unsupported, *absent, *route.refuses}):
        told[str(status)] = {"description": REFUSALS[status], "content": problems}
    return told
