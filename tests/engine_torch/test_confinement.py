"""What a confined process may read and write: asked of the rules, of widgets, of runs, and of the
hook in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nodeflow import confinement
from nodeflow.confinement import ConfinedError, confine, confined, release, told, why_not
from nodeflow.context import RunContext
from nodeflow.errors import GraphError, GraphFormatError, NodeError
from nodeflow.executor import run
from nodeflow.formats.graph_json import graph_from_data, read_graph
from nodeflow.registry import load_registry
from nodeflow.saving import save_output
from nodeflow.widgets import FilePath, NewPath
from nodes import model_files
from nodes.diffusion.checkpoint_files import CheckpointError
from nodes.prompt_wildcards import Wildcards
from nodes.types import Image


@pytest.fixture
def base(tmp_path: Path) -> Iterator[Path]:
    """A confined process: reads `input`, writes `output`, follows links of `models`; `secret` is
    beside them."""
    for name in ("input", "output", "models", "secret", "big"):
        (tmp_path / name).mkdir()
    picture(tmp_path / "secret/private.png")
    picture(tmp_path / "input/cat.png")
    confine([tmp_path / "input"], tmp_path / "output", follow=[tmp_path / "models"])
    yield tmp_path
    release()


def picture(path: Path) -> None:
    from PIL import Image as Pillow

    Pillow.new("RGB", (8, 8), (200, 30, 10)).save(path)


def graph(*nodes: tuple[str, str, dict[str, Any], dict[str, Any]], output: str) -> Any:
    made = {id: {"type": t, "params": params, "links": links} for id, t, params, links in nodes}
    return graph_from_data({"nodeflow": 1, "nodes": made, "outputs": {"out": output}})


# ── the rules ───────────────────────────────────────────────────────────────────────────────────


def test_a_process_that_is_not_confined_may_do_what_its_user_may(tmp_path: Path) -> None:
    assert not confined()
    assert why_not("/etc/passwd") is None
    assert why_not(tmp_path / "x", writing=True) is None
    assert told("/etc/passwd") == "/etc/passwd"


def test_reading_is_for_the_folders_named(base: Path) -> None:
    assert confined()
    for good in ("input/cat.png", "input", "input/not/there.png", "output/x.png", "models/a"):
        assert why_not(base / good) is None, good
    for bad in ("secret/private.png", "input2/x", "", "input/../secret/private.png"):
        assert why_not(base / bad) is not None, bad


def test_writing_is_for_the_output_folder(base: Path) -> None:
    assert why_not(base / "output/a/b.png", writing=True) is None
    for bad in ("input/x.png", "models/x", "output/../x", "secret/x"):
        assert why_not(base / bad, writing=True) is not None, bad


def test_links_lead_nowhere_but_where_the_operator_laid_them(base: Path) -> None:
    (base / "input/link.png").symlink_to(base / "secret/private.png")
    (base / "input/up").symlink_to(base)
    (base / "output/out").symlink_to(base / "secret")
    (base / "models/big").symlink_to(base / "big")
    assert why_not(base / "input/link.png") is not None
    assert why_not(base / "input/up/secret/private.png") is not None
    assert why_not(base / "output/out/x.png", writing=True) is not None
    assert why_not(base / "models/big/m.safetensors") is None
    # What a link makes of `..` no text can tell: such a path is followed to its end.
    assert why_not(base / "models/big/../secret/private.png") is not None
    assert why_not(base / "models/big/m.safetensors", writing=True) is not None


def test_a_ring_of_links_is_refused(base: Path) -> None:
    (base / "a").symlink_to(base / "b")
    (base / "b").symlink_to(base / "a")
    assert why_not(base / "a/x.png") is not None


@pytest.mark.parametrize(
    "path",
    ["x\0.png", "C:\\x.png", "c:x.png", "\\\\host\\share\\x.png", "\\\\?\\C:\\x", "\\\\.\\nul"],
)
def test_odd_paths_are_refused_whatever_they_would_mean(base: Path, path: str) -> None:
    assert why_not(path) is not None
    assert why_not(path, writing=True) is not None


@pytest.mark.parametrize("name", ["con", "NUL.png", "a/com1.txt", "Aux .x", "lpt¹", "dot.", "a /b"])
def test_names_that_windows_reads_otherwise_are_not_written(base: Path, name: str) -> None:
    assert why_not(base / "output" / name, writing=True) is not None


def test_a_path_is_told_without_what_stands_above(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(base)
    assert told(base / "input/cat.png") == "input/cat.png"
    assert told(Path.home() / "models") == "~/models"
    assert str(base) not in told(base.parent / "elsewhere/m.safetensors")


def test_folders_of_models_are_offered_by_the_nodes() -> None:
    assert model_files.shipped_models() in confinement.readable()


# ── widgets, look-ups, savers ───────────────────────────────────────────────────────────────────


def test_a_file_widget_says_nothing_of_what_it_may_not_see(base: Path) -> None:
    widget = FilePath(suffixes=(".png",))
    assert widget.check(str(base / "input/cat.png")) is None
    there, not_there = (str(base / f"secret/{n}.png") for n in ("private", "nothing"))
    faults = [widget.check(path) for path in (there, not_there)]
    assert faults[0] is not None
    assert faults[0].replace("private", "nothing") == faults[1]
    assert widget.hint(there) == widget.hint(not_there)
    assert widget.hint(str(base / "secret/privat.png")) == widget.hint(there)
    assert "exist" in (widget.check(str(base / "input/dog.png")) or "")


def test_a_new_path_follows_no_link_out(base: Path) -> None:
    (base / "output/out").symlink_to(base / "secret")
    assert NewPath().check("a/b") is None
    assert NewPath().check("out/b") is not None
    assert NewPath().check("con") is not None


def test_models_are_found_where_models_are(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (base / "secret/m.safetensors").write_bytes(b"x")
    monkeypatch.chdir(base)
    confine([base / "input"], base / "output", follow=confinement.readable())
    assert model_files.find("checkpoints", "tiny") == model_files.shipped_models() / "tiny"
    outside = [str(base / "secret/m"), str(base / "secret/m.safetensors"), "secret/m"]
    for name in [*outside, "../../secret/m", "/etc/passwd", "tiny/../../../secret/m"]:
        with pytest.raises(FileNotFoundError) as caught:
            model_files.find("loras", name)
        assert str(base) not in str(caught.value).replace(name, "")
    fault = model_files.ModelName(kind="loras").check(str(base / "secret/m"))
    assert fault == f"there is no LoRA {str(base / 'secret/m')!r}"


@pytest.mark.parametrize("suffix", [".pt", ".ckpt", ".bin", ".pth", ".PT"])
def test_no_pickle_is_opened(base: Path, monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
    file = base / f"models/hypernetworks/x{suffix}"
    file.parent.mkdir()
    file.write_bytes(b"PK\x03\x04")
    monkeypatch.setenv("NODEFLOW_MODELS", str(base / "models"))
    with pytest.raises(CheckpointError, match="is a pickle"):
        model_files.find("hypernetworks", f"x{suffix}")
    assert "x.pt" not in model_files.list_models("hypernetworks")
    release()
    assert model_files.find("hypernetworks", f"x{suffix}") == file


def test_training_keeps_its_state_in_the_output_folder(base: Path) -> None:
    (base / "output/out").symlink_to(base / "secret")
    scenes = {"type": "train_data.scenes", "params": {"centered": 8, "positioned": 0, "pairs": 0}}
    params = {"steps": 1, "batch": 4, "layers": 1, "hidden": 8}
    encoder = {"type": "train.text_encoder", "links": {"scenes": "data.scenes"}}
    context = RunContext(output_dir=base / "output")
    for folder in ("train/mine", "../secret", "out/mine", str(base / "secret")):
        nodes = {"data": scenes, "it": {**encoder, "params": {**params, "folder": folder}}}
        made = graph_from_data({"nodeflow": 1, "nodes": nodes, "outputs": {"out": "it.losses"}})
        if folder == "train/mine":
            run(made, context=context)
            continue
        with pytest.raises(GraphError) as caught:
            run(made, context=context)
        assert [p.code for p in caught.value.problems] == ["outside-output"]
    assert (base / "output/train/mine/state.json").is_file()
    assert not list((base / "secret").rglob("state*"))


def test_wildcards_are_read_from_folders_that_may_be_read(base: Path) -> None:
    (base / "secret/words.txt").write_text("hidden\n")
    (base / "input/words.txt").write_text("cat\n")
    (base / "input/link.txt").symlink_to(base / "secret/words.txt")
    assert list(Wildcards(str(base / "input")).files) == ["words"]
    with pytest.raises(ConfinedError):
        Wildcards(str(base / "secret"))


def test_an_output_is_saved_in_the_output_folder_alone(base: Path) -> None:
    import torch

    image = Image(torch.zeros(1, 4, 4, 3))
    assert save_output(image, base / "output/x", {}) == [base / "output/x.png"]
    for bad in ("secret/x", "output/../x"):
        with pytest.raises(ConfinedError):
            save_output(image, base / bad, {})
    assert not (base / "x.png").exists()


def test_a_group_in_another_file_is_read_only_from_where_may_be_read(base: Path) -> None:
    inner = {"nodeflow": 1, "nodes": {}}
    outer = {"nodeflow": 1, "nodes": {"g": {"type": "flow.graph", "graph": "../secret/g.json"}}}
    (base / "secret/g.json").write_text(json.dumps(inner))
    (base / "input/outer.json").write_text(json.dumps(outer))
    with pytest.raises(GraphFormatError) as caught:
        read_graph(base / "input/outer.json")
    assert [p.code for p in caught.value.problems] == ["group-file"]
    with pytest.raises(GraphFormatError) as caught:  # as it comes in a request: there is no folder
        graph_from_data(outer)
    assert [p.code for p in caught.value.problems] == ["group-file"]


# ── runs ────────────────────────────────────────────────────────────────────────────────────────


PATH_BY_WIRE = {"type": "load.image", "links": {"path": "t.value"}}
IN_A_LOOP = {
    "type": "flow.map",
    "each": {"path": "t.value"},
    "collect": {"image": "i.image"},
    "body": {"i": {"type": "load.image", "links": {"path": "each.path"}}},
}
READERS: dict[str, tuple[dict[str, Any], str]] = {
    "literal": ({"i": {"type": "load.image", "params": {"path": "FILE"}}}, "i.image"),
    "link": ({"i": {"type": "load.mask", "params": {"path": "LINK"}}}, "i.mask"),
    "wire": (
        {"t": {"type": "value.text", "params": {"value": "FILE"}}, "i": PATH_BY_WIRE},
        "i.image",
    ),
    "link by wire": (
        {"t": {"type": "value.text", "params": {"value": "LINK"}}, "i": PATH_BY_WIRE},
        "i.image",
    ),
    "loop": (
        {"t": {"type": "value.texts", "params": {"values": ["FILE"]}}, "i": IN_A_LOOP},
        "i.image",
    ),
    "folder": (
        {"i": {"type": "load_images.from_folder", "params": {"folder": "FOLDER"}}},
        "i.images",
    ),
    "folder by wire": (
        {
            "t": {"type": "value.text", "params": {"value": "FOLDER"}},
            "i": {"type": "load_images.names", "links": {"folder": "t.value"}},
        },
        "i.names",
    ),
    "wildcards": (
        {"i": {"type": "prompt_variants.wildcards", "params": {"folder": "FOLDER"}}},
        "i.names",
    ),
    "wildcard": (
        {"i": {"type": "prompt_variants.random", "params": {"text": "__x__", "folder": "FOLDER"}}},
        "i.text",
    ),
}


@pytest.mark.parametrize("how", READERS)
def test_no_graph_reads_elsewhere(base: Path, how: str) -> None:
    secret, link = base / "secret/private.png", base / "input/link.png"
    link.symlink_to(secret)
    nodes, output = READERS[how]
    text = json.dumps({"nodeflow": 1, "nodes": nodes, "outputs": {"out": output}})
    for word, path in (("FILE", secret), ("LINK", link), ("FOLDER", base / "secret")):
        text = text.replace(word, str(path))
    with pytest.raises((GraphError, NodeError)) as caught:
        run(graph_from_data(json.loads(text)), registry=load_registry(()))
    assert "outside of what this server may read" in str(caught.value)


def test_a_folder_shows_no_link_that_leads_out(base: Path) -> None:
    (base / "input/link.png").symlink_to(base / "secret/private.png")
    asked = graph(("i", "load_images.names", {"folder": str(base / "input")}, {}), output="i.names")
    assert run(asked, registry=load_registry(())).outputs["out"] == ["cat"]


@pytest.mark.parametrize("name", ["../x", "/tmp/x", "out/x", "a/../../x", "con", "C:x", "x\0y"])
@pytest.mark.parametrize("wired", [False, True])
def test_no_graph_writes_elsewhere(base: Path, name: str, wired: bool) -> None:
    (base / "output/out").symlink_to(base / "secret")
    before = sorted(base.rglob("*"))
    image = ("i", "load.image", {"path": str(base / "input/cat.png")}, {})
    text = ("t", "value.text", {"value": name}, {})
    params = {} if wired else {"name": name}
    links = {"image": "i.image", **({"name": "t.value"} if wired else {})}
    asked = graph(image, text, ("s", "image.save", params, links), output="s.paths")
    with pytest.raises((GraphError, NodeError)) as caught:
        run(asked, registry=load_registry(()), context=RunContext(output_dir=base / "output"))
    assert "name" in str(caught.value)
    assert sorted(base.rglob("*")) == before


# ── the hook, in a process of its own: it cannot be taken out again ─────────────────────────────

_HOOKED = """
import os, pickle, shutil, sys, tempfile
from pathlib import Path
base = Path(sys.argv[1])
from nodeflow import confinement
from nodeflow.confinement import ConfinedError
confinement.install_audit_hook()
(base / "before").write_text("not confined yet")
confinement.confine([base / "input"], base / "output")
def refused(what):
    try:
        what()
    except PermissionError as error:
        assert isinstance(error, ConfinedError), error
        return
    raise AssertionError(f"let through: {what}")
