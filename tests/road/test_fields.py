"""Every field of the real configuration, changed alone: exactly the actions that declare it are built again."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

from expertbuild.actions.plan import Branch, plan
from expertbuild.compose.command import Command
from expertbuild.compose.jobs import jobs
from expertbuild.compose.places import expert_directory
from expertbuild.graph import Cache, Status, Step, build
from expertbuild.graph.action import in_order
from expertbuild.graph.facts import Facts
from expertbuild.graph.key import key_of
from expertbuild.graph.record import Record
from tests.tiny import tiny_base

NAME = "expert-sql"
KEY_ID = "k" * 16

# Names are looked up while a build is planned, so they change to another name that exists.
OTHERS: dict[str, Any] = {
    "adapter.kind": "dora",
    "train.backend": "unsloth",
    "train.schedule": "cosine",
    "train.precision": "fp32",
    "evaluation.scorer.kind": "exact_match",
    "decoding.grammar": None,
    "target": "package",
    "dataset.use": None,  # another recipe altogether: covered by the fields of the recipe
    "dataset.offline.split.by": "id",
}

# What reaches an action by way of the plan: the manifest names each variant, and files are found by name.
DERIVED = {
    "package": ("base.name", "adapter.kind", "adapter.r", "decoding.grammar"),
    "evaluate": ("decoding.grammar",),
    "train": ("decoding.grammar",),  # without a grammar there is no step that looks at it before
}


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    [job] = jobs(Command((f"expert={NAME}",)))
    return dict(job.config)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_base(tmp_path_factory.mktemp("base"))


def steps_of(config: Mapping[str, Any], base: Path) -> list[Step]:
    return plan([Branch(config, base)], expert_directory(NAME), KEY_ID)


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted paths of everything that can be changed alone; lists are changed as a whole and by their mappings."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from leaves(item, f"{path}.{name}" if path else str(name))
    else:
        yield path, value


def changed(path: str, value: Any) -> Any:
    if path in OTHERS:
        return OTHERS[path]
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, str):
        return value + "x"
    if isinstance(value, list):
        return changed_list(value)
    return "x"


def changed_list(value: list[Any]) -> list[Any]:
    if value and isinstance(value[0], Mapping):
        numbers = [name for name, item in value[0].items() if isinstance(item, int)]
        first = {**value[0], numbers[0]: value[0][numbers[0]] + 1} if numbers else None
        return [first, *value[1:]] if first else [*value, value[-1]]
    return [*value, "x"]


def with_field(config: Mapping[str, Any], path: str, value: Any) -> dict[str, Any]:
    copy = deepcopy(dict(config))
    *parents, last = path.split(".")
    target = copy
    for name in parents:
        target = target[name]
    target[last] = value
    return copy


def declares(step: Step, path: str) -> bool:
    def covers(declared: str) -> bool:
        steps, given = declared.split("."), path.split(".")
        return len(given) >= len(steps) and all(map(fnmatch, given, steps))

    action = step.action
    if path.startswith("dataset.") and not path.startswith(f"dataset.{step.config['dataset']['use']}."):
        return False  # a recipe that stands beside the one in use
    if path == "seed":
        return step.seed != 0
    if any(covers(declared) for declared in action.unkeyed):
        return False
    return any(covers(declared) for declared in (*action.reads, *DERIVED.get(action.name, ())))


def pretend_built(steps: list[Step], cache: Cache, scratch: Path) -> None:
    """Record a result for every step, as if all had been built."""
    facts = Facts(cache)
    trees: dict[Step, Record] = {}
    for step in in_order(steps):
        inputs = {role: trees[upstream].tree for role, upstream in step.inputs.items()}
        document = facts.ask(step).document(inputs)
        file = scratch / "output"
        file.write_text(step.id)
        outputs = {"output": cache.store.adopt(file, move=False)}
        keys = {role: trees[upstream].key for role, upstream in step.inputs.items()}
        trees[step] = Record(key_of(document), document, outputs, step.id, 0.0, "2026-01-01T00:00:00+00:00", keys)
        cache.put(trees[step])
    facts.save()  # so that no plan reads all code again


def test_a_changed_field_rebuilds_exactly_the_actions_that_declare_it(
    config: dict[str, Any], base: Path, tmp_path: Path
) -> None:
    cache = Cache(tmp_path / "cache")
    steps = steps_of(config, base)
    pretend_built(steps, cache, tmp_path)
    unchanged = build(steps, cache, dry_run=True)
    assert {outcome.status for outcome in unchanged.values()} == {Status.HIT}
    seen = 0
    for path, value in leaves(config):
        new = changed(path, value)
        if path.startswith("hydra") or new == value or path == "dataset.use":
            continue
        again = steps_of(with_field(config, path, new), base)
        outcome = build(again, cache, dry_run=True)
        rebuilt = {made.step.action.name for made in outcome.values() if made.status is Status.BUILD}
        expected = {step.action.name for step in in_order(again) if declares(step, path)}
        assert rebuilt == expected, f"{path}: {value!r} -> {new!r}"
        seen += 1
    assert seen > 60
