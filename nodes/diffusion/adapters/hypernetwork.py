"""Hypernetworks: small networks before an attention's keys and values.

k = W_k (c + strength f_k(c)) and v = W_v (c + strength f_v(c)), where c is what attention looks at:
the text in cross attention, the picture itself in self attention. One pair f_k, f_v per width of c.
From NovelAI, 2022; the files are those that A1111's web UI trains.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from nodes.diffusion.adapters.apply import put
from nodes.diffusion.adapters.lora_layers import frozen
from nodes.diffusion.adapters.original_names import layer_paths
from nodes.diffusion.checkpoints.header import read_header
from nodes.diffusion.cloning import clone_modules
from nodes.types import Hypernetwork

States = dict[int, tuple[dict[str, Tensor], dict[str, Tensor]]]

_ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "leakyrelu": nn.LeakyReLU,
    "elu": nn.ELU,
    "swish": nn.Hardswish,  # what the trainer takes for it
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "softsign": nn.Softsign,
    "hardswish": nn.Hardswish,
    "silu": nn.SiLU,
    "gelu": nn.GELU,
    "mish": nn.Mish,
}
_OLD_NAMES = {"linear1.": "linear.0.", "linear2.": "linear.1."}


class HypernetworkError(ValueError):
    """A file is no hypernetwork, or one for another model."""


class Steered(nn.Module):  # type: ignore[misc]
    """A layer that sees x + strength f(x)."""

    def __init__(self, inner: nn.Module, hypernetwork: nn.Module, strength: float) -> None:
        super().__init__()
        self.inner, self.hypernetwork, self.strength = inner, hypernetwork, strength

    def __getattr__(self, name: str) -> Any:
        """What the layer is asked for beside its answer."""
        try:
            return super().__getattr__(name)
        except AttributeError:
            if name == "inner":
                raise
            return getattr(super().__getattr__("inner"), name)

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Any:
        own = x.to(next(self.hypernetwork.parameters()).dtype)
        return self.inner(x + self.strength * self.hypernetwork(own).to(x.dtype), *args, **kwargs)


def load_hypernetwork(path: Path) -> Hypernetwork:
    """A hypernetwork from A1111's `.pt`, or from safetensors with its tensors as
    `768.0.linear.0.weight`: width, 0 for keys or 1 for values, name.

    A `.pt` is opened so that it can hold tensors and plain values alone.

    Raises:
        HypernetworkError: it is damaged, or something else.
    """
    reads_pickle = path.suffix.lower() == ".pt"
    states, told = _from_pickle(path) if reads_pickle else _from_safetensors(path)
    if not states:
        raise HypernetworkError(f"{path} is no hypernetwork: it has no networks by width")
    activation = str(told.get("activation_func") or "linear").lower()
    if activation not in (*_ACTIVATIONS, "linear"):
        raise HypernetworkError(
            f"{path}: activation {activation!r}, expected one of {', '.join(_ACTIVATIONS)}"
        )
    last = str(told.get("activate_output", True)).lower() != "false"
    pairs = {}
    for width, pair in sorted(states.items()):
        key, value = (_network(path, width, state, activation, last) for state in pair)
        pairs[width] = (key, value)
    return Hypernetwork(str(path), pairs)


def apply_hypernetwork(network: nn.Module, hyper: Hypernetwork, strength: float) -> nn.Module:
    """A copy of a UNet in which every attention of a width that is known is steered.

    Raises:
        HypernetworkError: none is.
    """
    wanted = [
        (path, 0 if path.endswith(".to_k") else 1, int(network.get_submodule(path).in_features))
        for path in layer_paths(network)
        if path.endswith((".to_k", ".to_v")) and (".attn1." in path or ".attn2." in path)
    ]
    hit = [(path, which, width) for path, which, width in wanted if width in hyper.pairs]
    if not hit:
        have = ", ".join(map(str, sorted({width for *_, width in wanted}))) or "no attention"
        known = ", ".join(map(str, hyper.pairs))
        raise HypernetworkError(
            f"{hyper.name} steers attention of the widths {known}; this model has {have}"
        )
    copy = clone_modules(network)
    for path, which, width in hit:
        net = hyper.pairs[width][which]
        put(copy, path, lambda layer, net=net: Steered(layer, _like(net, layer), strength))  # type: ignore[misc]
    return copy


def _like(net: nn.Module, layer: Any) -> nn.Module:
    """A copy of a small network where the layer is, in its precision."""
    copy = clone_modules(net)
    for module in copy.modules():
        for name, parameter in list(module.named_parameters(recurse=False)):
            setattr(module, name, frozen(parameter.detach().to(layer.weight)))
    return copy


def _network(
    path: Path, width: int, state: Mapping[str, Tensor], activation: str, last: bool
) -> nn.Module:
    """Linear layers with the activation after each, and norms where the file has any."""
    layers: dict[int, dict[str, Tensor]] = {}
    for name, tensor in state.items():
        match = re.fullmatch(r"linear\.(\d+)\.(weight|bias)", name)
        if not match:
            raise HypernetworkError(f"{path}: no layer of a hypernetwork is called {name}")
        if not bool(tensor.isfinite().all()):
            raise HypernetworkError(f"{path}: {width}, {name} is not finite (NaN or infinity)")
        layers.setdefault(int(match[1]), {})[match[2]] = tensor.float()
    numbers = sorted(layers)
    linear = [n for n in numbers if layers[n]["weight"].ndim == 2]
    modules: list[nn.Module] = []
    for number in numbers:
        modules.append(_layer(layers[number]))
        if number in linear and activation != "linear" and (last or number != linear[-1]):
            modules.append(_ACTIVATIONS[activation]())
    ends = layers[linear[0]]["weight"].shape[1], layers[linear[-1]]["weight"].shape[0]
    if ends != (width, width):
        raise HypernetworkError(f"{path}: the network for {width} takes {ends[0]}, gives {ends[1]}")
    return nn.Sequential(*modules).eval()


def _layer(tensors: Mapping[str, Tensor]) -> nn.Module:
    weight, bias = tensors["weight"], tensors.get("bias")
    layer: Any
    if weight.ndim == 2:
        layer = nn.Linear(weight.shape[1], weight.shape[0], bias is not None, device="meta")
    else:
        layer = nn.LayerNorm(len(weight), device="meta")
    layer.weight = frozen(weight)
    if bias is not None:
        layer.bias = frozen(bias)
    return layer  # type: ignore[no-any-return]


def _from_pickle(path: Path) -> tuple[States, Mapping[Any, Any]]:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, OSError, KeyError) as error:
        first = str(error).strip().split("\n")[0]
        raise HypernetworkError(f"{path} does not load: {first}") from None
    if not isinstance(content, Mapping):
        raise HypernetworkError(f"{path} holds {type(content).__name__}, no hypernetwork")
    states = {}
    for width, pair in content.items():
        if isinstance(width, int) and isinstance(pair, (tuple, list)) and len(pair) >= 2:
            key, value = (_renamed(state) for state in pair[:2])
            states[width] = (key, value)
    return states, content


def _renamed(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    found = {}
    for name, tensor in state.items():
        old = next((old for old in _OLD_NAMES if name.startswith(old)), None)
        found[name.replace(old, _OLD_NAMES[old]) if old else name] = tensor
    return found


def _from_safetensors(path: Path) -> tuple[States, Mapping[Any, Any]]:
    told = read_header(path).metadata
    states: States = {}
    try:
        with safe_open(str(path), framework="pt") as stream:
            for name in stream.keys():  # noqa: SIM118
                width, _, rest = name.partition(".")
                which, _, inner = rest.partition(".")
                if width.isdigit() and which in ("0", "1"):
                    states.setdefault(int(width), ({}, {}))[int(which)][inner] = stream.get_tensor(
                        name
                    )
    except (SafetensorError, OSError) as error:
        raise HypernetworkError(f"{path} does not load: {error}") from None
    return states, told
