"""Training: its formulas against NumPy, and runs of a few steps on very small networks."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler
from torch import nn

from nodes.diffusion.tokenizer import ClipTokenizer
from nodes.diffusion.training import denoiser as dn
from nodes.diffusion.training.autoencoder import (
    autoencoder_loss,
    decode_mean,
    draw_crops,
    encode_mean,
    gradient_l1,
    kl_to_normal,
    new_autoencoder,
    to_pictures,
    to_tensor,
    train_autoencoder,
)
from nodes.diffusion.training.evaluate import SEED, contact_sheet, figures, held_out_prompts
from nodes.diffusion.training.export import SCALING, new_scheduler, normalise_latents
from nodes.diffusion.training.judge import judge
from nodes.diffusion.training.loop import History, Loop, Values, rate_at
from nodes.diffusion.training.plot import plot_curve, smoothed
from nodes.diffusion.training.scenes import KINDS, SHAPES, draw, is_held_out, sample_scenes
from nodes.diffusion.training.text_image import (
    ContrastHead,
    contrast_batch,
    contrast_loss,
    new_text_encoder,
    tokenize,
    train_text_encoder,
)
from nodes.diffusion.training.tokenizer import vocabulary


class WordTokenizer(ClipTokenizer):
    """A stand-in for CLIP's: one id per word, made of its letters."""

    def __init__(self) -> None:
        pass

    def split(self, text: str) -> tuple[list[int], list[str]]:
        return [sum(map(ord, word)) % 900 for word in text.split()], text.split()


# Formulas


def test_alphas_are_those_of_stable_diffusion() -> None:
    ours = dn.alphas_cumprod()
    theirs = new_scheduler().alphas_cumprod
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-4)  # theirs sum up in float32


def test_loss_weight_is_its_formula() -> None:
    alpha = dn.alphas_cumprod().double().numpy()
    ratio = alpha / (1 - alpha)
    expected = np.sqrt(np.minimum(ratio, 5)) / ratio
    expected /= expected.mean()
    np.testing.assert_allclose(dn.loss_weight(dn.alphas_cumprod()).numpy(), expected, rtol=1e-3)


