"""Weights into networks: mapped or cast, every storage, every damage."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from nodes.diffusion import loading
from nodes.diffusion.checkpoint_files import CheckpointError
from nodes.diffusion.checkpoints import examine, precision, recognise, stream
from nodes.diffusion.checkpoints.header import read_header
from nodes.diffusion.checkpoints.quantised import QuantisedLinear
from nodes.diffusion.cloning import clone_modules


def network(path: Path, dtype: torch.dtype = torch.float32) -> Any:
    header = read_header(path)
    return stream.build(recognise.wanted_denoiser(header).parts["denoiser"], header, dtype)


def test_weights_that_are_as_wanted_share_the_files_memory_and_others_do_not(
    tools: Any, tmp_path: Path
) -> None:
    path = tools.write(tmp_path / "a.safetensors", tools.unet("sd1").state_dict())
    mapped, cast = network(path), network(path, torch.bfloat16)
    storages = {p.untyped_storage().data_ptr() for p in mapped.parameters()}
    assert len(storages) == 1
    assert mapped.conv_in.weight.untyped_storage().nbytes() == path.stat().st_size
    weight = cast.conv_in.weight
    assert weight.untyped_storage().nbytes() == weight.numel() * 2


def test_changing_a_mapped_weight_leaves_the_file_as_it_is(tools: Any, tmp_path: Path) -> None:
    path = tools.write(tmp_path / "a.safetensors", tools.unet("sd1").state_dict())
    before = path.read_bytes()
    with torch.no_grad():
        network(path).conv_in.weight.zero_()
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("stored", "wanted"),
    [
        (torch.float64, torch.float32),
        (torch.float32, torch.float32),
        (torch.float32, torch.float16),
        (torch.float16, torch.float32),
        (torch.float16, torch.float16),
        (torch.bfloat16, torch.float32),
        (torch.bfloat16, torch.float16),
    ],
)
def test_every_precision_from_every_storage(
    tools: Any, tmp_path: Path, stored: torch.dtype, wanted: torch.dtype
) -> None:
    source = tools.unet("sd1").state_dict()
    path = tools.write(tmp_path / "a.safetensors", {n: w.to(stored) for n, w in source.items()})
    got = network(path, wanted)
    assert got.dtype == wanted
    for name, weight in source.items():
        assert torch.equal(got.state_dict()[name], weight.to(stored).to(wanted)), name


@pytest.mark.parametrize("kind", [torch.float8_e4m3fn, torch.float8_e5m2])
def test_8_bit_storage_is_read_as_floats(tools: Any, tmp_path: Path, kind: torch.dtype) -> None:
    source = tools.unet("sd1").state_dict()
    path = tools.write(tmp_path / "a.safetensors", {n: w.to(kind) for n, w in source.items()})
    got = network(path).state_dict()
    for name, weight in source.items():
        assert torch.equal(got[name], weight.to(kind).float()), name


@pytest.mark.parametrize("suffix", ["scale_weight", "weight_scale"])
@pytest.mark.parametrize("rows", [False, True])
def test_scaled_8_bit_weights_are_scaled_back(
    tools: Any, tmp_path: Path, suffix: str, rows: bool
) -> None:
    """w = stored * scale, with one scale or one for each row; 3 bits of mantissa are 1/16."""
    source = tools.unet("sd1").state_dict()
    name = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q.weight"
    weight = source[name]
    scale = (weight.abs().amax(dim=1) if rows else weight.abs().amax()) / 448
    per_row = scale[:, None] if rows else scale
    stored = (weight / per_row).to(torch.float8_e4m3fn)
    extra = {name: stored, name.replace("weight", suffix): scale, "scaled_fp8": torch.zeros(2)}
    path = tools.write(tmp_path / "a.safetensors", {**source, **extra})
    got = network(path).state_dict()[name]
    assert torch.equal(got, stored.float() * per_row)
    assert_close(got, weight, rtol=1 / 16, atol=float(weight.abs().max()) / 448)


def test_automatic_precision_is_that_of_the_file_but_on_the_processor(
    tools: Any, tmp_path: Path
) -> None:
    weights = tools.unet("sd1").state_dict()
    found = {}
    for kind in (torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn):
        stored = {n: w.to(kind) if w.ndim > 1 else w for n, w in weights.items()}
        header = read_header(tools.write(tmp_path / "a.safetensors", stored))
        part = recognise.wanted_denoiser(header).parts["denoiser"]
        found[kind] = stream.dtype_of(header, part)
        assert precision.for_part(header, part, "auto", "cpu") == torch.float32
        assert precision.for_part(header, part, "auto", "cuda") == found[kind]
        assert precision.for_part(header, part, "float16", "cuda") == torch.float16
    assert list(found.values()) == [torch.float32, torch.float16, torch.bfloat16, torch.bfloat16]


def test_directml_computes_half_where_bfloat16_is_stored() -> None:
    assert precision.fitting(torch.bfloat16, "auto", "privateuseone:0") == torch.float16


def test_a_file_whose_tensors_lie_at_odd_places_loads(tools: Any, tmp_path: Path) -> None:
    """The header's length decides where tensors start; not every writer rounds it up."""
    source = tools.unet("sd1").state_dict()
    path = tools.write(tmp_path / "a.safetensors", source)
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.dumps(json.loads(content[8 : 8 + length])).encode()
    header += b" " * (1 - len(header) % 2)
    assert len(header) % 2 == 1
    path.write_bytes(len(header).to_bytes(8, "little") + header + content[8 + length :])
    got = network(path).state_dict()
    for name, weight in source.items():
        assert torch.equal(got[name], weight), name


