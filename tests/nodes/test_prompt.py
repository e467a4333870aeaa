"""Prompt nodes on few-channel encoders of each family, against diffusers' pipelines."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from nodeflow.errors import InputError
from nodeflow.node import definition_of
from nodes import prompt, text
from nodes.diffusion.t5_tokenizer import T5Tokenizer
from nodes.model_files import shipped_models
from nodes.types import Clip, Conditioning, PictureSize, Span
from small import seeded

LONG = " ".join(f"a {colour} cat sitting" for colour in ("red", "blue", "green") * 18)
WIDTHS = {"clip_l": 16, "clip_g": 24}


def new_clip(kind: str, projected: bool) -> Any:
    from transformers.models.clip.configuration_clip import CLIPTextConfig
    from transformers.models.clip.modeling_clip import CLIPTextModel, CLIPTextModelWithProjection

    config = CLIPTextConfig(
        vocab_size=49408,
        hidden_size=WIDTHS[kind],
        intermediate_size=32,
        num_hidden_layers=3,
        num_attention_heads=2,
        projection_dim=WIDTHS[kind] + 4,
        # The larger one as real checkpoints have it: the end mark is the highest id.
        **({"eos_token_id": 49407} if kind == "clip_l" else {"eos_token_id": 2}),
    )
    with seeded(len(kind) + projected + WIDTHS[kind]):
        return (CLIPTextModelWithProjection if projected else CLIPTextModel)(config).eval()


def new_t5() -> Any:
    from transformers.models.t5.configuration_t5 import T5Config
    from transformers.models.t5.modeling_t5 import T5EncoderModel

    config = T5Config(vocab_size=200, d_model=48, d_ff=32, num_layers=2, num_heads=2, d_kv=8)
    with seeded(9):
        return T5EncoderModel(config).eval()


def t5_words() -> Any:
    from transformers import T5TokenizerFast

    return T5TokenizerFast.from_pretrained(str(Path(__file__).parent / "fixtures" / "t5"))


@pytest.fixture(scope="module")
def words(clip: Clip) -> Any:
    from transformers import CLIPTokenizerFast

    folder = str(shipped_models() / "tiny" / "tokenizer")
    return CLIPTokenizerFast.from_pretrained(folder, local_files_only=True)


@pytest.fixture(scope="module")
def sdxl(clip: Clip) -> Clip:
    large = Clip(new_clip("clip_g", True), clip.tokenizer, kind="clip_g", family="sdxl")
    return Clip(new_clip("clip_l", False), clip.tokenizer, family="sdxl", others=(large,))


@pytest.fixture(scope="module")
def t5() -> Clip:
    tokenizer: Any = T5Tokenizer(t5_words()._tokenizer)
    return Clip(new_t5(), tokenizer, kind="t5", family="sd3")


@pytest.fixture(scope="module")
def sd3(clip: Clip, t5: Clip) -> Clip:
    small, large = (
        Clip(new_clip(kind, True), clip.tokenizer, kind=kind, family="sd3") for kind in WIDTHS
    )
    return replace(small, others=(large, t5))


@pytest.fixture(scope="module")
def flux(clip: Clip, t5: Clip) -> Clip:
    others = (replace(t5, family="flux"),)
    return Clip(new_clip("clip_l", False), clip.tokenizer, family="flux", others=others)


@pytest.fixture
def embeddings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of textual inversions that is searched."""
    monkeypatch.setenv("NODEFLOW_MODELS", str(tmp_path))
    folder = tmp_path / "embeddings"
    folder.mkdir()
    return folder


def vectors(count: int, width: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed))


def close(a: torch.Tensor | None, b: torch.Tensor | None, atol: float = 1e-5) -> None:
    assert a is not None
    assert b is not None
    torch.testing.assert_close(a, b, rtol=0, atol=atol)


