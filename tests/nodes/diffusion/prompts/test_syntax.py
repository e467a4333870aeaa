"""Both syntaxes: the examples that their authors published, and what holds for any text."""

from __future__ import annotations

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from nodes.diffusion.prompts.faults import PromptError
from nodes.diffusion.prompts.syntax import (
    SYNTAXES,
    Break,
    Embedding,
    Prompt,
    Scheduled,
    Weighted,
    Words,
    escape,
    parse,
    walk,
)
from nodes.diffusion.prompts.timeline import Text, moments

ANY = st.one_of(st.text(), st.text(alphabet="ab ():[]|\\0.5,#/*\nANDBREAKembding{}$_é-+%"))


def weights(text: str, syntax: str) -> list[tuple[str, float]]:
    """Words with their weights, of a prompt that never changes."""
    (only,) = moments([parse(text, syntax)])
    return [(run.text, run.weight) for run in only.runs[0] if isinstance(run, Text)]


def read_or_fault(text: str, syntax: str) -> Prompt | PromptError:
    try:
        return parse(text, syntax)
    except PromptError as error:
        return error


def problems(text: str, syntax: str) -> list[tuple[int, str, str]]:
    """Column, got, expected of every fault."""
    with pytest.raises(PromptError) as caught:
        parse(text, syntax)
    error = caught.value
    return [(error.place(p)[1], p.got, p.expected) for p in error.problems]


@settings(max_examples=400, deadline=None)
@given(text=ANY, syntax=st.sampled_from(SYNTAXES))
@example(text="(a:1e999)", syntax="a1111")
@example(text="/*/", syntax="comfyui")
def test_any_text_is_a_tree_or_faults_with_columns_inside_it(text: str, syntax: str) -> None:
    read = read_or_fault(text, syntax)
    if isinstance(read, Prompt):
        assert read.parts
        return
    assert read.problems
    lines = text.split("\n")
    for problem in read.problems:
        line, column = read.place(problem)
        assert 1 <= line <= len(lines)
        assert 1 <= column <= len(lines[line - 1]) + 1
        assert 0 <= problem.at < len(text)
        assert read.where(problem) in str(read)


@settings(max_examples=400, deadline=None)
@given(text=ANY, syntax=st.sampled_from(SYNTAXES))
@example(text="\\/", syntax="comfyui")
@example(text="\\//*", syntax="comfyui")
@example(text="embedding:a", syntax="comfyui")
@example(text="a AND BREAK", syntax="a1111")
def test_what_is_escaped_reads_as_itself(text: str, syntax: str) -> None:
    (part,) = parse(escape(text, syntax), syntax).parts
    assert part.weight == 1
    assert part.nodes == ((Words(text),) if text else ())


@settings(max_examples=100, deadline=None)
@given(text=ANY, syntax=st.sampled_from(SYNTAXES))
@example(text="embedding", syntax="comfyui")
@example(text="an embedding", syntax="a1111")
def test_what_is_escaped_can_be_weighted(text: str, syntax: str) -> None:
    assume(syntax == "a1111" or not text.endswith("\\"))  # ComfyUI has no way to end in a backslash
    (node,) = parse(f"({escape(text, syntax)}:1.5)", syntax).parts[0].nodes
    assert isinstance(node, Weighted)
    assert node.weight == 1.5
    assert node.inside == ((Words(text),) if text else ())


# The examples in the docstring of the web UI's `parse_prompt_attention`; in the last one a bracket
# was left open there, which is a fault here.
PUBLISHED = [
    ("normal text", [("normal text", 1.0)]),
    ("an (important) word", [("an ", 1.0), ("important", 1.1), (" word", 1.0)]),
    (r"\(literal\]", [("(literal]", 1.0)]),
    ("(unnecessary)(parens)", [("unnecessaryparens", 1.1)]),
    (
        "a (((house:1.3)) [on] a (hill:0.5), sun, (((sky))).)",
        [
            ("a ", 1.0),
            ("house", 1.5730000000000004),
            (" ", 1.1),
            ("on", 1.0),
            (" a ", 1.1),
            ("hill", 0.55),
            (", sun, ", 1.1),
            ("sky", 1.4641000000000006),
            (".", 1.1),
        ],
    ),
]


