"""The same LoRA file does here what it does in diffusers, and the base stays as it is.

Tolerance 1e-5 on answers of order 1: a sum of float32 products in another order.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from nodes.diffusion.adapters.apply import Laid, lay
from nodes.diffusion.adapters.load import load_lora
from nodes.diffusion.adapters.lora_keys import parse


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


CLOSE = {"rtol": 1e-5, "atol": 1e-5}
UNET = ("attentions",)  # kohya's default: everything in the transformers
ENCODER = ("self_attn", "mlp")
FLOW = ("to_q", "to_k", "to_v", "to_out", "add_q_proj", "ff.net", "proj_mlp", "single_transformer")


def _same_as_pipeline(tiny: Any, path: Path, strength: Any = 0.7, encoders: Any = 0.4) -> Laid:
    """What the LoRA makes of the models equals what the pipeline makes of its own."""
    laid = lay(load_lora(path), tiny.model, tiny.clip, strength, encoders)
    pipe = tiny.pipeline()
    pipe.load_lora_weights(str(path), adapter_name="one")
    loaded = pipe.get_list_adapters()
    weights = {part: strength if "encoder" not in part else encoders for part in loaded}
    pipe.set_adapters(["one"], [weights])
    network = getattr(pipe, "unet", None) or pipe.transformer
    ours = tiny.ask(laid.model.network)
    assert (ours - tiny.ask(tiny.model.network)).abs().max() > 0.002
    torch.testing.assert_close(ours, tiny.ask(network), **CLOSE)
    assert laid.clip is not None
    for number, each in enumerate((laid.clip, *laid.clip.others), start=1):
        theirs = getattr(pipe, "text_encoder" if number == 1 else f"text_encoder_{number}")
        torch.testing.assert_close(tiny.read(each.encoder), tiny.read(theirs), **CLOSE)
    return laid


def test_sd1_kohya_as_in_diffusers(sd1: Any, lora_file: Any, tmp_path: Path) -> None:
    lora_file.add_kohya("lora_unet_", sd1.model.network, UNET)
    lora_file.add_kohya("lora_te_text_model_", sd1.clip.encoder, ENCODER)
    laid = _same_as_pipeline(sd1, lora_file.save(tmp_path / "a.safetensors"))
    assert laid.unused == ()
    assert laid.clip is not None
    changed = sd1.read(laid.clip.encoder) - sd1.read(sd1.clip.encoder)
    assert changed.abs().max() > 0.01


def test_sd1_peft_as_in_diffusers(sd1: Any, lora_file: Any, tmp_path: Path) -> None:
    """Convolutions too."""
    lora_file.add_peft("unet.", sd1.model.network, (*UNET, "conv1", "downsamplers", "time_emb"))
    lora_file.add_peft("text_encoder.text_model.", sd1.clip.encoder, ("q_proj", "v_proj"))
    _same_as_pipeline(sd1, lora_file.save(tmp_path / "a.safetensors"))


def test_sd1_of_older_diffusers(sd1: Any, lora_file: Any, tmp_path: Path) -> None:
    """`attn1.processor.to_q_lora`, and `lora_linear_layer` in the encoder."""
    for part in ("to_q", "to_k", "to_v", "to_out.0"):
        path = f"mid_block.attentions.0.transformer_blocks.0.attn1.{part}"
        weight = sd1.model.network.get_submodule(path).weight
        older = path.replace("attn1.", "attn1.processor.").removesuffix(".0") + "_lora"
        names = [f"unet.{older}.{side}.weight" for side in ("down", "up")]
        lora_file.add(weight, *names)
    weight = sd1.clip.encoder.get_submodule("encoder.layers.0.self_attn.q_proj").weight
    name = "text_encoder.text_model.encoder.layers.0.self_attn.q_proj.lora_linear_layer"
    lora_file.add(weight, f"{name}.down.weight", f"{name}.up.weight")
    laid = _same_as_pipeline(sd1, lora_file.save(tmp_path / "a.safetensors"))
    assert laid.unused == ()


def test_metadata_of_diffusers_holds_alpha(sd1: Any, lora_file: Any, tmp_path: Path) -> None:
    """diffusers leaves peft's config in the file: an alpha of its own for one layer, and rsLoRA."""
    lora_file.add_peft("unet.", sd1.model.network, ("to_k", "to_v"))
    own = "mid_block.attentions.0.transformer_blocks.0.attn2.to_k"
    config = {
        "unet.r": 3,
        "unet.lora_alpha": 6,
        "unet.alpha_pattern": {own: 12},
        "unet.use_rslora": True,
        "unet.target_modules": ["to_k", "to_v"],
        "unet.lora_bias": False,
    }
    metadata = {"lora_adapter_metadata": json.dumps(config), "format": "pt"}
    _same_as_pipeline(sd1, lora_file.save(tmp_path / "a.safetensors", metadata))


