"""Guidance by more than two predictions, and what varies it over the steps."""

from __future__ import annotations

from typing import Annotated

from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Choice, Slider
from nodes.checks import same_shape
from nodes.types import NoisePrediction, Step

Scale = Annotated[float, Slider(0, 30, step=0.5)]
Share = Annotated[float, Slider(0, 1, step=0.05)]


@node("guidance_mix.push_away")
def push_away(
    guided: NoisePrediction,
    good: NoisePrediction,
    bad: NoisePrediction,
    scale: Annotated[float, Slider(0, 10, step=0.1)] = 3.0,
) -> NoisePrediction:
    """Push a guided prediction away from one that was made worse on purpose.

    guided + scale * (good - bad), [B, C, H, W]; 0 changes nothing. With `bad` from a model whose
    self-attention sees nothing (`perturb.identity_attention`) it is perturbed-attention guidance:
    Ahn et al. 2024, arXiv 2403.17377, eq. 13; from one that leaves out layers
    (`perturb.skip_layers`) skip-layer guidance; from a blurred latent (`perturb.blur_attended`)
    self-attention guidance: Hong et al. 2022, arXiv 2210.00939; from a smaller model autoguidance:
    Karras et al. 2024, arXiv 2406.02507. `good` is the answer to the same prompt unharmed.
    """
    from nodes.diffusion import guidance

    same_shape("good", good.samples, "guided", guided.samples)
    same_shape("bad", bad.samples, "guided", guided.samples)
    return NoisePrediction(guidance.push_away(guided.samples, good.samples, bad.samples, scale))


@node("guidance_mix.dual")
def dual(
    both: NoisePrediction,
    image_only: NoisePrediction,
    neither: NoisePrediction,
    text_scale: Scale = 7.5,
    image_scale: Scale = 1.5,
) -> NoisePrediction:
    """Follow an instruction and the picture it is about, each as much as wanted.

    neither + image_scale * (image_only - neither) + text_scale * (both - image_only). Brooks et al.
    2022 (InstructPix2Pix), arXiv 2211.09800, eq. 3.
    """
    from nodes.diffusion import guidance

    same_shape("image_only", image_only.samples, "both", both.samples)
    same_shape("neither", neither.samples, "both", both.samples)
    return NoisePrediction(
        guidance.dual(both.samples, image_only.samples, neither.samples, text_scale, image_scale)
    )


@node("guidance_mix.compose")
def compose(
    conds: list[NoisePrediction],
    uncond: NoisePrediction,
    weights: Annotated[list[float], Slider(-10, 10, step=0.1)],
    scale: Scale = 7.5,
) -> NoisePrediction:
    """Follow several prompts at once, each with a weight of its own: `a AND b:0.5`.

    uncond + scale * sum of w_i * (cond_i - uncond); a negative weight leads away from its prompt.
    One prompt of weight 1 is `guidance.cfg_combine`. Liu et al. 2022, arXiv 2206.01714, eq. 11.
    """
    from nodes.diffusion import guidance

    if len(conds) != len(weights) or not conds:
        raise InputError("weights", f"{len(weights)} weights", f"{len(conds)}, one a prediction")
    for cond in conds:
        same_shape("conds", cond.samples, "uncond", uncond.samples)
    samples = [cond.samples for cond in conds]
    return NoisePrediction(guidance.compose(samples, weights, uncond.samples, scale))


@node("guidance_mix.perpendicular")
def perpendicular(
    cond: NoisePrediction,
    negative: NoisePrediction,
    empty: NoisePrediction,
    negative_scale: Annotated[float, Slider(0, 10, step=0.1)] = 1.0,
    scale: Scale = 7.5,
) -> NoisePrediction:
    """Lead away from a negative prompt without leading away from the wanted one.

    empty + scale * (p - negative_scale * n'), p = cond - empty, n' the part of negative - empty
    that is perpendicular to p. Armandpour et al. 2023 (Perp-Neg), arXiv 2304.04968, eq. 8.
    """
    from nodes.diffusion import guidance

    same_shape("negative", negative.samples, "cond", cond.samples)
    same_shape("empty", empty.samples, "cond", cond.samples)
    return NoisePrediction(
        guidance.perpendicular(cond.samples, negative.samples, empty.samples, negative_scale, scale)
    )


@node("guidance_mix.scale_over_steps", output="scale")
def scale_over_steps(
    step: Step,
    first: Scale = 7.5,
    last: Scale = 2.0,
    shape: Annotated[str, Choice("linear", "cosine")] = "linear",
) -> float:
    """Let the guidance scale change from the first step to the last.

    `first` + (`last` - `first`) * p, p = index / (count - 1) from 0 to 1, or (1 - cos(pi p)) / 2.
    Falling scales give form early and freedom late: Wang et al. 2024, arXiv 2404.13040.
    """
    from nodes.diffusion import guidance

    return guidance.scale_at(step.index / max(step.count - 1, 1), first, last, shape)


@node("guidance_mix.scale_in_interval", output="scale")
def scale_in_interval(
    step: Step, scale: Scale = 7.5, outside: Scale = 1.0, start: Share = 0.2, end: Share = 0.8
) -> float:
    """Guide in a part of the steps only: `scale` there, `outside` before and after.

    Where `start` <= index / count < `end`. Little is gained by guidance at the noisiest steps, and
    variety is lost: Kynkäänniemi et al. 2024, arXiv 2404.07724.
    """
    return scale if start * step.count <= step.index < end * step.count else outside
