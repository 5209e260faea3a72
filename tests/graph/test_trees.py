"""Results laid out as folders, by workers that do not know of each other."""

from pathlib import Path
from typing import Any

import pytest

from expertbuild.graph import Cache
from expertbuild.graph.tree import Tree


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.fixture
def outputs(cache: Cache, tmp_path: Path) -> Tree:
    source = tmp_path / "text"
    source.write_text("what was found")
    return {"text": cache.store.adopt(source, move=True)}


def test_what_a_faster_worker_laid_out_is_not_taken_away_from_its_readers(
    cache: Cache, outputs: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay_out, faster = Cache._lay_out, []

    def and_another_is_faster(self: Cache, folder: Path, wanted: Any) -> None:
        lay_out(self, folder, wanted)
        if not faster:
            faster.append(None)
            faster[0] = Cache(cache.root).tree(outputs).stat().st_ino

    monkeypatch.setattr(Cache, "_lay_out", and_another_is_faster)
    path = cache.tree(outputs)
    assert path.stat().st_ino == faster[0] and (path / "text").read_text() == "what was found"
    assert not list(cache.staging.iterdir())


def test_a_tree_that_was_damaged_is_laid_out_again(cache: Cache, outputs: Tree) -> None:
    path = cache.tree(outputs)
    path.chmod(0o755)
    (path / "text").unlink()
    assert (cache.tree(outputs) / "text").read_text() == "what was found"
