"""Triton's kernels against their plain twins, in Triton's own interpreter: no GPU is needed to know that they are right.

The interpreter has to be asked for before Triton is imported, so these tests run in a process of their own.
"""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKS = Path(__file__).with_name("kernel_checks.py")
NAMES = [
    line[4:].split("(")[0] for line in CHECKS.read_text(encoding="utf-8").splitlines() if line.startswith("def check_")
]


@pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="needs triton")
@pytest.mark.parametrize("name", NAMES)
def test_the_kernel_does_what_its_plain_twin_does(name: str) -> None:
    done = subprocess.run(
        [sys.executable, str(CHECKS), name],
        env={**os.environ, "TRITON_INTERPRET": "1", "PYTHONPATH": str(CHECKS.parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "agrees" in done.stdout
