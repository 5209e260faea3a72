"""From a recipe to a dataset: sources, transforms, a split that leaks nothing, and the statistics.

    sources:            where training rows come from; with `weight`, shares of the recipe's `rows`
    test_sources:       where test rows come from, if not from a split of the above: other words, other phrasings
    transforms:         in order; what they leave out is counted
    split: {test: 300, validation: 0.02, by: group}
    measures: {vocabulary: {}}      beyond those that are always taken; with `min` or `max`, a bound that must hold

Rows stream through a file beside the result; only test rows and one short key per row are held in memory. The same
recipe, seed and tokenizer give the same bytes on any machine. Nothing here knows what a generator or a filter does.
What is measured of finished rows is the business of describe.py: changing a measure changes no row.
"""

import difflib
import json
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from expertbuild.data.drawn import LeftOut, remembered
from expertbuild.data.encoding import ChatTokenizer
from expertbuild.data.errors import RecipeMistake
from expertbuild.data.gates import Gate, read_gates
from expertbuild.data.keys import refuse_keys
from expertbuild.data.measures import ALWAYS, COUNTED, MEASURES, measure
from expertbuild.data.parts import check_part
from expertbuild.data.pool import Pool, dropped, enough
from expertbuild.data.remembered import key_of
from expertbuild.data.rows import Row
from expertbuild.data.sources import SOURCES, Judge, Place, Spec, named, source
from expertbuild.data.splits import Layers, chance
from expertbuild.data.stages import Crew, flow
from expertbuild.data.transforms import TRANSFORMS, Bench, CountedRow, check

ROOM = ".partial"
WITH_FILES = ("schema",)  # transforms that read a file of their own
ONLY_TRAINING = ("decontaminate", "balance", "mix")  # transforms that test sources do not go through
KEYS = ("sources", "test_sources", "transforms", "measures", "split", "rows")
# A place in a recipe, as errors name it. A file of data may well be called rows.jsonl or split.csv.
_PLACE = re.compile(
    rf"rows|split(\.(test|validation|by|stratify))?|measures(\.({'|'.join(MEASURES.modules)})(\..*)?)?"
    r"|(sources|test_sources|transforms)(\[\d+\].*)?"
)
Report = Callable[..., None]


def is_place(where: str) -> bool:
    """Whether an error speaks of a place in the recipe, which has a line, and not of a file or an answer."""
    return _PLACE.fullmatch(where) is not None


@dataclass(frozen=True)
class Recipe:
    """The `dataset` part of a configuration for the use that was chosen."""

    sources: tuple[Spec, ...]
    test_sources: tuple[Spec, ...]
    transforms: tuple[Spec, ...]
    measures: Mapping[str, Spec]
    gates: tuple[Gate, ...]
    test: float
    validation: float
    by: str
    stratify: str | None

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> "Recipe":
        _known(given, KEYS, "a recipe")
        if not given.get("sources"):
            raise RecipeMistake("a recipe needs at least one source.", where="sources")
        for role in ("sources", "test_sources"):
            refuse_keys(given.get(role) or (), role)
        split = given.get("split") or {}
        _known(split, ("test", "validation", "by", "stratify"), "a split")
        test_sources = tuple(given.get("test_sources") or ())
        sizes = {"test": split.get("test", 0 if test_sources else 0.1), "validation": split.get("validation", 0.05)}
        for name, size in sizes.items():
            if not isinstance(size, int | float) or isinstance(size, bool) or size < 0:
                raise RecipeMistake(f"{size!r} is neither a number of rows nor a share.", where=f"split.{name}")
        default = [{"kind": "dedup_exact"}, {"kind": "decontaminate"}]
        transforms = given.get("transforms")
        stratify = split.get("stratify")
        if stratify not in (None, "difficulty"):
            check_part(stratify, "split.stratify")
        return cls(
            _weighed(given["sources"], given.get("rows")),
            test_sources,
            tuple(default if transforms is None else transforms),
            {kind: (given.get("measures") or {}).get(kind) or {} for kind in [*ALWAYS, *(given.get("measures") or ())]},
            read_gates(given.get("measures")),
            sizes["test"],
            sizes["validation"],
            split.get("by", "group"),
            stratify,
        )


