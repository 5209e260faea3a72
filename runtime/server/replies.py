"""What goes back over the wire: JSON in plain ASCII, and events.

Every character beyond ASCII, and every control character, is escaped: a terminal that prints a reply shows what an
answer contains and obeys none of it; a browser is told that it is not a page.
"""

import json
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

_HEADERS = {"x-content-type-options": "nosniff", "cache-control": "no-store"}


def reply(body: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(encode(body), status, {**_HEADERS, **(headers or {})}, "application/json")


def event_headers(headers: Mapping[str, str]) -> dict[str, str]:
    return {**_HEADERS, "x-accel-buffering": "no", **headers}


def event(body: Any) -> bytes:
    """One server-sent event."""
    return b"data: " + encode(body) + b"\n\n"


DONE = b"data: [DONE]\n\n"


def encode(body: Any) -> bytes:
    return (
        json.dumps(body, ensure_ascii=True, allow_nan=False, separators=(",", ":")).replace("\x7f", "\\u007f").encode()
    )
