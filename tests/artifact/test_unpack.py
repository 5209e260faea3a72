"""Unpacking: verified members, a new folder, all or nothing."""

import os

import pytest

from runtime.artifact import refusals as no
from runtime.artifact.container import open_container, write_container
from runtime.artifact.package import open_package
from runtime.artifact.release import seal
from runtime.artifact.unpack import unpack
from runtime.errors import Mistake, Problem
from tests.artifact.samples import manifest, members, sealed


@pytest.fixture
def good(tmp_path):
    sealed(tmp_path / "good.expert")
    return tmp_path / "good.expert"


def unpacked(path, folder):
    with open_package(path, verify=False) as package:
        unpack(package, folder)
    return folder


def test_what_is_unpacked_is_the_package(good, tmp_path):
    folder = unpacked(good, tmp_path / "new" / "folder")
    with open_container(good) as container:
        files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        assert files == {name: container.read(name) for name in container.names}
    with open_package(folder) as again, open_package(good) as package:
        assert again.id == package.id
    assert unpacked(folder, tmp_path / "again").is_dir()


def test_an_empty_folder_is_filled_and_a_full_one_left_alone(good, tmp_path):
    (tmp_path / "empty").mkdir()
    unpacked(good, tmp_path / "empty")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("mine")
    with pytest.raises(Mistake, match="not empty"):
        unpacked(good, tmp_path / "full")
    assert os.listdir(tmp_path / "full") == ["mine"]


def test_a_file_or_a_link_in_its_place_is_left_alone(good, tmp_path):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for name in ("file", "link"):
        with pytest.raises(Mistake, match="something else"):
            unpacked(good, tmp_path / name)
    assert (tmp_path / "file").read_text() == "mine"
    assert os.listdir(tmp_path / "elsewhere") == []


@pytest.mark.parametrize("name", ["README.md", "variants/nano/slots.safetensors"])
def test_a_changed_member_leaves_nothing_behind(good, tmp_path, name):
    with open_container(good) as container:
        made = {n: container.read(n) for n in container.names}
    made[name] = made[name][:-1] + bytes([made[name][-1] ^ 1])
    write_container(tmp_path / "bad.expert", made)
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(no.WrongDigest, match=name):
        unpacked(tmp_path / "bad.expert", tmp_path / "out")
    assert sorted(os.listdir(tmp_path)) == before


def test_a_name_that_leads_out_never_gets_that_far(good, tmp_path):
    with pytest.raises(no.Refused):
        seal(tmp_path / "x.expert", {**members(), "../evil": b""}, manifest())
    assert not (tmp_path.parent / "evil").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_can_not_be_written_is_one_sentence(good, tmp_path):
    (tmp_path / "closed").mkdir(mode=0o500)
    with pytest.raises(Problem, match="could not be unpacked"):
        unpacked(good, tmp_path / "closed" / "out")


def test_where_no_folder_can_be_made_is_one_sentence(good, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(Problem, match="could not be unpacked"):
        unpacked(good, tmp_path / "file" / "out")
