"""What the editor is told of a prompt's pieces equals what the encoders read."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodeflow.context import RunContext
from nodeflow.errors import InputError
from nodeflow.server.protocol import TokenizeAnswer, TokenizedText
from nodes import load, text
from nodes.diffusion import loading
from nodes.diffusion.prompts.places import live
from nodes.tools.tokens import tokenize
from nodes.types import Clip

CLIP: Clip = load.checkpoint("tiny", ctx=RunContext()).clip


def told(words: str, syntax: str = "comfyui") -> list[TokenizedText]:
    answer = tokenize({"text": words, "checkpoint": "tiny", "syntax": syntax})
    return TokenizeAnswer(**answer).texts


def content(found: TokenizedText) -> list[tuple[int, str, float, int]]:
    return [(p.id, p.text, p.weight, p.chunk) for p in found.pieces if p.special != "pad"]


PROMPTS = st.text(
    st.sampled_from("ab (),:.1[]|\\é'-_/*#\n") | st.characters(codec="utf-8"), max_size=40
)


@pytest.mark.parametrize("syntax", ["comfyui", "a1111", "plain"])
@settings(deadline=None, max_examples=60)
@given(words=PROMPTS)
def test_pieces_are_those_of_the_encoders(syntax: str, words: str) -> None:
    try:
        table = text.tokens(CLIP, words, syntax)
    except InputError:
        with pytest.raises(InputError):
            told(words, syntax)
        return
    found = [row for each in told(words, syntax) for row in content(each)]
    wanted = list(zip(table.ids, table.pieces, table.weights, table.chunks, strict=True))
    assert found == wanted


@pytest.mark.parametrize("syntax", ["comfyui", "a1111", "plain"])
@settings(deadline=None, max_examples=60)
@given(words=PROMPTS)
def test_places_are_within_the_text_and_in_order(syntax: str, words: str) -> None:
    try:
        texts = told(words, syntax)
    except InputError:
        return
    for each in texts:
        placed = [p for p in each.pieces if p.special == ""]
        assert all(0 <= p.start < p.end <= len(words) for p in placed)
        assert [p.start for p in placed] == sorted(p.start for p in placed)
        assert all(p.start == p.end == -1 for p in each.pieces if p.special)


@pytest.mark.parametrize(
    ("syntax", "words", "wanted"),
    [
        ("plain", "A red, CIRCLE", ["A", "red", ",", "CIRCLE"]),
        ("comfyui", "a (red:1.3) cat", ["a", "red", "cat"]),
        ("comfyui", "cat /* red cat */ red", ["cat", "red"]),
        ("comfyui", "\\(cat\\) dog", ["(", "cat", ")", "dog"]),
        ("comfyui", "((a) b:1.2) c", ["a", "b", "c"]),
        ("a1111", "(cat) [dog] \\[cat\\]", ["cat", "dog", "[", "cat", "]"]),
        ("comfyui", "on embedding:some-thing red", ["on", "embedding:some-thing", "red"]),
        ("comfyui", "héllo", ["h", "é", "llo"]),
        ("comfyui", "", []),
    ],
)
def test_each_piece_is_found_in_the_text(syntax: str, words: str, wanted: list[str]) -> None:
    (found,) = told(words, syntax)
    assert [words[p.start : p.end] for p in found.pieces if p.special == ""] == wanted


def test_chunks_of_77_with_marks_and_padding() -> None:
    (found,) = told("cat " * 80)
    assert (found.encoder, found.length, found.note) == ("clip_l", 77, "")
    assert [(p.chunk, p.slot) for p in found.pieces] == [(c, s) for c in (0, 1) for s in range(77)]
    specials = [p.special for p in found.pieces]
    assert specials[:77] == ["start", *[""] * 75, "end"]
    assert specials[77:] == ["start", *[""] * 5, "end", *["pad"] * 70]
    assert [p.id for p in found.pieces if p.special == "start"] == [CLIP.tokenizer.marks[0][1]] * 2


def test_weights_are_those_of_the_syntax() -> None:
    (found,) = told("a (b:1.5) ((c))")
    weights = {p.text: p.weight for p in found.pieces if p.special == ""}
    assert weights == {"a</w>": 1.0, "b</w>": 1.5, "c</w>": pytest.approx(1.21)}
    assert {p.weight for p in found.pieces if p.special} == {1.0}


def test_texts_that_change_are_told_one_by_one() -> None:
    texts = told("a [cat:dog:0.5] AND [red|blue] :2", "a1111")
    assert [t.note for t in texts] == [
        "text 1 of 2, weight 1, from 0 % to 50 % of the steps",
        "text 1 of 2, weight 1, from 50 % to 100 % of the steps",
        "text 2 of 2, weight 2, step 1 of each 2",
        "text 2 of 2, weight 2, step 2 of each 2",
    ]
    words = "a [cat:dog:0.5] AND [red|blue] :2"
    assert [[words[p.start : p.end] for p in t.pieces if not p.special] for t in texts] == [
        ["a", "cat"],
        ["a", "dog"],
        ["red"],
        ["blue"],
    ]


@pytest.mark.parametrize(
    ("arguments", "port"),
    [
        ({"text": "a", "checkpoint": "no such"}, "checkpoint"),
        ({"text": "a", "syntax": "other"}, "syntax"),
        ({"text": "(a"}, "text"),
        ({"text": "[a:b:2.5]", "syntax": "a1111"}, "text"),
    ],
)
def test_what_cannot_be_told_is_refused(arguments: dict[str, Any], port: str) -> None:
    with pytest.raises(InputError) as caught:
        tokenize(arguments)
    assert caught.value.port == port


def test_no_weights_are_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    from nodes import model_files
    from nodes.diffusion.checkpoints import folders

    monkeypatch.delattr(folders, "load_part")
    found = loading.load_tokenizers(model_files.find("checkpoints", "tiny"))
    assert (found.encoder, found.kind, found.family) == (None, CLIP.kind, CLIP.family)
    assert found.tokenizer.size == CLIP.tokenizer.size


def test_comments_and_escapes_are_no_words() -> None:
    words = "a\\( /* b */ c"
    assert "".join(words[k] for k in live(words, "comfyui")) == "a(  c"
    assert live(words, "plain") == list(range(len(words)))
