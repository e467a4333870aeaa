"""Socket types: what may travel on a wire, and which wire fits which port.

A socket type is a Python type: a plain value (`int`, `float`, `str`, `bool`), a class decorated
with `@socket`, `list[...]` or a union of those, or a `TypeVar` in a generic node.
Imports only `errors`.
"""

from __future__ import annotations

import sys
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, Union, get_args, get_origin

PLAIN: tuple[type, ...] = (bool, int, float, str)
_LARGEST = sys.float_info.max
"""A larger integer is no float."""
_C = TypeVar("_C", bound=type)


@dataclass(frozen=True)
class SocketInfo:
    """How a socket type is named, drawn, stored and written.

    `port` names the output of a node that returns one such value. `colour` and `shape` are for the
    editor. `persist` says whether values may be stored on disk by the cache. `save` is a lazy
    reference `"module:function"` to what writes a value as files for people:
    `save(value, stem: Path, metadata: dict[str, str]) -> list[Path]`. `role` tells those who look
    at a run what a value is to it: `x_t`, `x0`, `eps`, `attention`, `step`, `model`. `preview` is
    a lazy reference to what draws a value small, `preview(value, model) -> uint8 array [H, W, 3]`,
    with the model that the run last asked.
    """

    port: str
    colour: str = "#9a9a9a"
    shape: str = "circle"
    persist: bool = True
    save: str = ""
    role: str = ""
    preview: str = ""


_KNOWN: dict[str, type] = {}


def socket(
    port: str,
    *,
    colour: str = "#9a9a9a",
    shape: str = "circle",
    persist: bool = True,
    save: str = "",
    role: str = "",
    preview: str = "",
) -> Callable[[_C], _C]:
    """Declare a class as a socket type."""

    def declare(cls: _C) -> _C:
        cls.__socket__ = SocketInfo(  # type: ignore[attr-defined]
            port, colour, shape, persist, save, role, preview
        )
        _KNOWN[f"{cls.__module__}:{cls.__qualname__}"] = cls
        return cls

    return declare


def known_socket(name: str) -> type | None:
    """The class declared as `module:qualname`, or None. Only declared classes are ever found."""
    return _KNOWN.get(name)


def socket_info(tp: Any) -> SocketInfo:
    """How values of `tp` are named, drawn and stored; a list is told by its element."""
    info = getattr(tp, "__socket__", None)
    if isinstance(info, SocketInfo):
        return info
    if get_origin(tp) is list:
        return socket_info(get_args(tp)[0])
    members = union_members(tp)
    if len(members) == 1 and members[0] is not tp:
        return socket_info(members[0])
    return SocketInfo("value")


def is_list(tp: Any) -> bool:
    return get_origin(tp) is list


def element(tp: Any) -> Any:
    """`A` of `list[A]`."""
    return get_args(tp)[0]


def union_members(tp: Any) -> tuple[Any, ...]:
    """The members of a union without None, or the type alone."""
    if get_origin(tp) in (Union, types.UnionType):
        return tuple(m for m in get_args(tp) if m is not type(None))
    return (tp,)


def accepts_none(tp: Any) -> bool:
    return get_origin(tp) in (Union, types.UnionType) and type(None) in get_args(tp)


def is_plain(tp: Any) -> bool:
    """Whether a literal in a graph file can be of this type."""
    if is_list(tp):
        return is_plain(element(tp))
    return any(m in PLAIN or (is_list(m) and is_plain(m)) for m in union_members(tp))


def is_socket_type(tp: Any) -> bool:
    """Whether `tp` may stand in a node's signature."""
    if isinstance(tp, TypeVar):
        return True
    if is_list(tp):
        return is_socket_type(element(tp))
    members = union_members(tp)
    if members != (tp,):
        return all(is_socket_type(m) for m in members)
    return tp in PLAIN or isinstance(getattr(tp, "__socket__", None), SocketInfo)


def type_name(tp: Any) -> str:
    """`Latent`, `list[Latent]`, `int | str`, `T`: one name in errors, JSON and on screen."""
    if isinstance(tp, TypeVar):
        return tp.__name__
    if is_list(tp):
        return f"list[{type_name(element(tp))}]"
    if get_origin(tp) in (Union, types.UnionType):
        return " | ".join("none" if m is type(None) else type_name(m) for m in typing.get_args(tp))
    return getattr(tp, "__name__", str(tp))


