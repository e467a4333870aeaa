"""The OpenAPI document: made of the routes, and what a server answers holds to it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
import schemathesis
from aiohttp import web
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance

from nodeflow import __version__
from nodeflow.server.api.table import PREFIX
from nodeflow.server.app import EVENTS, TABLE
from nodeflow.server.openapi import document
from serving import Server, application, serving

EXAMPLES = 25
"""Of each route."""


def test_every_route_of_the_api_is_described(tmp_path: Path) -> None:
    """Those outside of the table answer with files and sockets, which no schema tells."""
    paths = document(TABLE, __version__)["paths"]
    app: web.Application = application(tmp_path)
    routed = {
        (route.method, route.resource.canonical)
        for route in app.router.routes()
        if route.resource is not None and route.resource.canonical.startswith(PREFIX)
    }
    told = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    assert told <= routed
    apart = {path for method, path in routed - told if method != "HEAD"}
    assert apart == {
        *(f"{PREFIX}/openapi.json", f"{PREFIX}/ws", f"{PREFIX}/files/{{kind}}/{{path}}"),
        *(f"{PREFIX}/runs/{{run}}/tensors/{{tid}}", f"{PREFIX}/runs/{{run}}/tensors/{{tid}}.png"),
        *(f"{PREFIX}/runs/{{run}}/attention.png", f"{PREFIX}/template-pictures/{{name}}"),
    }


def test_names_of_operations_are_its_own() -> None:
    paths = document(TABLE, __version__)["paths"]
    names = [told["operationId"] for methods in paths.values() for told in methods.values()]
    assert len(set(names)) == len(names)


def test_references_lead_somewhere() -> None:
    told = document(TABLE, __version__, EVENTS)
    known = told["components"]["schemas"]
    assert {"RunEvent", "NodeEvent", "TensorHead", "Problems"} <= set(known)
    pending: list[Any] = [told]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            if "$ref" in item:
                assert item["$ref"].removeprefix("#/components/schemas/") in known
            pending += item.values()
        elif isinstance(item, list):
            pending += item


DESCRIBED = document(TABLE, __version__)
OPERATIONS = [(path, method) for path, methods in DESCRIBED["paths"].items() for method in methods]


@pytest.fixture(scope="module")
def server(tmp_path_factory: Any) -> Iterator[Server]:
    """A server of its own, in a process of its own."""
    folder = tmp_path_factory.mktemp("fuzzed")
    with serving(folder, "--headless", "--device", "cpu") as started:
        with urlopen(f"{started.url}api/v1/openapi.json") as answer:
            told = json.load(answer)
        assert told["paths"] == DESCRIBED["paths"]
        yield started
        assert started.process.poll() is None, started.log


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_what_is_answered_is_as_described(server: Server, path: str, method: str) -> None:
    """Whatever is asked: no fault of the server's own, no status that is not told, and bodies of
    the shape that is."""
    schema = schemathesis.openapi.from_dict(DESCRIBED)
    schema.config.update(base_url=server.url)
    operation = schema[path][method]

    @given(case=operation.as_strategy())
    @settings(
        max_examples=EXAMPLES,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        derandomize=True,
    )
    def check(case: schemathesis.Case) -> None:
        response = case.call(timeout=20)
        case.validate_response(response, checks=[not_a_server_error, response_schema_conformance])
        told = DESCRIBED["paths"][path][method]["responses"]
        assert str(response.status_code) in told, (response.status_code, response.text[:500])

    check()
