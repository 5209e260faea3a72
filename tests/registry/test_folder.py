"""A folder of .expert files as a source."""

import pytest

from runtime.errors import Mistake
from runtime.registry.refusals import NotOffered
from runtime.registry.sources import at
from runtime.registry.sources.folder import FolderSource
from tests.registry.conftest import snapshot
from tests.registry.packages import put


def test_it_offers_what_the_statements_say_and_copies_what_is_fetched(shop, tmp_path):
    source = at(str(shop))
    assert source.title == f"folder {shop}"
    ones = {one.version: one for one in source.candidates("acme", "app")}
    assert sorted(ones) == ["1.0.0", "1.1.0"]
    one = ones["1.1.0"]
    assert (one.full_name, one.requires, one.conflicts, one.yanked) == ("acme/app", {"acme/lib": "^1.1"}, {}, "")
    assert one.variants == {"nano": {"base": "1" * 64, "tokenizer": "2" * 64}}
    (tmp_path / "here").mkdir()
    assert one.fetch(tmp_path / "here").read_bytes() == (shop / "app-1.1.0.expert").read_bytes()
    assert list(source.candidates("other", "app")) == []
    assert list(source.publishers("app")) == ["acme"]
    assert list(source.publishers("nothing")) == []


def test_searching_finds_the_newest_of_each(shop):
    source = FolderSource(shop)
    assert [(one.name, one.version) for one in source.search("")] == [("app", "1.1.0"), ("lib", "2.0.0")]
    assert [one.name for one in source.search("LIB sql")] == ["lib"]
    assert list(source.search("poetry")) == []


def test_what_is_no_package_is_left_out_and_remembered(shop):
    (shop / "broken.expert").write_bytes((shop / "app-1.1.0.expert").read_bytes()[:-9])
    (shop / "notes.txt").write_text("no package")
    (shop / "folder.expert").mkdir()
    source = FolderSource(shop)
    before = snapshot(shop)
    assert len(list(source.candidates("acme", "app"))) == 2
    assert set(source.strangers) == {"broken.expert", "folder.expert"}
    assert "cut short" in source.strangers["broken.expert"]
    assert snapshot(shop) == before


def test_whoever_misses_a_package_is_told_which_files_were_none(turned_away, acme, shop):
    (shop / "lib-9.0.0.expert").write_bytes(b"PK")
    error = turned_away(NotOffered, "install", "acme/other", "--from", shop)
    assert "lib-9.0.0.expert" in str(error)


def test_a_folder_that_is_not_there_is_no_source(tmp_path):
    assert at(str(tmp_path / "nowhere")) is None
    with pytest.raises(Mistake, match="can not be read"):
        list(FolderSource(tmp_path / "nowhere").publishers("app"))


def test_a_package_file_that_goes_away_between_is_a_problem_and_no_traceback(turned_away, acme, shop, monkeypatch):
    put(shop, "solo")
    [one] = FolderSource(shop).candidates("acme", "solo")
    (shop / "solo-1.0.0.expert").unlink()
    from runtime.errors import Problem

    with pytest.raises(Problem, match="can not be read"):
        one.fetch(shop)
