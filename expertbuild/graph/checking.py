"""Checking a cache: every byte is hashed, what is damaged is removed and named."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from expertbuild.graph.cache import Cache, tampered
from expertbuild.graph.contents import objects, result_files, results
from expertbuild.graph.disk import remove_tree
from expertbuild.graph.errors import using
from expertbuild.graph.record import read_record
from expertbuild.graph.store import State


@dataclass(frozen=True)
class Finding:
    what: str


def verify(cache: Cache) -> list[Finding]:
    """Hash everything. What is damaged is removed, so that the next build makes it again, and told."""
    with using(cache.root), cache.attended():
        bad = set()
        for digest, info in objects(cache):
            if cache.store.state(digest, info.st_size, thorough=True) is State.DAMAGED:
                cache.store.drop(digest)
                bad.add(digest)
        found = [finding for path in sorted(result_files(cache)) for finding in _check(cache, path, bad)]
        named = {digest for item in results(cache) for digest in item.objects}
        found += [Finding(f"object {digest[:12]} is damaged; removed") for digest in sorted(bad - named)]
    return found


def _check(cache: Cache, path: Path, bad: set[str]) -> Iterator[Finding]:
    again = "; the next build makes it again"
    try:
        record = read_record(path.read_bytes(), path.stem)
    except ValueError as error:
        path.unlink(missing_ok=True)
        yield Finding(f"the record {path.stem[:12]} is damaged ({error}); removed{again}")
        return
    for name, entry in record.outputs.items():
        if entry.sha256 in bad:
            yield Finding(f"{record.step}: {name} is damaged; removed{again}")
        elif cache.store.state(entry.sha256, entry.size) is not State.SOUND:
            yield Finding(f"{record.step}: {name} is gone{again}")
    tree = cache.trees / record.tree
    if tree.is_dir() and (changed := tampered(tree, record.outputs)):
        remove_tree(tree)
        yield Finding(f"{record.step}: {changed} was changed in its directory {tree}; removed")
