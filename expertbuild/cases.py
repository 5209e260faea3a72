"""The test cases of a package, found by their digest: in the build cache, or in what somebody gives by hand.

They are not in the package. A file must have the SHA-256 that the statement names, a folder the digest of the whole
dataset; packages made before the statement named the file have only the latter.
"""

import io
from dataclasses import dataclass
from pathlib import Path

from expertbuild.data.rows import Row, parse_rows
from expertbuild.evaluation.errors import EvaluationMistake
from expertbuild.graph import Cache
from expertbuild.graph.contents import results
from expertbuild.graph.tree import Entry, hash_file, tree_digest, walk
from runtime.errors import Problem

TEST = "test.jsonl"


class OtherCases(Problem):
    """Cases that are not the ones the builder evaluated on."""


@dataclass(frozen=True)
class Wanted:
    """What a statement says of the cases: the digest of their file, that of the whole dataset, or both."""

    file: str | None
    dataset: str | None


def find_cases(wanted: Wanted, given: Path | None, cache: Cache) -> list[Row]:
    """The rows of the builder's test file, to the byte."""
    data = _given(wanted, given) if given is not None else _cached(wanted, cache)
    return list(parse_rows(io.StringIO(data.decode("utf-8")), TEST))


def _given(wanted: Wanted, given: Path) -> bytes:
    try:
        if given.is_dir():
            files = {
                name: Entry(hash_file(path), found.st_size, bool(found.st_mode & 0o100))
                for name, path, found in walk(given)
            }
            if wanted.dataset is None or tree_digest(files) != wanted.dataset:
                raise _other(given, "dataset", tree_digest(files), wanted.dataset)
            return (given / TEST).read_bytes()
        found, data = hash_file(given), given.read_bytes()
    except (OSError, ValueError) as error:
        raise EvaluationMistake(f"the dataset cannot be read: {error}.", where=str(given)) from None
    if found != wanted.file:
        raise _other(given, "file", found, wanted.file)
    return data


def _other(given: Path, kind: str, found: str, wanted: str | None) -> OtherCases:
    if wanted is None:
        hint = "The package names only the whole dataset: give its folder." if kind == "file" else ""
        return OtherCases(f"The package does not name the digest of the {kind}.", where=str(given), hint=hint)
    sentence = f"This is not what the builder evaluated on: the {kind} has the digest {found[:16]}, not {wanted[:16]}."
    return OtherCases(sentence, where=str(given))


def _cached(wanted: Wanted, cache: Cache) -> bytes:
    digest = wanted.file or _in_dataset(wanted.dataset, cache)
    if digest is not None:
        path = cache.store.path(digest)
        if path.is_file() and hash_file(path) == digest:
            return path.read_bytes()
    raise EvaluationMistake(
        f"the cases that the builder evaluated on ({(wanted.file or wanted.dataset or 'unnamed')[:16]}) are not here.",
        hint=f"They are not in a package: ask the builder for {TEST} and give it with --dataset FILE.",
    )


def _in_dataset(tree: str | None, cache: Cache) -> str | None:
    for result in results(cache):
        if result.record.tree == tree and TEST in result.record.outputs:
            return result.record.outputs[TEST].sha256
    return None
