"""Rows and tokenizers for tests of what happens to data."""

import json
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from expertbuild.data.recipe import build_dataset
from expertbuild.data.stages import Crew, flow
from expertbuild.data.transforms import Bench, CountedRow
from runtime.engine.tokenizer import Tokenizer


def row(name: object, asked: str = "", answer: str = "yes", **more: Any) -> dict[str, Any]:
    made = {
        "id": str(name),
        "messages": [{"role": "user", "content": asked or f"question {name}"}],
        "answer": answer,
        "stratum": "all",
        "facts": {},
        "group": str(name),
    }
    return made | more


def untrained_runs(
    trained: Iterable[dict[str, Any]], held_out: Iterable[dict[str, Any]], *, often: int, letters: str = "[A-Za-z]+"
) -> list[tuple[str, ...]]:
    """Runs of three words that this many held-out questions have and no trained one."""

    def runs(rows: Iterable[dict[str, Any]]) -> Counter[tuple[str, ...]]:
        counts: Counter[tuple[str, ...]] = Counter()
        for each in rows:
            found = re.findall(letters, each["messages"][0]["content"])
            counts.update(set(zip(found, found[1:], found[2:], strict=False)))
        return counts

    known = runs(trained)
    return [three for three, count in runs(held_out).items() if count >= often and three not in known]


def through(rows: Iterable[dict[str, Any]], *specs: dict[str, Any], bench: Bench) -> list[dict[str, Any]]:
    """What is left of rows after these transforms."""
    return list(flow((CountedRow(each) for each in rows), specs, bench, Crew()))


def reasons(bench: Bench) -> dict[str, int]:
    return {each.reason: each.rows for each in bench.dropped.values()}


def write(path: Path, rows: Iterable[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(each) + "\n" for each in rows), encoding="utf-8")
    return path


def build(recipe: dict[str, Any], out: Path, tokenizer: Tokenizer, **more: Any) -> dict[str, Any]:
    out.mkdir()
    return build_dataset(recipe, out, tokenizer=tokenizer, seed=0, directory=out.parent, **more)
