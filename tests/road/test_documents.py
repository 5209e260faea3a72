"""README and tutorial do what they say: every command on them is typed, in order, in an empty folder."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.road.roads import TOP, Road

_BLOCK = re.compile(r"^```(\w*) ?([^\n]*)\n(.*?)^```$", re.M | re.S)


def blocks(page: str) -> Iterator[tuple[str, str, str]]:
    """Language, what follows it, and text of every fenced block."""
    for found in _BLOCK.finditer((TOP / page).read_text(encoding="utf-8")):
        yield found[1], found[2], found[3]


class Typist:
    """Types what a page says into one folder; a server is left running until the end."""

    def __init__(self, road: Road) -> None:
        self._road = road
        self._env = {**road.env, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
        self._server: subprocess.Popen[bytes] | None = None
        self.said: dict[str, str] = {}

    def type(self, command: str) -> None:
        if command.startswith("python -m runtime.serve"):
            self._serve(command)
            return
        done = subprocess.run(
            command, shell=True, cwd=self._road.folder, env=self._env, capture_output=True, text=True, timeout=900
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        self.said[command] = done.stdout

    def run_python(self, text: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", text], cwd=self._road.folder, env=self._env, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def write(self, path: str, text: str) -> None:
        target = self._road.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")

    def _serve(self, command: str) -> None:
        with (self._road.folder / "server.log").open("wb") as log:
            self._server = subprocess.Popen(
                command.split(), cwd=self._road.folder, env=self._env, stdout=log, stderr=log
            )
        for _ in range(600):
            assert self._server.poll() is None, (self._road.folder / "server.log").read_text()
            try:
                httpx.get("http://127.0.0.1:8000/health", timeout=5)
                return
            except httpx.TransportError:
                time.sleep(0.1)

    def close(self) -> None:
        if self._server is not None:
            self._server.send_signal(signal.SIGINT)
            self._server.wait(timeout=30)


@pytest.fixture(scope="module")
def typist(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Typist]:
    made = Typist(Road(tmp_path_factory.mktemp("pages")))
    yield made
    made.close()


def test_the_readme_builds_an_expert_serves_it_and_gets_an_answer(typist: Typist) -> None:
    """The line that installs is typed by CI; here everything after it."""
    shell = [text.strip() for language, _, text in blocks("README.md") if language in ("", "console")]
    [build] = [text for text in shell if text.endswith("expertbuild expert=expert-json")]
    begun = time.monotonic()
    typist.type(build.split("&& ")[-1])
    # Five minutes on two idle cores, nine where they lack bf16; CI's are not always idle.
    assert time.monotonic() - begun < 900
    said = typist.said["expertbuild expert=expert-json"]
    assert re.search(r"^next +python -m runtime\.serve$", said, re.M), said
    typist.type("python -m runtime.serve")
    [curl] = [text for text in shell if text.startswith("curl ")]
    typist.type(curl)
    assert '"expert":"local/expert-json"' in typist.said[curl].replace('": ', '":')
    typist.close()


def test_the_tutorial_can_be_followed_to_the_letter(typist: Typist) -> None:
    answers = []
    for language, rest, text in blocks("docs/tutorial.md"):
        if language == "console":
            for line in text.splitlines():
                typist.type(line.removeprefix("$ "))
        elif language == "python":
            answers.append(typist.run_python(text))
        elif language == "yaml":
            typist.write(rest, text)
    assert "expert-json" in typist.said["expertbuild list"]
    assert "adapter.r 12 -> 16" in typist.said["expertbuild why expert=expert-json adapter.r=16"]
    assert answers[0].splitlines()[0].startswith("{")
    built = typist.said["expertbuild expert=expert-initials train.steps=240"]
    assert "local/expert-initials 0.1.0 on nano" in built
