"""Upscaling by networks: what spandrel's own architectures give, in tiles and whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch.testing import assert_close

from nodeflow.context import RunContext
from nodeflow.errors import InputError
from nodes import upscale
from nodes.diffusion import upscalers
from nodes.diffusion.checkpoint_files import CheckpointError
from nodes.types import Image

PICTURE = Image(torch.rand(1, 24, 40, 3, generator=torch.Generator().manual_seed(1)))


def esrgan(scale: int) -> Any:
    upscalers.library()
    from spandrel.architectures.ESRGAN import ESRGAN

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return ESRGAN(num_filters=8, num_blocks=1, scale=scale).eval()


def compact(scale: int) -> Any:
    upscalers.library()
    from spandrel.architectures.Compact import Compact

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Compact(num_feat=8, num_conv=2, upscale=scale).eval()


def saved(network: Any, file: Path) -> str:
    save_file({name: t.contiguous() for name, t in network.state_dict().items()}, file)
    return str(file)


@pytest.mark.parametrize(("make", "scale"), [(esrgan, 4), (esrgan, 2), (compact, 2)])
def test_image_is_what_the_network_gives(
    make: Any, scale: int, tmp_path: Path, ctx: RunContext
) -> None:
    network = make(scale)
    loaded = upscale.load(saved(network, tmp_path / "up.safetensors"), ctx=ctx)
    assert loaded.scale == scale
    found = upscale.image(loaded, PICTURE, 256, 16, ctx=ctx).pixels
    with torch.no_grad():
        expected = network(PICTURE.pixels.permute(0, 3, 1, 2)).permute(0, 2, 3, 1).clamp(0, 1)
    assert found.shape == (1, 24 * scale, 40 * scale, 3)
    assert_close(found, expected)


def test_image_in_tiles_is_close_to_the_whole(tmp_path: Path, ctx: RunContext) -> None:
    loaded = upscale.load(saved(compact(2), tmp_path / "up.safetensors"), ctx=ctx)
    whole = upscale.image(loaded, PICTURE, 256, 16, ctx=ctx).pixels
    tiled = upscale.image(loaded, PICTURE, 24, 16, ctx=ctx).pixels
    # A tile's rim sees zeros beyond it: three convolutions reach three pixels in.
    assert_close(tiled, whole, rtol=0, atol=0.05)
    with pytest.raises(InputError, match="less than the tile's"):
        upscale.image(loaded, PICTURE, 24, 24, ctx=ctx)


def test_load_says_what_a_file_is_not(tmp_path: Path, ctx: RunContext) -> None:
    other = tmp_path / "lora.safetensors"
    save_file({"lora_unet_x.lora_up.weight": torch.zeros(2, 2)}, other)
    with pytest.raises(CheckpointError, match=r"lora\.safetensors: expected an upscaler"):
        upscale.load(str(other), ctx=ctx)
    empty = tmp_path / "empty.safetensors"
    empty.write_bytes(b"")
    with pytest.raises(CheckpointError, match=r"empty\.safetensors"):
        upscale.load(str(empty), ctx=ctx)


def test_load_names_the_extra_where_spandrel_is_missing(tmp_path: Path) -> None:
    file = saved(compact(2), tmp_path / "up.safetensors")
    program = (
        "import sys; sys.modules['spandrel'] = None\n"
        "from nodeflow.context import RunContext\n"
        "from nodes import upscale\n"
        f"upscale.load({file!r}, ctx=RunContext())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 1
    assert "pip install 'nodeflow[upscale]'" in done.stderr


def test_the_library_leaves_no_stand_in_behind() -> None:
    upscalers.library()
    assert "torchvision" not in sys.modules or hasattr(sys.modules["torchvision"], "__path__")
