"""One thread a process: the tensors of the tests are small, and threads of several processes at
once (`pytest -n 2`) keep each other waiting. And no deadline for an example of hypothesis."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

from hypothesis import settings

settings.register_profile("nodeflow", deadline=None)  # a busy machine is no fault of the code
settings.load_profile("nodeflow")
