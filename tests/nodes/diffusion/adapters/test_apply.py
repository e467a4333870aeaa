"""The same LoRA file does here what it does in diffusers, and the base stays as it is.

Tolerance 1e-5 on answers of order 1: a sum of float32 products in another order.
"""

from __future__ import annotations

import copy
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
from nodes.schedule import scaled_linear
from nodes.types import Model


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
    ((_, weight),) = _weights(sd1.clip.encoder, ("layers.0.self_attn.q_proj",))
    name = "text_encoder.text_model.encoder.layers.0.self_attn.q_proj.lora_linear_layer"
    lora_file.add(weight, f"{name}.down.weight", f"{name}.up.weight")
    laid = _same_as_pipeline(sd1, lora_file.save(tmp_path / "a.safetensors"))
    assert laid.unused == ()


def test_one_lora_under_every_name_is_one_lora(sd1: Any, new_file: Any) -> None:
    """kohya's names, the original's, diffusers' of three ages, peft's, ComfyUI's: to the bit."""
    from nodes.diffusion.adapters.original_names import unet_names

    path = "mid_block.attentions.0.transformer_blocks.0.attn2.to_k"
    flat, original = path.replace(".", "_"), unet_names(sd1.model.network)[path]
    older = "unet." + path.replace(".to_k", ".processor.to_k_lora")
    pairs = [
        (f"lora_unet_{flat}.lora_down.weight", f"lora_unet_{flat}.lora_up.weight"),
        (f"lycoris_{flat}.lora_down.weight", f"lycoris_{flat}.lora_up.weight"),
        (f"unet.{path}.lora_A.weight", f"unet.{path}.lora_B.weight"),
        (f"unet.{path}.lora.down.weight", f"unet.{path}.lora.up.weight"),
        (f"{older}.down.weight", f"{older}.up.weight"),
        (f"base_model.model.{path}.lora_A.weight", f"base_model.model.{path}.lora_B.weight"),
        (f"unet.base_model.model.{path}.lora_A.default.weight",
         f"unet.base_model.model.{path}.lora_B.default.weight"),
        (f"{path}.lora_A.weight", f"{path}.lora_B.weight"),
        (f"diffusion_model.{original}.lora_A.weight", f"diffusion_model.{original}.lora_B.weight"),
        (f"lora_unet_{original.replace('.', '_')}.lora_down.weight",
         f"lora_unet_{original.replace('.', '_')}.lora_up.weight"),
    ]  # fmt: skip
    answers = []
    for down, up in pairs:
        file = new_file()
        file.add(sd1.model.network.get_submodule(path).weight, down, up)
        laid = lay(parse("a", file.tensors, {}), sd1.model)
        assert laid.unused == ()
        answers.append(sd1.ask(laid.model.network))
    assert not torch.equal(answers[0], sd1.ask(sd1.model.network))
    assert all(torch.equal(answer, answers[0]) for answer in answers)


def test_metadata_of_diffusers_holds_alpha(sd1: Any, lora_file: Any, tmp_path: Path) -> None:
    """diffusers leaves peft's config in the file: an alpha of its own for one layer, and rsLoRA.

    With rsLoRA at the strength it is loaded with: peft 0.17 forgets it where one is set."""
    lora_file.add_peft("unet.", sd1.model.network, ("to_k", "to_v"))
    own = "mid_block.attentions.0.transformer_blocks.0.attn2.to_k"
    config = {
        "unet.r": 3,
        "unet.lora_alpha": 6,
        "unet.alpha_pattern": {own: 12},
        "unet.rank_pattern": {},
        "unet.target_modules": ["to_k", "to_v"],
        "unet.lora_bias": False,
    }
    for rslora in (False, True):
        config["unet.use_rslora"] = rslora
        metadata = {"lora_adapter_metadata": json.dumps(config), "format": "pt"}
        path = lora_file.save(tmp_path / f"{rslora}.safetensors", metadata)
        pipe = sd1.pipeline()
        pipe.load_lora_weights(str(path))
        laid = lay(load_lora(path), sd1.model)
        torch.testing.assert_close(sd1.ask(laid.model.network), sd1.ask(pipe.unet), **CLOSE)
        if not rslora:
            _same_as_pipeline(sd1, path)


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
    lora_file.add_kohya("lora_te_text_model_", flux.clip.encoder, ENCODER)
    laid = _same_as_pipeline(flux, lora_file.save(tmp_path / "a.safetensors"))
    assert laid.unused == ()
    # diffusers 0.36 reads over an encoder of Flux that has a number
    numbered = {n.replace("lora_te_", "lora_te1_"): t for n, t in lora_file.tensors.items()}
    again = lay(parse("b", numbered, {}), flux.model, flux.clip, 0.7, 0.4)
    assert again.unused == ()
    assert again.clip is not None
    assert laid.clip is not None
    assert torch.equal(flux.read(again.clip.encoder), flux.read(laid.clip.encoder))


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


