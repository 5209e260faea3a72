"""Lanes: the same bytes from any number of processes, and no row looked at twice that was looked at before."""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from expertbuild.data.remembered import Memory, key_of
from expertbuild.data.stages import CHUNK, Crew, chunks
from runtime.engine.tokenizer import Tokenizer
from tests.data.samples import build, row, write

LOOKS: list[dict[str, Any]] = [
    {"kind": "fields", "set": {"stratum": "{facts.level}"}},
    {"kind": "chat", "system": "Be brief."},
    {"kind": "length", "most": 150},
]


def rows(count: int, first: int = 0) -> list[dict[str, Any]]:
    return [
        row(
            number,
            f"question {number} " + "word " * (number % 40),
            facts={"level": "abc"[number % 3]} if number % 50 else {},
        )
        for number in range(first, first + count)
    ]


def recipe(transforms: list[dict[str, Any]]) -> dict[str, Any]:
    return {"sources": [{"kind": "files", "path": "rows.jsonl"}], "transforms": transforms, "split": {"test": 50}}


def contents(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(out.iterdir())}


def remembering(folder: Path, **more: Any) -> Crew:
    return Crew(memory=Memory(folder / "memory"), code=lambda spec: f"code of {spec['kind']}", **more)


def test_several_processes_give_the_bytes_of_one(tmp_path: Path, base: Path, words: Tokenizer) -> None:
    write(tmp_path / "rows.jsonl", rows(1500))
    given = recipe([*LOOKS, {"kind": "dedup_near", "threshold": 0.95}, {"kind": "language", "keep": ["en"]}])
    build(given, tmp_path / "one", words)
    several = remembering(tmp_path, workers=3, tokenizer=partial(Tokenizer.load, base), patience=0)
    build(given, tmp_path / "several", words, crew=several)
    assert contents(tmp_path / "one") == contents(tmp_path / "several")
    assert several.recalled == 0 and several.asked > 1500


def test_a_transform_that_was_added_is_the_only_one_that_looks(tmp_path: Path, words: Tokenizer) -> None:
    write(tmp_path / "rows.jsonl", rows(600))
    build(recipe(LOOKS[:2]), tmp_path / "first", words, crew=remembering(tmp_path))
    again = remembering(tmp_path)
    build(recipe(LOOKS), tmp_path / "second", words, crew=again)
    came = 600 - 12  # a row in fifty lacks the fact that the first transform asks for
    assert again.recalled >= 600 + came, "the first two and the count"
    plain = remembering(tmp_path / "elsewhere")
    build(recipe(LOOKS), tmp_path / "third", words, crew=plain)
    assert plain.recalled == 0
    assert contents(tmp_path / "second") == contents(tmp_path / "third")


def test_a_transform_that_changed_asks_itself_and_what_follows_it(tmp_path: Path, words: Tokenizer) -> None:
    write(tmp_path / "rows.jsonl", rows(600))
    build(recipe(LOOKS), tmp_path / "first", words, crew=remembering(tmp_path))
    nothing = remembering(tmp_path)
    build(recipe(LOOKS), tmp_path / "again", words, crew=nothing)
    assert nothing.asked == 0 or nothing.recalled > 3 * nothing.asked
    changed = [LOOKS[0], {**LOOKS[1], "system": "Be long."}, LOOKS[2]]
    crew = remembering(tmp_path)
    build(recipe(changed), tmp_path / "second", words, crew=crew)
    assert crew.recalled == 600, "only what stands before the change is remembered"
    other = remembering(tmp_path)
    other.code = lambda spec: "other code" if spec["kind"] == "length" else f"code of {spec['kind']}"
    build(recipe(LOOKS), tmp_path / "third", words, crew=other)
    assert 600 + 588 <= other.recalled < 600 + 588 * 2, "code that changed is a transform that changed"


