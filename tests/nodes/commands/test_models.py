"""`nodeflow models`, as a user types it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from nodeflow.cli import app

EMBEDDING = {"emb_params": torch.arange(6.0).reshape(2, 3)}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("NODEFLOW_MODELS", "NODEFLOW_SETTINGS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path


def nodeflow(*words: str | Path) -> Any:
    return CliRunner().invoke(app, ["models", *map(str, words)])


def test_list_tells_what_is_shipped_and_where_it_looks(here: Path) -> None:
    done = nodeflow("list", "checkpoints")
    assert done.exit_code == 0
    assert done.stdout.split() == ["checkpoints", "tiny"]
    told = json.loads(nodeflow("list", "--json").stdout)
    assert told["models"]["checkpoints"] == ["tiny"]
    assert told["folders"]["vae"] == ["models/vae"]
    assert nodeflow("list", "vae").stdout.split()[0] == "vae"


def test_list_of_an_unknown_kind_names_those_there_are() -> None:
    done = nodeflow("list", "lora")
    assert done.exit_code == 1
    assert "loras" in done.stderr


def test_info_of_a_name_and_of_a_path(here: Path) -> None:
    done = nodeflow("info", "tiny")
    assert done.exit_code == 0
    assert "sd1" in done.stdout
    save_file(EMBEDDING, here / "e.safetensors")
    told = json.loads(nodeflow("info", "e.safetensors", "--hash", "--json").stdout)
    assert told["kind"] == "embeddings"
    digest = hashlib.sha256((here / "e.safetensors").read_bytes()).hexdigest()
    assert told["sha256"] == digest


def test_info_says_what_is_wrong_with_a_file(here: Path) -> None:
    (here / "page.safetensors").write_text("<!DOCTYPE html><html></html>")
    done = nodeflow("info", "page.safetensors")
    assert done.exit_code == 1
    assert "page.safetensors" in done.stderr
    done = nodeflow("info", "nothing")
    assert done.exit_code == 1
    assert "no model 'nothing'" in done.stderr


def test_add_puts_each_file_where_it_is_found(here: Path) -> None:
    save_file(EMBEDDING, here / "cat.safetensors")
    save_file({"x.lora_up.weight": torch.zeros(1)}, here / "style.safetensors")
    done = nodeflow("add", "cat.safetensors", "style.safetensors")
    assert done.exit_code == 0
    assert (here / "models/embeddings/cat.safetensors").is_file()
    assert (here / "models/loras/style.safetensors").is_file()
    assert nodeflow("list", "loras").stdout.split()[:1] == ["loras"]
    assert "style.safetensors" in nodeflow("list", "loras").stdout
    again = nodeflow("add", "cat.safetensors")
    assert again.exit_code == 1
    assert "is there already" in again.stderr


def test_add_links_and_goes_on_after_what_it_cannot_add(here: Path) -> None:
    (here / "model.ckpt").write_bytes(b"\x80\x02")
    save_file({"a.b": torch.zeros(1), "c.d": torch.zeros(1)}, here / "odd.safetensors")
    save_file(EMBEDDING, here / "cat.safetensors")
    done = nodeflow("add", "model.ckpt", "odd.safetensors", "cat.safetensors", "--link")
    assert done.exit_code == 1
    assert "nodeflow models convert model.ckpt" in done.stderr
    assert "--kind" in done.stderr
    assert (here / "models/embeddings/cat.safetensors").is_symlink()
    assert nodeflow("add", "odd.safetensors", "--kind", "vae", "--to", "more").exit_code == 0
    assert (here / "more/vae/odd.safetensors").is_file()


def test_convert_makes_safetensors_of_a_pickle(here: Path) -> None:
    torch.save({"state_dict": {"a": torch.ones(2), "step": 3}}, here / "old.ckpt")
    done = nodeflow("convert", "old.ckpt")
    assert done.exit_code == 0, done.stderr
    assert torch.equal(load_file(here / "old.safetensors")["a"], torch.ones(2))
    again = nodeflow("convert", "old.ckpt")
    assert again.exit_code == 1
    assert "is there already" in again.stderr


class _Evil:
    def __reduce__(self) -> Any:
        return (os.system, ("touch ran",))


def test_convert_runs_nothing_that_a_pickle_says(here: Path) -> None:
    torch.save({"state_dict": {"a": torch.ones(2)}, "more": _Evil()}, here / "evil.ckpt")
    done = nodeflow("convert", "evil.ckpt")
    assert done.exit_code == 1
    assert "evil.ckpt" in done.stderr
    assert not (here / "ran").exists()
    assert not (here / "evil.safetensors").exists()


CONTENT = {"model.safetensors": b"x" * 100_000, "config.json": b'{"a": 1}', "old.bin": b"no"}
COMMIT = "0123456789abcdef0123456789abcdef01234567"


class _Hub(BaseHTTPRequestHandler):
    """As much of the hub's interface as its library asks for."""

    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        if path.startswith("/api/models/some/model"):
            if "/tree/" in path:
                entries = [
                    {"type": "file", "path": name, "size": len(data), "oid": "0" * 40}
                    for name, data in CONTENT.items()
                ]
                self._answer(200, json.dumps(entries).encode())
                return
            siblings = [{"rfilename": name} for name in CONTENT]
            about = {"id": "some/model", "sha": COMMIT, "siblings": siblings}
            self._answer(200, json.dumps({**about, "private": False, "tags": []}).encode())
        elif path.startswith("/some/model/resolve/"):
            data = CONTENT.get(path.rpartition("/")[2])
            if data is None:
                self._answer(404, b"", {"X-Error-Code": "EntryNotFound"})
                return
            self._answer(200, data, {"ETag": f'"{hashlib.sha1(data).hexdigest()}"'})
        else:
            self._answer(404, b"", {"X-Error-Code": "RepoNotFound"})

    def _answer(self, status: int, data: bytes, more: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"X-Repo-Commit": COMMIT, **(more or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def hub() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Hub)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def pulled(endpoint: str, *words: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own: the hub's library reads its address when it is imported."""
    command = [sys.executable, "-m", "nodeflow.cli", "models", "pull", *words]
    environment = {**os.environ, "HF_ENDPOINT": endpoint, "HF_HUB_DISABLE_TELEMETRY": "1"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)


def test_pull_fetches_a_file_into_the_folder_of_its_kind(hub: str, here: Path) -> None:
    done = pulled(hub, "some/model", "model.safetensors", "--kind", "loras")
    assert done.returncode == 0, done.stderr
    file = here / "models/loras/model.safetensors"
    assert file.read_bytes() == CONTENT["model.safetensors"]
    assert done.stdout.strip().endswith("models/loras/model.safetensors")


def test_pull_fetches_a_whole_folder_without_its_pickles(hub: str, here: Path) -> None:
    done = pulled(hub, "some/model")
    assert done.returncode == 0, done.stderr
    folder = here / "models/checkpoints/model"
    assert {p.name for p in folder.iterdir() if p.is_file()} == {"model.safetensors", "config.json"}


def test_pull_says_what_is_missing(hub: str) -> None:
    done = pulled(hub, "some/model", "other.safetensors")
    assert done.returncode == 1
    assert "has no such file" in done.stderr
    done = pulled(hub, "no/such", "model.safetensors")
    assert done.returncode == 1
    assert "there is no repository no/such" in done.stderr


def test_pull_without_a_network_says_what_to_do() -> None:
    done = pulled("http://hub.invalid", "some/model", "model.safetensors")
    assert done.returncode == 1
    assert "the hub cannot be reached" in done.stderr
    assert "nodeflow models add" in done.stderr
    assert "Traceback" not in done.stderr