@pytest.mark.parametrize("stored", [torch.float32, torch.float16])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_counted_and_named(
    tools: Any, tmp_path: Path, stored: torch.dtype, value: float
) -> None:
    weights = {n: w.to(stored) for n, w in tools.unet("sd1").state_dict().items()}
    for name in ("conv_in.weight", "conv_out.bias"):
        weights[name] = torch.full_like(weights[name], value)
    path = tools.write(tmp_path / "a.safetensors", weights)
    message = (
        r"2 tensors of UNet2DConditionModel are damaged: conv_in\.weight holds NaN or infinity"
    )
    with pytest.raises(CheckpointError, match=message):
        network(path)


def test_one_nan_within_a_weight_that_is_cast_is_seen(tools: Any, tmp_path: Path) -> None:
    weights = {n: w.half() for n, w in tools.unet("sd1").state_dict().items()}
    weights["mid_block.resnets.0.conv1.weight"][32, 32, 1, 1] = torch.nan
    with pytest.raises(CheckpointError, match=r"1 tensors of .* mid_block.resnets.0.conv1.weight"):
        network(tools.write(tmp_path / "a.safetensors", weights))


def test_all_that_does_not_fit_is_in_one_error(tools: Any, tmp_path: Path) -> None:
    weights = dict(tools.unet("sd1").state_dict())
    del weights["time_embedding.linear_1.bias"]
    weights["down_blocks.0.strange.weight"] = torch.zeros(3)
    weights["time_embedding.linear_2.bias"] = torch.zeros(5)
    with pytest.raises(CheckpointError) as caught:
        network(tools.write(tmp_path / "a.safetensors", weights))
    text = str(caught.value)
    assert "a.safetensors: not a whole UNet2DConditionModel" in text
    assert "1 weights are missing, among them time_embedding.linear_1.bias" in text
    assert "1 have no place in it, among them down_blocks.0.strange.weight" in text
    assert "1 have another shape, among them time_embedding.linear_2.bias [5] and not [128]" in text


def test_a_number_format_that_is_not_read_is_told(tools: Any, tmp_path: Path) -> None:
    source = dict(tools.unet("sd2").state_dict())
    name = "down_blocks.0.attentions.0.proj_in.weight"
    source[name] = torch.zeros(32, 32, dtype=torch.uint8)
    path = tools.write(tmp_path / "a.safetensors", source)
    content = path.read_bytes()
    path.write_bytes(content.replace(b'"U8"', b'"X8"', 1))
    with pytest.raises(CheckpointError, match=rf"{name} is quantised as X8"):
        network(path)


def test_sharded_files_are_one(tools: Any, tmp_path: Path) -> None:
    source = tools.unet("sd1").state_dict()
    places = {name: f"part-{at % 3}.safetensors" for at, name in enumerate(source)}
    for file in set(places.values()):
        tools.write(tmp_path / file, {n: w for n, w in source.items() if places[n] == file})
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": places}), "utf-8")
    got = network(index).state_dict()
    for name, weight in source.items():
        assert torch.equal(got[name], weight), name


def test_building_draws_no_random_number(tools: Any, tmp_path: Path) -> None:
    path = tools.write(tmp_path / "a.safetensors", tools.unet("sd1").state_dict())
    before = torch.get_rng_state()
    network(path)
    assert torch.equal(torch.get_rng_state(), before)


def write_gguf(path: Path, weights: dict[str, torch.Tensor], method: str) -> Path:
    """Quantised by the gguf package itself; what has no rows of whole blocks stays float32."""
    import gguf

    kind = gguf.GGMLQuantizationType[method]
    writer = gguf.GGUFWriter(str(path), "sd1")
    for name, weight in weights.items():
        fits = weight.ndim == 2 and weight.shape[-1] % 32 == 0
        own = kind if fits else gguf.GGMLQuantizationType.F32
        writer.add_tensor(name, gguf.quants.quantize(weight.numpy(), own), raw_dtype=own)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.mark.parametrize(
    ("method", "tolerance"), [("F32", 0.0), ("F16", 1e-3), ("Q8_0", 1e-2), ("Q5_1", 0.06)]
)
def test_gguf(tools: Any, tmp_path: Path, method: str, tolerance: float) -> None:
    """The tolerance is of the largest weight of a tensor."""
    source = tools.unet("sd1").state_dict()
    path = write_gguf(tmp_path / "a.gguf", source, method)
    got = loading.load_model(path).network.state_dict()
    assert set(got) == set(source)
    for name, weight in source.items():
        limit = tolerance * float(weight.abs().max())
        assert_close(got[name], weight, rtol=0, atol=limit, msg=name)


