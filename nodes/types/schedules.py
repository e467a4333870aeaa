"""What a model was trained on, and the noise levels that a sampler walks. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass

from nodeflow.sockets import socket


@socket("betas", colour="#b8a1e3")
@dataclass(frozen=True)
class NoiseSchedule:
    """Which noise levels a model knows, and by which clock: one of the three kinds below.

    Noisy latents are x = alpha * x0 + sigma * epsilon, [B, C, H, W]. A diffusion has alpha = 1
    (Karras et al. 2022, arXiv 2206.00364), a flow alpha = 1 - sigma (Liu et al. 2022, arXiv
    2209.03003). Ports of this type are called `betas`, after the most common kind.
    """

    @property
    def flow(self) -> bool:
        """Whether noisy latents lie on the straight line from the picture to noise."""
        return False


@socket("betas", colour="#b8a1e3")
@dataclass(frozen=True)
class BetaSchedule(NoiseSchedule):
    """The noise schedule that a model was trained on, as the cumulative product of 1 - beta.

    `alphas_cumprod[t]` is alpha-bar of timestep t, 0 the cleanest; T is usually 1000. In this
    project noisy latents are written x = x0 + sigma * epsilon (Karras et al. 2022, arXiv
    2206.00364), with sigma(t) = sqrt((1 - alpha_bar) / alpha_bar); the variance-preserving x_t of
    Ho et al. 2020 (arXiv 2006.11239) is x / sqrt(1 + sigma^2).
    """

    alphas_cumprod: tuple[float, ...]


@socket("betas", colour="#b8a1e3")
@dataclass(frozen=True)
class ContinuousSchedule(NoiseSchedule):
    """Any sigma between two ends, told to the network as log(sigma) / 4, the clock of EDM.

    Karras et al. 2022, arXiv 2206.00364, table 1 (c_noise).
    """

    sigma_min: float = 0.002
    sigma_max: float = 120.0


@socket("betas", colour="#b8a1e3")
@dataclass(frozen=True)
class FlowSchedule(NoiseSchedule):
    """The straight line x = (1 - sigma) * x0 + sigma * epsilon, sigma in 0..1.

    Time t = k / count for k = 1..count; sigma = shift * t / (1 + (shift - 1) * t), which spends
    more steps where there is much noise: Esser et al. 2024, arXiv 2403.03206, eq. 23. The network
    is told sigma * multiplier.
    """

    shift: float = 1.0
    multiplier: float = 1000.0
    count: int = 1000

    @property
    def flow(self) -> bool:
        return True


@socket("sigmas", colour="#cdffcd")
@dataclass(frozen=True)
class Sigmas:
    """A descending list of noise levels, N + 1 for N steps; the last is usually 0.

    `timesteps` are the model's own clock at those levels (fractional where a schedule falls between
    two training steps), one for each sigma. `first` is how many steps of the schedule this one was
    cut from come before it, so that its steps keep their numbers and thereby their noise. `flow`
    says which x these are levels of: alpha * x0 + sigma * epsilon with alpha 1, or 1 - sigma.
    """

    values: tuple[float, ...]
    timesteps: tuple[float, ...]
    first: int = 0
    flow: bool = False


@socket("step", colour="#a7d8a0", role="step")
@dataclass(frozen=True)
class Step:
    """One step of the path from noise to picture: from `sigma` to `sigma_next`.

    `index` counts from 0 within the whole schedule, `count` is its length. `timestep` is what the
    model is told at `sigma`; `timestep_next` belongs to `sigma_next`.
    """

    index: int
    count: int
    sigma: float
    sigma_next: float
    timestep: float
    timestep_next: float
    flow: bool = False

    @property
    def alpha(self) -> float:
        """How much of the clean latent is in x at the beginning: 1, or 1 - sigma in a flow."""
        return 1 - self.sigma if self.flow else 1.0

    @property
    def alpha_next(self) -> float:
        """As `alpha`, at the step's end."""
        return 1 - self.sigma_next if self.flow else 1.0
