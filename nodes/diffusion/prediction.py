"""Asking the network: its input, its clock, its batch, and what its answer means.

The networks here are discrete variance-preserving ones: they want x / sqrt(1 + sigma^2), which has
spread 1 at every sigma, and a timestep. Whatever they were trained to say comes back as epsilon.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from nodes.types import Conditioning, Model, Step


def scale_input(x: Tensor, sigma: float) -> Tensor:
    """x / sqrt(1 + sigma^2)."""
    return x / math.sqrt(1 + sigma**2)


def texts_of(conditioning: Conditioning) -> tuple[Conditioning, ...]:
    """The texts of a conditioning, each to be predicted for: itself and `more`."""
    return (conditioning, *conditioning.more)


def predict_epsilons(
    model: Model, x: Tensor, step: Step, conditionings: Sequence[Conditioning]
) -> list[Tensor]:
    """epsilon [B, C, H, W] for the same x under each conditioning, the texts in one batch.

    A conditioning of n texts takes n places of the batch per picture, and its predictions are
    averaged. A CPU takes the pictures one by one: how a kernel rounds depends on the size of the
    batch, and a picture should come out of a batch as it does alone, to the bit; there is little
    speed in larger batches there.
    """
    if len(x) > 1 and next(model.network.parameters()).device.type == "cpu":
        alone = [
            in_one_batch(model, x[k : k + 1], step, [_of_picture(c, k) for c in conditionings])
            for k in range(len(x))
        ]
        return [torch.cat(rows) for rows in zip(*alone, strict=True)]
    return in_one_batch(model, x, step, conditionings)


def in_one_batch(
    model: Model, x: Tensor, step: Step, conditionings: Sequence[Conditioning]
) -> list[Tensor]:
    """As `predict_epsilons`, all pictures under all texts in a single call of the network."""
    texts = [text for c in conditionings for text in texts_of(c)]
    embeddings, mask = _one_batch([text.embeddings for text in texts], len(x))
    many = x.repeat(len(texts), 1, 1, 1)  # [n B, C, H, W]
    answers = iter(_epsilon(model, many, step, embeddings, mask).chunk(len(texts)))
    return [_mean([next(answers) for _ in texts_of(c)]) for c in conditionings]


def _of_picture(conditioning: Conditioning, k: int) -> Conditioning:
    """What steers picture k of a batch: its own row, or the one row that all share."""
    own = slice(k, k + 1) if len(conditioning.embeddings) > 1 else slice(None)
    pooled = None if conditioning.pooled is None else conditioning.pooled[own]
    more = tuple(_of_picture(text, k) for text in conditioning.more)
    return Conditioning(conditioning.embeddings[own], pooled, more)


def epsilon_of(output: Tensor, x: Tensor, sigma: float, prediction: str) -> Tensor:
    """The network's answer as epsilon. With c = 1 / sqrt(1 + sigma^2) and v = c eps - sigma c x0
    (Salimans & Ho 2022, arXiv 2202.00512, section 4): eps = c v + sigma c^2 x."""
    if prediction == "epsilon":
        return output
    if prediction == "sample":
        return (x - output) / sigma
    c = 1 / math.sqrt(1 + sigma**2)
    return c * output + sigma * c**2 * x


def velocity_of(epsilon: Tensor, x: Tensor, sigma: float) -> Tensor:
    """epsilon as v, the inverse of `epsilon_of`: v = eps / c - sigma c x."""
    c = 1 / math.sqrt(1 + sigma**2)
    return epsilon / c - sigma * c * x


def _epsilon(
    model: Model, x: Tensor, step: Step, embeddings: Tensor, mask: Tensor | None
) -> Tensor:
    weight = next(model.network.parameters())
    timesteps = torch.full((len(x),), step.timestep, dtype=torch.float32, device=weight.device)
    with torch.no_grad():
        output = model.network(
            scale_input(x, step.sigma).to(weight.device, weight.dtype),
            timesteps,
            encoder_hidden_states=embeddings.to(weight.device, weight.dtype),
            encoder_attention_mask=None if mask is None else mask.to(weight.device),
            return_dict=False,
        )[0]
    return epsilon_of(output.to(x.device, x.dtype), x, step.sigma, model.prediction)


def _one_batch(embeddings: Sequence[Tensor], batch: int) -> tuple[Tensor, Tensor | None]:
    """Embeddings [B or 1, tokens, D] in one batch [n B, longest, D], and which tokens are there.

    Shorter texts are filled up with zeros, which the mask [n B, longest] hides from the attention;
    where all are of one length there is no mask.
    """
    lengths = [row.shape[1] for row in embeddings]
    longest = max(lengths)
    rows = [
        torch.nn.functional.pad(row, (0, 0, 0, longest - row.shape[1])).expand(batch, -1, -1)
        for row in embeddings
    ]
    if min(lengths) == longest:
        return torch.cat(rows), None
    counts = torch.tensor(lengths).repeat_interleave(batch)
    return torch.cat(rows), torch.arange(longest)[None] < counts[:, None]


def _mean(tensors: Sequence[Tensor]) -> Tensor:
    return tensors[0] if len(tensors) == 1 else torch.stack(list(tensors)).mean(dim=0)
