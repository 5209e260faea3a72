"""What the server counts, in the format of Prometheus. Labels are names of models that exist, never what a client sent."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from runtime.service import Runtime
from runtime.service.answers import Answer

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class Metrics:
    """One server's counters, in a registry of their own."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self, runtime: Runtime) -> None:
        registry = CollectorRegistry()
        self._registry = registry
        self._requests = Counter(
            "expertbuild_requests",
            "Chat requests by who answered and how it ended",
            ["expert", "status"],
            registry=registry,
        )
        self._routed = Counter("expertbuild_routed", "Requests that the router decided", ["expert"], registry=registry)
        self._tokens = Counter("expertbuild_tokens", "Tokens read and written", ["expert", "kind"], registry=registry)
        self._first = Histogram(
            "expertbuild_first_token_seconds", "Time to the first text", buckets=_SECONDS, registry=registry
        )
        self._whole = Histogram(
            "expertbuild_request_seconds", "Time to the whole answer", buckets=_SECONDS, registry=registry
        )
        Gauge("expertbuild_open_requests", "Requests running or waiting", registry=registry).set_function(
            lambda: runtime.open_requests
        )
        Gauge("expertbuild_experts", "Experts that are loaded", registry=registry).set_function(
            lambda: len(runtime.experts)
        )

        speculation = runtime.engine.speculation
        Gauge("expertbuild_tokens_guessed", "Tokens guessed ahead", registry=registry).set_function(
            lambda: speculation.guessed
        )
        Gauge("expertbuild_guesses_right", "Guessed tokens that came true", registry=registry).set_function(
            lambda: speculation.right
        )

    def ended(self, expert: str | None, status: str) -> None:
        """A request is over: `200`, `gone`, or the status code of its error."""
        self._requests.labels(expert or "base", status).inc()

    def answered(self, answer: Answer, seconds: float) -> None:
        name = answer.expert or "base"
        self._tokens.labels(name, "completion").inc(answer.usage.completion_tokens)
        if answer.choice:  # several answers share one prompt and one decision
            return
        self._whole.observe(seconds)
        self._tokens.labels(name, "prompt").inc(answer.usage.prompt_tokens)
        self._tokens.labels(name, "cached").inc(answer.usage.cached_tokens)
        if answer.decision is not None:
            self._routed.labels(name).inc()

    def first_text(self, seconds: float) -> None:
        self._first.observe(seconds)

    def page(self) -> bytes:
        return generate_latest(self._registry)
