"""The command line with a pack of its own: no torch, no picture library."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from nodeflow import __version__
from nodeflow.cli import app
from nodeflow.formats.picture import read_picture_metadata

ROOT = Path(__file__).parents[2]
PACK = '''
import struct, time, zlib
from dataclasses import dataclass
from typing import Annotated
from nodeflow.context import RunContext
from nodeflow.node import node
from nodeflow.sockets import socket
from nodeflow.widgets import FilePath, Slider

def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

def write(value, stem, metadata):
    """A PNG of one grey pixel with its texts."""
    path = stem.with_name(stem.name + ".png")
    texts = [chunk(b"tEXt", f"{k}\\0{v}".encode("latin-1")) for k, v in metadata.items()]
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    pixel = chunk(b"IDAT", zlib.compress(bytes([0, value.grey])))
    parts = [b"\\x89PNG\\r\\n\\x1a\\n", header, *texts, pixel, chunk(b"IEND", b"")]
    path.write_bytes(b"".join(parts))
    return [path]

@socket("dot", save=f"{__name__}:write")
@dataclass(frozen=True)
class Dot:
    grey: int

@socket("secret")
@dataclass(frozen=True)
class Secret:
    word: str = "x"

@node("pack:plain.add")
def add(a: Annotated[int, Slider(0, 100)] = 1, b: int = 1) -> int:
    """Add two numbers.

    Nothing more.
    """
    return a + b

@node("pack:plain.count")
def count(n: int = 3) -> list[int]:
    """Give 0..n-1."""
    return list(range(n))

@node("pack:plain.dot")
def dot(grey: int = 128) -> Dot:
    """Draw one pixel."""
    return Dot(grey)

@node("pack:plain.grey")
def grey(dot: Dot) -> int:
    """Tell how light the pixel is."""
    return dot.grey

@node("pack:plain.slow")
def slow(value: int) -> int:
    """Take a tenth of a second."""
    time.sleep(0.1)
    return value

@node("pack:plain.secret")
def secret() -> Secret:
    """Keep a word."""
    return Secret()

@node("pack:plain.fail")
def fail(value: int = 0) -> int:
    """Fail."""
    raise ValueError("this always fails")

@node("pack:plain.lie")
def lie() -> int:
    """Give text for a number."""
    return "text"

@node("pack:plain.sleep")
def sleep(value: int, ctx: RunContext, seconds: float = 30.0, deaf: bool = False) -> int:
    """Sleep, and wake up to be cancelled unless deaf."""
    ctx.on_progress(1, 1, {})
    for _ in range(int(seconds * 50)):
        time.sleep(0.02)
        if not deaf:
            ctx.check_cancelled()
    return value

@node("pack:plain.note", writes=True, output="path")
def note(value: int, ctx: RunContext) -> str:
    """Write a number into the output folder."""
    ctx.output_dir.mkdir(exist_ok=True)
    path = ctx.output_dir / "note.txt"
    path.write_text(f"{value} {ctx.metadata['nodeflow']}")
    return path.as_posix()

@node("pack:plain.words")
def words(path: Annotated[str, FilePath()]) -> str:
    """Read a file."""
    with open(path) as file:
        return file.read()
'''


def add(**fields: Any) -> dict[str, Any]:
    return {"type": "pack:plain.add", **fields}


SUM = {
    "nodeflow": 1,
    "inputs": {"a": "one.a", "b": ["one.b", "two.b"]},
    "outputs": {"sum": "two.value"},
    "nodes": {"one": add(), "two": add(links={"a": "one.value"})},
}
DOT = {
    "nodeflow": 1,
    "inputs": {"grey": "dot.grey"},
    "outputs": {"dot": "dot.dot"},
    "nodes": {"dot": {"type": "pack:plain.dot"}},
}
LOOP = {
    "nodeflow": 1,
    "inputs": {"n": "count.n"},
    "outputs": {"sum": "loop.sum"},
    "nodes": {
        "count": {"type": "pack:plain.count"},
        "zero": add(params={"a": 0, "b": 0}),
        "loop": {
            "type": "flow.loop",
            "each": {"x": "count.value"},
            "state": {"sum": {"init": "zero.value", "next": "more.value"}},
            "body": {"more": add(links={"a": "state.sum", "b": "each.x"})},
        },
    },
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "plain.py").write_text(PACK)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NODEFLOW_NODES", str(tmp_path / "pack"))
    for name, graph in (("sum", SUM), ("dot", DOT), ("loop", LOOP)):
        save(name, graph)
    return tmp_path


def save(name: str, graph: dict[str, Any]) -> str:
    Path(f"{name}.json").write_text(json.dumps(graph))
    return f"{name}.json"


def nodes(outputs: dict[str, str] | None = None, **given: Any) -> dict[str, Any]:
    return {"nodeflow": 1, "outputs": outputs or {}, "nodes": given}


def call(*words: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, list(words))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result


def told(*words: str, code: int = 0) -> dict[str, Any]:
    found = json.loads(call(*words, "--json", code=code).stdout)
    assert isinstance(found, dict)
    return found


def codes(report: dict[str, Any]) -> list[tuple[str, str]]:
    return [(p["code"], p["where"]) for p in report["problems"]]


# ── run ────────────────────────────────────────────────────────────────────────────────────────


def test_run_tells_the_outputs_on_stdout_and_the_rest_on_stderr() -> None:
    result = call("run", "sum.json", "a=3", "b=4")
    assert result.stdout == "sum: 11\n"
    lines = result.stderr.splitlines()
    assert lines[0] == "2 nodes"
    assert lines[1].startswith("[1/2] one (pack:plain.add) ")
    assert lines[-1].startswith("done in ")
    assert "2 ran, 0 at hand, peak 128 B" in lines[-1]


def test_run_json_is_one_object() -> None:
    report = told("run", "sum.json", "a=3", "--set", "two.b=10")
    assert list(report) == ["status", "outputs", "seconds", "nodes", "peak_bytes", "problems"]
    assert report["status"] == "done"
    assert report["outputs"] == {"sum": 14}
    assert report["nodes"] == {"total": 2, "ran": 2, "cached": 0}
    assert report["peak_bytes"] == 128
    assert report["problems"] == []
    assert list(report["seconds"]) == ["import", "validate", "plan", "run"]
    assert all(value >= 0 for value in report["seconds"].values())


def test_everything_wrong_is_told_at_once() -> None:
    graph = nodes({"x": "one.valu"}, one=add(params={"a": 101}), two={"type": "pack:plain.ad"})
    save("wrong", {**graph, "inputs": {"b": "one.b"}})
    words = ["wrong.json", "b=x", "bb=1", "--set", "no.b=1", "--device", "gpu"]
    report = told("run", *words, code=1)
    assert report["status"] == "invalid"
    errors = [problem for problem in report["problems"] if problem["severity"] == "error"]
    assert sorted(codes({"problems": errors})) == [
        ("no-device", "--device"),
        ("out-of-range", "one.a"),
        ("unknown-input", "bb"),
        ("unknown-node", "no.b"),
        ("unknown-port", "outputs.x"),
        ("unknown-type", "two"),
        ("wrong-literal", "b"),
    ]
    text = call("run", *words, code=1).stderr
    assert (
        "error unknown-input  bb: the graph declares no input 'bb'\n    → did you mean 'b'?" in text
    )
    assert not Path("output").exists()


def test_a_graph_that_is_not_there_names_the_nearest() -> None:
    for name, near in (("smu.json", "sum.json"), ("text_too_image", "text_to_image")):
        (problem,) = told("run", name, code=1)["problems"]
        assert problem["code"] == "no-such-graph"
        assert f"did you mean {near!r}?" in problem["hint"]
    assert "a folder" in told("run", "pack", code=1)["problems"][0]["message"]
    assert told("run", "x" * 5000, code=1)["problems"][0]["code"] == "no-such-graph"


def test_a_graph_is_found_by_name_here_and_among_the_shipped(folder: Path) -> None:
    (folder / "graphs" / "deep").mkdir(parents=True)
    (folder / "graphs" / "deep" / "mine.json").write_text(json.dumps(SUM))
    assert told("run", "deep/mine")["outputs"] == {"sum": 3}
    assert told("validate", "text_to_image_simple", code=_tiny_code())["nodes"] > 0


def _tiny_code() -> int:
    """Without the shipped model, the shipped graphs name one that is missing."""
    return 0 if (ROOT / "nodes" / "models" / "tiny" / "model_index.json").is_file() else 1


@pytest.mark.parametrize("text", ["", "[]", "{", '{"nodeflow": 2, "nodes": {}}', '{"x": 1}'])
def test_a_file_that_is_no_graph(text: str) -> None:
    Path("bad.json").write_text(text)
    for command in ("run", "validate", "plan"):
        assert len(told(command, "bad.json", code=1)["problems"]) == 1


@pytest.mark.parametrize(
    "words",
    [
        ["run"],
        ["run", "sum.json", "a"],
        ["run", "sum.json", "--set", "a"],
        ["run", "sum.json", "--cache-bytes", "-1"],
        ["run", "sum.json", "--nonsense"],
        ["nonsense"],
    ],
)
def test_usage_is_exit_code_2(words: list[str]) -> None:
    assert call(*words, code=2).stdout == ""


def test_a_failed_node_is_exit_code_3_and_tells_its_inputs() -> None:
    save("fail", nodes({"x": "f.value"}, f={"type": "pack:plain.fail", "params": {"value": 7}}))
    report = told("run", "fail.json", code=3)
    assert report["status"] == "failed"
    (problem,) = report["problems"]
    assert (problem["code"], problem["where"]) == ("node-failed", "f")
    assert problem["message"] == "ValueError: this always fails"
    assert problem["hint"] == "its inputs were value = 7"
    assert "Traceback" not in call("run", "fail.json", code=3).stderr
    assert "raise ValueError" in call("run", "fail.json", "--traceback", code=3).stderr


def test_what_had_finished_is_kept_and_keep_going_makes_the_rest() -> None:
    graph = nodes(
        {"good": "dot.dot", "bad": "after.value", "late": "sum.value"},
        fail={"type": "pack:plain.fail"},
        after=add(links={"a": "fail.value"}),
        dot={"type": "pack:plain.dot"},
        sum=add(),
    )
    save("mixed", graph)
    report = told("run", "mixed.json", "--keep-going", code=3)
    assert report["outputs"] == {"good": ["output/mixed.png"], "late": 2}
    assert report["nodes"] == {"total": 4, "ran": 2, "cached": 0}
    assert codes(report) == [("node-failed", "fail")]
    assert Path("output/mixed.png").is_file()


def test_check_catches_a_broken_promise() -> None:
    save("lie", nodes({"x": "lie.value"}, lie={"type": "pack:plain.lie"}))
    assert told("run", "lie.json")["outputs"] == {"x": "text"}
    report = told("run", "lie.json", "--check", code=3)
    assert codes(report) == [("wrong-output", "lie")]


def test_only_the_outputs_asked_for() -> None:
    graph = nodes(
        {"a": "one.value", "b": "fail.value"}, one=add(), fail={"type": "pack:plain.fail"}
    )
    save("two", graph)
    assert told("run", "two.json", "--output", "a")["outputs"] == {"a": 2}
    assert told("run", "two.json", "--output", "one.value")["outputs"] == {"one.value": 2}
    assert codes(told("run", "two.json", "--output", "c", code=1)) == [("unknown-output", "c")]


def test_other_values_are_described() -> None:
    save("secret", nodes({"s": "s.secret"}, s={"type": "pack:plain.secret"}))
    assert told("run", "secret.json")["outputs"] == {"s": "Secret(word='x')"}


def test_a_prompt_from_a_file() -> None:
    Path("a.txt").write_text("5\n")
    assert told("run", "sum.json", "a=@a.txt")["outputs"] == {"sum": 7}


def test_why_tells_each_node_and_puts_like_passes_together() -> None:
    lines = call("run", "loop.json", "--why").stderr.splitlines()
    assert "loop[0]…[2]/more  ran  first run" in lines


def test_the_cache_folder_serves_later_processes_and_knows_why(folder: Path) -> None:
    slow = add(links={"a": "sleep.value"})
    sleep = {"type": "pack:plain.slow", "links": {"value": "one.value"}}
    save("slow", {**SUM, "nodes": {"one": add(), "sleep": sleep, "two": slow}})
    words = ["slow.json", "--cache-dir", "cache", "--cache-bytes", "1000"]
    first = told("run", *words)
    assert first["nodes"] == {"total": 3, "ran": 3, "cached": 0}
    lines = call("run", *words, "--set", "two.b=5", "--why").stderr.splitlines()
    assert "sleep  cached" in lines
    assert "two    ran     b changed: 1 → 5" in lines


def test_a_node_that_writes_tells_its_paths_and_gets_the_graph() -> None:
    save(
        "note", nodes(one=add(), note={"type": "pack:plain.note", "links": {"value": "one.value"}})
    )
    report = told("run", "note.json", "--out", "made")
    assert report["outputs"] == {"note.path": "made/note.txt"}
    number, _, text = Path("made/note.txt").read_text().partition(" ")
    assert number == "2"
    assert json.loads(text)["outputs"] is None


def test_a_fault_of_a_pack_outside_of_its_nodes_is_told_too(folder: Path) -> None:
    (folder / "pack" / "odd.py").write_text(
        "from nodeflow.node import node\n"
        "def files_of(params):\n    return 1 / 0\n"
        "@node('pack:odd.one', writes=True, reads=files_of)\n"
        "def one() -> int:\n    'Give one.'\n    return 1\n"
    )
    save("odd", nodes(one={"type": "pack:odd.one"}))
    report = told("run", "odd.json", code=3)
    assert codes(report) == [("internal-error", "")]
    assert "ZeroDivisionError" in report["problems"][0]["message"]


def test_an_output_folder_that_cannot_be_is_told_before_anything_runs() -> None:
    Path("file").write_text("")
    assert codes(told("run", "dot.json", "--out", "file/deep", code=1)) == [
        ("no-folder", "file/deep")
    ]


# ── pictures ───────────────────────────────────────────────────────────────────────────────────


def test_a_picture_is_repeated_byte_for_byte(folder: Path) -> None:
    assert told("run", "dot.json", "grey=7")["outputs"] == {"dot": ["output/dot.png"]}
    report = told("run", "output/dot.png", "--out", "again")
    assert report["outputs"] == {"dot": ["again/dot.png"]}
    assert report["problems"] == []
    assert Path("again/dot.png").read_bytes() == Path("output/dot.png").read_bytes()
    kept = read_picture_metadata(Path("output/dot.png"))
    assert kept["graph"]["nodes"]["dot"]["params"] == {"grey": 7}
    assert str(folder) not in json.dumps(kept)
    assert told("run", "again/dot.png", "grey=8")["outputs"] == {"dot": ["output/dot_2.png"]}


def test_a_picture_of_one_output_repeats_that_one() -> None:
    graph = nodes(
        {"a": "a.dot", "b": "b.dot"}, a={"type": "pack:plain.dot"}, b={"type": "pack:plain.dot"}
    )
    save("two", graph)
    both = {"a": ["output/two_a.png"], "b": ["output/two_b.png"]}
    assert told("run", "two.json")["outputs"] == both
    told("run", "two.json", "--output", "b", "--out", "one")
    assert told("run", "one/two.png", "--out", "again")["outputs"] == {"b": ["again/two.png"]}
    assert Path("again/two.png").read_bytes() == Path("one/two.png").read_bytes()


def test_a_file_that_changed_since_is_a_warning() -> None:
    Path("words.txt").write_text("old")
    graph = nodes(
        {"dot": "dot.dot", "words": "w.value"},
        dot={"type": "pack:plain.dot"},
        w={"type": "pack:plain.words", "params": {"path": str(Path("words.txt").absolute())}},
    )
    save("read", graph)
    told("run", "read.json")
    kept = read_picture_metadata(Path("output/read.png"))
    assert kept["graph"]["nodes"]["w"]["params"] == {"path": "words.txt"}
    assert list(kept["files"]) == ["words.txt"]
    Path("words.txt").write_text("new")
    report = told("run", "output/read.png")
    assert codes(report) == [("changed-file", "words.txt")]
    assert report["problems"][0]["severity"] == "warning"
    assert report["outputs"]["words"] == "new"


# ── validate, plan, nodes, schema, doctor ──────────────────────────────────────────────────────


def test_validate() -> None:
    assert "2 nodes, nothing wrong" in call("validate", "sum.json", "a=5").stdout
    assert told("validate", "sum.json", "b=3") == {
        "valid": True,
        "nodes": 2,
        "inputs": {"a": 1, "b": 3},
        "outputs": ["sum"],
        "problems": [],
    }
    assert call("validate", "sum.json").stdout.endswith("  a  = 1\n  b  = 1\n")
    report = told("validate", "sum.json", "a=500", code=1)
    assert not report["valid"]
    assert codes(report) == [("out-of-range", "one.a")]
    assert "one.a: 500 is above 100" in call("validate", "sum.json", "a=500", code=1).stderr


def test_plan_tells_order_bodies_and_peak() -> None:
    lines = call("plan", "loop.json").stdout.splitlines()
    assert [line.split()[:2] for line in lines[1:-1]] == [
        ["1", "count"],
        ["2", "zero"],
        ["3", "loop"],
        ["3.1", "more"],
    ]
    assert lines[-1].startswith("predicted peak ")
    report = told("plan", "loop.json")
    assert [step["node"] for step in report["steps"]] == ["count", "zero", "loop"]
    assert report["steps"][2]["body"]["steps"][0]["node"] == "loop/more"
    assert codes(told("plan", "loop.json", "--output", "x", code=1)) == [("unknown-output", "x")]
    assert codes(told("plan", "loop.json", "n=x", code=1)) == [("wrong-literal", "n")]


def test_nodes_lists_and_tells() -> None:
    assert "  pack:plain.add" in call("nodes").stdout
    assert call("nodes", "pack:plain").stdout.count("\n") == 12
    text = call("nodes", "pack:plain.add").stdout
    assert "Nothing more." in text
    assert "  a  int  = 1  Slider(minimum 0, maximum 100)" in text
    assert "plain.py:" in text.splitlines()[-1]
    report = told("nodes", "pack:plain.add")
    assert report["inputs"][0]["widget"]["widget"] == "Slider"
    assert report["inputs"][1] == {"name": "b", "type": "int", "required": False, "default": 1}
    assert report["outputs"] == [{"name": "value", "type": "int"}]
    every = {entry["id"] for entry in told("nodes")["nodes"]}
    assert {"pack:plain.add", "text.encode"} <= every
    (problem,) = told("nodes", "pack:plain.ad", code=1)["problems"]
    assert "did you mean pack:plain.add" in problem["hint"]


def test_a_folder_of_nodes_is_added_and_a_broken_file_of_it_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NODEFLOW_NODES")
    (folder / "pack" / "broken.py").write_text("1 / 0")
    assert told("run", "sum.json", code=1)["problems"]
    report = told("run", "sum.json", "--nodes", "pack")
    assert report["outputs"] == {"sum": 3}
    assert codes(report) == [("broken-pack", "pack/broken.py")]


def test_schema_and_version() -> None:
    assert json.loads(call("schema").stdout)["title"] == "nodeflow graph"
    assert call("--version").stdout == f"nodeflow {__version__}\n"


def test_doctor_exit_code_says_whether_something_is_missing() -> None:
    result = CliRunner().invoke(app, ["doctor", "--json"])
    report = json.loads(result.stdout)
    missing = [f["what"] for f in report["findings"] if f["state"] == "missing"]
    assert result.exit_code == (1 if missing else 0)
    assert report["ok"] == (not missing)
    text = CliRunner().invoke(app, ["doctor"]).stdout
    assert all(finding["what"] in text for finding in report["findings"])


# ── processes ──────────────────────────────────────────────────────────────────────────────────


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii"}


def test_validate_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom nodeflow.cli import main\n"
        "sys.argv = ['nodeflow', 'validate', 'sum.json']\n"
        "try:\n    main()\nexcept SystemExit as stop:\n    assert not stop.code\n"
        "heavy = {'torch', 'numpy', 'PIL', 'rich', 'diffusers', 'networkx'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_terminal_of_few_characters_is_no_fault() -> None:
    words = [sys.executable, "-m", "nodeflow.cli", "run", "sum.json", "bb=1"]
    done = subprocess.run(words, env=environment(), capture_output=True, check=False)
    assert done.returncode == 1
    assert b"did you mean 'b'?" in done.stderr


@pytest.fixture
def process() -> Iterator[list[subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []
    yield started
    for one in started:
        one.kill()
        one.communicate()


def start(started: list[subprocess.Popen[str]], *words: str) -> subprocess.Popen[str]:
    """A run of which the sleeping node has begun."""
    one = subprocess.Popen(
        [sys.executable, "-m", "nodeflow.cli", "run", *words],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    started.append(one)
    assert one.stderr is not None
    for line in one.stderr:
        if "sleep 1/1" in line:
            return one
    raise AssertionError("it never slept")


def sleeper(**params: Any) -> str:
    sleep = {"type": "pack:plain.sleep", "params": params, "links": {"value": "grey.value"}}
    graph = nodes(
        {"dot": "dot.dot", "slept": "after.value"},
        dot={"type": "pack:plain.dot"},
        grey={"type": "pack:plain.grey", "links": {"dot": "dot.dot"}},
        sleep=sleep,
        after=add(links={"a": "sleep.value"}),
    )
    return save("sleeper", graph)


@pytest.mark.parametrize("word", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_and_keeps_what_had_finished(
    process: list[subprocess.Popen[str]], word: signal.Signals
) -> None:
    one = start(process, sleeper())
    one.send_signal(word)
    stdout, stderr = one.communicate(timeout=20)
    assert one.returncode == 130
    assert stdout == "dot: output/sleeper.png\n"
    assert "once more" in stderr
    assert "cancelled" in stderr
    assert Path("output/sleeper.png").is_file()


def test_a_second_ctrl_c_ends_it_at_once(process: list[subprocess.Popen[str]]) -> None:
    one = start(process, sleeper(deaf=True))
    one.send_signal(signal.SIGINT)
    assert one.stderr is not None
    assert any("once more" in line for line in one.stderr)
    one.send_signal(signal.SIGINT)
    one.wait(timeout=20)
    assert one.returncode == -signal.SIGINT
