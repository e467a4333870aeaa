"""How embeddings of different lengths are brought together."""

from __future__ import annotations

import pytest
import torch

from nodes.diffusion import text_encoding
from nodes.types import Clip, Conditioning


@pytest.mark.parametrize(("left", "right", "length"), [(77, 77, 77), (77, 154, 154), (4, 6, 12)])
def test_the_common_length_is_the_least_common_multiple(left: int, right: int, length: int) -> None:
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.rand(1, n, 3, generator=generator) for n in (left, right))
    both = text_encoding.to_common_length(a, b)
    assert [part.shape[1] for part in both] == [length, length]
    assert torch.equal(both[0][:, :left], a)
    assert torch.equal(both[0][:, -left:], a)


def test_attention_does_not_see_a_repetition() -> None:
    generator = torch.Generator().manual_seed(0)
    query, text = (torch.randn(1, n, 8, generator=generator) for n in (5, 7))
    longer = text.repeat(1, 3, 1)
    attend = torch.nn.functional.scaled_dot_product_attention
    torch.testing.assert_close(attend(query, longer, longer), attend(query, text, text))


def test_an_average_with_what_has_no_pooled_text_has_none() -> None:
    a, b = Conditioning(torch.ones(1, 2, 3), torch.ones(1, 3)), Conditioning(torch.zeros(1, 2, 3))
    assert text_encoding.average(a, b, 0.5).pooled is None


def test_the_final_norm_is_found_in_both_layouts_of_the_library(clip: Clip) -> None:
    """transformers 5 has it in the encoder, 4 in the encoder's `text_model`."""
    inner = getattr(clip.encoder, "text_model", clip.encoder)
    outer = torch.nn.Module()
    outer.text_model = inner
    assert text_encoding.final_norm(inner) is text_encoding.final_norm(outer)
