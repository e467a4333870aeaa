"""A trained model as a folder in the layout of diffusers' `StableDiffusionPipeline`, in fp16."""

import copy
import json
import shutil
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import CLIPTextModel

SCALING = 0.18215  # Stable Diffusion's own, so that everything written for it fits


def new_scheduler() -> DDIMScheduler:
    """Stable Diffusion's schedule."""
    return DDIMScheduler(
        num_train_timesteps=1000,
        beta_schedule="scaled_linear",
        beta_start=0.00085,
        beta_end=0.012,
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
        prediction_type="epsilon",
    )


def new_pipeline(
    vae: AutoencoderKL, encoder: CLIPTextModel, tokenizer: Any, unet: UNet2DConditionModel
) -> StableDiffusionPipeline:
    """The trained parts as one pipeline."""
    pipeline = StableDiffusionPipeline(
        vae=vae,
        text_encoder=encoder,
        tokenizer=tokenizer,
        unet=unet,
        scheduler=new_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def normalise_latents(vae: AutoencoderKL, means: Tensor) -> AutoencoderKL:
    """The same autoencoder with latents that, times the scaling factor, have mean 0 and spread 1.

    `means` are posterior means of many pictures, [N, 4, H/8, W/8]. Shift m and stretch s k (k the
    scaling factor) per channel go into the two 1x1 convolutions around the latent, so no picture
    changes: with z' = (z - m) / (s k) the first gets weight / (s k), the second weight * s k and
    bias + weight @ m.
    """
    with torch.no_grad():
        vae = copy.deepcopy(vae)
        center = means.mean(dim=(0, 2, 3))  # [4]
        stretch = means.std(dim=(0, 2, 3)) * SCALING  # [4]
        channels = len(center)
        before, after = vae.quant_conv, vae.post_quant_conv
        before.bias[:channels] -= center
        before.bias[:channels] /= stretch
        before.weight[:channels] /= stretch[:, None, None, None]
        before.bias[channels:] -= 2 * stretch.log()  # log variance: the posterior shrinks alike
        after.bias += after.weight[:, :, 0, 0] @ center
        after.weight *= stretch[None, :, None, None]
        vae.register_to_config(scaling_factor=SCALING)
        return vae


def save_checkpoint(
    folder: Path,
    vae: AutoencoderKL,
    encoder: CLIPTextModel,
    unet: UNet2DConditionModel,
    tokenizer_folder: Path,
) -> int:
    """Write model_index.json and one folder per part; returns the bytes of all files.

    The tokenizer's files are copied as they are.
    """
    for name, part in (("vae", vae), ("text_encoder", encoder), ("unet", unet)):
        copy.deepcopy(part).half().save_pretrained(folder / name, safe_serialization=True)
        _leave_home(folder / name)
    _name_as_ever(folder / "text_encoder" / "model.safetensors")
    new_scheduler().save_pretrained(folder / "scheduler")
    if tokenizer_folder.resolve() != (folder / "tokenizer").resolve():
        shutil.copytree(tokenizer_folder, folder / "tokenizer", dirs_exist_ok=True)
    (folder / "model_index.json").write_text(MODEL_INDEX, "utf-8")
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _leave_home(folder: Path) -> None:
    """Drop the path that the part was once loaded from; let everybody read the weights.

    transformers 5 loads in the precision that the config names, diffusers in float32 unless told
    otherwise: float32 for all, or a pipeline would mix them.
    """
    config_file = folder / "config.json"
    config = json.loads(config_file.read_text("utf-8"))
    config.pop("_name_or_path", None)
    if "dtype" in config:
        config["dtype"] = "float32"
    config_file.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", "utf-8")
    for weights in folder.glob("*.safetensors"):
        weights.chmod(0o644)


def _name_as_ever(weights: Path) -> None:
    """`text_model.` before every weight, as in all checkpoints of Stable Diffusion.

    transformers 5 leaves it out when it saves and reads both; 4 reads only this.
    """
    prefix = "text_model."
    tensors = load_file(weights)
    named = {prefix + name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
    save_file(named, weights, metadata={"format": "pt"})
    weights.chmod(0o644)


MODEL_INDEX = """{
  "_class_name": "StableDiffusionPipeline",
  "_diffusers_version": "0.36.0",
  "feature_extractor": [null, null],
  "image_encoder": [null, null],
  "requires_safety_checker": false,
  "safety_checker": [null, null],
  "scheduler": ["diffusers", "DDIMScheduler"],
  "text_encoder": ["transformers", "CLIPTextModel"],
  "tokenizer": ["transformers", "CLIPTokenizer"],
  "unet": ["diffusers", "UNet2DConditionModel"],
  "vae": ["diffusers", "AutoencoderKL"]
}
"""
