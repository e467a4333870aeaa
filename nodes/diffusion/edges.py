"""Lines found in pictures: soft edges, line drawings, scribbles. No network, torch alone.

Pictures are float32 [B, H, W, 3] in 0..1, lines [B, H, W] in 0..1 with 1 where a line is.
"""

from __future__ import annotations

import math

import torch

from nodes.diffusion.masks import LUMA
from nodes.diffusion.resampling import convolved, gaussian_blur


def brightness(pixels: torch.Tensor) -> torch.Tensor:
    """Rec. ITU-R BT.709 of the stored values, [B, H, W]."""
    red, green, blue = pixels[..., :3].unbind(-1)
    return LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue


def gradient(x: torch.Tensor, sigma: float) -> tuple[torch.Tensor, torch.Tensor]:
    """How [B, H, W, ...] changes to the right and down, per pixel, smoothed by a Gaussian."""
    radius = max(1, math.ceil(3 * sigma))
    offsets = torch.arange(-radius, radius + 1)
    bell = torch.exp(-0.5 * (offsets.double() / sigma) ** 2)
    smooth = bell / bell.sum()
    # Made to measure a ramp of slope 1 as 1, whatever the sampling has left of the derivative.
    slope = offsets * bell
    slope = slope / (slope * offsets).sum()
    across = convolved(convolved(x, offsets, slope.float(), (2,)), offsets, smooth.float(), (1,))
    down = convolved(convolved(x, offsets, slope.float(), (1,)), offsets, smooth.float(), (2,))
    return across, down


def soft_edges(pixels: torch.Tensor, sigma: float, scales: int) -> torch.Tensor:
    """The strength of edges, coarse and fine together, [B, H, W] with 1 for the strongest.

    At each scale sigma * 2^k the largest gradient of the three channels, times the scale, so that
    a step counts alike at all of them (Lindeberg 1998, "Edge detection and ridge detection with
    automatic scale selection", gamma 1); then the mean over scales. A picture's 99th percentile of
    what is no flat area becomes 1.
    """
    total = torch.zeros(pixels.shape[:3], device=pixels.device)
    for k in range(scales):
        scale = sigma * 2**k
        across, down = gradient(pixels[..., :3], scale)
        total = total + scale * torch.hypot(across, down).amax(-1)
    return _to_full_range(total / scales)


def _to_full_range(strength: torch.Tensor) -> torch.Tensor:
    """Each picture divided by the 99th percentile of its values above a hundredth of the top."""
    result = torch.zeros_like(strength)
    for k, one in enumerate(strength):
        top = float(one.max())
        if top > 1e-4:  # else a picture of one colour, whose rounding errors are no edges
            marked = one[one > 0.01 * top]
            level = marked.sort().values[round(0.99 * (len(marked) - 1))]
            result[k] = (one / level).clamp(max=1)
    return result


def line_drawing(
    pixels: torch.Tensor, sigma: float, sharpness: float, threshold: float, softness: float
) -> torch.Tensor:
    """A pen drawing, [B, H, W] with 1 for ink: the extended difference of Gaussians.

    Winnemöller, Kyprianidis & Olsen 2012, "XDoG": with G the blurred brightness,
    S = (1 + p) G_sigma - p G_1.6sigma is paper where S >= threshold, and else
    1 + tanh(phi (S - threshold)), phi = 1 / softness; ink is one minus that.
    """
    grey = brightness(pixels)
    fine, coarse = gaussian_blur(grey, sigma), gaussian_blur(grey, 1.6 * sigma)
    sharpened = (1 + sharpness) * fine - sharpness * coarse
    paper = 1 + torch.tanh((sharpened - threshold) / softness)
    return (1 - torch.where(sharpened >= threshold, 1.0, paper)).clamp(0, 1)


def lines_by_contrast(pixels: torch.Tensor, sigma: float, gain: float) -> torch.Tensor:
    """Lines that are darker than what is around them, [B, H, W], by how much: no flat areas.

    gain * max(0, G_1.6sigma - G_sigma) of the brightness: the difference of Gaussians of Marr &
    Hildreth 1980, its positive side.
    """
    grey = brightness(pixels)
    contrast = gaussian_blur(grey, 1.6 * sigma) - gaussian_blur(grey, sigma)
    return (gain * contrast).clamp(0, 1)


def ridges(strength: torch.Tensor, sigma: float) -> torch.Tensor:
    """1 where strength is highest across its own line, else 0: edges one or two pixels thin.

    Canny 1986, "A computational approach to edge detection", VIII: a pixel stays if neither
    neighbour along the gradient's direction is stronger. Directions are those of the curvature of
    the smoothed strength, in four steps of 45 degrees.
    """
    smooth = gaussian_blur(strength, sigma)
    across, down = gradient(smooth, 1.0)
    xx, xy = gradient(across, 1.0)
    _, yy = gradient(down, 1.0)
    # The direction of the strongest (most negative) curvature.
    angle = 0.5 * torch.atan2(2 * xy, xx - yy) + math.pi / 2
    sector = (angle / (math.pi / 4)).round().long() % 4  # 0: to the right, 1: down right, …
    best = torch.zeros_like(smooth, dtype=torch.bool)
    for k, (step_x, step_y) in enumerate(((1, 0), (1, 1), (0, 1), (-1, 1))):
        before = _shifted(smooth, step_x, step_y)
        after = _shifted(smooth, -step_x, -step_y)
        best = best | ((sector == k) & (smooth > before) & (smooth >= after))
    # On a flank the strongest curvature bends upwards, and along the line lie rounding errors.
    bend = (xx + yy) / 2 - torch.hypot((xx - yy) / 2, xy)
    return (best & (bend < -1e-5)).float()


def _shifted(x: torch.Tensor, right: int, down: int) -> torch.Tensor:
    """[B, H, W] moved; what comes in from outside is below everything."""
    _, height, width = x.shape
    wide = torch.nn.functional.pad(x, (1, 1, 1, 1), value=-1.0)
    return wide[:, 1 - down : 1 - down + height, 1 - right : 1 - right + width]


def scribbles(pixels: torch.Tensor, sigma: float, threshold: float, width: int) -> torch.Tensor:
    """Few thick lines as drawn by hand, [B, H, W], 0 or 1.

    The ridges of coarse soft edges where those are strong, one pixel thin, smeared by a Gaussian
    and cut where a straight line has half of its height left: `width` pixels wide, corners round,
    and a speck that is no line gone, as it is spread in two directions.
    """
    strength = soft_edges(pixels, sigma, 1)
    thin = ridges(strength, sigma / 2) * (strength >= threshold)
    smear = max(width, 1) / (2 * math.sqrt(2 * math.log(2)))
    height = 1 / (smear * math.sqrt(2 * math.pi))
    return (gaussian_blur(thin, smear) >= 0.5 * height).float()
