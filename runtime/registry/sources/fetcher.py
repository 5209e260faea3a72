"""How the files of an index come over the wire: plain GET, with a cap on bytes, on time, and on where it may lead.

Made for the updater of python-tuf, which says how many bytes it is ready to take. What the bytes mean is not known
here. Proxies and netrc files are not looked at: an index is reached directly or not at all.
"""

import http.client
import io
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tuf.api.exceptions import DownloadHTTPError
from tuf.ngclient.fetcher import FetcherInterface

from runtime.registry.index import address
from runtime.registry.index.address import Address
from runtime.registry.refusals import AnswerTooSlow, IndexUnreachable, RedirectRefused

_PIECE = 64 * 1024
_MOST_REDIRECTS = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True)
class Patience:
    """How long an answer may take: `idle` seconds without a byte, `seconds` for any answer, and what a file of that
    many bytes needs at `slowest` bytes per second beyond it."""

    idle: float = 15.0
    seconds: float = 30.0
    slowest: float = 32 * 1024


class WebFetcher(FetcherInterface):
    """Fetches from one index; a redirect may lead elsewhere, within the rules of `address`."""

    def __init__(self, url: str, insecure_http: bool = False, patience: Patience | None = None) -> None:
        self._url = url
        self._insecure_http = insecure_http
        self._patience = patience or Patience()
        self._most = 0

    @contextmanager
    def download_file(self, url: str, max_length: int) -> Iterator[IO[bytes]]:
        self._most = max_length
        with super().download_file(url, max_length) as file:
            yield file

    def _fetch(self, url: str) -> Iterator[bytes]:
        deadline = time.monotonic() + self._patience.seconds + self._most / self._patience.slowest
        try:
            yield from self._pieces(url, deadline)
        except TimeoutError:
            raise AnswerTooSlow("The answer takes too long.", where=url) from None
        except ssl.SSLError as error:
            raise IndexUnreachable(f"No safe connection can be made: {error.reason or error}.", where=url) from None
        except OSError as error:
            raise IndexUnreachable(f"The index does not answer: {error.strerror or error}.", where=url) from None
        except http.client.HTTPException as error:
            raise IndexUnreachable(f"The answer is not HTTP: {type(error).__name__}.", where=url) from None

    def _pieces(self, url: str, deadline: float) -> Iterator[bytes]:
        here = address.parse(url)
        assert here is not None  # made of the index's own, which was checked
        numeric = address.resolve(here)
        home = frozenset(map(address.kind, numeric))
        for _ in range(_MOST_REDIRECTS + 1):
            connection, answer = self._ask(here, numeric, deadline)
            try:
                if answer.status in _REDIRECTS:
                    here, numeric = address.follow(here, answer.headers.get("Location", ""), home, self._insecure_http)
                    continue
                if answer.status != 200:
                    raise DownloadHTTPError(f"the server answers {answer.status}", answer.status)
                while piece := answer.read1(_PIECE):
                    yield piece
                if answer.length:
                    raise IndexUnreachable(f"The answer breaks off {answer.length:,} bytes before its end.", where=url)
                return
            finally:
                connection.close()
        raise RedirectRefused(f"An answer redirects more than {_MOST_REDIRECTS} times.", where=url)

    def _ask(self, to: Address, numeric: list[str], deadline: float) -> tuple[http.client.HTTPConnection, Any]:
        connection: http.client.HTTPConnection
        if to.scheme == "https":
            connection = http.client.HTTPSConnection(to.host, to.port)
        else:
            connection = http.client.HTTPConnection(to.host, to.port)
        try:
            connection.sock = self._connect(to, numeric, deadline)
            connection.response_class = _timed(deadline, self._patience.idle)
            headers = {"User-Agent": "expertbuild", "Accept-Encoding": "identity", "Connection": "close"}
            connection.request("GET", to.path, headers=headers)
            return connection, connection.getresponse()
        except BaseException:
            connection.close()
            raise

    def _connect(self, to: Address, numeric: list[str], deadline: float) -> socket.socket:
        """A connection to one of the addresses that were judged, and to no other that the name may lead to now."""
        failed: OSError | None = None
        for each in numeric:
            try:
                plain = socket.create_connection((each, to.port), timeout=_left(deadline, self._patience.idle))
                if to.scheme == "http":
                    return plain
                return ssl.create_default_context().wrap_socket(plain, server_hostname=to.host)
            except OSError as error:
                failed = error
        raise failed or OSError("no address")


class FolderFetcher(FetcherInterface):
    """Fetches from an index in a folder of this machine."""

    def _fetch(self, url: str) -> Iterator[bytes]:
        try:
            with open(Path(url), "rb") as file:
                while piece := file.read(_PIECE):
                    yield piece
        except FileNotFoundError:
            raise DownloadHTTPError("there is no such file", 404) from None
        except OSError as error:
            raise IndexUnreachable(f"The index can not be read: {error.strerror}.", where=url) from None


class KeptFetcher(FetcherInterface):
    """Fetches nothing: answers with the lists that were kept from the last time, to be judged once more."""

    def __init__(self, kept: Path) -> None:
        self._kept = kept

    def _fetch(self, url: str) -> Iterator[bytes]:
        name = url.rpartition("/")[2].lstrip("0123456789.")
        if name == "root.json":
            raise DownloadHTTPError("no newer root is kept", 404)
        try:
            yield (self._kept / name).read_bytes()
        except OSError:
            raise IndexUnreachable("That part of the index was never fetched.", where=url) from None


def _timed(deadline: float, idle: float) -> type[http.client.HTTPResponse]:
    """A response whose every read, of its headers too, ends at the deadline."""

    class Timed(http.client.HTTPResponse):
        def __init__(self, sock: socket.socket, *rest: Any, **more: Any) -> None:
            super().__init__(sock, *rest, **more)
            self.fp = io.BufferedReader(_Reader(sock, self.fp, deadline, idle))

    return Timed


class _Reader(io.RawIOBase):
    """Reads from a socket; `under` is what keeps it open until this is closed."""

    def __init__(self, sock: socket.socket, under: IO[bytes], deadline: float, idle: float) -> None:
        self._sock, self._under, self._deadline, self._idle = sock, under, deadline, idle

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._sock.settimeout(_left(self._deadline, self._idle))
        return self._sock.recv_into(buffer)

    def close(self) -> None:
        self._under.close()
        super().close()


def _left(deadline: float, idle: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return min(left, idle)
