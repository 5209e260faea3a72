"""A tar.gz of the older form is read as suspiciously as our own container, and nothing leaves it but what is asked for."""

import gzip
import json
import tarfile
import tracemalloc
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from expertbuild.migration.archive import members
from expertbuild.migration.migrating import migrate
from runtime.artifact import refusals
from runtime.errors import Problem
from tests.migration.tars import MINIMAL, entry, package, packed, patched, tar

ATTACKS = Path(__file__).parents[3] / "shared" / "data" / "dev" / "archive_attacks.jsonl"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """What lies around the working directory: nothing of it may change."""
    (tmp_path / "moo").write_text("mine")
    return tmp_path


def refused(path: Path, error: type[Problem], says: str) -> None:
    before = sorted(path.parent.rglob("*"))
    with pytest.raises(error) as caught:
        migrate(path)
    assert says in str(caught.value), str(caught.value)
    assert str(caught.value).isprintable()
    assert sorted(path.parent.rglob("*")) == before, "nothing is left behind by a refusal"


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("prefix", ["", "./", "expert-tar-1.0/"])
def test_a_package_as_people_make_them_is_read(here: Path, form: int, prefix: str) -> None:
    """With folders, fractional times (which PAX puts into an extended header), and everything in one folder or none."""
    folder = [entry(prefix.rstrip("/") or "weights", b"", type=tarfile.DIRTYPE)]
    files = [
        entry(f"{prefix}manifest.json", MINIMAL, mtime=1.5, uname="someone"),
        entry(f"{prefix}README.md", b"# hello" * 200),
    ]
    done = migrate(packed(here, tar(folder + files, form)))
    assert done.expert.identity.name == "expert-tar"
    assert [note.name for note in done.account.files] == ["README.md"]


@pytest.mark.skipif(not ATTACKS.is_file(), reason="the collection of attacks is not here")
@pytest.mark.parametrize("number", range(4))
def test_known_ways_out_of_an_archive_are_refused(here: Path, outside: Path, number: int) -> None:
    attack = json.loads(ATTACKS.read_text(encoding="utf-8").splitlines()[number])
    kinds = {"file": tarfile.REGTYPE, "symlink": tarfile.SYMTYPE}
    entries = [
        entry(each["name"], b"" if each["link_target"] else b"theirs", type=kinds[each["kind"]], linkname=each["link_target"] or "")
        for each in attack["entries"]
    ]  # fmt: skip
    for form in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        refused(package(here, *entries, form=form), refusals.ContainerRefused, "ember")
    assert (outside / "moo").read_text() == "mine"


@pytest.mark.parametrize(
    "name",
    ["../moo", "/moo", "a/../../moo", "a\\b", "C:/moo", "CON", "aux.json", "a.", "a ", "a//b", "\u00e9", "a:b", "a\x1b[31m", "./../moo", ".", "a/./b"],
)  # fmt: skip
def test_a_name_that_is_no_plain_path_is_refused_never_rewritten(here: Path, outside: Path, name: str) -> None:
    info, data = entry("placeholder", b"theirs")
    content = tar([entry("manifest.json", MINIMAL), (info, data)])
    raw = name.encode("latin-1")
    path = packed(here, patched(content, 2, 0, raw + bytes(100 - len(raw))))
    with pytest.raises((refusals.BadMemberName, refusals.ConfusableMembers)) as caught:
        migrate(path)
    assert str(caught.value).isprintable()
    assert (outside / "moo").read_text() == "mine"


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        (tarfile.SYMTYPE, "a symbolic link"),
        (tarfile.LNKTYPE, "a hard link"),
        (tarfile.CHRTYPE, "a device"),
        (tarfile.BLKTYPE, "a device"),
        (tarfile.FIFOTYPE, "a pipe"),
    ],
)
def test_what_is_no_plain_file_is_refused(here: Path, kind: bytes, says: str) -> None:
    path = package(here, entry("moo", b"", type=kind, linkname="manifest.json"))
    refused(path, refusals.NotAPlainFile, says)


