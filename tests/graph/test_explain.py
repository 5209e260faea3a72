import os
from pathlib import Path
from typing import Any

import pytest

from expertbuild.graph import Cache, Step, build, shrink, why
from tests.graph import toys
from tests.graph.test_plan import snapshot
from tests.graph.toys import step, toy


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def lines(steps: list[Step], cache: Cache) -> list[str]:
    return [line for reason in why(steps, cache) for line in reason.lines() if "nothing changed" not in line]


CONFIG: dict[str, Any] = {
    "adapter": {"r": 12, "kind": "lora", "targets": ["q", "v"], "dropout": None},
    "sources": [{"kind": "csv"}],
    "seed": 0,
    "on": True,
}


def train(tmp_path: Path, config: dict[str, Any] | None = None, **changes: Any) -> Step:
    action = toy(toys.write, name="train", reads=("adapter", "sources", "on"), **changes.pop("action", {}))
    (tmp_path / "grammar").write_text(changes.pop("grammar", "root ::= x"))
    files = changes.pop("files", {"grammar": tmp_path / "grammar"})
    return Step("train", action, config or CONFIG, files=files, **changes)


def test_before_the_first_build_it_says_so_and_writes_nothing(cache: Cache) -> None:
    assert lines([step("b", a=step("a"))], cache) == ["a: never built", "b: never built"]
    assert not cache.root.exists()


def test_after_a_build_there_is_nothing_to_say(cache: Cache, tmp_path: Path) -> None:
    one = train(tmp_path)
    build([one], cache).check()
    before = snapshot(cache.root)
    (reason,) = why([one], cache)
    assert reason.lines() == ["train: nothing changed"] and reason.status == "hit"
    assert snapshot(cache.root) == before


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"config": {**CONFIG, "adapter": {**CONFIG["adapter"], "r": 16}}}, ["adapter.r 12 -> 16"]),
        ({"config": {**CONFIG, "adapter": {**CONFIG["adapter"], "r": 12.0}}}, ["adapter.r 12 -> 12.0"]),
        ({"config": {**CONFIG, "on": 1}}, ["on true -> 1"]),
        ({"config": {**CONFIG, "adapter": {**CONFIG["adapter"], "kind": "", "dropout": 0.1}}}, ["adapter.dropout null -> 0.1", 'adapter.kind lora -> ""']),
        ({"config": {**CONFIG, "adapter": {**CONFIG["adapter"], "targets": ["q", "k", "v"]}}}, ["adapter.targets[1] v -> k", "adapter.targets[2] added (v)"]),
        ({"config": {**CONFIG, "sources": []}}, ['sources[0] removed ({"kind": "csv"})']),
        ({"config": {**CONFIG, "adapter": "none\n" * 40}}, ['adapter {"dropout": null, "kind": "lora", "r": 12, "targets": ["q",… -> none none none none none none none none none none none none…']),
        ({"config": {"adapter": CONFIG["adapter"], "sources": CONFIG["sources"]}}, ["on removed (true)"]),
        ({"seed": 7}, ["seed 0 -> 7"]),
        ({"grammar": "root ::= y"}, ["file grammar changed"]),
        ({"files": {}}, ["file grammar removed"]),
        ({"action": {"version": 2}}, ["version 1 -> 2"]),
        ({"action": {"engines": lambda config: {"judge": "1.0"}}}, ["library judge not asked for -> 1.0"]),
        ({"action": {"libraries": ("no-such-library",)}}, ["library no-such-library not asked for -> not installed"]),
    ],
)  # fmt: skip
def test_it_names_the_fields_that_changed(
    cache: Cache, tmp_path: Path, changes: dict[str, Any], says: list[str]
) -> None:
    build([train(tmp_path)], cache).check()
    assert lines([train(tmp_path, **changes)], cache) == [f"train: {text}" for text in says]


