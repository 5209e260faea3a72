import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from expertbuild.graph import Action, Cache, Planned, Step, Warned, build
from tests.graph import toys
from tests.graph.toys import Heard, statuses, step


def snapshot(root: Path) -> dict[str, tuple[int, int, bytes]]:
    """Everything about a folder that writing to it would change."""
    return {
        str(path): (path.stat().st_mtime_ns, path.stat().st_ctime_ns, path.read_bytes() if path.is_file() else b"")
        for path in [root, *root.rglob("*")]
    }


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def chain(n: int, *, late: int = 0) -> list[Step]:
    half = step("half", toys.halve, {"n": n})
    middle = step("middle", own={"late": late}, half=half)
    return [step("end", middle=middle)]


def test_a_dry_run_in_an_empty_cache_builds_all_and_makes_no_folder(cache: Cache) -> None:
    heard = Heard()
    outcome = build(chain(10), cache, dry_run=True, listener=heard)
    assert statuses(outcome) == {"half": "build", "middle": "build", "end": "build"}
    assert [type(event) for event in heard] == [Planned] * 3
    assert not cache.root.exists() and outcome.ok


def test_what_comes_after_a_step_that_is_built_is_built_unless_a_result_may_be_there(cache: Cache) -> None:
    build(chain(10), cache)
    assert statuses(build(chain(10), cache, dry_run=True)) == {"half": "hit", "middle": "hit", "end": "hit"}
    # half is built again; should it come out as it did, the results of the others are there
    assert statuses(build(chain(11), cache, dry_run=True)) == {"half": "build", "middle": "build?", "end": "build?"}
    # middle asks something new, whatever half gives; end may still be told the same
    assert statuses(build(chain(11, late=1), cache, dry_run=True)) == {
        "half": "build",
        "middle": "build",
        "end": "build?",
    }
    assert statuses(build(chain(10, late=1), cache, dry_run=True)) == {
        "half": "hit",
        "middle": "build",
        "end": "build?",
    }


@pytest.mark.parametrize("harm", ["record", "object"])
def test_a_dry_run_sees_damage_and_leaves_it(cache: Cache, harm: str) -> None:
    part = build(chain(10), cache)["half"]
    path = cache.results / f"{part.key}.json" if harm == "record" else cache.store.path(part.outputs["text"].sha256)
    path.chmod(0o644)
    path.write_bytes(b"?")
    before = snapshot(cache.root)
    assert statuses(build(chain(10), cache, dry_run=True))["half"] == "build"
    assert snapshot(cache.root) == before


# Random graphs


@dataclass(frozen=True)
class Plan:
    """A graph: for each step the fields it reads and the steps before it that are its inputs."""

    reads: tuple[tuple[str, ...], ...]
    inputs: tuple[tuple[int, ...], ...]

    def steps(self, config: Mapping[str, int]) -> list[Step]:
        made: list[Step] = []
        for number, (reads, inputs) in enumerate(zip(self.reads, self.inputs, strict=True)):
            action = Action("mix", 1, tuple(f"own.{name}" for name in reads), "tests.graph.toys:mix")
            before = {f"from{upstream}": made[upstream] for upstream in inputs}
            made.append(Step(f"s{number}", action, {"own": dict(config), "unread": number}, before))
        return made

    def answers(self, config: Mapping[str, int]) -> Iterator[tuple[str, Any, int]]:
        """Step, the question it asks, and its answer: the same graph, computed without the graph."""
        values: list[int] = []
        for number, (reads, inputs) in enumerate(zip(self.reads, self.inputs, strict=True)):
            seen = {name: config[name] for name in reads}
            given_ = {f"from{upstream}": values[upstream] for upstream in inputs}
            values.append((sum(seen.values()) + sum(given_.values())) // 2)
            yield f"s{number}", (frozenset(seen.items()), frozenset(given_.items())), values[-1]


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    size = draw(st.integers(2, 6))
    reads = [draw(st.sets(st.sampled_from("abc"), max_size=2)) for _ in range(size)]
    inputs = [draw(st.sets(st.integers(0, number - 1), max_size=2)) if number else set() for number in range(size)]
    return Plan(tuple(tuple(sorted(names)) for names in reads), tuple(tuple(sorted(before)) for before in inputs))


configs = st.fixed_dictionaries({name: st.integers(0, 8) for name in "abc"})


@settings(
    max_examples=int(os.environ.get("GRAPH_EXAMPLES", "15")), deadline=None, suppress_health_check=list(HealthCheck)
)
@given(plans(), configs, st.sampled_from("abc"), st.integers(0, 8))
def test_an_edit_of_one_field_rebuilds_exactly_what_asks_something_new_and_a_dry_run_said_so(
    plan: Plan, config: dict[str, int], field: str, value: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        cache = Cache(folder)
        build(plan.steps(config), cache, jobs=1).check()
        asked = {question for _, question, _ in plan.answers(config)}
        edited = {**config, field: value}
        expected = {step: "hit" if question in asked else "built" for step, question, _ in plan.answers(edited)}

        before = snapshot(cache.root)
        said = statuses(build(plan.steps(edited), cache, dry_run=True))
        assert snapshot(cache.root) == before
        heard = Heard()
        outcome = build(plan.steps(edited), cache, jobs=1, listener=heard)

        assert statuses(outcome) == expected
        for id, status in said.items():
            assert expected[id] in {"hit": ["hit"], "build": ["built"], "build?": ["hit", "built"]}[status]
        for id, _, answer in plan.answers(edited):
            assert (outcome[id].path() / "text").read_text() == str(answer)
        # a step that reads the field, and everything the change gets through to, is built; the rest is not
        changed = [now for old, now in zip(plan.answers(config), plan.answers(edited), strict=True) if old[1] != now[1]]
        assert {id for id, status in expected.items() if status == "built"} <= {id for id, _, _ in changed}
        assert not heard.of(Warned)
        cleanup(cache.root)


def cleanup(root: Path) -> None:
    for folder in root.rglob("*"):
        if folder.is_dir():
            folder.chmod(0o755)
