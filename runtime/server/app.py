"""The application: five addresses, each a few lines.

POST /v1/chat/completions   one answer, whole or in pieces
GET  /v1/models             `auto`, the base, every loaded expert
GET  /v1/models/NAME        one of them
GET  /health                whether the engine runs, and which experts were refused and why
GET  /metrics               for Prometheus
"""

import asyncio
from contextlib import aclosing
from dataclasses import dataclass

from fastapi import FastAPI, Request
from starlette.responses import Response, StreamingResponse

from runtime.artifact.shown import shown
from runtime.server import answering, errors, protocol, shapes
from runtime.server.access import check_key, read_body
from runtime.server.errors import status_of
from runtime.server.metrics import Metrics
from runtime.server.replies import event_headers, reply
from runtime.service import NoSuchModel, Runtime
from runtime.service.asking import Prepared


@dataclass(frozen=True)
class Limits:
    """What one request may cost."""

    body_bytes: int = 1_000_000
    timeout: float = 120.0  # seconds for a whole answer


def create_app(runtime: Runtime, *, limits: Limits | None = None, key: str | None = None) -> FastAPI:
    """The HTTP face of a runtime. With a `key`, every address but /health asks for it."""
    bounds = limits or Limits()
    metrics = Metrics(runtime)
    app = FastAPI(title="expertbuild", docs_url=None, redoc_url=None, openapi_url=None)
    errors.install(app)

    @app.post("/v1/chat/completions")
    async def chat(request: Request) -> Response:
        check_key(request.headers, key)
        expert = None
        try:
            wanted = protocol.read_request(await read_body(request, bounds.body_bytes))
            prepared = await asyncio.to_thread(runtime.prepare, wanted.ask())
            expert = prepared.expert
            return await _answer(request, runtime, wanted, prepared, metrics, bounds)
        except Exception as error:
            metrics.ended(expert, str(status_of(error)))
            raise

    @app.get("/v1/models")
    async def list_models(request: Request) -> Response:
        check_key(request.headers, key)
        return reply(shapes.models(runtime.models, _owners(runtime)))

    @app.get("/v1/models/{name:path}")
    async def one_model(request: Request, name: str) -> Response:
        check_key(request.headers, key)
        if name not in runtime.models:
            raise NoSuchModel(f"There is no model {name[:100]!r}.")
        return reply(shapes.model(name, _owners(runtime).get(name, "expertbuild")))

    @app.get("/health")
    async def health() -> Response:
        body = {
            "status": "failed" if runtime.failure else "ok",
            "base": runtime.base,
            "experts": sorted(runtime.experts),
            "refused": {name: str(refusal) for name, refusal in runtime.refused.items()},
            "open_requests": runtime.open_requests,
        }
        return reply(body, status=503 if runtime.failure else 200)

    @app.get("/metrics")
    async def counted(request: Request) -> Response:
        check_key(request.headers, key)
        return Response(metrics.page(), media_type=metrics.content_type)

    return app


async def _answer(
    request: Request,
    runtime: Runtime,
    wanted: protocol.ChatRequest,
    prepared: Prepared,
    metrics: Metrics,
    bounds: Limits,
) -> Response:
    model = prepared.expert or runtime.base
    spell = runtime.engine.tokenizer.token_bytes
    headers = {"x-expert": model, "x-expert-reasons": _reasons(prepared)}
    stream = answering.pieces(runtime, prepared, metrics, bounds.timeout)
    if wanted.stream:
        try:
            first = await answering.until_gone(request, anext(stream))
        except BaseException:
            await stream.aclose()
            raise
        told = answering.events(first, stream, wanted, prepared, model, metrics, spell)
        return StreamingResponse(told, 200, event_headers(headers), "text/event-stream")
    async with aclosing(stream):
        answers = await answering.until_gone(request, answering.whole(stream))
    metrics.ended(prepared.expert, "200")
    return reply(shapes.completion(prepared.request.id, model, answers, spell), headers=headers)


def _reasons(prepared: Prepared) -> str:
    reasons = prepared.decision.reasons if prepared.decision else ("named by the request",)
    return shown("; ".join(reasons), 500).encode("ascii", "backslashreplace").decode()


def _owners(runtime: Runtime) -> dict[str, str]:
    return {name: ready.installed.manifest.publisher for name, ready in runtime.experts.items()}
