"""Less work in self-attention: tokens merged into those they resemble, or attention in tiles.

Both wrap the processors of a clone's self-attention modules. How a layer's places lie in the
picture is told by the size of the latent that the network was last called with.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from nodes.diffusion.attention import attentions, side_lengths
from nodes.diffusion.cloning import clone_modules

Wrap = Callable[[Tensor, int, int], tuple[Tensor, Callable[[Tensor], Tensor]]]
"""x [n, places, C] in rows × columns → what attends to itself instead, and the way back."""


class _Size:
    """Height and width of the latent in the call that runs."""

    height = width = 0

    def note(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        sample = args[0] if args else kwargs["sample"]
        self.height, self.width = sample.shape[-2:]


class _Wrapped:
    """A processor that works on something smaller."""

    def __init__(self, inner: Any, size: _Size, wrap: Wrap) -> None:
        self.inner, self.size, self.wrap = inner, size, wrap

    def __call__(self, attn: Any, hidden_states: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        grid = side_lengths(hidden_states.shape[1], self.size.height, self.size.width)
        smaller, back = self.wrap(hidden_states, *grid)
        return back(self.inner(attn, smaller, *args, **kwargs))


def with_wrapped_attention(network: nn.Module, deepest: int, wrap: Wrap) -> nn.Module:
    """A clone whose self-attention is wrapped where a layer is no more than 2^deepest times smaller
    than the latent, per side.

    Raises:
        ValueError: a network without self-attention of that kind.
    """
    clone = clone_modules(network)
    found = attentions(clone, cross=False)
    if not found or type(network).__name__ != "UNet2DConditionModel":
        raise ValueError(f"{type(network).__name__} is no UNet with self-attention")
    size = _Size()
    clone.register_forward_pre_hook(size.note, with_kwargs=True)

    def near(x: Tensor, rows: int, columns: int) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
        if rows * 2**deepest < size.height:
            return x, lambda y: y
        return wrap(x, rows, columns)

    for module in found.values():
        module.set_processor(_Wrapped(module.processor, size, near))
    return clone


def tiled(tile: int) -> Wrap:
    """Attention within tiles of at least `tile` places a side."""

    def wrap(x: Tensor, rows: int, columns: int) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
        down, across = _parts(rows, tile), _parts(columns, tile)
        n, _, channels = x.shape
        high, wide = rows // down, columns // across
        cut = x.reshape(n, down, high, across, wide, channels).transpose(2, 3)

        def back(y: Tensor) -> Tensor:
            whole = y.reshape(n, down, across, high, wide, channels).transpose(2, 3)
            return whole.reshape(n, rows * columns, channels)

        return cut.reshape(n * down * across, high * wide, channels), back

    return wrap


def _parts(side: int, tile: int) -> int:
    """The most equal parts of a side that are at least `tile` long."""
    return max(k for k in range(1, side + 1) if side % k == 0 and (side // k >= tile or k == 1))


def merged(share: float) -> Wrap:
    """Attention among fewer tokens: `share` of all are merged into the ones most like them.

    Of every 2 × 2 places the first stays; of the others those nearest, by cosine, to one that stays
    become part of it by their mean. On the way back each gets what its group got.
    """

    def wrap(x: Tensor, rows: int, columns: int) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
        places = torch.arange(rows * columns, device=x.device).reshape(rows, columns)
        stays = torch.zeros(rows, columns, dtype=torch.bool, device=x.device)
        stays[::2, ::2] = True
        kept, free = places[stays], places[~stays]
        count = min(int(share * rows * columns), len(free))
        if count == 0:
            return x, lambda y: y
        return _merge(x, kept, free, count)

    return wrap


def _merge(
    x: Tensor, kept: Tensor, free: Tensor, count: int
) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    n, _, channels = x.shape
    unit = torch.nn.functional.normalize(x, dim=2)
    alike, partner = (unit[:, free] @ unit[:, kept].mT).max(dim=2)  # [n, free]
    order = alike.argsort(dim=1, descending=True, stable=True)
    going, staying = order[:, :count], order[:, count:]  # places in `free`
    target = partner.gather(1, going)  # places in `kept`

    def spread(index: Tensor) -> Tensor:
        return index[..., None].expand(-1, -1, channels)

    loose = x[:, free]
    sums = x[:, kept].scatter_add(1, spread(target), loose.gather(1, spread(going)))
    ones = torch.ones_like(target, dtype=x.dtype)
    sizes = x.new_ones(n, len(kept)).scatter_add(1, target, ones)
    smaller = torch.cat([sums / sizes[..., None], loose.gather(1, spread(staying))], dim=1)

    def back(y: Tensor) -> Tensor:
        groups, alone = y[:, : len(kept)], y[:, len(kept) :]
        rest = torch.empty_like(loose)
        rest.scatter_(1, spread(going), groups.gather(1, spread(target)))
        rest.scatter_(1, spread(staying), alone)
        whole = torch.empty_like(x)
        whole[:, kept], whole[:, free] = groups, rest
        return whole

    return smaller, back