def test_it_names_the_source_files_that_changed(cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "src" / "toywhy" / "deep"
    package.mkdir(parents=True)
    for path, text in {
        package.parent / "__init__.py": "",
        package / "__init__.py": "x = 1",
        package / "sft.py": "from . import old",
        package / "old.py": "",
        package.parent / "train.py": "from .deep import sft\ndef f(run): ...",
    }.items():
        path.write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path / "src"))
    one = step("train", "toywhy.train:f")
    build([one], cache).check()
    (package / "__init__.py").write_text("x = 2")
    (package / "sft.py").write_text("from . import new")
    (package / "new.py").write_text("")
    assert lines([one], cache) == [
        "train: code toywhy/deep/__init__.py changed",
        "train: code toywhy/deep/new.py added",
        "train: code toywhy/deep/old.py removed",
        "train: code toywhy/deep/sft.py changed",
    ]


def test_an_input_that_is_built_first_is_named_and_so_is_what_changed_there(cache: Cache) -> None:
    def graph(n: int) -> list[Step]:
        data = step("dataset[x]", toys.halve, {"n": n})
        return [step("train[x]", own={"r": 1}, dataset=data)]

    build(graph(10), cache).check()
    assert lines(graph(20), cache) == [
        "dataset[x]: own.n 10 -> 20",
        "train[x]: input dataset is built first (dataset[x])",
    ]


def test_an_input_whose_output_changed_since_is_explained_by_its_own_change(cache: Cache) -> None:
    def graph(n: int) -> tuple[Step, Step]:
        data = step("dataset[x]", toys.halve, {"n": n})
        return data, step("train[x]", own={"r": 1}, dataset=data)

    build(graph(10), cache).check()
    build(graph(20)[:1], cache).check()  # only the data set was built again
    assert lines(list(graph(20)), cache) == ["train[x]: input dataset changed because dataset[x]: own.n 10 -> 20"]


def test_inputs_that_came_and_went_are_named(cache: Cache) -> None:
    a, b = step("a"), step("b", own={"b": 1})
    build([step("c", one=a), b], cache).check()
    assert lines([step("c", two=b)], cache) == ["c: input one removed", "c: input two added (b)"]


def test_a_result_that_was_shrunk_away_or_damaged_is_said_to_be(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("expertbuild.graph.upkeep._GRACE", -1.0)
    one = step("one", own={"x": 1})
    outcome = build([one], cache)
    path = cache.store.path(outcome["one"].outputs["text"].sha256)
    path.chmod(0o644)
    path.write_bytes(b"?")
    assert lines([one], cache) == ["one: text of its result is damaged in the cache"]
    assert shrink(cache, 0).results == 1
    assert lines([one], cache) == ["one: result evicted from the cache"]
    assert lines([step("one", own={"x": 2})], cache) == ["one: own.x 1 -> 2"]


def test_it_compares_with_the_state_that_the_step_was_in_last(cache: Cache) -> None:
    for r in (12, 16, 12):
        build([step("train", own={"r": r})], cache).check()
    assert lines([step("train", own={"r": 20})], cache) == ["train: own.r 12 -> 20"]
    assert lines([step("train", own={"r": 16})], cache) == ["train: own.r 12 -> 16"]
    assert why([step("train", own={"r": 16})], cache)[0].status == "hit"


@pytest.mark.parametrize("harm", ["garbage", "gone", "forged"])
def test_a_lost_history_loses_explanations_and_nothing_else(cache: Cache, harm: str) -> None:
    build([step("one", own={"x": 1})], cache).check()
    for path in (cache.root / "history").rglob("*.json"):
        if harm == "gone" and path.parent.name == "documents":
            path.unlink()
        elif harm == "garbage":
            path.write_bytes(os.urandom(50))
        elif harm == "forged" and path.parent.name == "documents":
            path.write_bytes(path.read_bytes().replace(b'"x":1', b'"x":9'))
    expected = "one: never built" if harm == "garbage" else "one: what it was built from is no longer known"
    assert lines([step("one", own={"x": 2})], cache) == [expected]
    assert build([step("one", own={"x": 1})], cache)["one"].status == "hit"
