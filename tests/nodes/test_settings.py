"""Where models lie: the settings file, and ComfyUI's own file of folders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from nodes import model_files, settings

KINDS = frozenset(model_files.KINDS)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(settings.SETTINGS, raising=False)
    monkeypatch.delenv(settings.MODELS, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path


def names(kind: str) -> list[str]:
    return [str(path) for path in model_files.model_folders(kind)]


def test_without_a_file_there_is_the_models_folder() -> None:
    assert settings.read(KINDS) == settings.Settings()
    assert names("checkpoints") == ["models/checkpoints"]
    assert names("controlnet") == ["models/controlnet", "models/t2i_adapter"]


def test_folders_of_the_settings_file_come_before_the_models_folder(here: Path) -> None:
    (here / "nodeflow.yaml").write_text("models: [more, /data]\nloras: mine\n")
    assert names("loras") == ["more/loras", "/data/loras", "models/loras", "mine"]
    assert names("vae") == ["more/vae", "/data/vae", "models/vae"]


def test_the_environment_names_another_settings_file(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = here / "sub" / "s.yaml"
    other.parent.mkdir()
    other.write_text("models: weights")
    monkeypatch.setenv(settings.SETTINGS, str(other))
    monkeypatch.setenv(settings.MODELS, "/first")
    assert names("vae") == ["/first/vae", str(here / "sub/weights/vae"), "models/vae"]
    monkeypatch.setenv(settings.SETTINGS, str(here / "missing.yaml"))
    with pytest.raises(settings.SettingsError, match=r"missing\.yaml, which is no file"):
        settings.read(KINDS)


def test_a_settings_file_for_the_user(here: Path) -> None:
    place = here / "config" / "nodeflow"
    place.mkdir(parents=True)
    (place / "nodeflow.yaml").write_text("vae: [a, b]")
    assert names("vae") == ["models/vae", str(place / "a"), str(place / "b")]


COMFYUI = """
comfyui:
  base_path: ComfyUI/
  checkpoints: models/checkpoints/
  clip: |
    models/clip/
    models/text_encoders/
  unet: models/unet
  custom_nodes: custom_nodes/
other:
  base_path: /webui
  is_default: true
  checkpoints: models/Stable-diffusion
  embeddings: embeddings
empty:
"""


def test_comfyui_s_file_is_honoured_without_being_named(here: Path) -> None:
    (here / "extra_model_paths.yaml").write_text(COMFYUI)
    assert names("checkpoints") == [
        "/webui/models/Stable-diffusion",
        "models/checkpoints",
        "ComfyUI/models/checkpoints",
    ]
    assert names("text_encoders")[2:] == ["ComfyUI/models/clip", "ComfyUI/models/text_encoders"]
    assert names("diffusion_models")[2:] == ["ComfyUI/models/unet"]
    assert names("embeddings")[0] == "/webui/embeddings"


def test_comfyui_s_file_counts_from_where_it_is(here: Path) -> None:
    (here / "elsewhere").mkdir()
    (here / "elsewhere" / "paths.yaml").write_text(COMFYUI)
    (here / "nodeflow.yaml").write_text("extra_model_paths: elsewhere/paths.yaml")
    assert names("checkpoints")[2] == "elsewhere/ComfyUI/models/checkpoints"


def test_a_model_is_found_where_comfyui_has_it(here: Path) -> None:
    (here / "extra_model_paths.yaml").write_text(COMFYUI)
    place = here / "ComfyUI" / "models" / "checkpoints"
    place.mkdir(parents=True)
    (place / "dream.safetensors").write_bytes(b"x")
    assert "dream.safetensors" in model_files.list_models("checkpoints")
    assert model_files.find("checkpoints", "dream").samefile(place / "dream.safetensors")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("models: {a: 1}", "expected a path or a list of paths"),
        ("modells: x", "'modells' means nothing here"),
        ("- a\n- b", "expected names with values, got list"),
        ("a: [", "is no YAML"),
    ],
)
def test_a_damaged_file_is_named_with_what_is_wrong(here: Path, text: str, fault: str) -> None:
    (here / "nodeflow.yaml").write_text(text)
    with pytest.raises(settings.SettingsError, match=fault) as caught:
        settings.read(KINDS)
    assert "nodeflow.yaml" in str(caught.value)


def test_a_section_that_is_none_is_named(here: Path) -> None:
    (here / "extra_model_paths.yaml").write_text("comfyui: here")
    with pytest.raises(settings.SettingsError, match="section 'comfyui'"):
        settings.read(KINDS)


def test_a_file_that_changes_is_read_again(here: Path) -> None:
    file = here / "nodeflow.yaml"
    write: Callable[[str], int] = file.write_text
    write("models: one")
    assert names("vae")[0] == "one/vae"
    write("models: another")
    assert names("vae")[0] == "another/vae"
