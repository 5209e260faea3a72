"""Files of every kind that people have, and of every kind that people should not have: read, or refused in a sentence."""

import bz2
import gzip
import json
import lzma
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow
import pytest
import zstandard
from pyarrow import parquet

from expertbuild.data.errors import SourceMistake
from expertbuild.data.rows import Row, RowRefused
from expertbuild.data.sources import Place, source
from expertbuild.data.sources.git import _shape
from runtime.errors import Problem
from runtime.registry.refusals import RepositoryRefused, UnsafeAddress

COLUMNS = {"prompt": "q", "answer": "a"}
LINES = b'{"q": "one?", "a": 1}\n{"q": "two?", "a": "2"}\n'


def read(folder: Path, path: str, **more: Any) -> list[Row]:
    spec = {"kind": "files", "path": path, "columns": COLUMNS, **more}
    return list(source(spec).rows(spec, Place("0", folder)))


def pairs(rows: list[Row]) -> list[tuple[str, str]]:
    return [(row["messages"][0]["content"], row["answer"]) for row in rows]


EXPECTED = [("one?", "1"), ("two?", "2")]


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("a.jsonl.gz", gzip.compress),
        ("a.jsonl.bz2", bz2.compress),
        ("a.jsonl.xz", lzma.compress),
        ("a.jsonl.zst", zstandard.compress),
        ("A.JSONL.GZ", gzip.compress),
    ],
)
def test_packed_files_are_read_as_what_is_inside(tmp_path: Path, name: str, pack: Callable[[bytes], bytes]) -> None:
    half = len(LINES) // 2
    (tmp_path / name).write_bytes(pack(LINES[:half]) + pack(LINES[half:]))  # two streams, one after the other
    assert pairs(read(tmp_path, name)) == EXPECTED


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"], ids=["unix", "windows", "old mac"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["bare", "marked"])
def test_line_ends_and_byte_order_marks_of_any_kind_give_the_same_rows(tmp_path: Path, end: bytes, mark: bytes) -> None:
    (tmp_path / "a.jsonl").write_bytes(mark + LINES.replace(b"\n", end))
    (tmp_path / "a.csv").write_bytes(mark + b"q,a\none?,1\ntwo?,2\n".replace(b"\n", end))
    assert pairs(read(tmp_path, "a.jsonl")) == pairs(read(tmp_path, "a.csv")) == EXPECTED


def test_mixed_line_ends_in_one_file_count_as_lines(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"q": "1", "a": "1"}\r\n\r{"q": "2", "a": "2"}\nnope\r\n')
    with pytest.raises(SourceMistake, match=r"a\.jsonl:4: is not JSON"):
        read(tmp_path, "a.jsonl")


def test_parquet_is_read_and_objects_in_it_are_json(tmp_path: Path) -> None:
    table = pyarrow.table({"q": ["one?", "two?"], "a": [{"x": 1}, {"x": 2}]})
    parquet.write_table(table, tmp_path / "a.parquet")
    assert pairs(read(tmp_path, "a.parquet")) == [("one?", '{"x":1}'), ("two?", '{"x":2}')]


def test_a_parquet_file_with_a_column_of_another_type_is_refused(tmp_path: Path) -> None:
    parquet.write_table(pyarrow.table({"q": ["one?"], "a": ["1"]}), tmp_path / "1.parquet")
    parquet.write_table(pyarrow.table({"q": ["two?"], "a": [2]}), tmp_path / "2.parquet")
    with pytest.raises(SourceMistake, match=r'2\.parquet: the column "a" is int64 here, and string in 1\.parquet'):
        read(tmp_path, "*.parquet")
    parquet.write_table(pyarrow.table({"q": ["x"], "a": [b"\xff"]}), tmp_path / "3.parquet")
    with pytest.raises(SourceMistake, match=r'3\.parquet:1: the column "a" holds bytes'):
        read(tmp_path, "3.parquet")


