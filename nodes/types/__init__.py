"""What travels on the wires between the standard nodes.

All are frozen: a node returns a new value and never changes one that it was given. Tensors are
float32 on the run's device unless said otherwise. B is the batch, C channels, H and W height and
width; a latent's H and W are the picture's divided by the autoencoder's factor (8).
Imports no torch: tensors are named for type checkers alone.
"""

from nodes.types.adapters import Hypernetwork, Lora, LoraLayer
from nodes.types.conditioning import Area, Conditioning, PictureSize, Span, Tokens
from nodes.types.control import Control, ControlNet, ControlUse
from nodes.types.image_prompts import (
    ClipVision,
    Gligen,
    ImageEmbedding,
    IpAdapter,
    UnclipNoise,
)
from nodes.types.latents import Denoised, History, Latent, Noise, NoisePrediction
from nodes.types.models import Clip, Model, Vae
from nodes.types.perception import DepthModel, DetectionModel, PoseModel, SegmentationModel
from nodes.types.pictures import CropBox, Image, Mask, TileGrid, UpscaleModel
from nodes.types.sampling import Answer, DeepFeatures, Guider, Sampler
from nodes.types.schedules import (
    BetaSchedule,
    ContinuousSchedule,
    FlowSchedule,
    NoiseSchedule,
    Sigmas,
    Step,
)
from nodes.types.training import EncodedScenes, Examples, Losses, SceneSet

__all__ = [
    "Answer",
    "Area",
    "BetaSchedule",
    "Clip",
    "ClipVision",
    "Conditioning",
    "ContinuousSchedule",
    "Control",
    "ControlNet",
    "ControlUse",
    "CropBox",
    "DeepFeatures",
    "Denoised",
    "DepthModel",
    "DetectionModel",
    "EncodedScenes",
    "Examples",
    "FlowSchedule",
    "Gligen",
    "Guider",
    "History",
    "Hypernetwork",
    "Image",
    "ImageEmbedding",
    "IpAdapter",
    "Latent",
    "Lora",
    "LoraLayer",
    "Losses",
    "Mask",
    "Model",
    "Noise",
    "NoisePrediction",
    "NoiseSchedule",
    "PictureSize",
    "PoseModel",
    "Sampler",
    "SceneSet",
    "SegmentationModel",
    "Sigmas",
    "Span",
    "Step",
    "TileGrid",
    "Tokens",
    "UnclipNoise",
    "UpscaleModel",
    "Vae",
]
