"""The runtime: one base in memory, experts on it, and answers, with or without waiting.

Every way to ask is the same request behind another queue: `generate` and `stream` for plain code, `generate_async` and
`stream_async` for an event loop. How bytes become tokens is the engine's, who may be installed the registry's business.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import Any, Self

from runtime.artifact.manifest import Decoding
from runtime.artifact.slots import DTYPES
from runtime.engine.engine import Engine
from runtime.registry.installed import Installed
from runtime.registry.store import Store
from runtime.router.router import Decision, Router
from runtime.service.answers import AUTO, Answer, Ask, Messages, Piece
from runtime.service.asking import Prepared, request_of, texts_to_route
from runtime.service.bases import Base, find_base
from runtime.service.driver import Driver
from runtime.service.errors import ContextTooLong, LoadRefused, NoSuchModel, Stopped
from runtime.service.grammars import SchemaGrammars
from runtime.service.listening import listen, listen_async
from runtime.service.loading import Ready, check_trust, load
from runtime.service.session import Session


class Runtime:
    """One base and the experts that are loaded on it. May be used from several threads."""

    def __init__(
        self,
        base: str | Path | Base = "nano",
        experts: Iterable[str | Path] | None = None,
        store: Store | None = None,
        *,
        device: str = "auto",
        dtype: str = "auto",
        weights: str = "auto",
        cache_tokens: int = 16384,
        max_batch: int = 32,
        queue: int = 256,
        max_tokens: int = 512,
        unsigned: bool = False,
        threshold: float = 0.5,
        encoder: str = "hashed",
    ) -> None:
        """`base`: a name in conf/base, `path:DIRECTORY`, or a directory. `experts`: names of installed experts or
        `.expert` files; None: all that are installed for this base.

        `weights`: how the base is held, `auto`, `bf16`, `int8` or `int4`. `queue`: requests that may wait beyond `max_batch`. `unsigned`: load packages that nobody signed. `threshold`
        and `encoder` are the router's. Experts that are named and cannot be loaded raise; of all others `refused` says why.
        """
        found = base if isinstance(base, Base) else find_base(base)
        self.base = found.name
        self.store = store or Store()
        self.refused: dict[str, LoadRefused] = {}
        self._unsigned = unsigned
        self._base_decoding = Decoding(max_tokens=max_tokens)
        self._router = Router(encoder=encoder, threshold=threshold)
        self._ready: dict[str, Ready] = {}
        self._lock = RLock()
        engine = Engine.load(
            found.directory,
            device=_device(device),
            dtype=None if dtype == "auto" else DTYPES[dtype],
            weights=weights,
            cache_tokens=cache_tokens,
            max_batch=max_batch,
        )
        found.expect(engine.base_digest, engine.tokenizer_digest)
        self.engine = engine
        self._driver = Driver(engine, most=max_batch + queue)
        self._schemas = SchemaGrammars(engine)
        try:
            self.attach_experts(experts)
        except BaseException:
            self.close()
            raise

    # Experts

    def attach_experts(self, experts: Iterable[str | Path] | None = None) -> list[str]:
        """Load experts; the names of those that are ready now. None: all that are installed for this base.

        A file is installed first, under the trust file's rules. One that is loaded already in the same version stays.
        """
        if experts is None:
            return [installed.name for installed in self._latest() if self._attach_or_note(installed)]
        return [self._attach(self._installed(expert)).name for expert in experts]

    def release(self, expert: str) -> None:
        """Unload an expert. Requests that it is answering are finished."""
        with self._lock:
            ready = self._ready.pop(self._loaded(expert))
            self._router.remove(ready.name)
        self._driver.call(lambda engine: engine.detach(ready.adapter))

    @property
    def experts(self) -> dict[str, Ready]:
        """The loaded experts by name."""
        with self._lock:
            return dict(self._ready)

    @property
    def models(self) -> list[str]:
        """What a request may name: `auto`, the base, and each loaded expert."""
        return [AUTO, self.base, *self.experts]

    # Asking

    def route(self, messages: str | Messages) -> Decision:
        """Who would answer this, and why."""
        texts = [messages] if isinstance(messages, str) else texts_to_route(messages)
        decision = Decision(None, 1.0, {}, ("there is nothing to route by",))
        for number, text in enumerate(texts):
            decision = self._router.decide(text)
            if decision.expert:
                why = ("decided by the conversation so far",) if number else ()
                return Decision(decision.expert, decision.probability, decision.scores, (*decision.reasons, *why))
        return decision

    def prepare(self, ask: Ask) -> Prepared:
        """Choose who answers and make the engine's request. Nothing is queued yet."""
        decision = self.route(ask.messages) if ask.expert == AUTO else None
        with self._lock:
            name = decision.expert if decision else self._expert(ask.expert)
            ready = self._ready.get(name) if name else None
        decoding = ready.decoding if ready else self._base_decoding
        grammar = self._schemas.compiled(ask.schema) if ask.schema is not None else ready.grammar if ready else None
        request = request_of(
            ask,
            decoding,
            self.engine.tokenizer,
            adapter=ready.adapter if ready else None,
            grammar=grammar,
            id=uuid.uuid4().hex,
        )
        limit = self.engine.longest(request.rope)
        if len(request.tokens) >= limit:
            raise ContextTooLong(f"The conversation has {len(request.tokens)} tokens; this server takes {limit - 1}.")
        return Prepared(request, ready.name if ready else None, decision)

    def generate(self, prompt: str | Messages | Ask, **options: Any) -> Answer:
        """The whole answer. `options` are the fields of `Ask`."""
        for piece in self.stream(prompt, **options):
            if piece.answer:
                return piece.answer
        raise Stopped("The answer has no end.")

    def stream(self, prompt: str | Messages | Ask, **options: Any) -> Iterator[Piece]:
        """The answer in pieces, the last of which brings the whole. Stopping the iteration gives the rest up."""
        return listen(self._driver, self.prepare(Ask.of(prompt, **options)))

    async def generate_async(self, prompt: str | Messages | Ask, **options: Any) -> Answer:
        """As `generate`, for an event loop; cancelling the task gives the answer up."""
        async for piece in self.stream_async(prompt, **options):
            if piece.answer:
                return piece.answer
        raise Stopped("The answer has no end.")

    async def stream_async(self, prompt: str | Messages | Ask, **options: Any) -> AsyncIterator[Piece]:
        """As `stream`, for an event loop."""
        prepared = await asyncio.to_thread(self.prepare, Ask.of(prompt, **options))
        async for piece in self.run(prepared):
            yield piece

    def run(self, prepared: Prepared) -> AsyncIterator[Piece]:
        """The pieces of a prepared request, for an event loop."""
        return listen_async(self._driver, prepared)

    def session(self, expert: str = AUTO, **options: Any) -> Session:
        """A conversation that remembers what was said."""
        return Session(self, expert, options)

    # State

    @property
    def open_requests(self) -> int:
        """Requests that are running or waiting."""
        return self._driver.open

    @property
    def failure(self) -> str | None:
        """Why the engine has stopped, if it has."""
        return self._driver.failure

    def close(self) -> None:
        """Stop the engine; open requests are told."""
        self._driver.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _attach(self, installed: Installed) -> Ready:
        with self._lock:
            before = self._ready.get(installed.name)
            if before and before.installed.id == installed.id:
                self._check_trust_again(installed)
                return before
            ready = load(installed, self._driver, self.base, unsigned=self._unsigned)
            if before:
                self._router.remove(before.name)
            self._router.add(ready.profile)
            self._ready[installed.name] = ready
            if before:
                self._driver.call(lambda engine: engine.detach(before.adapter))
            self.refused.pop(installed.name, None)
            return ready

    def _check_trust_again(self, installed: Installed) -> None:
        """What was loaded before its key was revoked does not stay."""
        try:
            check_trust(installed, unsigned=self._unsigned)
        except LoadRefused:
            self.release(installed.name)
            raise

    def _attach_or_note(self, installed: Installed) -> bool:
        try:
            self._attach(installed)
        except LoadRefused as refusal:
            self.refused[installed.name] = refusal
            return False
        return True

    def _latest(self) -> list[Installed]:
        """The newest version of every expert that is installed."""
        return [self.store.find(name) for name in sorted({installed.name for installed in self.store.list()})]

    def _installed(self, expert: str | Path) -> Installed:
        if isinstance(expert, Path) or expert.endswith(".expert"):
            return self.store.install(Path(expert), allow_unsigned=self._unsigned)
        return self.store.find(expert)

    def _expert(self, model: str) -> str | None:
        """The expert that a model name means; None for the base."""
        return None if model == self.base else self._loaded(model)

    def _loaded(self, model: str) -> str:
        if model in self._ready:
            return model
        short = [name for name in self._ready if name.partition("/")[2] == model]
        if len(short) == 1:
            return short[0]
        if short:
            raise NoSuchModel(f"Several experts are called {model}.", hint=f"Say which: {', '.join(short)}.")
        refusal = next((r for name, r in self.refused.items() if model in (name, name.partition("/")[2])), None)
        if refusal:
            raise NoSuchModel(str(refusal))
        raise NoSuchModel(f"There is no model {model!r}.", hint=f"There are: {', '.join(self.models)}.")


def _device(device: str) -> str:
    if device != "auto":
        return device
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
