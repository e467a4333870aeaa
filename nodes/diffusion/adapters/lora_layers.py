"""A layer with differences beside its weight: y = W x + b + strength dW x.

dW stays in factors. Of a LoRA not even the product is ever made: x goes through two narrow layers.
A LoHa or LoKr makes its dW for the length of a call, by peft's own products.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nodes.diffusion.adapters.original_names import shape_of


class Adapted(nn.Module):  # type: ignore[misc]
    """A linear layer or a convolution as it is, and differences that are added to its answer."""

    def __init__(self, base_layer: nn.Module, deltas: list[Delta]) -> None:
        super().__init__()
        self.base_layer = base_layer
        self.deltas = nn.ModuleList(deltas)

    def __getattr__(self, name: str) -> Any:
        """What the layer is asked for beside its answer (`weight`, `bias`, `out_features` …)."""
        try:
            return super().__getattr__(name)
        except AttributeError:
            if name == "base_layer":
                raise
            return getattr(super().__getattr__("base_layer"), name)

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        base = self.base_layer(x, *args, **kwargs)
        answer = base
        for delta in self.deltas:
            answer = answer + delta(x, base, self.base_layer)
        return answer  # type: ignore[no-any-return]


class Delta(nn.Module):  # type: ignore[misc]
    """A difference to one layer's weight, at a strength; `difference` is how its factors make it.

    With `gain`, DoRA (Liu et al. 2024, arXiv 2402.09353, eq. 5), the weight is
    gain * (W + strength dW): gain is magnitude / |W + strength dW|, the length taken per row, or
    per column where `columns`.
    """

    def __init__(self, strength: float) -> None:
        super().__init__()
        self.strength = strength
        self.gain: nn.Parameter | None = None
        self.columns = False
        self.bias: nn.Parameter | None = None

    def difference(self) -> Tensor:
        """dW, in a shape that has the weight's elements in the weight's order: each kind of factors
        makes its own."""
        raise NotImplementedError

    def answer(self, x: Tensor, layer: nn.Module) -> Tensor:
        """strength dW x."""
        weight = (self.strength * self.difference()).reshape(shape_of(layer))
        return apply_weight(x, weight, layer)

    def forward(self, x: Tensor, base: Tensor, layer: nn.Module) -> Tensor:
        """What is added to `base`, the layer's own answer."""
        own = x.to(next(self.parameters()).dtype)
        if self.gain is None:
            more = self.answer(own, layer).to(base.dtype)
        elif self.columns:
            more = self._by_column(own, layer).to(base.dtype)
        else:
            gain = _along_channels(self.gain, base)
            plain = base if layer.bias is None else base - _along_channels(layer.bias, base)
            more = (gain - 1) * plain + gain * self.answer(own, layer).to(base.dtype)
        if self.bias is not None:
            more = more + _along_channels(self.bias, base)
        return more

    def weight_change(self, weight: Tensor) -> Tensor:
        """What this adds to `weight`, in float32 and its shape."""
        change = self.strength * self.difference().float().reshape(weight.shape)
        if self.gain is None:
            return change
        shape = (1, -1) if self.columns else (-1, 1)
        gain = self.gain.float().reshape(*shape, *[1] * (weight.ndim - 2))
        return gain * (weight.float() + change) - weight.float()

    def set_magnitude(self, magnitude: Tensor, weight: Tensor, columns: bool) -> None:
        """Hold the rows (or columns) of W + strength dW to these lengths, [rows]."""
        whole = weight.float() + self.weight_change(weight)
        whole = whole.transpose(0, 1) if columns else whole
        length = whole.flatten(1).norm(dim=1)
        gain = magnitude.flatten().to(length) / length
        self.gain, self.columns = frozen(gain.to(weight.dtype)), columns

    def _by_column(self, x: Tensor, layer: nn.Module) -> Tensor:
        assert self.gain is not None
        place = 1 if x.ndim == 4 and len(shape_of(layer)) == 4 else -1
        shape = [1] * x.ndim
        shape[place] = -1
        scaled = x * self.gain.reshape(shape)
        return apply_weight(scaled - x, layer.weight, layer) + self.answer(scaled, layer)


