"""Tiny models of four families with their diffusers pipelines, and LoRAs of random factors.

The weights are random: what is asked is whether the same file does the same in both programs.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

import small
from nodes.diffusion.adapters.original_names import layer_paths
from nodes.model_files import shipped_models
from nodes.schedule import scaled_linear
from nodes.types import Clip, Model
from small import WIDTH, seeded


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@dataclass(frozen=True)
class Tiny:
    """A model with its text encoders; `ask` runs its denoiser on fixed inputs, `read` an encoder on
    fixed tokens, `pipeline` gives diffusers' own with the same weights in memory of its own."""

    model: Model
    clip: Clip
    ask: Callable[[Any], Tensor]
    pipeline: Callable[[], Any]

    def read(self, encoder: Any) -> Tensor:
        with torch.no_grad():
            found = encoder(torch.arange(2, 79)[None] % 90, output_hidden_states=True)
            return found.hidden_states[-1]  # type: ignore[no-any-return]


@dataclass
class LoraFile:
    """A LoRA file in the making: low-rank factors for layers, under whatever names."""

    tensors: dict[str, Tensor] = field(default_factory=dict)
    seed: int = 0

    def add(
        self, weight: Tensor, down: str, up: str, alpha: str = "", rank: int = 3
    ) -> tuple[Tensor, Tensor]:
        self.seed += 1
        self.tensors[down] = 0.2 * draw(rank, *weight.shape[1:], seed=self.seed)
        ones = [1] * (weight.ndim - 2)
        self.tensors[up] = 0.2 * draw(len(weight), rank, *ones, seed=1000 + self.seed)
        if alpha:
            self.tensors[alpha] = torch.tensor(2.0)
        return self.tensors[down], self.tensors[up]

    def add_kohya(self, prefix: str, network: nn.Module, wanted: Sequence[str]) -> None:
        for path, weight in chosen(network, wanted):
            name = prefix + _inside(prefix, path).replace(".", "_")
            self.add(weight, f"{name}.lora_down.weight", f"{name}.lora_up.weight", f"{name}.alpha")

    def add_peft(self, prefix: str, network: nn.Module, wanted: Sequence[str]) -> None:
        for path, weight in chosen(network, wanted):
            name = prefix + _inside(prefix, path)
            self.add(weight, f"{name}.lora_A.weight", f"{name}.lora_B.weight")

    def save(self, path: Path, metadata: dict[str, str] | None = None) -> Path:
        tensors = {name: tensor.contiguous() for name, tensor in self.tensors.items()}
        save_file(tensors, path, metadata)
        return path


def _inside(prefix: str, path: str) -> str:
    """In transformers 4 all layers of a CLIP lie in `text_model`; it is named once."""
    return path.removeprefix("text_model.") if prefix[:-1].endswith("text_model") else path


def chosen(network: nn.Module, wanted: Sequence[str]) -> list[tuple[str, Tensor]]:
    """The linear layers and convolutions whose path has any of these parts."""
    found = []
    for path in layer_paths(network):
        weight: Any = network.get_submodule(path).weight
        if weight.ndim > 1 and any(part in path for part in wanted):
            found.append((path, weight))
    return found


@pytest.fixture
def lora_file() -> LoraFile:
    return LoraFile()


@pytest.fixture
def new_file() -> Callable[..., LoraFile]:
    """More than one: each with a seed of its own."""
    return lambda seed=0: LoraFile(seed=seed)


def _clip_encoder(seed: int, projection: bool = False) -> Any:
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    config = CLIPTextConfig(
        vocab_size=100,
        hidden_size=WIDTH,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        projection_dim=WIDTH,
        bos_token_id=98,
        eos_token_id=99,
        pad_token_id=99,
    )
    with seeded(seed):
        made = CLIPTextModelWithProjection(config) if projection else CLIPTextModel(config)
    return made.eval().requires_grad_(False)


def _t5_encoder() -> Any:
    from transformers import T5Config, T5EncoderModel

    config = T5Config(
        vocab_size=100, d_model=WIDTH, d_kv=4, d_ff=32, num_layers=1, num_heads=2,
        feed_forward_proj="gated-gelu",
    )  # fmt: skip
    with seeded(9):
        return T5EncoderModel(config).eval().requires_grad_(False)


def _clip_tokenizer() -> Any:
    from transformers import CLIPTokenizer

    return CLIPTokenizer.from_pretrained(str(shipped_models() / "tiny" / "tokenizer"))


def _unet(**more: Any) -> Any:
    return small.unet(layers_per_block=2, **more).requires_grad_(False)


def _ask_unet(network: Any, **more: Any) -> Tensor:
    width = network.config.cross_attention_dim
    with torch.no_grad():
        return network(  # type: ignore[no-any-return]
            draw(1, 4, 8, 8), 500, 3 * draw(1, 7, width, seed=1), return_dict=False, **more
        )[0]


def _autoencoder() -> Any:
    return small.autoencoder(
        seed=2, block_out_channels=(4, 4), down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
    )  # fmt: skip


def _ddim() -> Any:
    from diffusers import DDIMScheduler

    return DDIMScheduler(steps_offset=1, clip_sample=False)


