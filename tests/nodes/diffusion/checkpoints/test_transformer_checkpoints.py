"""Whole checkpoints of the transformer families: folders that diffusers saved, and single files.

What is loaded encodes prompts as diffusers' pipeline does, to 1e-5 in float32, and makes the same
pictures, to 1e-4.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch.testing import assert_close

from nodeflow.context import RunContext
from nodeflow.errors import InputError
from nodes import class_label, distilled, latent, load, noise, sampler, schedule, text, vae
from nodes.diffusion import loading, schedules
from nodes.diffusion.checkpoint_files import CheckpointError
from nodes.types import BetaSchedule, Clip, Conditioning, FlowSchedule, Model, Sigmas, Vae
from small import seeded

pytestmark = pytest.mark.filterwarnings(
    # diffusers hands tensors to NumPy in the old way, which NumPy 2 remarks on.
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)

PROMPT, OTHER = "A red circle, on blue", "nothing"
WIDTH, WORDS = 24, 49408
CLIP_TOKENIZER = Path(load.__file__).parent / "models" / "tiny" / "tokenizer"
T5_TOKENIZER = Path(__file__).parents[2] / "fixtures" / "t5"


def random_weights(network: Any, seed: int) -> Any:
    generator = torch.Generator().manual_seed(seed)
    for parameter in network.parameters():
        parameter.data.normal_(0, 0.2, generator=generator)
    return network.eval()


def clip(projected: bool, width: int = 8) -> Any:
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    config = CLIPTextConfig(
        vocab_size=WORDS,
        hidden_size=width,
        intermediate_size=16,
        num_hidden_layers=3,
        num_attention_heads=1,
        projection_dim=width,
        bos_token_id=49406,
        eos_token_id=49407,
        hidden_act="quick_gelu" if width == 8 else "gelu",
    )
    cls = CLIPTextModelWithProjection if projected else CLIPTextModel
    with seeded(width):
        return random_weights(cls(config), width)


def t5(kind: str = "T5") -> Any:
    import transformers

    config = getattr(transformers, f"{kind}Config")(
        vocab_size=200,
        d_model=WIDTH,
        d_kv=4,
        d_ff=16,
        num_layers=2,
        num_heads=2,
        feed_forward_proj="gated-gelu",
    )
    with seeded(5):
        return random_weights(getattr(transformers, f"{kind}EncoderModel")(config), 5)


def clip_tokenizer(pad: str = "<|endoftext|>") -> Any:
    from transformers import CLIPTokenizer

    return CLIPTokenizer.from_pretrained(str(CLIP_TOKENIZER), pad_token=pad)


def t5_tokenizer() -> Any:
    from transformers import T5TokenizerFast

    return T5TokenizerFast.from_pretrained(str(T5_TOKENIZER))


def autoencoder(channels: int, **config: Any) -> Any:
    from diffusers import AutoencoderKL

    with seeded(6):
        return AutoencoderKL(
            block_out_channels=(32, 32, 32, 32),
            latent_channels=channels,
            layers_per_block=1,
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            **config,
        ).eval()


def sd3_transformer() -> Any:
    from diffusers import SD3Transformer2DModel

    return random_weights(
        SD3Transformer2DModel(
            in_channels=16,
            out_channels=16,
            num_layers=2,
            attention_head_dim=8,
            num_attention_heads=2,
            joint_attention_dim=WIDTH,
            caption_projection_dim=16,
            pooled_projection_dim=20,
            pos_embed_max_size=8,
            qk_norm="rms_norm",
        ),
        1,
    )


def flux_transformer() -> Any:
    from diffusers import FluxTransformer2DModel

    return random_weights(
        FluxTransformer2DModel(
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=WIDTH,
            pooled_projection_dim=8,
            guidance_embeds=True,
            axes_dims_rope=(4, 6, 6),
        ),
        2,
    )


def flow(**config: Any) -> Any:
    from diffusers import FlowMatchEulerDiscreteScheduler

    return FlowMatchEulerDiscreteScheduler(**config)


SD3_VAE = {
    "scaling_factor": 1.5305,
    "shift_factor": 0.0609,
    "use_quant_conv": False,
    "use_post_quant_conv": False,
}
FLUX_VAE = {**SD3_VAE, "scaling_factor": 0.3611, "shift_factor": 0.1159}


def sd3() -> Any:
    from diffusers import StableDiffusion3Pipeline

    return StableDiffusion3Pipeline(
        transformer=sd3_transformer(),
        scheduler=flow(shift=3.0),
        vae=autoencoder(16, **SD3_VAE),
        text_encoder=clip(True),
        tokenizer=clip_tokenizer(),
        text_encoder_2=clip(True, 12),
        tokenizer_2=clip_tokenizer("!"),
        text_encoder_3=t5(),
        tokenizer_3=t5_tokenizer(),
    )


def flux() -> Any:
    from diffusers import FluxPipeline

    return FluxPipeline(
        transformer=flux_transformer(),
        scheduler=flow(shift=3.0, use_dynamic_shifting=True),
        vae=autoencoder(16, **FLUX_VAE),
        text_encoder=clip(False),
        tokenizer=clip_tokenizer(),
        text_encoder_2=t5(),
        tokenizer_2=t5_tokenizer(),
    )


def auraflow() -> Any:
    from diffusers import AuraFlowPipeline, AuraFlowTransformer2DModel

    transformer = AuraFlowTransformer2DModel(
        num_mmdit_layers=1,
        num_single_dit_layers=1,
        attention_head_dim=8,
        num_attention_heads=2,
        joint_attention_dim=WIDTH,
        caption_projection_dim=16,
        pos_embed_max_size=64,
    )
    return AuraFlowPipeline(
        transformer=random_weights(transformer, 3),
        scheduler=flow(shift=1.73),
        vae=autoencoder(4, scaling_factor=0.13025),
        text_encoder=t5("UMT5"),
        tokenizer=t5_tokenizer(),
    )


def pixart() -> Any:
    from diffusers import DPMSolverMultistepScheduler, PixArtSigmaPipeline, PixArtTransformer2DModel

    transformer = PixArtTransformer2DModel(
        attention_head_dim=6,
        num_attention_heads=2,
        num_layers=1,
        cross_attention_dim=12,
        caption_channels=WIDTH,
        use_additional_conditions=False,
    )
    return PixArtSigmaPipeline(
        transformer=random_weights(transformer, 4),
        scheduler=DPMSolverMultistepScheduler(),
        vae=autoencoder(4, scaling_factor=0.13025),
        text_encoder=t5(),
        tokenizer=t5_tokenizer(),
    )


def dit() -> Any:
    from diffusers import DDIMScheduler, DiTPipeline, DiTTransformer2DModel

    transformer = DiTTransformer2DModel(
        attention_head_dim=8, num_attention_heads=2, num_layers=1, out_channels=8, sample_size=8
    )
    return DiTPipeline(
        transformer=random_weights(transformer, 4),
        scheduler=DDIMScheduler(clip_sample=False, steps_offset=1),
        vae=autoencoder(4),
    )


PIPELINES: dict[str, Callable[[], Any]] = {
    "sd3": sd3,
    "flux": flux,
    "auraflow": auraflow,
    "pixart": pixart,
    "dit": dit,
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Any, Path]]:
    """Each family's pipeline, and the folder that it was saved in."""
    found = {}
    for name, make in PIPELINES.items():
        pipe, folder = make(), tmp_path_factory.mktemp(name)
        pipe.set_progress_bar_config(disable=True)
        pipe.save_pretrained(str(folder))
        found[name] = (pipe, folder)
    return found