@pytest.mark.parametrize(
    ("kind", "says"),
    [(b"S", "sparse"), (b"L", "GNU long name"), (b"K", "GNU long link"), (b"7", "contiguous"), (b"V", "label"),
     (b"M", "continuation"), (b"D", "directory dump"), (b"X", "unknown kind"), (b"Z", "unknown kind")],
)  # fmt: skip
def test_records_that_mean_something_else_are_refused(here: Path, kind: bytes, says: str) -> None:
    content = tar([entry("manifest.json", MINIMAL), entry("moo")])
    refused(packed(here, patched(content, 2, 156, kind)), refusals.UnsupportedFeature, says)


@pytest.mark.parametrize(
    "headers",
    [{"path": "../moo"}, {"size": "1"}, {"linkpath": "/etc/passwd"}, {"hdrcharset": "BINARY"}, {"GNU.sparse.major": "1"},
     {"GNU.sparse.name": "../moo"}, {"SCHILY.realsize": "9"}, {"mode": "4755"}, {"X\x1bY": "1"}],
)  # fmt: skip
def test_an_extended_header_that_changes_a_member_is_refused(here: Path, headers: dict[str, str]) -> None:
    of_one = package(here, entry("moo", pax_headers=headers), form=tarfile.PAX_FORMAT)
    refused(of_one, refusals.UnsupportedFeature, "extended header")
    content = tar([entry("manifest.json", MINIMAL)], tarfile.PAX_FORMAT, pax_headers=headers)
    refused(packed(here, content), refusals.UnsupportedFeature, "extended header")


@pytest.mark.parametrize(
    "body", [b"99 mtime=1\n", b"11 mtime=1\n\n", b"0 mtime=1\n", b"mtime=1\n", b"10 mtime=1 ", b"-1 a=b\n"]
)
def test_a_malformed_extended_header_is_refused(here: Path, body: bytes) -> None:
    content = tar([entry("x", body, type=b"x"), entry("manifest.json", MINIMAL)])
    refused(packed(here, content), refusals.HeadersDisagree, "malformed")


def test_names_longer_than_a_header_are_refused_in_every_form(here: Path) -> None:
    for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        refused(package(here, entry("a" * 150, b"x"), form=form), refusals.UnsupportedFeature, "")


def test_a_name_twice_or_twice_but_for_case_is_refused(here: Path) -> None:
    refused(package(here, entry("a"), entry("a")), refusals.DuplicateMember, "twice")
    refused(package(here, entry("./manifest.json", MINIMAL)), refusals.DuplicateMember, "twice")
    refused(package(here, entry("Manifest.json")), refusals.ConfusableMembers, "case")
    refused(package(here, entry("a"), entry("a/b")), refusals.ConfusableMembers, "folder")
    refused(package(here, entry("a"), entry("a", b"", type=tarfile.DIRTYPE)), refusals.ConfusableMembers, "folder")


def test_special_permissions_are_refused(here: Path) -> None:
    refused(package(here, entry("moo", mode=0o4755)), refusals.NotAPlainFile, "permissions")


def test_a_bomb_is_refused_before_it_fills_memory(here: Path) -> None:
    """97 kB that become 100 MB."""
    path = package(here, entry("weights/adapter.safetensors", bytes(100_000_000)))
    assert path.stat().st_size < 110_000
    tracemalloc.start()
    refused(path, refusals.BeyondCap, "more than any package needs")
    assert tracemalloc.get_traced_memory()[1] < 30_000_000
    tracemalloc.stop()


def test_a_declared_size_is_refused_before_anything_of_it_is_read(here: Path) -> None:
    content = tar([entry("manifest.json", MINIMAL), entry("moo")])
    refused(packed(here, patched(content, 2, 124, b"77777777777\0")), refusals.BeyondCap, "8,589,934,591")
    refused(packed(here, patched(content, 0, 124, b"00077777777\0")), refusals.BeyondCap, "manifest.json has")
    for lie in (b"\x80" + bytes(10) + b"\x09", b"-0000000001\0", b"0x000000001\0", bytes(12)):
        refused(packed(here, patched(content, 2, 124, lie)), refusals.UnsupportedFeature, "octal")


