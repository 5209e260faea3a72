"""Rows that were drawn once are not drawn again, and nobody can tell the difference."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from expertbuild.actions.crew import source_key
from expertbuild.data.drawn import PIECE, LeftOut, remembered
from expertbuild.data.errors import SourceMistake
from expertbuild.data.remembered import Memory
from expertbuild.data.rows import Row
from expertbuild.data.sources import generator
from expertbuild.data.stages import Crew
from expertbuild.graph.code import Code
from expertbuild.graph.memo import Memo
from runtime.engine.tokenizer import Tokenizer
from tests.data.samples import build, row
from tests.data.test_stages import contents

DRAWN = [{"kind": "generator", "name": "json_repair", "rows": 1300}]


class Source:
    """Rows of which every seventh is left out; it knows how many it drew."""

    def __init__(self, count: int, fails: bool = False) -> None:
        self.count, self.fails, self.drawn = count, fails, 0

    def __call__(self, left_out: LeftOut) -> Iterator[Row]:
        for number in range(self.count):
            self.drawn += 1
            if number % 7 == 0:
                left_out("toy", "a seventh", row(number))
            else:
                yield row(number)
        if self.fails:
            raise SourceMistake("has no more.")


def told(source: Source, memory: Memory, key: str = "key") -> tuple[list[Row], list[Any]]:
    left: list[Any] = []
    return list(remembered(source, lambda *each: left.append(each), memory, key)), left


@pytest.mark.parametrize("count", [0, 7, PIECE, 1400, 2000])
def test_what_was_drawn_or_left_out_once_is_told_again_without_drawing(tmp_path: Path, count: int) -> None:
    memory, first, second = Memory(tmp_path), Source(count), Source(count)
    plain: list[Any] = []
    rows = list(Source(count)(lambda *each: plain.append(each)))
    assert told(first, memory) == (rows, plain)
    again = told(second, memory)
    assert again[0] == rows and [tuple(each) for each in again[1]] == plain
    assert (first.drawn, second.drawn) == (count, 0)
    assert told(other := Source(count), memory, "another key") == (rows, plain) and other.drawn == count


def test_a_piece_that_is_lost_or_damaged_is_drawn_again(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    rows = told(Source(2000), memory)[0]
    for number, path in enumerate(sorted(path for path in tmp_path.rglob("*") if path.is_file())):
        path.unlink() if number % 2 else path.write_bytes(path.read_bytes()[:-1])
        assert told(Source(2000), memory)[0] == rows
        assert told(mended := Source(2000), memory)[0] == rows and not mended.drawn


def test_rows_stream_and_a_source_that_fails_fails_again(tmp_path: Path) -> None:
    memory, source = Memory(tmp_path), Source(100_000)
    assert next(remembered(source, lambda *each: None, memory, "streams")) == row(1)
    assert source.drawn < 2 * PIECE
    for _ in range(2):
        with pytest.raises(SourceMistake, match="no more"):
            told(Source(1400, fails=True), memory)


def test_a_recipe_that_changed_draws_nothing_again_and_gives_the_same_bytes(
    tmp_path: Path, words: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crew() -> Crew:
        return Crew(memory=Memory(tmp_path / "memory"), source=lambda spec: str(spec))

    build({"sources": DRAWN}, tmp_path / "first", words, crew=crew())
    changed = {"sources": DRAWN, "transforms": [{"kind": "dedup_exact"}, {"kind": "length", "most": 90}]}
    build(changed, tmp_path / "plain", words)
    monkeypatch.setattr(generator, "distinct", None)
    build(changed, tmp_path / "second", words, crew=crew())
    assert contents(tmp_path / "second") == contents(tmp_path / "plain")


def test_the_name_of_drawn_rows_holds_what_decides_them_and_no_more(tmp_path: Path) -> None:
    names = tmp_path / "names.yaml"
    names.write_text(
        'format: questions/1\nlists: {x: [a, b]}\nphrases: {p: ["Say {x}"]}\n'
        "cases: [{stratum: s, slots: {x: {list: x}}, ask: p, answer: '{x}'}]\n"
    )

    def key(spec: dict[str, Any]) -> str:
        return source_key(spec, tmp_path, Code(Memo(None, "")), Memo(None, ""))

    drawn = DRAWN[0]
    assert key(drawn) == key({**drawn, "weight": 2, "part": "x"})
    declared = {"kind": "questions", "path": "names.yaml", "rows": 2}
    keys = [key(each) for each in (drawn, {**drawn, "rows": 1}, {**drawn, "words": "all"}, declared)]
    names.write_text(names.read_text().replace("[a, b]", "[a, b, c]"))
    assert len({*keys, key(declared)}) == 5
    assert key({"kind": "files", "path": "names.yaml"}) == "", "reading costs no more than remembering"
