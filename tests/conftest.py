"""One thread of arithmetic for each process of a parallel run: two processes of two threads each wait for one another."""

import os

if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when torch is imported, here and in what tests start
