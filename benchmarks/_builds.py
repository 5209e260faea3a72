"""What the benchmarks of scores share: a build typed as a user types it, and its evaluation as a few figures."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def result(target: str, words: list[str]) -> tuple[Path, float | None]:
    """Build a target; where its result lies, and how long training took, if it was trained now."""
    command = [sys.executable, "-m", "expertbuild.cli", *words, f"target={target}", "log=json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, env={**os.environ, "COLUMNS": "200"})
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}")
    seconds, where = None, None
    for text in done.stdout.splitlines():
        if text.startswith("{"):
            event = json.loads(text)
            if event.get("event") == "finished" and str(event.get("step", "")).startswith("train["):
                seconds = event.get("seconds")
        elif text.startswith(f"{target}["):
            where = Path(text.partition(": ")[2])
    assert where is not None, done.stdout[-500:]
    return where, seconds


def judged(document: dict[str, Any]) -> dict[str, Any]:
    """What the table needs of an evaluation."""

    def short(part: dict[str, Any]) -> dict[str, Any]:
        return {"n": part["n"]} | {who: [part[who]["value"], *part[who]["interval"]] for who in ("base", "expert")}

    return {
        "parts": {name: short(part) for name, part in document["parts"].items()},
        "strata": {name: short(part) for name, part in document["strata"].items()},
    }


def share(figure: list[float]) -> str:
    value, low, high = (100 * each for each in figure)
    return f"{value:.1f} % [{low:.1f}, {high:.1f}]"


def spelled(value: object) -> str:
    """A value as Hydra reads it on the command line."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{spelled(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(spelled, value)) + "]"
    if isinstance(value, str):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return json.dumps(value)
