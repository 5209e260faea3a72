"""From a recipe to a dataset: sources, transforms, a split that leaks nothing, and the statistics.

    sources:            where training rows come from; with `weight`, shares of the recipe's `rows`
    test_sources:       where test rows come from, if not from a split of the above: other words, other phrasings
    transforms:         in order; what they leave out is counted
    split: {test: 300, validation: 0.02, by: group}
    measures: {vocabulary: {}}      beyond those that are always taken

Rows stream through a file beside the result; only test rows and one short key per row are held in memory. The same
recipe, seed and tokenizer give the same bytes on any machine. Nothing here knows what a generator or a filter does.
"""

import difflib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from itertools import chain
from pathlib import Path
from typing import Any

from expertbuild.data.encoding import ChatTokenizer
from expertbuild.data.errors import DataProblem, RecipeMistake
from expertbuild.data.leaks import LeakCheck
from expertbuild.data.measures import ALWAYS, MEASURES, measure
from expertbuild.data.rows import Row, dump, read_rows, write_rows
from expertbuild.data.sources import SOURCES, Judge, Place, Spec, source
from expertbuild.data.transforms import TRANSFORMS, Bench, transform

SPLITS = ("train", "validation", "test")
SPOOL = "rows.partial.jsonl"
Report = Callable[..., None]


@dataclass(frozen=True)
class Recipe:
    """The `dataset` part of a configuration for the use that was chosen."""

    sources: tuple[Spec, ...]
    test_sources: tuple[Spec, ...]
    transforms: tuple[Spec, ...]
    measures: tuple[str, ...]
    test: float
    validation: float
    by: str

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> "Recipe":
        known = ("sources", "test_sources", "transforms", "split", "measures", "rows")
        _known(given, known, "a recipe")
        if not given.get("sources"):
            raise RecipeMistake("a recipe needs at least one source.", where="sources")
        split = given.get("split") or {}
        _known(split, ("test", "validation", "by"), "a split")
        test_sources = tuple(given.get("test_sources") or ())
        sizes = {"test": split.get("test", 0 if test_sources else 0.1), "validation": split.get("validation", 0.05)}
        for name, size in sizes.items():
            if not isinstance(size, int | float) or isinstance(size, bool) or size < 0:
                raise RecipeMistake(f"{size!r} is neither a number of rows nor a share.", where=f"split.{name}")
        default = [{"kind": "dedup_exact"}, {"kind": "decontaminate"}]
        transforms = given.get("transforms")
        return cls(
            _weighed(given["sources"], given.get("rows")),
            test_sources,
            tuple(default if transforms is None else transforms),
            tuple(dict.fromkeys([*ALWAYS, *(given.get("measures") or ())])),
            sizes["test"],
            sizes["validation"],
            split.get("by", "group"),
        )


def modules(given: Mapping[str, Any]) -> list[str]:
    """The modules that this recipe looks up by name: part of the key of a build."""
    recipe = Recipe.read(given)
    found = [MEASURES.module(kind) for kind in recipe.measures]
    found += [TRANSFORMS.module(spec.get("kind", "")) for spec in recipe.transforms]
    for spec in (*recipe.sources, *recipe.test_sources):
        found.append(SOURCES.module(spec.get("kind", "")))
        more = getattr(source(spec), "modules", None)
        found += more(spec) if more else []
    return sorted(set(found))


def scorers(given: Mapping[str, Any]) -> list[Spec]:
    """The scorers that sources of this recipe use: what they run is part of the key of a build."""
    recipe = Recipe.read(given)
    found: list[Spec] = []
    for spec in (*recipe.sources, *recipe.test_sources):
        more = getattr(source(spec), "scorers", None)
        found += more(spec) if more else []
    return found


def files(given: Mapping[str, Any], directory: Path) -> dict[str, Path]:
    """The local files and directories that this recipe reads: their content is part of the key of a build."""
    recipe = Recipe.read(given)
    found: list[Path] = []
    for spec in (*recipe.sources, *recipe.test_sources):
        more = getattr(source(spec), "files", None)
        found += more(spec, directory) if more else []
    return {f"data/{number}": path for number, path in enumerate(found)}