def equal(a: Conditioning, b: Conditioning) -> bool:
    """To the bit."""
    same = torch.equal(a.embeddings, b.embeddings)
    if a.pooled is None or b.pooled is None:
        return same and a.pooled is b.pooled
    return same and torch.equal(a.pooled, b.pooled)


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(words=st.text(max_size=20), syntax=st.sampled_from(["comfyui", "a1111"]))
def test_escape_gives_the_plain_text_back_to_the_bit(clip: Clip, words: str, syntax: str) -> None:
    encode = prompt.encode_comfyui if syntax == "comfyui" else prompt.encode_a1111
    assert equal(encode(clip, prompt.escape(words, syntax)), text.encode(clip, words))


def test_escape_refuses_another_syntax() -> None:
    with pytest.raises(InputError, match="syntax: got 'novelai', expected one of comfyui, a1111"):
        prompt.escape("a", "novelai")


@pytest.mark.parametrize("weights", ["comfyui", "a1111", "no_norm"])
def test_encode_comfyui_with_weights_of_one_is_the_plain_text(clip: Clip, weights: str) -> None:
    plain = text.encode(clip, "a red cat on a mat")
    assert equal(prompt.encode_comfyui(clip, "a (red:1.0) cat on a (mat:1)", weights), plain)
    assert equal(prompt.encode_a1111(clip, "a (red:1.0) [(cat)] on a mat", weights), plain)


def test_encode_comfyui_weighs_from_the_empty_text(clip: Clip) -> None:
    plain, empty = text.encode(clip, "a red cat").embeddings, text.encode(clip, "").embeddings
    got = prompt.encode_comfyui(clip, "a (red:1.5) ((cat))")
    expected = plain.clone()
    expected[:, 2] = empty[:, 2] + 1.5 * (plain[:, 2] - empty[:, 2])
    expected[:, 3] = empty[:, 3] + 1.21 * (plain[:, 3] - empty[:, 3])
    close(got.embeddings, expected)
    close(got.pooled, text.encode(clip, "a red cat").pooled)


def test_encode_comfyui_reads_a_long_prompt_chunk_by_chunk(clip: Clip) -> None:
    count = len(clip.tokenizer.split(LONG)[0])
    assert count > 200
    got = prompt.encode_comfyui(clip, LONG)
    assert equal(got, text.encode(clip, LONG)), "all words are of one piece here"
    ids = clip.tokenizer.split(LONG)[0]
    for at in range(0, count, 75):
        row = torch.tensor([[49406, *ids[at : at + 75]]])
        row = torch.nn.functional.pad(row, (0, 77 - row.shape[1]), value=49407)
        hidden = clip.encoder(input_ids=row).last_hidden_state
        start = at // 75 * 77
        close(got.embeddings[:, start : start + 77], hidden)


def test_encode_comfyui_tells_every_fault(clip: Clip) -> None:
    wanted = (
        r"text: got '\)' at column 2, expected a '\(' before it\. .*"
        r"Also at column 7: got '1,2', expected a number"
    )
    with pytest.raises(InputError, match=wanted):
        prompt.encode_comfyui(clip, "a) (b:1,2)")
    with pytest.raises(InputError, match="weights: got 'x', expected one of comfyui"):
        prompt.encode_comfyui(clip, "a", "x")


def test_encode_comfyui_asks_for_an_embedding_that_is_there(clip: Clip, embeddings: Path) -> None:
    save_file({"emb_params": vectors(1, 16)}, embeddings / "skvex.safetensors")
    with pytest.raises(InputError, match=r"embedding 'skvexx' at column 3.*mean 'skvex"):
        prompt.encode_comfyui(clip, "a embedding:skvexx")


def test_encode_a1111_keeps_the_mean_of_a_chunk(clip: Clip) -> None:
    plain = text.encode(clip, "a red cat").embeddings
    got = prompt.encode_a1111(clip, "a (red:1.5) [cat]").embeddings
    expected = plain.clone()
    expected[:, 2] *= 1.5
    expected[:, 3] /= 1.1
    expected *= plain.mean() / expected.mean()
    close(got, expected)
    close(got.mean(), plain.mean())


