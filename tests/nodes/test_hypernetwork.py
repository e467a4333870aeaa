"""Hypernetwork nodes, held to the formula written out and to A1111's file structure."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from nodeflow.context import RunContext
from nodeflow.errors import InputError
from nodes import hypernetwork, lora, save_model
from nodes.diffusion.adapters.hypernetwork import HypernetworkError
from nodes.diffusion.adapters.lora_keys import parse
from nodes.types import Clip, Model, Vae

WIDTH = 16  # of the text, and of the picture where the denoiser attends
CROSS = "mid_block.attentions.0.transformer_blocks.0.attn2"
SELF = "mid_block.attentions.0.transformer_blocks.0.attn1"


def draw(*shape: int, seed: int) -> Tensor:
    return 0.3 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def state(seed: int, second: int = 2) -> dict[str, Tensor]:
    """Two linear layers with a norm after the first: the second's number leaves a place for the
    activation."""
    return {
        "linear.0.weight": draw(32, WIDTH, seed=seed),
        "linear.0.bias": draw(32, seed=seed + 1),
        f"linear.{second}.weight": 1 + draw(32, seed=seed + 2),
        f"linear.{second}.bias": draw(32, seed=seed + 3),
        f"linear.{second + 1}.weight": draw(WIDTH, 32, seed=seed + 4),
        f"linear.{second + 1}.bias": draw(WIDTH, seed=seed + 5),
    }


def answer(tensors: dict[str, Tensor], x: Tensor, last: bool) -> Tensor:
    """f(x) by the trainer's order: linear, activation, norm; the last activation if told."""
    inner = F.relu(F.linear(x, tensors["linear.0.weight"], tensors["linear.0.bias"]))
    inner = F.layer_norm(inner, (32,), tensors["linear.2.weight"], tensors["linear.2.bias"])
    inner = F.linear(inner, tensors["linear.3.weight"], tensors["linear.3.bias"])
    return F.relu(inner) if last else inner


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., str]:
    """A1111's structure: the widths with their two networks, and what it wrote beside."""

    def save(**more: Any) -> str:
        content = {WIDTH: (state(0), state(100)), "activation_func": "relu", "step": 7, **more}
        torch.save(content, tmp_path / "mine.pt")
        return str(tmp_path / "mine.pt")

    return save


def ask(model: Model) -> Tensor:
    with torch.no_grad():
        x, text = draw(1, 4, 8, 8, seed=1), draw(1, 7, WIDTH, seed=2)
        return model.network(x, 400, 9 * text).sample  # type: ignore[no-any-return]


@pytest.mark.parametrize("last", [True, False])
def test_apply_is_the_formula(model: Model, write: Callable[..., str], last: bool) -> None:
    """k = W_k (c + s f_k(c)), v = W_v (c + s f_v(c)), in cross and in self attention."""
    loaded = hypernetwork.load(write(activate_output=last))
    steered = hypernetwork.apply(model, loaded, 0.7).network
    c = draw(5, WIDTH, seed=9)
    for path in (CROSS, SELF):
        for name, tensors in (("to_k", state(0)), ("to_v", state(100))):
            layer = model.network.get_submodule(f"{path}.{name}")
            expected = layer(c + 0.7 * answer(tensors, c, last))
            got = steered.get_submodule(f"{path}.{name}")(c)
            torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-6)
        query = steered.get_submodule(f"{path}.to_q")
        assert type(query) is torch.nn.Linear


def test_apply_leaves_the_base_as_it_is(model: Model, write: Callable[..., str]) -> None:
    plain, loaded = ask(model), hypernetwork.load(write())
    steered = hypernetwork.apply(model, loaded)
    assert (ask(steered) - plain).abs().max() > 1e-3
    assert torch.equal(ask(model), plain)
    assert hypernetwork.apply(model, loaded, 0.0) is model


