"""A folder of models as users have one, of networks of few channels with random weights.

Under their customary names, each in the layout that its family is published in. What the networks
of a family are, the tests of loading say, and those of preprocessors what theirs are; their modules
are loaded by path, since tests are no package.
"""

from __future__ import annotations

import copy
import importlib.util
import json
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from safetensors.torch import save_file

import small
from nodes.diffusion.export.original import denoiser_state, hugging_face_state, vae_state

Weights = dict[str, torch.Tensor]

LOADING = Path(__file__).parents[1] / "nodes" / "diffusion" / "checkpoints"
WIDTH, PICTURES = 32, 12  # of a text's embedding, and of a picture's for the IP-Adapter


def module_at(path: Path) -> ModuleType:
    """A test's module, for its builders."""
    name = f"builders_of_{path.parent.name}_{path.stem}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


layouts = module_at(LOADING / "conftest.py")
transformers = module_at(LOADING / "test_transformer_checkpoints.py")
nodes_tests = module_at(LOADING.parents[1] / "conftest.py")


def write_models(root: Path) -> Path:
    """The whole folder. Kinds of models lie where `model_files` looks for them."""
    for kind in (
        "checkpoints", "diffusion_models", "text_encoders", "vae", "loras", "controlnet",
        "clip_vision", "ipadapter", "gligen", "hypernetworks", "upscale_models", "preprocessors",
        "tokenizers/t5", "tokenizers/umt5",
    ):  # fmt: skip
        (root / kind).mkdir(parents=True)
    for kind in ("t5", "umt5"):
        transformers.t5_tokenizer()._tokenizer.save(
            str(root / "tokenizers" / kind / "tokenizer.json")
        )
    _unets(root)
    _transformers(root)
    _adapters(root)
    _preprocessors(root / "preprocessors")
    return root


def moved(network: Any, seed: int, by: float = 0.05) -> Any:
    """A copy, of whose weights none is zero, as those of fresh adapters are."""
    network, generator = copy.deepcopy(network), torch.Generator().manual_seed(seed)
    for parameter in network.parameters():
        parameter.data += by * torch.randn(parameter.shape, generator=generator)
    return network.eval()


def save(path: Path, weights: Mapping[str, torch.Tensor]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.contiguous().clone() for name, tensor in weights.items()}, path)


def autoencoder() -> Any:
    """Four levels: a latent's pixel is 8 of the picture's, as all of them have it."""
    four: dict[str, Any] = {
        "block_out_channels": (32,) * 4,
        "down_block_types": ("DownEncoderBlock2D",) * 4,
        "up_block_types": ("UpDecoderBlock2D",) * 4,
    }
    return layouts.autoencoder(**four)


def checkpoint(kind: str, seed: int = 0) -> Weights:
    """A whole file of a UNet's family in the original layout."""
    networks = layouts.Networks(kind)
    if seed:
        networks.unet = moved(networks.unet, seed)
    weights: Weights = {
        name: tensor
        for name, tensor in networks.original().items()
        if not name.startswith("first_stage_model.")
    }
    vae = layouts.original_vae(autoencoder().state_dict(), 4)
    return {**weights, **layouts.under("first_stage_model.", vae)}


def _unets(root: Path) -> None:
    folder = root / "checkpoints"
    for kind, seed, *names in (
        ("sd1", 0, "v1-5-pruned-emaonly"),
        ("sd1", 7, "dreamshaper_8"),
        ("sd2", 0, "v2-1_768-ema-pruned", "sd_turbo"),
        ("sdxl", 0, "sd_xl_base_1.0", "sd_xl_turbo_1.0_fp16", "sdxl_lightning_4step"),
        ("sdxl", 9, "ponyDiffusionV6XL_v6StartWithThisOne"),
        ("sdxl_refiner", 0, "sd_xl_refiner_1.0"),
        ("lcm", 0, "LCM_Dreamshaper_v7_4k"),
        ("inpaint", 0, "sd-v1-5-inpainting"),
        ("ip2p", 0, "instruct-pix2pix-00-22000"),
    ):
        weights = checkpoint(str(kind), int(seed))
        files = [folder / f"{name}.safetensors" for name in names]
        save(files[0], weights)
        for other in files[1:]:
            other.hardlink_to(files[0])
    save(folder / "sd21-unclip-h.safetensors", {**checkpoint("unclip"), **_unclip(24)})
    clock = {"edm_mean": small.normal(3, 4), "edm_std": 1 + small.normal(4, 4).abs()}
    playground = folder / "playground-v2.5-1024px-aesthetic.fp16.safetensors"
    save(playground, {**checkpoint("sdxl"), **clock})
    encoders = layouts.Networks("sdxl").encoders
    for kind, encoder in encoders.items():
        save(root / "text_encoders" / "xl" / f"{kind}.safetensors", alone(kind, encoder))
    vae = layouts.original_vae(autoencoder().state_dict(), 4)
    save(root / "vae" / "sdxl_vae.safetensors", vae)