Loaded = tuple[Model, Clip, Vae]


@pytest.fixture(scope="module")
def loaded(folders: dict[str, tuple[Any, Path]]) -> dict[str, Loaded]:
    return {name: loading.load_checkpoint(folder) for name, (_, folder) in folders.items()}


def expected_texts(name: str, pipe: Any) -> tuple[Any, ...]:
    """Embeddings, pooled, mask of PROMPT by the pipeline."""
    with torch.no_grad():
        if name == "sd3":
            hidden, _, pooled, _ = pipe.encode_prompt(
                PROMPT, None, None, do_classifier_free_guidance=False
            )
            return hidden, pooled, None
        if name == "flux":
            hidden, pooled, _ = pipe.encode_prompt(PROMPT)
            return hidden, pooled, None
        hidden, mask, _, _ = pipe.encode_prompt(PROMPT, do_classifier_free_guidance=False)
        return hidden, None, mask if name == "pixart" else None


def check_text(got: Conditioning, expected: tuple[Any, ...]) -> None:
    hidden, pooled, mask = expected
    assert_close(got.embeddings, hidden, rtol=1e-5, atol=1e-5)
    assert (got.pooled is None) == (pooled is None)
    if pooled is not None:
        assert_close(got.pooled, pooled, rtol=1e-5, atol=1e-5)
    assert (got.attention_mask is None) == (mask is None)
    if mask is not None:
        assert torch.equal(got.attention_mask, mask.bool())