@pytest.fixture(scope="session")
def sd1() -> Tiny:
    from diffusers import StableDiffusionPipeline

    network, encoder = _unet(cross_attention_dim=WIDTH), _clip_encoder(3)

    def pipeline() -> Any:
        parts = (_autoencoder(), copy.deepcopy(encoder), _clip_tokenizer(), copy.deepcopy(network))
        return StableDiffusionPipeline(*parts, _ddim(), None, None, requires_safety_checker=False)

    clip = Clip(encoder, None)  # type: ignore[arg-type]
    return Tiny(Model(network, scaled_linear()), clip, _ask_unet, pipeline)


@pytest.fixture(scope="session")
def sdxl() -> Tiny:
    from diffusers import StableDiffusionXLPipeline

    network = _unet(
        cross_attention_dim=2 * WIDTH,
        transformer_layers_per_block=(1, 2),
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=6 * 8 + WIDTH,
    )
    first, second = _clip_encoder(3), _clip_encoder(4, projection=True)

    def ask(unet: Any) -> Tensor:
        added = {"text_embeds": draw(1, WIDTH, seed=2), "time_ids": torch.full((1, 6), 8.0)}
        return _ask_unet(unet, added_cond_kwargs=added)

    def pipeline() -> Any:
        return StableDiffusionXLPipeline(
            _autoencoder(), copy.deepcopy(first), copy.deepcopy(second), _clip_tokenizer(),
            _clip_tokenizer(), copy.deepcopy(network), _ddim(), add_watermarker=False,
        )  # fmt: skip

    other = Clip(second, None, kind="clip_g", family="sdxl")  # type: ignore[arg-type]
    clip = Clip(first, None, family="sdxl", others=(other,))  # type: ignore[arg-type]
    return Tiny(Model(network, scaled_linear(), family="sdxl"), clip, ask, pipeline)


@pytest.fixture(scope="session")
def sd3() -> Tiny:
    from diffusers import FlowMatchEulerDiscreteScheduler, SD3Transformer2DModel
    from diffusers import StableDiffusion3Pipeline as Pipeline

    with seeded(5):
        network = SD3Transformer2DModel(
            sample_size=8, patch_size=2, in_channels=4, num_layers=2, attention_head_dim=8,
            num_attention_heads=2, joint_attention_dim=WIDTH, caption_projection_dim=16,
            pooled_projection_dim=2 * WIDTH, out_channels=4, pos_embed_max_size=8,
            dual_attention_layers=(0,), qk_norm="rms_norm",
        ).eval().requires_grad_(False)  # fmt: skip
    first, second, third = _clip_encoder(3, True), _clip_encoder(4, True), _t5_encoder()

    def ask(transformer: Any) -> Tensor:
        with torch.no_grad():
            return transformer(  # type: ignore[no-any-return]
                draw(1, 4, 8, 8), draw(1, 7, WIDTH, seed=1), draw(1, 2 * WIDTH, seed=2),
                torch.tensor([500.0]), return_dict=False,
            )[0]  # fmt: skip

    def pipeline() -> Any:
        own = [copy.deepcopy(part) for part in (first, second, third)]
        return Pipeline(
            copy.deepcopy(network), FlowMatchEulerDiscreteScheduler(), _autoencoder(), own[0],
            _clip_tokenizer(), own[1], _clip_tokenizer(), own[2], None,
        )  # fmt: skip

    others = (
        Clip(second, None, kind="clip_g", family="sd3"),  # type: ignore[arg-type]
        Clip(third, None, kind="t5", family="sd3"),  # type: ignore[arg-type]
    )
    clip = Clip(first, None, family="sd3", others=others)  # type: ignore[arg-type]
    return Tiny(Model(network, scaled_linear(), "flow", "sd3"), clip, ask, pipeline)


@pytest.fixture(scope="session")
def flux() -> Tiny:
    from diffusers import FlowMatchEulerDiscreteScheduler, FluxPipeline, FluxTransformer2DModel

    with seeded(6):
        network = FluxTransformer2DModel(
            patch_size=1, in_channels=16, num_layers=2, num_single_layers=2, attention_head_dim=8,
            num_attention_heads=2, joint_attention_dim=WIDTH, pooled_projection_dim=WIDTH,
            axes_dims_rope=(2, 2, 4), guidance_embeds=True,
        ).eval().requires_grad_(False)  # fmt: skip
    first, second = _clip_encoder(3), _t5_encoder()

    def ask(transformer: Any) -> Tensor:
        with torch.no_grad():
            return transformer(  # type: ignore[no-any-return]
                draw(1, 16, 16), draw(1, 7, WIDTH, seed=1), draw(1, WIDTH, seed=2),
                torch.tensor([0.5]), torch.zeros(16, 3), torch.zeros(7, 3), torch.tensor([3.5]),
                return_dict=False,
            )[0]  # fmt: skip

    def pipeline() -> Any:
        return FluxPipeline(
            FlowMatchEulerDiscreteScheduler(), _autoencoder(), copy.deepcopy(first),
            _clip_tokenizer(), copy.deepcopy(second), None, copy.deepcopy(network),
        )  # fmt: skip

    other = Clip(second, None, kind="t5", family="flux")  # type: ignore[arg-type]
    clip = Clip(first, None, family="flux", others=(other,))  # type: ignore[arg-type]
    return Tiny(Model(network, scaled_linear(), "flow", "flux"), clip, ask, pipeline)
