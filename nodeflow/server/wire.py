"""What goes over the wire and comes from it: JSON that every browser reads, bodies within limits,
and refusals.

Imports `errors`, `formats.faults`, `server.protocol`.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any, TypeVar

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_protocol import RequestPayloadError
from pydantic import BaseModel, ValidationError

from nodeflow.errors import NodeflowError, Problem
from nodeflow.formats.faults import object_of, shape_problems

MAX_PROBLEMS = 500
MAX_DIGITS = 400
"""Digits of a number; Python takes ever longer to read more of them."""
LARGE = 1 << 18
"""Bytes of a body that others would wait for while it is read."""
_Model = TypeVar("_Model", bound=BaseModel)
_T = TypeVar("_T")


class Refusal(NodeflowError):
    """A request that is answered with a 4xx: all that is wrong with it."""

    def __init__(
        self, status: int, problems: Iterable[Problem], headers: Mapping[str, str] | None = None
    ) -> None:
        self.status = status
        self.problems = tuple(problems)
        self.headers = dict(headers or {})
        super().__init__("; ".join(str(problem) for problem in self.problems))


def refusal(status: int, code: str, where: str, message: str, hint: str = "") -> Refusal:
    """A refusal for one reason."""
    return Refusal(status, [Problem(code, where, message, hint)])


def dumps(data: Any) -> str:
    """Compact JSON in ASCII: half a surrogate pair, which a graph's title may hold, is no UTF-8.
    What JSON has no word for (nan, inf) is null."""
    try:
        return json.dumps(data, separators=(",", ":"), allow_nan=False)
    except ValueError:
        return json.dumps(_finite(data), separators=(",", ":"), allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value


def json_answer(
    data: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Data as a JSON answer that nobody keeps."""
    return web.Response(
        text=dumps(data),
        status=status,
        content_type="application/json",
        headers={"Cache-Control": "no-store", **(headers or {})},
    )


def problems_answer(
    status: int, problems: Iterable[Problem], headers: Mapping[str, str] | None = None
) -> web.Response:
    """The answer that refuses. A body can be wrong in more places than anybody would read."""
    told = [p.as_json() for p in islice(problems, MAX_PROBLEMS + 1)]
    if len(told) > MAX_PROBLEMS:
        more = Problem("too-many", "", f"more than {MAX_PROBLEMS} problems; these are the first")
        told[-1] = more.as_json()
    return json_answer({"problems": told}, status, headers)


async def read_object(request: web.Request) -> dict[str, Any]:
    """The JSON object in a request's body. The application's `client_max_size` bounds its bytes.

    Raises:
        Refusal: it is not said to be JSON, is none, is nested beyond all sense, or says a name
            twice.
    """
    if request.content_type != "application/json":
        got = request.headers.get("Content-Type", "none")
        # A page of another origin may send text/plain without being asked for leave.
        raise refusal(415, "not-json", "", f"the body is {got[:80]}", "send application/json")
    try:
        if (request.content_length or 0) > request.client_max_size:  # said before it is sent
            raise web.HTTPRequestEntityTooLarge(
                request.client_max_size, request.content_length or 0
            )
        body = await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        raise refusal(413, "too-large", "", "the body is too large", "send less") from error
    except (RequestPayloadError, HttpProcessingError, ValueError) as error:
        raise refusal(400, "bad-body", "", "the body does not come as it says") from error
    data = await in_thread(lambda: parse(body)) if len(body) > LARGE else parse(body)
    if not isinstance(data, dict):
        raise refusal(400, "schema", "", f"got {_kind(data)}, expected an object")
    return data


async def in_thread(work: Callable[[], _T]) -> _T:
    """Work that takes long enough for others to notice, beside the loop."""
    return await asyncio.get_running_loop().run_in_executor(None, work)


def parse(body: bytes | str) -> Any:
    """Parsed JSON.

    Raises:
        Refusal: see `read_object`.
    """
    try:
        text = body if isinstance(body, str) else body.decode("utf-8-sig")
        data = json.loads(
            text, object_pairs_hook=object_of, parse_constant=_no_number, parse_int=_integer
        )
    except RecursionError:
        raise refusal(400, "too-deep", "", "nested too deeply", "flatten it") from None
    except ValueError as error:
        raise refusal(400, "not-json", "", f"this is no JSON: {error}") from None
    wrong = list(shape_problems(data if isinstance(data, dict) else {"": data}, ""))
    if wrong:
        raise Refusal(400, wrong)
    return data


def validated(model: type[_Model], data: Mapping[str, Any]) -> _Model:
    """Data as a model.

    Raises:
        Refusal: with every field that is wrong, by its place.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise Refusal(400, map(_field_problem, error.errors(include_url=False))) from None


def _field_problem(fault: Any) -> Problem:
    where = "/".join(str(part) for part in fault["loc"])
    if fault["type"] == "missing":
        return Problem("schema", where, f"{fault['loc'][-1]!r} is missing")
    if fault["type"] == "extra_forbidden":
        return Problem("schema", where, f"there is no field {str(fault['loc'][-1])[:60]!r}")
    return Problem("schema", where, f"{fault['msg']}; got {_short(fault.get('input'))}")


def _short(value: Any) -> str:
    if isinstance(value, (dict, list)):
        return _kind(value)
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:59]}…"


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "a truth value"}
    return "nothing" if value is None else names.get(type(value), "a number")


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no JSON number")


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise ValueError(f"a number has {len(text)} digits")
    return int(text)
