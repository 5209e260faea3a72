"""The lists of an index, as a client holds them: signed, fresh, and not older than the last ones.

The work is done by the updater of python-tuf; here are the files it keeps, the sentences for what it finds wrong, and
what may be answered without it. Kept in `indexes/` beside the store, not in the cache: the lists seen last are what a
rollback is noticed by. An index that can not be reached answers from what is kept as long as that has not expired.
"""

import hashlib
import json
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.artifact.strict_json import canonical
from runtime.errors import Problem
from runtime.home import data_home
from runtime.registry.disk import only_writer
from runtime.registry.index import documents
from runtime.registry.index.settings import Index
from runtime.registry.refusals import (
    AnswerTooLong,
    IndexBroken,
    IndexExpired,
    IndexForged,
    IndexMixed,
    IndexOlder,
    IndexUnreachable,
)

if TYPE_CHECKING:
    from tuf.api.metadata import TargetFile
    from tuf.ngclient import Updater
    from tuf.ngclient.fetcher import FetcherInterface

    from runtime.registry.sources.fetcher import Patience

_LISTS = ("root.json", "timestamp.json", "snapshot.json", "targets.json")


@dataclass(frozen=True)
class State:
    """What is kept of an index: when it was looked at, until when it counts, and the digest of its search document."""

    at: float
    until: float
    search: str


class Lists:
    """The lists of one index; they are looked at once in the life of this object."""

    def __init__(self, index: Index, patience: "Patience | None" = None) -> None:
        self._index, self._patience = index, patience
        self._folder = kept_in(index)
        self._updater: Updater | None = None
        self.note = ""  # what a person should know about the answers, such as that they are kept ones

    @property
    def title(self) -> str:
        return f"index {self._index.name}"

    def refresh(self) -> State:
        """Look at the index and prove that its lists are fresh."""
        if self._updater is None or self.state() is None:
            with self.blamed():
                self._updater = self._connected()
                try:
                    self._keep_state()
                except BaseException:
                    self._updater = None
                    raise
        state = self.state()
        assert state is not None
        return state

    def state(self) -> State | None:
        """What is known without asking anybody."""
        try:
            return State(**json.loads((self._folder / "state.json").read_bytes()))
        except (OSError, ValueError, TypeError):
            return None

    def search_document(self) -> bytes:
        """The document to search in, as it was checked when it was fetched; nothing is asked of anybody."""
        state = self.state()
        if state is None or not state.search:
            return b'{"experts":[]}'
        try:
            data = (self._folder / "documents" / state.search).read_bytes()
        except OSError:
            data = b""
        if hashlib.sha256(data).hexdigest() != state.search:
            (self._folder / "state.json").unlink(missing_ok=True)
            raise IndexBroken("What is kept of the index was changed.", where=str(self._folder), hint="Try again.")
        return data

    def document(self, path: str, cap: int) -> bytes | None:
        """A document of the index, proved by its lists; None if it has none of this name."""
        info = self._info(path)
        if info is None or self._updater is None:
            return None
        if info.length > cap:
            raise AnswerTooLong(f"{path} is said to have {info.length:,} bytes; at most {cap:,} are read.")
        kept = self._folder / "documents" / info.hashes["sha256"]
        if self._updater.find_cached_target(info, str(kept)) is None:
            self._download(info, kept)
        data = kept.read_bytes()
        info.verify_length_and_hashes(data)
        return data

    def fetch(self, path: str, size: int, place: Path) -> bool:
        """Write a file of the index to `place`, proved by its lists; False if it has none of this name and size."""
        info = self._info(path)
        if info is None or info.length != size:
            return False
        self._download(info, place)
        return True

    @contextmanager
    def blamed(self) -> Iterator[None]:
        """Every fault inside is told as one of this index."""
        try:
            yield
        except Problem as problem:
            if self.title not in problem.where:
                problem.where = f"{self.title}: {problem.where}" if problem.where else self.title
            raise
        except Exception as error:
            told = _told(error)
            if told is None:
                raise
            told.where = f"{self.title} ({self._index.url})"
            raise told from None

    def _info(self, path: str) -> "TargetFile | None":
        if self._updater is None:
            self.refresh()
        assert self._updater is not None
        return self._updater.get_targetinfo(path)

    def _connected(self) -> "Updater":
        """An updater with fresh lists, or with kept ones that still count when the index can not be reached."""
        from runtime.registry.sources.fetcher import FolderFetcher, KeptFetcher, WebFetcher

        lists, url = self._folder / "lists", self._index.url
        lists.mkdir(parents=True, exist_ok=True)
        web: FetcherInterface = WebFetcher(url, self._index.insecure_http, self._patience)
        fetcher = FolderFetcher() if url.startswith("/") else web
        with only_writer(self._folder / "lock"):
            try:
                updater = self._new_updater(fetcher)
                updater.refresh()
            except Exception as error:
                unreachable = error if isinstance(error, Problem) else _told(error)
                if not isinstance(unreachable, IndexUnreachable) or self.state() is None:
                    raise
                updater = self._from_kept(KeptFetcher(lists), unreachable)
        return updater

    def _from_kept(self, fetcher: "FetcherInterface", unreachable: IndexUnreachable) -> "Updater":
        updater = self._new_updater(fetcher)
        try:
            updater.refresh()
        except Exception as error:
            told = error if isinstance(error, Problem) else _told(error)
            why = "has expired" if isinstance(told, IndexExpired) else "is not whole"
            unreachable.hint = f"What is kept of it {why}."
            raise unreachable from None
        self.note = f"{self.title} can not be reached; this is what was seen of it last. ({unreachable.what})"
        return updater

    def _new_updater(self, fetcher: "FetcherInterface") -> "Updater":
        from tuf.ngclient import Updater, UpdaterConfig

        return Updater(
            str(self._folder / "lists"),
            _below(self._index.url, "metadata"),
            target_base_url=_below(self._index.url, "targets"),
            fetcher=fetcher,
            config=UpdaterConfig(max_delegations=0, max_root_rotations=64, targets_max_length=32_000_000),
            bootstrap=self._index.root_bytes,
        )

    def _keep_state(self) -> None:
        """Note what was proved; the lists lie where the updater has put them, each checked."""
        signed = [json.loads((self._folder / "lists" / name).read_bytes())["signed"] for name in _LISTS]
        until = min(datetime.fromisoformat(each["expires"]).timestamp() for each in signed)
        known = signed[-1]["targets"].get(documents.SEARCH)
        before = self.state()
        if known is None:
            search = ""
        elif before and before.search == known["hashes"]["sha256"]:
            search = before.search
        else:
            data = self.document(documents.SEARCH, documents.SEARCH_CAP) or b""
            documents.read_search(data)  # once, when it is new; from then on by its digest
            search = hashlib.sha256(data).hexdigest()
        seen = before.at if self.note and before else time.time()
        document = {"at": seen, "until": until, "search": search}
        _write(self._folder / "state.json", canonical(document))

    def _download(self, info: "TargetFile", place: Path) -> None:
        assert self._updater is not None
        place.parent.mkdir(parents=True, exist_ok=True)
        partial_file = place.with_name(f".{secrets.token_hex(8)}")
        try:
            self._updater.download_target(info, str(partial_file))
            os.replace(partial_file, place)
        finally:
            partial_file.unlink(missing_ok=True)