def test_added_noise_is_what_diffusers_adds() -> None:
    rng = np.random.default_rng(0)
    latents, noise = torch.randn(2, 6, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    timesteps = dn.draw_timesteps(6, rng)
    ours = dn.add_noise(latents, noise, dn.alphas_cumprod()[timesteps])
    theirs = new_scheduler().add_noise(latents, noise, timesteps)
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


def test_timesteps_are_stratified_and_lean_to_noise() -> None:
    drawn = dn.draw_timesteps(1000, np.random.default_rng(1))
    assert (drawn.diff() >= 0).all()
    assert int(drawn.min()) >= 0
    assert int(drawn.max()) <= 999
    assert drawn.float().mean() == pytest.approx(1000 / 1.75, abs=2)  # the mean of u^0.75


def test_noise_has_an_offset_at_noisy_steps_only() -> None:
    strength = dn.offset_strength(torch.tensor([0, 300, 500, 700, 999]), 0.5)
    torch.testing.assert_close(strength, torch.tensor([0.0, 0.0, 0.25, 0.5, 0.5]))
    timesteps = torch.tensor([100] * 500 + [900] * 500)
    noise = dn.draw_noise(timesteps, (1000, 4, 16, 16), 0.5, np.random.default_rng(2))
    means = noise.mean(dim=(2, 3))
    assert means[:500].std() == pytest.approx(1 / 16, rel=0.1)
    assert means[500:].std() == pytest.approx(np.hypot(0.5, 1 / 16), rel=0.1)


def test_ema_is_its_formula() -> None:
    model, average = nn.Linear(3, 2), nn.Linear(3, 2)
    before = average.weight.detach().clone()
    for step, decay in ((0, 1 / 10), (90, 91 / 100), (10**6, 0.999)):
        before = decay * before + (1 - decay) * model.weight.detach()
        dn.update_ema(average, model, step, 0.999)
        torch.testing.assert_close(average.weight.detach(), before)


def test_learning_rate_warms_up_and_follows_a_cosine() -> None:
    loop = Loop(steps=1000, learning_rate=2.0, warmup=10, final_rate=0.1)
    assert rate_at(0, 0.0, loop) == pytest.approx(0.2)
    assert rate_at(500, 0.5, loop) == pytest.approx(2 * 0.55)
    assert rate_at(999, 1.0, loop) == pytest.approx(0.2)


def test_kl_is_torchs_own() -> None:
    mean, logvar = torch.randn(2, 5, 4, 2, 2, generator=torch.Generator().manual_seed(1))
    posterior = torch.distributions.Normal(mean, (0.5 * logvar).exp())
    normal = torch.distributions.Normal(torch.zeros(()), torch.ones(()))
    expected = torch.distributions.kl_divergence(posterior, normal).mean()
    torch.testing.assert_close(kl_to_normal(mean, logvar), expected)


def test_gradient_l1_sees_edges_and_no_shift_of_brightness() -> None:
    step = torch.zeros(1, 1, 4, 4)
    step[..., 2:] = 1.0
    assert gradient_l1(step, step + 0.5) == 0
    torch.testing.assert_close(gradient_l1(step, torch.zeros_like(step)), torch.tensor(1 / 3))


def test_captions_are_swapped_at_clean_steps_only() -> None:
    states = torch.arange(1000.0)[:, None, None].expand(1000, 2, 3)
    timesteps = torch.arange(1000)
    given = dn.swap_captions(states, timesteps, dn.Recipe(), np.random.default_rng(3))
    moved = given[:, 0, 0] != states[:, 0, 0]
    assert moved[:300].float().mean() == pytest.approx(0.5, abs=0.1)
    assert not moved[300:].any()


# Each training, very small


def test_autoencoder_learns_and_keeps_pixels_in_order() -> None:
    scenes = [scene for kind in KINDS for scene in sample_scenes(kind, 2, 1)]
    crops = draw_crops(scenes, 32, np.random.default_rng(0))
    assert crops.shape == (6, 3, 32, 32)
    pictures = np.stack([draw(scene) for scene in scenes])
    assert (to_pictures(to_tensor(pictures)) == pictures).all()
    vae = new_autoencoder((16, 16, 32, 32))
    before = copy.deepcopy(vae)
    loop = Loop(40, learning_rate=5e-3, warmup=3)
    history = train_autoencoder(vae, scenes, loop, crops=((1.0, 32, 8),))
    assert [row["step"] for row in history] == list(range(1, 41))
    losses = [autoencoder_loss(m, crops, torch.zeros(6, 4, 4, 4), 0.0)[0] for m in (before, vae)]
    assert losses[1] < 0.9 * losses[0]
    fresh = new_autoencoder((16, 16, 32, 32))
    assert torch.equal(before.encoder.conv_in.weight, fresh.encoder.conv_in.weight)


def test_normalised_latents_change_no_picture() -> None:
    vae = new_autoencoder((8, 8, 8, 8)).eval()
    pixels = draw_crops(sample_scenes("pair", 8, 3), 64, np.random.default_rng(1))
    means = encode_mean(vae, pixels)
    better = normalise_latents(vae, means)
    scaled = encode_mean(better, pixels) * better.config.scaling_factor
    # bf16 convolutions: three digits
    torch.testing.assert_close(scaled.mean((0, 2, 3)), torch.zeros(4), atol=0.02, rtol=0)
    torch.testing.assert_close(scaled.std((0, 2, 3)), torch.ones(4), atol=0.02, rtol=0)
    with torch.no_grad():
        before = vae.decode(vae.encode(pixels).latent_dist.mean).sample
        after = better.decode(better.encode(pixels).latent_dist.mean).sample
    torch.testing.assert_close(before, after, atol=1e-4, rtol=1e-4)
    spread = [
        m.encode(pixels).latent_dist.std
        / m.encode(pixels).latent_dist.mean.std((0, 2, 3), keepdim=True)
        for m in (vae, better)
    ]
    torch.testing.assert_close(spread[0], spread[1], atol=1e-3, rtol=1e-3)
    assert better.config.scaling_factor == SCALING
    assert decode_mean(vae, means).shape == pixels.shape


def test_text_encoder_learns_to_find_pictures() -> None:
    encoder, head = new_text_encoder(hidden=32, layers=1), ContrastHead(32, width=8)
    scenes = [scene for kind in KINDS for scene in sample_scenes(kind, 50, 6)]
    loop = Loop(30, learning_rate=3e-3, warmup=3)
    history = train_text_encoder(encoder, head, WordTokenizer(), scenes, loop, batch=24)
    assert np.mean([row["loss"] for row in history[-5:]]) < 0.85 * history[0]["loss"]
    pixels, captions = contrast_batch(scenes, 8, np.random.default_rng(3))
    assert pixels.shape == (8, 3, 32, 32)
    assert len(captions) == 8
    ids = tokenize(WordTokenizer(), captions, 24)
    assert ids.shape == (8, 24)
    assert (ids[:, 0] == 49406).all()
    assert (ids[:, -1] == 49407).all()
    loss, values = contrast_loss(encoder, head, pixels, ids)
    assert loss.isfinite()
    assert 0 <= values["found"] <= 1


def _tiny_data() -> dict[str, dn.EncodedScenes]:
    generator = torch.Generator().manual_seed(4)
    return {
        kind: dn.EncodedScenes(
            sample_scenes(kind, 6, 5), torch.randn(6, 4, 8, 8, generator=generator)
        )
        for kind in KINDS
    }


def _train_tiny_unet(folder: Path | None, stop_at: int | None = None) -> tuple[nn.Module, History]:
    unet = dn.new_unet((16, 16, 16), cross=32)
    encoder = new_text_encoder(hidden=32, layers=1).eval()

    def stop(step: int, total: int, values: Values) -> None:
        if step == stop_at:
            raise KeyboardInterrupt

    loop = Loop(24, learning_rate=3e-3, warmup=2, save_every=100)
    return dn.train_denoiser(
        unet,
        encoder,
        WordTokenizer(),
        _tiny_data(),
        loop,
        dn.Recipe(batch=6),
        folder=folder,
        on_step=stop,
    )


def test_denoiser_learns_and_its_ema_resumes_bit_for_bit(tmp_path: Path) -> None:
    whole, history = _train_tiny_unet(None)
    assert np.mean([row["loss"] for row in history[-6:]]) < history[0]["loss"]
    with pytest.raises(KeyboardInterrupt):
        _train_tiny_unet(tmp_path, stop_at=9)
    resumed, again = _train_tiny_unet(tmp_path)
    assert history == again
    for one, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, other)


