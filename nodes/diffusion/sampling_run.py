"""What a sampler is given over all its steps: whom to ask, the schedule, the seed, the settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from nodes.diffusion.noise import step_noise
from nodes.diffusion.samplers import Past, churn, denoised, unwanted
from nodes.diffusion.schedules import timestep_of_sigma
from nodes.types import Answer, NoiseSchedule, Step

Setting = float | int | str | bool
Ask = Callable[[Tensor, Step], Answer]
After = Callable[[Tensor, Step], Tensor]


@dataclass(frozen=True)
class Run:
    """What stays the same over all steps. `settings` holds all that the sampler reads. `stream`,
    where there is one, gives the noise of all pictures and steps, one after the other."""

    ask: Ask
    schedule: NoiseSchedule
    seed: int
    steps: Sequence[Step] = ()
    settings: Mapping[str, Setting] = field(default_factory=dict)
    stream: torch.Generator | None = None

    def number(self, name: str) -> float:
        return float(self.settings[name])

    def whole(self, name: str) -> int:
        return int(self.settings[name])

    def flag(self, name: str) -> bool:
        return bool(self.settings[name])

    def choice(self, name: str) -> str:
        return str(self.settings[name])

    def slope(self, x: Tensor, step: Step) -> Tensor:
        """What moves x there."""
        return self.ask(x, step).noise

    def clean(self, x: Tensor, step: Step) -> Tensor:
        """The estimate of the clean latent there."""
        return denoised(x, self.slope(x, step), step.sigma)

    def both(self, x: Tensor, step: Step) -> tuple[Tensor, Tensor]:
        """What moves x under guidance, and what would for the unwanted prompt."""
        answer = self.ask(x, step)
        return answer.noise, unwanted(answer)

    def at(self, step: Step, sigma: float) -> Step:
        """The step as if it began at another sigma: where a sampler looks a second time."""
        if sigma == step.sigma_next:
            return replace(step, sigma=sigma, timestep=step.timestep_next)
        return replace(step, sigma=sigma, timestep=timestep_of_sigma(self.schedule, sigma))

    def noise(self, x: Tensor, step: Step, part: int = 0) -> Tensor | None:
        """Fresh noise for (a part of) a step, None at the last and where the sampler adds none."""
        if step.sigma_next <= 0 or self.settings.get("eta", 1.0) == 0:
            return None
        return self.draw(x, step, part)

    def draw(self, x: Tensor, step: Step, part: int = 0) -> Tensor:
        """Noise of (seed, image, step, part), times `s_noise`; the stream's next, if there is
        one."""
        if self.stream is not None:
            drawn = torch.randn(x.shape, generator=self.stream).to(x)
        else:
            on_device = self.settings.get("noise_source", "cpu") == "device"
            drawn = step_noise(x, self.seed, step.index, part, on_device)
        spread = float(self.settings.get("s_noise", 1.0))
        return drawn if spread == 1 else spread * drawn

    def churned(self, x: Tensor, step: Step) -> tuple[Tensor, Step]:
        """x and the step from a raised sigma, as far as `s_churn` asks for it."""
        bounds = self.number("s_tmin"), self.number("s_tmax")
        raised = churn(step, len(self.steps), self.number("s_churn"), *bounds)
        if raised.sigma == step.sigma:
            return x, step
        added = (raised.sigma**2 - step.sigma**2) ** 0.5
        return x + added * self.draw(x, step, part=1), self.at(step, raised.sigma)


Move = Callable[[Run, Tensor, Step, Past], tuple[Tensor, Past]]
Whole = Callable[[Run, Tensor, After], Tensor]
