"""The training graphs run, made very small by their inputs, and go on from a state."""

from pathlib import Path

from nodeflow.context import RunContext
from nodeflow.executor import run
from nodeflow.formats.graph_json import read_graph
from nodeflow.graph import Graph

FOLDER = Path(__file__).parents[2] / "graphs" / "train"
DATA = {"centered": 12, "positioned": 6, "pairs": 6}
WIDTHS = [16, 16, 16, 16]


def graph(name: str) -> Graph:
    return read_graph(FOLDER / f"{name}.json")


def small(name: str, checkpoint: str) -> Graph:
    """The graph with a base of a few channels."""
    return graph(name).with_params({"checkpoint.name": checkpoint})


def test_autoencoder(tmp_path: Path) -> None:
    inputs = {**DATA, "steps": 2, "widths": WIDTHS}
    result = run(graph("1_autoencoder"), inputs, context=RunContext(output_dir=tmp_path))
    assert result.outputs["rebuilt"].pixels.shape == (16, 128, 128, 3)
    assert result.outputs["loss"].pixels.shape == (1, 360, 640, 3)
    assert (tmp_path / "train" / "autoencoder" / "state.json").is_file()


def test_text_encoder(tmp_path: Path) -> None:
    inputs = {**DATA, "steps": 2, "batch": 8, "layers": 1, "hidden": 32}
    result = run(graph("2_text_encoder"), inputs, context=RunContext(output_dir=tmp_path))
    assert result.outputs["loss"].pixels.shape == (1, 360, 640, 3)


def test_denoiser_saves_a_checkpoint_and_goes_on_from_its_state(tmp_path: Path) -> None:
    inputs = {
        **DATA,
        "autoencoder_steps": 2,
        "decoder_steps": 1,
        "autoencoder_widths": WIDTHS,
        "text_encoder_steps": 2,
        "text_layers": 1,
        "text_hidden": 32,
        "text_batch": 8,
        "steps": 2,
        "batch": 4,
        "widths": [16, 16, 16],
    }
    context = RunContext(output_dir=tmp_path)
    alone = {**DATA, "steps": 2, "widths": WIDTHS}
    run(graph("1_autoencoder"), alone, outputs=["loss"], context=context)
    state = (tmp_path / "train" / "autoencoder" / "state.json").read_bytes()
    first = run(graph("3_denoiser"), inputs, context=context)  # has the first graph's autoencoder
    assert (tmp_path / "train" / "autoencoder" / "state.json").read_bytes() == state
    saved = Path(first.outputs["checkpoint"])
    assert saved == tmp_path / "my_model"
    weights = (saved / "unet" / "diffusion_pytorch_model.safetensors").read_bytes()
    again = run(graph("3_denoiser"), inputs, context=context)  # every state is at its end
    assert Path(again.outputs["checkpoint"]) == saved
    assert (saved / "unet" / "diffusion_pytorch_model.safetensors").read_bytes() == weights


def test_lora(tmp_path: Path, checkpoint: str) -> None:
    inputs = {"centered": 4, "positioned": 2, "steps": 2, "batch": 2, "rank": 2}
    result = run(small("4_lora", checkpoint), inputs, context=RunContext(output_dir=tmp_path))
    assert result.outputs["lora"] == str(tmp_path / "loras" / "my_outline.safetensors")
    assert result.outputs["examples"].pixels.shape == (6, 128, 128, 3)
    assert result.outputs["compare"].pixels.shape[2] > 256
    assert (tmp_path / "train" / "lora" / "state.json").is_file()


def test_embedding(tmp_path: Path, checkpoint: str) -> None:
    inputs = {"word": "<hut>", "count": 4, "steps": 2, "batch": 2, "vectors": 1}
    result = run(small("5_embedding", checkpoint), inputs, context=RunContext(output_dir=tmp_path))
    assert result.outputs["embedding"] == str(tmp_path / "embeddings" / "my-house.safetensors")
    assert result.outputs["examples"].pixels.shape == (4, 128, 128, 3)


def test_controlnet(tmp_path: Path, checkpoint: str) -> None:
    inputs = {"centered": 3, "pairs": 1, "steps": 2, "batch": 2}
    result = run(small("6_controlnet", checkpoint), inputs, context=RunContext(output_dir=tmp_path))
    assert (Path(result.outputs["controlnet"]) / "config.json").is_file()
    assert result.outputs["hints"].pixels.shape == (4, 128, 128, 3)
    assert result.outputs["loss"].pixels.shape == (1, 360, 640, 3)