def kept_in(index: Index) -> Path:
    """Where what was seen of an index is kept: another address or another root is another index."""
    digest = hashlib.sha256(index.url.encode() + b"\0" + index.root_bytes).hexdigest()
    return data_home() / "indexes" / f"{index.name}-{digest[:16]}"


def _told(error: Exception) -> Problem | None:
    """What the updater found wrong, in our words; None for what it does not say."""
    from tuf.api import exceptions as tuf

    match error:
        case tuf.ExpiredMetadataError():
            return IndexExpired(
                f"Nobody has vouched for this index lately: {error}.",
                hint="Its publisher renews it with: expertbuild publish --refresh. Until then it may be an old one, held back.",
            )
        case tuf.BadVersionNumberError():
            return IndexOlder(f"The index is older than the one that was seen last: {error}.")
        case tuf.LengthOrHashMismatchError():
            return IndexMixed(f"The parts of the index do not belong together: {error}.")
        case tuf.DownloadLengthMismatchError():
            return AnswerTooLong(f"An answer is longer than it may be: {error}.")
        case tuf.DownloadHTTPError():
            return IndexUnreachable(f"There is no index: {error}.")
        case tuf.DownloadError():
            return IndexUnreachable(f"The index can not be fetched: {error}.")
        case tuf.RepositoryError():
            return IndexForged(f"The index is not signed as it must be: {error}.")
        case OSError():
            return Problem(f"What is fetched of the index can not be kept: {error.strerror}.")
    return None


def _below(url: str, folder: str) -> str:
    return f"{url}{folder}/" if url.endswith("/") else f"{url}/{folder}/"


def _write(path: Path, data: bytes) -> None:
    partial_file = path.with_name(f".{secrets.token_hex(8)}")
    partial_file.write_bytes(data)
    os.replace(partial_file, path)