def _transformers(root: Path) -> None:
    """Transformers under the names of the first publication, or a folder where that is one."""
    folder = root / "checkpoints"
    for kind, name in (("pixart", "PixArt-Sigma-XL-2-1024-MS"), ("dit", "DiT-XL-2-256")):
        transformers.PIPELINES[kind]().save_pretrained(str(folder / name))
    sd3, flux, aura = (transformers.PIPELINES[name]() for name in ("sd3", "flux", "auraflow"))
    clips = {"clip_l": sd3.text_encoder, "clip_g": sd3.text_encoder_2, "t5xxl": sd3.text_encoder_3}
    save(folder / "sd3_medium_incl_clips_t5xxlfp16.safetensors", packed(sd3, clips))
    save(folder / "sd3.5_medium.safetensors", packed(sd3, {}))
    save(folder / "aura_flow_0.3.safetensors", packed(aura, {"pile_t5xl": aura.text_encoder}))
    save(root / "diffusion_models" / "flux1-dev.safetensors", denoiser_state(flux.transformer))
    save(root / "vae" / "ae.safetensors", vae_state(flux.vae))
    for name, encoder in clips.items():
        file = "t5xxl_fp16" if name == "t5xxl" else name
        save(root / "text_encoders" / f"{file}.safetensors", alone(name, encoder))
    flux.transformer = _schnell(flux.transformer)
    texts = {"clip_l": flux.text_encoder, "t5xxl": flux.text_encoder_2}
    save(folder / "flux1-schnell-fp8.safetensors", packed(flux, texts))


def text_state(encoder: Any) -> Weights:
    tied = "encoder.embed_tokens.weight"  # to shared.weight
    return {name: t for name, t in hugging_face_state(encoder).items() if name != tied}


def alone(kind: str, encoder: Any) -> Weights:
    """An encoder's own file. CLIP bigG is told by its width, a small one only by its prefix."""
    prefix = "text_encoders.clip_g.transformer." if kind == "clip_g" else ""
    weights: Weights = layouts.under(prefix, text_state(encoder))
    return weights


def packed(pipe: Any, encoders: Mapping[str, Any]) -> Weights:
    """A whole file as transformers are published in one: every network under its prefix."""
    weights: Weights = layouts.under("model.diffusion_model.", denoiser_state(pipe.transformer))
    weights |= layouts.under("vae.", vae_state(pipe.vae))
    for name, encoder in encoders.items():
        weights |= layouts.under(f"text_encoders.{name}.transformer.", text_state(encoder))
    return weights


def _schnell(dev: Any) -> Any:
    """The same network, told nothing of guidance."""
    made = type(dev).from_config({**dev.config, "guidance_embeds": False})
    return transformers.random_weights(made, 2)


def _unclip(width: int) -> Weights:
    seen = layouts.under("image_encoder.", small.clip_vision(8, projection_dim=width).state_dict())
    mean, std = small.normal(1, width), 1 + small.normal(2, width).abs()
    return {**seen, "noise_augmentor.data_mean": mean, "noise_augmentor.data_std": std}


def _adapters(root: Path) -> None:
    unet = layouts.unet("sd1")
    for name, width in (("CLIP-ViT-H-14-laion2B-s32B-b79K", PICTURES), ("clip_vision_g", WIDTH)):
        save(
            root / "clip_vision" / f"{name}.safetensors",
            small.clip_vision(8, projection_dim=width).state_dict(),
        )
    writers: dict[str, Callable[[Path, Any], None]] = {
        "ipadapter/ip-adapter_sd15.safetensors": _ip_adapter,
        "gligen/gligen_sd14_textbox_pruned.safetensors": _gligen,
        "loras/lcm-lora-sdv1-5.safetensors": _lora,
        "loras/first_xl.safetensors": partial(_lora, kind="sdxl"),
        "loras/second_xl.safetensors": partial(_lora, kind="sdxl", seed=3),
        "controlnet/control_v11p_sd15_canny.safetensors": partial(_controlnet, seed=11),
        "controlnet/control_v11f1e_sd15_tile.safetensors": partial(_controlnet, seed=12),
        "controlnet/control_v11p_sd15_inpaint.safetensors": partial(_controlnet, seed=16),
        "controlnet/control_v11f1p_sd15_depth.safetensors": partial(_controlnet, seed=17),
        "controlnet/control_v11p_sd15_openpose.safetensors": partial(_controlnet, seed=18),
        "controlnet/FLUX.1-dev-ControlNet-Union-Pro.safetensors": _flux_union,
        "controlnet/t2iadapter_canny_sd15v2.safetensors": _t2i_adapter,
        "hypernetworks/mine.pt": _hypernetwork,
        "upscale_models/RealESRGAN_x4plus.safetensors": _upscaler,
    }
    for name, writer in writers.items():
        writer(root / name, unet)


