import hashlib
import io
import os
import resource
import shutil
import stat
import subprocess
import sys
import zipfile
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.artifact import layout
from runtime.artifact import refusals as no
from runtime.artifact.container import open_container, write_container
from runtime.errors import Mistake, Problem
from tests.artifact.zips import SMALL, Shape, build, changed, shapes

PINNED = "e482b25a3da9bbcc50ade14e200ed7d11dd4761256e320f05b87f9673a9fd258"


@pytest.fixture
def small(tmp_path):
    path = tmp_path / "small.expert"
    write_container(path, SMALL)
    return path


def opened(tmp_path, data):
    path = tmp_path / "it.expert"
    path.write_bytes(data)
    with open_container(path) as container:
        return {name: container.read(name) for name in container.names}


def refused(tmp_path, data, kind, sentence):
    path = tmp_path / "it.expert"
    path.write_bytes(data)
    with pytest.raises(kind, match=sentence) as caught:
        open_container(path)
    assert caught.type is kind  # the class of this cause, not a relative
    assert str(path) in str(caught.value)
    assert caught.value.exit_code == 1


def test_what_is_written_is_read_back(small):
    with open_container(small) as container:
        assert container.names == ("a.txt", "b/c.json", "d.bin")
        assert {name: container.read(name) for name in container.names} == SMALL
        assert bytes(container.view("a.txt")) == b"alpha"
        assert container.size("d.bin") == 100


def test_the_bytes_are_the_same_everywhere_and_for_ever(small, tmp_path):
    """If this changes, every package in the world changes its hash: bump the format instead."""
    data = small.read_bytes()
    assert hashlib.sha256(data).hexdigest() == PINNED
    assert data == build(shapes())
    source = tmp_path / "source"
    source.write_bytes(SMALL["d.bin"])
    os.utime(source, (1, 1))
    write_container(tmp_path / "again", {"d.bin": source, "b/c.json": b"{}", "a.txt": b"alpha"})
    assert (tmp_path / "again").read_bytes() == data


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.from_regex(r"m[a-z0-9]{0,8}(/[a-z0-9]{1,8}\.json)?", fullmatch=True),
        st.binary(max_size=300),
        min_size=1,
        max_size=8,
    )
)
def test_any_members_come_back_at_aligned_places(tmp_path_factory, members):
    folders = {name.split("/")[0] for name in members if "/" in name}
    members = {name: data for name, data in members.items() if name not in folders}
    path = tmp_path_factory.mktemp("any") / "it.expert"
    write_container(path, members)
    with open_container(path) as container:
        assert {name: container.read(name) for name in container.names} == members
        whole = path.read_bytes()
        for name, data in members.items():
            assert any(whole[i : i + len(data)] == data for i in range(0, len(whole) + 1, 64)), name
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == members


