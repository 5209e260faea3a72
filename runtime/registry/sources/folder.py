"""A folder of .expert files as a source. What lies deeper is not looked at.

Every file's statement is glimpsed once, to know whose it is; the ones that are asked for are opened and checked against
their schema. A file that is no package is left out and remembered in `strangers`, so that whoever misses it can be told.
"""

import shutil
from collections.abc import Iterator
from functools import cached_property, partial
from pathlib import Path

from runtime.artifact.package import glimpse, open_package
from runtime.artifact.refusals import Refused
from runtime.errors import Mistake, Problem
from runtime.registry.candidate import Candidate
from runtime.registry.reference import precedence


class FolderSource:
    """The packages of one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.strangers: dict[str, str] = {}  # file name -> why it is not taken

    @property
    def title(self) -> str:
        return f"folder {self.folder}"

    def candidates(self, publisher: str, name: str) -> Iterator[Candidate]:
        for path in self._files.get((publisher, name), ()):
            try:
                yield offered(path, self.title)
            except Refused as refusal:
                self.strangers[path.name] = refusal.what

    def publishers(self, name: str) -> Iterator[str]:
        return (publisher for publisher, known in sorted(self._files) if known == name)

    def search(self, words: str) -> Iterator[Candidate]:
        wanted = words.lower().split()
        for publisher, name in sorted(self._files):
            newest = max(self.candidates(publisher, name), key=lambda c: precedence(c.version), default=None)
            if newest and all(word in f"{newest.full_name} {newest.summary}".lower() for word in wanted):
                yield newest

    @cached_property
    def _files(self) -> dict[tuple[str, str], list[Path]]:
        found: dict[tuple[str, str], list[Path]] = {}
        try:
            paths = sorted(path for path in self.folder.iterdir() if path.suffix == ".expert")
        except OSError as error:
            raise Mistake(f"The folder can not be read: {error.strerror}.", where=str(self.folder)) from None
        for path in paths:
            try:
                seen = glimpse(path)
            except Problem as problem:
                self.strangers[path.name] = problem.what
            else:
                found.setdefault((seen.publisher, seen.name), []).append(path)
        return found


def offered(path: Path, source: str) -> Candidate:
    """What a package file, or a folder it was unpacked to, would install. Its payloads are not read yet."""
    with open_package(path, verify=False) as package:
        statement = package.statement
        return Candidate(
            publisher=statement.publisher,
            name=statement.name,
            version=statement.version,
            id=package.id,
            source=source,
            requires=statement.requires,
            conflicts=statement.conflicts,
            variants={
                base: {"base": statement.variants[base].base, "tokenizer": statement.variants[base].tokenizer}
                for base in package.variants
            },
            summary=package.manifest.summary,
            size=sum(member.size for member in package.members.values()),
            fetch=partial(_copy, path),
        )


def _copy(path: Path, folder: Path) -> Path:
    """A copy of our own: what is verified is what is installed, whatever happens to the file meanwhile."""
    target = folder / path.name
    try:
        if path.is_dir():
            shutil.copytree(path, target, symlinks=True)
        else:
            shutil.copyfile(path, target)
    except (OSError, shutil.Error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "see its files"
        raise Problem(f"The package can not be read: {reason}.", where=str(path)) from None
    return target
