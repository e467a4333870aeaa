"""ComfyUI's node types and the nodes of ours that stand for them: the table `TABLE`.

Each topic has a module with a list `NODES`. Imports no torch.
"""

from __future__ import annotations

from functools import partial

from nodeflow.formats.comfyui.spec import Options, Table
from nodes import model_files
from nodes.comfyui import (
    backwards,
    conditioning,
    controlnet,
    images,
    latents,
    loaders,
    masks,
    models,
    sampling,
    schedules,
    utils,
)
from nodes.comfyui.refused import REFUSED
from nodes.sampler_names import SAMPLERS, SCHEDULERS

_TOPICS = (
    *(loaders, conditioning, controlnet, sampling, schedules),
    *(latents, images, masks, models, utils),
)
_TYPES = {
    "Model": "MODEL",
    "Clip": "CLIP",
    "Vae": "VAE",
    "Conditioning": "CONDITIONING",
    "Latent": "LATENT",
    "Image": "IMAGE",
    "Mask": "MASK",
    "ControlNet": "CONTROL_NET",
    "ClipVision": "CLIP_VISION",
    "ImageEmbedding": "CLIP_VISION_OUTPUT",
    "UpscaleModel": "UPSCALE_MODEL",
    "Noise": "NOISE",
    "Sampler": "SAMPLER",
    "Sigmas": "SIGMAS",
    "Guider": "GUIDER",
    "Gligen": "GLIGEN",
    "int": "INT",
    "float": "FLOAT",
    "str": "STRING",
    "bool": "BOOLEAN",
}
_CARRIERS = {int: "value.integer", float: "value.number"}


def _names(kind: str) -> Options:
    return lambda: model_files.list_models(kind)


_FOLDERS = {kind: _names(kind) for kind in model_files.KINDS if kind != "wildcards"}

TABLE = Table(
    nodes={node.name: node for topic in _TOPICS for node in topic.NODES},
    sources={
        **_FOLDERS,
        "samplers": lambda: list(SAMPLERS),
        "schedulers": lambda: list(SCHEDULERS),
    },
    types=_TYPES,
    carriers=_CARRIERS,
    refused=REFUSED,
    folders=_FOLDERS,
    locate={kind: partial(model_files.find, kind) for kind in _FOLDERS},
    near=backwards.NEAR,
    joined=backwards.JOINED,
    holes=backwards.HOLES,
    shows=backwards.SHOWS,
    solved=backwards.SOLVED,
    collapse=backwards.collapse,
)