@pytest.mark.parametrize("name", ["sd3", "flux", "auraflow", "pixart"])
def test_a_folder_encodes_prompts_as_its_pipeline(
    name: str, folders: dict[str, tuple[Any, Path]], loaded: dict[str, Loaded]
) -> None:
    clip = loaded[name][1]
    check_text(text.encode(clip, PROMPT), expected_texts(name, folders[name][0]))


def test_families_and_levels_of_folders(loaded: dict[str, Loaded]) -> None:
    models = {name: model for name, (model, _, _) in loaded.items()}
    assert {name: model.family for name, model in models.items()} == {n: n for n in PIPELINES}
    assert models["sd3"].betas == FlowSchedule(3.0, 1000.0)
    assert models["flux"].betas == FlowSchedule(math.exp(1.15), 1.0)
    assert models["auraflow"].betas == FlowSchedule(1.73, 1.0)
    for name in ("pixart", "dit"):
        assert isinstance(models[name].betas, BetaSchedule)
        assert models[name].prediction == "epsilon"


def test_encoders_and_latents_of_folders(loaded: dict[str, Loaded]) -> None:
    kinds = {
        name: [part.kind for part in (clip, *clip.others)] for name, (_, clip, _) in loaded.items()
    }
    assert kinds == {
        "sd3": ["clip_l", "clip_g", "t5"],
        "flux": ["clip_l", "t5"],
        "auraflow": ["umt5"],
        "pixart": ["t5"],
        "dit": ["none"],
    }
    scales = {name: (vae.scaling, vae.shift) for name, (_, _, vae) in loaded.items()}
    assert scales == {
        "sd3": (1.5305, 0.0609),
        "flux": (0.3611, 0.1159),
        "auraflow": (0.13025, 0.0),
        "pixart": (0.13025, 0.0),
        "dit": (0.18215, 0.0),
    }


SEED, STEPS = 11, 3


def decoded(model: Model, samples: Any, autoencoder: Vae, ctx: RunContext) -> torch.Tensor:
    return vae.decode(autoencoder, samples, ctx=ctx).pixels


def test_sd3_pictures_by_nodes_are_the_pipeline_s(
    folders: dict[str, tuple[Any, Path]], loaded: dict[str, Loaded], ctx: RunContext
) -> None:
    from nodes.sigmas import normal

    pipe, (model, clip, autoencoder) = folders["sd3"][0], loaded["sd3"]
    canvas = latent.empty_for_model(model, 64, 96, 1, ctx=ctx)
    assert canvas.samples.shape == (1, 16, 12, 8)
    expected = pipe(
        PROMPT,
        negative_prompt=OTHER,
        latents=noise.gaussian(canvas, SEED).samples,
        num_inference_steps=STEPS,
        guidance_scale=4.0,
        width=64,
        height=96,
        output_type="np",
    ).images
    levels = normal(schedule.of_model(model), STEPS)
    made = sampler.sample(
        model,
        text.encode(clip, PROMPT),
        text.encode(clip, OTHER),
        canvas,
        levels,
        "euler",
        4.0,
        SEED,
        ctx=ctx,
    )
    got = decoded(model, made, autoencoder, ctx)
    assert_close(got, torch.from_numpy(expected), rtol=1e-4, atol=1e-4)


