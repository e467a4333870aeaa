"""One thread a process: the tensors of the tests are small, and threads of several processes at once
(`pytest -n 2`) keep each other waiting."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