@pytest.mark.parametrize(("text", "expected"), PUBLISHED)
def test_the_web_uis_own_examples(text: str, expected: list[tuple[str, float]]) -> None:
    found = weights(text, "a1111")
    assert [words for words, _ in found] == [words for words, _ in expected]
    assert [weight for _, weight in found] == pytest.approx([w for _, w in expected], abs=1e-9)


@pytest.mark.parametrize("text", ["(unbalanced", "a (((house:1.3)) [on]"])
def test_an_open_bracket_is_a_fault(text: str) -> None:
    ((column, got, _),) = problems(text, "a1111")
    assert (column, got) == (text.index("(") + 1, "'('")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a (b) c", [("a ", 1.0), ("b", 1.1), (" c", 1.0)]),
        ("((b))", [("b", 1.21)]),
        ("(b:1.25)", [("b", 1.25)]),
        ("(b :  0.5 )", [("b ", 0.5)]),
        ("((b:1.2):1.5)", [("b", 1.2)]),  # the explicit weight stands, as ComfyUI has it
        ("((b):1.5)", [("b", 1.65)]),
        ("(b:-0.5)", [("b", -0.5)]),
        ("[b] | c: {d}", [("[b] | c: {d}", 1.0)]),
        (r"\(b\) \ c", [(r"(b) \ c", 1.0)]),
        ("(a:b)", [("a:b", 1.1)]),
        ("a // b\nc /* d\n */e", [("a \nc e", 1.0)]),
        (r"http:\//x", [("http://x", 1.0)]),
        ("BREAK AND b", [("BREAK AND b", 1.0)]),
    ],
)
def test_comfyuis_weights(text: str, expected: list[tuple[str, float]]) -> None:
    assert weights(text, "comfyui") == expected


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("depth", [1, 2, 5, 20])
def test_nested_brackets_multiply(syntax: str, depth: int) -> None:
    ((_, weight),) = weights("(" * depth + "a" + ")" * depth, syntax)
    assert weight == pytest.approx(1.1**depth, rel=1e-9)


def test_the_web_ui_multiplies_explicit_weights_too() -> None:
    assert weights("((b:1.2):1.5)", "a1111") == [("b", 1.8)]
    assert weights("[[b]]", "a1111") == [("b", pytest.approx(1 / 1.21))]
    assert weights("([b])c", "a1111") == [("bc", 1.0)]


def test_any_depth_is_read() -> None:
    deep = 20000
    prompt = parse("[" * deep + "a" + "]" * deep, "a1111")
    assert sum(isinstance(node, Weighted) for node in walk(prompt.parts[0].nodes)) == deep
    assert weights("[" * deep + "a" + "]" * deep, "a1111") == [("a", 0.0)]
    assert len(problems("(" * 500 + "]" * 500, "a1111")) == 1000
    with pytest.raises(PromptError, match="column 20001: got weight inf"):
        weights("(" * deep + "a" + ")" * deep, "a1111")


def test_embeddings_are_found_with_their_places() -> None:
    for syntax in SYNTAXES:
        prompt = parse("a embedding:x-1, (embedding:sub/y.pt:1.2) reembedding:z", syntax)
        found = [node for node in walk(prompt.parts[0].nodes) if isinstance(node, Embedding)]
        assert [(node.name, node.at) for node in found] == [("x-1", 2), ("sub/y.pt", 18)]


def test_an_embedding_can_be_scheduled() -> None:
    (node,) = parse("[embedding:x:embedding:y:0.5]", "a1111").parts[0].nodes
    assert node == Scheduled((Embedding("x"),), (Embedding("y"),), 0.5, True)