def test_python_and_unzip_can_list_and_check_it(small):
    listing = subprocess.run(
        [sys.executable, "-m", "zipfile", "-l", small],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "b/c.json" in listing.stdout and "1980-01-01" in listing.stdout
    if unzip := shutil.which("unzip"):
        tested = subprocess.run([unzip, "-t", small], capture_output=True, text=True)
        assert tested.returncode == 0, tested.stdout + tested.stderr
        assert "No errors detected" in tested.stdout
        assert "b/c.json" in subprocess.run([unzip, "-l", small], capture_output=True, text=True).stdout


def test_writing_into_a_view_does_not_reach_the_file(small):
    before = small.read_bytes()
    with open_container(small) as container:
        view = container.view("a.txt")
        view[0:1] = b"X"
    assert small.read_bytes() == before


def test_a_view_outlives_the_container(small):
    container = open_container(small)
    view = container.view("a.txt")
    container.close()
    assert bytes(view) == b"alpha"


def test_a_damaged_payload_is_found_when_it_is_read(tmp_path):
    data = build(shapes()).replace(b"alpha", b"alphb")
    with pytest.raises(no.ChecksumWrong, match=r"a\.txt is damaged"):
        opened(tmp_path, data)


def test_reading_is_capped(small):
    with (
        open_container(small) as container,
        pytest.raises(no.BeyondCap, match="at most 10"),
    ):
        container.read("d.bin", cap=10)


# SAFETY 1, 2: names that two readers take for one.


def test_a_name_twice_is_refused(tmp_path):
    data = build([Shape(b"a", b"1"), Shape(b"a", b"2")])
    refused(tmp_path, data, no.DuplicateMember, "a occurs twice")


@pytest.mark.parametrize("names", [(b"README.md", b"readme.MD"), (b"a", b"a/b"), (b"A", b"a/b/c")])
def test_names_that_collide_on_some_disk_are_refused(tmp_path, names):
    refused(
        tmp_path,
        build([Shape(n, b"") for n in names]),
        no.ConfusableMembers,
        "only in case|also the folder",
    )


@pytest.mark.parametrize("names", [("caf\u00e9", "cafe\u0301"), ("\ufb01le", "file")])
def test_names_beyond_ascii_are_refused_so_normalisation_never_matters(tmp_path, names):
    data = build([Shape(name.encode(), b"") for name in names])
    refused(tmp_path, data, no.BadMemberName, "not ASCII")


# SAFETY 3: names that are not plain paths: refused, never rewritten.

BAD_NAMES = [
    "../x", "a/../../x", "/etc/passwd", "..", ".", "./a", "a//b", "a\\b", "C:/x", "C:x", "\\\\server\\x",
    "a\0b", "CON", "con.txt", "a/NUL", "lpt1.json", "COM0", "a.", "a./b", "a ", " a", "a/ ", "", "a\n", "a\x1b[2J",
    "a:stream", "*", "a|b",
]  # fmt: skip


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_that_is_not_a_plain_path_is_neither_read_nor_written(tmp_path, name):
    refused(tmp_path, build([Shape(name.encode(), b"")]), no.BadMemberName, "member name")
    with pytest.raises(no.BadMemberName):
        write_container(tmp_path / "out.expert", {name: b""})
    assert not (tmp_path / "out.expert").exists()


# SAFETY 4: what is not a file.


@pytest.mark.parametrize(
    "mode",
    [
        stat.S_IFLNK | 0o777,
        stat.S_IFCHR | 0o600,
        stat.S_IFIFO | 0o600,
        stat.S_IFDIR | 0o755,
        stat.S_IFREG | 0o4755,
    ],
)
def test_links_devices_folders_and_setuid_are_refused(tmp_path, mode):
    refused(tmp_path, build(changed(0, attributes=mode << 16)), no.NotAPlainFile, r"a\.txt")


def test_a_folder_entry_is_refused(tmp_path):
    refused(tmp_path, build([Shape(b"a/", b"")]), no.NotAPlainFile, "a/")


# SAFETY 5, 6: bytes that belong to nothing, and two ends.


@pytest.mark.parametrize(
    "data",
    [
        build(shapes(), prefix=b"#!/bin/sh\n"),
        b"#!/bin/sh\n" + build(shapes()),
        build(shapes(), trailer=b"x"),
        build(shapes(), before_directory=b"x" * 64),
        build(shapes(), after_directory=b"x" * 7),
        build(changed(1, gap=bytes(64))),
        build(shapes(), end={7: 3}, trailer=b"abc"),
        build(shapes(), end={7: 3}),
        build(changed(0, central_extra=b"\x75\x70\x04\0abcd")),
        build(changed(0, central_comment=b"hello")),
    ],
)
def test_bytes_that_belong_to_no_record_are_refused(tmp_path, data):
    refused(tmp_path, data, no.StrayBytes, "bytes|comment")


def test_two_end_records_are_refused(tmp_path):
    once = build(shapes())
    refused(tmp_path, once + once[-layout.END.size :], no.SecondEnd, "two end records")


# SAFETY 7: headers that disagree.


@pytest.mark.parametrize(
    "fields",
    [
        {"local": ((6, 12345),)},
        {"local": ((7, 3),)},
        {"local": ((8, 6),)},
        {"local": ((3, 8),)},
        {"local": ((2, 1),)},
        {"local": ((5, 0x5A21),)},
        {"local": ((0, b"PK\x07\x08"),)},
        {"local": ((10, 0),)},
        {"local_name": b"z.txt"},
        {"packed": 4},
    ],
)
def test_a_member_whose_two_headers_disagree_is_refused(tmp_path, fields):
    refused(tmp_path, build(changed(0, **fields)), no.HeadersDisagree, r"a\.txt")


def test_padding_that_carries_something_is_refused(tmp_path):
    data = build(shapes())
    start = data.index(b"alpha")
    refused(tmp_path, data[: start - 1] + b"!" + data[start:], no.StrayBytes, "padding")


# SAFETY 8, 9: bombs.


def test_a_compressed_member_is_refused_before_it_grows(tmp_path):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr(zipfile.ZipInfo("a.txt"), bytes(100_000_000), zipfile.ZIP_DEFLATED)
    assert len(archive.getvalue()) < 100_000
    refused(tmp_path, archive.getvalue(), no.Compressed, r"a\.txt is compressed")


def test_too_many_members_too_long_names_and_too_large_sizes_are_refused(tmp_path):
    many = [Shape(f"m{n:04}".encode(), b"") for n in range(layout.MOST_MEMBERS + 1)]
    refused(tmp_path, build(many), no.BeyondCap, "1,025 members")
    refused(
        tmp_path,
        build(shapes(), end={3: 60000, 4: 60000}),
        no.BeyondCap,
        "60,000 members",
    )
    refused(tmp_path, build([Shape(b"a" * 201, b"")]), no.BeyondCap, "name has 201")
    refused(
        tmp_path,
        build(changed(2, size=0xFFFFFFF0)),
        no.Overlap,
        "d.bin reaches into the directory",
    )
    with pytest.raises(no.BeyondCap):
        write_container(tmp_path / "out", {"a" * 201: b""})


def test_a_huge_sparse_file_is_refused_without_being_read(tmp_path):
    path = tmp_path / "huge.expert"
    with open(path, "wb") as out:
        out.truncate(5 * 2**30)
    with pytest.raises(no.BeyondCap, match="at most"):
        open_container(path)


# SAFETY 10: overlap.


def test_members_that_share_bytes_are_refused(tmp_path):
    first = build(shapes())
    inside = Shape(b"e.bin", b"", size=10, crc=zlib.crc32(bytes(10)), offset=0)
    refused(tmp_path, build([*shapes(), inside]), no.Overlap, "overlaps")
    refused(tmp_path, build(changed(2, size=101)), no.Overlap, "directory")
    assert first  # the same shapes without the lie are fine
    opened(tmp_path, first)


# SAFETY 11: features we leave out.


@pytest.mark.parametrize(
    ("data", "feature"),
    [
        (build(changed(0, flags=0x1)), "encryption"),
        (build(changed(0, flags=0x8)), "data descriptor"),
        (build(changed(0, flags=0x800)), "flags 0x0800"),
        (build(changed(0, packed=0xFFFFFFFF, size=0xFFFFFFFF)), "ZIP64"),
        (build(changed(0, offset=0xFFFFFFFF)), "ZIP64"),
        (build(shapes(), end={5: 0xFFFFFFFF}), "ZIP64"),
        (build(shapes(), end={3: 0xFFFF, 4: 0xFFFF}), "ZIP64"),
        (build(shapes(), end={1: 1}), "several files"),
        (build(shapes(), end={3: 2}), "several files"),
    ],
)
def test_features_outside_the_profile_are_refused(tmp_path, data, feature):
    refused(tmp_path, data, no.UnsupportedFeature, feature)


# SAFETY 12: every way to be cut short, and every way to be damaged.


def test_a_file_cut_at_any_byte_is_refused(tmp_path):
    whole = build(shapes())
    for length in range(len(whole)):
        path = tmp_path / "cut.expert"
        path.write_bytes(whole[:length])
        with pytest.raises((no.Truncated, no.NotAContainer)):
            open_container(path)


def test_any_byte_changed_anywhere_is_refused(tmp_path):
    whole = build(shapes())
    for index in range(len(whole)):
        with pytest.raises(no.ContainerRefused):
            opened(
                tmp_path,
                whole[:index] + bytes([whole[index] ^ 0x41]) + whole[index + 1 :],
            )


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_whatever_is_accepted_is_what_we_would_write(tmp_path_factory, data):
    """Cut, repeat and overwrite pieces of a good file: accepted means byte for byte canonical."""
    whole = bytearray(build(shapes()))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(whole)))
        length = data.draw(st.integers(0, 40))
        piece = data.draw(
            st.binary(max_size=8) | st.sampled_from([b"PK\x05\x06", b"PK\x01\x02", bytes(64), bytes(whole[:64])])
        )
        whole[at : at + length] = piece
    folder = tmp_path_factory.mktemp("mutant")
    try:
        members = opened(folder, bytes(whole))
    except Problem:
        return
    write_container(folder / "again", members)
    assert (folder / "again").read_bytes() == whole