def test_flux_pictures_by_nodes_are_the_pipeline_s(
    folders: dict[str, tuple[Any, Path]], loaded: dict[str, Loaded], ctx: RunContext
) -> None:
    from nodes.diffusion.networks_flow import packed
    from nodes.model_sampling import flux as shifted_for
    from nodes.sigmas import simple

    pipe, (model, clip, autoencoder) = folders["flux"][0], loaded["flux"]
    model = shifted_for(model, 1.15, 0.5, 64, 96)
    canvas = latent.empty_for_model(model, 64, 96, 1, ctx=ctx)
    expected = pipe(
        PROMPT,
        latents=packed(noise.gaussian(canvas, SEED).samples),
        num_inference_steps=STEPS + 1,
        guidance_scale=2.0,
        width=64,
        height=96,
        output_type="np",
    ).images
    positive = distilled.guidance(text.encode(clip, PROMPT), 2.0)
    levels = simple(schedule.of_model(model), STEPS + 1)
    made = sampler.sample(model, positive, positive, canvas, levels, "euler", 1.0, SEED, ctx=ctx)
    got = decoded(model, made, autoencoder, ctx)
    assert_close(got, torch.from_numpy(expected), rtol=1e-4, atol=1e-4)


def test_dit_pictures_by_nodes_are_the_pipeline_s(
    folders: dict[str, tuple[Any, Path]], loaded: dict[str, Loaded], ctx: RunContext
) -> None:
    pipe, (model, _, autoencoder) = folders["dit"][0], loaded["dit"]
    expected = pipe(
        [207],
        guidance_scale=4.0,
        generator=torch.Generator().manual_seed(SEED),
        num_inference_steps=STEPS,
        output_type="np",
    ).images
    times = [float(t) for t in pipe.scheduler.timesteps]
    levels = schedules.at_timesteps(model.betas, times)
    start = noise.gaussian(latent.empty_for_model(model, 64, 64, 1, ctx=ctx), SEED)
    made = sampler.resume(
        model,
        class_label.of(model, 207),
        class_label.none(),
        from_noise(start, levels),
        levels,
        "euler",
        4.0,
        SEED,
        ctx=ctx,
    )
    got = decoded(model, made, autoencoder, ctx)
    assert_close(got, torch.from_numpy(expected), rtol=1e-4, atol=1e-4)


def from_noise(start: Any, levels: Sigmas) -> Any:
    from nodes.forward import start_from_noise

    return start_from_noise(start, levels)


def test_a_prompt_longer_than_a_chunk_is_read_whole_by_all_encoders(
    loaded: dict[str, Loaded],
) -> None:
    clip = loaded["sd3"][1]
    long = text.encode(clip, "red circle " * 50)  # 100 pieces for CLIP
    assert long.embeddings.shape == (1, 2 * 77 + 256, WIDTH)


def single_file(pipe: Any, originals: dict[str, Any]) -> dict[str, torch.Tensor]:
    """A file as ComfyUI saves them: every network under its prefix, the encoders as
    transformers' own, the autoencoder in diffusers' names."""
    found = {}
    for prefix, network in originals.items():
        for name, tensor in network.state_dict().items():
            if name != "encoder.embed_tokens.weight":  # tied to shared.weight
                found[prefix + name] = tensor.clone().contiguous()
    return found


def parts_of(name: str, pipe: Any) -> dict[str, Any]:
    encoders = [
        getattr(pipe, part, None) for part in ("text_encoder", "text_encoder_2", "text_encoder_3")
    ]
    prefixes = {
        "sd3": ("clip_l", "clip_g", "t5xxl"),
        "flux": ("clip_l", "t5xxl"),
        "auraflow": ("pile_t5xl",),
        "pixart": ("t5xxl",),
        "dit": (),
    }[name]
    return {
        "model.diffusion_model.": pipe.transformer,
        "vae.": pipe.vae,
        **{
            f"text_encoders.{prefix}.transformer.": encoder
            for prefix, encoder in zip(prefixes, encoders, strict=False)
        },
    }


