"""Batches and lists: against indexing, and what is refused."""

import pytest
import torch

from nodeflow.errors import InputError
from nodes import image, image_edit
from nodes import image_batch as nodes
from nodes.types import Image


def noise(*shape: int, seed: int = 0) -> Image:
    return Image(torch.rand(shape, generator=torch.Generator().manual_seed(seed)))


IMAGE = noise(5, 2, 3, 3)


def shows(found: Image, *numbers: int) -> None:
    assert torch.equal(found.pixels, IMAGE.pixels[list(numbers)])


def test_slice_counts_from_both_ends() -> None:
    shows(nodes.slice(IMAGE, 1, 2), 1, 2)
    shows(nodes.slice(IMAGE, -2, 2), 3, 4)
    for start in (4, -6, -1):
        with pytest.raises(InputError, match=r"a part of 0\.\.5"):
            nodes.slice(IMAGE, start, 2)


def test_choose_takes_any_order() -> None:
    shows(nodes.choose(IMAGE, [4, 0, -1, 0]), 4, 0, 4, 0)
    for wrong in ([5], [-6], []):
        with pytest.raises(InputError, match=r"numbers in -5\.\.4"):
            nodes.choose(IMAGE, wrong)


def test_repeat_repeats_the_whole() -> None:
    shows(nodes.repeat(IMAGE, 2), 0, 1, 2, 3, 4, 0, 1, 2, 3, 4)


def test_reverse_twice_is_the_same() -> None:
    shows(nodes.reverse(IMAGE), 4, 3, 2, 1, 0)
    shows(nodes.reverse(nodes.reverse(IMAGE)), 0, 1, 2, 3, 4)


def test_back_and_forth_repeats_no_end() -> None:
    shows(nodes.back_and_forth(IMAGE), 0, 1, 2, 3, 4, 3, 2, 1)
    one = noise(1, 2, 2, 3)
    assert torch.equal(nodes.back_and_forth(one).pixels, one.pixels)


def test_rebatch_cuts_and_leaves_a_rest() -> None:
    batches = nodes.rebatch(image.split(IMAGE), 2)
    assert [len(b.pixels) for b in batches] == [2, 2, 1]
    assert torch.equal(image.batch(batches).pixels, IMAGE.pixels)
    with pytest.raises(InputError, match="empty list"):
        nodes.rebatch([], 2)


def test_of_any_size_covers_as_image_edit_does() -> None:
    wide = noise(2, 4, 9, 3)
    out = nodes.of_any_size([IMAGE, wide]).pixels
    assert out.shape == (7, 2, 3, 3)
    assert torch.equal(out[:5], IMAGE.pixels)
    torch.testing.assert_close(out[5:], image_edit.cover(wide, 3, 2).pixels, rtol=0, atol=0)


def test_of_any_size_pads_and_stretches() -> None:
    wide = Image(torch.ones(1, 2, 8, 4))
    padded = nodes.of_any_size([wide], 4, 4, "pad").pixels
    assert padded[0, :, 0, 0].tolist() == [0, 1, 0, 0]
    stretched = nodes.of_any_size([wide], 4, 4, "stretch").pixels
    torch.testing.assert_close(stretched, torch.ones(1, 4, 4, 3))
    with pytest.raises(InputError, match="empty list"):
        nodes.of_any_size([])
