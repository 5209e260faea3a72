"""One endpoint on the network: one request, one answer, or the reason why there is none.

Bounded in every way: the time for a whole answer (a server that sends a byte a second does not live for ever), its
bytes, redirects (none is followed: a key goes where the recipe says). No key ever stands in a sentence or an answer.
"""

import asyncio
import json
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from expertbuild.data.synthesis.errors import EndpointProblem, Unanswered
from expertbuild.data.synthesis.protocols import PROTOCOLS, Said
from expertbuild.data.synthesis.spec import Calls
from runtime.artifact.shown import shown

MOST_BYTES = 8 * 1024 * 1024
LONGEST_QUIET = 300.0  # seconds: a longer Retry-After is a day's limit, which waiting does not mend
_AGAIN = (408, 409, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529)
_REFUSED = (400, 413, 422)  # this request will not be answered; others may


class Refused(Exception):
    """The endpoint will not answer this request, and says so."""


class Endpoint:
    """Opens connections when entered, closes them when left."""

    def __init__(self, protocol: str, calls: Calls, key: str) -> None:
        self._protocol, self._calls, self._key = PROTOCOLS[protocol], calls, key
        self._url = calls.base_url + self._protocol.path

    async def __aenter__(self) -> "Endpoint":
        httpx = _httpx()
        n, seconds = self._calls.concurrency, self._calls.timeout
        self._client: Any = httpx.AsyncClient(
            headers={"User-Agent": "expertbuild", "Accept-Encoding": "identity", **self._protocol.headers(self._key)},
            timeout=httpx.Timeout(seconds, pool=None),
            limits=httpx.Limits(max_connections=n, max_keepalive_connections=n),
            follow_redirects=False,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def ask(self, request: Mapping[str, Any]) -> Said:
        """The answer, or `Unanswered` (ask again), `Refused` (ask something else), `EndpointProblem` (ask nobody)."""
        httpx = _httpx()
        try:
            async with asyncio.timeout(self._calls.timeout):
                status, headers, body = await self._post(self._protocol.body(request))
        except TimeoutError:
            raise Unanswered(f"no answer within {self._calls.timeout:g} s", charged=True, silent=True) from None
        except httpx.ConnectError as error:
            raise Unanswered(f"no connection: {self._clean(error)}", silent=True) from None
        except httpx.TransportError as error:
            raise Unanswered(
                f"the connection broke: {self._clean(error) or type(error).__name__}", charged=True
            ) from None
        if status != 200:
            self._complain(status, headers, body)
        try:
            said = self._protocol.read(json.loads(body))
        except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
            raise Unanswered("the answer is not of the protocol", charged=True) from None
        self._check_model(said.model, request["model"])
        return Said(self._clean(said.text, most=None), self._clean(said.finish), self._clean(said.model), said.tokens)

    async def _post(self, body: Mapping[str, Any]) -> tuple[int, Mapping[str, str], bytes]:
        async with self._client.stream("POST", self._url, json=body) as answer:
            if answer.headers.get("content-encoding", "identity") != "identity":  # a few bytes could mean gigabytes
                raise Unanswered("the answer is packed, which was not asked for", charged=True)
            parts, length = [], 0
            async for part in answer.aiter_raw():
                parts.append(part)
                length += len(part)
                if length > MOST_BYTES:
                    raise Unanswered(f"the answer has more than {MOST_BYTES:,} bytes", charged=True)
            return answer.status_code, answer.headers, b"".join(parts)

    def _complain(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        told = self._told(body)
        where = self._url
        if status in _AGAIN:
            wait = _seconds(headers.get("retry-after"))
            if "insufficient_quota" in told or (wait is not None and wait > LONGEST_QUIET):
                raise EndpointProblem(
                    f"asks to stop: {told}", where=where, hint="What was answered is kept; run it again later."
                )
            raise Unanswered(f"status {status}", wait=wait)
        if status in _REFUSED:
            raise Refused(told)
        hints = {
            401: "Is the key the right one?",
            403: "May this key use this model?",
            404: "Is the model's name right, and the address?",
        }
        redirect = {"hint": "Name the address it leads to."} if 300 <= status < 400 else {"hint": hints.get(status, "")}
        raise EndpointProblem(f"answers with status {status}: {told}", where=where, **redirect)

    def _told(self, body: bytes) -> str:
        """What an endpoint says of a failure, as one line without any key."""
        try:
            error = json.loads(body)["error"]
            text = error if isinstance(error, str) else f"{error.get('message', '')} {error.get('code') or ''}"
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            text = body[:300].decode("utf-8", "replace")
        return self._clean(text).strip() or "it does not say why"

    def _check_model(self, served: str, asked: str) -> None:
        expected = self._calls.answers_as or asked
        if served and not served.startswith(expected):
            raise EndpointProblem(
                f'answers as "{shown(served, 80)}", not as "{expected}".',
                where=self._url,
                hint="If that is the model you mean, say so: calls.answers_as.",
            )

    def _clean(self, text: object, most: int | None = 300) -> str:
        plain = str(text).encode("utf-8", "replace").decode()
        plain = plain.replace(self._key, "***") if self._key else plain
        return plain if most is None else shown(plain, most)


def _seconds(text: str | None) -> float | None:
    """Retry-After in seconds; a date is as good as nothing."""
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if 0 <= value < 1e9 else None


def _httpx() -> Any:
    try:
        import httpx
    except ImportError:
        raise EndpointProblem(
            "asking a language model needs httpx.", hint="pip install 'expertbuild[synthesis]'"
        ) from None
    return httpx
