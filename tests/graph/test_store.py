import os
from hashlib import sha256
from pathlib import Path

import pytest

from expertbuild.graph.store import MTIME, State, Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "objects", tmp_path / "tmp")


def put(store: Store, data: bytes) -> str:
    source = store.root.parent / "source"
    source.write_bytes(data)
    entry = store.adopt(source, move=True)
    assert entry.sha256 == sha256(data).hexdigest() and entry.size == len(data)
    return entry.sha256


def test_bytes_are_kept_under_their_digest_and_cannot_be_written(store: Store) -> None:
    digest = put(store, b"weights")
    path = store.path(digest)
    assert path.read_bytes() == b"weights"
    assert path.stat().st_mode & 0o777 == 0o444
    assert not (store.root.parent / "source").exists()


def test_the_same_bytes_are_kept_once(store: Store) -> None:
    assert put(store, b"same") == put(store, b"same")
    assert len([path for path in store.root.rglob("*") if path.is_file()]) == 1


def test_a_file_that_somebody_else_holds_is_copied_and_left_in_peace(store: Store, tmp_path: Path) -> None:
    mine, linked = tmp_path / "mine", tmp_path / "linked"
    mine.write_bytes(b"mine")
    os.link(mine, linked)
    store.adopt(linked, move=True)
    store.adopt(mine, move=False)
    mine.write_bytes(b"changed")
    assert store.state(sha256(b"mine").hexdigest(), 4, thorough=True) is State.SOUND


def harm(path: Path, how: str) -> None:
    path.chmod(0o644)
    data = path.read_bytes()
    if how == "flip":
        path.write_bytes(bytes([data[0] ^ 1]) + data[1:])
    elif how == "cut":
        path.write_bytes(data[:-1])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "grow":
        path.write_bytes(data + b"!")
    elif how == "directory":
        path.unlink()
        path.mkdir()
    elif how == "link":
        path.rename(path.with_suffix(".real"))
        path.symlink_to(path.with_suffix(".real"))


@pytest.mark.parametrize("how", ["flip", "cut", "empty", "grow", "directory", "link"])
def test_damage_is_seen_without_hashing_what_is_sound(store: Store, how: str) -> None:
    digest = put(store, b"weights")
    harm(store.path(digest), how)
    assert store.state(digest, 7) is State.DAMAGED


def test_decay_that_leaves_size_and_time_alone_is_seen_by_a_thorough_look(store: Store) -> None:
    digest = put(store, b"weights")
    harm(store.path(digest), "flip")
    os.utime(store.path(digest), (MTIME, MTIME))
    assert store.state(digest, 7) is State.SOUND
    assert store.state(digest, 7, thorough=True) is State.DAMAGED


def test_an_object_that_was_copied_here_without_its_times_is_hashed_once(store: Store) -> None:
    digest = put(store, b"weights")
    os.utime(store.path(digest))
    assert store.state(digest, 7, mend=False) is State.SOUND
    assert store.path(digest).stat().st_mtime != MTIME
    assert store.state(digest, 7) is State.SOUND
    assert store.path(digest).stat().st_mtime == MTIME


def test_damaged_bytes_are_replaced_when_the_right_ones_come(store: Store) -> None:
    digest = put(store, b"weights")
    harm(store.path(digest), "flip")
    put(store, b"weights")
    assert store.state(digest, 7, thorough=True) is State.SOUND


def test_a_download_that_is_not_what_it_should_be_is_not_let_in(store: Store, tmp_path: Path) -> None:
    (tmp_path / "staged").write_bytes(b"other")
    with pytest.raises(ValueError):
        store.admit(tmp_path / "staged", sha256(b"right").hexdigest())
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_what_is_not_there_is_missing(store: Store) -> None:
    assert store.state("0" * 64, 1) is State.MISSING
    store.drop("0" * 64)
