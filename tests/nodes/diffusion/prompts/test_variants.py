"""Dynamic prompts: what they can become, and that chance only gives what the list has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodes.diffusion.prompts.faults import PromptError
from nodes.diffusion.prompts.variants import Variants

FILES = {
    "colour": ["red", "blue"],
    "thing": ["a __colour__ {box|bag}", "nothing"],
    "ring": ["x", "__back__"],
    "back": ["__ring__"],
    "broken": ["fine", "{a"],
    "empty": [],
}


def lines(name: str) -> Sequence[str]:
    if name not in FILES:
        raise LookupError(f"no {name}")
    return FILES[name]


def every(text: str) -> list[str]:
    return Variants(text, lines).every()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain (a:1.2) [b|c] d", ["plain (a:1.2) [b|c] d"]),
        ("", [""]),
        ("a {b|c} d", ["a b d", "a c d"]),
        ("{a|b}{c|d}", ["ac", "ad", "bc", "bd"]),
        ("{a|}", ["a", ""]),
        ("{{a|b}|c}", ["a", "b", "c"]),
        ("{2$$a|b|c}", ["a, b", "a, c", "b, c"]),
        ("{2$$ and $$a|b}", ["a and b"]),
        ("{1-2$$a|b}", ["a", "b", "a, b"]),
        ("{2-$$a|b|c}", ["a, b", "a, c", "b, c", "a, b, c"]),
        ("{-2$$a|b}", ["a", "b", "a, b"]),
        ("{0-1$$a}", ["", "a"]),
        ("{0.5::a|2::b|0::c}", ["a", "b"]),
        ("{2$$3::a|b}", ["a, b"]),
        ("{$$a|b}", ["$$a", "b"]),
        ("__colour__!", ["red!", "blue!"]),
        ("__thing__", ["a red box", "a red bag", "a blue box", "a blue bag", "nothing"]),
        (r"\{a\|b\} {c\|d\}|e}", [r"{a\|b} c|d}", r"{a\|b} e"]),
        (r"\__colour\__ \(a\)", [r"__colour__ \(a\)"]),
        ("{a|a}", ["a"]),
    ],
)
def test_all_variants(text: str, expected: list[str]) -> None:
    assert every(text) == expected


PIECES = st.recursive(
    st.sampled_from(["a", "b", "", "__colour__", "__thing__"]),
    lambda inner: st.one_of(
        st.builds("{{{}|{}}}".format, inner, inner),
        st.builds("{{0.2::{}|{}}}".format, inner, inner),
        st.builds("{{1-2$$ + $${}|{}|{}}}".format, inner, inner, inner),
        st.builds("{} {}".format, inner, inner),
    ),
    max_leaves=5,
)


@settings(max_examples=100, deadline=None)
@given(text=PIECES, seed=st.integers(0, 2**63 - 1))
def test_chance_gives_one_of_the_list(text: str, seed: int) -> None:
    variants = Variants(text, lines)
    count = variants.count()
    assert variants.random(seed) == variants.random(seed)
    if count <= 2000:
        listed = variants.every()
        assert 1 <= len(listed) <= count
        assert len(set(listed)) == len(listed)
        assert variants.random(seed) in listed


@settings(max_examples=200, deadline=None)
@given(text=st.text(alphabet="ab{}|$0.3:-_\\ "))
def test_any_text_is_read_or_has_faults_inside_it(text: str) -> None:
    assert all(0 <= place < len(text) for place in faults(text))


def faults(text: str) -> list[int]:
    """Where the faults are; none, where it was read and one was chosen."""
    try:
        Variants(text, lines).random(0)
    except PromptError as error:
        return [problem.at for problem in error.problems]
    return []


def test_weights_are_odds() -> None:
    variants = Variants("{3::a|b}", lines)
    drawn = Counter(variants.random(seed) for seed in range(2000))
    assert drawn["a"] / 2000 == pytest.approx(0.75, abs=0.03)  # 3 standard deviations
    neighbours = [Variants("{a|b|c|d}", lines).random(seed) for seed in range(40)]
    assert set(neighbours) == set("abcd")


def test_the_count_needs_no_list() -> None:
    assert Variants("{10$$" + "|".join(str(k) for k in range(40)) + "}", lines).count() == 847660528


def test_what_cannot_be_chosen_costs_nothing() -> None:
    many = "{a|b}" * 60
    assert every("{0::" + many + "|x}{0$$" + many + "}") == ["x"]
    assert every("{" + "9" * 5000 + "$$a}") == ["9" * 5000 + "$$a"], "no number of options"


def test_any_depth_is_read() -> None:
    deep = 5000
    variants = Variants("{" * deep + "a|b" + "}" * deep, lines)
    assert variants.count() == 2
    assert variants.every() == ["a", "b"]
    assert variants.random(0) in "ab"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a {b", r"column 3: got '{', expected '}' for it before the end"),
        ("a} {b", r"column 2: got '}', .*; column 4: got '{'"),
        ("x {3$$a|b}", r"column 3: got 3 of 2 options, expected at most 2"),
        ("{2-1$$a|b}", r"column 1: got 2 to 1 of 2 options"),
        ("{2$$a|0::b}", r"column 1: got 1 options of weight above 0, expected at least 2"),
        ("{0::a}", r"column 1: got 0 options of weight above 0"),
        ("a __none__", r"column 3: got wildcard __none__, .*no none"),
        ("__ring__", r"ring → back → ring would never end"),
        (
            "__colour__ __broken__",
            r"column 12: got wildcard __broken__.*line 2 of broken: column 1",
        ),
        ("__empty__", r"empty has no lines"),
    ],
)
def test_faults_have_columns(text: str, expected: str) -> None:
    with pytest.raises(PromptError, match=expected):
        Variants(text, lines)
