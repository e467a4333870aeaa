"""One thread a process: the tensors of the tests are small, and threads of several processes at
once (`pytest -n 2`) keep each other waiting. Examples are the same in every run, without deadline:
a busy machine is no fault of the code."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

from hypothesis import settings

settings.register_profile("nodeflow", deadline=None, derandomize=True, database=None)
settings.load_profile("nodeflow")
