import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from expertbuild.graph import Cache, Progress, Started, Step, build, keep, release, show, shrink, verify
from expertbuild.graph.disk import fresh_name
from expertbuild.graph.locks import Presence, present
from tests.graph import toys
from tests.graph.test_run import damage
from tests.graph.toys import statuses, step, text


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cache:
    """A cache that may be shrunk the moment after it was used."""
    monkeypatch.setattr("expertbuild.graph.upkeep._GRACE", -1.0)
    return Cache(tmp_path / "cache")


def named(*names: str) -> list[Step]:
    return [step(name, own={"text": name * 100}) for name in names]


def used_at(cache: Cache, outcome: Any, **ages: float) -> None:
    for id, age in ages.items():
        then = time.time() - age
        os.utime(cache.results / f"{outcome[id].key}.json", (then, then))


def test_it_shows_what_is_held_by_action(cache: Cache) -> None:
    outcome = build([*named("a", "b"), step("n", toys.nested)], cache)
    usage = show(cache)
    assert {held.action: held.results for held in usage.actions} == {"nested": 1, "write": 2}
    assert usage.size == sum(part.record.size for part in outcome.values() if part.record) and usage.objects == 6
    assert all(abs(held.last_used - time.time()) < 60 for held in usage.actions)
    assert show(Cache(cache.root / "nowhere")).size == 0 and not (cache.root / "nowhere").exists()


def test_what_was_used_longest_ago_goes_first(cache: Cache) -> None:
    outcome = build(named("a", "b", "c"), cache)
    used_at(cache, outcome, a=30, b=20, c=10)
    size = show(cache).size
    build(named("a"), cache)  # a hit counts as a use
    done = shrink(cache, size - 1)
    assert (done.before, done.results) == (size, 1) and done.after == show(cache).size < size
    assert statuses(build(named("a", "b", "c"), cache, dry_run=True)) == {"a": "hit", "b": "build", "c": "hit"}
    assert shrink(cache, 0).after == 0 == show(cache).size
    assert not list(cache.trees.glob("*")) and build(named("a"), cache)["a"].status == "built"


def test_a_cache_that_is_small_enough_is_left_alone(cache: Cache) -> None:
    build(named("a", "b"), cache)
    assert shrink(cache, show(cache).size).results == 0


def test_bytes_that_two_results_share_go_with_the_last_of_them(cache: Cache) -> None:
    def both() -> list[Step]:
        return [step("one", toys.halve, {"n": 10}), step("two", toys.halve, {"n": 11})]

    outcome = build(both(), cache)
    used_at(cache, outcome, one=99)
    (cache.results / f"{outcome['one'].key}.json").touch()
    used_at(cache, outcome, one=99, two=9)
    path = cache.store.path(outcome["one"].outputs["text"].sha256)
    (cache.results / f"{outcome['one'].key}.json").unlink()
    shrink(cache, 1)
    assert path.exists() and statuses(build(both(), cache, dry_run=True)) == {"one": "build", "two": "hit"}
    shrink(cache, 0)
    assert not path.exists()


