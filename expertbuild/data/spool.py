"""Rows on the disk for a while: for what has to see all of them before it can say which stay."""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from expertbuild.data.rows import Row, dump
from expertbuild.data.transforms import CountedRow


class Spool:
    """Rows, with their lengths, that are written once and read any number of times. The file has no name, so a kill leaves none behind."""

    def __init__(self, folder: Path) -> None:
        self._file: IO[str] = TemporaryFile("w+", dir=folder, encoding="utf-8", errors="surrogatepass", newline="\n")  # noqa: SIM115 - closed with the spool
        self.rows = 0

    def __enter__(self) -> "Spool":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, row: Row) -> None:
        tokens = row.tokens if isinstance(row, CountedRow) else None
        self._file.write(f"{json.dumps(tokens)}\t{dump(row)}\n")
        self.rows += 1

    def fill(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Pass rows on, keeping each."""
        for row in rows:
            self.add(row)
            yield row

    def __iter__(self) -> Iterator[Row]:
        self._file.seek(0)
        for line in self._file:
            tokens, _, text = line.partition("\t")
            yield counted(json.loads(text), json.loads(tokens))


def counted(row: Row, tokens: Sequence[int] | None) -> CountedRow:
    """A row that was read again, with the length it had."""
    made = CountedRow(row)
    made.tokens = (tokens[0], tokens[1]) if tokens else None
    return made
