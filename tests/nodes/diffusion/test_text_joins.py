"""Encoders' outputs laid together. That they become what diffusers' pipelines make of them is
tested on whole checkpoints; here, what each join does with its parts and without them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from nodes.diffusion.text_joins import JOINS, READINGS, EncoderOutput, reading_of
from nodes.types import Clip

ANY: Any = None


def clip(family: str, kind: str = "clip_l") -> Clip:
    return Clip(ANY, ANY, family=family, kind=kind)


def numbers(*shape: int, first: int = 1) -> Tensor:
    count = int(torch.tensor(shape).prod())
    return torch.arange(first, first + count).float().reshape(shape)


SMALL = EncoderOutput(numbers(1, 3, 2), numbers(1, 2))
LARGE = EncoderOutput(numbers(1, 3, 4, first=100), numbers(1, 4, first=200))
T5 = EncoderOutput(numbers(1, 5, 8, first=300), None, torch.tensor([[1, 1, 1, 0, 0]]).bool())


@pytest.mark.parametrize("family", ["sd1", "sd2", "sdxl_refiner"])
def test_one_encoder_s_output_is_taken_as_it_is(family: str) -> None:
    (kind,) = READINGS[family]
    made = JOINS[family](clip(family, kind), {kind: SMALL})
    assert made.embeddings is SMALL.hidden
    assert made.pooled is SMALL.pooled


def test_sdxl_has_both_clips_side_by_side_and_the_larger_s_pooled() -> None:
    made = JOINS["sdxl"](clip("sdxl"), {"clip_l": SMALL, "clip_g": LARGE})
    assert torch.equal(made.embeddings[..., :2], SMALL.hidden)
    assert torch.equal(made.embeddings[..., 2:], LARGE.hidden)
    assert made.pooled is LARGE.pooled


def test_sd3_has_clips_beside_each_other_and_t5_after_them() -> None:
    made = JOINS["sd3"](clip("sd3"), {"clip_l": SMALL, "clip_g": LARGE, "t5": T5})
    assert made.embeddings.shape == (1, 3 + 5, 8)
    assert torch.equal(made.embeddings[:, :3, :2], SMALL.hidden)
    assert torch.equal(made.embeddings[:, :3, 2:6], LARGE.hidden)
    assert not made.embeddings[:, :3, 6:].any()
    assert torch.equal(made.embeddings[:, 3:], T5.hidden)
    assert made.pooled is not None
    assert SMALL.pooled is not None
    assert LARGE.pooled is not None
    assert torch.equal(made.pooled, torch.cat([SMALL.pooled, LARGE.pooled], dim=1))
    assert made.attention_mask is None


def test_sd3_without_t5_has_zeros_for_it() -> None:
    made = JOINS["sd3"](clip("sd3"), {"clip_l": SMALL, "clip_g": LARGE})
    assert made.embeddings.shape == (1, 3 + 256, 4096)
    assert not made.embeddings[:, 3:].any()


def test_sd3_needs_both_clips_with_their_pooled_text() -> None:
    with pytest.raises(ValueError, match="clip_l and clip_g"):
        JOINS["sd3"](clip("sd3"), {"clip_l": SMALL, "t5": T5})
    with pytest.raises(ValueError, match="pooled"):
        JOINS["sd3"](clip("sd3"), {"clip_l": EncoderOutput(SMALL.hidden), "clip_g": LARGE})


def test_clips_side_by_side_are_of_one_length() -> None:
    longer = EncoderOutput(numbers(1, 6, 4), numbers(1, 4))
    with pytest.raises(ValueError, match="not 3 and 6"):
        JOINS["sdxl"](clip("sdxl"), {"clip_l": SMALL, "clip_g": longer})


def test_flux_reads_t5_s_tokens_and_clip_s_pooled_text_alone() -> None:
    made = JOINS["flux"](clip("flux"), {"clip_l": SMALL, "t5": T5})
    assert made.embeddings is T5.hidden
    assert made.pooled is SMALL.pooled


def test_auraflow_has_zeros_for_padding() -> None:
    made = JOINS["auraflow"](clip("auraflow", "umt5"), {"umt5": T5})
    assert torch.equal(made.embeddings[:, :3], T5.hidden[:, :3])
    assert not made.embeddings[:, 3:].any()
    whole = JOINS["auraflow"](clip("auraflow", "umt5"), {"umt5": EncoderOutput(T5.hidden)})
    assert whole.embeddings is T5.hidden


def test_pixart_is_told_which_tokens_are_padding() -> None:
    made = JOINS["pixart"](clip("pixart", "t5"), {"t5": T5})
    assert made.embeddings is T5.hidden
    assert made.attention_mask is not None
    assert made.attention_mask.tolist() == [[True, True, True, False, False]]


def test_every_family_that_is_joined_is_read() -> None:
    assert JOINS.keys() == READINGS.keys()


def test_an_encoder_that_a_family_does_not_list_is_read_to_its_end() -> None:
    odd = reading_of(clip("flux", "clip_h"), "flux")
    assert (odd.skip, odd.norm, odd.tokens) == (0, True, 0)
    assert reading_of(clip("flux", "t5"), "flux").tokens == 512