def test_what_was_used_a_moment_ago_stays(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    build(named("a"), cache)
    done = shrink(cache, 0)
    assert done.results == 0 and done.in_use > 0


# Packages


def chain(*, note: str = "") -> list[Step]:
    data = step("data", toys.halve, {"n": 10, "note": note})
    return [step("package", train=step("train", own={"r": 12}, data=data)), *named("other")]


def test_what_a_package_was_made_from_stays_as_long_as_its_file(cache: Cache, tmp_path: Path) -> None:
    package = tmp_path / "expert.expert"
    package.touch()
    build(chain(), cache).keep("package", "expert-sql", package)
    done = shrink(cache, 0)
    assert done.results == 1 and done.kept_for_packages > 0
    assert statuses(build(chain(), cache)) == {"data": "hit", "train": "hit", "package": "hit", "other": "built"}
    assert show(cache).roots == ("expert-sql",)
    package.unlink()
    assert show(cache).roots == () and shrink(cache, 0).results == 4
    assert not list(cache.roots.iterdir())


def test_a_package_keeps_what_it_would_be_built_from_today(cache: Cache) -> None:
    build(chain(), cache)
    build(chain(note="same bytes, another key"), cache).keep("package", "expert-sql")
    shrink(cache, 0)
    assert statuses(build(chain(note="same bytes, another key"), cache))["data"] == "hit"


def test_a_result_can_be_kept_by_its_key_and_let_go_by_its_label(cache: Cache) -> None:
    outcome = build(chain(), cache)
    keep(cache, [outcome["package"].key or ""], "expert-sql")
    assert shrink(cache, 0).results == 1
    keep(cache, [outcome["data"].key or ""], "expert-sql")  # the label stands for something else now
    assert shrink(cache, 0).results == 2
    release(cache, "expert-sql")
    assert shrink(cache, 0).results == 1


# While builds run


def test_nothing_that_a_running_build_needs_is_shrunk_away(cache: Cache, tmp_path: Path) -> None:
    early = step("early", own={"x": 1})
    build([early, *named("unrelated")], cache).check()
    time.sleep(0.05)
    (tmp_path / "go_here").mkdir()
    gate = step("gate", toys.wait_for, {"folder": str(tmp_path / "go_here")})
    late = step("late", early=early, gate=gate)
    shrunk: list[Any] = []

    def listener(event: Any) -> None:
        if isinstance(event, Started) and event.step == "gate":
            shrunk.append(shrink(cache, 0))
            (tmp_path / "go_here" / "go").touch()

    outcome = build([late], cache, listener=listener)
    assert statuses(outcome) == {"early": "hit", "gate": "built", "late": "built"}
    assert shrunk[0].results == 1 and shrunk[0].in_use > 0
    assert statuses(build(named("unrelated"), cache, dry_run=True)) == {"unrelated": "build"}


def test_scratch_of_a_running_step_stays_and_that_of_a_dead_one_goes(cache: Cache) -> None:
    dead = cache.work("d" * 64)
    dead.mkdir(parents=True)
    (dead / "checkpoint").write_bytes(b"x" * 1000)
    cache.log("d" * 64).write_text("log")
    work: list[Path] = []

    def listener(event: Any) -> None:
        if isinstance(event, Started):
            work.append(event.work)
        if isinstance(event, Progress) and not dead.exists():
            assert work[0].exists()
        elif isinstance(event, Progress):
            os.utime(dead / "checkpoint", (1, 1))
            os.utime(dead, (1, 1))
            assert show(cache).work > 1000
            shrink(cache, 0)
            assert not dead.exists() and not cache.log("d" * 64).exists()

    assert build([step("one", toys.slowly, {"n": 30})], cache, listener=listener).ok and not dead.exists()


def test_builds_and_shrinking_at_once_do_each_other_no_harm(cache: Cache) -> None:
    stop = threading.Event()
    broken: list[BaseException] = []
    trees: dict[int, str | None] = {}

    def shrinking() -> None:
        while not stop.is_set():
            try:
                shrink(cache, 0)
            except BaseException as error:
                broken.append(error)
            time.sleep(0.003)

    thread = threading.Thread(target=shrinking)
    thread.start()
    try:
        for number in range(12):
            a = step("a", own={"n": number % 3})
            outcome = build([step("c", a=a, b=step("b", own={"b": 1}, a=a))], cache)
            assert outcome.ok, outcome.failures
            assert trees.setdefault(number % 3, outcome["c"].tree) == outcome["c"].tree
    finally:
        stop.set()
        thread.join()
    assert not broken and not verify(cache)


def test_the_sign_of_a_dead_build_is_taken_down(tmp_path: Path) -> None:
    here = Presence.announce(tmp_path)
    dead = tmp_path / fresh_name()
    dead.touch()
    assert len(present(tmp_path)) == 1 and not dead.exists()
    here.leave()
    assert present(tmp_path) == [] == present(tmp_path / "nowhere")


def test_what_a_killed_build_left_behind_is_cleaned_away_by_the_next(cache: Cache) -> None:
    build(named("a"), cache)
    half = cache.staging / fresh_name()
    half.write_bytes(b"x")
    (cache.root / "out" / ("e" * 64)).mkdir(parents=True)
    with cache.attended():  # not while another build may be writing there
        half.write_bytes(b"x")
        build(named("a"), cache)
        assert half.exists()
    build(named("a"), cache)
    assert not list(cache.staging.iterdir()) and not list((cache.root / "out").iterdir())


def test_bytes_that_no_result_names_go(cache: Cache) -> None:
    outcome = build(named("a"), cache)
    (cache.results / f"{outcome['a'].key}.json").unlink()
    assert shrink(cache, 10**9).after == 0 and not list(cache.store.root.glob("*/*"))


def test_a_folder_of_ones_own_that_was_made_the_cache_by_mistake_loses_nothing(tmp_path: Path, cache: Cache) -> None:
    cache = Cache(tmp_path / "project")
    names = [
        "tmp/notes", "tmp/deep/notes", "out/report.pdf", "results/table.json", "roots/tree.json", "trees/oak/leaf", "work/thesis.doc",
        "objects/ab/cd", "history/documents/war.json", "history/steps/x.json", "active/volcano", "locks/door",
    ]  # fmt: skip
    for name in names:
        (cache.root / name).parent.mkdir(parents=True, exist_ok=True)
        (cache.root / name).write_text("mine")
    build(named("a"), cache).check()
    verify(cache)
    shrink(cache, 0)
    build(named("a"), cache).check()
    assert [name for name in names if not (cache.root / name).exists()] == []


# Checking


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        ("flip", "b: text is damaged; removed"), ("cut", "b: text is damaged; removed"), ("drop", "b: text is gone"),
        ("record", "is damaged (it is not"), ("decay", "b: text is damaged; removed"),
    ],
)  # fmt: skip
def test_verifying_finds_names_and_removes_damage(cache: Cache, harm: str, says: str) -> None:
    outcome = build(named("a", "b"), cache)
    assert verify(cache) == []
    path = cache.store.path(outcome["b"].outputs["text"].sha256)
    before = path.stat()
    if harm == "record":
        (cache.results / f"{outcome['b'].key}.json").write_text("{}")
    else:
        damage(cache, outcome["b"], "flip" if harm == "decay" else harm)
    if harm == "decay":
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    found = verify(cache)
    assert len(found) == 1 and says in found[0].what and found[0].what.endswith("the next build makes it again")
    assert statuses(build(named("a", "b"), cache)) == {"a": "hit", "b": "built"}
    assert verify(cache) == []


def test_verifying_finds_damage_in_bytes_that_no_result_names_and_in_directories(cache: Cache) -> None:
    outcome = build(named("a", "b"), cache)
    damage(cache, outcome["a"], "flip")
    (cache.results / f"{outcome['a'].key}.json").unlink()
    tree = outcome["b"].path()
    tree.chmod(0o755)
    (tree / "stray").touch()
    found = [finding.what for finding in verify(cache)]
    assert len(found) == 2 and "stray was changed in its directory" in found[0] and found[1].startswith("object ")
    assert verify(cache) == [] and text(outcome, "b").startswith("text=b")
