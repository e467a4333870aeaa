"""How long prompts are cut into chunks of 77, as ComfyUI and the web UI do it."""

from __future__ import annotations

import pytest

from nodes.diffusion.prompts.chunks import Chunk, Inversions, at_commas, in_a_row, in_words
from nodes.diffusion.prompts.syntax import Break
from nodes.diffusion.prompts.timeline import Text, Vectors
from nodes.diffusion.tokenizer import ClipTokenizer
from nodes.model_files import shipped_models

NONE = Inversions()
TWO = Inversions(named={"new": range(2), "other": range(2, 3)}, bare={(2368, 1929): "new"})
LONG = "supercalifragilisticexpialidocious"  # 11 pieces


@pytest.fixture(scope="module")
def tokenizer() -> ClipTokenizer:
    return ClipTokenizer.from_folder(shipped_models() / "tiny" / "tokenizer")


def inside(chunk: Chunk) -> list[str]:
    """A chunk's pieces without marks and padding."""
    assert len(chunk) == 77
    assert chunk[0].id == 49406
    pieces = [slot.piece.removesuffix("</w>") for slot in chunk[1:]]
    return pieces[: pieces.index("<|endoftext|>")]


def test_a_short_prompt_is_the_tokenizers_own_chunk(tokenizer: ClipTokenizer) -> None:
    text = "A photo,of\n two cats"
    expected = tokenizer.tokenize(text).ids.tolist()
    for cut in (in_words, at_commas):
        assert [[slot.id for slot in chunk] for chunk in cut([Text(text)], tokenizer, NONE)] == (
            expected
        )


def test_nothing_is_one_empty_chunk(tokenizer: ClipTokenizer) -> None:
    for cut in (in_words, at_commas):
        (chunk,) = cut([], tokenizer, NONE)
        assert inside(chunk) == []


def test_slots_have_their_words_weights(tokenizer: ClipTokenizer) -> None:
    for cut in (in_words, at_commas):
        (chunk,) = cut([Text("a ", 1.0), Text("red fox", 1.3)], tokenizer, NONE)
        assert [slot.weight for slot in chunk[:6]] == [1.0, 1.0, 1.3, 1.3, 1.0, 1.0]


def test_comfyui_moves_a_short_word_to_the_next_chunk_whole(tokenizer: ClipTokenizer) -> None:
    word = "astonishing extraterrestrial"
    assert [len(tokenizer.split(w)[0]) for w in word.split()] == [1, 4]
    first, second = in_words([Text("cat " * 73 + word)], tokenizer, NONE)
    assert inside(first) == ["cat"] * 73 + ["astonishing"]
    assert len(inside(second)) == 4


def test_comfyui_cuts_a_long_word_in_two(tokenizer: ClipTokenizer) -> None:
    pieces = len(tokenizer.split(LONG)[0])
    assert pieces >= 8
    first, second = in_words([Text("cat " * 70 + LONG)], tokenizer, NONE)
    assert len(inside(first)) == 75
    assert len(inside(second)) == pieces - 5


def test_a_word_longer_than_a_chunk_takes_several(tokenizer: ClipTokenizer) -> None:
    chunks = in_words([Text("cat " + LONG * 30)], tokenizer, NONE)
    total = len(tokenizer.split(LONG * 30)[0])
    assert [len(inside(chunk)) for chunk in chunks[:-1]] == [75] * (len(chunks) - 1)
    assert sum(len(inside(chunk)) for chunk in chunks) == total + 1


@pytest.mark.parametrize(
    ("comma", "kept"),
    [
        (56, 57),  # 19 slots after it: it and what stands before it stay
        (55, 56),
        (54, 75),  # more than 20 back: cut where it is full
        (74, 75),
    ],
)
def test_the_web_ui_goes_back_to_a_comma(tokenizer: ClipTokenizer, comma: int, kept: int) -> None:
    words = ["cat"] * 80
    words[comma] = ","
    first, second = at_commas([Text(" ".join(words))], tokenizer, NONE)
    assert inside(first) == words[:kept]
    assert inside(second) == words[kept:]


def test_break_ends_a_chunk(tokenizer: ClipTokenizer) -> None:
    runs = [Text("a cat"), Break(), Text("a dog"), Break()]
    assert [inside(chunk) for chunk in at_commas(runs, tokenizer, NONE)] == [
        ["a", "cat"],
        ["a", "dog"],
    ]
    assert [inside(c) for c in at_commas([Break(), Text("a")], tokenizer, NONE)] == [[], ["a"]]


def test_vectors_stand_in_the_place_of_words(tokenizer: ClipTokenizer) -> None:
    runs = [Text("a"), Vectors("new", 0.5), Vectors("other"), Vectors("absent")]
    for cut in (in_words, at_commas):
        (chunk,) = cut(runs, tokenizer, TWO)
        assert [(s.id, s.piece, s.weight) for s in chunk[2:5]] == [
            (-1, "<new 1>", 0.5),
            (-2, "<new 2>", 0.5),
            (-3, "<other>", 1.0),
        ]
        assert chunk[5].id == 49407


def test_the_web_ui_knows_vectors_by_bare_names(tokenizer: ClipTokenizer) -> None:
    assert tokenizer.split("cat dog")[0] == [2368, 1929]
    (chunk,) = at_commas([Text("a cat, Cat dog dog", 1.2)], tokenizer, TWO)
    assert inside(chunk) == ["a", "cat", ",", "<new 1>", "<new 2>", "dog"]
    (chunk,) = in_words([Text("cat dog")], tokenizer, TWO)
    assert inside(chunk) == ["cat", "dog"]


def test_the_web_ui_keeps_vectors_together(tokenizer: ClipTokenizer) -> None:
    first, second = at_commas([Text("cat " * 74), Vectors("new")], tokenizer, TWO)
    assert len(inside(first)) == 74
    assert inside(second) == ["<new 1>", "<new 2>"]
    many = Inversions(named={"many": range(76)})
    with pytest.raises(ValueError, match="has 76 vectors, a chunk holds 75"):
        at_commas([Vectors("many")], tokenizer, many)


def test_a_row_has_no_marks(tokenizer: ClipTokenizer) -> None:
    slots = in_a_row([Text("a cat ", 1.5), Break(), Vectors("other")], tokenizer, TWO)
    assert [(slot.id, slot.weight) for slot in slots] == [(320, 1.5), (2368, 1.5), (-3, 1.0)]
