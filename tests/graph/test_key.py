import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expertbuild.graph import Action, Cache, GraphMistake, Step, build
from expertbuild.graph.facts import Facts
from expertbuild.graph.key import cut, key_of
from expertbuild.graph.libraries import Libraries
from tests.graph.toys import step, toy, write

CONFIG = {"adapter": {"r": 12, "alpha": 24}, "base": {"name": "nano", "source": "x"}, "seed": None}


def key(step: Step, cache: Path, **inputs: str) -> str:
    return key_of(Facts(Cache(cache)).ask(step).document(inputs))


def test_an_action_sees_what_it_reads_in_its_place_and_nothing_else() -> None:
    assert cut(CONFIG, ("adapter", "base.name")) == {"adapter": {"r": 12, "alpha": 24}, "base": {"name": "nano"}}


def test_a_null_is_seen_and_a_missing_path_is_not() -> None:
    assert cut(CONFIG, ("seed", "train", "base.name.first", "adapter.missing", "a.b.c")) == {"seed": None}


def test_overlapping_paths_do_no_harm_and_change_nothing_in_the_configuration() -> None:
    assert cut(CONFIG, ("adapter.r", "adapter", "adapter.alpha")) == {"adapter": {"r": 12, "alpha": 24}}
    assert CONFIG["base"] == {"name": "nano", "source": "x"}


paths = st.dictionaries(
    st.sampled_from("abc"),
    st.recursive(
        st.none() | st.integers(0, 3),
        lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
        max_leaves=9,
    ),
)


@given(paths, st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map(".".join)).map(tuple))
def test_what_is_cut_out_is_there_and_cutting_twice_changes_nothing(
    config: dict[str, Any], reads: tuple[str, ...]
) -> None:
    found = cut(config, reads)
    assert cut(found, reads) == found
    assert cut(config, reversed(reads)) == found
    for path in reads:
        assert follow(found, path) == follow(config, path)


def follow(config: Any, path: str) -> Any:
    for name in path.split("."):
        if not isinstance(config, dict) or name not in config:
            return "missing"
        config = config[name]
    return config


def test_the_key_changes_with_everything_that_can_change_the_output(tmp_path: Path) -> None:
    file = tmp_path / "grammar"
    file.write_text("root ::= x")

    def made(**changes: Any) -> str:
        action = toy(write, **changes.pop("action", {}))
        fields: dict[str, Any] = {"config": {"own": {"x": 1}}, "files": {"g": file}, "seed": 7, **changes}
        return key(Step("id", action, **fields), tmp_path / "cache", up="0" * 64)

    plain = made()
    changed = [
        made(seed=8),
        made(config={"own": {"x": 1.0}}),
        made(config={"own": {"x": True}}),
        made(config={"own": {"x": 1, "y": None}}),
        made(config={}),
        made(files={}),
        made(files={"h": file}),
        made(action={"version": 2}),
        made(action={"name": "other"}),
        made(action={"libraries": ("pytest",)}),
        made(action={"engines": lambda config: {"judge": None}}),
        made(action={"engines": lambda config: {"judge": "1.0"}}),
        made(action={"plugins": lambda config: ["tests.graph.test_key"]}),
    ]
    file.write_text("root ::= y")
    changed.append(made())
    assert len({plain, *changed}) == len(changed) + 1


def test_the_key_does_not_change_with_names_places_or_what_is_not_read(tmp_path: Path) -> None:
    def made(id: str, folder: str, unread: object) -> str:
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"{folder}.txt").write_text("same")
        files = {"data": tmp_path / folder / f"{folder}.txt"}
        return key(Step(id, toy(write), {"own": {"x": 1}, "unread": unread}, files=files), tmp_path / "cache")

    assert made("one", "here", 1) == made("two", "there", object())


def test_what_an_action_may_see_outside_its_key_reaches_it_and_changes_no_key(tmp_path: Path) -> None:
    def made(jobs: int, x: int = 1) -> Step:
        return Step(
            "id",
            toy(write, reads=("own.x",), unkeyed=("own.jobs", "own.missing")),
            {"own": {"x": x, "jobs": jobs, "y": 0}},
        )

    cache = Cache(tmp_path)
    assert key(made(1), tmp_path) == key(made(2), tmp_path) != key(made(1, x=2), tmp_path)
    assert (build([made(1)], cache)["id"].path() / "text").read_text() == "jobs=1\nx=1\nseed 0"
    assert build([made(2)], cache)["id"].status == "hit"
    secret = Step("id", toy(write, reads=(), unkeyed=("own",)), {"own": {"api_key": "sk-1"}})
    with pytest.raises(GraphMistake, match="looks like a secret"):
        build([secret], cache)