# peft says so of every second adapter that transformers loads
@pytest.mark.filterwarnings("ignore:Already found a `peft_config` attribute:UserWarning")
def test_several_at_once_as_in_diffusers(sd1: Any, new_file: Any, tmp_path: Path) -> None:
    """`set_adapters`: two files that share layers, each with strengths of its own."""
    paths = []
    for number in (1, 2):
        file = new_file(100 * number)
        file.add_kohya("lora_unet_", sd1.model.network, UNET[:number] + ("conv1",) * (number - 1))
        file.add_kohya("lora_te_text_model_", sd1.clip.encoder, ENCODER)
        paths.append(file.save(tmp_path / f"{number}.safetensors"))
    strengths = ((0.7, 0.4), (-0.5, 1.2))
    pipe, model, clip = sd1.pipeline(), sd1.model, sd1.clip
    for path, (on_model, on_clip) in zip(paths, strengths, strict=True):
        laid = lay(load_lora(path), model, clip, on_model, on_clip)
        model, clip = laid.model, laid.clip or clip
        pipe.load_lora_weights(str(path), adapter_name=path.stem)
    weights: list[Any] = [{"unet": s[0], "text_encoder": s[1]} for s in strengths]
    pipe.set_adapters([path.stem for path in paths], weights)
    torch.testing.assert_close(sd1.ask(model.network), sd1.ask(pipe.unet), **CLOSE)
    ours, theirs = sd1.read(clip.encoder), sd1.read(pipe.text_encoder)
    torch.testing.assert_close(ours, theirs, **CLOSE)


def test_dora_of_diffusers(sd1: Any, lora_file: Any, tmp_path: Path) -> None:
    """Lengths of rows, `lora_magnitude_vector`, at a strength that is not 1."""
    wanted = ("attn1.to_q", "attn2.to_v")
    lora_file.add_peft("unet.", sd1.model.network, wanted)
    for path, weight in _weights(sd1.model.network, wanted):
        lengths = 1.2 * weight.norm(dim=1)
        lora_file.tensors[f"unet.{path}.lora_magnitude_vector"] = lengths
    _same_as_pipeline(sd1, lora_file.save(tmp_path / "a.safetensors"))


def test_auraflow_as_in_diffusers(lora_file: Any, tmp_path: Path) -> None:
    from diffusers import AuraFlowTransformer2DModel

    with torch.random.fork_rng(devices=[]):
        network = AuraFlowTransformer2DModel(
            sample_size=8, patch_size=2, in_channels=4, num_mmdit_layers=1,
            num_single_dit_layers=1, attention_head_dim=8, num_attention_heads=2,
            joint_attention_dim=16, caption_projection_dim=16, out_channels=4,
            pos_embed_max_size=16,
        ).eval()  # fmt: skip

    def ask(asked: Any) -> torch.Tensor:
        with torch.no_grad():
            return asked(  # type: ignore[no-any-return]
                draw(1, 4, 8, 8), draw(1, 5, 16, seed=1), torch.tensor([0.5]), return_dict=False
            )[0]

    lora_file.add_peft("transformer.", network, ("attn", "ff"))
    _same_as_network(network, ask, lora_file.save(tmp_path / "a.safetensors"))