def test_encode_a1111_begins_a_chunk_at_break(clip: Clip) -> None:
    got = prompt.encode_a1111(clip, "a cat BREAK a dog")
    parts = [text.encode(clip, words).embeddings for words in ("a cat", "a dog")]
    close(got.embeddings, torch.cat(parts, dim=1))
    close(got.pooled, text.encode(clip, "a cat").pooled)


def test_encode_a1111_makes_a_text_for_each_change(clip: Clip) -> None:
    got = prompt.encode_a1111(clip, "a [cat:dog:0.4] [x|y]")
    texts = [got, *got.more]
    assert [t.spans[0] for t in texts] == [Span(0.0, 0.4, "steps")] * 2 + [
        Span(0.4, 1.0, "steps")
    ] * 2
    assert [(t.spans[1].every, t.spans[1].offset) for t in texts] == [(2, 0), (2, 1)] * 2
    for found, words in zip(texts, ("a cat x", "a cat y", "a dog x", "a dog y"), strict=True):
        assert torch.equal(found.embeddings, text.encode(clip, words).embeddings)
    assert got.more[1].more == ()


def test_encode_a1111_encodes_equal_words_once(clip: Clip) -> None:
    got = prompt.encode_a1111(clip, "[a:b:0.2][:c:0.4][::0.6][b:a:0.8]")
    assert prompt.encode_a1111(clip, "[a:b:0.5] [a|a]").more[0].embeddings is not None
    first, *more = [got, *got.more]
    assert len(more) == 3
    again = prompt.encode_a1111(clip, "[[a:b:0.25]:a:0.5]")
    assert again.embeddings is again.more[1].embeddings
    assert again.embeddings is not again.more[0].embeddings
    assert first.spans == (Span(0.0, 0.2, "steps"),)


def test_encode_a1111_averages_what_and_joins(clip: Clip) -> None:
    got = prompt.encode_a1111(clip, "a cat AND [a:b:2] :0.5")
    assert [t.strength for t in (got, *got.more)] == [1.0, 0.5, 0.5]
    assert got.spans == ()
    assert got.more[0].spans == (Span(0.0, 2.0, "index"),)
    with pytest.raises(InputError, match="AND with weight -1, expected weights above 0"):
        prompt.encode_a1111(clip, "a cat AND a dog :-1")


def test_parts_are_the_texts_that_and_joins(clip: Clip) -> None:
    found = prompt.parts(clip, "a cat AND a dog :-0.5 AND (c:1.2)")
    assert found.weights == [1.0, -0.5, 1.0]
    assert equal(found.conditionings[0], text.encode(clip, "a cat"))
    assert equal(found.conditionings[1], text.encode(clip, "a dog"))
    assert prompt.parts(clip, "a cat").weights == [1.0]


@pytest.mark.parametrize("key", ["emb_params", "<skvex>"])
@pytest.mark.parametrize("count", [1, 3])
def test_encode_comfyui_puts_embeddings_in_as_diffusers_does(
    clip: Clip, words: Any, embeddings: Path, key: str, count: int
) -> None:
    import copy

    from diffusers import StableDiffusionPipeline

    file = embeddings / "skvex.safetensors"
    tensor = vectors(count, 16)
    save_file({key: tensor if count > 1 or key == "emb_params" else tensor[0]}, file)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a pipeline without a denoiser
        pipe: Any = StableDiffusionPipeline(
            vae=None,
            text_encoder=copy.deepcopy(clip.encoder),
            tokenizer=copy.deepcopy(words),
            unet=None,
            scheduler=None,
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )
        pipe.load_textual_inversion({key: tensor}, token="skvex")
        expected, _ = pipe.encode_prompt("a skvex of a cat", "cpu", 1, False)
    got = prompt.encode_comfyui(clip, "a embedding:skvex of a cat")
    close(got.embeddings, expected)
    bare = prompt.encode_a1111(clip, "a Skvex of a cat")
    assert equal(bare, got)
    assert clip.encoder.get_input_embeddings().weight.shape[0] == 49408


