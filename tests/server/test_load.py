"""Many listeners and many runs: nothing is lost, nothing is out of order. The same, larger:
`python tests/benchmarks/serving.py`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import psutil

from load import load
from serving import serving


def test_nothing_is_lost_and_nothing_out_of_order(tmp_path: Path) -> None:
    with serving(tmp_path, "--headless") as server:
        process = psutil.Process(server.process.pid)
        asyncio.run(load(server.url, 2, 5))  # what is made at first use is there
        before = process.memory_info().rss
        report = asyncio.run(load(server.url, sockets=12, runs=60))
        grown = process.memory_info().rss - before
    assert (report.lost, report.out_of_order) == (0, 0)
    assert report.ended == {"done": 60}
    assert report.replayed == 60
    assert report.messages >= 12 * 60 * 5
    assert grown < 32 << 20
