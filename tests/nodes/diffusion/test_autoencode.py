"""Tiles along a side, and how they are put together again."""

from __future__ import annotations

import weakref
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nodes.diffusion import autoencode, tiling
from nodes.diffusion.tiling import Tiling
from nodes.types import Vae


@given(st.integers(1, 200), st.integers(1, 40), st.data())
def test_spans_cover_a_side_in_tiles_that_overlap_enough(
    length: int, tile: int, data: st.DataObject
) -> None:
    overlap = data.draw(st.integers(0, tile - 1))
    found = tiling.spans(length, Tiling(tile, overlap))
    assert found[0][0] == 0
    assert found[-1][1] == length
    assert all(end - start == min(tile, length) for start, end in found)
    assert all(before[1] - after[0] >= overlap for before, after in pairwise(found))
    assert all(before[0] < after[0] for before, after in pairwise(found))


def test_spans_without_tiling_are_the_whole_side() -> None:
    assert tiling.spans(1000, None) == [(0, 1000)]


class Doubling(torch.nn.Module):
    """In the place of an autoencoder: a decoder that repeats each latent pixel 2 × 2 times."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(()))

    def decode(self, z: torch.Tensor, return_dict: bool) -> tuple[torch.Tensor]:
        return (self.scale * z.repeat_interleave(2, -1).repeat_interleave(2, -2),)


@given(st.integers(1, 14), st.integers(1, 14), st.integers(1, 9), st.data(), st.integers(0, 2**32))
def test_tiles_of_what_sees_one_pixel_at_a_time_join_without_a_trace(
    height: int, width: int, tile: int, data: st.DataObject, seed: int
) -> None:
    """The weights of overlapping tiles share each place out among them: they sum to 1."""
    tiling = Tiling(tile, data.draw(st.integers(0, tile - 1)))
    vae = Vae(Doubling(), scaling=1.0, factor=2)
    z = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed))
    whole = autoencode.decode(vae, z)
    tiled = autoencode.decode(vae, z, tiling)
    torch.testing.assert_close(tiled, whole, rtol=0, atol=1e-6)


def test_tiles_are_added_as_they_come_and_let_go() -> None:
    made: list[weakref.ref[torch.Tensor]] = []
    alive: list[int] = []

    def through(part: torch.Tensor) -> torch.Tensor:
        alive.append(sum(ref() is not None for ref in made))
        answer = part.repeat_interleave(2, -1).repeat_interleave(2, -2)
        made.append(weakref.ref(answer))
        return answer

    source = torch.rand(2, 3, 40, 40, generator=torch.Generator().manual_seed(1))
    found = tiling.one_by_one(through, source, Tiling(8, 2), 1, 2, None)
    assert len(made) == 2 * 49
    assert max(alive) <= 1  # the one before it
    expected = source.repeat_interleave(2, -1).repeat_interleave(2, -2)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)


def test_a_picture_decoded_in_tiles_lies_as_pictures_do_and_one_by_one_is_the_batch() -> None:
    vae = Vae(Doubling(), scaling=1.0, factor=2)
    z = torch.rand(3, 3, 9, 7, generator=torch.Generator().manual_seed(1))
    both = autoencode.decode(vae, z, Tiling(4, 2))
    assert both.is_contiguous()
    for k in range(3):
        assert torch.equal(both[k : k + 1], autoencode.decode(vae, z[k : k + 1], Tiling(4, 2)))


def test_joining_wants_a_tile_for_each_place() -> None:
    down = tiling.spans(10, Tiling(6, 2))
    tile = torch.ones(1, 1, 6, 6)
    assert torch.equal(tiling.join([tile] * 4, down, down, 1), torch.ones(1, 1, 10, 10))
    with pytest.raises(ValueError, match="longer"):
        tiling.join([tile] * 3, down, down, 1)


def test_progress_counts_the_tiles_of_all_pictures() -> None:
    seen: list[tuple[int, int]] = []
    vae = Vae(Doubling(), scaling=1.0, factor=2)
    autoencode.decode(vae, torch.zeros(2, 3, 4, 6), Tiling(4, 0), lambda *p: seen.append(p))
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_decode_keeps_no_graph_of_its_computation_and_its_result_can_have_one(vae: Vae) -> None:
    pixels = autoencode.decode(vae, torch.zeros(1, 4, 8, 8))
    assert not pixels.requires_grad
    assert not pixels.is_inference()