def test_files_in_a_directory_count_by_name_and_content(tmp_path: Path) -> None:
    def made(**files: str) -> str:
        folder = tmp_path / "_".join([*files, *files.values()])
        for name, content in files.items():
            path = folder / name.replace("__", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        return key(Step("id", toy(write), {}, files={"data": folder}), tmp_path / "cache")

    assert len({made(a="x"), made(a="y"), made(b="x"), made(a="x", b=""), made(d__a="x")}) == 5
    assert made(a="1", b="2") == made(b="2", a="1")


def test_version_control_and_bytecode_in_a_source_directory_are_not_content(tmp_path: Path) -> None:
    def now() -> str:
        return key(Step("id", toy(write), {}, files={"data": tmp_path / "data"}), tmp_path / "cache")

    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "rows").write_text("1")
    before = now()
    for folder in (".git", "__pycache__"):
        (tmp_path / "data" / folder).mkdir()
        (tmp_path / "data" / folder / "x").write_text("x")
    assert now() == before


def test_links_in_a_source_directory_count_as_what_they_lead_to(tmp_path: Path) -> None:
    (tmp_path / "blob").write_text("weights")
    for name in ("linked", "copied"):
        (tmp_path / name).mkdir()
    (tmp_path / "linked" / "model").symlink_to(tmp_path / "blob")
    (tmp_path / "copied" / "model").write_text("weights")
    keys = {
        key(Step("id", toy(write), {}, files={"base": tmp_path / name}), tmp_path / "c")
        for name in ("linked", "copied")
    }
    assert len(keys) == 1


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda here: here / "missing.gbnf", "missing.gbnf is not there"),
        (lambda here: (here / "loop").mkdir() or (here / "loop" / "up").symlink_to(here) or here, "link back"),
        (lambda here: (here / "dangling").symlink_to("nowhere") or here, "dangling is not there"),
    ],
)  # fmt: skip
def test_a_file_that_is_not_there_is_the_users_mistake(tmp_path: Path, make: Callable[[Path], Path], says: str) -> None:
    with pytest.raises(GraphMistake, match=rf"^train: file grammar: .*{says}") as caught:
        build(
            [Step("train", toy(write), {}, files={"grammar": make(tmp_path)})], Cache(tmp_path / "cache"), dry_run=True
        )
    assert caught.value.exit_code == 2


def test_versions_of_libraries_are_those_that_the_standard_library_tells() -> None:
    libraries = Libraries()
    names = {
        distribution.metadata["Name"] for distribution in metadata.distributions() if distribution.metadata["Name"]
    }
    assert len(names) > 20
    assert {name: libraries.version(name) for name in names} == {name: metadata.version(name) for name in names}
    assert libraries.version("Py_Test") is None and libraries.version("PyTest") == metadata.version("pytest")
    assert libraries.version("not-installed-at-all") is None


@pytest.mark.parametrize(
    ("folder", "content", "version"),
    [("toy_lib-1.2+cpu.dist-info", None, "1.2+cpu"), ("toy.lib-1.3-py3.11.egg-info", None, "1.3"), ("Toy_Lib.egg-info", "Version: 1.4\n", "1.4")],
)  # fmt: skip
def test_every_way_of_being_installed_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str, content: str | None, version: str
) -> None:
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "PKG-INFO").write_text(content or "")
    monkeypatch.setattr(sys, "path", [str(tmp_path), "/nowhere"])
    assert Libraries().version("toy-lib") == version


def test_a_step_that_stands_on_itself_and_an_id_given_twice_are_refused(tmp_path: Path) -> None:
    inputs: dict[str, Step] = {}
    loop = Step("loop", toy(write), {}, inputs)
    inputs["self"] = loop
    with pytest.raises(GraphMistake, match="cycle"):
        build([loop], Cache(tmp_path))
    with pytest.raises(GraphMistake, match="two different steps"):
        build([step("same"), step("same")], Cache(tmp_path))


@pytest.mark.parametrize(
    ("function", "says"), [("tests.graph.nowhere:f", "there is no module"), ("tests.graph.toys", "not module:name"), ("a:", "not module:name")]
)  # fmt: skip
def test_a_function_that_cannot_be_is_named(tmp_path: Path, function: str, says: str) -> None:
    with pytest.raises(GraphMistake, match=says):
        build([Step("one", Action("x", 1, (), function), {})], Cache(tmp_path))