def test_batches_follow_the_curriculum_and_drop_captions() -> None:
    data, recipe = _tiny_data(), dn.Recipe(batch=400)
    rng = np.random.default_rng(6)
    early, captions = dn.draw_batch(data, recipe, 0.1, rng)
    late, _ = dn.draw_batch(data, recipe, 0.9, rng)
    pairs = [latent.tolist() for latent in data["pair"].latents]
    shares = [np.mean([row.tolist() in pairs for row in batch]) for batch in (early, late)]
    assert shares[0] == pytest.approx(dn.EARLY_MIX["pair"], abs=0.06)
    assert shares[1] == pytest.approx(dn.LATE_MIX["pair"], abs=0.08)
    assert np.mean([text == "" for text in captions]) == pytest.approx(0.1, abs=0.05)


# What is made of it


def test_plot_shows_a_falling_curve() -> None:
    picture = plot_curve(np.linspace(3, 0.1, 200).tolist(), "loss")
    assert picture.shape == (360, 640, 3)
    rows, columns = np.nonzero((picture == (0x20, 0x50, 0xC0)).all(-1))
    assert rows[columns < 120].mean() < rows[columns > 560].mean()
    assert plot_curve([]).shape == (360, 640, 3)
    np.testing.assert_allclose(smoothed(np.full(50, 2.0)), 2.0)


def test_held_out_prompts_are_balanced_and_held_out() -> None:
    for kind in KINDS:
        asked = held_out_prompts(kind, 16)
        assert all(is_held_out(item.prompt) for item in asked)
        assert {item.scene.things[0].shape for item in asked[:8]} == set(SHAPES)
        assert asked == held_out_prompts(kind, 16, SEED)
    for item in held_out_prompts("positioned", 30):
        assert item.scene.position is not None
        if item.scene.position != "center":
            assert all(word in item.prompt for word in item.scene.position.split())


def test_figures_of_perfect_pictures_are_one() -> None:
    asked = [item for kind in KINDS for item in held_out_prompts(kind, 8)]
    pictures = [draw(item.scene) for item in asked]
    table = figures(asked, [judge(p, item.scene) for p, item in zip(pictures, asked, strict=True)])
    assert table["single"]["everything"] == 1.0
    assert table["pair"]["everything"] == 1.0
    assert set(table["shapes"].values()) == {1.0}
    assert contact_sheet(pictures, 6).size == (6 * 128, 4 * 128)


def test_vocabulary_has_bytes_merges_and_marks() -> None:
    pieces = vocabulary(["c a", "ca t</w>"])
    assert pieces["!"] == 0
    assert pieces["a"] == 64
    assert pieces["a</w>"] == 320
    assert pieces["cat</w>"] == 513
    assert pieces["<|endoftext|>"] == 515


def test_the_scheduler_is_stable_diffusions() -> None:
    scheduler = new_scheduler()
    assert isinstance(scheduler, DDIMScheduler)
    assert scheduler.config.steps_offset == 1
    assert not scheduler.config.clip_sample
