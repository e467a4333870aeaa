"""Ways to ask a model under guidance, as functions of the noisy latent and the step.

Each builder gives `ask(x, step) -> Answer` without any state. Prompts that are asked at the same
step go through the network in one batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product

from torch import Tensor

from nodes.diffusion import guidance
from nodes.diffusion.prediction import epsilon_of, predict_epsilons, velocity_of
from nodes.diffusion.regions import cropped
from nodes.diffusion.tiling import Tiling, join, spans
from nodes.types import Answer, Conditioning, Model, Step

Ask = Callable[[Tensor, Step], Answer]
Scale = Callable[[Step], float]


def single(model: Model, conditioning: Conditioning) -> Ask:
    """The model's own answer, unguided."""

    def ask(x: Tensor, step: Step) -> Answer:
        (cond,) = predict_epsilons(model, x, step, [conditioning])
        return Answer(cond, cond=cond)

    return ask


def cfg(model: Model, positive: Conditioning, negative: Conditioning, scale: Scale) -> Ask:
    """Classifier-free guidance; at scale 1 the negative prompt would not count and is not asked."""

    def ask(x: Tensor, step: Step) -> Answer:
        now = scale(step)
        if now == 1:
            (cond,) = predict_epsilons(model, x, step, [positive])
            return Answer(cond, cond=cond)
        uncond, cond = predict_epsilons(model, x, step, [negative, positive])
        return Answer(guidance.cfg(cond, uncond, now), uncond, cond)

    return ask


def constant(scale: float) -> Scale:
    return lambda step: scale


def in_interval(scale: float, outside: float, start: float, end: float) -> Scale:
    """`scale` in a part of the steps, `outside` before and after."""

    def at(step: Step) -> float:
        return scale if start * step.count <= step.index < end * step.count else outside

    return at


def changing(first: float, last: float, shape: str) -> Scale:
    """A scale that goes from `first` to `last` over the steps."""

    def at(step: Step) -> float:
        return guidance.scale_at(step.index / max(step.count - 1, 1), first, last, shape)

    return at


def rescaled(
    model: Model, positive: Conditioning, negative: Conditioning, scale: float, amount: float
) -> Ask:
    """Guidance whose spread is brought back to that of the wanted prediction, in the model's own
    kind of prediction."""
    as_v = model.prediction == "v_prediction"

    def ask(x: Tensor, step: Step) -> Answer:
        uncond, cond = predict_epsilons(model, x, step, [negative, positive])
        guided = guidance.cfg(cond, uncond, scale)
        if not as_v:
            return Answer(guidance.rescale(guided, cond, amount), uncond, cond)
        v_guided, v_cond = (velocity_of(eps, x, step.sigma) for eps in (guided, cond))
        found = guidance.rescale(v_guided, v_cond, amount)
        return Answer(epsilon_of(found, x, step.sigma, "v_prediction"), uncond, cond)

    return ask


def dual(
    model: Model, prompts: Sequence[Conditioning], text_scale: float, image_scale: float
) -> Ask:
    """InstructPix2Pix: `prompts` are text and picture, the picture alone, and neither."""

    def ask(x: Tensor, step: Step) -> Answer:
        both, image, neither = predict_epsilons(model, x, step, prompts)
        return Answer(guidance.dual(both, image, neither, text_scale, image_scale), neither, both)

    return ask


def nested(
    model: Model, prompts: Sequence[Conditioning], both_scale: float, last_scale: float
) -> Ask:
    """Two prompts guided against each other, then against the negative one."""

    def ask(x: Tensor, step: Step) -> Answer:
        first, second, negative = predict_epsilons(model, x, step, prompts)
        return Answer(guidance.nested(first, second, negative, both_scale, last_scale), negative)

    return ask


def composed(
    model: Model,
    positives: Sequence[Conditioning],
    weights: Sequence[float],
    negative: Conditioning,
    scale: float,
) -> Ask:
    """Several prompts, each with its weight."""

    def ask(x: Tensor, step: Step) -> Answer:
        uncond, *conds = predict_epsilons(model, x, step, [negative, *positives])
        return Answer(guidance.compose(conds, weights, uncond, scale), uncond)

    return ask


def perpendicular(
    model: Model, prompts: Sequence[Conditioning], negative_scale: float, scale: float
) -> Ask:
    """Perp-Neg: `prompts` are the wanted, the unwanted, and the empty one."""

    def ask(x: Tensor, step: Step) -> Answer:
        cond, negative, empty = predict_epsilons(model, x, step, prompts)
        found = guidance.perpendicular(cond, negative, empty, negative_scale, scale)
        return Answer(found, empty, cond)

    return ask


def projected(
    model: Model,
    positive: Conditioning,
    negative: Conditioning,
    scale: float,
    eta: float,
    limit: float,
) -> Ask:
    """Adaptive projected guidance without momentum, which would be a state."""

    def ask(x: Tensor, step: Step) -> Answer:
        uncond, cond = predict_epsilons(model, x, step, [negative, positive])
        clean, clean_uncond = x - step.sigma * cond, x - step.sigma * uncond
        difference = clean - clean_uncond
        found = guidance.projected(clean, clean_uncond, difference, scale, eta, limit)
        return Answer((x - found) / step.sigma, uncond, cond)

    return ask


def mimicked(
    model: Model,
    prompts: Sequence[Conditioning],
    scale: float,
    mimic_scale: float,
    share: float,
) -> Ask:
    """Strong guidance with the reach of weak guidance; `prompts` are wanted and unwanted."""

    def ask(x: Tensor, step: Step) -> Answer:
        cond, uncond = predict_epsilons(model, x, step, prompts)
        found = guidance.threshold_mimic(cond, uncond, scale, mimic_scale, share)
        return Answer(found, uncond, cond)

    return ask


def pushed(ask_well: Ask, model: Model, worse: Model, text: Conditioning, scale: Scale) -> Ask:
    """Another guider's answer, pushed away from what a model made worse on purpose says to `text`.

    What the unharmed model says is taken from the guider where it knows, or asked for.
    """

    def ask(x: Tensor, step: Step) -> Answer:
        answer, now = ask_well(x, step), scale(step)
        if now == 0:
            return answer
        good = answer.cond
        if good is None:
            (good,) = predict_epsilons(model, x, step, [text])
        (bad,) = predict_epsilons(worse, x, step, [text])
        pushed_away = guidance.push_away(answer.noise, good, bad, now)
        return Answer(pushed_away, answer.uncond, good)

    return ask


def tiled_cfg(
    model: Model, positive: Conditioning, negative: Conditioning, scale: float, tiling: Tiling
) -> Ask:
    """Guidance in overlapping windows of the latent, whose answers fade into each other."""

    def ask(x: Tensor, step: Step) -> Answer:
        rows, columns = (spans(side, tiling) for side in x.shape[-2:])
        answers: list[tuple[Tensor, Tensor]] = []
        for down, across in product(rows, columns):
            place = slice(*down), slice(*across)
            prompts = [cropped(text, *place, x.shape) for text in (negative, positive)]
            uncond, cond = predict_epsilons(model, x[..., place[0], place[1]], step, prompts)
            answers.append((uncond, cond))
        uncond, cond = (join(list(parts), rows, columns, 1) for parts in zip(*answers, strict=True))
        return Answer(guidance.cfg(cond, uncond, scale), uncond, cond)

    return ask
