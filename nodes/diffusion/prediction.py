"""Asking a model: its input, its clock, its batch, and what its answer means.

A diffusion's network wants its input at spread 1 for every sigma, a flow's takes x as it is.
Whatever it was trained to say comes back as what moves the latent, dx/dsigma: epsilon, or the
velocity epsilon - x0 in a flow.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from nodes.diffusion import networks, regions, watching
from nodes.diffusion.requests import Request, batch_of_row
from nodes.types import Conditioning, Control, ControlUse, Model, Step

PREDICTIONS = ("epsilon", "v_prediction", "sample", "edm", "lcm", "flow")
_LCM_SIGMA_DATA, _LCM_CLOCK = 0.5, 10.0


def scale_input(x: Tensor, sigma: float, sigma_data: float = 1.0) -> Tensor:
    """x / sqrt(sigma_data^2 + sigma^2)."""
    return x / math.sqrt(sigma_data**2 + sigma**2)


def texts_of(conditioning: Conditioning) -> tuple[Conditioning, ...]:
    """The texts of a conditioning, each to be predicted for: itself and `more`."""
    return (conditioning, *conditioning.more)


def predict_epsilons(
    model: Model,
    x: Tensor,
    step: Step,
    conditionings: Sequence[Conditioning],
    control: Control | None = None,
) -> list[Tensor]:
    """What moves x, [B, C, H, W], under each conditioning, as many texts as go in one batch.

    A conditioning of n texts takes n places of the batch per picture, and its predictions are
    averaged where and when each text holds. `control` is added inside the network for all of them.
    A CPU takes the pictures one by one: how a kernel rounds depends on the size of the
    batch, and a picture should come out of a batch as it does alone, to the bit; there is little
    speed in larger batches there.
    """
    if len(x) > 1 and next(model.network.parameters()).device.type == "cpu":
        alone = [
            in_one_batch(
                model,
                x[k : k + 1],
                step,
                [batch_of_row(c, k) for c in conditionings],
                _of_picture(control, k),
                first=k,
            )
            for k in range(len(x))
        ]
        return [torch.cat(rows) for rows in zip(*alone, strict=True)]
    return in_one_batch(model, x, step, conditionings, control)


def in_one_batch(
    model: Model,
    x: Tensor,
    step: Step,
    conditionings: Sequence[Conditioning],
    control: Control | None = None,
    first: int = 0,
) -> list[Tensor]:
    """As `predict_epsilons`, all pictures under all texts in as few calls as can be.

    `first` is the number of x's first picture in the whole batch.
    """
    wanted = [_holding(c, step, model) for c in conditionings]
    asked = [text for texts in wanted for text in texts]
    answers = iter(_answers(model, x, step, asked, control, first))
    return [_blended(texts, [next(answers) for _ in texts], x) for texts in wanted]


def epsilon_of(
    output: Tensor, x: Tensor, sigma: float, prediction: str, sigma_data: float = 1.0
) -> Tensor:
    """The network's answer as what moves x.

    With s^2 = sigma_data^2 + sigma^2 the clean latent is D = sigma_data^2 / s^2 x + c F, where F is
    the answer and c is sigma sigma_data / s for `edm` (Karras et al. 2022, arXiv 2206.00364, table
    1) and minus that for `v_prediction` (Salimans & Ho 2022, arXiv 2202.00512, section 4, where
    sigma_data is 1); epsilon = (x - D) / sigma.
    """
    if prediction in ("epsilon", "flow"):
        return output
    if prediction == "sample":
        return (x - output) / sigma
    total = math.sqrt(sigma_data**2 + sigma**2)
    sign = -1 if prediction == "edm" else 1
    return sign * sigma_data / total * output + sigma / total**2 * x


def velocity_of(epsilon: Tensor, x: Tensor, sigma: float) -> Tensor:
    """epsilon as v, the inverse of `epsilon_of`: v = eps / c - sigma c x."""
    c = 1 / math.sqrt(1 + sigma**2)
    return epsilon / c - sigma * c * x


def input_of(model: Model, x: Tensor, sigma: float) -> Tensor:
    """x as the network wants it: at spread 1, or as it is in a flow."""
    return x if model.prediction == "flow" else scale_input(x, sigma, model.sigma_data)


def _meaning(model: Model, output: Tensor, x: Tensor, step: Step) -> Tensor:
    if model.prediction != "lcm":
        return epsilon_of(output, x, step.sigma, model.prediction, model.sigma_data)
    # A consistency model's clean latent, held to x where there is no noise: Luo et al. 2023, arXiv
    # 2310.04378, eq. 9. Its network says epsilon, and its x has spread 1.
    clock = _LCM_CLOCK * step.timestep
    total = math.hypot(clock, _LCM_SIGMA_DATA)
    kept = (_LCM_SIGMA_DATA / total) ** 2 * scale_input(x, step.sigma)
    clean = clock / total * (x - step.sigma * output) + kept
    return (x - clean) / step.sigma


@dataclass(frozen=True)
class _Alike:
    """What texts must share to go through the network in one call."""

    rows: tuple[int, int]
    columns: tuple[int, int]
    tokens: int
    controls: tuple[ControlUse, ...]
    kinds: tuple[str, ...]


def _holding(conditioning: Conditioning, step: Step, model: Model) -> tuple[Conditioning, ...]:
    """The texts that count at this step.

    Raises:
        Uncovered: none does.
    """
    texts = texts_of(conditioning)
    found = tuple(text for text in texts if regions.holds(text, step, model.betas))
    if not found:
        at = f"at step {step.index} of {step.count}, sigma {step.sigma:g}"
        hint = "leave one of them without a range"
        raise regions.Uncovered(f"no text holds {at}", f"no text {at}", "one at every step", hint)
    return found


def check_covered(
    model: Model, x: Tensor, conditioning: Conditioning, steps: Iterable[Step]
) -> None:
    """See before the first of many steps that a text holds at each of them, at every place.

    Raises:
        Uncovered: there is a step, or a place at one, without any.
    """
    seen: set[tuple[int, ...]] = set()
    for step in steps:
        texts = _holding(conditioning, step, model)
        which = tuple(id(text) for text in texts)  # of one conditioning, which lives on
        if which not in seen and not all(_everywhere(text) for text in texts):
            regions.weights_of(texts, x)
        seen.add(which)


def _answers(
    model: Model,
    x: Tensor,
    step: Step,
    texts: Sequence[Conditioning],
    control: Control | None,
    first: int,
) -> list[Tensor]:
    """What moves x under each text, in the text's own window of it."""
    groups: dict[_Alike, list[int]] = {}
    for place, text in enumerate(texts):
        groups.setdefault(_alike(model, x, text, step), []).append(place)
    found: dict[int, Tensor] = {}
    for alike, places in groups.items():
        together = [texts[place] for place in places]
        part = x[..., slice(*alike.rows), slice(*alike.columns)]
        uses = alike.controls
        answer = _one_call(model, part, step, together, uses, control, first)
        found.update(zip(places, answer.chunk(len(places)), strict=True))
    return [found[place] for place in range(len(texts))]