def test_pixart_as_in_diffusers(lora_file: Any, tmp_path: Path) -> None:
    from diffusers import PixArtTransformer2DModel

    with torch.random.fork_rng(devices=[]):
        network = PixArtTransformer2DModel(
            sample_size=8, num_layers=2, patch_size=2, attention_head_dim=8,
            num_attention_heads=2, caption_channels=16, in_channels=4, cross_attention_dim=16,
            out_channels=8, num_embeds_ada_norm=1000, norm_type="ada_norm_single",
            use_additional_conditions=False,
        ).eval()  # fmt: skip

    def ask(asked: Any) -> torch.Tensor:
        none = {"resolution": None, "aspect_ratio": None}
        with torch.no_grad():
            return asked(  # type: ignore[no-any-return]
                draw(1, 4, 8, 8), draw(1, 5, 16, seed=1), torch.tensor([500]),
                added_cond_kwargs=none, return_dict=False,
            )[0]  # fmt: skip

    lora_file.add_peft("base_model.model.", network, ("attn", "ff", "proj_out"))
    _same_as_network(network, ask, lora_file.save(tmp_path / "a.safetensors"))


@pytest.mark.parametrize("style", ["lora_unet_", "lora_transformer_", "diffusion_model."])
def test_sd3_by_other_names(sd3: Any, new_file: Any, style: str) -> None:
    """kohya's and ComfyUI's, in the original's words; OneTrainer's, in ours; with all encoders."""
    from nodes.diffusion.adapters.original_names import original_names

    file, plain = new_file(), new_file()
    names = original_names(sd3.model.network).items()
    blocks = {n: t for n, t in names if n.startswith("joint_blocks") and ".ln_" not in n}
    for name, targets in blocks.items():
        layers = [sd3.model.network.get_submodule(target.path) for target in targets]
        place = style + (name if style.endswith(".") else name.replace(".", "_"))
        if style == "lora_transformer_":
            for target, layer in zip(targets, layers, strict=True):
                own = style + target.path.replace(".", "_")
                ends = (f"{own}.lora_down.weight", f"{own}.lora_up.weight")
                factors = file.add(layer.weight, *ends)
                _add(plain, f"transformer.{target.path}", *factors)
            continue
        whole = torch.cat([layer.weight for layer in layers])
        down, up = file.add(whole, f"{place}.lora_down.weight", f"{place}.lora_up.weight")
        for target in targets:
            rows = target.rows or ((0, len(up)),)
            part = torch.cat([up[start:end] for start, end in rows])
            _add(plain, f"transformer.{target.path}", down, part)
    encoders = (sd3.clip, *sd3.clip.others)
    for number, each in enumerate(encoders, start=1):
        file.add_kohya(f"lora_te{number}_", each.encoder, ("q_proj", "SelfAttention.q"))
    laid = lay(parse("a", file.tensors, {}), sd3.model, sd3.clip)
    assert laid.unused == ()
    expected = lay(parse("b", plain.tensors, {}), sd3.model)
    assert (sd3.ask(laid.model.network) - sd3.ask(sd3.model.network)).abs().max() > 0.002
    torch.testing.assert_close(
        sd3.ask(laid.model.network), sd3.ask(expected.model.network), **CLOSE
    )
    assert laid.clip is not None
    for ours, base in zip((laid.clip, *laid.clip.others), encoders, strict=True):
        assert not torch.equal(sd3.read(ours.encoder), sd3.read(base.encoder))