@pytest.mark.parametrize("data", [b"", b"PK", b"not a package at all, but long enough", build([])])
def test_something_else_is_not_a_container(tmp_path, data):
    path = tmp_path / "it"
    path.write_bytes(data)
    with pytest.raises((no.NotAContainer, no.Truncated)):
        open_container(path)


def test_a_missing_file_a_folder_and_a_pipe_are_the_users_mistake(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for name in ("missing", ".", "pipe"):
        with pytest.raises(Mistake):
            open_container(tmp_path / name)


def test_members_out_of_order_are_refused(tmp_path):
    refused(tmp_path, build(list(reversed(shapes()))), no.NotCanonical, "not sorted")


# Writing.


def test_a_full_disk_leaves_the_old_file_and_no_scraps(small):
    before = small.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(Problem, match="could not be written"):
            write_container(small, {"a": bytes(100_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert small.read_bytes() == before
    assert [p.name for p in small.parent.iterdir()] == ["small.expert"]


def test_a_missing_source_leaves_the_old_file(small, tmp_path):
    before = small.read_bytes()
    with pytest.raises(Problem):
        write_container(small, {"a": tmp_path / "nowhere"})
    assert small.read_bytes() == before


def test_a_refusal_shows_the_escapes_in_a_name_and_does_not_print_them(tmp_path):
    path = tmp_path / "\x1b[31m.expert"
    path.write_bytes(build([Shape(b"\x1b[2Jgone", b"", method=8)]))
    with pytest.raises(no.Compressed) as caught:
        open_container(path)
    assert str(caught.value).isprintable()
    assert "\\x1b[2Jgone" in str(caught.value)