def test_a_folder_of_text_is_a_record_a_file(tmp_path: Path) -> None:
    (tmp_path / "notes" / "deep").mkdir(parents=True)
    (tmp_path / "notes" / "b.txt").write_text("second")
    (tmp_path / "notes" / "deep" / "c.md").write_text("third")
    (tmp_path / "notes" / ".hidden.txt").write_text("not read")
    (tmp_path / "notes" / "a.txt").write_text("first")
    rows = read(tmp_path, "notes", columns={"prompt": "What is {name} about?", "answer": "text"})
    assert pairs(rows) == [
        ("What is a.txt about?", "first"),
        ("What is b.txt about?", "second"),
        ("What is c.md about?", "third"),
    ]


def test_an_empty_source_is_refused(tmp_path: Path) -> None:
    for name in ("a.jsonl", "b.csv", "c.jsonl"):
        (tmp_path / name).write_bytes(b"\n\n" if name == "c.jsonl" else b"")
        with pytest.raises(SourceMistake, match="holds no record"):
            read(tmp_path, name)


@pytest.mark.parametrize("name", ["bomb.jsonl.gz", "bomb.jsonl.bz2", "bomb.jsonl.xz", "bomb.jsonl.zst"])
def test_what_unpacks_without_end_is_stopped_by_what_comes_out(tmp_path: Path, name: str) -> None:
    pack = {"gz": gzip.compress, "z2": bz2.compress, "xz": lzma.compress, "st": zstandard.compress}[name[-2:]]
    line = b'{"q": "%s", "a": "x"}\n' % (b"y" * 1000)
    (tmp_path / name).write_bytes(pack(line * 8000))
    assert (tmp_path / name).stat().st_size < 100_000
    with pytest.raises(SourceMistake, match=f"{name}: has more than 2 MB unpacked.*megabytes"):
        read(tmp_path, name, megabytes=2)
    assert len(read(tmp_path, name, megabytes=16)) == 8000


def test_a_parquet_file_that_unpacks_without_end_is_stopped_too(tmp_path: Path) -> None:
    parquet.write_table(pyarrow.table({"q": ["y" * 4000] * 4000, "a": ["x"] * 4000}), tmp_path / "a.parquet")
    assert (tmp_path / "a.parquet").stat().st_size < 100_000
    with pytest.raises(SourceMistake, match="more than 2 MB unpacked"):
        read(tmp_path, "a.parquet", megabytes=2)


BROKEN: list[tuple[str, bytes, str]] = [
    ("a.jsonl", b'{"q": "x"}\n', r'a\.jsonl:1: there is no column "a"'),
    ("a.jsonl", b'{"q": "x", "a": null}\n', r'a\.jsonl:1: the column "a" is empty'),
    (
        "a.jsonl",
        b'{"q": "%s", "a": "x"}\n' % (b"y" * 10_000_000),
        r"a\.jsonl:1: has 10,000,\d+ characters; at most 1,000,000",
    ),
    ("a.jsonl", b'{"q": "%s", "a": "x"}\n' % (b"y" * 17_000_000), r"a\.jsonl:1: is longer than"),
    ("a.csv", b"q,a\n%s,x\n" % (b"y" * 10_000_000), r"a\.csv:2: has 10,000,\d+ characters"),
    ("a.jsonl", LINES + b'{"q": "\xff", "a": "x"}\n', r"a\.jsonl:3: is not UTF-8"),
    ("a.csv", b"q,a\nx,\xff\n", r"a\.csv:2: is not UTF-8"),
    ("a.jsonl", "\ufeff{}".encode("utf-16-le"), r"a\.jsonl:1: is not UTF-8"),
    ("a.jsonl", b'{"q": "\\ud800", "a": "x"}\n', r"a\.jsonl:1: holds half of a surrogate pair"),
    ("a.jsonl", b'{"q": NaN, "a": "x"}\n', r"a\.jsonl:1: is not JSON \(NaN"),
    ("a.jsonl", b'{"q": "1", "a": "x"}\n{"q": "1", "a": "x", "q": "2"}\n', r'a\.jsonl:2: .*the key "q" stands twice'),
    ("a.jsonl", b'{"q": %s, "a": "x"}\n' % (b"9" * 5000), r"a\.jsonl:1: is not JSON"),
    ("a.jsonl", b"[" * 100_000, r"a\.jsonl:1: is not JSON"),
    ("a.csv", b"q,q,a\n1,2,3\n", r'a\.csv:1: has the column "q" twice'),
    ("a.csv", b'q,a\n"x,1\n', r"a\.csv:\d+: is not CSV"),
    ("a.jsonl.gz", gzip.compress(LINES)[:-9], r"a\.jsonl\.gz: cannot be unpacked"),
    ("a.jsonl.gz", LINES, r"a\.jsonl\.gz: cannot be unpacked"),
    ("a.jsonl.xz", lzma.compress(LINES)[:-9], r"a\.jsonl\.xz: cannot be unpacked"),
    ("a.jsonl.xz", LINES, r"a\.jsonl\.xz: cannot be unpacked"),
    ("a.jsonl.bz2", LINES, r"a\.jsonl\.bz2: cannot be"),
    ("a.jsonl.zst", LINES, r"a\.jsonl\.zst: cannot be unpacked"),
    ("a.jsonl.zst", zstandard.compress(LINES * 99)[:-9], r"a\.jsonl\.zst: cannot be unpacked"),
    ("a.parquet.gz", gzip.compress(b"x"), "is not read through another packing"),
    ("a.parquet", b"PAR1" + b"\0" * 100 + b"PAR1", "is not Parquet that can be read"),
]


