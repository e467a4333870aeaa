"""Prompts that change on the way, by the examples in the web UI's own docstring."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodes.diffusion.prompts.faults import PromptError
from nodes.diffusion.prompts.syntax import Break, parse
from nodes.diffusion.prompts.timeline import Text, Vectors, moments
from nodes.diffusion.regions import in_span
from nodes.diffusion.schedules import scaled_linear_betas, schedule_of_betas
from nodes.types import Span, Step

SCHEDULE = schedule_of_betas(scaled_linear_betas(1000, 0.00085, 0.012))


def step(index: int, count: int) -> Step:
    return Step(index, count, 1.0, 0.5, 300.0, 200.0)


def read_at(text: str, count: int) -> list[str]:
    """What is read at each of `count` steps, with weights as the web UI writes them out."""
    found = moments([parse(text, "a1111")])
    read = []
    for index in range(count):
        holding = [
            m for m in found if all(in_span(s, step(index, count), SCHEDULE) for s in m.spans)
        ]
        assert len(holding) == 1, "one text for each step, and only one"
        (runs,) = holding[0].runs
        read.append(
            "".join(
                run.text if run.weight == 1 else f"({run.text}:{run.weight:g})"
                for run in runs
                if isinstance(run, Text)
            )
        )
    return read


def spread(*until: tuple[int, str]) -> list[str]:
    """`[[3, 'a'], [10, 'ab']]` as what is read at each step."""
    read: list[str] = []
    for end, text in until:
        read += [text] * (end - len(read))
    return read


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("test", spread((10, "test"))),
        ("a [b:3]", spread((3, "a "), (10, "a b"))),
        ("a [b: 3]", spread((3, "a "), (10, "a b"))),
        ("[(a:2):3]", spread((3, ""), (10, "(a:2)"))),
        ("a [b : c : 1] d", spread((1, "a b  d"), (10, "a  c  d"))),
        ("a[b:[c:d:2]:1]e", spread((1, "abe"), (2, "ace"), (10, "ade"))),
        ("a [b:.5] c", spread((5, "a  c"), (10, "a b c"))),
        ("[a|(b:1.1)]", ["a", "(b:1.1)"] * 5),
        ("[fe|]male", ["female", "male"] * 5),
        ("[fe|||]male", ["female", "male", "male", "male"] * 2 + ["female", "male"]),
        # Not in the docstring:
        ("a [b::3]", spread((3, "a b"), (10, "a "))),
        ("[a:b:0.25]", spread((2, "a"), (10, "b"))),  # 2.5 steps are 2
        ("[a:b:0]", spread((10, "b"))),
        ("[a:b:1.0]", spread((10, "a"))),
        ("[a:b:99]", spread((10, "a"))),
        ("[[a|b]:c:0.5]", ["a", "b", "a", "b", "a", *["c"] * 5]),
        ("[a|b] [c|d|e]", [f"{'ab'[k % 2]} {'cde'[k % 3]}" for k in range(10)]),
        ("[a:b:0.5][c:d:7]", spread((5, "ac"), (7, "bc"), (10, "bd"))),
        ("a [[[b]]:2]", spread((2, "a "), (10, "a (b:0.826446)"))),
    ],
)
def test_what_is_read_when(text: str, expected: list[str]) -> None:
    found = read_at(text, 10)
    assert ["".join(t) for t in found] == [e if e else "" for e in expected]


def test_a_prompt_that_never_changes_has_one_moment_without_spans() -> None:
    (only,) = moments([parse("a (b) [c]", "a1111")])
    assert only.spans == ()
    (same,) = moments([parse("[a:a:0.5]", "a1111")])
    assert same.spans == ()


PIECES = st.recursive(
    st.sampled_from(["a", "b", "c d", ""]),
    lambda inner: st.one_of(
        st.builds("({}:1.2)".format, inner),
        st.builds("[{}|{}]".format, inner, inner),
        st.builds("[{}|{}|{}]".format, inner, inner, inner),
        st.builds("[{}:{}:0.4]".format, inner, inner),
        st.builds("[{}:{}:0.75]".format, inner, inner),
        st.builds("[{}:{}:3]".format, inner, inner),
        st.builds("{} {}".format, inner, inner),
    ),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(text=PIECES, count=st.integers(1, 23))
def test_each_step_has_exactly_one_text(text: str, count: int) -> None:
    assert len(read_at(text, count)) == count


def test_a_share_is_cut_to_whole_steps() -> None:
    span = Span(0.0, 0.5, "steps")
    assert [in_span(span, step(k, 5), SCHEDULE) for k in range(5)] == [True, True, *[False] * 3]


def test_the_texts_of_several_encoders_change_together() -> None:
    prompts = [parse(text, "a1111") for text in ("[a:b:0.5]", "c", "[d:e:0.25]")]
    found = moments(prompts)
    texts = [tuple(run.text for (run,) in m.runs if isinstance(run, Text)) for m in found]
    assert texts == [("a", "c", "d"), ("a", "c", "e"), ("b", "c", "e")]
    assert [m.spans for m in found] == [
        (Span(start, end, "steps"),) for start, end in ((0, 0.25), (0.25, 0.5), (0.5, 1.0))
    ]


def test_vectors_and_breaks_stay_in_their_places() -> None:
    (only,) = moments([parse("a BREAK (embedding:x:0.5)", "a1111")])
    assert only.runs[0] == (Text("a "), Break(), Text(" "), Vectors("x", 0.5))


def test_too_many_turns_are_refused() -> None:
    primes = (2, 3, 5, 7, 11, 13)
    text = " ".join("[" + "|".join(f"w{k}" for k in range(p)) + "]" for p in primes)
    with pytest.raises(PromptError, match="got 1 stretches with 30030 turns each"):
        moments([parse(text, "a1111")])
