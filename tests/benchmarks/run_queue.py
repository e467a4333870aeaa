"""What queue and worker cost a trivial run, and what the server's process holds after many.

python tests/benchmarks/run_queue.py --runs 500
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

import psutil

from running import Queue, act, running


def resident() -> float:
    """MiB of this process."""
    return float(psutil.Process().memory_info().rss) / (1 << 20)


async def measure(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with running(Path(folder)) as queue:
            await alone(queue)
            queue.messages.clear()
            before, began = resident(), perf_counter()
            names = [await queue.submit(act("add", a=n)) for n in range(count)]
            accepted = perf_counter() - began
            queued = resident()
            await queue.end(names[-1])
            took = perf_counter() - began
            queue.messages.clear()
            print(f"{count} runs: accepted at {accepted / count * 1e3:.1f} ms each,", end=" ")
            print(f"all done after {took:.2f} s, {took / count * 1e3:.1f} ms each")
            print(
                f"memory: {before:.0f} MiB before, {queued:.0f} with all of them waiting,", end=" "
            )
            print(f"{resident():.0f} after")


async def alone(queue: Queue) -> None:
    """From asking to hearing the end, with nothing else to do."""
    seconds = []
    for number in range(100):
        began = perf_counter()
        await queue.end(await queue.submit(act("add", a=-number)))
        seconds.append(perf_counter() - began)
    cuts = statistics.quantiles(seconds[5:], n=20)
    print(f"one run: {cuts[9] * 1e3:.1f} ms, 95 % within {cuts[-1] * 1e3:.1f} ms")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=500)
    asyncio.run(measure(parser.parse_args().runs))