@pytest.mark.parametrize(("name", "content", "said"), BROKEN, ids=[f"{name}: {said[-24:]}" for name, _, said in BROKEN])
def test_what_cannot_be_read_is_named_with_its_line(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises((SourceMistake, RowRefused), match=said):
        read(tmp_path, name)


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ({"messages": "x", "answer": "y"}, '"messages" is missing or not a list'),
        ({"messages": [{"role": "user", "content": 1}], "answer": "y"}, "no known role or no text"),
        ({"messages": [{"role": "user", "content": "x"}], "answer": 1}, '"answer" is missing or not text'),
        ({"messages": [{"role": "user", "content": "x"}], "answer": "y", "facts": []}, '"facts" is not an object'),
    ],
)
def test_rows_with_fields_of_the_wrong_type_are_refused(tmp_path: Path, record: Any, said: str) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps(record))
    with pytest.raises(RowRefused, match=rf"a\.jsonl:1: .*{said}"):
        read(tmp_path, "a.jsonl", columns=None)


def test_nothing_outside_of_the_experts_directory_is_read(tmp_path: Path) -> None:
    expert = tmp_path / "expert"
    (expert / "data").mkdir(parents=True)
    (tmp_path / "private.jsonl").write_bytes(LINES)
    (expert / "data" / "link.jsonl").symlink_to(tmp_path / "private.jsonl")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a.jsonl").write_bytes(LINES)
    (expert / "linked").symlink_to(tmp_path / "folder")
    for path in ("data/link.jsonl", "data/*.jsonl", "data", "linked/a.jsonl", "linked/*.jsonl", "**/*.jsonl"):
        with pytest.raises(SourceMistake, match=r"link that leads outside|no such file"):
            read(expert, path)
    for path in ("../private.jsonl", "data/../../private.jsonl", "../*.jsonl"):
        with pytest.raises(SourceMistake, match="leads outside the expert's directory"):
            read(expert, path)


def test_a_whole_path_stands_in_the_recipe_and_opens_what_it_names_and_no_more(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "expert").mkdir()
    (tmp_path / "shared" / "a.jsonl").write_bytes(LINES)
    assert pairs(read(tmp_path / "expert", str(tmp_path / "shared" / "a.jsonl"))) == EXPECTED
    assert pairs(read(tmp_path / "expert", str(tmp_path / "shared" / "*.jsonl"))) == EXPECTED
    (tmp_path / "secret").write_bytes(LINES)
    (tmp_path / "shared" / "b.jsonl").symlink_to(tmp_path / "secret")
    with pytest.raises(SourceMistake, match="link that leads outside"):
        read(tmp_path / "expert", str(tmp_path / "shared" / "*.jsonl"))