def test_linear_layers_stay_quantised_and_compute_with_what_diffusers_makes_of_them(
    tools: Any, tmp_path: Path
) -> None:
    from diffusers.models.model_loading_utils import load_gguf_checkpoint
    from diffusers.quantizers.gguf.utils import dequantize_gguf_tensor

    source = tools.unet("sd2")
    weights = tools.original_unet(source.state_dict(), tools.small["sd2"])
    path = write_gguf(tmp_path / "a.gguf", weights, "Q4_0")
    got = loading.load_model(path).network
    layer = got.down_blocks[0].attentions[0].proj_in
    assert isinstance(layer, QuantisedLinear)
    assert layer.blocks.dtype == torch.uint8
    assert layer.blocks.untyped_storage().nbytes() == path.stat().st_size  # mapped
    tensors = [*got.parameters(), *got.buffers()]
    assert examine.part_bytes("diffusion_models", path) == sum(t.nbytes for t in tensors)
    expected = {n: dequantize_gguf_tensor(w) for n, w in load_gguf_checkpoint(path).items()}
    named = tools.original_unet(got.state_dict(), tools.small["sd2"])
    for name, weight in expected.items():
        assert torch.equal(named[name], weight.float()), name
    plain = copy.deepcopy(source)
    plain.load_state_dict(got.state_dict())
    x, text = torch.ones(1, 4, 8, 8), torch.ones(1, 7, 32)
    with torch.no_grad():
        assert_close(got(x, 9, text).sample, plain(x, 9, text).sample, rtol=1e-5, atol=1e-5)


def test_rows_of_a_joint_quantised_tensor_are_parted_as_they_are(
    tools: Any, tmp_path: Path
) -> None:
    """OpenCLIP's queries, keys and values lie in one; its projection is turned, which no rows
    of blocks can be: that becomes floats."""
    weights = tools.openclip(tools.text_encoder(projected=True, act="gelu").state_dict())
    kept = {n: w.contiguous() for n, w in weights.items() if w.ndim}
    clip = loading.load_clip(write_gguf(tmp_path / "a.gguf", kept, "Q8_0"), dtype="bfloat16")
    encoder = getattr(clip.encoder, "text_model", clip.encoder).encoder
    joint = weights["transformer.resblocks.0.attn.in_proj_weight"].chunk(3)
    attention = encoder.layers[0].self_attn
    for layer, expected in zip(
        (attention.q_proj, attention.k_proj, attention.v_proj), joint, strict=True
    ):
        assert isinstance(layer, QuantisedLinear)
        assert layer.weight.dtype == torch.bfloat16
        assert_close(layer.weight.float(), expected, rtol=0, atol=float(expected.abs().max()) / 60)
    assert type(clip.encoder.text_projection) is torch.nn.Linear


def test_a_quantised_layer_is_copied_moved_and_replaced(tools: Any, tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "a.gguf", tools.unet("sd2").state_dict(), "Q8_0")
    network = loading.load_model(path).network
    clone = clone_modules(network)
    layer = clone.down_blocks[0].attentions[0].proj_in
    base = network.down_blocks[0].attentions[0].proj_in
    assert layer.blocks is base.blocks
    layer.weight = torch.nn.Parameter(torch.zeros(32, 32), requires_grad=False)
    assert not layer.weight.any()
    assert base.weight.any()
    assert "weight" in layer.state_dict()
    assert base.to("meta").blocks.is_meta


def test_nan_in_quantised_blocks_is_seen(tools: Any, tmp_path: Path) -> None:
    weights = dict(tools.unet("sd2").state_dict())
    name = "down_blocks.0.attentions.0.proj_in.weight"
    weights[name] = torch.full((32, 32), torch.inf)
    with (
        np.errstate(all="ignore"),
        pytest.raises(CheckpointError, match=rf"{name} holds NaN or inf"),
    ):
        loading.load_model(write_gguf(tmp_path / "a.gguf", weights, "Q8_0"))


def test_gguf_cut_short_is_told(tools: Any, tmp_path: Path) -> None:
    import gguf

    writer = gguf.GGUFWriter(str(tmp_path / "a.gguf"), "sd1")
    writer.add_tensor("x", torch.zeros(64).numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    path = tmp_path / "a.gguf"
    path.write_bytes(path.read_bytes()[:-32])
    with pytest.raises(CheckpointError, match=r"a\.gguf is cut short"):
        read_header(path)


def test_gguf_without_its_package_says_what_to_install(
    tools: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    from nodes.diffusion.checkpoints.header import TensorInfo
    from nodes.diffusion.checkpoints.quantised import dequantise

    monkeypatch.setitem(sys.modules, "gguf", None)
    info = TensorInfo("Q8_0", (32,), tmp_path / "a.gguf", 0, 34)
    with pytest.raises(
        CheckpointError, match=r"a\.gguf is quantised.*pip install 'nodeflow\[gguf\]'"
    ):
        dequantise(torch.zeros(34, dtype=torch.uint8), info, "x")