@pytest.mark.parametrize("name", PIPELINES)
def test_a_single_file_is_as_its_folder(
    name: str, folders: dict[str, tuple[Any, Path]], loaded: dict[str, Loaded], tmp_path: Path
) -> None:
    pipe, (model, clip, autoencoder) = folders[name][0], loaded[name]
    file = tmp_path / "model.safetensors"
    save_file(single_file(pipe, parts_of(name, pipe)), file)
    t5_tokenizer()._tokenizer.save(str(tmp_path / "tokenizer.json"))
    got_model, got_clip, got_vae = loading.load_checkpoint(file)
    assert got_model.family == name
    assert got_model.betas == model.betas
    assert (got_vae.scaling, got_vae.shift) == (autoencoder.scaling, autoencoder.shift)
    assert same(got_model.network, model.network)
    assert same(got_vae.autoencoder, autoencoder.autoencoder)
    assert got_clip.kind == clip.kind
    if clip.kind != "none":
        told, expected = text.encode(got_clip, PROMPT), text.encode(clip, PROMPT)
        # SD 3's small CLIP has a projection here, which files of its kind are read without.
        width = 8 if name == "sd3" else 0
        assert_close(told.embeddings, expected.embeddings, rtol=1e-5, atol=1e-5)
        if expected.pooled is not None and told.pooled is not None:
            assert_close(told.pooled[:, width:], expected.pooled[:, width:], rtol=1e-5, atol=1e-5)


def same(first: Any, second: Any) -> bool:
    ours, theirs = first.state_dict(), second.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[n], theirs[n]) for n in ours)


def test_sd3_without_t5_reads_by_its_clips_alone(
    folders: dict[str, tuple[Any, Path]], tmp_path: Path
) -> None:
    pipe = folders["sd3"][0]
    parts = parts_of("sd3", pipe)
    del parts["text_encoders.t5xxl.transformer."]
    save_file(single_file(pipe, parts), tmp_path / "model.safetensors")
    _, clip, _ = loading.load_checkpoint(tmp_path / "model.safetensors")
    assert [part.kind for part in (clip, *clip.others)] == ["clip_l", "clip_g"]
    made = text.encode(clip, PROMPT)
    # T5's width is not known then: that of T5-XXL, which all of Stable Diffusion 3 are made for.
    assert made.embeddings.shape == (1, 77 + 256, 4096)
    assert not made.embeddings[:, 77:].any()
    assert not made.embeddings[..., 20:].any()


def test_a_folder_without_t5_reads_by_its_clips_alone(
    folders: dict[str, tuple[Any, Path]], tmp_path: Path
) -> None:
    folder = folders["sd3"][1]
    index = json.loads((folder / "model_index.json").read_text())
    for part in ("text_encoder_3", "tokenizer_3"):
        index[part] = [None, None]
    for path in folder.iterdir():
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / "model_index.json").unlink()
    (tmp_path / "model_index.json").write_text(json.dumps(index))
    _, clip, _ = loading.load_checkpoint(tmp_path)
    assert [part.kind for part in (clip, *clip.others)] == ["clip_l", "clip_g"]


@pytest.mark.parametrize("name", ["flux", "pixart", "auraflow"])
def test_files_of_text_encoders_are_joined(
    name: str, folders: dict[str, tuple[Any, Path]], loaded: dict[str, Loaded], tmp_path: Path
) -> None:
    pipe, whole = folders[name][0], loaded[name][1]
    files = []
    for prefix, network in parts_of(name, pipe).items():
        if prefix.startswith("text_encoders."):
            file = tmp_path / f"{prefix.split('.')[1]}.safetensors"
            save_file(single_file(pipe, {"": network}), file)
            files.append(file)
    t5_tokenizer()._tokenizer.save(str(tmp_path / "tokenizer.json"))
    clip = loading.load_clip(files[::-1])
    assert (clip.family, clip.kind) == (name, whole.kind)
    check = text.encode(whole, PROMPT)
    check_text(text.encode(clip, PROMPT), (check.embeddings, check.pooled, check.attention_mask))


