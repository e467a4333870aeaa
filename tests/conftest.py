"""For all tests: the same examples on every run, no deadlines, no fight over cores."""

from __future__ import annotations

import os

from hypothesis import settings

if "PYTEST_XDIST_WORKER" in os.environ:  # one worker per core: torch's own threads would collide
    os.environ.setdefault("OMP_NUM_THREADS", "1")

settings.register_profile("nodeflow", deadline=None, derandomize=True, database=None)
settings.load_profile("nodeflow")
