"""The engine: requests in, tokens out, many at once.

One thread owns an engine: every method but `compile_grammar` is called from it, and `step` is where all work happens.
Whoever serves many clients puts a queue in front. What is wrong with one request ends that request; all others finish unchanged.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from runtime.artifact.canary import Canary
from runtime.artifact.slots import SlotRecord
from runtime.engine.adapters import Adapters
from runtime.engine.base import base_digest, tokenizer_digest
from runtime.engine.cache import Cache
from runtime.engine.errors import CanaryFailed, GrammarRefused, RequestRefused
from runtime.engine.grammar import CompiledGrammar, Grammars
from runtime.engine.model import Model
from runtime.engine.pages import Pages
from runtime.engine.replay import allowed_share, fault
from runtime.engine.rope import Rope, rope_of
from runtime.engine.runner import Runner
from runtime.engine.sampler import Sampling
from runtime.engine.scheduler import Scheduler
from runtime.engine.sequence import Event, Request, Result, Usage, check_request
from runtime.engine.sequence import Sequence as Running
from runtime.engine.tokenizer import Tokenizer
from runtime.errors import Problem

__all__ = ["CompiledGrammar", "Engine", "Event", "Request", "Result", "Sampling", "Usage"]

BLOCK_SIZE = 16
# Memory for keys and values when the caller does not say: enough for a few long conversations.
CACHE_BYTES = 512 << 20


class Engine:
    """One base on one device, with the adapters attached to it. Made by `load`."""

    def __init__(
        self,
        model: Model,
        tokenizer: Tokenizer,
        *,
        digests: tuple[str, str],
        cache_tokens: int,
        max_batch: int,
        step_tokens: int,
    ) -> None:
        self.tokenizer = tokenizer
        self.base_digest, self.tokenizer_digest = digests
        self.model = model
        blocks = -(-cache_tokens // BLOCK_SIZE) + 1
        pages = Pages(model.shape, blocks, BLOCK_SIZE, device=model.device, dtype=model.dtype)
        self._adapters = Adapters(model.weights)
        self._grammars = Grammars(tokenizer, model.shape.vocab)
        self._runner = Runner(model, pages, self._adapters, self._grammars)
        self._scheduler = Scheduler(Cache(blocks, BLOCK_SIZE), max_batch=max_batch, step_tokens=step_tokens)
        self._alive: dict[str, Running] = {}
        self._undelivered: list[Event] = []
        self._ropes: dict[str, Rope] = {}  # those lately asked for
        self.limit = min(model.shape.context, self._scheduler.cache.capacity)

    @classmethod
    def load(
        cls,
        directory: Path | str,
        *,
        device: str = "cpu",
        dtype: torch.dtype | None = None,
        weights: str = "auto",
        cache_tokens: int | None = None,
        max_batch: int = 32,
        step_tokens: int = 1024,
    ) -> "Engine":
        """A base directory, ready to run.

        `dtype`: what is computed in; by default float32 on a CPU and the checkpoint's own elsewhere. `weights`: how matrices are held, auto (as `dtype`),
        bf16, int8 or int4; fewer bytes are read faster and answer less exactly (docs/engine.md). `cache_tokens`:
        tokens whose keys and values are kept, by default what 512 MB hold. `max_batch`: requests that run at
        once. `step_tokens`: tokens computed in one step; smaller means prompts delay other requests less.
        """
        root = Path(directory)
        tokenizer = Tokenizer.load(root)
        model = Model(root, device=torch.device(device), dtype=dtype, weights=weights)
        if cache_tokens is None:
            cache_tokens = max(CACHE_BYTES // Pages.bytes_per_token(model.shape, model.dtype), 2 * BLOCK_SIZE)
            cache_tokens = min(cache_tokens, max_batch * model.shape.context)
        return cls(
            model,
            tokenizer,
            digests=(base_digest(root), tokenizer_digest(root)),
            cache_tokens=cache_tokens,
            max_batch=max_batch,
            step_tokens=step_tokens,
        )

    # Adapters

    def attach(self, name: str, record: SlotRecord, digest: str) -> None:
        """Takes in an adapter; `digest` names its content, and `attached` gives it back."""
        self._adapters.attach(name, record, digest)

    def detach(self, name: str) -> None:
        """Forgets the name; requests that already run with it finish as they began."""
        self._adapters.detach(name)

    def attached(self) -> dict[str, str]:
        """The attached adapters: name and digest."""
        return {name: adapter.digest for name, adapter in self._adapters.attached().items()}

    def check_canary(self, name: str, canary: Canary) -> None:
        """Replays the canary; raises unless its logits come out again as nearly as `replay` asks."""
        share = allowed_share(self.model.held, self.model.dtype)
        for number, probe in enumerate(canary.probes):
            logits = self.last_logits(probe.tokens.tolist(), name)
            if found := fault(probe, logits, canary.tolerance, share):
                raise CanaryFailed(
                    f"canary {number} of {name!r} {found}.",
                    hint="The adapter was built for another base, or its file is damaged.",
                )

    # Grammars

    def compile_grammar(self, grammar: str | Mapping[str, Any]) -> CompiledGrammar:
        """GBNF text, or a JSON Schema as a mapping. May be called from any thread: a large one takes a second."""
        return self._grammars.compile(grammar)

    # Requests

    def rope(self, told: Mapping[str, Any] | None) -> Rope:
        """The rotary embedding that a request asks for, in config.json's words; None: the base's own."""
        shape = self.model.shape
        if told is None:
            return shape.rope
        if not isinstance(told, Mapping):
            raise RequestRefused("rope is not an object.")
        key = repr(told)
        if key not in self._ropes:
            try:
                found = rope_of(told, size=shape.head_dim, context=shape.context, theta=shape.theta, strict=True)
            except (ValueError, OverflowError) as reason:
                raise RequestRefused(f"{reason}.") from reason
            self._ropes = {key: found, **dict(list(self._ropes.items())[:63])}
        return self._ropes[key]

    def longest(self, told: Mapping[str, Any] | None = None) -> int:
        """Tokens that a request with this rope may come to, its answer included."""
        return min(self.rope(told).reach, self._scheduler.cache.capacity)

    def submit(self, request: Request) -> None:
        """Takes a request in, or refuses it with the reason."""
        if request.id in self._alive:
            raise RequestRefused(f"a request {request.id!r} is already running.")
        rope = self.rope(request.rope)
        limit = min(rope.reach, self._scheduler.cache.capacity)
        check_request(request, self.model.shape.vocab, limit)
        adapter = self._adapters.find(request.adapter) if request.adapter is not None else None
        sequence = Running(
            request,
            adapter=adapter,
            matcher=request.grammar.start() if request.grammar is not None else None,
            limit=limit,
            root=self._scheduler.cache.root(f"{rope.key(len(request.tokens))} {adapter.content if adapter else ''}"),
            tokenizer=self.tokenizer,
            vocabulary=self.model.shape.vocab,
            rope=rope,
        )
        self._alive[request.id] = sequence
        self._scheduler.add(sequence)

    def cancel(self, id: str) -> None:
        """Ends a request; its last event says cancelled. Unknown and finished ids are ignored."""
        if id in self._alive:
            self._undelivered.append(self._finish(self._alive[id], "cancelled"))

    @property
    def busy(self) -> bool:
        """Whether `step` has anything to do or to tell."""
        return bool(self._alive or self._undelivered)

    def step(self) -> list[Event]:
        """Computes one step for all running requests and tells what came of it."""
        events, self._undelivered = self._undelivered, []
        counts, fresh = self._scheduler.plan()
        for group, outcome in self._runner.compute(counts, fresh):
            if isinstance(outcome, str):
                events += [self._finish(sequence, "error", outcome) for sequence in group]
                continue
            for sequence, count in group.items():
                self._scheduler.commit(sequence, count)
            events += self._advance([each for each in group if not each.missing], outcome)
        return events

    def generate(self, requests: Sequence[Request]) -> list[Result]:
        """Runs requests to their end; one result each, in their order. A refused request's result says why."""
        results: dict[int, Result] = {}
        places: dict[str, int] = {}
        for place, request in enumerate(requests):
            try:
                self.submit(request)
                places[request.id] = place
            except Problem as refusal:
                results[place] = Result([], "", "error", str(refusal), Usage(len(request.tokens or ()), 0))
        others: list[Event] = []
        while len(results) < len(requests):
            for event in self.step():
                if event.id not in places:
                    others.append(event)
                elif event.result is not None:
                    results[places[event.id]] = event.result
        self._undelivered += others
        return [results[place] for place in range(len(requests))]

    def stream(self, request: Request) -> Iterator[Event]:
        """Runs one request and yields its events as they come; leaving the loop early cancels it."""
        self.submit(request)
        others: list[Event] = []
        try:
            while request.id in self._alive:
                for event in self.step():
                    if event.id != request.id:
                        others.append(event)
                    else:
                        yield event
        finally:
            self.cancel(request.id)
            self._undelivered = others + [event for event in self._undelivered if event.id != request.id]

    def last_logits(
        self, tokens: Sequence[int], adapter: str | None = None, rope: Mapping[str, Any] | None = None
    ) -> Tensor:
        """Float32 logits after the last token, computed apart from all requests and kept nowhere."""
        wanted = self.rope(rope)
        check_request(Request(list(tokens), 1), self.model.shape.vocab, wanted.reach + 1)
        return self._runner.alone(tokens, self._adapters.find(adapter) if adapter is not None else None, wanted)

    def check(self) -> None:
        """Raises AssertionError unless every block of the cache is accounted for."""
        self._scheduler.check()

    def _advance(self, sequences: list[Running], logits: Tensor) -> list[Event]:
        """The next token of each request, and what follows from it."""
        events = []
        for sequence, outcome in zip(sequences, self._runner.next_tokens(sequences, logits), strict=True):
            if isinstance(outcome, str):
                events.append(self._finish(sequence, "error", outcome))
            else:
                events += self._take(sequence, outcome)
        return events

    def _take(self, sequence: Running, token: int) -> list[Event]:
        if token in self.tokenizer.eos_ids:
            sequence.sampled += 1
            return self._end(sequence, "stop")
        text, stopped = sequence.take(token)
        events = [Event(sequence.id, token, text)]
        ended = stopped
        if sequence.matcher is not None:
            try:
                sequence.matcher.accept(token)
                ended = ended or sequence.matcher.ended
            except GrammarRefused as refusal:
                return [*events, self._finish(sequence, "error", str(refusal))]
        if ended:
            return events + self._end(sequence, "stop", stopped=stopped)
        if len(sequence.tokens) >= sequence.limit:
            return events + self._end(sequence, "length")
        return events

    def _end(self, sequence: Running, reason: str, *, stopped: bool = False) -> list[Event]:
        """The last text, if any was held back, and the result."""
        text = "" if stopped else sequence.close()
        tail = [Event(sequence.id, None, text)] if text else []
        return [*tail, self._finish(sequence, reason)]

    def _finish(self, sequence: Running, reason: str, error: str | None = None) -> Event:
        self._scheduler.remove(sequence)
        del self._alive[sequence.id]
        return Event(sequence.id, result=sequence.result(reason, error))