def test_t5_in_llama_cpp_s_names_is_the_same(
    folders: dict[str, tuple[Any, Path]], tmp_path: Path
) -> None:
    encoder = folders["pixart"][0].text_encoder
    names = {
        "shared": "token_embd",
        "encoder.final_layer_norm": "enc.output_norm",
        **{
            f"encoder.block.{k}.layer.{old}": f"enc.blk.{k}.{new}"
            for k in range(2)
            for old, new in {
                **{f"0.SelfAttention.{x}": f"attn_{x}" for x in "qkvo"},
                "0.SelfAttention.relative_attention_bias": "attn_rel_b",
                "0.layer_norm": "attn_norm",
                "1.layer_norm": "ffn_norm",
                "1.DenseReluDense.wi_0": "ffn_gate",
                "1.DenseReluDense.wi_1": "ffn_up",
                "1.DenseReluDense.wo": "ffn_down",
            }.items()
        },
    }
    state = single_file(None, {"": encoder})
    file = {names[n.removesuffix(".weight")] + ".weight": t for n, t in state.items()}
    save_file(file, tmp_path / "t5.safetensors")
    t5_tokenizer()._tokenizer.save(str(tmp_path / "tokenizer.json"))
    clip = loading.load_clip(tmp_path / "t5.safetensors", family="pixart")
    assert same(clip.encoder, encoder)


def test_a_t5_without_its_vocabulary_is_an_error_with_the_places(
    folders: dict[str, tuple[Any, Path]], tmp_path: Path
) -> None:
    models = tmp_path / "models" / "text_encoders"
    models.mkdir(parents=True)
    save_file(single_file(None, {"": folders["pixart"][0].text_encoder}), models / "t5.safetensors")
    with pytest.raises(CheckpointError, match=r"vocabulary is in none of .*tokenizers.t5"):
        loading.load_clip(models / "t5.safetensors")
    shared = tmp_path / "models" / "tokenizers" / "t5"
    shared.mkdir(parents=True)
    t5_tokenizer()._tokenizer.save(str(shared / "tokenizer.json"))
    assert loading.load_clip(models / "t5.safetensors").kind == "t5"


def test_a_model_of_labels_reads_no_text(
    folders: dict[str, tuple[Any, Path]], loaded: dict[str, Loaded], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"clip: .* a dit, which reads no text.*class_label\.of"):
        text.encode(loaded["dit"][1], PROMPT)
    save_file(
        single_file(None, {"": folders["pixart"][0].text_encoder}), tmp_path / "t5.safetensors"
    )
    with pytest.raises(CheckpointError, match="DiT reads no text"):
        loading.load_clip(tmp_path / "t5.safetensors", family="dit")


def test_an_autoencoder_of_16_channels_alone_is_flux_s(
    folders: dict[str, tuple[Any, Path]], tmp_path: Path
) -> None:
    save_file(single_file(None, {"": folders["flux"][0].vae}), tmp_path / "ae.safetensors")
    found = loading.load_vae(tmp_path / "ae.safetensors")
    assert (found.scaling, found.shift) == (0.3611, 0.1159)
    other = loading.load_vae(tmp_path / "ae.safetensors", family="sd3")
    assert (other.scaling, other.shift) == (1.5305, 0.0609)
    assert same(found.autoencoder, folders["flux"][0].vae)


def test_skipped_layers_come_on_top_of_those_that_are_always_left_out(
    folders: dict[str, tuple[Any, Path]], loaded: dict[str, Loaded]
) -> None:
    pipe, clip = folders["sd3"][0], loaded["sd3"][1]
    with torch.no_grad():
        expected = pipe.encode_prompt(
            PROMPT, None, None, do_classifier_free_guidance=False, clip_skip=1
        )
    skipping = replace(
        clip, skip=1, others=tuple(replace(o, skip=0 if o.kind == "t5" else 1) for o in clip.others)
    )
    assert_close(text.encode(skipping, PROMPT).embeddings, expected[0], rtol=1e-5, atol=1e-5)


