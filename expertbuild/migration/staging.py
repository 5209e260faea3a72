"""A folder of our own where files of an old package arrive, under numbers instead of their names, before they are believed."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from expertbuild.migration.refusals import OutputMistake
from expertbuild.migration.sources import Source


@dataclass
class Staging:
    """What arrived: each file once, with the SHA-256 of its bytes."""

    folder: Path
    _arrived: dict[str, tuple[Path, str]] = field(default_factory=dict)

    def fetched(self, source: Source, name: str) -> tuple[Path, str]:
        """A file of the package, and its hash."""
        if name not in self._arrived:
            target = self.folder / str(len(self._arrived))
            try:
                self._arrived[name] = (target, source.digest(name, target))
            except OSError as error:
                raise OutputMistake(f"{name} can not be copied: {error.strerror}.", where=str(self.folder)) from None
        return self._arrived[name]

    @property
    def digests(self) -> dict[str, str]:
        """The hash of each file that arrived."""
        return {name: digest for name, (_, digest) in self._arrived.items()}


@contextmanager
def staging(beside: Path) -> Iterator[Staging]:
    """On the disk that the result goes to, and gone afterwards: in the nearest folder that is there already."""
    while not beside.is_dir():
        beside = beside.parent
    try:
        folder = tempfile.TemporaryDirectory(prefix=".migrating-", dir=beside)
    except OSError as error:
        raise OutputMistake(f"this can not be written to: {error.strerror}.", where=str(beside)) from None
    with folder as name:
        yield Staging(Path(name))