def modules(given: Mapping[str, Any]) -> list[str]:
    """The modules that this recipe looks up by name: part of the key of a build."""
    recipe = Recipe.read(given)
    found = [MEASURES.module(kind) for kind in recipe.measures if kind in COUNTED]
    for kind in recipe.measures:
        MEASURES.module(kind)  # an unknown name is told here, before anything is built
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
    for spec in recipe.transforms:
        if spec.get("kind") in WITH_FILES:
            found += TRANSFORMS.load(spec["kind"]).files(spec, directory)
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
    crew: Crew | None = None,
) -> dict[str, Any]:
    """Write train.jsonl, validation.jsonl, test.jsonl and statistics.json to `out`; the statistics.

    `directory` is where relative paths of the recipe start; `judge` makes scorers for sources
    that need one; `crew` says who works on the rows and what is remembered.
    """
    recipe = Recipe.read(given)
    bench = Bench(tokenizer)
    drawn: Counter[str] = Counter()
    crew = crew or Crew()

    def stream(role: str, specs: Sequence[Spec]) -> Iterator[Row]:
        for number, spec in enumerate(specs):
            place = Place(
                f"{seed}/{'test' if role == 'test_sources' else 'train'}/{number}", directory, judge, bench.drop
            )
            yield from named(_rows(spec, place, drawn, crew), f"{role}[{number}]")

    check(recipe.transforms, directory)
    room = out / ROOM
    room.mkdir()
    bench = replace(bench, directory=directory, work=room, seed=seed, workers=crew.workers)
    try:
        with crew:
            report(message="writing the test rows")
            for_test = [spec for spec in recipe.transforms if spec.get("kind") not in ONLY_TRAINING]
            asked = flow(stream("test_sources", recipe.test_sources), for_test, bench, crew)
            # Mixed, so that the first n cases have the same parts as all of them.
            bench.test_rows = sorted(asked, key=lambda row: chance(seed, row["id"]))
            rows = flow(stream("sources", recipe.sources), recipe.transforms, bench, crew)
            pool = Pool(room / "rows", recipe.by, Layers(recipe.stratify))
            expected = sum(spec.get("rows", 0) for spec in recipe.sources) or None
            pool.fill(rows, lambda count: report(step=drawn.total(), total=expected, message=f"{count:,} rows stay"))
            pool.split(test=recipe.test, validation=recipe.validation, seed=seed)
        running = {
            kind: measure(kind).measure(bench, recipe.measures[kind]) for kind in COUNTED if kind in recipe.measures
        }
        sizes, leaks = pool.write(out, bench.test_rows, running.values(), report)
        through = pool.groups.total()
        enough(
            sizes, {"train": through, "test": len(bench.test_rows) if recipe.test_sources else through}, bench, drawn
        )
    finally:
        shutil.rmtree(room, ignore_errors=True)
    statistics = {
        "rows": sizes,
        "drawn": dict(sorted(drawn.items())),
        "dropped": dropped(bench, [str(spec.get("kind")) for spec in recipe.transforms]),
        "leaks": leaks.result(),
        "measures": {kind: each.result() for kind, each in running.items()},
    }
    text = json.dumps(statistics, ensure_ascii=False, indent=1, sort_keys=True)
    (out / "statistics.json").write_text(text + "\n", encoding="utf-8")
    report(message=", ".join(f"{count} {split}" for split, count in sizes.items()))
    return statistics


def _rows(spec: Spec, place: Place, drawn: Counter[str], crew: Crew) -> Iterator[Row]:
    label = str(spec.get("name") or spec.get("path") or spec["kind"])
    for row in _asked(spec, place, crew):
        drawn[label] += 1
        row.setdefault("group", row["id"])
        if "part" in spec:
            row["part"] = spec["part"]
        yield CountedRow(row)


def _asked(spec: Spec, place: Place, crew: Crew) -> Iterator[Row]:
    """The rows of a source, from memory where they are kept."""
    asked = source(spec)
    key = crew.source(spec) if crew.memory is not None else ""
    if crew.memory is None or not key:
        return asked.rows(spec, place)

    def draw(left_out: LeftOut) -> Iterator[Row]:
        return asked.rows(spec, replace(place, left_out=left_out))

    return remembered(draw, place.left_out, crew.memory, key_of([key, place.seed]))


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
