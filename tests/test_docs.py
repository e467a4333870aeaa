"""README.md and docs/*.md tell the truth: their commands, snippets and graphs are run here.

Each page runs in a folder of its own, in order, with the graphs beside it. In a page
- a block below a line that ends with `name.ext`: is written to that file;
- a ```console block holds commands (`$ nodeflow …`), run in this process, and what they print: each
  line must come, in this order, and `…` stands for anything; a line that begins with `error` means
  that the command before it fails;
- a ```python block is run; `# → text` behind a line is what it prints;
- a ```json block is a graph that must hold (if it is not a file that a command reads), or a part;
- a ```bash block is for the shell and is not run; `nodeflow run FILE.json` in one is validated.
"""

from __future__ import annotations

import fnmatch
import io
import json
import re
import runpy
import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from nodeflow.cli import app
from nodeflow.formats.graph_json import parse_graph
from nodeflow.graph import STRUCTURAL
from nodeflow.registry import default_registry
from nodeflow.validate import validate
from serving import serving

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
NAMES = [page.relative_to(ROOT).as_posix() for page in PAGES]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
FILE_NAME = re.compile(r"`([\w./-]+\.\w+)`:\s*$")
DEFAULT_SERVER = "http://127.0.0.1:8188/"
LINK = re.compile(r"\]\(([^)\s]+)\)|<img src=\"([^\"]+)\"")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, and the file that the line above it names."""

    language: str
    text: str
    file: str


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    found = []
    for match in FENCE.finditer(text):
        name = FILE_NAME.search(text[: match.start()])
        found.append(Block(match[1], match[2], name[1] if name else ""))
    return found


def prose(page: Path) -> str:
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def quick_start() -> list[str]:
    commands: list[str] = runpy.run_path(str(ROOT / ".ci" / "quick_start.py"))["commands"](
        (ROOT / "README.md").read_text(encoding="utf-8")
    )
    return commands


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a page runs: the graphs beside it, and nothing else."""
    shutil.copytree(ROOT / "graphs", tmp_path / "graphs")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name in ("NODEFLOW_NODES", "NODEFLOW_MODELS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_what_a_page_shows_runs_as_it_says(page: Path, folder: Path) -> None:
    if page.name == "server.md":
        with serving(folder / "server", "--headless") as server:
            run_page(page, folder, (DEFAULT_SERVER, server.url))
    else:
        run_page(page, folder)


def run_page(page: Path, folder: Path, replaced: tuple[str, str] = ("", "")) -> None:
    """Everything of a page, in order; in its Python one text may stand for another."""
    names: dict[str, Any] = {"__name__": "__main__"}
    read = {word for b in blocks(page) if b.language == "console" for word in b.text.split()}
    for block in blocks(page):
        if block.file:
            target = folder / block.file
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(block.text, encoding="utf-8")
        if block.language == "console":
            for command, lines in sessions(block.text):
                run_command(command, lines)
        elif block.language == "python" and not block.file:
            run_python(block.text.replace(*replaced), names, page)
        elif block.language == "json" and block.file not in read:
            check_json(block.text, folder)
        elif block.language == "bash":
            validate_runs(block.text)


def sessions(text: str) -> Iterator[tuple[str, list[str]]]:
    """The commands of a console block, each with the lines that it prints."""
    joined = text.replace("\\\n", "")
    for part in re.split(r"^\$ ", joined, flags=re.M):
        if part:
            command, *lines = part.splitlines()
            yield command, lines


def run_command(command: str, lines: list[str]) -> None:
    words = shlex.split(command, comments=True)
    assert words[0] == "nodeflow", f"{command}: only nodeflow's own commands are run"
    result = CliRunner().invoke(app, words[1:])
    fails = any(line.startswith("error") for line in lines)
    assert (result.exit_code != 0) == fails, f"{command}: {result.output}{result.exception!r}"
    printed = iter(result.output.splitlines())
    for line in lines:
        pattern = "*".join(map(_literal, line.rstrip().split("…")))
        if line.strip() != "…":
            assert any(fnmatch.fnmatchcase(got.rstrip(), pattern) for got in printed), (
                f"{command} did not print {line!r} (in this order):\n{result.output}"
            )


def _literal(text: str) -> str:
    return re.sub(r"([*?[])", r"[\1]", text)


def run_python(text: str, names: dict[str, Any], page: Path) -> None:
    printed = io.StringIO()
    with redirect_stdout(printed):
        exec(compile(text, f"{page.name}: {text.splitlines()[0]}", "exec"), names)
    assert printed.getvalue().splitlines() == re.findall(r"# → (.*)", text)


def check_json(text: str, folder: Path) -> None:
    """A whole graph must hold; a part of one must at least be JSON."""
    try:
        data = json.loads(text)
    except ValueError:
        json.loads(f"{{{text}}}")
        return
    if "nodeflow" in data:
        assert validate(parse_graph(text, folder=folder)) == []


def validate_runs(text: str) -> None:
    for line in text.replace("\\\n", "").splitlines():
        words = shlex.split(line, comments=True)
        if words[:2] == ["nodeflow", "run"] and words[2].endswith(".json"):
            kept = [w for k, w in enumerate(words) if not {w, words[k - 1]} & {"--out", "--output"}]
            result = CliRunner().invoke(app, ["validate", *kept[2:]])
            assert result.exit_code == 0, result.output


def test_the_quick_start_is_two_commands_that_stand_alone() -> None:
    found = quick_start()
    assert len(found) == 2
    for command in found:
        assert command.count("\n") == 1
        steps = [step.strip() for step in command.split("&&")]
        assert steps[0] == "python3 -m venv .venv"
        assert steps[1].startswith(".venv/bin/pip install -c constraints.txt -e ")
    assert found[0].split("&&")[2].split() == [
        ".venv/bin/nodeflow",
        "run",
        "graphs/text_to_image.json",
    ]
    assert found[1].split("&&")[-1].split()[:3] == [".venv/bin/python", "-m", "pytest"]


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_links_lead_to_files_that_are_there(page: Path) -> None:
    for match in LINK.finditer(prose(page)):
        target = (match[1] or match[2]).partition("#")[0]
        if target and not target.startswith("http"):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_node_types_that_a_page_names_are_there(page: Path) -> None:
    registry = default_registry()
    categories = {d.category for d in registry}
    known = {d.id for d in registry} | set(STRUCTURAL)
    wires = set(re.findall(r"\"([\w/]+\.\w+)\"", page.read_text(encoding="utf-8")))
    for graph in ROOT.glob("graphs/**/*.json"):
        wires |= set(re.findall(r"\"([\w/]+\.\w+)\"", graph.read_text(encoding="utf-8")))
    for name in re.findall(r"`([a-z_0-9]+\.[a-z_0-9]+)`", prose(page)):
        if name.partition(".")[0] in categories:
            assert name in known | wires, f"{page.name} names {name}, which is no node type"


def test_the_index_leads_to_every_page() -> None:
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    for page in (ROOT / "docs").glob("*.md"):
        assert page.name == "index.md" or f"]({page.name})" in index