def test_break_and_and_are_words_of_their_own() -> None:
    nodes = parse("a BREAK b BREAKS OUTBREAK \\BREAK # BREAK", "a1111").parts[0].nodes
    assert nodes == (Words("a "), Break(), Words(" b BREAKS OUTBREAK BREAK "))
    first, second, third = parse("a cat :1.2 AND BANDS:-.5 AND (c:2)", "a1111").parts
    assert (first.nodes, first.weight) == ((Words("a cat "),), 1.2)
    assert (second.nodes, second.weight) == ((Words(" BANDS"),), -0.5)
    assert (third.nodes, third.weight) == ((Words(" "), Weighted((Words("c"),), 2.0)), 1.0)


@pytest.mark.parametrize(
    ("text", "syntax", "expected"),
    [
        ("a)", "comfyui", [(2, "')'", "a '(' before it")]),
        (
            "a) (b",
            "comfyui",
            [(2, "')'", "a '(' before it"), (4, "'('", "')' for it before the end")],
        ),
        ("(a", "a1111", [(1, "'('", "')' for it before the end")]),
        ("(a]", "a1111", [(1, "'('", "')' for it before the end"), (3, "']'", "a '[' before it")]),
        ("[a (b]", "a1111", [(4, "'('", "')' for it before ']' at column 6")]),
        ("(a:1,2)", "comfyui", [(4, "'1,2'", "a number such as 1.2")]),
        ("(a:1.2.3)", "a1111", [(4, "'1.2.3'", "a number such as 1.2")]),
        ("(a:1e999)", "comfyui", [(4, "'1e999'", "a finite number")]),
        ("x (a: )", "comfyui", [(5, "':' and nothing after it", "a weight")]),
        ("[a:b:c]", "a1111", [(1, "'c' after the last ':' of '[ ]'", "a number")]),
        ("[a:]", "a1111", [(1, "'' after the last ':' of '[ ]'", "a number")]),
        ("[a:b:c:0.5]", "a1111", [(1, "3 texts in '[ ]'", "one or two")]),
        ("[a:1.5]", "a1111", [(4, "1.5", "a share of 0.0..1.0, or a whole step number")]),
        ("[a:-2]", "a1111", [(4, "-2", "a share of 0.0..1.0, or a whole step number")]),
        ("[a|b:c:0.5]", "a1111", [(1, "'|' and ':' with a number in one '[ ]'", "one of them")]),
        (
            "(a AND b)",
            "a1111",
            [(4, "AND inside the '(' at column 1", "AND outside of all brackets")],
        ),
        ("a \\", "a1111", [(3, "a backslash at the end", "a character after it")]),
        ("a /* b", "comfyui", [(3, "'/*' without an end", "'*/' after it")]),
    ],
)
def test_every_fault_is_told_with_its_column(
    text: str, syntax: str, expected: list[tuple[int, str, str]]
) -> None:
    assert problems(text, syntax) == expected


def test_a_fault_in_a_text_of_several_lines_has_line_and_column() -> None:
    with pytest.raises(PromptError, match=r"line 2, column 3: got '\)', expected a '\(' before it"):
        parse("a cat,\nb )", "comfyui")


def test_a_command_to_lay_a_network_on_is_a_fault_that_names_the_node() -> None:
    text = "a cat <lora:paper:0.8>, <hypernet:ink:1>"
    told = "a prompt without it"
    assert problems(text, "a1111") == [
        (7, "'<lora:paper:0.8>'", told),
        (25, "'<hypernet:ink:1>'", told),
    ]
    with pytest.raises(PromptError, match=r"lora\.load and lora\.apply .*hypernetwork\.load"):
        parse(text, "a1111")
    for words in ("a < b", "<3", r"\<lora:paper:1>", "# <lora:paper:1>", escape(text, "a1111")):
        assert isinstance(read_or_fault(words, "a1111"), Prompt)
    assert isinstance(read_or_fault(text, "comfyui"), Prompt)
