"""IP-Adapters against diffusers' pipelines with the same adapter loaded, on tiny random weights.

Tolerance 1e-4 in float32 on latents: rounding of a few 1e-7 per operation, carried over the steps.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.testing import assert_close

import small
from nodeflow.context import RunContext
from nodeflow.errors import InputError
from nodes import ip_adapter, model_files
from nodes import model as nodes_model
from nodes.diffusion import attention, schedules
from nodes.diffusion.checkpoint_files import CheckpointError
from nodes.diffusion.prediction import in_one_batch, predict_epsilons
from nodes.types import Conditioning, ImageEmbedding, IpAdapter, Latent, Mask, Model
from small import POOLED, SCALE, SD, WIDTH, normal, text

pytestmark = small.OLD_NUMPY

HIDDEN, STEPS = 20, 4
STEP = schedules.step_list(schedules.normal(SD, 10))[3]


XL = small.told_sizes(8)


def projection(kind: str) -> dict[str, Tensor]:
    """The part of an adapter's file that makes tokens of an embedding."""
    numbers = iter(range(100, 200))

    def some(*shape: int) -> Tensor:
        return 0.3 * normal(next(numbers), *shape)

    if kind == "plain":
        found = {"proj.weight": some(4 * WIDTH, POOLED), "proj.bias": some(4 * WIDTH)}
        return {**found, "norm.weight": 1 + some(WIDTH), "norm.bias": some(WIDTH)}
    if kind == "face":
        found = {"proj.0.weight": some(HIDDEN, HIDDEN), "proj.0.bias": some(HIDDEN)}
        found |= {"proj.2.weight": some(WIDTH, HIDDEN), "proj.2.bias": some(WIDTH)}
        return {**found, "proj.3.weight": 1 + some(WIDTH), "proj.3.bias": some(WIDTH)}
    inner, heads = 24, 64
    found = {"latents": some(1, 5, inner), "norm_out.weight": 1 + some(WIDTH)}
    found |= {"proj_in.weight": some(inner, HIDDEN), "proj_in.bias": some(inner)}
    found |= {"proj_out.weight": some(WIDTH, inner), "proj_out.bias": some(WIDTH)}
    found |= {"norm_out.bias": some(WIDTH)}
    for k in range(4):  # as many as the published ones have
        for norm in ("norm1", "norm2"):
            found[f"layers.{k}.0.{norm}.weight"] = 1 + some(inner)
            found[f"layers.{k}.0.{norm}.bias"] = some(inner)
        found[f"layers.{k}.0.to_q.weight"] = some(heads, inner)
        found[f"layers.{k}.0.to_kv.weight"] = some(2 * heads, inner)
        found[f"layers.{k}.0.to_out.weight"] = some(inner, heads)
        found[f"layers.{k}.1.0.weight"] = 1 + some(inner)
        found[f"layers.{k}.1.0.bias"] = some(inner)
        found[f"layers.{k}.1.1.weight"] = some(4 * inner, inner)
        found[f"layers.{k}.1.3.weight"] = some(inner, 4 * inner)
    return found


def layers(unet: Any, seed: int) -> dict[str, Tensor]:
    """The part that attends: keys and values, numbered 1, 3, 5 … in diffusers' order."""
    found = {}
    places = [n for n in unet.attn_processors if n.endswith("attn2.processor")]
    for k, place in enumerate(places):
        channels = unet.get_submodule(place.removesuffix(".processor")).to_k.out_features
        found[f"{2 * k + 1}.to_k_ip.weight"] = 0.5 * normal(seed + 2 * k, channels, WIDTH)
        found[f"{2 * k + 1}.to_v_ip.weight"] = 0.5 * normal(seed + 2 * k + 1, channels, WIDTH)
    return found


def write(path: Path, unet: Any, kind: str = "plain", seed: int = 300) -> Path:
    parts = {"image_proj": projection(kind), "ip_adapter": layers(unet, seed)}
    flat = {f"{part}.{name}": t for part, state in parts.items() for name, t in state.items()}
    save_file(flat, path)
    return path


def load(path: Path) -> IpAdapter:
    return ip_adapter.load(str(path), ctx=RunContext())


@pytest.fixture
def adapter(tmp_path: Path) -> IpAdapter:
    return load(write(tmp_path / "a.safetensors", small.unet()))


