"""LoRA nodes on real components of a few channels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from nodeflow.context import RunContext
from nodeflow.errors import InputError
from nodes import lora, model
from nodes.diffusion.adapters.lora_keys import LoraError, parse
from nodes.diffusion.checkpoint_files import CheckpointError
from nodes.types import Clip, Conditioning, Latent, Lora, Model, Step

PATHS = (
    "mid_block.attentions.0.transformer_blocks.0.attn2.to_k",
    "mid_block.attentions.0.transformer_blocks.0.attn1.to_q",
    "down_blocks.1.attentions.0.proj_in",
    "up_blocks.0.resnets.0.conv1",
)
ENCODER = ("encoder.layers.0.self_attn.q_proj", "encoder.layers.2.mlp.fc1")


def draw(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def tensors_for(network: Any, paths: tuple[str, ...], prefix: str, seed: int) -> dict[str, Tensor]:
    found = {}
    for number, path in enumerate(paths, start=10 * seed):
        weight = network.get_submodule(path).weight
        name = prefix + path.replace(".", "_")
        found[f"{name}.lora_down.weight"] = 0.3 * draw(2, *weight.shape[1:], seed=number)
        ones = [1] * (weight.ndim - 2)
        found[f"{name}.lora_up.weight"] = 0.3 * draw(len(weight), 2, *ones, seed=number + 500)
        found[f"{name}.alpha"] = torch.tensor(1.0)
    return found


def file_of(model: Model, clip: Clip, seed: int = 1) -> dict[str, Tensor]:
    encoder = clip.encoder
    paths = ENCODER if hasattr(encoder, "encoder") else tuple(f"text_model.{p}" for p in ENCODER)
    tensors = tensors_for(model.network, PATHS, "lora_unet_", seed)
    encoders = tensors_for(encoder, paths, "lora_te_", seed)
    renamed = {
        k.replace("lora_te_encoder", "lora_te_text_model_encoder"): v for k, v in encoders.items()
    }
    return {**tensors, **renamed}


@pytest.fixture
def one(model: Model, clip: Clip) -> Lora:
    return parse("one", file_of(model, clip), {})


@pytest.fixture
def two(model: Model, clip: Clip) -> Lora:
    return parse("two", file_of(model, clip, seed=2), {})


def ask(asked: Model) -> Tensor:
    """What moves a fixed latent under a fixed text."""
    conditioning = Conditioning(3 * draw(1, 7, 16, seed=3))
    step = Step(0, 10, 2.0, 1.5, 400.0, 300.0)
    return model.predict_noise(asked, Latent(draw(1, 4, 8, 8, seed=4)), step, conditioning).samples


def read(clip: Clip) -> Tensor:
    with torch.no_grad():
        return clip.encoder(torch.arange(77)[None])[0]  # type: ignore[no-any-return]


def test_load_reads_what_was_written(model: Model, clip: Clip, tmp_path: Path) -> None:
    tensors = file_of(model, clip)
    save_file(tensors, tmp_path / "mine.safetensors", {"ss_tag": "x"})
    loaded = lora.load(str(tmp_path / "mine.safetensors"))
    assert loaded.metadata == {"ss_tag": "x"}
    assert len(loaded.layers) == len(tensors) // 3
    assert {layer.scale for layer in loaded.layers} == {0.5}


def test_load_finds_by_name(
    model: Model, clip: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "loras").mkdir()
    save_file(file_of(model, clip), tmp_path / "loras" / "mine.safetensors")
    monkeypatch.setenv("NODEFLOW_MODELS", str(tmp_path))
    assert lora.load("mine").layers
    with pytest.raises(FileNotFoundError, match="Did you mean 'mine"):
        lora.load("mime")


def test_load_says_what_is_wrong_with_a_file(model: Model, clip: Clip, tmp_path: Path) -> None:
    tensors, path = file_of(model, clip), tmp_path / "a.safetensors"
    save_file(tensors, path)
    whole = path.read_bytes()
    for damaged in (whole[:-100], whole[:50], b""):
        path.write_bytes(damaged)
        with pytest.raises(CheckpointError, match=r"a\.safetensors"):
            lora.load(str(path))
    name = next(iter(tensors))
    save_file({**tensors, name: torch.full_like(tensors[name], float("nan"))}, path)
    with pytest.raises(LoraError, match=rf"a\.safetensors: {name} holds numbers .* not finite"):
        lora.load(str(path))
    save_file({"conv_in.weight": torch.ones(3)}, path)
    with pytest.raises(LoraError, match=r"holds no LoRA: its tensors are conv_in\.weight"):
        lora.load(str(path))
    pickle = tmp_path / "a.pt"
    pickle.write_bytes(b"PK")
    with pytest.raises(LoraError, match=r"models convert a\.pt"):
        lora.load(str(pickle))


def test_apply_adds_up_times_down(model: Model, clip: Clip, one: Lora) -> None:
    """W x + strength alpha/rank up (down x), and nothing else of the model."""
    applied = lora.apply(model, clip, one, 0.6, 0.5)
    path = PATHS[0]
    base, changed = (m.network.get_submodule(path) for m in (model, applied.model))
    tensors = file_of(model, clip)
    name = "lora_unet_" + path.replace(".", "_")
    product = tensors[f"{name}.lora_up.weight"] @ tensors[f"{name}.lora_down.weight"]
    x = draw(5, 16, seed=8)
    torch.testing.assert_close(changed(x), base(x) + 0.6 * 0.5 * x @ product.T)
    assert applied.unused == []
    assert not torch.equal(read(applied.clip), read(clip))


def test_apply_leaves_the_base_as_it_is(model: Model, clip: Clip, one: Lora) -> None:
    """Two branches of a graph, with and without: both right, the weights in memory once."""
    weights = {name: weight.clone() for name, weight in model.network.state_dict().items()}
    plain, text = ask(model), read(clip)
    applied = lora.apply(model, clip, one)
    with_it = ask(applied.model)
    assert torch.equal(ask(model), plain)
    assert torch.equal(ask(applied.model), with_it)
    assert torch.equal(read(clip), text)
    assert (with_it - plain).abs().max() > 0.005
    for name, weight in model.network.state_dict().items():
        assert torch.equal(weight, weights[name])
    own = {p.data_ptr() for p in model.network.parameters()}
    new = [p for p in applied.model.network.parameters() if p.data_ptr() not in own]
    assert sum(p.numel() for p in new) == sum(
        tensor.numel() for layer in one.layers[: len(PATHS)] for tensor in layer.factors.values()
    )


def test_apply_at_strength_zero_is_the_base(model: Model, clip: Clip, one: Lora) -> None:
    applied = lora.apply(model, clip, one, 0.0, 0.0)
    assert applied.model is model
    assert applied.clip is clip


def test_apply_twice_adds_up_in_any_order(model: Model, clip: Clip, one: Lora, two: Lora) -> None:
    first = lora.apply(model, clip, one, 0.7, 0.3)
    both = lora.apply(first.model, first.clip, two, -0.4, 0.9)
    other = lora.apply(model, clip, two, -0.4, 0.9)
    swapped = lora.apply(other.model, other.clip, one, 0.7, 0.3)
    torch.testing.assert_close(ask(both.model), ask(swapped.model), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(read(both.clip), read(swapped.clip), rtol=1e-5, atol=1e-5)
    back = lora.apply_model_only(both.model, two, 0.4)  # what was added is taken away again
    torch.testing.assert_close(ask(back.model), ask(first.model), rtol=1e-5, atol=1e-5)


def test_apply_names_what_is_unused(model: Model, clip: Clip) -> None:
    tensors = file_of(model, clip)
    for end in ("lora_down.weight", "lora_up.weight"):
        tensors[f"lora_unet_down_blocks_7_proj_in.{end}"] = torch.ones(2, 2)
    tensors["bundle_emb.sks.string_to_param.*"] = torch.ones(2, 2)
    tensors["lora_unet_conv_in.alpha"] = torch.ones(())  # of nothing
    applied = lora.apply(model, clip, parse("a", tensors, {}))
    assert applied.unused == ["lora_unet_down_blocks_7_proj_in", "bundle_emb.sks.string_to_param.*"]


def test_load_refuses_what_is_mostly_unknown() -> None:
    tensors = {"lora_unet_a.diff": torch.ones(2)}
    tensors |= {f"lora_unet_{k}.oft_blocks": torch.ones(2, 2) for k in "bcd"}
    with pytest.raises(LoraError, match=r"3 of its 4 tensors are no known .* lora_unet_b\.oft"):
        parse("oft", tensors, {})


def test_apply_refuses_another_family(model: Model, clip: Clip, one: Lora) -> None:
    flux = {
        f"lora_unet_double_blocks_0_img_attn_qkv.{end}": torch.ones(2, 2)
        for end in ("lora_down.weight", "lora_up.weight")
    }
    with pytest.raises(InputError, match=r"1 of its 1 layers are not in .* looks like .* Flux"):
        lora.apply(model, clip, parse("flux.safetensors", flux, {}))
    wide = {
        k: torch.ones(2, 99) if "to_k.lora_down" in k else v
        for k, v in file_of(model, clip).items()
    }
    with pytest.raises(InputError, match=r"to_k has \[16, 99\], where .*to_k takes \[16, 16\]"):
        lora.apply(model, clip, parse("wide.safetensors", wide, {}))


def test_apply_model_only_leaves_the_texts_out(model: Model, clip: Clip, one: Lora) -> None:
    alone = lora.apply_model_only(model, one, 0.8)
    assert torch.equal(ask(alone.model), ask(lora.apply(model, clip, one, 0.8).model))
    assert alone.unused == []
    assert lora.apply_model_only(model, one, 0.0).model is model


def test_apply_blocks_weighs_each_block(model: Model, one: Lora) -> None:
    """Everywhere 0 is the base, everywhere 1 the whole; a block alone changes its layers alone."""
    nothing = lora.apply_blocks(model, one, "*=0")
    assert nothing.model is model
    whole = lora.apply_blocks(model, one, "*=1", 0.8)
    assert torch.equal(ask(whole.model), ask(lora.apply_model_only(model, one, 0.8).model))
    middle = lora.apply_blocks(model, one, "*=0, M00=0.5").model.network
    changed = [p for p in PATHS if hasattr(middle.get_submodule(p), "deltas")]
    assert changed == [p for p in PATHS if p.startswith("mid_block")]
    x = draw(5, 16, seed=8)
    half = lora.apply_model_only(model, one, 0.5).model.network.get_submodule(PATHS[0])
    assert torch.equal(middle.get_submodule(PATHS[0])(x), half(x))


def test_apply_blocks_names_the_blocks_there_are(model: Model, one: Lora) -> None:
    with pytest.raises(InputError, match=r"weights: got 'IN77', .* BASE, IN00, IN01"):
        lora.apply_blocks(model, one, "IN77=1")
    with pytest.raises(InputError, match=r"3 numbers, where this model has 10 \(BASE, .* or 5 \("):
        lora.apply_blocks(model, one, "1,1,1")


def test_stack_adds_several_at_once(model: Model, clip: Clip, one: Lora, two: Lora) -> None:
    together = lora.stack(model, clip, [one, two], [0.7, -0.4], [0.3, 0.9])
    first = lora.apply(model, clip, one, 0.7, 0.3)
    both = lora.apply(first.model, first.clip, two, -0.4, 0.9)
    assert torch.equal(ask(together.model), ask(both.model))
    assert torch.equal(read(together.clip), read(both.clip))
    single = lora.stack(model, clip, [one, two], [0.5], [0.5])
    assert torch.equal(
        ask(single.model), ask(lora.stack(model, clip, [one, two], [0.5] * 2, [0.5]).model)
    )
    assert lora.stack(model, clip, [], [1.0], [1.0]).model is model
    with pytest.raises(InputError, match="strengths_clip: got 3 strengths, expected 2, one for"):
        lora.stack(model, clip, [one, two], [1.0], [1.0] * 3)


def test_merge_answers_as_before(model: Model, clip: Clip, one: Lora, two: Lora) -> None:
    laid = lora.stack(model, clip, [one, two], [0.7, 0.4], [1.0])
    merged = lora.merge(laid.model)
    torch.testing.assert_close(ask(merged), ask(laid.model), rtol=1e-5, atol=1e-5)
    base, plain = model.network.state_dict(), merged.network.state_dict()
    assert list(plain) == list(base)
    changed = [name for name in base if plain[name].data_ptr() != base[name].data_ptr()]
    assert sorted(changed) == sorted(f"{path}.weight" for path in PATHS)
    assert lora.merge(model).network is model.network


def test_merge_clip_answers_as_before(model: Model, clip: Clip, one: Lora) -> None:
    laid = lora.apply(model, clip, one)
    merged = lora.merge_clip(laid.clip)
    torch.testing.assert_close(read(merged), read(laid.clip), rtol=1e-5, atol=1e-5)
    assert list(merged.encoder.state_dict()) == list(clip.encoder.state_dict())
    assert lora.merge_clip(clip) is clip


def test_extract_at_full_rank_is_the_difference(
    model: Model, clip: Clip, one: Lora, ctx: RunContext
) -> None:
    tuned = lora.apply(model, clip, one)
    found = lora.extract(tuned.model, model, 64, tuned.clip, clip, ctx=ctx)
    again = lora.apply(model, clip, found)
    torch.testing.assert_close(ask(again.model), ask(tuned.model), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(read(again.clip), read(tuned.clip), rtol=1e-4, atol=1e-5)
    assert again.unused == []


def test_extract_takes_the_first_singular_vectors(
    model: Model, clip: Clip, one: Lora, ctx: RunContext
) -> None:
    """Of rank 1, no more is lost than the smaller singular values; rank 2 is all there is."""
    tuned = lora.apply_model_only(model, one).model
    layer = lora.extract(tuned, model, 1, ctx=ctx).layers[0]
    path = layer.place.removeprefix("unet.")
    plain = lora.merge(tuned).network
    change = (plain.get_submodule(path).weight - model.network.get_submodule(path).weight).flatten(
        1
    )
    product = layer.factors["up"].flatten(1) @ layer.factors["down"].flatten(1)
    values = torch.linalg.svdvals(change)
    torch.testing.assert_close((change - product).norm(), values[1:].norm(), rtol=1e-4, atol=1e-6)


def test_extract_says_what_it_lacks(
    model: Model, clip: Clip, denoiser: Model, ctx: RunContext
) -> None:
    with pytest.raises(InputError, match="tuned: got a model with the weights of `base`"):
        lora.extract(model, model, 4, ctx=ctx)
    with pytest.raises(InputError, match="base_clip: got nothing"):
        lora.extract(denoiser, model, 4, clip, ctx=ctx)


def test_save_is_what_loads(model: Model, clip: Clip, one: Lora, tmp_path: Path) -> None:
    ctx = RunContext(output_dir=tmp_path)
    path = lora.save(one, "loras/mine", "float32", ctx=ctx)
    assert Path(path) == tmp_path / "loras" / "mine.safetensors"
    first, again = (lora.apply(model, clip, each) for each in (one, lora.load(path)))
    assert torch.equal(ask(again.model), ask(first.model))
    assert torch.equal(read(again.clip), read(first.clip))
    half = lora.load(lora.save(one, "half", "float16", ctx=ctx))
    assert {t.dtype for layer in half.layers for t in layer.factors.values()} == {torch.float16}
    torch.testing.assert_close(
        ask(lora.apply(model, clip, half).model), ask(first.model), rtol=2e-3, atol=2e-3
    )
    with pytest.raises(InputError, match="a name for the file"):
        lora.save(one, "", ctx=ctx)


def test_info_tells_kind_rank_and_words(model: Model, clip: Clip) -> None:
    tags = '{"10_cats": {"cat": 30, "blue": 5}, "5_more": {"cat": 2, "red": 9}}'
    told = lora.info(parse("mine", file_of(model, clip), {"ss_tag_frequency": tags}))
    assert (told.kind, told.rank) == ("LoCon", 2)  # one of its layers is a 3 x 3 convolution
    assert told.trigger_words == ["cat", "red", "blue"]
    assert "4 layers of the denoiser, 2 of text encoders" in told.text
    named = parse("mine", file_of(model, clip), {"modelspec.trigger_phrase": "sks, style"})
    assert lora.info(named).trigger_words == ["sks", "style"]
