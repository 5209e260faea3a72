"""Rows from the files of one commit of a git repository, in the same forms as local files.

    - {kind: git, repository: git+https://HOST/PATH.git@COMMIT, path: data/*.jsonl, columns: {...}}

Only a whole commit id names what cannot change; it is part of the recipe and so of the key of a build. Git is called by
the same confined road on which packages are fetched: nothing is checked out, no hook, filter, link or submodule acts.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from expertbuild.data.errors import SourceMistake
from expertbuild.data.rows import Row
from expertbuild.data.sources import Place
from expertbuild.data.sources.files import largest, rows_of
from expertbuild.data.unpacked import File
from runtime.artifact.shown import shown
from runtime.registry.sources.commit import Blob, Commit, is_pointer
from runtime.registry.sources.git import parse

KEPT = True  # a commit holds the same bytes for ever, and fetching it needs a network
OWN_KEYS = ("kind", "repository", "path", "columns", "needs", "format", "megabytes", "rows", "weight", "part")


def rows(spec: Mapping[str, Any], place: Place) -> Iterator[Row]:
    for key in spec:
        if key not in OWN_KEYS:
            raise SourceMistake(f'a git source has no key "{key}".', hint=f"Known: {', '.join(OWN_KEYS)}.")
    given = spec.get("path")
    patterns = [given] if isinstance(given, str) else list(given or [])
    if not patterns:
        raise SourceMistake("a git source needs a path in the repository.")
    shapes = [_shape(str(pattern)) for pattern in patterns]
    where = parse(str(spec.get("repository", "")))
    inside = f"{where.path}/" if where.path else ""
    commit = Commit(where.url, where.scheme, where.commit)
    blobs = [
        (blob, path)
        for blob in commit.blobs()
        if blob.path.startswith(inside) and any(shape.fullmatch(path := blob.path[len(inside) :]) for shape in shapes)
    ]
    if not blobs:
        raise SourceMistake("no file of the commit is called so.", where=", ".join(map(str, patterns)))
    yield from rows_of(_fetched(commit, blobs, largest(spec)), spec, place)


def _fetched(commit: Commit, blobs: list[tuple[Blob, str]], most: int) -> Iterator[File]:
    for number, (blob, path) in enumerate(sorted(blobs, key=lambda pair: pair[1])):
        suffixes = "".join(re.findall(r"\.[a-z0-9]{1,8}", path.rpartition("/")[2].lower())[-2:])
        target = commit.folder / "data" / f"{number}{suffixes}"
        commit.read(blob, target)
        if is_pointer(target):
            raise SourceMistake("is only a pointer into large file storage.", where=shown(path, 200))
        yield File(target, shown(path, 200), most)
        target.unlink(missing_ok=True)


def _shape(pattern: str) -> re.Pattern[str]:
    """A pattern over paths: `*` within a folder, `**/` across folders."""
    if not pattern or pattern.startswith(("/", "-")) or ".." in pattern.split("/") or "\0" in pattern:
        raise SourceMistake("is no path in a repository.", where=shown(pattern, 200))
    parts = re.split(r"(\*\*/|\*|\?)", pattern)
    meaning = {"**/": "(?:.*/)?", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(meaning.get(part, re.escape(part)) for part in parts), re.DOTALL)
