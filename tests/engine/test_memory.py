"""Looking into values that hold no tensors. Tensors: tests/engine_torch/test_memory_tensors.py."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodeflow.memory import BASE_BYTES, HASHED_BYTES, content_key, nbytes, short, tensors

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Pair:
    a: Any
    b: Any


@dataclass(frozen=True)
class Twin:
    """The same fields under another name."""

    a: Any
    b: Any


class Names(NamedTuple):
    first: str


leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary()
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.builds(Pair, inner, inner), max_leaves=8
)


def written(value: Any) -> str:
    """A spelling that differs for values that differ; the sign of zero and of NaN included."""
    if isinstance(value, float):
        return f"float {value.hex()} {math.copysign(1, value)}"
    if isinstance(value, list):
        return f"[{','.join(map(written, value))}]"
    if isinstance(value, Pair):
        return f"Pair({written(value.a)},{written(value.b)})"
    return f"{type(value).__name__} {value!r}"


@given(a=values, b=values)
def test_content_keys_are_equal_exactly_where_the_values_are(a: Any, b: Any) -> None:
    assert (content_key(a) == content_key(b)) == (written(a) == written(b))


ALL_DIFFERENT = [
    None,
    0,
    False,
    0.0,
    -0.0,
    "",
    b"",
    1,
    True,
    1.0,
    "1",
    b"1",
    "None",
    [],
    [[]],
    [[], []],
    [1, 2],
    [12],
    [[1], 2],
    [1, [2]],
    ["ab"],
    ["a", "b"],
    math.nan,
    math.inf,
    Pair(1, 2),
    Pair(2, 1),
    Pair([1], [2]),
    Twin(1, 2),
    Pair(Pair(1, 2), 3),
    Pair(1, Pair(2, 3)),
    "\ud800",
]


def test_values_that_differ_in_type_or_shape_have_different_content_keys() -> None:
    keys = [content_key(value) for value in ALL_DIFFERENT]
    assert all(key is not None and len(key) == 16 for key in keys)
    assert len(set(keys)) == len(keys)


def test_a_tuple_and_a_list_of_the_same_have_one_content_key() -> None:
    assert content_key((1, (2, "a"))) == content_key([1, [2, "a"]])


def test_content_keys_are_the_same_in_every_process() -> None:
    program = (
        "from nodeflow.memory import content_key; print(content_key([1, 'a', 2.5, None]).hex())"
    )
    out = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    key = content_key([1, "a", 2.5, None])
    assert key is not None
    assert out.stdout.strip() == key.hex()


@pytest.mark.parametrize("value", [object(), {1: 2}, {1, 2}, len, Pair, [1, object()]])
def test_values_of_unknown_kinds_have_no_content_key(value: Any) -> None:
    assert content_key(value) is None


def test_large_values_have_no_content_key() -> None:
    assert content_key("x" * (HASHED_BYTES - 100)) is not None
    assert content_key("x" * (HASHED_BYTES + 1)) is None
    assert content_key(["x" * (HASHED_BYTES // 2), "x" * (HASHED_BYTES // 2)]) is None


def test_plain_values_count_for_their_text_or_length() -> None:
    for value in (None, True, 1, 2.5):
        assert nbytes(value) == BASE_BYTES
    assert nbytes("a" * 1000) == BASE_BYTES + 1000
    assert nbytes(b"a" * 1000) == BASE_BYTES + 1000
    assert nbytes([1] * 1000) >= BASE_BYTES + 8000
    assert nbytes(object()) == BASE_BYTES


def test_nothing_counts_for_nothing() -> None:
    """A worth is seconds by bytes, so no value may have none."""
    for value in ALL_DIFFERENT:
        assert nbytes(value) >= BASE_BYTES


def test_values_without_tensors_yield_none_even_where_they_hold_themselves() -> None:
    loop: list[Any] = [1, {"a": {2, 3}}, Pair("x", None)]
    loop.append(loop)
    assert list(tensors(loop)) == []


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "None"),
        (7.5, "7.5"),
        ("a red circle", "'a red circle'"),
        ("x" * 100, "'" + "x" * 57 + "…'"),
        ([1, 2], "[1, 2]"),
        ((1, "a", None, 4, 5), "[1, 'a', None, … 5 in all]"),
        ([], "[]"),
        (Pair(1, "a"), "Pair(a=1, b='a')"),
        (Pair(object(), 2), "Pair(b=2)"),
        (Names("a"), "Names"),
        ({"a": 1}, "dict"),
        (Pair, "type"),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 30 else "",
)
def test_short_describes_a_value_in_one_line(value: Any, text: str) -> None:
    assert short(value) == text


def test_torch_is_not_imported_to_look_into_values() -> None:
    program = (
        "import sys\n"
        "from nodeflow.memory import content_key, nbytes, short, tensors\n"
        "for f in (content_key, nbytes, short, tensors): f([1, 'a', {'b': 2.5}])\n"
        "print('torch' in sys.modules)"
    )
    out = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert out.stdout == "False\n"
