"""Who may ask, and how much may be sent: the API key, the size of a body, the time to send it."""

import asyncio
import hmac
import os
from collections.abc import Mapping
from typing import Any

from starlette.requests import ClientDisconnect, Request

from runtime.artifact.strict_json import read
from runtime.server.errors import BadRequest, BodyTooLarge, ClientGone, NoKey, NotJson

KEY_VARIABLE = "EXPERTBUILD_API_KEY"
_SLOWEST_BODY = 30.0  # seconds
_DEPTH = 80  # a JSON Schema of the deepest kind that grammars take, and what stands around it


def key_from_environment() -> str | None:
    """The key that clients must send. It is read here and nowhere logged."""
    return os.environ.get(KEY_VARIABLE) or None


def check_key(headers: Mapping[str, str], key: str | None) -> None:
    """Refuse a request without the key, taking as long for a nearly right one as for a wrong one."""
    if key is None:
        return
    scheme, _, sent = headers.get("authorization", "").partition(" ")
    # Headers are read as Latin-1: encoding them so gives back the bytes that were sent.
    if scheme.lower() != "bearer" or not hmac.compare_digest(sent.strip().encode("latin-1"), key.encode()):
        raise NoKey("The API key is missing or wrong.", hint="Send it as: Authorization: Bearer KEY")


async def read_body(request: Request, most: int) -> Any:
    """The JSON of a request, at most `most` bytes of it."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        # Also keeps pages of other origins out: a browser asks before it sends JSON across origins.
        raise NotJson("The body must be JSON.", hint="Send the header Content-Type: application/json")
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > most:
        raise _too_large(most)
    body = bytearray()
    try:
        async with asyncio.timeout(_SLOWEST_BODY):
            async for piece in request.stream():
                body += piece
                if len(body) > most:
                    raise _too_large(most)
    except ClientDisconnect:
        raise ClientGone("The client hung up before all of its request was there.") from None
    except TimeoutError:
        raise BadRequest(f"The body did not arrive within {_SLOWEST_BODY:.0f} seconds.") from None
    return read(bytes(body), "The body", cap=most, depth=_DEPTH)


def _too_large(most: int) -> BodyTooLarge:
    return BodyTooLarge(f"The body has more than {most:,} bytes.")