@pytest.fixture
def repository(tmp_path: Path) -> tuple[Path, str]:
    """A real repository with data, a link, and a pointer into large file storage."""
    folder = tmp_path / "repository"
    (folder / "data" / "deep").mkdir(parents=True)
    (folder / "data" / "a.jsonl").write_bytes(LINES)
    (folder / "data" / "deep" / "b.jsonl.gz").write_bytes(gzip.compress(b'{"q": "three?", "a": "3"}\n'))
    (folder / "data" / "big.csv").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    (folder / "data" / "link.jsonl").symlink_to("/etc/passwd")
    environment = os.environ | {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
    for name in ("AUTHOR", "COMMITTER"):
        environment |= {f"GIT_{name}_NAME": "toy", f"GIT_{name}_EMAIL": "toy@example.org"}

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=folder, env=environment, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    git("init", "--quiet")
    git("add", "--all")
    git("commit", "--quiet", "-m", "data")
    return folder, git("rev-parse", "HEAD")


def fetch(folder: Path, commit: str, path: Any, **more: Any) -> list[Row]:
    spec = {"kind": "git", "repository": f"git+file://{folder}@{commit}", "path": path, "columns": COLUMNS, **more}
    return list(source(spec).rows(spec, Place("0", folder)))


def test_files_of_a_commit_are_read_whatever_lies_in_the_folder_now(repository: tuple[Path, str]) -> None:
    folder, commit = repository
    (folder / "data" / "a.jsonl").write_text("changed since")
    assert pairs(fetch(folder, commit, "data/**/*.jsonl*")) == [*EXPECTED, ("three?", "3")]
    assert pairs(fetch(folder, f"{commit}#data", "deep/b.jsonl.gz")) == [("three?", "3")]
    assert len(fetch(folder, commit, ["data/*.jsonl", "data/deep/*"], rows=2)) == 2


def test_what_a_commit_does_not_hold_is_said(repository: tuple[Path, str]) -> None:
    folder, commit = repository
    with pytest.raises(SourceMistake, match="no file of the commit is called so"):
        fetch(folder, commit, "data/link.jsonl")
    with pytest.raises(SourceMistake, match=r"data/big\.csv: is only a pointer"):
        fetch(folder, commit, "data/*.csv")
    with pytest.raises(RepositoryRefused):
        fetch(folder, "0" * 40, "data/*")
    for path in ("../x", "/etc/passwd", "-x", "", []):
        with pytest.raises(SourceMistake):
            fetch(folder, commit, path)


@pytest.mark.parametrize(
    "address",
    [
        "-oProxyCommand=touch${IFS}x@" + "0" * 40,
        "git+-uploadpack@" + "0" * 40,
        "git+ext::sh -c touch@" + "0" * 40,
        "git+https://host/x.git@main",
        "git+https://host/--upload-pack=x/../y@" + "0" * 40,
        "https://host/x.git@" + "0" * 40,
        "git+ssh://-oProxyCommand=x/y@" + "0" * 40,
        "",
    ],
)
def test_an_address_that_git_could_read_as_something_else_never_reaches_git(tmp_path: Path, address: str) -> None:
    spec = {"kind": "git", "repository": address, "path": "*", "columns": COLUMNS}
    with pytest.raises(UnsafeAddress):
        list(source(spec).rows(spec, Place("0", tmp_path)))
    assert issubclass(UnsafeAddress, Problem)


def test_patterns_stay_within_a_folder_unless_they_say_so() -> None:
    def fits(pattern: str, path: str) -> bool:
        return _shape(pattern).fullmatch(path) is not None

    assert fits("a/*.csv", "a/b.csv") and not fits("a/*.csv", "a/b/c.csv")
    assert fits("**/*.csv", "c.csv") and fits("**/*.csv", "a/b/c.csv") and not fits("*.csv", "xcsv")
    assert fits("a?.csv", "ab.csv") and not fits("a?.csv", "a/.csv")
