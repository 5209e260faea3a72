"""What a finished dataset is like: every measure the recipe asks for and those always taken, and which bounds hold.

Reads the rows once more, in the order of the splits, and writes report.json and report.html. It changes no row, so a
training does not stand on it; the gate (gates.py) does stand on what is found here.
"""

import json
from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from expertbuild.data.errors import SourceMistake
from expertbuild.data.gates import Gate, judged
from expertbuild.data.measures import LATER, measure
from expertbuild.data.pool import SPLITS
from expertbuild.data.recipe import Recipe
from expertbuild.data.rows import read_rows
from expertbuild.data.transforms import Bench, Spec, cut

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
    return _described(recipe.measures, recipe.gates, dataset, title=title, seed=seed, report=report)


def describe_folder(dataset: Path) -> dict[str, Any]:
    """The report on a dataset of which only the folder is known: the measures that are always taken."""
    return _described({}, (), dataset, title=str(dataset), seed=0, report=lambda **_: None)


def _described(
    measures: Mapping[str, Spec],
    gates: tuple[Gate, ...],
    dataset: Path,
    *,
    title: str,
    seed: int,
    report: Callable[..., None],
) -> dict[str, Any]:
    try:
        statistics = json.loads((dataset / "statistics.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SourceMistake("has no statistics.json that can be read.", where=str(dataset)) from error
    bench = Bench(None, statistics=statistics, seed=seed)
    running = {kind: measure(kind).measure(bench, measures.get(kind, {})) for kind in LATER}
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
        "gates": judged(gates, results),
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