def test_saved_for_a_transformer_loads_in_diffusers(
    flux: Any, lora_file: Any, tmp_path: Path
) -> None:
    """Extracted, saved under peft's names, and the same in either program."""
    from nodes.diffusion.adapters.extract import model_differences
    from nodes.diffusion.adapters.save import save_lora
    from nodes.types import Lora

    lora_file.add_peft("transformer.", flux.model.network, FLOW)
    tuned = lay(parse("a", lora_file.tensors, {}), flux.model).model
    layers = model_differences(tuned, flux.model, 3, False, lambda done, of: None)
    save_lora(Lora("x", tuple(layers)), tmp_path / "a.safetensors")
    laid = _same_as_pipeline(flux, tmp_path / "a.safetensors", 1.0)
    torch.testing.assert_close(
        flux.ask(laid.model.network), flux.ask(tuned.network), rtol=1e-4, atol=1e-5
    )


def test_saved_for_a_unet_loads_in_diffusers(sdxl: Any, lora_file: Any, tmp_path: Path) -> None:
    """Under kohya's names, with both text encoders."""
    from nodes.diffusion.adapters.extract import clip_differences, model_differences
    from nodes.diffusion.adapters.save import save_lora
    from nodes.types import Lora

    lora_file.add_peft("unet.", sdxl.model.network, UNET)
    lora_file.add_peft("text_encoder.text_model.", sdxl.clip.encoder, ENCODER)
    lora_file.add_peft("text_encoder_2.", sdxl.clip.others[0].encoder, ENCODER)
    tuned = lay(parse("a", lora_file.tensors, {}), sdxl.model, sdxl.clip)
    assert tuned.clip is not None
    layers = model_differences(tuned.model, sdxl.model, 3, False, lambda done, of: None)
    layers += clip_differences(tuned.clip, sdxl.clip, 3, False, lambda done, of: None)
    save_lora(Lora("x", tuple(layers)), tmp_path / "a.safetensors")
    laid = _same_as_pipeline(sdxl, tmp_path / "a.safetensors", 1.0, 1.0)
    torch.testing.assert_close(
        sdxl.ask(laid.model.network), sdxl.ask(tuned.model.network), rtol=1e-4, atol=1e-5
    )


def test_folder_of_peft_has_its_config_beside(sd1: Any, lora_file: Any, tmp_path: Path) -> None:
    lora_file.add_peft("base_model.model.", sd1.model.network, ("to_k",))
    (tmp_path / "adapter_config.json").write_text('{"r": 3, "lora_alpha": 12}', "utf-8")
    loaded = load_lora(lora_file.save(tmp_path / "adapter_model.safetensors"))
    assert {layer.scale for layer in loaded.layers} == {4.0}
    assert lay(loaded, sd1.model).unused == ()


def _add(file: Any, place: str, down: torch.Tensor, up: torch.Tensor) -> None:
    file.tensors |= {f"{place}.lora_A.weight": down, f"{place}.lora_B.weight": up}


def _same_as_network(network: Any, ask: Any, path: Path) -> None:
    """What the LoRA makes of a transformer equals what diffusers' own loading makes of it, or peft
    where diffusers has none for it."""
    from peft import LoraConfig, inject_adapter_in_model, set_peft_model_state_dict
    from safetensors.torch import load_file

    model = Model(network, scaled_linear(), "flow", "auraflow")
    laid = lay(load_lora(path), model, strength_model=0.7)
    theirs = copy.deepcopy(network)
    if hasattr(theirs, "load_lora_adapter"):
        theirs.load_lora_adapter(str(path), adapter_name="one", prefix="transformer")
        theirs.set_adapters(["one"], [0.7])
    else:
        named = {k.removeprefix("base_model.model."): v for k, v in load_file(path).items()}
        places = sorted({name.partition(".lora_")[0] for name in named})
        config = LoraConfig(r=3, lora_alpha=0.7 * 3, target_modules=places)
        with torch.random.fork_rng(devices=[]):
            theirs = inject_adapter_in_model(config, theirs)
        set_peft_model_state_dict(theirs, named)
    assert (ask(laid.model.network) - ask(network)).abs().max() > 0.002
    torch.testing.assert_close(ask(laid.model.network), ask(theirs), **CLOSE)