def _alike(model: Model, x: Tensor, text: Conditioning, step: Step) -> _Alike:
    rows, columns = regions.window(text.area, x.shape)
    height, width = x.shape[-2:]
    active = tuple(
        use
        for use in text.controls
        if use.span is None or regions.in_span(use.span, step, model.betas)
    )
    masks = networks.kind_of(model.network).masks
    return _Alike(
        rows.indices(height)[:2],
        columns.indices(width)[:2],
        0 if masks else text.embeddings.shape[1],
        active,
        tuple(sorted(name for name, _ in text.extras)),
    )


def _one_call(
    model: Model,
    x: Tensor,
    step: Step,
    texts: Sequence[Conditioning],
    uses: Sequence[ControlUse],
    control: Control | None,
    first: int,
) -> Tensor:
    """All pictures under texts that are alike: [texts B, C, h, w]."""
    batch = len(x)
    many = x.repeat(len(texts), 1, 1, 1)  # [n B, C, h, w]
    request = Request(
        x=_beside(input_of(model, many, step.sigma), texts, batch),
        timestep=step.timestep,
        rows=[batch_of_row(text, k) for text in texts for k in range(batch)],
        pictures=[first + k for _ in texts for k in range(batch)],
        area=texts[0].area,
    )
    if uses:
        from nodes.diffusion.control import residuals_of

        request = replace(request, residuals=residuals_of(uses, model, request))
    if control is not None:
        request = replace(request, residuals=_added(request, control, len(texts)))
    with watching.heard(model.network, texts, x, first):
        answer = networks.ask(model.network, request)
    return _meaning(model, answer, many, step)


def _beside(x: Tensor, texts: Sequence[Conditioning], batch: int) -> Tensor:
    """x with the channels that the texts bring for it: [n, C + C', h, w]."""
    if all(text.concat is None for text in texts):
        return x
    parts = []
    for text in texts:
        beside = text.concat
        if beside is None:
            given = next(t.concat for t in texts if t.concat is not None)
            beside = torch.zeros_like(given)
        rows, columns = regions.window(text.area, beside.shape)
        parts.append(beside[..., rows, columns].expand(batch, -1, -1, -1))
    return torch.cat([x, torch.cat(parts).to(x)], dim=1)


def _added(request: Request, control: Control, times: int) -> dict[str, Sequence[Tensor]]:
    """A control's tensors [B or 1, ...] for all texts, on top of those of the texts' own."""
    found = dict(request.residuals)
    for name, tensors in control.residuals:
        rows = len(request.rows)
        many = [t.repeat(times, *[1] * (t.ndim - 1)) if len(t) > 1 else t for t in tensors]
        grown = [t.expand(rows, *t.shape[1:]) for t in many]
        before = found.get(name)
        found[name] = (
            grown if before is None else [a + b for a, b in zip(before, grown, strict=True)]
        )
    return found


def _of_picture(control: Control | None, k: int) -> Control | None:
    if control is None:
        return None
    rows = (
        (name, tuple(t if len(t) == 1 else t[k : k + 1] for t in tensors))
        for name, tensors in control.residuals
    )
    return Control(tuple(rows))


def _blended(texts: Sequence[Conditioning], answers: Sequence[Tensor], x: Tensor) -> Tensor:
    """The texts' predictions as one: their mean, weighted where each of them holds.

    Raises:
        Uncovered: a place that no text holds for.
    """
    if all(_everywhere(text) for text in texts):
        return answers[0] if len(answers) == 1 else torch.stack(list(answers)).mean(dim=0)
    weights = regions.weights_of(texts, x)
    total, seen = torch.zeros_like(x), torch.zeros_like(x[:, :1])
    for text, answer, weight in zip(texts, answers, weights, strict=True):
        rows, columns = regions.window(text.area, x.shape)
        total[..., rows, columns] += answer * weight[..., rows, columns]
        seen = seen + weight
    return total / seen


def _everywhere(text: Conditioning) -> bool:
    return text.area is None and text.mask is None and text.strength == 1
