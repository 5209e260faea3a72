import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from expertbuild.graph import (
    Cache,
    Failed,
    Finished,
    GraphMistake,
    Hit,
    Planned,
    Progress,
    Skipped,
    Started,
    Step,
    StepFailed,
    Waiting,
    Warned,
    build,
)
from expertbuild.graph.run import build as build_function
from tests.graph import toys
from tests.graph.toys import Heard, statuses, step, text, toy


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def diamond(**own: Any) -> list[Step]:
    a = step("a", own=own or {"x": 1})
    b, c = step("b", own={"y": 1}, a=a), step("c", own={"z": 1}, a=a)
    return [a, b, c, step("d", b=b, c=c)]


# Building


def test_every_step_is_built_after_its_inputs_and_given_their_output(cache: Cache) -> None:
    outcome = build([diamond()[-1]], cache)
    assert statuses(outcome) == {"a": "built", "b": "built", "c": "built", "d": "built"}
    assert text(outcome, "b") == "y=1\na: x=1 / seed 0\nseed 0"
    assert text(outcome, "d").startswith("b: y=1 / a: x=1 / seed 0 / seed 0\nc: z=1")


def test_a_second_build_has_nothing_to_do_and_starts_no_process(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    build(diamond(), cache)
    monkeypatch.setattr(subprocess, "Popen", lambda *a, **k: pytest.fail("a process was started"))
    heard = Heard()
    outcome = build(diamond(), cache, listener=heard)
    assert set(statuses(outcome).values()) == {"hit"}
    assert heard.steps(Hit) == ["a", "b", "c", "d"] and len(heard) == 8
    assert not list((cache.root / "active").iterdir()) and not list((cache.root / "locks").glob("*.lock"))


def test_the_function_gets_what_its_step_declares(cache: Cache, tmp_path: Path) -> None:
    (tmp_path / "grammar.gbnf").write_text("root ::= x")
    one = Step(
        "one", toy(toys.write), {"own": {"x": 1}, "other": 2}, {}, {"grammar": tmp_path / "grammar.gbnf"}, seed=7
    )
    assert text(build([one], cache), "one") == "x=1\ngrammar root ::= x\nseed 7"


def test_the_function_is_told_what_its_inputs_were_made_from(cache: Cache) -> None:
    a = step("a", own={"x": 1})
    build([step("under another name", own={"x": 1})], cache)
    last = step("last", toys.tell_lineage, b=step("b", own={"y": 2}, a=a), a=a)
    assert text(build([last], cache), "last") == "a:{'x': 1} b:{'y': 2}"


def test_a_whole_tree_of_files_is_a_result(cache: Cache) -> None:
    outcome = build([step("one", toys.nested)], cache)
    path = outcome["one"].path()
    assert sorted(outcome["one"].outputs) == ["a/b/deep", "empty", "text", "tool.sh"]
    assert (path / "a/b/deep").read_text() == "deep" and (path / "empty").read_bytes() == b""
    assert subprocess.check_output([path / "tool.sh"]) == b"ran\n"
    assert not (path / "a/b/deep").stat().st_mode & 0o222 and not (path / "a").stat().st_mode & 0o222


def test_links_in_the_output_count_as_what_they_lead_to_and_that_is_left_in_peace(cache: Cache, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "file").write_text("mine")
    outcome = build([step("one", toys.link, {"folder": str(mine)})], cache)
    assert sorted(outcome["one"].outputs) == ["file", "folder/file", "hard"]
    (mine / "file").write_text("changed")
    assert {path.read_text() for path in outcome["one"].path().rglob("*") if path.is_file()} == {"mine"}


def test_an_edit_rebuilds_what_reads_it_and_what_stands_on_that(cache: Cache) -> None:
    build(diamond(), cache)
    a, b, c, _ = diamond()
    b = step("b", own={"y": 2}, a=a)
    outcome = build([step("d", b=b, c=c)], cache)
    assert statuses(outcome) == {"a": "hit", "b": "built", "c": "hit", "d": "built"}
    assert set(statuses(build(diamond(), cache)).values()) == {"hit"}


def test_a_rebuild_that_gives_the_same_bytes_stops_there(cache: Cache) -> None:
    def chain(n: int) -> list[Step]:
        half = step("half", toys.halve, {"n": n})
        return [step("end", middle=step("middle", half=half))]

    build(chain(10), cache)
    assert statuses(build(chain(11), cache)) == {"half": "built", "middle": "hit", "end": "hit"}
    assert statuses(build(chain(12), cache)) == {"half": "built", "middle": "built", "end": "built"}


def test_two_steps_with_the_same_question_are_built_once(cache: Cache) -> None:
    heard = Heard()
    outcome = build(
        [step("one", toys.at_random, {"x": 1}), step("two", toys.at_random, {"x": 1})], cache, jobs=2, listener=heard
    )
    assert statuses(outcome) == {"one": "built", "two": "built"}
    assert outcome["one"].tree == outcome["two"].tree and len(heard.of(Started)) == 1


def test_independent_steps_run_at_once_in_as_many_workers_as_asked_for(cache: Cache, tmp_path: Path) -> None:
    heard = Heard()
    steps = [step(name, toys.wait_for, {"folder": str(tmp_path / name)}) for name in "ab"]
    for name in "ab":
        (tmp_path / name).mkdir()

    def let_go() -> None:
        while not all((tmp_path / name / "began").exists() for name in "ab"):
            time.sleep(0.01)
        for name in "ab":
            (tmp_path / name / "go").touch()

    threading.Thread(target=let_go, daemon=True).start()
    assert build(steps, cache, jobs=2, listener=heard).ok
    kinds = [type(event) for event in heard if isinstance(event, Started | Finished)]
    assert kinds == [Started, Started, Finished, Finished]


def test_workers_are_reused_and_the_cores_are_shared_out_among_them(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("expertbuild.graph.pool.cores", lambda: 8)
    told = [step(str(number), toys.tell_environment, {"n": number}) for number in range(6)]
    said = [text(build(told, cache, jobs=2), str(number)) for number in range(6)]
    assert {line.rpartition(" ")[0] for line in said} == {"OMP_NUM_THREADS=4 PYTHONHASHSEED=0"}
    assert len(set(said)) <= 2
    alone = step("alone", toys.tell_environment, {"n": 99})
    assert text(build([alone], cache, jobs=4), "alone").startswith("OMP_NUM_THREADS=8 ")


def test_a_number_of_threads_that_the_user_set_stays(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert text(build([step("one", toys.tell_environment)], cache), "one").startswith("OMP_NUM_THREADS=3 ")


def test_progress_is_told_a_few_times_a_second_and_at_the_end(cache: Cache) -> None:
    heard = Heard()
    build([step("one", toys.slowly, {"n": 200, "pause": 0.001})], cache, listener=heard)
    told = heard.of(Progress)
    assert told[-1].fields == {"step": 200, "total": 200}
    assert 2 <= len(told) <= 3 + 10 * heard.of(Finished)[0].seconds


def test_events_come_in_order(cache: Cache) -> None:
    heard = Heard()
    build([step("b", a=step("a"))], cache, listener=heard)
    assert [(type(event).__name__, getattr(event, "step", "")) for event in heard] == [
        ("Planned", "a"), ("Planned", "b"), ("Started", "a"), ("Finished", "a"), ("Started", "b"), ("Finished", "b"),
    ]  # fmt: skip
    assert [event.key is None for event in heard.of(Planned)] == [False, True]


def test_no_jobs_is_a_mistake(cache: Cache) -> None:
    with pytest.raises(GraphMistake, match="jobs is 0"):
        build(diamond(), cache, jobs=0)


# Failing


@pytest.mark.parametrize(
    ("how", "what", "code"),
    [
        ("problem", "train.jsonl: the data has no rows", 1),
        ("mistake", "scorer sqll is not known", 2),
        ("value", "stopped on ValueError: cannot do value", 1),
        ("exit", "its process ended with exit code 3", 1),
        ("signal", "its process was ended by SIGSEGV", 1),
        ("kill", "its process was ended by SIGKILL; often that means that memory ran out", 1),
        ("link", "its output holds", 1),
        ("pipe", "its output cannot be kept: pipe is neither a file nor a folder", 1),
        ("input", "text of its input up was changed while it ran; inputs are read-only", 1),
        ("full", "is full", 1),
    ],
)  # fmt: skip
def test_a_failing_step_says_why_in_one_sentence(cache: Cache, how: str, what: str, code: int) -> None:
    up = step("up")
    other = step("other", own={"x": 2}, up=up)
    broken = step("broken", toys.fail, {"how": how}, up=up)
    heard = Heard()
    outcome = build([step("after", broken=broken), other, broken], cache, listener=heard)
    assert statuses(outcome) == {"up": "built", "broken": "failed", "after": "skipped", "other": "built"}
    failure = heard.of(Failed)[0]
    assert what in failure.what and "\n" not in failure.what
    assert (failure.exit_code, outcome.exit_code) == (code, code)
    assert heard.of(Skipped) == [Skipped("after", ("broken",))]
    with pytest.raises(StepFailed, match=r"^broken: ") as caught:
        outcome.check()
    assert caught.value.exit_code == code
    assert failure.log is None or "about to fail" in failure.log.read_text()


def test_the_hint_of_a_problem_travels_and_that_of_a_crash_names_the_log(cache: Cache) -> None:
    failures = [
        build([step("x", toys.fail, {"how": how})], cache).failures[0] for how in ("mistake", "value", "signal")
    ]
    assert failures[0].hint == "Did you mean sql?" and failures[0].kind == "Mistake"
    assert failures[1].hint == f"The traceback is in {failures[1].log}." and failures[1].log
    assert "Traceback" in failures[1].log.read_text() and "and a second line" in failures[1].log.read_text()
    assert failures[2].log and "Segmentation fault" in failures[2].log.read_text()


def test_a_missing_function_and_a_missing_package_are_said(
    cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "toybroken.py").write_text("import not_installed_anywhere\ndef f(run): ...\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    outcome = build([step("one", "tests.graph.toys:nothing"), step("two", "toybroken:f")], cache)
    assert [failure.what for failure in outcome.failures] == [
        "tests.graph.toys has no function nothing",
        "stopped on ModuleNotFoundError: No module named 'not_installed_anywhere'",
    ]


def test_a_failed_step_is_tried_again_and_goes_on_from_its_scratch(
    cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = tmp_path / "toyflaky.py"
    module.write_text(
        "def f(run):\n    mark = run.work / 'mark'\n    if not mark.exists():\n        mark.touch()\n        raise ValueError\n"
        "    (run.out / 'text').write_text('second try')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    heard = Heard()
    assert not build([step("one", "toyflaky:f")], cache, listener=heard).ok
    outcome = build([step("one", "toyflaky:f")], cache, listener=heard)
    assert text(outcome, "one") == "second try"
    assert [event.resumed for event in heard.of(Started)] == [False, True]
    assert not list((cache.root / "work").iterdir()) and not list((cache.root / "out").iterdir())


def test_the_first_failure_of_several_is_raised_and_the_code_is_1_unless_all_are_mistakes(cache: Cache) -> None:
    outcome = build([step("a", toys.fail, {"how": "problem"}), step("b", toys.fail, {"how": "mistake"})], cache)
    assert [failure.step for failure in outcome.failures] == ["a", "b"] and outcome.exit_code == 1
    assert build([step("a")], cache).exit_code == 0


def test_a_listener_that_breaks_stops_the_build_and_its_workers(cache: Cache) -> None:
    def listener(event: object) -> None:
        if isinstance(event, Progress):
            raise RuntimeError("terminal gone")

    began = time.monotonic()
    with pytest.raises(RuntimeError, match="terminal gone"):
        build([step("one", toys.slowly, {"n": 10_000})], cache, listener=listener)
    assert time.monotonic() - began < 50
    assert not list((cache.root / "active").iterdir())


# What is recorded stays


def test_the_first_result_stands_when_the_same_step_would_give_other_bytes(cache: Cache) -> None:
    first = build([step("one", toys.at_random)], cache)["one"].tree
    assert build([step("one", toys.at_random)], cache)["one"].tree == first


def test_a_lost_result_that_comes_out_differently_is_replaced_and_that_is_said(cache: Cache) -> None:
    steps = [step("after", one=step("one", toys.at_random))]
    before = build(steps, cache)
    entry = before["one"].outputs["text"]
    cache.store.drop(entry.sha256)
    heard = Heard()
    after = build(steps, cache, listener=heard)
    assert statuses(after) == {"one": "built", "after": "built"} and before["one"].tree != after["one"].tree
    assert [event.what for event in heard.of(Warned)] == [
        "text of its result is gone from the cache; building it again",
        "its lost result could not be made again byte for byte; the new one is recorded",
    ]


@pytest.mark.parametrize("harm", ["flip", "cut", "drop", "record", "record gone"])
def test_damage_in_the_cache_is_said_in_one_line_and_repaired(cache: Cache, harm: str) -> None:
    steps = diamond()
    before = build(steps, cache)
    damage(cache, before["b"], harm)
    heard = Heard()
    after = build(steps, cache, listener=heard)
    assert statuses(after) == {"a": "hit", "b": "built", "c": "hit", "d": "hit"}
    assert [event.step for event in heard.of(Warned)] == ([] if harm == "record gone" else ["b"])
    assert {id: part.tree for id, part in before.items()} == {id: part.tree for id, part in after.items()}
    assert set(statuses(build(steps, cache)).values()) == {"hit"}
    assert text(build(steps, cache), "b").startswith("y=1")


def damage(cache: Cache, part: Any, harm: str) -> None:
    record, path = cache.results / f"{part.key}.json", cache.store.path(part.outputs["text"].sha256)
    if harm == "record gone":
        record.unlink()
    elif harm == "record":
        record.write_bytes(record.read_bytes()[:-20])
    elif harm == "drop":
        path.unlink()
    else:
        path.chmod(0o644)
        data = path.read_bytes()
        path.write_bytes(data[:-1] if harm == "cut" else b"Y" + data[1:])


def test_decay_that_only_hashing_finds_is_repaired_when_the_bytes_are_needed(cache: Cache) -> None:
    a, b, c, d = diamond()
    build([a, b, c], cache)
    path = cache.store.path(build([a], cache)["a"].outputs["text"].sha256)
    times = path.stat().st_mtime_ns
    path.chmod(0o644)
    path.write_bytes(b"X" + path.read_bytes()[1:])
    os.utime(path, ns=(times, times))
    for tree in cache.trees.iterdir():  # its bytes are not laid out yet
        tree.chmod(0o755)
        for file in tree.iterdir():
            file.unlink()
        tree.rmdir()
    heard = Heard()
    late = [step(name, own={"late": name}, a=a) for name in "xyz"]
    outcome = build([d, *late], cache, jobs=3, listener=heard)
    assert outcome.ok and outcome["a"].status == "built"
    assert [event.what for event in heard.of(Warned)] == [
        "text of its result is damaged in the cache; building it again"
    ]
    assert text(outcome, "x") == "late=x\na: x=1 / seed 0\nseed 0"


def test_an_input_that_a_step_overwrote_is_made_again(cache: Cache) -> None:
    up = step("up")
    build([step("vandal", toys.fail, {"how": "input"}, up=up)], cache)
    outcome = build([step("reader", up=up)], cache)
    assert outcome["up"].status == "built" and text(outcome, "reader") == "up: seed 0\nseed 0"


def test_a_directory_in_which_somebody_worked_is_laid_out_anew(cache: Cache) -> None:
    path = build([step("one")], cache)["one"].path()
    path.chmod(0o755)
    (path / "stray").write_text("x")
    path = build([step("one")], cache)["one"].path()
    assert [file.name for file in path.iterdir()] == ["text"]


# Sources that change while a build runs


def test_code_edited_before_it_was_loaded_is_not_recorded_under_the_old_key(
    cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = tmp_path / "toyedited.py"
    module.write_text("def f(run):\n    (run.out / 'text').write_text('old')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    one = step("one", "toyedited:f")

    def edit(event: object) -> None:
        if isinstance(event, Planned):
            module.write_text("def f(run):\n    (run.out / 'text').write_text('newer')\n")

    outcome = build([one], cache, listener=edit)
    assert "toyedited.py was changed before it was loaded" in outcome.failures[0].what
    assert text(build([one], cache), "one") == "newer"


def test_code_edited_after_it_was_loaded_does_not_spoil_the_work(
    cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = tmp_path / "toyloaded.py"
    source = (
        "import time\ndef f(run):\n    run.report(message='loaded')\n    end = time.time() + 20\n"
        "    while not (run.work / 'go').exists() and time.time() < end:\n        time.sleep(0.01)\n"
        "    (run.out / 'text').write_text('old')\n"
    )
    module.write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    one = step("one", "toyloaded:f")
    place: list[Path] = []

    def edit(event: object) -> None:
        if isinstance(event, Started):
            place.append(event.work)
        if isinstance(event, Progress):
            time.sleep(0.05)  # a clock tick of the file system after it was loaded
            module.write_text(source.replace("old", "newer"))
            (place[0] / "go").touch()

    outcome = build([one], cache, listener=edit)
    assert text(outcome, "one") == "old"
    module.write_text(source)
    assert build([one], cache)["one"].status == "hit"


def test_a_file_edited_while_its_step_ran_fails_the_step(cache: Cache, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("1")
    one = Step("one", toy(toys.slowly), {"own": {"n": 20}}, {}, {"data": tmp_path / "data"})

    def edit(event: object) -> None:
        (tmp_path / "data").write_text("2")

    outcome = build([one], cache, listener=edit)
    assert "its file data" in outcome.failures[0].what and "was changed while it ran" in outcome.failures[0].what
    assert build([one], cache).ok


def test_code_that_runs_without_being_in_the_key_is_said(
    cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "toyhidden").mkdir()
    for name, content in {
        "__init__": "",
        "hidden": "",
        "named": "",
        "main": "import importlib\ndef f(run):\n    for name in run.config['own'].values():\n"
        "        importlib.import_module(f'toyhidden.{name}')\n",
    }.items():
        (tmp_path / "toyhidden" / f"{name}.py").write_text(content)
    monkeypatch.syspath_prepend(str(tmp_path))
    action = toy("toyhidden.main:f", plugins=lambda config: ["toyhidden.named"])
    heard = Heard()
    build([step("one", action, {"a": "hidden", "b": "named"})], cache, listener=heard).check()
    assert [event.what for event in heard.of(Warned)] == [
        "it ran toyhidden.hidden, which its key does not name: a change there is not seen (declare plugins)"
    ]


# Two builds at once


def test_of_two_builds_of_the_same_key_one_builds_and_the_other_takes_the_result(cache: Cache) -> None:
    steps = [step("one", toys.slowly, {"n": 100})]
    heard = Heard()
    others: list[Any] = []
    other = threading.Thread(target=lambda: others.append(build(steps, cache, listener=heard)))

    def listener(event: object) -> None:
        if isinstance(event, Progress) and not other.ident:
            other.start()

    first = build(steps, cache, listener=listener)
    other.join()
    assert (statuses(first), statuses(others[0])) == ({"one": "built"}, {"one": "hit"})
    assert len(heard.of(Waiting)) == 1 and not heard.of(Started)
    assert first["one"].tree == others[0]["one"].tree


def test_the_build_that_waited_builds_when_the_other_one_was_killed(cache: Cache, tmp_path: Path) -> None:
    script = (
        "import sys; from expertbuild.graph import *; from tests.graph.toys import *\n"
        "build([step('one', steadily, {'n': 150})], Cache(sys.argv[1]), listener=lambda e: print(type(e).__name__, flush=True))"
    )
    root = Path(__file__).parents[2]
    other = subprocess.Popen(
        [sys.executable, "-c", script, str(cache.root)], cwd=root, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout
    for line in other.stdout:
        if line == "Progress\n":
            break
    heard = Heard()

    def listener(event: Any) -> None:
        heard(event)
        if isinstance(event, Waiting):
            other.kill()

    outcome = build([step("one", toys.steadily, {"n": 150})], cache, listener=listener)
    other.wait()
    other.stdout.close()
    if not heard.of(Waiting):
        other.kill()
    assert heard.of(Waiting) == [Waiting("one", outcome["one"].key or "")] and heard.of(Started)[0].resumed
    assert text(outcome, "one") == "150 []"


def test_the_door_is_one_function() -> None:
    assert build is build_function
