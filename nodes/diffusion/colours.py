"""Colour spaces: sRGB to light, to CIE L*a*b*, to Y'CbCr, and hues turned. Values [..., 3].

sRGB as in IEC 61966-2-1; L*a*b* as in CIE 15 with white D65, L in 0..100; Y'CbCr full range as in
JFIF (ITU-R BT.601), all three in 0..1 with 0.5 as no colour.
"""

from __future__ import annotations

import torch

XYZ = (
    (0.412453, 0.357580, 0.180423),
    (0.212671, 0.715160, 0.072169),
    (0.019334, 0.119193, 0.950227),
)
"""What linear red, green and blue add to X, Y and Z; rows of the matrix for D65."""
WHITE = (0.950456, 1.0, 1.088754)
"""X, Y, Z of (1, 1, 1): the sums of those rows."""
_EDGE = 6 / 29
YCC = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))


def to_linear(colours: torch.Tensor) -> torch.Tensor:
    """Stored values 0..1 as amounts of light."""
    low = colours / 12.92
    high = ((colours.clamp(min=0) + 0.055) / 1.055) ** 2.4
    return torch.where(colours <= 0.04045, low, high)


def from_linear(light: torch.Tensor) -> torch.Tensor:
    """Amounts of light as stored values; the inverse of `to_linear`."""
    low = light * 12.92
    high = 1.055 * light.clamp(min=1e-9) ** (1 / 2.4) - 0.055
    return torch.where(light <= 0.0031308, low, high)


def to_lab(colours: torch.Tensor) -> torch.Tensor:
    """sRGB 0..1 as L*a*b*: L 0..100, a and b about -110..110."""
    xyz = to_linear(colours) @ _matrix(XYZ, colours).T / colours.new_tensor(WHITE)
    cube = xyz.clamp(min=1e-9) ** (1 / 3)
    f = torch.where(xyz > _EDGE**3, cube, xyz / (3 * _EDGE**2) + 4 / 29)
    x, y, z = f.unbind(-1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], -1)


def from_lab(lab: torch.Tensor) -> torch.Tensor:
    """L*a*b* as sRGB; beyond 0..1 where no screen can show the colour."""
    light, a, b = lab.unbind(-1)
    y = (light + 16) / 116
    f = torch.stack([y + a / 500, y, y - b / 200], -1)
    xyz = torch.where(f > _EDGE, f**3, 3 * _EDGE**2 * (f - 4 / 29)) * lab.new_tensor(WHITE)
    return from_linear(xyz @ torch.linalg.inv(torch.tensor(XYZ)).to(lab).T)


def to_ycc(colours: torch.Tensor) -> torch.Tensor:
    """sRGB 0..1 as Y'CbCr, all in 0..1, 0.5 where there is no colour."""
    return colours @ _matrix(YCC, colours).T + colours.new_tensor((0.0, 0.5, 0.5))


def from_ycc(ycc: torch.Tensor) -> torch.Tensor:
    """The inverse of `to_ycc`; beyond 0..1 where the three do not go together."""
    shifted = ycc - ycc.new_tensor((0.0, 0.5, 0.5))
    return shifted @ torch.linalg.inv(torch.tensor(YCC)).to(ycc).T


def turned_hue(colours: torch.Tensor, degrees: float) -> torch.Tensor:
    """Each hue moved along the circle of HSV; saturation and value stay as they were.

    With max and min of a colour, a channel of hue angle h is max - (max - min) * p(h), where p
    climbs from 0 to 1 and back; Smith 1978, "Color gamut transform pairs".
    """
    high, low = colours.amax(-1), colours.amin(-1)
    spread = high - low
    red, green, blue = colours.unbind(-1)
    part = spread.clamp(min=1e-12)
    hue = torch.where(
        high == red,
        (green - blue) / part,
        torch.where(high == green, (blue - red) / part + 2, (red - green) / part + 4),
    )  # in sixths of the circle
    hue = hue + (degrees % 360) / 60
    planes = []
    for start in (5, 3, 1):  # where red, green and blue begin to fall
        k = (hue + start).remainder(6)
        planes.append(high - spread * torch.minimum(k, 4 - k).clamp(0, 1))
    return torch.stack(planes, -1)


def _matrix(rows: tuple[tuple[float, ...], ...], like: torch.Tensor) -> torch.Tensor:
    return torch.tensor(rows, dtype=like.dtype, device=like.device)
