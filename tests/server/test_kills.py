"""`kill -9` of server and worker at random moments: nothing accepted is lost, nothing ends twice.

`python tests/benchmarks/kill_rounds.py --rounds 1000` does the same for longer.
"""

from __future__ import annotations

import os
from pathlib import Path

from kill_rounds import Rounds

ROUNDS = int(os.environ.get("NODEFLOW_KILL_ROUNDS", "15"))


def test_whatever_is_killed_every_accepted_run_ends_once(tmp_path: Path) -> None:
    rounds = Rounds(tmp_path, seed=20)
    rounds.go(ROUNDS)
    ends = rounds.check()
    assert len(rounds.accepted) >= ROUNDS // 2
    assert ends.get("done", 0) > 0
