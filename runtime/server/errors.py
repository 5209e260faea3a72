"""Every error as the OpenAI API words it: a status code, a type, a code, the parameter at fault.

A class of error has one place in the table below. Whatever is not in it is our own fault: status 500, logged in full,
told in one sentence.
"""

import logging
from typing import Any

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from runtime.artifact.refusals import BadJson
from runtime.engine.errors import AdapterRefused, ChatRefused, GrammarRefused, MixtureRefused, RequestRefused
from runtime.errors import Mistake, Problem
from runtime.server.replies import reply
from runtime.service.errors import ContextTooLong, LoadRefused, NoSuchModel, Overloaded, Stopped

_log = logging.getLogger(__name__)


class BadRequest(Mistake):
    """A body or a parameter that cannot be served as it is; `parameter` names it."""

    def __init__(self, what: str, parameter: str | None = None, *, hint: str = "") -> None:
        super().__init__(what, hint=hint)
        self.parameter = parameter


class BodyTooLarge(Mistake):
    """More bytes than the server reads."""


class NotJson(Mistake):
    """A body that is declared as something else than JSON."""


class NoKey(Mistake):
    """A missing or wrong API key."""


class TimedOut(Problem):
    """A request that took longer than the server allows."""


class ClientGone(Problem):
    """Nobody is there to hear the answer."""


_INVALID, _SERVER = "invalid_request_error", "server_error"

# class -> status, type, code
KINDS: dict[type, tuple[int, str, str | None]] = {
    BadRequest: (400, _INVALID, None),
    BadJson: (400, _INVALID, "invalid_json"),
    RequestRefused: (400, _INVALID, None),
    ChatRefused: (400, _INVALID, None),
    GrammarRefused: (400, _INVALID, "invalid_grammar"),
    MixtureRefused: (400, _INVALID, "invalid_mixture"),
    ContextTooLong: (400, _INVALID, "context_length_exceeded"),
    NoKey: (401, _INVALID, "invalid_api_key"),
    NoSuchModel: (404, _INVALID, "model_not_found"),
    AdapterRefused: (404, _INVALID, "model_not_found"),  # unloaded between being chosen and being run
    LoadRefused: (503, _SERVER, "expert_unavailable"),  # its weights had to make room and do not come back
    BodyTooLarge: (413, _INVALID, "body_too_large"),
    NotJson: (415, _INVALID, "unsupported_media_type"),
    ClientGone: (499, _INVALID, "client_gone"),
    Overloaded: (429, "rate_limit_error", "overloaded"),
    Stopped: (503, _SERVER, "engine_stopped"),
    TimedOut: (504, _SERVER, "timeout"),
}


def describe(error: Exception) -> tuple[int, dict[str, Any]]:
    """Status and body of an error; one that is our own fault is logged."""
    status, type_, code = _kind(error)
    if status == 500:
        _log.error("a request failed", exc_info=error)
    what = str(error) if isinstance(error, Problem) else "Something in the server failed; its log says what."
    return status, _body(what, type_, code, getattr(error, "parameter", None))


def status_of(error: Exception) -> int:
    return _kind(error)[0]


def _kind(error: Exception) -> tuple[int, str, str | None]:
    return next((KINDS[kind] for kind in type(error).__mro__ if kind in KINDS), (500, _SERVER, None))


def install(app: FastAPI) -> None:
    """Let an application answer with these."""

    async def told(_request: Request, error: Exception) -> Response:
        status, body = describe(error)
        headers = {"retry-after": "1"} if status in (429, 503) else {}
        if status == 401:
            headers["www-authenticate"] = "Bearer"
        return reply(body, status=status, headers=headers)

    async def http(_request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return reply(_body(f"{error.detail}.", _INVALID, None, None), status=error.status_code, headers=error.headers)

    app.add_exception_handler(Problem, told)
    app.add_exception_handler(Exception, told)
    app.add_exception_handler(HTTPException, http)


def _body(message: str, type_: str, code: str | None, parameter: str | None) -> dict[str, Any]:
    return {"error": {"message": message, "type": type_, "param": parameter, "code": code}}