def test_encode_comfyui_pools_at_the_end_mark_behind_vectors(
    clip: Clip, sdxl: Clip, embeddings: Path
) -> None:
    """An encoder that finds the end mark as the highest id must not find a vector."""
    word = sdxl.others[0].encoder.get_input_embeddings().weight[[2368]].detach()
    small = sdxl.encoder.get_input_embeddings().weight[[2368]].detach()
    save_file({"clip_g": word, "clip_l": small}, embeddings / "puss.safetensors")
    got = prompt.encode_comfyui(sdxl, "a embedding:puss on a mat")
    expected = text.encode(sdxl, "a cat on a mat")
    close(got.embeddings, expected.embeddings, atol=1e-6)
    close(got.pooled, expected.pooled, atol=1e-6)


def test_encode_comfyui_takes_the_vectors_of_its_own_encoder(
    clip: Clip, sdxl: Clip, embeddings: Path
) -> None:
    pair = {"clip_l": vectors(2, 16), "clip_g": vectors(2, 24)}
    save_file(pair, embeddings / "pair.safetensors")
    save_file({"emb_params": pair["clip_g"]}, embeddings / "large.safetensors")
    save_file({"emb_params": pair["clip_l"]}, embeddings / "small.safetensors")
    both = prompt.encode_comfyui(sdxl, "embedding:pair")
    large = prompt.encode_comfyui(sdxl, "embedding:large")
    close(both.embeddings[..., 16:], large.embeddings[..., 16:], atol=1e-6)
    small = prompt.encode_comfyui(clip, "embedding:small")
    assert equal(prompt.encode_comfyui(clip, "embedding:pair"), small)


def test_encode_comfyui_says_which_width_an_embedding_has(clip: Clip, embeddings: Path) -> None:
    save_file({"emb_params": vectors(1, 20)}, embeddings / "wide.safetensors")
    with pytest.raises(
        InputError,
        match=r"text: got an .*wide\.safetensors .* width 20; .* 16 for clip_l",
    ):
        prompt.encode_comfyui(clip, "embedding:wide")
    save_file({"a": vectors(1, 16), "b": vectors(1, 16)}, embeddings / "two.safetensors")
    with pytest.raises(InputError, match="no textual inversion: it holds a, b; expected emb_"):
        prompt.encode_comfyui(clip, "embedding:two")
    (embeddings / "old.pt").write_bytes(b"\x80\x02}q\x00.")
    with pytest.raises(InputError, match=r"nodeflow models convert old\.pt"):
        prompt.encode_comfyui(clip, "embedding:old")


def test_encode_comfyui_counts_the_embeddings_it_reads(embeddings: Path) -> None:
    for name in ("one", "two"):
        save_file({"emb_params": vectors(1, 16)}, embeddings / f"{name}.safetensors")
    one, two = (embeddings / f"{name}.safetensors" for name in ("one", "two"))

    def reads(function: Any, **params: str) -> list[Path]:
        return list(function.__node__.reads(params))

    comfyui, web = prompt.encode_comfyui, prompt.encode_a1111
    assert reads(comfyui, text="a embedding:two, One") == [two]
    assert reads(web, text="a embedding:two, [One:b:3]") == [two, one]
    assert reads(comfyui, text="a (cat:1.2)") == []
    assert reads(comfyui, text="faulty )") == []
    wired = [file for file in reads(comfyui) if file.parent == embeddings]
    assert wired == [one, two], "a prompt by wire may name any"
    sizes = {"text_l": "", "text_g": "embedding:one", "syntax": "comfyui"}
    assert reads(prompt.encode_sdxl, **sizes) == [one]


def sdxl_oracle(sdxl: Clip, words: Any, first: str, second: str) -> tuple[Any, Any]:
    from diffusers import StableDiffusionXLPipeline

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipe: Any = StableDiffusionXLPipeline(
            None, sdxl.encoder, sdxl.others[0].encoder, words, words, None, None
        )
        found = pipe.encode_prompt(first, second, "cpu", 1, False)
    return found[0], found[2]


