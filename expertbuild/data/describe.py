"""What a finished dataset is like: every measure the recipe asks for and those always taken, and which bounds hold.

Reads the rows once more, in the order of the splits, and writes report.json and report.html. It changes no row, so a
training does not stand on it; the gate (gates.py) does stand on what is found here.
"""

import json
from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from expertbuild.data.gates import judged
from expertbuild.data.measures import COUNTED, LATER, measure
from expertbuild.data.recipe import SPLITS, Recipe
from expertbuild.data.rows import read_rows
from expertbuild.data.transforms import Bench, cut

SHOWN = 3  # rows of each split that the report shows
FORMAT = "dataset-report-1"


def describe(
    given: Mapping[str, Any],
    dataset: Path,
    *,
    title: str,
    seed: int = 0,
    report: Callable[..., None] = lambda **_: None,
) -> dict[str, Any]:
    """The report on a dataset that was built from this recipe, as one document."""
    recipe = Recipe.read(given)
    statistics = json.loads((dataset / "statistics.json").read_text(encoding="utf-8"))
    bench = Bench(None, statistics=statistics, seed=seed)
    names = [*LATER, *(kind for kind in recipe.measures if kind not in LATER and kind not in COUNTED)]
    running = {kind: measure(kind).measure(bench, recipe.measures.get(kind, {})) for kind in names}
    total, done = sum(statistics["rows"].values()), 0
    for split in SPLITS:
        for row in read_rows(dataset / f"{split}.jsonl"):
            for each in running.values():
                each.add(split, row)
            done += 1
            if done % 500 == 0:
                report(step=done, total=total, message=f"measuring {split}")
    report(message="working out the figures")
    results = {**statistics["measures"], **{kind: each.result() for kind, each in running.items()}}
    return {
        "format": FORMAT,
        "title": title,
        "rows": statistics["rows"],
        "drawn": statistics["drawn"],
        "dropped": statistics["dropped"],
        "leaks": statistics["leaks"],
        "measures": results,
        "gates": judged(recipe.gates, results),
        "examples": {
            split: [cut(row) for row in islice(read_rows(dataset / f"{split}.jsonl"), SHOWN)] for split in SPLITS
        },
    }


def write_report(document: Mapping[str, Any], out: Path) -> None:
    """report.json for programs, report.html for people."""
    from expertbuild.data.report.page import page

    text = json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True)
    (out / "report.json").write_text(text + "\n", encoding="utf-8")
    (out / "report.html").write_text(page(document), encoding="utf-8")