class LowRank(Delta):
    """dW = up down, Hu et al. 2021, arXiv 2106.09685; in a convolution `down` has the kernel, or
    `mid` between them has it (LoCon with a Tucker decomposition: Yeh et al. 2023, arXiv
    2309.14859).

    `down` [r, in] or [r, in, h, w], `up` [out, r], `mid` [r, r, h, w].
    """

    def __init__(self, down: Tensor, up: Tensor, mid: Tensor | None, strength: float) -> None:
        super().__init__(strength)
        self.down, self.up = frozen(down), frozen(up)
        self.mid = None if mid is None else frozen(mid)

    def difference(self) -> Tensor:
        down, up = self.down.flatten(1), self.up
        if self.mid is None:
            return up @ down
        return torch.einsum("or,rshw,si->oihw", up, self.mid, down)

    def answer(self, x: Tensor, layer: nn.Module) -> Tensor:
        if self.down.ndim == 2:
            return F.linear(F.linear(x, self.down) * self.strength, self.up)
        if self.mid is None:
            inner = _convolve(x, self.down, layer)
        else:
            inner = _convolve(F.conv2d(x, self.down), self.mid, layer)
        return F.conv2d(inner * self.strength, self.up[:, :, None, None])


class Hadamard(Delta):
    """dW = (w1_a w1_b) * (w2_a w2_b), per element: LoHa, Hyeon-Woo et al. 2021, arXiv 2108.06098,
    eq. 4. With cores `t1` and `t2` [r, r, h, w] a convolution's, as in its proposition 3."""

    NAMES = ("w1_a", "w1_b", "w2_a", "w2_b", "t1", "t2")

    def __init__(self, factors: dict[str, Tensor], strength: float) -> None:
        super().__init__(strength)
        _hold(self, factors, self.NAMES)

    def difference(self) -> Tensor:
        from peft.tuners.loha.layer import make_weight, make_weight_cp

        one = torch.ones((), dtype=self.w1_a.dtype, device=self.w1_a.device)
        if self.t1 is None:
            return make_weight(self.w1_a, self.w1_b, self.w2_a, self.w2_b, one)  # type: ignore[no-any-return]
        return make_weight_cp(  # type: ignore[no-any-return]
            self.t1, self.w1_a, self.w1_b, self.t2, self.w2_a, self.w2_b, one
        )


class Kronecker(Delta):
    """dW = w1 (x) w2, each whole or a product of two: LoKr, Yeh et al. 2023, arXiv 2309.14859,
    section 3.2. `rows` are those of the product that belong to this layer."""

    NAMES = ("k_w1", "k_w1_a", "k_w1_b", "k_w2", "k_w2_a", "k_w2_b", "k_t2")

    def __init__(self, factors: dict[str, Tensor], rows: Tensor | None, strength: float) -> None:
        super().__init__(strength)
        _hold(self, factors, self.NAMES)
        self.register_buffer("rows", rows)

    def difference(self) -> Tensor:
        from peft.tuners.lokr.layer import make_kron, make_weight_cp

        first = self.k_w1 if self.k_w1 is not None else self.k_w1_a @ self.k_w1_b
        if self.k_w2 is not None:
            second = self.k_w2
        elif self.k_t2 is not None:
            second = make_weight_cp(self.k_t2, self.k_w2_a, self.k_w2_b)
        else:
            second = self.k_w2_a @ self.k_w2_b
        product = make_kron(first, second).flatten(1)
        return product if self.rows is None else product[self.rows]  # type: ignore[no-any-return]


def frozen(tensor: Tensor) -> nn.Parameter:
    return nn.Parameter(tensor, requires_grad=False)


def apply_weight(x: Tensor, weight: Tensor, layer: nn.Module) -> Tensor:
    """The answer of a layer of this weight and no bias, otherwise like `layer`."""
    return F.linear(x, weight) if weight.ndim == 2 else _convolve(x, weight, layer)


def _convolve(x: Tensor, weight: Tensor, layer: Any) -> Tensor:
    return F.conv2d(x, weight, None, layer.stride, layer.padding, layer.dilation)


def _along_channels(vector: Tensor, answer: Tensor) -> Tensor:
    """[channels] so that it spreads over an answer [B, C, H, W] or [..., C]."""
    return vector.to(answer.dtype).reshape(-1, *[1] * (2 if answer.ndim == 4 else 0))


def _hold(module: nn.Module, factors: dict[str, Tensor], names: tuple[str, ...]) -> None:
    for name in names:
        tensor = factors.get(name)
        module.register_parameter(name, None if tensor is None else frozen(tensor))
