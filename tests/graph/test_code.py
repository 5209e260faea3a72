import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from expertbuild.graph.code import Code
from expertbuild.graph.errors import GraphMistake
from expertbuild.graph.memo import Memo

Write = Callable[..., None]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes modules of a project of its own, by dotted name."""
    monkeypatch.syspath_prepend(str(tmp_path / "src"))

    def write(**modules: str) -> None:
        for name, text in modules.items():
            path = tmp_path / "src" / Path(*name.split("__")).with_suffix(".py")
            if name.endswith("___"):
                path = tmp_path / "src" / Path(*name[:-3].split("__")) / "__init__.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    return write


def closure(*modules: str, memo: Path | None = None) -> dict[str, str]:
    return Code(Memo(memo, "test")).closure(modules, "step")


def test_it_follows_imports_through_packages_and_counts_each_package_itself(write: Write) -> None:
    write(
        toyland___="", toyland__train="import toyland.deep.layer\ndef f():\n    from toyland import late\n",
        toyland__deep___="x = 1", toyland__deep__layer="from . import other\nfrom .names import *\n",
        toyland__deep__other="", toyland__deep__names="", toyland__late="import json, torch", toyland__unused="",
    )  # fmt: skip
    assert list(closure("toyland.train")) == [
        "toyland", "toyland.deep", "toyland.deep.layer", "toyland.deep.names", "toyland.deep.other", "toyland.late", "toyland.train",
    ]  # fmt: skip
    assert "toyland" not in sys.modules


def test_packages_without_an_init_are_followed(write: Write) -> None:
    write(toyspace__inner__one="from toyspace.inner import two", toyspace__inner__two="")
    assert list(closure("toyspace.inner.one")) == ["toyspace.inner.one", "toyspace.inner.two"]


def test_circular_imports_end(write: Write) -> None:
    write(toyring___="", toyring__a="import toyring.b", toyring__b="import toyring.a")
    assert list(closure("toyring.a")) == ["toyring", "toyring.a", "toyring.b"]


def test_plugins_count_like_imports(write: Write) -> None:
    write(toyplug___="", toyplug__main="", toyplug__scorer="import toyplug.scale", toyplug__scale="")
    assert set(closure("toyplug.main", "toyplug.scorer")) == {
        "toyplug",
        "toyplug.main",
        "toyplug.scorer",
        "toyplug.scale",
    }


def test_a_change_anywhere_below_changes_the_closure_and_nothing_else_does(write: Write) -> None:
    write(toychange___="", toychange__a="import toychange.b", toychange__b="x = 1", toychange__c="x = 1")
    before = closure("toychange.a")
    write(toychange__c="x = 2", toychange__b="x = 1  # one\n")
    assert closure("toychange.a") == before
    write(toychange__b="x = 2")
    after = closure("toychange.a")
    assert [name for name in before if before[name] != after[name]] == ["toychange.b"]


def test_the_graph_itself_is_no_part_of_what_an_action_runs() -> None:
    found = closure("tests.graph.toys")
    assert "tests.graph.toys" in found and "runtime.errors" in found
    assert not [name for name in found if name.startswith("expertbuild.graph")]


def test_a_module_that_is_not_there_is_named(write: Write) -> None:
    with pytest.raises(GraphMistake, match=r"step: there is no module toynowhere\.train"):
        closure("toynowhere.train")


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if every file had been written a while ago (a ctime cannot be set back)."""
    monkeypatch.setattr("expertbuild.graph.memo._SETTLED", -1.0)


@pytest.fixture
def memo(write: Write, tmp_path: Path, settled: None) -> Path:
    """The memo of a small project."""
    write(toymemo___="", toymemo__a="import toymemo.b", toymemo__b="x = 1")
    memo = Memo(tmp_path / "memo.json", "test")
    Code(memo).closure(["toymemo.a"], "step")
    memo.save(tmp_path)
    return tmp_path / "memo.json"


def test_with_a_memo_no_source_is_read(memo: Path, tmp_path: Path) -> None:
    fresh = closure("toymemo.a")
    opened: list[str] = []
    looking = [True]  # a hook cannot be taken away again
    sys.addaudithook(lambda event, args: opened.append(str(args[0])) if looking and event == "open" else None)
    assert closure("toymemo.a", memo=memo) == fresh
    looking.clear()
    assert str(memo) in opened and not [path for path in opened if path.endswith(".py")]


def test_a_memo_that_is_stale_is_not_believed(memo: Path, tmp_path: Path) -> None:
    path = tmp_path / "src" / "toymemo" / "b.py"
    before = path.stat()
    path.write_text("x = 2")  # as long as before, and with its times set back
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert closure("toymemo.a", memo=memo) == closure("toymemo.a")


@pytest.mark.parametrize("harm", ["flip", "cut", "empty", "binary", "directory", "closed"])
def test_a_memo_that_is_damaged_or_cannot_be_used_is_done_without(memo: Path, harm: str) -> None:
    data = memo.read_bytes()
    memo.unlink()
    if harm == "directory":
        memo.mkdir()
    elif harm == "closed":
        memo = Path("/proc/nowhere/memo.json")
    else:
        flipped = data.replace(b"ast:", b"ast;", 1)
        memo.write_bytes({"flip": flipped, "cut": data[:-9], "empty": b"", "binary": b"\xff" * 99}[harm])
    held = Memo(memo, "test")
    assert Code(held).closure(["toymemo.a"], "step") == closure("toymemo.a")
    held.save(Path("/proc/nowhere"))


def test_a_file_written_this_very_moment_is_not_remembered(write: Write, tmp_path: Path) -> None:
    write(toynow="x = 1")
    memo = Memo(tmp_path / "memo.json", "test")
    Code(memo).closure(["toynow"], "step")
    memo.save(tmp_path)
    assert not (tmp_path / "memo.json").exists()
