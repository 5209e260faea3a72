"""A cache elsewhere, at any fsspec URL: results are read through it and, if asked, written through to it.

It has the layout of the local cache, `results/KEY.json` and `objects/ab/..`. Nothing that it says is
believed: a record must answer exactly its key, an object must hash to its name. What cannot be seen
is a remote whose owner recorded a wrong result for a right key, so use one that you trust as you
trust who may build. Every call here blocks; lane.py keeps it off the build's thread and caps its time.
"""

import re
import shutil
import threading
from collections.abc import Callable
from hashlib import sha256
from typing import IO, Any

from expertbuild.graph.cache import Cache
from expertbuild.graph.disk import fresh_name
from expertbuild.graph.record import Record, read_record
from expertbuild.graph.sensitive import Scrubber
from expertbuild.graph.store import State

Beat = Callable[[int], None]
"""Told the number of bytes whenever some have moved."""
_CHUNK = 1 << 20
_LARGEST_RECORD = 16 << 20
# A file of these appears whole or not at all; elsewhere a new name is written first and then moved.
_ATOMIC = {"memory", "s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "oss", "r2"}


class Away(Exception):
    """The remote cache cannot be reached or used."""


class Lie(Exception):
    """The remote cache gave something other than what was asked for."""


class Remote:
    def __init__(self, url: str, *, push: bool = False, timeout: float = 10.0) -> None:
        self.url = url
        self.push = push
        self.timeout = timeout
        """Seconds without a byte after which the remote counts as away."""
        self.name = Scrubber()(url)
        self._opening = threading.Lock()
        self._opened: tuple[Any, str, bool] | None = None

    def find(self, key: str, beat: Beat) -> Record | None:
        try:
            with self._open(f"results/{key}.json") as file:
                data = _read_some(file, _LARGEST_RECORD + 1, beat)
        except FileNotFoundError as error:
            if _unreachable(error):
                raise self._away(error) from error
            return None
        except Exception as error:
            raise self._away(error) from error
        if len(data) > _LARGEST_RECORD:
            raise Lie("its record is too large")
        try:
            return read_record(data, key)
        except ValueError as error:
            raise Lie(str(error)) from None

    def holds(self, record: Record, beat: Beat) -> bool:
        """Are all objects of `record` there with the right size? Downloads nothing."""
        files, root, _ = self._files()
        for entry in record.outputs.values():
            try:
                size = files.info(f"{root}/{_object(entry.sha256)}")["size"]
            except FileNotFoundError:
                return False
            except Exception as error:
                raise self._away(error) from error
            beat(0)
            if size is not None and size != entry.size:
                return False
        return True

    def fetch(self, record: Record, cache: Cache, beat: Beat) -> int:
        """Download the objects of `record` that are not here, each checked; returns the bytes moved."""
        wanted = {
            entry.sha256: entry.size
            for entry in record.outputs.values()
            if cache.store.state(entry.sha256, entry.size) is not State.SOUND
        }
        cache.staging.mkdir(parents=True, exist_ok=True)
        if sum(wanted.values()) > shutil.disk_usage(cache.staging).free:
            raise Lie(f"its result of {sum(wanted.values())} bytes does not fit on this disk")
        for digest, size in wanted.items():
            self._download(digest, size, cache, beat)
        return sum(wanted.values())

    def _download(self, digest: str, size: int, cache: Cache, beat: Beat) -> None:
        staged = cache.staging / fresh_name()
        try:
            with open(staged, "xb") as target:
                try:
                    with self._open(_object(digest)) as file:
                        found = _pour(file, target, size, beat)
                except FileNotFoundError:
                    raise Lie("an object of its result is not there") from None
                except (Lie, _LocalDisk):
                    raise
                except Exception as error:
                    raise self._away(error) from error
            if found != digest:
                raise Lie("an object's bytes are not what its name says")
            cache.store.admit(staged, digest)
        except _LocalDisk as error:
            raise error.cause from None
        finally:
            staged.unlink(missing_ok=True)

    def publish(self, record: Record, cache: Cache, beat: Beat) -> None:
        """Upload a result unless one is there for its key: the first wins there too. The record goes last."""
        files, root, atomic = self._files()
        try:
            if files.exists(f"{root}/results/{record.key}.json"):
                return
            for entry in record.outputs.values():
                place = f"{root}/{_object(entry.sha256)}"
                if not files.exists(place):
                    self._upload(cache.store.path(entry.sha256).open("rb"), place, atomic, beat)
                beat(0)
            staged = cache.results / f"{record.key}.json"
            self._upload(staged.open("rb"), f"{root}/results/{record.key}.json", atomic, beat)
        except Exception as error:
            raise self._away(error) from error

    def _upload(self, source: IO[bytes], place: str, atomic: bool, beat: Beat) -> None:
        files, _, _ = self._files()
        written = place if atomic else f"{place}.{fresh_name('tmp-')}"
        with source:
            if not atomic:
                files.makedirs(place.rpartition("/")[0], exist_ok=True)
            with files.open(written, "wb") as target:
                while chunk := source.read(_CHUNK):
                    target.write(chunk)
                    beat(len(chunk))
        if not atomic:
            files.mv(written, place)

    def _open(self, name: str) -> Any:
        files, root, _ = self._files()
        return files.open(f"{root}/{name}", "rb")

    def _files(self) -> tuple[Any, str, bool]:
        with self._opening:
            if self._opened is None:
                self._opened = self._connect()
            return self._opened

    def _connect(self) -> tuple[Any, str, bool]:
        try:
            from fsspec.core import url_to_fs

            files, root = url_to_fs(self.url, use_listings_cache=False)
        except ImportError as error:
            raise Away(f"a package is missing: {error}") from error
        except Exception as error:
            raise self._away(error) from error
        protocol = files.protocol if isinstance(files.protocol, str) else files.protocol[0]
        return files, root.rstrip("/"), protocol in _ATOMIC

    def _away(self, error: Exception) -> Away:
        if isinstance(error, Away):
            return error
        if isinstance(error, FileNotFoundError) and isinstance(error.__cause__, Exception):
            error = error.__cause__
        first = re.split(r"[\r\n]", str(error).strip(), maxsplit=1)[0]
        return Away(Scrubber()(f"{type(error).__name__}: {first}" if first else type(error).__name__))


def _unreachable(error: FileNotFoundError) -> bool:
    """fsspec's HTTP says "not found" for a server that is down or refuses, too; the cause tells."""
    cause = error.__cause__
    if isinstance(cause, FileNotFoundError):
        return False
    return isinstance(cause, OSError) or getattr(cause, "status", 404) not in (404, 410)


class _LocalDisk(Exception):
    """Our own disk refused while we downloaded; not the remote's fault."""

    def __init__(self, cause: OSError) -> None:
        super().__init__(cause)
        self.cause = cause


def _read_some(source: Any, most: int, beat: Beat) -> bytes:
    """Up to `most` bytes, however few come at a time."""
    data = bytearray()
    while len(data) < most and (chunk := source.read(min(_CHUNK, most - len(data)))):
        data += chunk
        beat(len(chunk))
    return bytes(data)


def _pour(source: Any, target: IO[bytes], size: int, beat: Beat) -> str:
    """Copy exactly `size` bytes and return their digest; more or fewer is a lie."""
    digest, left = sha256(), size
    while chunk := source.read(min(_CHUNK, left + 1)):
        left -= len(chunk)
        if left < 0:
            raise Lie("an object is longer than its record says")
        digest.update(chunk)
        beat(len(chunk))
        try:
            target.write(chunk)
        except OSError as error:
            raise _LocalDisk(error) from error
    if left:
        raise Lie("an object is shorter than its record says")
    return digest.hexdigest()


def _object(digest: str) -> str:
    return f"objects/{digest[:2]}/{digest[2:]}"