@pytest.mark.parametrize("where", ["end", "beginning", "middle"])
def test_rows_that_are_added_are_the_only_ones_that_are_looked_at(tmp_path: Path, words: Tokenizer, where: str) -> None:
    old, new = rows(4000), rows(20, first=10_000)
    write(tmp_path / "rows.jsonl", old)
    given = recipe([{"kind": "length", "most": 60}])
    build(given, tmp_path / "first", words, crew=remembering(tmp_path))
    place = {"end": 4000, "beginning": 0, "middle": 2000}[where]
    write(tmp_path / "rows.jsonl", [*old[:place], *new, *old[place:]])
    crew = remembering(tmp_path)
    build(given, tmp_path / "second", words, crew=crew)
    assert 20 <= crew.asked <= 4 * CHUNK + 20, "the chunk that they fall into, and no other"
    build(given, tmp_path / "plain", words)
    assert contents(tmp_path / "second") == contents(tmp_path / "plain")


def test_where_chunks_end_depends_on_the_rows_and_is_bounded() -> None:
    every = [row(number) for number in range(5000)]
    pieces = list(chunks(every))
    assert [each for piece in pieces for each in piece] == every
    assert max(map(len, pieces)) <= 4 * CHUNK and len(pieces) > 5
    later = list(chunks(every[100:]))
    assert later[1:] == pieces[len(pieces) - len(later) + 1 :]
    same = [row("same") for _ in range(5000)]
    assert max(map(len, chunks(same))) <= 4 * CHUNK


def test_what_was_remembered_and_is_damaged_is_worked_out_again(tmp_path: Path, words: Tokenizer) -> None:
    write(tmp_path / "rows.jsonl", rows(600))
    build(recipe(LOOKS), tmp_path / "first", words, crew=remembering(tmp_path))
    held = [path for path in (tmp_path / "memory").rglob("*") if path.is_file()]
    assert held
    for number, path in enumerate(held):
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(bytes(data) if number % 2 else b"")
    crew = remembering(tmp_path)
    build(recipe(LOOKS), tmp_path / "second", words, crew=crew)
    assert crew.recalled == 0
    assert contents(tmp_path / "first") == contents(tmp_path / "second")


def test_memory_forgets_what_was_used_longest_ago(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    for number in range(20):
        memory.keep(key_of([str(number)]), ["x" * 10, number])
        path = next(path for path in tmp_path.rglob("*") if path.is_file() and path.stat().st_mtime > 1e9)
        os.utime(path, (number, number))
    size = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
    assert memory.forget(size // 2) <= size // 2
    assert memory.recall(key_of(["19"])) == ["x" * 10, 19] and memory.recall(key_of(["0"])) is None


def test_a_memory_that_cannot_be_written_stops_nothing(tmp_path: Path, words: Tokenizer) -> None:
    (tmp_path / "memory").write_text("a file where the folder should be")
    write(tmp_path / "rows.jsonl", rows(100))
    build(recipe(LOOKS), tmp_path / "out", words, crew=remembering(tmp_path))


def test_names_of_several_texts_do_not_run_into_each_other() -> None:
    assert key_of(["ab", "c"]) != key_of(["a", "bc"]) != key_of(["abc"])


def test_looking_at_transforms_imports_nothing_heavy() -> None:
    program = (
        "import sys\nfrom expertbuild.data.transforms import TRANSFORMS\n"
        "[TRANSFORMS.load(kind) for kind in TRANSFORMS.modules]\n"
        "print([name for name in ('torch', 'datasets', 'sqlglot', 'pglast', 'pyarrow', 'jsonschema') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_row_that_was_made_anew_forgets_its_length_and_one_that_was_laid_aside_keeps_it(tmp_path: Path) -> None:
    from expertbuild.data.spool import Spool
    from expertbuild.data.transforms import CountedRow

    known = CountedRow(row(1))
    known.tokens = (7, 3)
    with Spool(tmp_path) as spool:
        spool.add(known)
        spool.add(CountedRow({**known, "answer": "another"}))
        first, second = spool
        again = [each["id"] for each in spool]
    assert (first.tokens, second.tokens) == ((7, 3), None)
    assert again == ["1", "1"] and not list(tmp_path.iterdir())