def test_a_vocabulary_beside_a_t5_is_part_of_its_content(
    folders: dict[str, tuple[Any, Path]], tmp_path: Path
) -> None:
    from nodes.diffusion.checkpoints import examine

    pipe = folders["flux"][0]
    encoders = {"t5": pipe.text_encoder_2, "clip_l": pipe.text_encoder}
    for name, network in encoders.items():
        save_file(single_file(None, {"": network}), tmp_path / f"{name}.safetensors")
    assert examine.files(tmp_path / "t5.safetensors") == [tmp_path / "t5.safetensors"]
    t5_tokenizer()._tokenizer.save(str(tmp_path / "tokenizer.json"))
    found = [file.name for file in examine.files(tmp_path / "t5.safetensors")]
    assert found == ["t5.safetensors", "tokenizer.json"]
    assert examine.files(tmp_path / "clip_l.safetensors") == [tmp_path / "clip_l.safetensors"]


@pytest.mark.parametrize(("name", "part"), [("flux", "text_encoder_2"), ("sd3", "text_encoder_3")])
def test_a_t5_in_a_diffusers_folder_reads_by_the_tokenizer_of_its_number(
    name: str, part: str, folders: dict[str, tuple[Any, Path]]
) -> None:
    file = folders[name][1] / part / "model.safetensors"
    clip = loading.load_clip(file, family="pixart")
    assert clip.tokenizer.split("red circle")[1] == ["▁red", "▁circle"]


def test_folders_of_text_encoders_are_joined(
    folders: dict[str, tuple[Any, Path]], loaded: dict[str, Loaded], tmp_path: Path
) -> None:
    pipe, folder = folders["flux"]
    shards = tmp_path / "text_encoder_2"
    pipe.text_encoder_2.save_pretrained(str(shards), max_shard_size="10KB")
    assert len(list(shards.glob("model-*.safetensors"))) > 1
    (tmp_path / "tokenizer_2").symlink_to(folder / "tokenizer_2")
    clip = loading.load_clip([shards, folder / "text_encoder"])
    assert [part.kind for part in (clip, *clip.others)] == ["clip_l", "t5"]
    whole = text.encode(loaded["flux"][1], PROMPT)
    check_text(text.encode(clip, PROMPT), (whole.embeddings, whole.pooled, None))


@pytest.mark.parametrize("name", PIPELINES)
def test_a_folder_of_a_denoiser_alone_has_its_family_s_levels(
    name: str, folders: dict[str, tuple[Any, Path]], loaded: dict[str, Loaded], tmp_path: Path
) -> None:
    (tmp_path / "transformer").symlink_to(folders[name][1] / "transformer")
    model = loading.load_model(tmp_path / "transformer")
    assert (model.family, model.prediction) == (name, loaded[name][0].prediction)
    assert model.betas == loaded[name][0].betas
    assert same(model.network, loaded[name][0].network)


def test_a_folder_of_schnell_alone_has_even_levels(
    folders: dict[str, tuple[Any, Path]], tmp_path: Path
) -> None:
    from diffusers import FluxTransformer2DModel

    config = dict(folders["flux"][0].transformer.config)
    schnell = FluxTransformer2DModel.from_config({**config, "guidance_embeds": False})
    schnell.save_pretrained(str(tmp_path / "transformer"))
    model = loading.load_model(tmp_path / "transformer")
    assert model.betas == FlowSchedule(shift=1.0, multiplier=1.0)


def test_t5_in_half_precision_keeps_whole_what_would_overflow(
    folders: dict[str, tuple[Any, Path]], loaded: dict[str, Loaded], tmp_path: Path
) -> None:
    file = tmp_path / "t5.safetensors"
    save_file(single_file(None, {"": folders["pixart"][0].text_encoder}), file)
    t5_tokenizer()._tokenizer.save(str(tmp_path / "tokenizer.json"))
    clip = loading.load_clip(file, dtype="float16")
    kinds = {name: p.dtype for name, p in clip.encoder.named_parameters()}
    assert {d for n, d in kinds.items() if ".wo." in n} == {torch.float32}
    assert {d for n, d in kinds.items() if ".wo." not in n} == {torch.float16}
    got, whole = (text.encode(c, PROMPT).embeddings for c in (clip, loaded["pixart"][1]))
    assert_close(got.float(), whole, rtol=0.05, atol=0.05)
