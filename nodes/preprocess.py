"""Lines for ControlNets: canny, soft edges, line drawings, scribbles. Imports no torch.

Pictures come out white on black, [B, H, W, 3], as ControlNets were trained on, unless told
otherwise. Thresholds, inverting and grey are `image_tone.*` and `image_adjust.invert`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Slider
from nodes.types import Image

if TYPE_CHECKING:
    import torch


def _grey(values: torch.Tensor, dark: bool = False) -> Image:
    """Lines [B, H, W] as a picture; `dark` draws them black on white."""
    lines = 1 - values if dark else values
    return Image(lines.unsqueeze(-1).repeat(1, 1, 1, 3))


def _each(image: Image, change: Any) -> torch.Tensor:
    """`change` of each picture as uint8 RGB [H, W, 3], its result uint8 [H, W] as [B, H, W]."""
    import numpy as np
    import torch

    bytes8 = (image.pixels[..., :3].clamp(0, 1) * 255).round().byte().cpu().numpy()
    found = np.stack([change(picture) for picture in bytes8])
    return torch.from_numpy(found).to(image.pixels.device).float() / 255


@node("preprocess.canny")
def canny(
    image: Image,
    low: Annotated[float, Slider(0, 1, step=0.01)] = 0.4,
    high: Annotated[float, Slider(0, 1, step=0.01)] = 0.8,
    sigma: Annotated[float, Slider(0, 8, step=0.25, unit="px")] = 0.0,
) -> Image:
    """Draw thin white lines where the picture changes sharply, by OpenCV's `Canny`.

    A line is kept from where the gradient (3 x 3 Sobel, |x| + |y|, 8 bit, the strongest channel)
    exceeds `high` * 255 on as far as it exceeds `low` * 255; 0.4 and 0.8 are the 100 and 200 that
    ControlNet was trained with. `sigma` first softens the picture. Canny 1986, "A computational
    approach to edge detection". Needs the extra `preprocess`.
    """
    from nodes.diffusion.resampling import gaussian_blur
    from nodes.optional import needed

    cv2 = needed("cv2", "preprocess", "preprocess.canny")
    if low > high:
        raise InputError("low", f"{low:g}", f"at most high, which is {high:g}")
    soft = Image(gaussian_blur(image.pixels[..., :3], sigma))
    return _grey(_each(soft, lambda picture: cv2.Canny(picture, 255 * low, 255 * high)))


@node("preprocess.soft_edge")
def soft_edge(
    image: Image,
    sigma: Annotated[float, Slider(0.5, 8, step=0.25, unit="px")] = 1.0,
    scales: Annotated[int, Slider(1, 5, step=1)] = 3,
) -> Image:
    """Draw edges as soft white lines, the stronger the brighter, fine and coarse ones together.

    The mean over scales sigma, 2 sigma, 4 sigma … of the gradient times the scale (Lindeberg 1998,
    "Edge detection and ridge detection with automatic scale selection"), the strongest channel;
    the brightest percent of lines is white. What HED or PiDiNet learn, without a network.
    """
    from nodes.diffusion.edges import soft_edges

    return _grey(soft_edges(image.pixels, sigma, scales))


@node("preprocess.lineart")
def lineart(
    image: Image,
    sigma: Annotated[float, Slider(0.3, 8, step=0.1, unit="px")] = 0.8,
    sharpness: Annotated[float, Slider(0, 100, step=0.5)] = 20.0,
    threshold: Annotated[float, Slider(0, 1, step=0.01)] = 0.5,
    softness: Annotated[float, Slider(0.01, 2, step=0.01)] = 0.1,
    dark: bool = False,
) -> Image:
    """Draw the picture with a pen: lines along edges, and dark areas filled.

    XDoG: S = (1 + p) G_sigma - p G_1.6sigma of the brightness, p = `sharpness`; paper where S is
    at least `threshold`, and else ink of tanh((threshold - S) / softness). Ink is white on black,
    or with `dark` black on white. Winnemöller et al. 2012, "XDoG: An extended
    difference-of-Gaussians compendium".
    """
    from nodes.diffusion.edges import line_drawing

    return _grey(line_drawing(image.pixels, sigma, sharpness, threshold, softness), dark)


@node("preprocess.lineart_standard")
def lineart_standard(
    image: Image,
    sigma: Annotated[float, Slider(0.3, 16, step=0.1, unit="px")] = 1.0,
    gain: Annotated[float, Slider(1, 64, step=0.5)] = 12.0,
    dark: bool = False,
) -> Image:
    """Draw only lines, and leave areas empty: what is darker than around it within a few pixels.

    gain * max(0, G_1.6sigma - G_sigma) of the brightness: the difference of Gaussians of Marr &
    Hildreth 1980, "Theory of edge detection". Good on drawings. White on black, or with `dark`
    black on white.
    """
    from nodes.diffusion.edges import lines_by_contrast

    return _grey(lines_by_contrast(image.pixels, sigma, gain), dark)


@node("preprocess.scribble")
def scribble(
    image: Image,
    sigma: Annotated[float, Slider(0.5, 16, step=0.25, unit="px")] = 3.0,
    threshold: Annotated[float, Slider(0, 1, step=0.01)] = 0.3,
    width: Annotated[int, Slider(1, 31, step=2, unit="px")] = 5,
) -> Image:
    """Draw a few thick white lines, as somebody would scribble the picture.

    Where soft edges at a scale of `sigma` are strongest across their own line and at least
    `threshold`, drawn `width` pixels wide. Larger sigmas leave fewer lines.
    """
    from nodes.diffusion.edges import scribbles

    return _grey(scribbles(image.pixels, sigma, threshold, width))


@node("preprocess.straight_lines")
def straight_lines(
    image: Image,
    shortest: Annotated[float, Slider(0, 512, step=1, unit="px")] = 12.0,
    width: Annotated[int, Slider(1, 16, step=1, unit="px")] = 1,
) -> Image:
    """Draw only the straight lines of the picture, white on black: walls, streets, furniture.

    By OpenCV's line segment detector; segments below `shortest` pixels are left out. Grompone von
    Gioi et al. 2010, "LSD: A fast line segment detector with a false detection control". What MLSD
    learns, without a network. Needs the extra `preprocess`.
    """
    from nodes.optional import needed

    cv2 = needed("cv2", "preprocess", "preprocess.straight_lines")
    return _grey(_each(image, lambda picture: _segments(cv2, picture, shortest, width)))


def _segments(cv2: Any, picture: Any, shortest: float, width: int) -> Any:
    """Straight lines of a uint8 picture [H, W, 3], drawn white, uint8 [H, W]."""
    import numpy as np

    sheet = np.zeros(picture.shape[:2], np.uint8)
    found = cv2.createLineSegmentDetector().detect(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY))[0]
    for x0, y0, x1, y1 in [] if found is None else found.reshape(-1, 4):
        if np.hypot(x1 - x0, y1 - y0) >= shortest:
            ends = [(round(float(x)), round(float(y))) for x, y in ((x0, y0), (x1, y1))]
            cv2.line(sheet, ends[0], ends[1], 255, width, cv2.LINE_AA)
    return sheet