def _ip_adapter(path: Path, unet: Any) -> None:
    weights = {
        "image_proj.proj.weight": small.normal(1, 4 * WIDTH, PICTURES),
        "image_proj.proj.bias": small.normal(2, 4 * WIDTH),
        "image_proj.norm.weight": 1 + 0.3 * small.normal(3, WIDTH),
        "image_proj.norm.bias": small.normal(4, WIDTH),
    }
    places = [name for name in unet.attn_processors if name.endswith("attn2.processor")]
    for k, place in enumerate(places):
        channels = unet.get_submodule(place.removesuffix(".processor")).to_k.out_features
        for part in ("to_k_ip", "to_v_ip"):
            weights[f"ip_adapter.{2 * k + 1}.{part}.weight"] = small.normal(5 + k, channels, WIDTH)
    save(path, weights)


def _gligen(path: Path, unet: Any) -> None:
    with small.seeded(13):
        gated = moved(type(unet)(**layouts.SMALL["sd1"], attention_type="gated"), 13, 0.2)
    own = ("fuser", "position_net")
    state = gated.state_dict().items()
    save(path, {name: tensor for name, tensor in state if any(word in name for word in own)})


def _lora(path: Path, unet: Any, kind: str = "sd1", seed: int = 1) -> None:
    weights = {}
    for name, module in layouts.unet(kind).named_modules():
        if name.endswith(("attn1.to_q", "attn2.to_v")):
            inside, outside = module.in_features, module.out_features
            key = f"lora_unet_{name.replace('.', '_')}"
            weights[f"{key}.lora_down.weight"] = small.normal(seed, 4, inside)
            weights[f"{key}.lora_up.weight"] = small.normal(seed + 1, outside, 4)
            weights[f"{key}.alpha"] = torch.tensor(4.0)
    save(path, weights)


def _controlnet(path: Path, unet: Any, seed: int) -> None:
    from diffusers.models.controlnets.controlnet import ControlNetModel

    with small.seeded(seed):
        made = ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=(4, 4, 8, 8))
    save(path, moved(made, seed, 0.15).state_dict())


def _flux_union(path: Path, unet: Any) -> None:
    from diffusers.models.controlnets.controlnet_flux import FluxControlNetModel

    flux = transformers.flux_transformer().config
    own = ("num_layers", "num_single_layers", "attention_head_dim", "num_attention_heads")
    own += ("joint_attention_dim", "pooled_projection_dim", "guidance_embeds", "axes_dims_rope")
    with small.seeded(19):
        made = FluxControlNetModel(
            in_channels=flux.in_channels, num_mode=7, **{name: flux[name] for name in own}
        )
    save(path, moved(made, 19, 0.2).state_dict())


def _t2i_adapter(path: Path, unet: Any) -> None:
    from diffusers.models.adapter import T2IAdapter

    with small.seeded(14):
        made = T2IAdapter(channels=list(unet.config.block_out_channels))
    save(path, made.state_dict())


def _hypernetwork(path: Path, unet: Any) -> None:
    """A1111's structure: for each width the networks before keys and before values."""

    def layers(seed: int) -> Weights:
        return {
            "linear.0.weight": 0.3 * small.normal(seed, 64, WIDTH),
            "linear.0.bias": small.normal(seed + 1, 64),
            "linear.1.weight": 0.3 * small.normal(seed + 2, WIDTH, 64),
            "linear.1.bias": small.normal(seed + 3, WIDTH),
        }

    torch.save({WIDTH: (layers(1), layers(5)), "activation_func": "linear", "step": 7}, path)


def _upscaler(path: Path, unet: Any) -> None:
    from nodes.diffusion import upscalers

    upscalers.library()
    from spandrel.architectures.ESRGAN import ESRGAN

    with small.seeded(15):
        save(path, ESRGAN(num_filters=8, num_blocks=1, scale=4).state_dict())


def _preprocessors(folder: Path) -> None:
    """Folders in transformers' layout."""
    for kind, name, new, size in (
        ("depth", "Depth-Anything-V2-Small-hf", nodes_tests.new_depth_estimator, (56, 56)),
        ("segmentation", "segformer-b5-finetuned-ade-640-640", nodes_tests.new_segmenter, (32, 32)),
        ("detection", "rtdetr_r50vd", nodes_tests.new_detector, (64, 64)),
        ("pose", "vitpose-base-simple", nodes_tests.new_pose_finder, (64, 48)),
    ):
        new().save_pretrained(folder / name)
        config = {**nodes_tests.READS_PICTURES[kind], "size": {"height": size[0], "width": size[1]}}
        (folder / name / "preprocessor_config.json").write_text(json.dumps(config), "utf-8")
