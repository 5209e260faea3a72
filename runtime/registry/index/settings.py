"""The indexes of this machine (`indexes.json`): where each is, whose keys count there, what it alone may serve.

Read by hand and checked against its schema when it is written, as the trust file is: reading is on the path of every
search. The keys of an index are those in the root.json that a person got together with its address; what a server
says of itself is judged by them.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from runtime.artifact.manifest import NAME
from runtime.artifact.refusals import BadDocument, Refused
from runtime.artifact.schema import check, expect_version
from runtime.artifact.strict_json import canonical, read
from runtime.errors import Mistake, Problem
from runtime.home import config_home
from runtime.registry.disk import only_writer, publish_file
from runtime.registry.index.address import place_of
from runtime.registry.refusals import UnknownIndex, UnsafeAddress
from runtime.registry.trust import OWN

FORMAT = "expert-indexes/1"
_ROOT_CAP = 512_000


@dataclass(frozen=True)
class Index:
    """One configured index. `url` ends in a slash, or is the absolute path of a folder."""

    name: str
    url: str
    root: Mapping[str, Any]
    namespaces: tuple[str, ...] = ()
    insecure_http: bool = False
    added: str = ""

    @property
    def root_bytes(self) -> bytes:
        return canonical(self.root)


def indexes_file() -> Path:
    return config_home() / "indexes.json"


def load_indexes(path: Path | None = None) -> list[Index]:
    """The configured indexes, in the order in which they were added."""
    path = path or indexes_file()
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise Problem(f"The list of indexes can not be read: {error.strerror}.", where=str(path)) from None
    try:
        value = read(data, "the list of indexes")
        expect_version(value, "format", FORMAT, "the list of indexes")
        found = [Index(**{**entry, "namespaces": tuple(entry["namespaces"])}) for entry in value["indexes"]]
        for index in found:
            _check(index)
        _check_together(found)
    except Refused as error:
        error.where = str(path)
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadDocument(f"The list of indexes is not as it must be: {error!r}.", where=str(path)) from None
    return found


def add_index(name: str, url: str, root: Path, namespaces: Iterable[str] = (), insecure_http: bool = False) -> Index:
    """Configure one more index. Nothing is fetched yet."""
    if not NAME.fullmatch(name):
        raise Mistake(f"{name[:80]!r} is not a name for an index: small letters, digits and dashes.")
    for namespace in namespaces:
        if not NAME.fullmatch(namespace) or namespace == OWN:
            raise Mistake(f"{namespace[:80]!r} is not a namespace that an index can serve.")
    added = datetime.now(UTC).strftime("%Y-%m-%d")
    place = place_of(url, insecure_http)
    index = Index(name, place, _read_root(root), tuple(dict.fromkeys(namespaces)), insecure_http, added)

    def change(before: list[Index]) -> list[Index]:
        if any(other.name == name for other in before):
            raise Mistake(f"There is an index {name} already.", hint=f"expertbuild index remove {name}")
        for other in before:
            if shared := set(other.namespaces) & set(index.namespaces):
                raise Mistake(f"The namespace {min(shared)} is pinned to the index {other.name} already.")
        return [*before, index]

    _update(change)
    return index


def remove_index(name: str) -> Index:
    """Forget an index. What was installed from it stays."""
    gone = find_index(name)
    _update(lambda before: [other for other in before if other.name != name])
    return gone


def find_index(name: str) -> Index:
    known = {index.name: index for index in load_indexes()}
    if name not in known:
        hint = (
            f"Configured: {', '.join(known)}."
            if known
            else "None is configured: expertbuild index add NAME URL --root root.json"
        )
        raise UnknownIndex(f"There is no index {name[:80]!r}.", hint=hint)
    return known[name]


def _read_root(path: Path) -> Mapping[str, Any]:
    """The root that a person was given: it must be signed by its own keys; whose those are is for the person to know."""
    from tuf.api.exceptions import RepositoryError
    from tuf.api.metadata import Metadata, Root

    try:
        data = path.read_bytes()[: _ROOT_CAP + 1]
    except OSError as error:
        raise Mistake(f"The root of the index can not be read: {error.strerror}.", where=str(path)) from None
    try:
        value: Mapping[str, Any] = read(data, "the root of the index", cap=_ROOT_CAP)
        root: Metadata[Root] = Metadata.from_bytes(canonical(value))
        if not isinstance(root.signed, Root):
            raise RepositoryError("it is another list")
        root.signed.verify_delegate(Root.type, root.signed_bytes, root.signatures)
    except (Refused, RepositoryError) as error:
        raise Mistake(
            f"That is not the root of an index: {error}.",
            where=str(path),
            hint="Its publisher hands it out: the file root.json in the folder of the index.",
        ) from None
    return value


def _check(index: Index) -> None:
    texts = (index.name, index.url, index.added, *index.namespaces)
    if not all(isinstance(text, str) for text in texts) or not isinstance(index.root, dict):
        raise ValueError("a field has another type")
    if not NAME.fullmatch(index.name) or not all(NAME.fullmatch(n) for n in index.namespaces):
        raise ValueError(f"the name {index.name[:80]!r} or a namespace of it")
    if type(index.insecure_http) is not bool or not (index.url.startswith("/") or "://" in index.url):
        raise ValueError(f"the address of {index.name}")
    if not index.url.startswith("/"):
        try:
            place_of(index.url, index.insecure_http)
        except UnsafeAddress as error:
            raise ValueError(f"the address of {index.name}: {error.what}") from None


def _check_together(indexes: list[Index]) -> None:
    names = [index.name for index in indexes]
    pinned = [namespace for index in indexes for namespace in index.namespaces]
    if len(set(names)) != len(names) or len(set(pinned)) != len(pinned):
        raise ValueError("a name or a pinned namespace occurs twice")


def _update(change: Callable[[list[Index]], list[Index]]) -> None:
    path = indexes_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with only_writer(path.with_suffix(".lock")):
            document = _document(change(load_indexes(path)))
            check(document, "indexes", "the list of indexes")
            publish_file(canonical(document) + b"\n", path.parent, path)
    except OSError as error:
        raise Problem(f"The list of indexes can not be written: {error.strerror}.", where=str(path)) from error


def _document(indexes: list[Index]) -> dict[str, Any]:
    fields = ("name", "url", "root", "namespaces", "insecure_http", "added")
    listed = [{field: getattr(index, field) for field in fields} for index in indexes]
    return {"format": FORMAT, "indexes": json.loads(json.dumps(listed))}
