"""Sockets that listen while runs go through a server in a process of its own.

    python tests/benchmarks/serving.py --sockets 50 --runs 500

Prints what was lost, what was out of order, the server's memory before and after, messages and
seconds. Exit code 1 if anything was lost or out of order.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from load import load
from serving import serving


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sockets", type=int, default=50)
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=1, help="the same load again and again")
    asked = parser.parse_args()
    wrong = 0
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder), "--headless") as server:
        process = psutil.Process(server.process.pid)
        for _ in range(asked.rounds):
            before = process.memory_info().rss
            spent = sum(process.cpu_times()[:2])
            report = asyncio.run(
                load(server.url, asked.sockets, asked.runs, patience=600.0, tell=print)
            )
            after = process.memory_info().rss
            spent = sum(process.cpu_times()[:2]) - spent
            wrong += report.lost + report.out_of_order
            print(f"lost {report.lost}, out of order {report.out_of_order}, ends {report.ended}")
            print(f"replayed whole {report.replayed} of {report.runs}")
            print(f"server memory {before / 2**20:.1f} MiB before, {after / 2**20:.1f} MiB after")
            print(
                f"{report.messages} messages in {report.seconds:.1f} s "
                f"({report.messages / report.seconds:.0f} a second, server {spent:.1f} s of CPU)"
            )
        server.stop()
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
