"""The runtime: one base in memory, experts on it, and answers, with or without waiting.

Every way to ask is the same request behind another queue: `generate` and `stream` for plain code, `generate_async` and
`stream_async` for an event loop. How bytes become tokens is the engine's, who may be installed the registry's business.
"""

import asyncio
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from runtime.artifact.manifest import Decoding
from runtime.artifact.slots import DTYPES
from runtime.engine.engine import Engine
from runtime.engine.second_look import second_look
from runtime.engine.settings import check_known, check_share, check_whole
from runtime.registry.store import Store
from runtime.router.router import Decision, Router
from runtime.service.answers import AUTO, Answer, Ask, Messages, Piece
from runtime.service.asking import Checked, Prepared, check_messages, request_of, texts_to_route, with_system
from runtime.service.bases import Base, find_base
from runtime.service.driver import Driver
from runtime.service.errors import ContextTooLong, LoadRefused, NoSuchModel, Stopped
from runtime.service.grammars import SchemaGrammars
from runtime.service.listening import listen, listen_async
from runtime.service.loading import Ready
from runtime.service.roster import Roster
from runtime.service.session import Session
from runtime.service.watching import Watch


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
        cache_dtype: str = "auto",
        graphs: str = "auto",
        speculate: str = "none",
        run_ahead: str = "auto",
        max_batch: int = 32,
        queue: int = 256,
        max_tokens: int = 512,
        unsigned: bool = False,
        threshold: float = 0.5,
        encoder: str = "hashed",
        adapter_bytes: int | None = None,
        watch: float | None = None,
    ) -> None:
        """`base`: a name in conf/base, `path:DIRECTORY`, or a directory. `experts`: names of installed experts or
        `.expert` files; None: all that are installed for this base.

        `weights`: how the base is held, `auto`, `bf16`, `fp16`, `int8` or `int4`. `queue`: requests that may wait beyond `max_batch`. `unsigned`: load packages that nobody signed. `threshold`
        and `encoder` are the router's. `adapter_bytes`: weights of experts that stay on the device; those used longest ago
        make room and come back when they are asked for. `watch`: look at the store every so many seconds, and serve what
        is installed meanwhile (only where `experts` is None). Experts that are named and cannot be loaded raise; of all
        others `refused` says why.
        """
        check_whole("queue", queue, 0)
        check_whole("max_tokens", max_tokens, 1)
        check_share("threshold", threshold)
        check_known("dtype", dtype, ("auto", *DTYPES))
        found = base if isinstance(base, Base) else find_base(base)
        self.base = found.name
        self.store = store or Store()
        self._base_decoding = Decoding(max_tokens=max_tokens)
        self._router = Router(encoder=encoder, threshold=threshold)
        engine = Engine.load(
            found.directory,
            device=_device(device),
            dtype=None if dtype == "auto" else DTYPES[dtype],
            weights=weights,
            cache_tokens=cache_tokens,
            cache_dtype=cache_dtype,
            graphs=graphs,
            speculate=speculate,
            run_ahead=run_ahead,
            max_batch=max_batch,
        )
        found.expect(engine.base_digest, engine.tokenizer_digest)
        self.engine = engine
        self._driver = Driver(engine, most=max_batch + queue)
        self._roster = Roster(
            self._driver, self.store, self._router, self.base, unsigned=unsigned, budget=adapter_bytes
        )
        self._schemas = SchemaGrammars(engine)
        self._watch: Watch | None = None
        try:
            self.attach_experts(experts)
            if watch and experts is None:
                self._watch = Watch(self.store, watch, self.refresh)
        except BaseException:
            self.close()
            raise

    # Experts

    def attach_experts(self, experts: Iterable[str | Path] | None = None) -> list[str]:
        """Load experts; the names of those that are ready now. None: all that are installed for this base.

        A file is installed first, under the trust file's rules. One that is loaded already in the same version stays.
        """
        return self._roster.attach(experts)

    def refresh(self) -> tuple[list[str], list[str]]:
        """What was installed since is loaded, what was uninstalled since is released: the names of both."""
        return self._roster.refresh()

    def release(self, expert: str) -> None:
        """Unload an expert. Requests that it is answering are finished."""
        self._roster.release(expert)

    @property
    def experts(self) -> dict[str, Ready]:
        """The loaded experts by name."""
        return self._roster.ready

    @property
    def resident(self) -> list[str]:
        """Those of them whose weights lie on the device, the longest unused first."""
        return self._roster.resident

    @property
    def refused(self) -> dict[str, LoadRefused]:
        """The experts that are installed and not loaded, and why."""
        return self._roster.refused

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
        check_messages(ask.messages)
        decision = self.route(ask.messages) if ask.expert == AUTO and not ask.experts else None
        experts = self._roster.together(ask.experts)
        name = decision.expert if decision else self._leader(ask, experts)
        ready = self._roster.ready.get(name) if name else None
        if name and ready is None:
            raise NoSuchModel(f"The expert {name} was released just now.")
        wanted = experts or ({ready.name: 1.0} if ready else {})
        decoding = ready.decoding if ready else self._base_decoding
        request = request_of(
            ask,
            decoding,
            self.engine.tokenizer,
            adapter=self._roster.adapter(wanted) if wanted else None,
            id=uuid.uuid4().hex,
        )
        limit = self.engine.longest(request.rope) - (ready.virtual if ready and not experts else 0)
        if len(request.tokens) >= limit:
            raise ContextTooLong(f"The conversation has {len(request.tokens)} tokens; this server takes {limit - 1}.")
        told, check = with_system(ask.messages, decoding.system), None
        if ask.schema is not None:
            request = replace(request, grammar=self._schemas.compiled(ask.schema))
        elif ready:
            check = decoding.check
            request = replace(request, grammar=ready.grammar.behind(told) if ready.grammar else None)
        second = second_look(request, decoding.second_look) if check else None
        return Prepared(
            request,
            ready.name if ready else None,
            decision,
            experts,
            Checked(check, told, ask.max_tokens is not None),
            second,
            partial(ready.grammar.again, told) if second and ready and ready.grammar else None,
        )

    def generate(self, prompt: str | Messages | Ask, **options: Any) -> Answer:
        """The whole answer. `options` are the fields of `Ask`."""
        for piece in self.stream(prompt, **options):
            if piece.answer:
                return piece.answer
        raise Stopped("The answer has no end.")

    def stream(self, prompt: str | Messages | Ask, **options: Any) -> Iterator[Piece]:
        """The answer in pieces, the last of which brings the whole. Stopping the iteration gives the rest up."""
        return listen(self._driver, self.prepare(Ask.of(prompt, **options)))

    def choices(self, prompt: str | Messages | Ask, **options: Any) -> list[Answer]:
        """All of the `n` answers, in their order."""
        answers = [piece.answer for piece in self.stream(prompt, **options) if piece.answer]
        return sorted(answers, key=lambda answer: answer.choice)

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

    def run(self, prepared: Prepared, patience: float | None = None) -> AsyncGenerator[Piece, None]:
        """The pieces of a prepared request, for an event loop. An answer that is there is not looked at a second time for
        longer than `patience` seconds from now."""
        return listen_async(self._driver, prepared, patience)

    def session(self, expert: str = AUTO, **options: Any) -> Session:
        """A conversation that remembers what was said. `options` are the fields of `Ask`."""
        Ask((), expert, **options)  # a field that there is not is told now
        return Session(self, self._driver, expert, options)

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
        if self._watch is not None:
            self._watch.close()
        self._driver.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _expert(self, model: str) -> str | None:
        """The expert that a model name means; None for the base."""
        return None if model == self.base else self._roster.find(model)

    def _leader(self, ask: Ask, experts: Mapping[str, float]) -> str | None:
        """Whose decoding holds: who is named; of several experts, if nobody is, the one with the largest weight."""
        if not experts:
            return self._expert(ask.expert)
        if ask.expert == AUTO:
            return max(experts, key=lambda name: (experts[name], name))
        leader = self._expert(ask.expert)
        if leader is not None and leader not in experts:
            raise NoSuchModel(
                f"{leader} is to lead and is not among the experts.", hint=f"They are: {', '.join(experts)}."
            )
        return leader


def _device(device: str) -> str:
    if device != "auto":
        return device
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