@pytest.mark.parametrize("original", [False, True])
def test_sdxl_kohya_as_in_diffusers(
    sdxl: Any, lora_file: Any, tmp_path: Path, original: bool
) -> None:
    """In diffusers' names of the blocks, and in those of the original that trainers use."""
    from nodes.diffusion.adapters.original_names import unet_names

    names = unet_names(sdxl.model.network)
    for path, weight in _weights(sdxl.model.network, UNET):
        name = "lora_unet_" + (names[path] if original else path).replace(".", "_")
        parts = [f"{name}.{end}" for end in ("lora_down.weight", "lora_up.weight", "alpha")]
        lora_file.add(weight, *parts)
    lora_file.add_kohya("lora_te1_text_model_", sdxl.clip.encoder, ENCODER)
    lora_file.add_kohya("lora_te2_", sdxl.clip.others[0].encoder, ENCODER)
    laid = _same_as_pipeline(sdxl, lora_file.save(tmp_path / "a.safetensors"))
    assert laid.unused == ()


def test_sdxl_peft_as_in_diffusers(sdxl: Any, lora_file: Any, tmp_path: Path) -> None:
    lora_file.add_peft("unet.", sdxl.model.network, UNET)
    lora_file.add_peft("text_encoder.text_model.", sdxl.clip.encoder, ENCODER)
    lora_file.add_peft("text_encoder_2.", sdxl.clip.others[0].encoder, ENCODER)
    _same_as_pipeline(sdxl, lora_file.save(tmp_path / "a.safetensors"))


def test_sd3_as_in_diffusers(sd3: Any, lora_file: Any, tmp_path: Path) -> None:
    lora_file.add_peft("transformer.", sd3.model.network, FLOW)
    lora_file.add_peft("text_encoder.", sd3.clip.encoder, ENCODER)
    lora_file.add_peft("text_encoder_2.", sd3.clip.others[0].encoder, ENCODER)
    _same_as_pipeline(sd3, lora_file.save(tmp_path / "a.safetensors"))


def test_flux_as_in_diffusers(flux: Any, lora_file: Any, tmp_path: Path) -> None:
    lora_file.add_peft("transformer.", flux.model.network, FLOW)
    lora_file.add_peft("text_encoder.text_model.", flux.clip.encoder, ENCODER)
    _same_as_pipeline(flux, lora_file.save(tmp_path / "a.safetensors"))


def test_flux_kohya_as_in_diffusers(flux: Any, lora_file: Any, tmp_path: Path) -> None:
    """Black Forest Labs' names, with queries, keys and values in one layer."""
    from nodes.diffusion.adapters.original_names import original_names

    for name, targets in original_names(flux.model.network).items():
        blocks = name.startswith(("double_blocks", "single_blocks"))
        if not blocks or "processor" in name or name.endswith("linear1"):
            continue  # of the last one diffusers knows only the full size
        weights = [flux.model.network.get_submodule(target.path).weight for target in targets]
        place = "lora_unet_" + name.replace(".", "_")
        parts = [f"{place}.{end}" for end in ("lora_down.weight", "lora_up.weight", "alpha")]
        lora_file.add(torch.cat(weights), *parts)
    lora_file.add_kohya("lora_te1_text_model_", flux.clip.encoder, ENCODER)
    laid = _same_as_pipeline(flux, lora_file.save(tmp_path / "a.safetensors"))
    assert laid.unused == ()


def test_flux_of_its_first_trainer_as_in_diffusers(
    flux: Any, lora_file: Any, tmp_path: Path
) -> None:
    """XLabs' names: `double_blocks.0.processor.qkv_lora1`."""
    from nodes.diffusion.adapters.original_names import original_names

    for name, targets in original_names(flux.model.network).items():
        if "processor" not in name:
            continue
        weights = [flux.model.network.get_submodule(target.path).weight for target in targets]
        place = name + "_lora" if name.startswith("single") else name
        lora_file.add(torch.cat(weights), f"{place}.down.weight", f"{place}.up.weight")
    laid = _same_as_pipeline(flux, lora_file.save(tmp_path / "a.safetensors"))
    assert laid.unused == ()


def test_flux_kohya_linear1_is_four_layers(flux: Any, lora_file: Any) -> None:
    """Queries, keys, values and the wide layer of a single block have the rows of one product."""
    path = "single_transformer_blocks.1."
    parts = [path + part for part in ("attn.to_q", "attn.to_k", "attn.to_v", "proj_mlp")]
    layers = [flux.model.network.get_submodule(part) for part in parts]
    name = "lora_unet_single_blocks_1_linear1"
    whole = torch.cat([layer.weight for layer in layers])
    down, up = lora_file.add(whole, f"{name}.lora_down.weight", f"{name}.lora_up.weight")
    laid = lay(parse("a", lora_file.tensors, {}), flux.model, strength_model=0.5)
    x = draw(3, 16)
    for part, rows, base in zip(parts, (up @ down).split([16, 16, 16, 64]), layers, strict=True):
        changed = laid.model.network.get_submodule(part)
        torch.testing.assert_close(changed(x), base(x) + 0.5 * x @ rows.T, **CLOSE)


def _weights(network: nn.Module, wanted: Sequence[str]) -> list[tuple[str, Any]]:
    from nodes.diffusion.adapters.original_names import layer_paths

    found = [(path, network.get_submodule(path).weight) for path in layer_paths(network)]
    return [(p, w) for p, w in found if w.ndim > 1 and any(part in p for part in wanted)]
