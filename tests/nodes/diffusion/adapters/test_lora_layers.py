"""Each kind of factors against peft's own layers, or the formula written out."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nodes.diffusion.adapters.apply import lay
from nodes.diffusion.adapters.bake import baked
from nodes.diffusion.adapters.lora_keys import LoraError, parse
from nodes.schedule import scaled_linear
from nodes.types import Lora, Model

CLOSE = {"rtol": 1e-5, "atol": 2e-6}


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


class Toy(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lin = nn.Linear(12, 8)
        self.conv = nn.Conv2d(4, 6, 3, stride=2, padding=1)
        self.norm = nn.LayerNorm(8)
        self.words = nn.Embedding(5, 8)
        for number, parameter in enumerate(self.parameters()):
            parameter.data = 0.3 * draw(*parameter.shape, seed=number)
        self.requires_grad_(False)


@pytest.fixture
def toy() -> Toy:
    return Toy().eval()


def laid_over(toy: nn.Module, lora: Lora, strength: float = 1.0) -> Any:
    return lay(lora, Model(toy, scaled_linear()), strength_model=strength).model.network


def both_answers(network: Any) -> tuple[Tensor, Tensor]:
    return network.lin(draw(3, 12)), network.conv(draw(1, 4, 9, 9))


def low_rank(path: str, up: Tensor, down: Tensor) -> dict[str, Tensor]:
    name = f"lora_unet_{path}"
    return {f"{name}.lora_up.weight": up, f"{name}.lora_down.weight": down}


def _configs() -> dict[str, Callable[[], Any]]:
    import peft

    both = ["lin", "conv"]
    return {
        "lora": lambda: peft.LoraConfig(r=2, lora_alpha=3, target_modules=both),
        "dora": lambda: peft.LoraConfig(r=2, lora_alpha=3, target_modules=both, use_dora=True),
        "bias": lambda: peft.LoraConfig(r=2, lora_alpha=3, target_modules=["lin"], lora_bias=True),
        "loha": lambda: peft.LoHaConfig(r=2, alpha=3, target_modules=both),
        "loha-tucker": lambda: peft.LoHaConfig(
            r=2, alpha=3, target_modules=both, use_effective_conv2d=True
        ),
        "lokr": lambda: peft.LoKrConfig(r=2, alpha=3, target_modules=both),
        "lokr-small": lambda: peft.LoKrConfig(
            r=1, alpha=3, target_modules=both, decompose_both=True, decompose_factor=2
        ),
        "lokr-tucker": lambda: peft.LoKrConfig(
            r=1, alpha=3, target_modules=both, use_effective_conv2d=True, decompose_factor=2
        ),
    }


# peft takes a bias for a matrix that was cut in pieces
@pytest.mark.filterwarnings("ignore:Adapter 'default'. 1 LoRA tensor")
@pytest.mark.parametrize("kind", list(_configs()))
def test_as_in_peft(toy: Toy, kind: str) -> None:
    """On a linear layer and a convolution with stride, at a strength that is not 1."""
    from peft import get_peft_model_state_dict, inject_adapter_in_model

    config = _configs()[kind]()
    with torch.random.fork_rng(devices=[]):
        theirs: Any = inject_adapter_in_model(config, copy.deepcopy(toy)).eval()
    patched = [theirs.lin, theirs.conv] if kind != "bias" else [theirs.lin]
    for number, (name, parameter) in enumerate(theirs.named_parameters(), start=50):
        if any(part in name for part in ("lora_A", "lora_B", "hada", "lokr")):
            parameter.data = 0.4 * draw(*parameter.shape, seed=number)
        elif "magnitude" in name:
            parameter.data = parameter.data * 1.3
    tensors = {f"base_model.model.{k}": v for k, v in get_peft_model_state_dict(theirs).items()}
    words = {name: getattr(config, name, None) for name in ("r", "lora_alpha", "alpha")}
    told = json.dumps({name: value for name, value in words.items() if value is not None})
    lora = parse(kind, tensors, {"lora_adapter_metadata": told})
    for strength in (1.0, 0.3, -0.5):
        for layer in patched:
            layer.set_scale("default", strength)
        ours = laid_over(toy, lora, strength)
        for got, expected in zip(both_answers(ours), both_answers(theirs), strict=True):
            torch.testing.assert_close(got, expected.detach(), **CLOSE)
        for got, expected in zip(both_answers(baked(ours)), both_answers(ours), strict=True):
            torch.testing.assert_close(got, expected, **CLOSE)
    assert not torch.allclose(both_answers(ours)[0], both_answers(toy)[0], atol=0.01)


def test_what_peft_patched_is_merged_by_peft(toy: Toy) -> None:
    """A network that comes from a training holds peft's layers; its base is not written into."""
    from peft import inject_adapter_in_model

    from nodes.diffusion.cloning import clone_modules

    weight = toy.lin.weight.clone()
    with torch.random.fork_rng(devices=[]):
        trained: Any = inject_adapter_in_model(_configs()["dora"](), clone_modules(toy)).eval()
    trained.lin.lora_B["default"].weight.data = draw(8, 2)
    plain: Any = baked(trained)
    assert type(plain.lin) is nn.Linear
    for got, expected in zip(both_answers(plain), both_answers(trained), strict=True):
        torch.testing.assert_close(got.detach(), expected.detach(), **CLOSE)
    assert torch.equal(toy.lin.weight, weight)


