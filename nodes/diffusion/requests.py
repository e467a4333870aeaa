"""What one call of a network is made of, and how the rows of its batch are laid together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from nodes.types import Area, Conditioning


@dataclass(frozen=True, eq=False)
class Request:
    """One call of a network: n rows, each a picture under a text.

    `x` [n, C, H, W] is scaled as the network wants it. `rows` are the texts, one a row, each with a
    batch of 1; `pictures` says which picture of the batch a row is. `area` is the part of the
    picture that x is, None for all of it. `residuals` are tensors that ControlNets add, by the name
    of the network's argument.
    """

    x: Tensor
    timestep: float
    rows: Sequence[Conditioning]
    pictures: Sequence[int]
    area: Area | None = None
    residuals: Mapping[str, Sequence[Tensor]] = field(default_factory=dict)


def like_weights(network: Any, tensor: Tensor) -> Tensor:
    """A tensor on the device and of the dtype that the network computes in."""
    return tensor.to(network.device, network.dtype)


def clock(request: Request, x: Tensor) -> Tensor:
    """What the network is told of the time, once for each row of x: [n]."""
    return torch.full((len(x),), request.timestep, dtype=torch.float32, device=x.device)


def texts_in_one(rows: Sequence[Conditioning]) -> tuple[Tensor, Tensor | None]:
    """Embeddings [n, longest, D] and which of their tokens are there, [n, longest].

    Shorter texts are filled up with zeros, which the mask hides; where all are of one length and
    none has a mask of its own there is none.
    """
    lengths = [row.embeddings.shape[1] for row in rows]
    longest = max(lengths)
    embeddings = torch.cat(
        [torch.nn.functional.pad(r.embeddings, (0, 0, 0, longest - n)) for r, n in _with(rows)]
    )
    if min(lengths) == longest and all(row.attention_mask is None for row in rows):
        return embeddings, None
    masks = [_mask(row).to(embeddings.device) for row in rows]
    padded = [torch.nn.functional.pad(m, (0, longest - m.shape[1])) for m in masks]
    return embeddings, torch.cat(padded)


def _with(rows: Sequence[Conditioning]) -> list[tuple[Conditioning, int]]:
    return [(row, row.embeddings.shape[1]) for row in rows]


def _mask(row: Conditioning) -> Tensor:
    if row.attention_mask is not None:
        return row.attention_mask.bool()
    return torch.ones(row.embeddings.shape[:2], dtype=torch.bool)


def pooled_in_one(rows: Sequence[Conditioning], width: int) -> Tensor:
    """The texts' pooled embeddings, [n, width]; zeros for a text without one."""
    found = [row.pooled for row in rows]
    return torch.cat(
        [
            row.embeddings.new_zeros(1, width) if p is None else p
            for row, p in zip(rows, found, strict=True)
        ]
    )


def batch_of_row(text: Conditioning, k: int) -> Conditioning:
    """What steers picture k of a batch: its own row, or the one row that all share."""

    def own(tensor: Tensor | None) -> Tensor | None:
        return tensor if tensor is None or len(tensor) == 1 else tensor[k : k + 1]

    embeddings = own(text.embeddings)
    assert embeddings is not None
    return replace(
        text,
        embeddings=embeddings,
        pooled=own(text.pooled),
        attention_mask=own(text.attention_mask),
        mask=own(text.mask),
        concat=own(text.concat),
        more=tuple(batch_of_row(further, k) for further in text.more),
        extras=tuple((name, _thing_of(value, k)) for name, value in text.extras),
    )


def _thing_of(value: Any, k: int) -> Any:
    if isinstance(value, Tensor):
        return value if len(value) == 1 else value[k : k + 1]
    if isinstance(value, tuple):
        return tuple((name, _thing_of(inside, k)) for name, inside in value)
    return value.of_picture(k) if hasattr(value, "of_picture") else value
