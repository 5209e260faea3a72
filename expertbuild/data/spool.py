"""Rows on the disk for a while: for what has to see all of them before it can say which stay."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from expertbuild.data.rows import Row, dump


class Spool:
    """Rows that are written once and read any number of times. The file has no name, so a kill leaves none behind."""

    def __init__(self, folder: Path) -> None:
        self._file: IO[str] = TemporaryFile("w+", dir=folder, encoding="utf-8", errors="surrogatepass", newline="\n")  # noqa: SIM115 - closed with the spool
        self.rows = 0

    def __enter__(self) -> "Spool":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, row: Row) -> None:
        self._file.write(dump(row) + "\n")
        self.rows += 1

    def fill(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Pass rows on, keeping each."""
        for row in rows:
            self.add(row)
            yield row

    def __iter__(self) -> Iterator[Row]:
        self._file.seek(0)
        for line in self._file:
            yield json.loads(line)
