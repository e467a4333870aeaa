"""DeepCache: most steps run the UNet's outermost level alone, on what an earlier step found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, NamedTuple

from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Number, Slider
from nodes import checks
from nodes.estimates import as_large_as
from nodes.types import (
    Answer,
    Conditioning,
    DeepFeatures,
    Guider,
    Latent,
    Model,
    NoisePrediction,
    Step,
)

if TYPE_CHECKING:
    from torch import Tensor

Every = Annotated[int, Number(1, 20, step=1, unit="steps")]


class CachedPair(NamedTuple):
    """The answers to both prompts, and what the next step may use of them."""

    cond: NoisePrediction
    uncond: NoisePrediction
    features: DeepFeatures


@node("deep_cache.predict_pair", estimate=as_large_as("latent", cond=1, uncond=1))
def predict_pair(
    model: Model,
    latent: Latent,
    step: Step,
    cond: Conditioning,
    uncond: Conditioning,
    features: DeepFeatures | None = None,
    every: Every = 3,
) -> CachedPair:
    """Ask a UNet under two prompts, at most steps only its outermost level.

    Where step.index is a multiple of `every`, or there are no `features`, the whole network runs;
    else the levels beneath the outermost are not run again, and the features of the last whole step
    stand in for them. `every` 1 is `model.predict_pair`. In a loop, `features` goes from step to
    step as a state. Ma et al. 2023, arXiv 2312.00858.
    """
    from nodes.diffusion import deep_caching

    checks.fits_model(model, latent, "cond", cond)
    checks.fits_model(model, latent, "uncond", uncond)
    checks.can_predict(model, step)
    _check(model, every)
    (without, wanted), kept = deep_caching.predict(
        model, latent.samples, step, [uncond, cond], features, every
    )
    return CachedPair(
        NoisePrediction(checks.finite("model", wanted, step)),
        NoisePrediction(checks.finite("model", without, step)),
        kept,
    )


@node("deep_cache.cfg", title="CFG, deep cache")
def cfg(
    model: Model,
    positive: Conditioning,
    negative: Conditioning,
    scale: Annotated[float, Slider(0, 30, step=0.5)] = 7.5,
    every: Every = 3,
) -> Guider:
    """Guide as `guider.cfg`, running the whole UNet at every `every`-th step only.

    As `deep_cache.predict_pair`; what is remembered begins anew with each sampling. A sampler that
    looks twice a step uses the features for both looks.
    """
    from nodes.diffusion import deep_caching
    from nodes.diffusion.guidance import cfg as combine

    _check(model, every)

    def fresh() -> deep_caching.Ask:
        kept: DeepFeatures | None = None

        def ask(x: Tensor, step: Step) -> Answer:
            nonlocal kept
            (uncond, cond), kept = deep_caching.predict(
                model, x, step, [negative, positive], kept, every
            )
            return Answer(combine(cond, uncond, scale), uncond, cond)

        return ask

    texts = (("positive", positive), ("negative", negative))
    return Guider(model, lambda x, step: fresh()(x, step), texts, fresh)


def _check(model: Model, every: int) -> None:
    from nodes.diffusion import deep_caching

    if every < 1:
        raise InputError("every", str(every), "at least 1")
    if not deep_caching.supports(model.network):
        raise InputError("model", type(model.network).__name__, "a UNet of two levels or more")
