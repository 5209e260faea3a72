"""Running the real command line in a home of its own, as a user would."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

TOP = Path(__file__).resolve().parents[2]

# Learns next to nothing, in seconds, and passes a gate that asks for nothing.
SMOKE = (
    *("train=smoke", "evaluation.cases=12", "evaluation.margin=-1", "evaluation.well_formed=0"),
    "dataset.offline.rows=600",
)


@dataclass(frozen=True)
class Road:
    """A working directory with its own home; every command runs there."""

    folder: Path

    @property
    def env(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("EXPERTBUILD_")}
        return {**kept, "EXPERTBUILD_HOME": str(self.folder / "home"), "PYTHONUNBUFFERED": "1"}

    def start(self, *words: str, module: str = "expertbuild.cli") -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", module, *words],
            cwd=self.folder,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str, module: str = "expertbuild.cli") -> "subprocess.CompletedProcess[str]":
        with self.start(*words, module=module) as process:
            try:
                out, err = process.communicate(timeout=900)
            except BaseException:
                process.kill()
                raise
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    @contextmanager
    def serving(self, *words: str) -> Iterator[str]:
        """The server on a free loopback port, until the block ends; its address."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        address = f"http://127.0.0.1:{port}"
        process = self.start(f"port={port}", *words, module="runtime.serve")
        try:
            for _ in range(600):
                if process.poll() is not None:
                    raise AssertionError(f"the server ended: {process.communicate()[1]}")
                try:
                    httpx.get(f"{address}/health", timeout=5)
                    break
                except httpx.TransportError:
                    time.sleep(0.1)
            yield address
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.communicate(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
