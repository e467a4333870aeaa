"""Names of devices, on machines that have them and machines that have not."""

from __future__ import annotations

import subprocess
import sys

import pytest

from nodeflow import devices
from nodeflow.devices import counts, pick_device
from nodeflow.errors import GraphError

NONE = {"cpu": 1, "cuda": 0, "xpu": 0, "mps": 0, "directml": 0}


def machine(monkeypatch: pytest.MonkeyPatch, **found: int) -> None:
    monkeypatch.setattr(devices, "counts", lambda: {**NONE, **found})


@pytest.mark.parametrize(
    ("name", "found", "expected"),
    [
        ("auto", {}, "cpu"),
        ("auto", {"cuda": 2, "mps": 1}, "cuda"),
        ("auto", {"xpu": 1}, "xpu"),
        ("auto", {"mps": 1}, "mps"),
        ("auto", {"directml": 1}, "privateuseone:0"),
        ("cuda", {"cuda": 1}, "cuda"),
        ("cuda:1", {"cuda": 2}, "cuda:1"),
        ("directml:1", {"directml": 2}, "privateuseone:1"),
        ("privateuseone:0", {"directml": 1}, "privateuseone:0"),
        ("cpu", {"cuda": 1}, "cpu"),
    ],
)
def test_a_name_becomes_torchs_own(
    monkeypatch: pytest.MonkeyPatch, name: str, found: dict[str, int], expected: str
) -> None:
    machine(monkeypatch, **found)
    assert pick_device(name) == expected


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cuda", "this machine has no cuda"),
        ("cuda:2", "this machine has no cuda:2"),
        ("cud", "did you mean 'cuda'"),
        ("gpu", "devices are auto, cpu, cuda"),
        ("cuda:x", "there is no kind"),
        ("", "there is no kind"),
    ],
)
def test_what_is_not_there_says_what_is(
    monkeypatch: pytest.MonkeyPatch, name: str, message: str
) -> None:
    machine(monkeypatch, cuda=2 if ":" in name else 0)
    with pytest.raises(GraphError, match=message) as caught:
        pick_device(name)
    assert caught.value.problems[0].code == "no-device"


def test_the_machine_has_a_processor_whatever_else() -> None:
    assert counts()["cpu"] == 1
    assert pick_device("auto")


def test_without_torch_the_processor_is_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    assert counts() == {"cpu": 1}
    assert pick_device("auto") == "cpu"


def test_the_processor_needs_no_torch() -> None:
    code = (
        "import sys; from nodeflow.devices import pick_device; pick_device('cpu');"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
