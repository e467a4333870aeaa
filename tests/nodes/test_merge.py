"""Merge nodes: arithmetic on weights, held to the state dicts written out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from nodeflow.errors import InputError
from nodes import lora, merge
from nodes.diffusion.adapters.lora_keys import parse
from nodes.types import Clip, Model, Vae

EXACT = {"rtol": 1e-6, "atol": 1e-7}


def shifted(network: nn.Module, seed: int) -> nn.Module:
    """A network like this one, every weight moved at random."""
    import copy

    generator = torch.Generator().manual_seed(seed)
    other = copy.deepcopy(network)
    for parameter in other.parameters():
        parameter.data = parameter + 0.1 * torch.randn(parameter.shape, generator=generator)
    return other


@pytest.fixture
def other(model: Model) -> Model:
    return replace(model, network=shifted(model.network, 1))


@pytest.fixture
def third(model: Model) -> Model:
    return replace(model, network=shifted(model.network, 2))


def weights(part: Any) -> dict[str, Tensor]:
    return dict(part.named_parameters())


def check(got: nn.Module, expected: Callable[[str], Tensor]) -> None:
    for name, weight in weights(got).items():
        torch.testing.assert_close(weight, expected(name), **EXACT)


def test_models_is_their_mean(model: Model, other: Model) -> None:
    before = {name: weight.clone() for name, weight in weights(model.network).items()}
    a, b = weights(model.network), weights(other.network)
    mixed = merge.models(model, other, 0.25)
    check(mixed.network, lambda name: 0.75 * a[name] + 0.25 * b[name])
    for name, weight in weights(model.network).items():
        assert torch.equal(weight, before[name])


def test_models_at_its_ends_is_either(model: Model, other: Model) -> None:
    first = merge.models(model, other, 0.0)
    own = {weight.data_ptr() for weight in weights(model.network).values()}
    assert {weight.data_ptr() for weight in weights(first.network).values()} == own
    last = weights(merge.models(model, other, 1.0).network)
    for name, weight in weights(other.network).items():
        assert torch.equal(last[name], weight)


def test_models_counts_loras(model: Model, other: Model) -> None:
    """What lies over a model is part of it, and what both share stays shared."""
    path = "mid_block.attentions.0.transformer_blocks.0.attn2.to_k"
    name = "lora_unet_" + path.replace(".", "_")
    tensors = {
        f"{name}.lora_up.weight": torch.ones(16, 1),
        f"{name}.lora_down.weight": torch.ones(1, 16),
    }
    laid = lora.apply_model_only(model, parse("a", tensors, {})).model
    mixed, base = weights(merge.models(model, laid, 0.5).network), weights(model.network)
    torch.testing.assert_close(mixed[f"{path}.weight"], base[f"{path}.weight"] + 0.5)
    assert [n for n in base if mixed[n].data_ptr() != base[n].data_ptr()] == [f"{path}.weight"]


def test_models_refuses_what_is_built_otherwise(model: Model, other: Model, vae: Vae) -> None:
    with pytest.raises(InputError, match="b: got a sdxl that predicts epsilon, expected a sd1"):
        merge.models(model, replace(other, family="sdxl"))
    with pytest.raises(InputError, match=r"AutoencoderKL of .* weights and UNet2DConditionModel"):
        merge.models(model, replace(other, network=vae.autoencoder))
    wide = shifted(other.network, 3)
    wide.conv_out.weight = nn.Parameter(torch.zeros(4, 9, 3, 3))
    with pytest.raises(InputError, match=r"conv_out\.weight of \[4, 9, 3, 3\] and of \[4, 8"):
        merge.models(model, replace(other, network=wide))


def test_blocks_by_where_x_passes(model: Model, other: Model) -> None:
    a, b = weights(model.network), weights(other.network)
    mixed = merge.blocks(model, other, 0.1, 0.5, 0.9, 0.3)
    amounts = {"down_blocks": 0.1, "conv_in": 0.1, "mid_block": 0.5, "up_blocks": 0.9}

    def expected(name: str) -> Tensor:
        return torch.lerp(a[name], b[name], amounts.get(name.partition(".")[0], 0.3))

    check(mixed.network, expected)


def test_blocks_by_name(model: Model, other: Model) -> None:
    a, b = weights(model.network), weights(other.network)
    mixed = merge.blocks_by_name(model, other, "OUT00-OUT01=0.5, BASE=1", 0.0)

    def expected(name: str) -> Tensor:
        first = name.startswith(("up_blocks.0.resnets", "up_blocks.0.att", "up_blocks.0.ups"))
        if first:
            return torch.lerp(a[name], b[name], 0.5)
        base = name.startswith(("time_embedding", "conv_norm_out", "conv_out"))
        return b[name] if base else a[name]

    check(mixed.network, expected)
    with pytest.raises(InputError, match="amounts: got 'B03'"):
        merge.blocks_by_name(model, other, "B03=1")


def test_add_difference(model: Model, other: Model, third: Model) -> None:
    a, b, c = (weights(m.network) for m in (model, other, third))
    mixed = merge.add_difference(model, other, third, 0.7)
    check(mixed.network, lambda name: a[name] + 0.7 * (b[name] - c[name]))
    assert all(
        new.data_ptr() == a[name].data_ptr()
        for name, new in weights(merge.add_difference(model, other, other).network).items()
    )


def test_add_difference_makes_an_inpainting_model(model: Model, other: Model, third: Model) -> None:
    """Its first layer takes five channels more: they stay, the others get the difference."""
    inpainting = shifted(model.network, 4)
    wide = torch.randn(8, 9, 3, 3, generator=torch.Generator().manual_seed(5))
    inpainting.conv_in.weight = nn.Parameter(wide)
    mixed = merge.add_difference(replace(model, network=inpainting), other, third)
    got = mixed.network.conv_in.weight
    assert torch.equal(got[:, 4:], wide[:, 4:])
    change = other.network.conv_in.weight - third.network.conv_in.weight
    torch.testing.assert_close(got[:, :4], wide[:, :4] + change, **EXACT)


def test_add_and_subtract_are_the_difference_in_two_steps(
    model: Model, other: Model, third: Model
) -> None:
    steps = merge.add(model, merge.subtract(other, third), 0.7)
    whole = weights(merge.add_difference(model, other, third, 0.7).network)
    check(steps.network, lambda name: whole[name])


def test_subtract(model: Model, other: Model) -> None:
    a, b = weights(model.network), weights(other.network)
    check(merge.subtract(model, other).network, lambda name: a[name] - b[name])


def test_clips(clip: Clip) -> None:
    """Of all encoders of a model."""
    second = replace(clip, encoder=shifted(clip.encoder, 1), others=())
    third = replace(clip, encoder=shifted(clip.encoder, 2))
    a, b = replace(clip, others=(second,)), replace(third, others=(clip,))
    mixed = merge.clips(a, b, 0.25)
    for got, x, y in ((mixed, a, b), (mixed.others[0], second, clip)):
        first, last = weights(x.encoder), weights(y.encoder)
        check(got.encoder, lambda n, p=first, q=last: 0.75 * p[n] + 0.25 * q[n])  # type: ignore[misc]
    with pytest.raises(InputError, match="b: got clip_l and clip_l, expected clip_l, as the first"):
        merge.clips(clip, a)


def test_vaes(vae: Vae) -> None:
    other = replace(vae, autoencoder=shifted(vae.autoencoder, 1))
    a, b = weights(vae.autoencoder), weights(other.autoencoder)
    mixed = merge.vaes(vae, other, 0.25)
    check(mixed.autoencoder, lambda name: 0.75 * a[name] + 0.25 * b[name])
    with pytest.raises(InputError, match=r"latents of scaling 0\.5 and shift 0"):
        merge.vaes(vae, replace(other, scaling=0.5))
