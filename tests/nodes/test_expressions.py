"""Arithmetic as text: it equals Python's, and nothing but arithmetic passes."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodeflow.errors import InputError
from nodes.expressions import FUNCTIONS, LONGEST, OPERATORS, evaluate

NAMES = {"a": 2.0, "b": 3, "steps": 20}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2 * a + b ** 2 - 1", 12),
        ("7 // 2 + 7 % 4", 6),
        ("-a + +b", 1),
        ("min(a, b, 1) + max(a, b)", 4),
        ("round(2.345, 2)", 2.35),
        ("round(2.5)", 2),
        ("floor(-1.5) + ceil(1.2)", 0),
        ("clamp(9, 0, 1) + abs(-2)", 3),
        ("sqrt(2) * sqrt(2)", 2),
        ("log(e) + log2(8) + log10(100) + exp(0)", 7),
        ("sin(pi / 2) + cos(0) + tan(0) + atan2(0, 1)", 2),
        ("a if b > 2 and not a > 2 else 0", 2),
        ("1 < a <= 2 != 5", True),
        ("steps\n  / 4", 5),
        ("2 ** 0.5 ** 2", 2**0.25),
        ("2 ** -2", 0.25),
        ("10 ** 300", 1e300),
    ],
)
def test_it_computes_as_python_does(text: str, expected: float) -> None:
    assert evaluate(text, NAMES) == pytest.approx(expected, rel=1e-12)


@given(
    st.recursive(
        st.integers(-9, 9).map(lambda n: f"({n})"),
        lambda part: st.tuples(part, st.sampled_from(["+", "-", "*"]), part).map(
            lambda found: f"({found[0]}{found[1]}{found[2]})"
        ),
        max_leaves=12,
    )
)
def test_any_sum_and_product_equals_python(text: str) -> None:
    # The text is made above of digits, brackets and + - * alone.
    assert evaluate(text, {}) == eval(text, {"__builtins__": {}})


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os')",
        "a.real",
        "().__class__",
        "'text'",
        "[1, 2]",
        "{1: 2}",
        "a[0]",
        "lambda: 1",
        "x = 1",
        "a; b",
        "import os",
        "f'{a}'",
        "max(*a)",
        "round(1, digits=2)",
        "(a := 1)",
        "1j",
        "None",
        "...",
        "[x for x in a]",
        "a | b",
        "1 << 99",
        "sqrt",
        "max(1)(2)",
        "a @ b",
        "~b",
        "a in b",
        "await a",
        "",
        "   ",
        "# nothing",
        "1)+(2",
        "\0",
    ],
)
def test_anything_else_is_an_input_error(text: str) -> None:
    with pytest.raises(InputError, match="expression"):
        evaluate(text, NAMES)


@pytest.mark.parametrize(
    "text",
    [
        "9 ** 9 ** 9",
        "3999999 ** 3999999",
        "(2 ** 4000) ** 4000",
        "round(5, 10 ** 9)",
        "round(5, -10 ** 9)",
        "(" * 400 + "1" + ")" * 400,
        "-" * 999 + "1",
        "+".join(["1"] * 499) + "**" + "9" * 3,
        "2 ** 3000",
        "exp(1000)",
        "1e308 * 10",
    ],
)
def test_what_would_take_for_ever_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="expression"):
        evaluate(text, NAMES)


@pytest.mark.parametrize(
    "text", ["1 / 0", "0 ** -1", "sqrt(-1)", "log(0)", "(-8) ** 0.5", "exp(1000)", "clamp(1, 2, 0)"]
)
def test_what_has_no_value_is_an_input_error(text: str) -> None:
    with pytest.raises(InputError, match="expression"):
        evaluate(text, NAMES)


def test_not_a_number_in_is_an_error_out() -> None:
    with pytest.raises(InputError, match="finite real number"):
        evaluate("a + 1", {"a": math.nan})


def test_an_unknown_name_is_told_with_its_place_and_the_nearest() -> None:
    with pytest.raises(InputError, match=r"unknown stepps at column 5.*did you mean 'steps'"):
        evaluate("2 * stepps", NAMES)
    with pytest.raises(InputError, match=r"unknown sqr\(\) at column 1.*did you mean 'sqrt'"):
        evaluate("sqr(2)", NAMES)


def test_a_syntax_error_is_told_with_its_column() -> None:
    with pytest.raises(InputError, match="at column 5"):
        evaluate("2 + * 3", NAMES)
    with pytest.raises(InputError, match="at its end"):
        evaluate("2 +", NAMES)


def test_the_values_that_failed_are_told() -> None:
    with pytest.raises(InputError, match=r"division by zero \(with a = 2\)"):
        evaluate("1 / (a - 2)", NAMES)


def test_length_is_bounded() -> None:
    with pytest.raises(InputError, match=f"at most {LONGEST}"):
        evaluate("1" * (LONGEST + 1), {})


def test_every_function_and_operator_is_reached() -> None:
    assert len(FUNCTIONS) == 16
    assert len(OPERATORS) == 16