def embedding(seed: int = 1, batch: int = 1) -> ImageEmbedding:
    return ImageEmbedding(
        normal(seed, batch, POOLED), normal(seed + 1, batch, 7, HIDDEN), normal(9, 1, 7, HIDDEN)
    )


POSITIVE, NEGATIVE = text(1), text(2)
NOISE = normal(3, 1, 4, 8, 12)


def pipeline(unet: Any, xl: bool) -> Any:
    from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import (
        StableDiffusionPipeline,
    )
    from diffusers.pipelines.stable_diffusion_xl.pipeline_stable_diffusion_xl import (
        StableDiffusionXLPipeline,
    )

    cls = StableDiffusionXLPipeline if xl else StableDiffusionPipeline
    parts = {"vae": small.autoencoder(), "scheduler": small.euler_scheduler()}
    return small.pipeline(cls, unet=unet, **parts)


def theirs(
    state: dict[str, Any], strength: float, given: ImageEmbedding, kind: str, xl: bool
) -> Tensor:
    unet = small.unet(**XL) if xl else small.unet()
    unet._load_ip_adapter_weights([state], low_cpu_mem_usage=False)
    pipe = pipeline(unet, xl)
    pipe.set_ip_adapter_scale(strength)
    plain = kind == "plain"
    wanted = given.pooled if plain else given.hidden
    blank = torch.zeros_like(given.pooled) if plain else given.blank
    more = {}
    if xl:
        more["pooled_prompt_embeds"] = POSITIVE.pooled
        more["negative_pooled_prompt_embeds"] = NEGATIVE.pooled
    images: Tensor = pipe(
        prompt_embeds=POSITIVE.embeddings,
        negative_prompt_embeds=NEGATIVE.embeddings,
        ip_adapter_image_embeds=[torch.cat([blank, wanted])[:, None]],
        latents=NOISE.clone(),
        num_inference_steps=STEPS,
        guidance_scale=SCALE,
        output_type="latent",
        height=64,
        width=96,
        **more,
    ).images
    return images


def run(model: Model, positive: Conditioning, negative: Conditioning) -> Tensor:
    levels = schedules.at_timesteps(SD, schedules.trailing_timesteps(1000, STEPS))
    return small.run(model, NOISE * levels.values[0], levels, positive, negative)


@pytest.mark.parametrize("xl", [False, True], ids=["1", "xl"])
@pytest.mark.parametrize("kind", ["plain", "plus", "face"])
def test_apply_pair_run_is_the_pipeline_s(kind: str, xl: bool, tmp_path: Path) -> None:
    unet = small.unet(**XL) if xl else small.unet()
    found = load(write(tmp_path / "adapter.safetensors", unet, kind))
    model = ip_adapter.attach(Model(unet, SD, family="sdxl" if xl else "sd1"), found)
    pair = ip_adapter.apply_pair(POSITIVE, NEGATIVE, found, embedding(), 0.6)
    got = run(model, pair.cond, pair.uncond)
    state = {"image_proj": projection(kind), "ip_adapter": layers(unet, 300)}
    expected = theirs(state, 0.6, embedding(), kind, xl)
    assert_close(got, expected, rtol=1e-4, atol=1e-4)
    assert (got - run(model, POSITIVE, NEGATIVE)).abs().max() > 0.01


def predict(model: Model, given: Conditioning, x: Tensor = NOISE) -> Tensor:
    return nodes_model.predict_noise(model, Latent(x), STEP, given).samples


def test_attach_leaves_the_model_and_texts_without_picture(adapter: IpAdapter) -> None:
    base = Model(small.unet(), SD)
    model = ip_adapter.attach(base, adapter)
    assert torch.equal(predict(model, POSITIVE), predict(base, POSITIVE))
    pictured = ip_adapter.apply(POSITIVE, adapter, embedding())
    assert not torch.equal(predict(model, pictured), predict(model, POSITIVE))
    with pytest.raises(InputError, match=r"conditioning: .*ip_adapter\.attach"):
        predict(base, pictured)
    shared = {p.data_ptr() for p in base.network.parameters()}
    own = [p for n, p in model.network.named_parameters() if "image_attention" not in n]
    assert {p.data_ptr() for p in own} == shared