def test_too_many_members_are_refused(here: Path) -> None:
    refused(package(here, *(entry(f"f{n}", b"") for n in range(1100))), refusals.BeyondCap, "files")
    folders = (entry(f"f{n}", b"", type=tarfile.DIRTYPE) for n in range(2100))
    refused(package(here, *folders), refusals.BeyondCap, "records")


def test_an_archive_cut_at_any_byte_is_refused(here: Path) -> None:
    whole = package(here, entry("README.md", b"hello" * 50)).read_bytes()
    path = here / "cut.tgz"
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(Problem):
            migrate(path)
    assert not (here / "experts").exists()


def test_a_tar_cut_before_it_was_compressed_is_refused(here: Path) -> None:
    whole = tar([entry("manifest.json", MINIMAL), entry("README.md", b"hello" * 200)])
    end = len(whole.rstrip(b"\0"))  # two empty blocks must follow
    for length in [*range(0, end, 97), *range(512, 3073, 512)]:
        with pytest.raises(refusals.ContainerRefused):
            migrate(packed(here, whole[:length]))


def test_bytes_that_belong_to_nothing_are_refused(here: Path) -> None:
    whole = tar([entry("manifest.json", MINIMAL), entry("moo", b"x")])
    path = packed(here, whole)
    good = path.read_bytes()
    for content, says in [(good + b"x", "after the end"), (good + gzip.compress(whole), "after the end")]:
        path.write_bytes(content)
        refused(path, refusals.StrayBytes, says)
    refused(packed(here, whole + tar([entry("second")])), refusals.StrayBytes, "after the end of the archive")
    padded = whole[: 3 * 512 + 1] + b"hidden" + whole[3 * 512 + 7 :]
    refused(packed(here, padded), refusals.StrayBytes, "between the member moo")


def test_a_flipped_bit_is_noticed(here: Path) -> None:
    whole = tar([entry("manifest.json", MINIMAL), entry("moo")])
    damaged = bytearray(whole)
    damaged[1024 + 1] ^= 1
    refused(packed(here, bytes(damaged)), refusals.ChecksumWrong, "checksum")
    path = packed(here, whole)
    content = bytearray(path.read_bytes())
    content[-6] ^= 1  # the CRC of gzip
    path.write_bytes(content)
    refused(path, refusals.ContainerRefused, "damaged")


def test_what_is_no_tar_inside_is_refused(here: Path) -> None:
    refused(packed(here, b"A" * 2000), refusals.NotAContainer, "not a tar")
    (here / "package.tar.gz").write_bytes(b"\x1f\x8bnonsense")
    refused(here / "package.tar.gz", refusals.ContainerRefused, "damaged")


def test_an_archive_without_or_with_two_manifests_is_refused(here: Path) -> None:
    refused(packed(here, tar([entry("README.md")])), Problem, "There is no manifest.json")
    two = [entry("a/manifest.json", MINIMAL), entry("b/manifest.json", MINIMAL)]
    refused(packed(here, tar(two)), Problem, "2 manifests")


@settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_any_damage_gives_a_refusal_or_the_same_members(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Bytes of the tar are changed, then compressed again, so that gzip's own check helps nobody."""
    whole = tar([entry("manifest.json", MINIMAL), entry("a/b.md", b"hello" * 150)], tarfile.PAX_FORMAT)
    content = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, 4096))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged.tgz"
    path.write_bytes(zlib.compress(bytes(content), level=1, wbits=31))
    try:
        with path.open("rb") as file:
            found = [(member.name, member.size) for member in members(file)]
    except Problem as error:
        assert str(error).isprintable()
        return
    assert [size for _, size in found] == [len(MINIMAL), 750]
