"""Train nodes: scenes made up, drawn and encoded."""

import pytest
import torch

from nodeflow.context import RunContext
from nodeflow.errors import InputError
from nodes import train_data
from nodes import vae as vae_nodes
from nodes.types import SceneSet, Vae


@pytest.fixture(scope="module")
def scenes() -> SceneSet:
    return train_data.scenes(centered=12, positioned=6, pairs=6, seed=3)


def test_scenes(scenes: SceneSet) -> None:
    assert {kind: len(part) for kind, part in scenes.by_kind.items()} == {
        "centered": 12,
        "positioned": 6,
        "pair": 6,
    }
    again = train_data.scenes(centered=12, positioned=6, pairs=6, seed=3)
    assert again.scenes == scenes.scenes
    with pytest.raises(InputError, match="at least one"):
        train_data.scenes(0, 0, 0)


def test_draw(scenes: SceneSet) -> None:
    image = train_data.draw(scenes, 5)
    assert image.pixels.shape == (5, 128, 128, 3)
    assert image.pixels.max() <= 1
    assert len(train_data.draw(scenes, 100).pixels) == 24


@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_encode_is_vae_encode_of_what_is_drawn(vae: Vae, ctx: RunContext, shift: float) -> None:
    few = train_data.scenes(centered=2, positioned=0, pairs=1, seed=3)
    shifted = Vae(vae.autoencoder, scaling=0.25, shift=shift)
    encoded = train_data.encode(few, shifted, ctx=ctx)
    assert {kind: len(part[1]) for kind, part in encoded.by_kind.items()} == {
        "centered": 2,
        "positioned": 0,
        "pair": 1,
    }
    found = torch.cat([part[1] for part in encoded.by_kind.values()])
    expected = vae_nodes.encode(shifted, train_data.draw(few, 3), ctx=ctx).samples
    # bf16 convolutions: 8 bits of mantissa.
    torch.testing.assert_close(found, expected, rtol=0, atol=0.05 * float(expected.std()) + 0.01)