def test_attach_takes_several(tmp_path: Path, adapter: IpAdapter) -> None:
    other = load(write(tmp_path / "b.safetensors", small.unet(), "plus", seed=400))
    base = Model(small.unet(), SD)
    one = ip_adapter.attach(base, adapter)
    both = ip_adapter.attach(one, other)
    pictured = ip_adapter.apply(POSITIVE, adapter, embedding(), 0.7)
    assert torch.equal(predict(both, pictured), predict(one, pictured))
    twice = ip_adapter.apply(pictured, other, embedding(4), 0.5)
    assert not torch.equal(predict(both, twice), predict(both, pictured))
    with pytest.raises(InputError, match=r"conditioning: .*ip_adapter\.attach"):
        predict(one, twice)


def test_attach_and_other_patches_go_in_any_order(adapter: IpAdapter) -> None:
    base = Model(small.unet(), SD)
    pictured = ip_adapter.apply(POSITIVE, adapter, embedding(), 0.7)

    def patched(model: Model) -> Model:
        return replace(model, network=attention.with_identity(model.network, "all"))

    first = predict(ip_adapter.attach(patched(base), adapter), pictured)
    last = predict(patched(ip_adapter.attach(base, adapter)), pictured)
    assert torch.equal(first, last)
    assert not torch.equal(first, predict(ip_adapter.attach(base, adapter), pictured))


def test_attach_refuses_another_family(adapter: IpAdapter) -> None:
    wide = Model(small.unet(cross_attention_dim=24), SD, family="sdxl")
    with pytest.raises(
        InputError, match=r"family sd1: .* width 16, the model 4 of 24.*family sdxl"
    ):
        ip_adapter.attach(wide, adapter)


def test_apply_adds_up_linearly_in_strength(adapter: IpAdapter) -> None:
    """Two of 0.3 are one of 0.6: attention to the picture is added, not mixed."""
    model = ip_adapter.attach(Model(small.unet(), SD), adapter)
    once = ip_adapter.apply(POSITIVE, adapter, embedding(), 0.6)
    half = ip_adapter.apply(POSITIVE, adapter, embedding(), 0.3)
    twice = ip_adapter.apply(half, adapter, embedding(), 0.3)
    assert_close(predict(model, once), predict(model, twice), rtol=1e-5, atol=1e-6)
    none = ip_adapter.apply(POSITIVE, adapter, embedding(), 0.0)
    assert_close(predict(model, none), predict(model, POSITIVE), rtol=1e-6, atol=1e-6)


def test_apply_holds_between_start_and_end(adapter: IpAdapter) -> None:
    model = ip_adapter.attach(Model(small.unet(), SD), adapter)
    always = ip_adapter.apply(POSITIVE, adapter, embedding())
    part = ip_adapter.apply(POSITIVE, adapter, embedding(), 1.0, 0.2, 0.5)
    for step in schedules.step_list(schedules.normal(SD, 10)):
        (got,) = predict_epsilons(model, NOISE, step, [part])
        inside = 200 < 1000 - step.timestep <= 500
        (expected,) = predict_epsilons(model, NOISE, step, [always if inside else POSITIVE])
        assert torch.equal(got, expected)
    with pytest.raises(InputError, match="at most end"):
        ip_adapter.apply(POSITIVE, adapter, embedding(), 1.0, 0.6, 0.5)


def test_apply_reaches_every_text(adapter: IpAdapter) -> None:
    several = replace(POSITIVE, more=(text(5), text(6)))
    found = ip_adapter.apply(several, adapter, embedding())
    assert [t.extra("image_prompts") is not None for t in (found, *found.more)] == [True] * 3


def test_apply_gives_each_picture_of_a_batch_its_own(adapter: IpAdapter) -> None:
    model = ip_adapter.attach(Model(small.unet(), SD), adapter)
    both, x = embedding(1, batch=2), normal(8, 2, 4, 8, 12)
    pictured = ip_adapter.apply(POSITIVE, adapter, both)
    got = predict(model, pictured, x)
    (batch,) = in_one_batch(model, x, STEP, [pictured])
    assert_close(got, batch, rtol=1e-4, atol=1e-5)
    for k in range(2):
        one = ImageEmbedding(both.pooled[k : k + 1], both.hidden[k : k + 1], both.blank)
        alone = predict(model, ip_adapter.apply(POSITIVE, adapter, one), x[k : k + 1])
        assert torch.equal(got[k : k + 1], alone)


