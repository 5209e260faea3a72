"""What the benchmarks of scores share: a build typed as a user types it, and its evaluation as a few figures."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from runtime.home import shipped


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
        "overall": short(document["overall"]),
        "parts": {name: short(part) for name, part in document["parts"].items()},
        "strata": {name: short(part) for name, part in document["strata"].items()},
    }


def composed(words: list[str]) -> dict[str, Any]:
    """The configuration of a build, as it prints it."""
    command = [sys.executable, "-m", "expertbuild.cli", *words, "--cfg", "job", "--resolve"]
    made = subprocess.run(command, capture_output=True, text=True, check=True)
    config: dict[str, Any] = yaml.safe_load(made.stdout)
    return config


def grammar_of(config: dict[str, Any]) -> str | None:
    name = config["decoding"]["grammar"]
    path = shipped("experts") / config["expert"]["name"] / str(name)
    return path.read_text(encoding="utf-8") if name else None


def mistakes(transcript: Iterable[dict[str, Any]]) -> dict[str, int]:
    """What was wrong with the expert's answers, by kind, the most frequent first."""
    said = [case["expert"] for case in transcript]
    return dict(Counter(kind(each["reason"]) for each in said if each["score"] < 1).most_common())


def kind(reason: str) -> str:
    """A reason without what it is about: `fails: no such column: age` is `fails: no such column`."""
    plain = re.sub(r"\(.*\)|\[.*\]|\{.*\}|\"[^\"]*\"|'[^']*'|\$[\w.\[\]]+|\b\d[\d.,:]*", "…", reason)
    plain = re.sub(r"\b(has|instead of|near|lacks|name|is) \S+", r"\1 …", plain)
    return ": ".join(plain.split(": ")[:2])[:80]


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
