"""Pictures cut into areas for ControlNets: by colour, or by what they show. Imports no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Choice, Number, Slider
from nodes.types import Image, Mask, SegmentationModel

if TYPE_CHECKING:
    import torch

Look = Annotated[str, Choice("mean", "distinct")]


def _labels(image: Image, segment: Any) -> torch.Tensor:
    """`segment` of each picture as float64 RGB [H, W, 3], its labels as int64 [B, H, W]."""
    import numpy as np
    import torch

    pictures = image.pixels[..., :3].cpu().double().numpy()
    found = np.stack([segment(picture) for picture in pictures]).astype(np.int64)
    return torch.from_numpy(found).to(image.pixels.device)


def _shown(image: Image, labels: torch.Tensor, look: str) -> Image:
    from nodes.diffusion import segments

    if look == "mean":
        return Image(segments.in_mean_colours(image.pixels, labels))
    return Image(segments.coloured(labels, segments.distinct(int(labels.max()) + 1)))


@node("preprocess_segment.felzenszwalb")
def felzenszwalb(
    image: Image,
    scale: Annotated[float, Slider(1, 2000, step=1)] = 200.0,
    sigma: Annotated[float, Slider(0, 8, step=0.1, unit="px")] = 0.8,
    smallest: Annotated[int, Number(1, 100_000, unit="px")] = 50,
    look: Look = "mean",
) -> Image:
    """Cut the picture into areas of one colour each, of whatever shape they have.

    Areas are joined where the step between them is no larger than the steps within; a larger
    `scale` makes larger areas, none below `smallest` pixels. Shown in their `mean` colours or in
    `distinct` ones. Felzenszwalb & Huttenlocher 2004, "Efficient graph-based image segmentation",
    by scikit-image. Needs the extra `preprocess`.
    """
    from nodes.optional import needed

    find = needed("skimage.segmentation", "preprocess", "preprocess_segment.felzenszwalb")
    options = {"scale": scale, "sigma": sigma, "min_size": smallest, "channel_axis": -1}
    labels = _labels(image, lambda picture: find.felzenszwalb(picture, **options))
    return _shown(image, labels, look)


@node("preprocess_segment.superpixels")
def superpixels(
    image: Image,
    count: Annotated[int, Number(1, 100_000)] = 200,
    compactness: Annotated[float, Slider(0.1, 100, step=0.1)] = 10.0,
    look: Look = "mean",
) -> Image:
    """Cut the picture into about so many areas of like size, along its edges: a mosaic.

    Clusters in L*a*b* and place; a larger `compactness` makes them squarer. Shown in their `mean`
    colours or in `distinct` ones. Achanta et al. 2012, "SLIC superpixels compared to
    state-of-the-art superpixel methods", by scikit-image. Needs the extra `preprocess`.
    """
    from nodes.optional import needed

    find = needed("skimage.segmentation", "preprocess", "preprocess_segment.superpixels")
    options = {"n_segments": count, "compactness": compactness, "start_label": 0}
    labels = _labels(image, lambda picture: find.slic(picture, channel_axis=-1, **options))
    return _shown(image, labels, look)


@node("preprocess_segment.semantic")
def semantic(image: Image, segmentation_model: SegmentationModel) -> Image:
    """Show what each pixel is, a colour for each class: sky, building, person; [B, H, W, 3].

    Classes have the colours of ADE20K, which segmentation ControlNets were shown; a network of
    other classes gets them in its own order, from the first again after 150.
    """
    from nodes.diffusion import segments
    from nodes.diffusion.perception import classes

    return Image(segments.coloured(classes(segmentation_model, image.pixels), segments.ade20k()))


@node("preprocess_segment.mask")
def mask(image: Image, segmentation_model: SegmentationModel, label: str = "person") -> Mask:
    """Mark what shows one class, for inpainting: 1 there, 0 elsewhere; [B, H, W].

    `label` is the class as the network names it, or its number; upper and lower case are alike.
    """
    from nodes.diffusion.perception import classes

    names = [name.lower() for name in segmentation_model.labels]
    wanted = label.strip().lower()
    if wanted in names:
        number = names.index(wanted)
    elif wanted.isdigit() and int(wanted) < len(names):
        number = int(wanted)
    else:
        import difflib

        near = difflib.get_close_matches(wanted, names, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"among them: {', '.join(names[:12])}"
        raise InputError("label", repr(label), f"one of the network's {len(names)} classes", hint)
    return Mask((classes(segmentation_model, image.pixels) == number).float())
