"""Hypernetwork nodes: small networks before attention, from before there were LoRAs."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Slider
from nodes import model_files
from nodes.types import Hypernetwork, Model


@node("hypernetwork.load", reads=model_files.files_of("hypernetworks"))
def load(name: Annotated[str, model_files.ModelName("hypernetworks")]) -> Hypernetwork:
    """Load a hypernetwork, as A1111's web UI trains them.

    `name` is a file under `hypernetworks/` of a folder in NODEFLOW_MODELS or under
    `models/hypernetworks/`, or a path: a `.pt`, opened so that nothing but tensors can be in it, or
    a `.safetensors` with the names `768.0.linear.0.weight` (width, 0 for keys and 1 for values,
    layer). Raises HypernetworkError with the file where it is none, or damaged.
    """
    from nodes.diffusion.adapters.hypernetwork import load_hypernetwork

    with model_files.opened("hypernetworks", name) as path:
        return load_hypernetwork(path)


@node("hypernetwork.apply")
def apply(
    model: Model,
    hypernetwork: Hypernetwork,
    strength: Annotated[float, Slider(-10, 10, step=0.05)] = 1.0,
) -> Model:
    """Make pictures follow a hypernetwork: attention looks at c + strength f(c) in place of c.

    c is the text in cross attention and the picture in self attention; keys and values have an f
    each, by the width of c (768, 320, 640, 1280 in Stable Diffusion 1). The model given stays as it
    is; strength 0 gives it back. Several come one after the other.

    Raises InputError where the model has no attention of its widths.
    """
    from nodes.diffusion.adapters.hypernetwork import HypernetworkError, apply_hypernetwork

    if not strength:
        return model
    try:
        network = apply_hypernetwork(model.network, hypernetwork, strength)
    except HypernetworkError as error:
        raise InputError("hypernetwork", str(error), "one for this family of models") from None
    return replace(model, network=network)
