"""Kernels and graphs on a real GPU, each check in a process of its own: one that breaks a device breaks no other."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

HERE = Path(__file__).parent
INTERPRETED = "check_a_captured_step_of_kernels"  # looks at Triton's interpreter
CHECKS = [
    (path, line[4:].split("(")[0])
    for path in (HERE / "gpu_checks.py", HERE / "kernel_checks.py")
    for line in path.read_text(encoding="utf-8").splitlines()
    if line.startswith("def check_") and INTERPRETED not in line
]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize(("path", "name"), CHECKS, ids=lambda value: value if isinstance(value, str) else "")
def test_a_gpu_does_what_the_plain_steps_do(path: Path, name: str) -> None:
    env = {key: value for key, value in os.environ.items() if key != "TRITON_INTERPRET"}
    done = subprocess.run(
        [sys.executable, str(path), name],
        env={**env, "PYTHONPATH": str(HERE.parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "agrees" in done.stdout