def test_apply_goes_with_loras_in_any_order(model: Model, write: Callable[..., str]) -> None:
    """A LoRA is of the weight: it sees what the weight sees."""
    loaded = hypernetwork.load(write())
    name = "lora_unet_" + f"{CROSS}.to_k".replace(".", "_")
    up, down = draw(16, 2, seed=20), draw(2, WIDTH, seed=21)
    factors = {f"{name}.lora_up.weight": up, f"{name}.lora_down.weight": down}
    one = parse("one", factors, {})
    first = lora.apply_model_only(hypernetwork.apply(model, loaded), one).model
    last = hypernetwork.apply(lora.apply_model_only(model, one).model, loaded)
    assert torch.equal(ask(first), ask(last))
    c = draw(5, WIDTH, seed=9)
    seen = c + answer(state(0), c, True)
    base = model.network.get_submodule(f"{CROSS}.to_k")
    got = first.network.get_submodule(f"{CROSS}.to_k")(c)
    torch.testing.assert_close(got, base(seen) + seen @ (up @ down).T, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(ask(lora.merge(first)), ask(first), rtol=1e-5, atol=1e-5)


def test_apply_one_after_the_other(model: Model, write: Callable[..., str]) -> None:
    loaded = hypernetwork.load(write(activate_output=False))
    both = hypernetwork.apply(hypernetwork.apply(model, loaded, 0.5), loaded, -0.3)
    c = draw(5, WIDTH, seed=9)
    once = c + 0.5 * answer(state(0), c, False)
    twice = once - 0.3 * answer(state(0), once, False)
    expected = model.network.get_submodule(f"{CROSS}.to_k")(twice)
    got = both.network.get_submodule(f"{CROSS}.to_k")(c)
    torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-6)


def test_apply_refuses_other_widths(model: Model, tmp_path: Path) -> None:
    wide = {"linear.0.weight": torch.ones(5, 5), "linear.0.bias": torch.ones(5)}
    torch.save({5: (wide, wide)}, tmp_path / "wide.pt")
    loaded = hypernetwork.load(str(tmp_path / "wide.pt"))
    with pytest.raises(InputError, match="widths 5; this model has 16"):
        hypernetwork.apply(model, loaded)


def test_apply_is_no_change_of_weights(
    loaded: tuple[Model, Clip, Vae], write: Callable[..., str], tmp_path: Path
) -> None:
    model, clip, vae = loaded
    steered = hypernetwork.apply(model, hypernetwork.load(write()))
    with pytest.raises(InputError, match="a hypernetwork lies before"):
        save_model.folder(steered, clip, vae, "m", ctx=RunContext(output_dir=tmp_path))


def test_load_of_safetensors_is_the_same(
    model: Model, write: Callable[..., str], tmp_path: Path
) -> None:
    flat = {
        f"{WIDTH}.{which}.{name}": tensor
        for which, tensors in enumerate((state(0), state(100)))
        for name, tensor in tensors.items()
    }
    save_file(flat, tmp_path / "mine.safetensors", {"activation_func": "relu"})
    ours = hypernetwork.load(str(tmp_path / "mine.safetensors"))
    theirs = hypernetwork.load(write())
    assert torch.equal(ask(hypernetwork.apply(model, ours)), ask(hypernetwork.apply(model, theirs)))


def test_load_of_the_first_files(tmp_path: Path, model: Model) -> None:
    """They called the layers linear1 and linear2, and had no activation."""
    old = {f"linear{n}.{k}": t for n, k, t in (
        (1, "weight", draw(32, WIDTH, seed=1)), (1, "bias", draw(32, seed=2)),
        (2, "weight", draw(WIDTH, 32, seed=3)), (2, "bias", draw(WIDTH, seed=4)),
    )}  # fmt: skip
    torch.save({WIDTH: (old, old)}, tmp_path / "old.pt")
    steered = hypernetwork.apply(model, hypernetwork.load(str(tmp_path / "old.pt")))
    c = draw(5, WIDTH, seed=9)
    inner = F.linear(c, old["linear1.weight"], old["linear1.bias"])
    seen = c + F.linear(inner, old["linear2.weight"], old["linear2.bias"])
    expected = model.network.get_submodule(f"{CROSS}.to_v")(seen)
    got = steered.network.get_submodule(f"{CROSS}.to_v")(c)
    torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-6)


class Harmful:
    def __reduce__(self) -> Any:
        return print, ("it ran",)


def test_load_says_what_is_wrong(
    tmp_path: Path, write: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.pt"
    bent = {"linear.0.weight": torch.ones(5, 4)}
    for content, message in (
        ({"state_dict": {}}, "no networks by width"),
        ([1], "holds list"),
        ({5: (bent, bent)}, "for 5 takes 4, gives 5"),
        ({5: ({"conv.weight": torch.ones(1)},) * 2}, r"is called conv\.weight"),
        ({4: ({"linear.0.weight": torch.full((4, 4), float("nan"))},) * 2}, "not finite"),
        ({4: (bent, bent), "activation_func": "odd"}, "activation 'odd'"),
        ({"x": Harmful()}, "does not load"),
    ):
        torch.save(content, path)
        with pytest.raises(HypernetworkError, match=message):
            hypernetwork.load(str(path))
    path.write_bytes(b"")
    with pytest.raises(HypernetworkError, match=r"a\.pt does not load"):
        hypernetwork.load(str(path))
    assert "it ran" not in capsys.readouterr().out
