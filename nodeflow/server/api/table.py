"""What a route of our API is: one line of a table. The router and the OpenAPI document are both
made of it, so that they cannot differ.

Imports `server.wire`, `server.protocol`.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from pydantic import BaseModel

from nodeflow.server.wire import in_thread, json_answer, read_object, validated

PREFIX = "/api/v1"


class NoQuery(BaseModel):
    """For routes that ask for nothing more."""


@dataclass
class Call:
    """One request, read and checked."""

    request: web.Request
    app: web.Application
    path: dict[str, str]
    query: Any
    """The route's `query` model."""
    body: Any
    """The route's `takes` model, or the object itself where it takes any; None without a body."""


Handler = Callable[[Call], Awaitable["BaseModel | web.StreamResponse | None"]]


@dataclass(frozen=True)
class Route:
    """`path` is below /api/v1; `takes` and `gives` are models (`dict` for any object; None for
    nothing). `refuses` lists the statuses beside 400 that it may refuse with."""

    method: str
    path: str
    handler: Handler
    summary: str
    takes: type[BaseModel] | type[dict[str, Any]] | None = None
    gives: type[BaseModel] | type[dict[str, Any]] | None = None
    query: type[BaseModel] = NoQuery
    status: int = 200
    refuses: tuple[int, ...] = ()
    headers: tuple[str, ...] = ()
    """Request headers that it heeds."""
    large: bool = False
    """Whether its answers may be so large that others would wait for them to be made text."""

    @property
    def parameters(self) -> list[str]:
        return re.findall(r"{(\w+)(?::[^}]*)?}", self.path)

    @property
    def plain_path(self) -> str:
        """The path as OpenAPI writes it, without patterns."""
        return PREFIX + re.sub(r"{(\w+):[^}]*}", r"{\1}", self.path)


def add_routes(app: web.Application, routes: Iterable[Route]) -> None:
    """Route every line of the table."""
    for route in routes:
        if route.method == "GET":  # and HEAD, which the document leaves to the reader's own mind
            app.router.add_get(PREFIX + route.path, _served(route))
        else:
            app.router.add_route(route.method, PREFIX + route.path, _served(route))


def _served(route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def serve(request: web.Request) -> web.StreamResponse:
        query = validated(route.query, dict(request.query))
        body: Any = None
        if route.takes is not None:
            body = await read_object(request)
            if issubclass(route.takes, BaseModel):
                body = validated(route.takes, body)
        call = Call(request, request.app, dict(request.match_info), query, body)
        answer = await route.handler(call)
        if isinstance(answer, web.StreamResponse):
            return answer
        if answer is None:
            return web.Response(status=204)
        made = answer
        if route.large:
            return await in_thread(lambda: json_answer(made.model_dump(), route.status))
        return json_answer(answer.model_dump(), route.status)

    return serve
