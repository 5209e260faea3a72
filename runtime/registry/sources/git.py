"""A repository as a source: the packages in one commit of it, named by hand.

    git+https://HOST/PATH.git@COMMIT[#PATH]      git+ssh://[USER@]HOST/PATH@COMMIT      git+file:///PATH@COMMIT

Only a whole commit id names one, since that is what it names for ever; a branch is somebody's promise. In the commit
lie `.expert` files, or folders that packages were unpacked to.
"""

import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path, PurePosixPath

from runtime.artifact.layout import check_name
from runtime.artifact.refusals import Refused
from runtime.registry.candidate import Candidate
from runtime.registry.reference import precedence
from runtime.registry.refusals import PointerOnly, RepositoryRefused, UnsafeAddress
from runtime.registry.sources.commit import Blob, Commit, Limits, is_pointer
from runtime.registry.sources.folder import offered

_HOST = r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?(?::[0-9]{1,5})?"
_PATH = r"(?:/[A-Za-z0-9._~+][A-Za-z0-9._~+-]*)+/?"
_URLS = {
    "https": re.compile(rf"https://{_HOST}{_PATH}"),
    "ssh": re.compile(rf"ssh://(?:[A-Za-z0-9_][A-Za-z0-9_.-]*@)?{_HOST}{_PATH}"),
    "file": re.compile(r"file://(?:/[^/\x00-\x1f?#\\]+)+/?"),
}
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_INSIDE = re.compile(r"[A-Za-z0-9._+][A-Za-z0-9._+ -]*(?:/[A-Za-z0-9._+][A-Za-z0-9._+ -]*)*")
_MOST_PACKAGES = 1000


@dataclass(frozen=True)
class Place:
    """A commit of a repository, and where in it to look."""

    url: str
    scheme: str
    commit: str
    path: str = ""


def parse(text: str) -> Place:
    """Take `git+URL@COMMIT[#PATH]` apart; whatever git could read as something else is refused."""
    url, at, commit = text.removeprefix("git+").partition("#")[0].rpartition("@")
    path = text.partition("#")[2].strip("/")
    scheme = url.partition("://")[0]
    if not text.startswith("git+") or scheme not in _URLS or not at:
        raise _unsafe(text, "is not the address of a commit")
    if not _COMMIT.fullmatch(commit):
        raise _unsafe(text, "does not end in a whole commit id")
    if not _URLS[scheme].fullmatch(url) or ".." in url.split("/"):
        raise _unsafe(text, "has an address that a repository can not have")
    if path and (not _INSIDE.fullmatch(path) or ".." in path.split("/")):
        raise _unsafe(text, "has a path that can not be one in a repository")
    return Place(url, scheme, commit, path)


class GitSource:
    """The packages in one commit. Nothing is fetched before somebody asks what there is."""

    def __init__(self, place: Place, limits: Limits | None = None) -> None:
        self._place, self._limits = place, limits

    @property
    def title(self) -> str:
        return f"{self._place.url}@{self._place.commit[:12]}"

    def candidates(self, publisher: str, name: str) -> Iterable[Candidate]:
        """Every version of this expert in the commit."""
        return [each for each in self._all if (each.publisher, each.name) == (publisher, name)]

    def publishers(self, name: str) -> Iterable[str]:
        """Who publishes an expert of this bare name here."""
        return sorted({each.publisher for each in self._all if each.name == name})

    def search(self, words: str) -> Iterable[Candidate]:
        """The newest version of each expert that fits all the words."""
        newest = {each.full_name: each for each in sorted(self._all, key=lambda each: precedence(each.version))}
        wanted = words.casefold().split()
        return [
            each
            for name, each in sorted(newest.items())
            if all(word in f"{name} {each.summary}".casefold() for word in wanted)
        ]

    @cached_property
    def _all(self) -> list[Candidate]:
        commit = Commit(self._place.url, self._place.scheme, self._place.commit, self._limits)
        found = [self._candidate(commit, path) for path in self._packages(commit)]
        if not found:
            at = f" at {self._place.path}" if self._place.path else ""
            raise RepositoryRefused(f"The commit has no package{at}.", where=self.title)
        return found

    def _packages(self, commit: Commit) -> Iterator[Path]:
        """Read the packages out of the commit: files that end in .expert, and folders with a statement."""
        inside = self._place.path
        blobs = {b.path: b for b in commit.blobs() if not inside or b.path == inside or b.path.startswith(f"{inside}/")}
        files = [path for path in blobs if path.endswith(".expert")]
        folders = [str(PurePosixPath(path).parent) for path in blobs if PurePosixPath(path).name == "statement.json"]
        if len(files) + len(folders) > _MOST_PACKAGES:
            raise RepositoryRefused(f"The commit has more than {_MOST_PACKAGES:,} packages.", where=self.title)
        for number, path in enumerate(sorted(files)):
            target = commit.folder / "packages" / str(number) / "package.expert"
            self._read(commit, blobs[path], target)
            yield target
        for number, folder in enumerate(sorted(folders), len(files)):
            target = commit.folder / "packages" / str(number)
            for path, blob in blobs.items():
                if folder == "." or path.startswith(f"{folder}/"):
                    member = path if folder == "." else path.removeprefix(f"{folder}/")
                    self._read(commit, blob, target / self._checked(member))
            yield target

    def _checked(self, member: str) -> str:
        try:
            check_name(member)
        except Refused as refusal:
            refusal.where = self.title
            raise
        return member

    def _read(self, commit: Commit, blob: Blob, target: Path) -> None:
        commit.read(blob, target)
        if is_pointer(target):
            raise PointerOnly(
                f"The repository has only a pointer to {blob.path}; its content lies in large file storage.",
                where=self.title,
                hint="Commit the package itself, or publish it in an index.",
            )

    def _candidate(self, commit: Commit, path: Path) -> Candidate:
        try:
            one = offered(path, self.title)
        except Refused as refusal:
            refusal.where = self.title
            raise
        size = path.stat().st_size if path.is_file() else sum(f.stat().st_size for f in path.rglob("*"))
        return replace(one, size=size, fetch=partial(_fetch, commit, path, f"{one.name}-{one.version}"))


def _fetch(commit: Commit, path: Path, called: str, folder: Path) -> Path:
    """Copy a package out; the commit is held so that its folder is still there."""
    assert commit.folder in path.parents
    if path.is_file():
        return Path(shutil.copyfile(path, folder / f"{called}.expert"))
    return Path(shutil.copytree(path, folder / called))


def _unsafe(text: str, what: str) -> UnsafeAddress:
    return UnsafeAddress(
        f"{text[:200]!r} {what}.",
        hint="Write git+https://HOST/PATH@COMMIT[#PATH IN IT], with all 40 digits of the commit. Branches move.",
    )
