"""Prompts as pieces and embeddings, against the text encoder itself."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from nodeflow.errors import InputError
from nodes import text
from nodes.diffusion.tokenizer import ClipTokenizer
from nodes.types import Area, Clip, Conditioning, Model, Span, Step, Tokens

LONG = " ".join(["cat"] * 80)


def close(a: torch.Tensor, b: torch.Tensor) -> None:
    torch.testing.assert_close(a, b, rtol=0, atol=1e-6)


def test_tokenize_gives_clips_own_ids(clip: Clip) -> None:
    tokens = text.tokenize(clip, "a photo of a cat")
    assert tokens.text == "a photo of a cat"
    assert tokens.ids.dtype == torch.int64
    assert tokens.ids.shape == (1, 77)
    assert tokens.ids[0, :8].tolist() == [49406, 320, 1125, 539, 320, 2368, 49407, 49407]
    assert tokens.pieces[0][1:6] == ("a</w>", "photo</w>", "of</w>", "a</w>", "cat</w>")


def test_pieces(clip: Clip) -> None:
    assert text.pieces(text.tokenize(clip, "Unbelievable cats!")) == [
        "unbelievable</w>",
        "cats</w>",
        "!</w>",
    ]
    assert text.pieces(text.tokenize(clip, "")) == []
    assert text.pieces(text.tokenize(clip, LONG)) == ["cat</w>"] * 80
    marked = text.tokenize(clip, "a <|endoftext|> cat")
    assert text.pieces(marked) == ["a</w>", "<|endoftext|>", "cat</w>"]


def test_ids_are_what_the_text_encoder_gets(clip: Clip) -> None:
    found = text.ids(text.tokenize(clip, LONG))
    assert len(found) == 2 * 77
    assert found[:2] == [49406, 2368]
    assert found[76:78] == [49407, 49406]
    rows = torch.tensor(found).reshape(2, 77)
    assert torch.equal(
        text.encode_tokens(clip, Tokens("", rows, ())).embeddings,
        (text.encode(clip, LONG).embeddings),
    )


def test_encode_is_the_text_encoders_last_state(clip: Clip) -> None:
    ids = clip.tokenizer.tokenize("a red circle").ids
    expected = clip.encoder(input_ids=ids)
    got = text.encode(clip, "a red circle")
    close(got.embeddings, expected.last_hidden_state)
    assert got.pooled is not None
    close(got.pooled, expected.pooler_output)


def test_encode_reads_each_chunk_of_a_long_prompt_alone(clip: Clip) -> None:
    got = text.encode(clip, LONG)
    rest = text.encode(clip, " ".join(["cat"] * 5))
    assert got.embeddings.shape == (1, 154, 16)
    close(got.embeddings[:, 77:], rest.embeddings)
    assert got.pooled is not None
    assert got.pooled.shape == (1, 16)


def test_encode_needs_no_gradient_and_its_result_can_have_one(clip: Clip) -> None:
    embeddings = text.encode(clip, "a cat").embeddings
    assert not embeddings.requires_grad
    embeddings.clone().requires_grad_().sum().backward()


def test_encode_tokens_is_the_second_half_of_encode(clip: Clip) -> None:
    halves = text.encode_tokens(clip, text.tokenize(clip, LONG))
    assert torch.equal(halves.embeddings, text.encode(clip, LONG).embeddings)


def test_encode_tokens_refuses_another_vocabulary(clip: Clip) -> None:
    foreign = Tokens("", torch.full((1, 77), 49408), (("?",) * 77,))
    with pytest.raises(InputError, match="id 49408, expected ids below 49408"):
        text.encode_tokens(clip, foreign)


def test_clip_skip_of_none_changes_nothing(clip: Clip) -> None:
    skipped = text.encode(text.clip_skip(clip, 0), "a cat")
    assert torch.equal(skipped.embeddings, text.encode(clip, "a cat").embeddings)


@pytest.mark.parametrize("layers", [1, 2])
def test_clip_skip_norms_an_earlier_layer(clip: Clip, layers: int) -> None:
    ids = clip.tokenizer.tokenize("a cat").ids
    hidden = clip.encoder(input_ids=ids, output_hidden_states=True).hidden_states[-1 - layers]
    inner = getattr(clip.encoder, "text_model", clip.encoder)
    got = text.encode(text.clip_skip(clip, layers), "a cat")
    close(got.embeddings, inner.final_layer_norm(hidden))
    assert not torch.allclose(got.embeddings, text.encode(clip, "a cat").embeddings)


def test_clip_skip_replaces_an_earlier_one(clip: Clip) -> None:
    assert text.clip_skip(text.clip_skip(clip, 2), 1).skip == 1
    assert clip.skip == 0


@pytest.mark.parametrize("layers", [-1, 3])
def test_clip_skip_leaves_a_layer(clip: Clip, layers: int) -> None:
    with pytest.raises(InputError, match=r"expected 0\.\.2"):
        text.clip_skip(clip, layers)


def test_combine_keeps_the_texts_apart(clip: Clip) -> None:
    a, b, c = (text.encode(clip, prompt) for prompt in ("a cat", "a dog", "a bird"))
    both = text.combine(text.combine(a, b), text.combine(c, a))
    assert torch.equal(both.embeddings, a.embeddings)
    for part, expected in zip(both.more, (b, c, a), strict=True):
        assert torch.equal(part.embeddings, expected.embeddings)
        assert part.more == ()


def test_combine_makes_the_denoiser_average_its_predictions(model: Model, clip: Clip) -> None:
    from nodes.model import predict_noise
    from nodes.types import Latent

    a, b = text.encode(clip, "a cat"), text.encode(clip, LONG)
    latent = Latent(torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0)))
    step = Step(0, 1, 1.0, 0.0, 300.0, 0.0)
    first, second = (predict_noise(model, latent, step, c).samples for c in (a, b))
    got = predict_noise(model, latent, step, text.combine(a, b)).samples
    # Two sums in another order.
    torch.testing.assert_close(got, (first + second) / 2, rtol=0, atol=1e-5)


def test_average_ends_are_the_texts(clip: Clip) -> None:
    a, b = text.encode(clip, "a cat"), text.encode(clip, "a dog")
    close(text.average(a, b, 0).embeddings, a.embeddings)
    close(text.average(a, b, 1).embeddings, b.embeddings)
    close(text.average(a, b, 0.25).embeddings, 0.75 * a.embeddings + 0.25 * b.embeddings)
    pooled = text.average(a, b, 0.5).pooled
    assert pooled is not None
    assert a.pooled is not None
    assert b.pooled is not None
    close(pooled, (a.pooled + b.pooled) / 2)


def test_average_refuses_an_amount_beyond_both() -> None:
    one = Conditioning(torch.ones(1, 2, 3))
    with pytest.raises(InputError, match=r"amount: got 1\.5, expected 0\.\.1"):
        text.average(one, one, 1.5)


def test_average_of_different_lengths_means_the_same_to_the_denoiser(
    model: Model, clip: Clip
) -> None:
    short, long = text.encode(clip, "a cat"), text.encode(clip, LONG)
    got = text.average(short, long, 0.0)
    assert got.embeddings.shape == long.embeddings.shape
    x = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    repeated, once = (
        model.network(x, 300, encoder_hidden_states=c.embeddings).sample for c in (got, short)
    )
    # Softmax over twice as many scores rounds otherwise.
    torch.testing.assert_close(repeated, once, rtol=0, atol=1e-5)
    other = model.network(x, 300, encoder_hidden_states=long.embeddings).sample
    assert (other - once).abs().max() > 1e-3, "another text does change the answer"


def test_concat_puts_tokens_in_a_row(clip: Clip) -> None:
    a, b = text.encode(clip, "a cat"), text.encode(clip, LONG)
    got = text.concat(a, b)
    assert torch.equal(got.embeddings, torch.cat([a.embeddings, b.embeddings], 1))
    assert got.pooled is a.pooled


def test_zero_out_is_zero_everywhere(clip: Clip) -> None:
    some = text.encode(clip, "a cat")
    got = text.zero_out(some)
    assert got.embeddings.shape == some.embeddings.shape
    assert got.pooled is not None
    assert not got.embeddings.any()
    assert not got.pooled.any()
    assert some.embeddings.any()


def test_zero_out_of_a_text_without_a_pooled_one() -> None:
    assert text.zero_out(Conditioning(torch.ones(1, 2, 3))).pooled is None


@pytest.mark.parametrize("function", [text.average, text.concat, text.combine])
def test_average_concat_and_combine_refuse_texts_of_another_encoder(function: object) -> None:
    a, b = Conditioning(torch.ones(1, 2, 3)), Conditioning(torch.ones(1, 2, 4))
    with pytest.raises(InputError, match="tokens of width 4"):
        function(a, b)  # type: ignore[operator]


@pytest.mark.parametrize("function", [text.average, text.concat])
def test_average_and_concat_refuse_combined_texts(function: object) -> None:
    one = Conditioning(torch.ones(1, 2, 3))
    with pytest.raises(InputError, match="2 combined texts, expected one text"):
        function(one, text.combine(one, one))  # type: ignore[operator]


def test_average_concat_and_zero_out_keep_where_and_when_the_first_holds() -> None:
    where = Area(0.0, 0.0, 0.5, 1.0)
    a = Conditioning(torch.ones(1, 2, 3), area=where, strength=2.0, spans=(Span(0, 5, "index"),))
    b = Conditioning(torch.ones(1, 4, 3))
    for got in (text.average(a, b), text.concat(a, b), text.zero_out(a)):
        assert (got.area, got.strength, got.spans) == (where, 2.0, a.spans)
    zeroed = text.zero_out(text.combine(b, a))
    assert zeroed.more[0].area == where
    assert not zeroed.more[0].embeddings.any()


def test_average_and_concat_keep_what_is_padding() -> None:
    a = Conditioning(torch.ones(1, 2, 3), attention_mask=torch.tensor([[True, False]]))
    b = Conditioning(torch.ones(1, 4, 3))
    joined = text.concat(a, b).attention_mask
    assert joined is not None
    assert joined.tolist() == [[True, False, True, True, True, True]]
    ends = [text.average(a, b, amount).attention_mask for amount in (0.0, 0.5, 1.0)]
    found = [mask.tolist() for mask in ends if mask is not None]
    assert found == [[[True, False] * 2], [[True] * 4], [[True] * 4]]
    assert text.average(b, b).attention_mask is None


def test_encode_tokens_is_for_one_encoder(clip: Clip) -> None:
    both = replace(clip, others=(replace(clip, kind="clip_g"),))
    with pytest.raises(InputError, match="clip: got clip_l, clip_g, expected one CLIP"):
        text.encode_tokens(both, text.tokenize(clip, "a cat"))


def test_encode_says_which_families_it_knows(clip: Clip) -> None:
    with pytest.raises(ValueError, match=r"for family 'unheard': known are .*sd1"):
        text.encode(replace(clip, family="unheard"), "a cat")


def test_tokens_are_pieces_ids_chunks_and_weights(clip: Clip) -> None:
    found = text.tokens(clip, "a (red:1.3) cat")
    assert found.pieces == ["<|startoftext|>", "a</w>", "red</w>", "cat</w>", "<|endoftext|>"]
    assert found.ids == [49406, 320, 736, 2368, 49407]
    assert found.chunks == [0] * 5
    assert found.weights == [1.0, 1.0, 1.3, 1.0, 1.0]
    assert found.table.splitlines() == [
        "clip_l: 1 chunk, 5 slots",
        "chunk slot     id  weight  piece",
        "    0    0  49406       1  <|startoftext|>",
        "    0    1    320       1  a</w>",
        "    0    2    736     1.3  red</w>",
        "    0    3   2368       1  cat</w>",
        "    0    4  49407       1  <|endoftext|>",
    ]


def test_tokens_of_a_plain_text_are_what_encode_reads(clip: Clip) -> None:
    found = text.tokens(clip, "(" + LONG + ")", "plain")
    assert found.ids == [
        number
        for row in text.tokenize(clip, "(" + LONG + ")").ids.tolist()
        for number in row[: row.index(49407) + 1]
    ]
    assert found.chunks == [0] * 77 + [1] * (len(found.ids) - 77)


def test_tokens_show_each_text_with_when_it_is_read(clip: Clip) -> None:
    found = text.tokens(clip, "[a:b:0.25] AND [c|d] :0.5 AND [:e:3]", "a1111")
    titles = [line for line in found.table.splitlines() if line.startswith("clip_l")]
    assert titles == [
        "clip_l: 1 chunk, 3 slots, text 1 of 3, weight 1, from 0 % to 25 % of the steps",
        "clip_l: 1 chunk, 3 slots, text 1 of 3, weight 1, from 25 % to 100 % of the steps",
        "clip_l: 1 chunk, 3 slots, text 2 of 3, weight 0.5, step 1 of each 2",
        "clip_l: 1 chunk, 3 slots, text 2 of 3, weight 0.5, step 2 of each 2",
        "clip_l: 1 chunk, 2 slots, text 3 of 3, weight 1, from step 0 to step 3",
        "clip_l: 1 chunk, 3 slots, text 3 of 3, weight 1, from step 3 to the end",
    ]
    with pytest.raises(InputError, match=r"text: got '\(' at column 1"):
        text.tokens(clip, "(a", "a1111")


def test_tokens_leave_out_padding_by_another_piece(clip: Clip) -> None:
    """Stable Diffusion 2 pads with `!`."""
    other = ClipTokenizer(clip.tokenizer._tokenizer, "!")
    found = text.tokens(replace(clip, tokenizer=other), "cat!")
    assert found.pieces[1:] == ["cat</w>", "!</w>", "<|endoftext|>"]
