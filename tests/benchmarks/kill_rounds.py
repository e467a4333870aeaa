"""Kill server and worker at random moments, many times, and check what is left.

python tests/benchmarks/kill_rounds.py --rounds 1000
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from kill_rounds import Rounds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--longest", type=float, default=0.4, help="seconds before a kill, at most")
    parser.add_argument("--base", type=Path, help="the folder to use, which is kept")
    words = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        base = words.base or Path(folder)
        base.mkdir(parents=True, exist_ok=True)
        rounds, began = Rounds(base, words.seed), time.perf_counter()
        rounds.go(words.rounds, words.longest)
        ends = rounds.check()
    seconds = time.perf_counter() - began
    print(f"{words.rounds} rounds in {seconds:.0f} s: {dict(rounds.did)}")
    print(f"{len(rounds.accepted)} runs accepted, all ended once: {ends}")


if __name__ == "__main__":
    main()
