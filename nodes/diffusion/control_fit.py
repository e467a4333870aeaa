"""Whether a ControlNet belongs to a model, told by its figures before any tensor meets another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nodes.types import ControlNet, Model

DENOISERS = {
    "ControlNetModel": "UNet2DConditionModel",
    "ControlNetUnionModel": "UNet2DConditionModel",
    "T2IAdapter": "UNet2DConditionModel",
    "SD3ControlNetModel": "SD3Transformer2DModel",
    "FluxControlNetModel": "FluxTransformer2DModel",
}


def check_fits(net: ControlNet, model: Model) -> None:
    """Refuse a network that was trained for another kind of model.

    Raises:
        ValueError: with both families, and the figures in which they differ.
    """
    kind = type(net.network).__name__
    wanted = DENOISERS.get(kind)
    if wanted is None:
        raise ValueError(f"a {kind} cannot be asked: known are {', '.join(sorted(DENOISERS))}")
    got = type(model.network).__name__
    if got != wanted:
        _refuse(net, model, f"a {wanted}", f"a {got}")
    theirs = _figures(kind, net.network.config, model.network.config)
    for name, (control, denoiser) in theirs.items():
        if control != denoiser:
            _refuse(net, model, f"{name} {control}", f"{denoiser}")


def _refuse(net: ControlNet, model: Model, wanted: str, got: str) -> None:
    raise ValueError(
        f"the {_word(net)} is for models of family {net.family} ({wanted}), but this model is of "
        f"family {model.family} ({got}): choose one that was trained for it"
    )


def _word(net: ControlNet) -> str:
    return "T2I-Adapter" if type(net.network).__name__ == "T2IAdapter" else "ControlNet"


def _figures(kind: str, control: Any, denoiser: Any) -> Mapping[str, tuple[object, object]]:
    """What must be the same in both, by what it is called in a message."""
    if kind == "T2IAdapter":
        return _adapter_figures(control, denoiser)
    if kind in ("SD3ControlNetModel", "FluxControlNetModel"):
        both = [c.num_attention_heads * c.attention_head_dim for c in (control, denoiser)]
        return {
            "width": (both[0], both[1]),
            "latent channels": (control.in_channels, denoiser.in_channels),
        }
    return {
        "text width": (control.cross_attention_dim, denoiser.cross_attention_dim),
        "channels": (tuple(control.block_out_channels), tuple(denoiser.block_out_channels)),
    }


def _adapter_figures(control: Any, denoiser: Any) -> Mapping[str, tuple[object, object]]:
    """An XL adapter starts from half the latent's size and has four outputs for three blocks; a
    light one repeats its last channels."""
    light = control.adapter_type == "light_adapter"
    adapts = (*control.channels, *control.channels[-1:] * light)
    has = tuple(denoiser.block_out_channels)
    xl = control.adapter_type == "full_adapter_xl"
    return {
        "channels": (adapts, (*has, has[-1]) if xl else has),
        "first scale": (control.downscale_factor, 16 if xl else 8),
    }