"""


def _hooked(base: Path, body: str) -> None:
    code = _HOOKED + textwrap.dedent(body)
    for name in ("input", "output", "tmp"):
        (base / name).mkdir()
    env = {**os.environ, "TMPDIR": str(base / "tmp"), "TEMP": str(base / "tmp")}
    done = subprocess.run(
        [sys.executable, "-c", code, str(base)], env=env, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr


def test_the_hook_holds_the_state_of_a_training(tmp_path: Path) -> None:
    """Safetensors writes past Python: the file is opened before."""
    _hooked(
        tmp_path,
        """
        import torch
        from nodes.diffusion.training.checkpointing import State, load_state, save_state
        state = State(1, {}, [], {"w": torch.ones(2)})
        for _ in range(2):
            save_state(base / "output/deep/mine", state)
        assert load_state(base / "output/deep/mine").tensors["w"].tolist() == [1, 1]
        refused(lambda: save_state(base / "elsewhere", state))
        refused(lambda: save_state(base / "input", state))
        assert list((base / "input").iterdir()) == []
        """,
    )


def test_the_hook_lets_nothing_be_written_elsewhere(tmp_path: Path) -> None:
    _hooked(
        tmp_path,
        """
        out, elsewhere = base / "output", base / "elsewhere"
        (out / "a").mkdir()
        (out / "a/x").write_text("good")
        (out / "a/x").rename(out / "a/y")
        shutil.rmtree(out / "a")
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "x").write_text("good")
        open(os.devnull, "w").close()
        (base / "before").read_text()
        refused(lambda: elsewhere.write_text("bad"))
        refused(lambda: open(elsewhere, "ab"))
        refused(lambda: open(base / "before", "r+b"))
        refused(lambda: os.open(elsewhere, os.O_CREAT | os.O_RDONLY))
        refused(lambda: elsewhere.mkdir())
        refused(lambda: (base / "before").unlink())
        refused(lambda: (base / "before").rename(out / "x"))
        refused(lambda: os.truncate(base / "before", 0))
        refused(lambda: os.chmod(base / "before", 0o777))
        refused(lambda: shutil.rmtree(base / "input"))
        refused(lambda: (out / ".." / "x").write_text("bad"))
        refused(lambda: (out / "link").symlink_to(base / "before"))
        refused(lambda: os.link(base / "before", out / "link"))
        assert not elsewhere.exists() and (base / "before").read_text() == "not confined yet"
        confinement.release()
        elsewhere.write_text("no longer confined")
        """,
    )


def test_the_hook_lets_no_pickle_name_a_class(tmp_path: Path) -> None:
    _hooked(
        tmp_path,
        """
        class Evil:
            def __reduce__(self):
                return os.mkdir, (str(base / "output/ran"),)
        data = pickle.dumps(Evil())
        refused(lambda: pickle.loads(data))
        assert not (base / "output/ran").exists()
        assert pickle.loads(pickle.dumps([1, "a"])) == [1, "a"]
        """,
    )


def test_a_picture_is_made_under_the_hook(tmp_path: Path) -> None:
    """What torch, safetensors and Pillow do to make one goes through."""
    _hooked(
        tmp_path,
        """
        os.chdir(base)
        confinement.confine([base / "input"], base / "output", follow=confinement.readable())
        import json
        from nodeflow.context import RunContext
        from nodeflow.executor import run
        from nodeflow.formats.graph_json import graph_from_data
        from nodeflow.registry import load_registry
        nodes = {
            "load": {"type": "load.checkpoint", "params": {"name": "tiny"}},
            "text": {"type": "text.tokens", "params": {"text": "a red circle"},
                     "links": {"clip": "load.clip"}},
            "empty": {"type": "latent.empty", "params": {"width": 64, "height": 64}},
            "picture": {"type": "vae.decode",
                        "links": {"vae": "load.vae", "latent": "empty.latent"}},
            "save": {"type": "image.save", "links": {"image": "picture.image"}},
        }
        made = graph_from_data({"nodeflow": 1, "nodes": nodes, "outputs": {"paths": "save.paths"}})
        context = RunContext(output_dir=base / "output")
        result = run(made, registry=load_registry(()), context=context)
        assert Path(result.outputs["paths"][0]).is_file()
        """,
    )