def test_apply_refuses_the_embedding_of_another_encoder(adapter: IpAdapter) -> None:
    wrong = replace(embedding(), pooled=normal(1, 1, POOLED + 1))
    with pytest.raises(InputError, match="width 13, the adapter reads 12"):
        ip_adapter.apply(POSITIVE, adapter, wrong)


def test_apply_masked_everywhere_is_apply(adapter: IpAdapter) -> None:
    model = ip_adapter.attach(Model(small.unet(), SD), adapter)
    everywhere = Mask(torch.ones(1, 64, 96))
    masked = ip_adapter.apply_masked(POSITIVE, adapter, embedding(), everywhere, 0.8)
    plain = ip_adapter.apply(POSITIVE, adapter, embedding(), 0.8)
    assert_close(predict(model, masked), predict(model, plain), rtol=1e-6, atol=1e-6)
    nowhere = Mask(torch.zeros(1, 64, 96))
    masked = ip_adapter.apply_masked(POSITIVE, adapter, embedding(), nowhere, 0.8)
    assert_close(predict(model, masked), predict(model, POSITIVE), rtol=1e-6, atol=1e-6)


def test_apply_masked_counts_where_the_mask_is(adapter: IpAdapter) -> None:
    """By a hook on the first layer that attends: places outside are as without a picture."""
    base = Model(small.unet(), SD)
    model = ip_adapter.attach(base, adapter)
    module = model.network.down_blocks[1].attentions[0].transformer_blocks[0].attn2
    seen: list[Tensor] = []
    handle = module.register_forward_hook(lambda m, args, output: seen.append(output))
    left = torch.zeros(1, 64, 96)
    left[..., :48] = 1
    predict(model, ip_adapter.apply_masked(POSITIVE, adapter, embedding(), Mask(left)))
    predict(model, POSITIVE)
    handle.remove()
    masked, bare = (output.unflatten(1, (4, 6)) for output in seen)
    assert torch.equal(masked[:, :, 3:], bare[:, :, 3:])
    assert (masked[:, :, :3] - bare[:, :, :3]).abs().min(dim=-1).values.max() > 1e-3


def test_apply_blank_is_apply_of_a_zero_embedding(adapter: IpAdapter) -> None:
    model = ip_adapter.attach(Model(small.unet(), SD), adapter)
    zeros = replace(embedding(), pooled=torch.zeros(1, POOLED))
    got = ip_adapter.apply_blank(POSITIVE, adapter, embedding(), 0.7)
    expected = ip_adapter.apply(POSITIVE, adapter, zeros, 0.7)
    assert torch.equal(predict(model, got), predict(model, expected))


def test_load_finds_a_file_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ipadapter").mkdir()
    write(tmp_path / "ipadapter" / "plus.safetensors", small.unet(), "plus")
    monkeypatch.setenv(model_files.ENVIRONMENT, str(tmp_path))
    found = ip_adapter.load("plus", ctx=RunContext())
    assert (found.reads, len(found.keys)) == ("hidden", 4)
    assert found.name == load(tmp_path / "ipadapter" / "plus.safetensors").name


def test_load_tells_adapters_apart(tmp_path: Path) -> None:
    names = {
        load(write(tmp_path / f"{seed}.safetensors", small.unet(), seed=seed)).name
        for seed in (300, 400)
    }
    assert len(names) == 2


def test_load_refuses_what_is_none(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    save_file({"a.lora_up.weight": torch.zeros(2, 2)}, path)
    with pytest.raises(CheckpointError, match=r"x\.safetensors: expected an IP-Adapter.*a LoRA"):
        load(path)
    face = {"image_proj.proj.0.weight": torch.zeros(4, 4), "image_proj.norm.weight": torch.ones(4)}
    face |= {"image_proj.proj.2.weight": torch.zeros(4, 4)}
    save_file({**face, "ip_adapter.1.to_k_ip.weight": torch.zeros(4, 4)}, path)
    with pytest.raises(CheckpointError, match="a FaceID one"):
        load(path)
    save_file({"image_proj.latents": torch.zeros(1), "ip_adapter.1.x": torch.zeros(1)}, path)
    with pytest.raises(CheckpointError, match="found it damaged"):
        load(path)
