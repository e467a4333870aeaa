"""Networks that enlarge pictures: ESRGAN and its kin, read by the spandrel library."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from nodes.diffusion.checkpoint_files import CheckpointError
from nodes.diffusion.checkpoints.finite import check_finite
from nodes.diffusion.checkpoints.header import read_header
from nodes.diffusion.tiling import Progress, Tiling, one_by_one
from nodes.types import UpscaleModel

_TORCHVISION = ("torchvision", "torchvision.transforms", "torchvision.transforms.functional")


def load(file: Path, device: str = "cpu") -> UpscaleModel:
    """The network in a safetensors file, whichever of spandrel's architectures its keys tell.

    Raises:
        ImportError: spandrel is not installed.
        CheckpointError: the file is damaged, of an unknown architecture, or does not enlarge.
    """
    from safetensors.torch import load_file

    read_header(file)  # says what is wrong with a file that is none
    spandrel = library()
    try:
        weights = load_file(file)
        check_finite(file, weights, "an upscaler")
        found = spandrel.ModelLoader(torch.device(device)).load_from_state_dict(weights)
    except spandrel.UnsupportedModelError as error:
        raise CheckpointError(
            f"{file}: expected an upscaler that spandrel knows, found other keys: {error}"
        ) from None
    except CheckpointError:
        raise
    except (RuntimeError, KeyError, ValueError, AssertionError) as error:
        told = " ".join(str(error).split())
        raise CheckpointError(f"{file}: the upscaler's weights do not fit: {told}") from error
    if not isinstance(found, spandrel.ImageModelDescriptor) or found.input_channels != 3:
        raise CheckpointError(
            f"{file}: expected a model from picture to picture, found one of "
            f"{found.architecture.name} for {found.input_channels} channels"
        )
    found.model.requires_grad_(False).eval()
    return UpscaleModel(found, found.scale, found.architecture.name)


def upscale(
    model: UpscaleModel, pixels: Tensor, tiling: Tiling, progress: Progress | None = None
) -> Tensor:
    """Pictures [B, H, W, 3] → [B, scale H, scale W, 3], in tiles that fade into each other."""
    found = model.descriptor

    def through(part: Tensor) -> Tensor:
        answer: Tensor = found(part.to(found.device, found.dtype))
        return answer.to(pixels)

    source = pixels.permute(0, 3, 1, 2)  # [B, 3, H, W]
    large = one_by_one(through, source, tiling, 1, model.scale, progress)
    return large.permute(0, 2, 3, 1).clamp(0, 1).contiguous()


def library() -> Any:
    """spandrel, imported. Two of its architectures need torchvision; where that cannot be imported
    they stay without, and all others load."""
    known = sys.modules.get("spandrel")
    if known is not None:
        return known
    try:
        import torchvision  # noqa: F401
    except (ImportError, RuntimeError):
        with _stand_ins():
            import spandrel
    else:
        import spandrel
    return spandrel


@contextmanager
def _stand_ins() -> Iterator[None]:
    """torchvision as far as spandrel names it when it is imported; gone afterwards."""
    before = {name: module for name, module in sys.modules.items() if name in _TORCHVISION}
    modules = {name: ModuleType(name) for name in _TORCHVISION}
    last = modules[_TORCHVISION[-1]]
    for name in ("InterpolationMode", "rotate", "normalize"):
        setattr(last, name, None)
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name in _TORCHVISION:
            del sys.modules[name]
        sys.modules.update(before)