def assignable(source: Any, target: Any) -> bool:
    """Whether a wire of type `source` fits a port of type `target`.

    The same type, a subclass to its base, int to float, a member to its union, `list[A]` to
    `list[B]` where A is to B, anything to a `TypeVar`. Nothing else: a conversion is a node.
    `bool` is no number here, although Python derives it from `int`.
    """
    if isinstance(target, TypeVar) or isinstance(source, TypeVar) or source is target:
        return True
    sources = union_members(source)
    if sources != (source,):
        none_fits = accepts_none(target) or not accepts_none(source)
        return none_fits and all(assignable(s, target) for s in sources)
    targets = union_members(target)
    if targets != (target,):
        return any(assignable(source, t) for t in targets)
    if is_list(source) or is_list(target):
        return is_list(source) and is_list(target) and assignable(element(source), element(target))
    if source is int and target is float:
        return True
    if source is bool:
        return target is bool
    return isinstance(source, type) and isinstance(target, type) and issubclass(source, target)


def substitute(tp: Any, bound: dict[TypeVar, Any]) -> Any:
    """`tp` with its type variables replaced by what they are bound to."""
    if isinstance(tp, TypeVar):
        return bound.get(tp, tp)
    if is_list(tp):
        return list[substitute(element(tp), bound)]  # type: ignore[misc]
    if union_members(tp) != (tp,):
        members = [substitute(member, bound) for member in get_args(tp)]
        return Union[tuple(members)]  # noqa: UP007 - made of types known only here
    return tp


def bind(source: Any, target: Any, bound: dict[TypeVar, Any]) -> bool:
    """Fit `source` to a generic `target`, noting in `bound` what each type variable stands for.

    Two wires on the same variable must agree: the wider of the two types wins, and two types of
    which neither holds the other do not fit.
    """
    if isinstance(target, TypeVar):
        before = bound.get(target)
        if before is None or assignable(before, source):
            bound[target] = source
            return True
        return assignable(source, before)
    if is_list(target) and is_list(source):
        return bind(element(source), element(target), bound)
    members = union_members(target)
    if any(isinstance(member, TypeVar) for member in members):
        named = [member for member in members if not isinstance(member, TypeVar)]
        if any(assignable(source, member) for member in named):
            return True
        return bind(source, next(m for m in members if isinstance(m, TypeVar)), bound)
    return assignable(source, target)


def literal_fits(value: Any, tp: Any) -> bool:
    """Whether a literal of a graph file may stand at a port of type `tp`."""
    if isinstance(tp, TypeVar):
        return isinstance(value, (*PLAIN, list))
    if value is None:
        return accepts_none(tp)
    for member in union_members(tp):
        if is_list(member):
            if isinstance(value, (list, tuple)) and all(
                literal_fits(v, element(member)) for v in value
            ):
                return True
        elif member is float:
            if isinstance(value, float):
                return True
            if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _LARGEST:
                return True
        elif member is int:
            if isinstance(value, int) and not isinstance(value, bool):
                return True
        elif member in PLAIN and isinstance(value, member):
            return True
    return False


def coerce_literal(value: Any, tp: Any) -> Any:
    """A literal that fits, in the port's own type: 1 at a float port is 1.0, so that equal graphs
    have equal keys."""
    if isinstance(value, (list, tuple)):
        for member in union_members(tp):
            if is_list(member):
                return [coerce_literal(v, element(member)) for v in value]
        return list(value)
    members = union_members(tp)
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value) if float in members and int not in members else value
    return value


def value_fits(value: Any, tp: Any) -> bool:
    """Whether a value is what a port of type `tp` promises."""
    if isinstance(tp, TypeVar):
        return True
    if is_list(tp):
        return isinstance(value, list) and all(value_fits(item, element(tp)) for item in value)
    members = union_members(tp)
    if members != (tp,):
        return any(value_fits(value, member) for member in members)
    if tp in PLAIN:
        if tp is float:
            return isinstance(value, (int, float)) and not isinstance(value, bool)
        return type(value) is tp
    return isinstance(value, tp)