def test_tucker_convolution(toy: Toy) -> None:
    """LoCon with `lora_mid`: 1 x 1 down, the kernel between, 1 x 1 up."""
    down, mid, up = draw(2, 4, 1, 1), draw(2, 2, 3, 3, seed=1), draw(6, 2, 1, 1, seed=2)
    tensors = {
        "lora_unet_conv.lora_down.weight": down,
        "lora_unet_conv.lora_mid.weight": mid,
        "lora_unet_conv.lora_up.weight": up,
        "lora_unet_conv.alpha": torch.tensor(1.0),
    }
    x = draw(1, 4, 9, 9)
    changed = laid_over(toy, parse("a", tensors, {}), 0.7)
    kernel = torch.einsum("or,rshw,si->oihw", up[..., 0, 0], mid, down[..., 0, 0])
    expected = toy.conv(x) + 0.35 * F.conv2d(x, kernel, stride=2, padding=1)
    torch.testing.assert_close(changed.conv(x), expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(baked(changed).conv(x), expected, rtol=1e-4, atol=1e-5)


def test_hadamard_and_kronecker_by_formula(toy: Toy) -> None:
    a, b, c, d = draw(8, 2), draw(2, 12, seed=1), draw(8, 2, seed=2), draw(2, 12, seed=3)
    named = zip(("w1_a", "w1_b", "w2_a", "w2_b"), (a, b, c, d), strict=True)
    loha = {f"lycoris_lin.hada_{name}": tensor for name, tensor in named}
    loha["lycoris_lin.alpha"] = torch.tensor(1.0)
    x = draw(3, 12)
    changed = laid_over(toy, parse("a", loha, {})).lin(x)
    torch.testing.assert_close(changed, toy.lin(x) + x @ (0.5 * (a @ b) * (c @ d)).T, **CLOSE)
    whole = {"lora_unet_lin.lokr_w1": draw(2, 3), "lora_unet_lin.lokr_w2": draw(4, 4, seed=1)}
    whole["lora_unet_lin.alpha"] = torch.tensor(7.0)  # of two whole factors there is no rank
    changed = laid_over(toy, parse("a", whole, {})).lin(x)
    blocks = draw(2, 3)[:, None, :, None] * draw(4, 4, seed=1)[None, :, None, :]
    torch.testing.assert_close(changed, toy.lin(x) + x @ blocks.reshape(8, 12).T, **CLOSE)


def test_lengths_of_columns(toy: Toy) -> None:
    """Some trainers keep DoRA's lengths of the columns: `dora_scale` is [1, in]."""
    lengths = draw(1, 12, seed=5).abs() + 1
    up, down = draw(8, 2), draw(2, 12, seed=1)
    tensors = {
        "lora_unet_lin.lora_up.weight": up,
        "lora_unet_lin.lora_down.weight": down,
        "lora_unet_lin.dora_scale": lengths,
    }
    changed = laid_over(toy, parse("a", tensors, {}))
    weight = toy.lin.weight + up @ down
    weight = lengths * weight / weight.norm(dim=0, keepdim=True)
    x = draw(3, 12)
    torch.testing.assert_close(changed.lin(x), F.linear(x, weight, toy.lin.bias), **CLOSE)
    torch.testing.assert_close(baked(changed).lin.weight, weight, **CLOSE)


def test_whole_differences(toy: Toy) -> None:
    """Of weights, biases, norms and embeddings, as ComfyUI and LyCORIS store them."""
    tensors = {
        "lora_unet_lin.diff": draw(8, 12),
        "lora_unet_lin.diff_b": draw(8),
        "lora_unet_norm.w_norm": draw(8, seed=1),
        "lora_unet_norm.b_norm": draw(8, seed=2),
        "lora_unet_words.diff": draw(5, 8, seed=3),
    }
    changed = laid_over(toy, parse("a", tensors, {}), 0.5)
    assert torch.equal(changed.lin.weight, toy.lin.weight + 0.5 * draw(8, 12))
    assert torch.equal(changed.lin.bias, toy.lin.bias + 0.5 * draw(8))
    assert torch.equal(changed.norm.weight, toy.norm.weight + 0.5 * draw(8, seed=1))
    assert torch.equal(changed.norm.bias, toy.norm.bias + 0.5 * draw(8, seed=2))
    assert torch.equal(changed.words.weight, toy.words.weight + 0.5 * draw(5, 8, seed=3))
    assert changed.conv.weight is toy.conv.weight


def test_kinds_stack_on_one_layer(toy: Toy) -> None:
    """LoRA, LoKr, a whole difference with a bias, each at a strength: the sum of all."""
    up, down = draw(8, 2), draw(2, 12, seed=1)
    product = {**low_rank("lin", up, down), "lora_unet_lin.diff_b": draw(8, seed=9)}
    whole = {"lora_unet_lin.diff": draw(8, 12, seed=2)}
    kronecker = {"lora_unet_lin.lokr_w1": draw(2, 3), "lora_unet_lin.lokr_w2": draw(4, 4)}
    changed = laid_over(toy, parse("a", product, {}), 0.5)
    changed = laid_over(changed, parse("b", whole, {}), -0.3)
    changed = laid_over(changed, parse("c", kronecker, {}), 2.0)
    weight = toy.lin.weight + 0.5 * up @ down - 0.3 * draw(8, 12, seed=2)
    weight = weight + 2 * torch.kron(draw(2, 3), draw(4, 4))
    bias = toy.lin.bias + 0.5 * draw(8, seed=9)
    x = draw(3, 12)
    torch.testing.assert_close(changed.lin(x), F.linear(x, weight, bias), rtol=1e-4, atol=1e-5)
    plain = baked(changed)
    torch.testing.assert_close(plain.lin.weight, weight, **CLOSE)
    torch.testing.assert_close(plain.lin.bias, bias, **CLOSE)


def test_quantised_base(toy: Toy) -> None:
    """A layer whose weight lies in GGUF's blocks: its difference is added to what they answer."""
    import gguf

    from nodes.diffusion.adapters.merge import interpolate, merged
    from nodes.diffusion.adapters.original_names import layer_paths
    from nodes.diffusion.checkpoints.quantised import QuantisedLinear

    wide = nn.Linear(32, 8).requires_grad_(False)
    wide.weight.data = draw(8, 32)
    blocks = gguf.quants.quantize(wide.weight.numpy(), gguf.GGMLQuantizationType.Q8_0)
    network = copy.deepcopy(toy)
    network.lin = QuantisedLinear(wide, torch.from_numpy(blocks), "Q8_0", torch.float32)
    assert "lin" in layer_paths(network)
    up, down, x = draw(8, 2), draw(2, 32, seed=1), draw(3, 32)
    changed = laid_over(network, parse("a", low_rank("lin", up, down), {}), 0.5)
    expected = network.lin(x) + 0.5 * x @ (up @ down).T
    torch.testing.assert_close(changed.lin(x), expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(baked(changed).lin(x), expected, rtol=1e-4, atol=1e-5)
    half: Any = merged([network, changed], interpolate(lambda name: 0.5))
    middle = network.lin(x) + 0.25 * x @ (up @ down).T
    torch.testing.assert_close(half.lin(x), middle, rtol=1e-4, atol=1e-5)


def test_half_precision_base_keeps_its_type(toy: Toy) -> None:
    half = copy.deepcopy(toy).to(torch.bfloat16)
    tensors = low_rank("lin", draw(8, 2), draw(2, 12))
    changed = laid_over(half, parse("a", tensors, {}))
    assert changed.lin(draw(3, 12).bfloat16()).dtype == torch.bfloat16
    assert baked(changed).lin.weight.dtype == torch.bfloat16


@pytest.mark.parametrize("kind", ["loha", "lokr", "dora"])
def test_factors_of_a_layer_that_is_several_here(flux: Any, kind: str) -> None:
    """Flux has queries, keys and values in one layer: each of ours takes its rows of dW."""
    network = flux.model.network
    block = network.transformer_blocks[0].attn
    layers = [block.to_q, block.to_k, block.to_v]
    name = "lora_unet_double_blocks_0_img_attn_qkv"
    whole = torch.cat([layer.weight for layer in layers])  # [48, 16]
    if kind == "loha":
        factors = [draw(48, 2), draw(2, 16, seed=1), draw(48, 2, seed=2), draw(2, 16, seed=3)]
        ends = ("w1_a", "w1_b", "w2_a", "w2_b")
        tensors = {f"{name}.hada_{e}": f for e, f in zip(ends, factors, strict=True)}
        weight = whole + (factors[0] @ factors[1]) * (factors[2] @ factors[3])
    elif kind == "lokr":
        tensors = {f"{name}.lokr_w1": draw(4, 4), f"{name}.lokr_w2": draw(12, 4, seed=1)}
        weight = whole + torch.kron(draw(4, 4), draw(12, 4, seed=1))
    else:
        up, down, lengths = draw(48, 2), draw(2, 16, seed=1), draw(48, 1, seed=2).abs() + 1
        tensors = {
            f"{name}.lora_up.weight": up,
            f"{name}.lora_down.weight": down,
            f"{name}.dora_scale": lengths,
        }
        weight = whole + up @ down
        weight = lengths * weight / weight.norm(dim=1, keepdim=True)
    changed = lay(parse("a", tensors, {}), flux.model).model.network.transformer_blocks[0].attn
    x = draw(5, 16, seed=7)
    bias = torch.cat([layer.bias for layer in layers])
    got = torch.cat([changed.to_q(x), changed.to_k(x), changed.to_v(x)], dim=1)
    torch.testing.assert_close(got, F.linear(x, weight, bias), rtol=1e-4, atol=1e-5)


def test_what_does_not_fit_is_refused(toy: Toy) -> None:
    for tensors, message in (
        ({"lora_unet_lin.lora_up.weight": draw(8, 2)}, "lora_unet_lin has up, but no down"),
        (
            low_rank("words", draw(5, 2), draw(2, 8)),
            "no linear layer or convolution",
        ),
        (low_rank("lin", draw(8, 3), draw(2, 12)), r"one rank, found \[8, 3\] and \[2, 12\]"),
        (
            {"lora_unet_lin.lokr_w1": draw(2, 3), "lora_unet_lin.lokr_w2": draw(4, 5)},
            r"\[8, 15\], where lin takes \[8, 12\]",
        ),
        (
            {
                "lora_unet_lin.hada_w1_a": draw(8, 2),
                "lora_unet_lin.hada_w1_b": draw(3, 12),
                "lora_unet_lin.hada_w2_a": draw(8, 2),
                "lora_unet_lin.hada_w2_b": draw(2, 12),
            },
            r"'w1_b': \[3, 12\].*, where lin takes \[8, 12\]",
        ),
        (low_rank("lin", draw(8), draw(2, 12)), r"one rank, found \[8\]"),
        ({"lora_unet_norm.w_norm": draw(7)}, r"\[7\], where norm takes \[8\]"),
    ):
        with pytest.raises(LoraError, match=message):
            laid_over(toy, parse("a", tensors, {}))