def test_encode_sdxl_is_diffusers_encoding(sdxl: Clip, words: Any) -> None:
    expected, pooled = sdxl_oracle(sdxl, words, "a red cat", "a photo of the sea")
    got = prompt.encode_sdxl(sdxl, "a photo of the sea", "a red cat", 800, 600, 8, 16, 1024, 512)
    close(got.embeddings, expected)
    close(got.pooled, pooled)
    assert got.size == PictureSize((600, 800), (16, 8), (512, 1024))
    same, pooled = sdxl_oracle(sdxl, words, "a red cat", "a red cat")
    for conditioning in (
        text.encode(sdxl, "a red cat"),
        prompt.encode_comfyui(sdxl, "a red cat"),
        prompt.encode_a1111(sdxl, "a red cat"),
    ):
        close(conditioning.embeddings, same)
        close(conditioning.pooled, pooled)


def test_encode_sdxl_fills_the_shorter_text_up_with_empty_chunks(sdxl: Clip) -> None:
    got = prompt.encode_sdxl(sdxl, LONG, "a red cat")
    chunks = -(-len(sdxl.tokenizer.split(LONG)[0]) // 75)
    assert got.embeddings.shape == (1, 77 * chunks, 40)
    empty = text.encode(sdxl, "").embeddings[..., :16]
    close(got.embeddings[:, 77:, :16], empty.repeat(1, chunks - 1, 1), atol=1e-6)


def test_encode_sdxl_changes_both_texts_together(sdxl: Clip) -> None:
    got = prompt.encode_sdxl(sdxl, "[a:b:0.5]", "c", syntax="a1111")
    assert [t.spans for t in (got, *got.more)] == [
        (Span(0.0, 0.5, "steps"),),
        (Span(0.5, 1.0, "steps"),),
    ]
    assert got.more[0].size == got.size
    with pytest.raises(InputError, match="got AND, expected one text for each encoder"):
        prompt.encode_sdxl(sdxl, "a AND b", "c AND d", syntax="a1111")


def test_encode_sdxl_tells_which_text_is_at_fault(sdxl: Clip, clip: Clip) -> None:
    with pytest.raises(InputError, match=r"text_l: got '\(' at column 1"):
        prompt.encode_sdxl(sdxl, "a", "(b")
    with pytest.raises(InputError, match="got an encoder clip_h, expected encoders among"):
        prompt.encode_flux(replace(clip, kind="clip_h"), "a")


def test_encode_sd3_is_diffusers_encoding(sd3: Clip, words: Any) -> None:
    from diffusers import StableDiffusion3Pipeline

    texts = ("a red cat", "the sea", "a red circle on blue")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        large, t5 = (part.encoder for part in sd3.others)
        pipe: Any = StableDiffusion3Pipeline(
            None, None, None, sd3.encoder, words, large, words, t5, t5_words()
        )
        expected, _, pooled, _ = pipe.encode_prompt(*texts, "cpu", 1, False)
    got = prompt.encode_sd3(sd3, *texts)
    close(got.embeddings, expected)
    close(got.pooled, pooled)
    weighted = prompt.encode_sd3(sd3, texts[0], texts[1], "a (red:1.5) circle on blue")
    empty = prompt.encode_sd3(sd3, "", "", "").embeddings
    at = 77 + 1
    wanted = empty[:, at] + 1.5 * (expected[:, at] - empty[:, at])
    close(weighted.embeddings[:, at], wanted)
    close(weighted.embeddings[:, at + 1 :], expected[:, at + 1 :])


def test_encode_flux_is_diffusers_encoding(flux: Clip, words: Any) -> None:
    from diffusers import FluxPipeline

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipe: Any = FluxPipeline(
            None, None, flux.encoder, words, flux.others[0].encoder, t5_words(), None
        )
        with torch.no_grad():  # attention takes another way where there are gradients
            expected, pooled, _ = pipe.encode_prompt("a red cat", "a red circle", "cpu", 1)
    got = prompt.encode_flux(flux, "a red cat", "a red circle", 2.5)
    close(got.embeddings, expected)
    close(got.pooled, pooled)
    assert got.guidance == 2.5
    changing = prompt.encode_flux(flux, "a", "[a:red:0.5]", 4.0, "a1111")
    assert [t.guidance for t in (changing, *changing.more)] == [4.0, 4.0]


def test_encode_comfyui_gives_t5_a_text_longer_than_it_is_used_to(flux: Clip) -> None:
    got = text.encode(flux, "red " * 600)
    assert got.embeddings.shape == (1, 601, 48)
    assert text.encode(flux, "red").embeddings.shape == (1, 512, 48)


def test_encode_a1111_with_a_skip_leaves_out_more_layers(sdxl: Clip) -> None:
    skipped = text.clip_skip(sdxl, 1)
    assert [part.skip for part in (skipped, *skipped.others)] == [1, 1]
    ids = sdxl.tokenizer.tokenize("a cat").ids
    states = [
        part.encoder(input_ids=ids, output_hidden_states=True).hidden_states[-3]
        for part in (sdxl, *sdxl.others)
    ]
    close(prompt.encode_a1111(skipped, "a cat").embeddings, torch.cat(states, dim=-1))
    with pytest.raises(InputError, match=r"layers: got 2, expected 0\.\.1"):
        text.clip_skip(sdxl, 2)


def test_encode_a1111_tells_faults_before_anything_runs(embeddings: Path) -> None:
    save_file({"emb_params": vectors(1, 16)}, embeddings / "there.safetensors")
    widget = definition_of(prompt.encode_a1111).inputs["text"].widget
    assert widget is not None
    assert widget.check("a (cat:1.2) [b|c] AND embedding:there") is None
    fault = widget.check("a ) (b:1,2) embedding:none")
    assert fault is not None
    assert "column 3: got ')'" in fault
    assert "column 8: got '1,2'" in fault
    missing = widget.check("a embedding:none")
    assert missing is not None
    assert "column 3: got embedding 'none'" in missing
    assert widget.as_json()["widget"] == "Prompt"


def test_encode_comfyui_tells_t5_what_is_padding_where_the_family_does(t5: Clip) -> None:
    pixart = replace(t5, family="pixart")
    ids, mask = pixart.tokenizer.framed(pixart.tokenizer.split("a red circle")[0], 300)  # type: ignore[attr-defined]
    told = torch.tensor([mask])
    with torch.no_grad():
        expected = t5.encoder(torch.tensor([ids]), attention_mask=told).last_hidden_state
    for got in (prompt.encode_comfyui(pixart, "a red circle"), text.encode(pixart, "a red circle")):
        close(got.embeddings, expected)
        assert got.attention_mask is not None
        assert torch.equal(got.attention_mask, told)
        assert got.pooled is None
    shown = text.tokens(pixart, "a (red:1.5) circle")
    assert shown.pieces == ["▁a", "▁red", "▁circle", "</s>"]
    assert shown.weights == [1.0, 1.5, 1.0, 1.0]
    assert shown.table.startswith("t5: 1 chunk, 4 slots\n")
    with pytest.raises(InputError, match="clip: got t5, expected a CLIP"):
        text.clip_skip(pixart, 1)


def test_encode_comfyui_puts_vectors_into_t5(flux: Clip, embeddings: Path) -> None:
    t5 = flux.others[0]
    red = t5.encoder.get_input_embeddings().weight[t5.tokenizer.split("red")[0]].detach()
    save_file({"t5": red}, embeddings / "rot.safetensors")
    got = prompt.encode_flux(flux, "", "a embedding:rot circle")
    close(got.embeddings, prompt.encode_flux(flux, "", "a red circle").embeddings, atol=1e-6)