def build_dataset(
    given: Mapping[str, Any],
    out: Path,
    *,
    tokenizer: ChatTokenizer,
    seed: int,
    report: Report = lambda **_: None,
    directory: Path = Path(),
    judge: Judge | None = None,
) -> dict[str, Any]:
    """Write train.jsonl, validation.jsonl, test.jsonl and statistics.json to `out`; the statistics.

    `directory` is where relative paths of the recipe start; `judge` makes scorers for sources that need one.
    """
    recipe = Recipe.read(given)
    bench = Bench(tokenizer)
    drawn: Counter[str] = Counter()

    def stream(specs: Iterable[Spec], role: str) -> Iterator[Row]:
        places = (Place(f"{seed}/{role}/{number}", directory, judge, bench.drop) for number in range(1_000_000))
        return chain.from_iterable(_rows(spec, place, drawn) for spec, place in zip(specs, places, strict=False))

    report(message="writing the test rows")
    asked = _transformed(stream(recipe.test_sources, "test"), recipe, bench, test=True)
    # Mixed, so that the first n cases have the same parts as all of them.
    bench.test_rows = sorted(asked, key=lambda row: _chance(seed, row["id"]))
    report(message="writing the rows")
    spool = out / SPOOL
    groups: Counter[str] = Counter()
    with spool.open("w", encoding="utf-8", newline="\n") as file:
        for number, row in enumerate(_transformed(stream(recipe.sources, "train"), recipe, bench, test=False), 1):
            groups[_key(row, recipe.by)] += 1
            file.write(dump(row) + "\n")
            if number % 500 == 0:
                report(step=number, message="rows")
    places = _split(groups, recipe, seed)
    check = LeakCheck()
    running = {kind: measure(kind).measure(bench) for kind in recipe.measures}
    sizes = {}
    for split in SPLITS:
        pool = (row for row in read_rows(spool) if places[_key(row, recipe.by)] == split)
        rows = chain(pool, bench.test_rows) if split == "test" else pool
        sizes[split] = write_rows(out / f"{split}.jsonl", _counted(rows, split, check, list(running.values())))
    spool.unlink()
    _enough(sizes, bench)
    statistics = {
        "rows": sizes,
        "drawn": dict(sorted(drawn.items())),
        "dropped": [
            {"transform": each.transform, "reason": each.reason, "rows": each.rows, "example": each.example}
            for each in bench.dropped.values()
        ],
        "leaks": check.result(),
        "measures": {kind: each.result() for kind, each in running.items()},
    }
    text = json.dumps(statistics, ensure_ascii=False, indent=1, sort_keys=True)
    (out / "statistics.json").write_text(text + "\n", encoding="utf-8")
    report(message=", ".join(f"{count} {split}" for split, count in sizes.items()))
    return statistics


def _rows(spec: Spec, place: Place, drawn: Counter[str]) -> Iterator[Row]:
    label = str(spec.get("name") or spec.get("path") or spec["kind"])
    for row in source(spec).rows(spec, place):
        drawn[label] += 1
        row.setdefault("group", row["id"])
        if "part" in spec:
            row["part"] = spec["part"]
        yield row


def _transformed(rows: Iterator[Row], recipe: Recipe, bench: Bench, *, test: bool) -> Iterator[Row]:
    for spec in recipe.transforms:
        if not (test and spec.get("kind") == "decontaminate"):
            rows = transform(spec).apply(rows, spec, bench)
    return rows


def _key(row: Row, by: str) -> str:
    if by not in row:
        raise RecipeMistake(f'a row has no "{by}" to split by.', where="split.by", hint="Use group, id or stratum.")
    return str(row[by])


def _split(groups: Counter[str], recipe: Recipe, seed: int) -> dict[str, str]:
    """Each group's split: groups in an order that only the seed decides, until test and validation are full."""
    total = groups.total()
    wanted = {
        "test": recipe.test if recipe.test >= 1 else recipe.test * total,
        "validation": recipe.validation if recipe.validation >= 1 else recipe.validation * total,
    }
    places: dict[str, str] = {}
    for group in sorted(groups, key=lambda name: _chance(seed, name)):
        split = next((name for name, left in wanted.items() if left >= 1), "train")
        places[group] = split
        if split != "train":
            wanted[split] -= groups[group]
    return places


def _chance(seed: int, name: str) -> bytes:
    """A place in an order that looks random and is the same everywhere."""
    return blake2b(f"{seed}:{name}".encode()).digest()


def _counted(rows: Iterable[Row], split: str, check: LeakCheck, running: Iterable[Any]) -> Iterator[Row]:
    for row in rows:
        check.add(split, row)
        for each in running:
            each.add(split, row)
        yield row


def _enough(sizes: Mapping[str, int], bench: Bench) -> None:
    for split in ("train", "test"):
        if sizes[split] == 0:
            most = max(bench.dropped.values(), key=lambda each: each.rows, default=None)
            raise DataProblem(
                f"no rows are left for {split}.",
                hint=f"{most.transform} left out {most.rows} ({most.reason})."
                if most
                else "Raise `rows` or change `split`.",
            )


def _weighed(sources: Iterable[Spec], rows: int | None) -> tuple[Spec, ...]:
    """Sources with `weight` share the recipe's `rows`."""
    sources = tuple(sources)
    weights = sum(spec.get("weight", 0) for spec in sources)
    if not weights:
        return sources
    if not rows:
        raise RecipeMistake("sources with a weight need `rows`, the number to share.", where="rows")
    return tuple(
        {**spec, "rows": round(rows * spec["weight"] / weights)} if spec.get("weight") else spec for spec in sources
    )


def _known(given: Mapping[str, Any], known: tuple[str, ...], what: str) -> None:
    for key in given:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1)
            raise RecipeMistake(
                f'{what} has no key "{key}".',
                hint=f'Did you mean "{near[0]}"?' if near else f"Known: {', '.join(known)}.",
            )
