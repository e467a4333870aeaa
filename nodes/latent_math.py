"""Arithmetic on latents: sums, differences, mixtures. All of one shape, [B, C, H, W]."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Annotated

from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Number, Slider
from nodes import checks
from nodes.types import Latent

Share = Annotated[float, Slider(0, 1, step=0.01)]


@node("latent_math.add")
def add(a: Latent, b: Latent) -> Latent:
    """Add two latents, number by number: a + b. The noise mask is that of `a`."""
    checks.same_shape("b", b.samples, "a", a.samples)
    return replace(a, samples=a.samples + b.samples)


@node("latent_math.subtract")
def subtract(a: Latent, b: Latent) -> Latent:
    """Take one latent from another, number by number: a - b. The noise mask is that of `a`."""
    checks.same_shape("b", b.samples, "a", a.samples)
    return replace(a, samples=a.samples - b.samples)


@node("latent_math.multiply")
def multiply(latent: Latent, factor: Annotated[float, Number(-100, 100, 0.01)] = 1.0) -> Latent:
    """Make a latent stronger or weaker: factor * z. Below 0 it is turned into its opposite."""
    if not math.isfinite(factor):
        raise InputError("factor", f"{factor:g}", "a finite number")
    return replace(latent, samples=factor * latent.samples)


@node("latent_math.blend")
def blend(a: Latent, b: Latent, share: Share = 0.5) -> Latent:
    """Mix two latents: share * a + (1 - share) * b; 1 is `a` itself. The noise mask is that of `a`.

    What two pictures do not have in common becomes weaker; `latent_math.interpolate` keeps it.
    """
    checks.same_shape("b", b.samples, "a", a.samples)
    checks.fraction("share", share)
    return replace(a, samples=share * a.samples + (1 - share) * b.samples)


@node("latent_math.interpolate")
def interpolate(a: Latent, b: Latent, share: Share = 0.5) -> Latent:
    """Mix two latents so that each place keeps its strength: 1 is `a` itself, 0 is `b`.

    At each place the C numbers are a direction and a length. The directions are mixed and made one
    long again, then given share * |a| + (1 - share) * |b|. The noise mask is that of `a`.
    """
    from nodes.diffusion.latents import interpolated

    checks.same_shape("b", b.samples, "a", a.samples)
    checks.fraction("share", share)
    return replace(a, samples=interpolated(a.samples, b.samples, share))
