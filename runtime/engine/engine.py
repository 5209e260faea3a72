"""The engine: requests in, tokens out, many at once.

One thread owns an engine: every method but `compile_grammar` is called from it, and `step` is where all work happens.
Whoever serves many clients puts a queue in front. What is wrong with one request ends that request; all others finish unchanged.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from runtime.artifact.canary import Canary
from runtime.artifact.slots import SlotRecord
from runtime.engine.adapters import Adapters, Attached
from runtime.engine.base import base_digest, tokenizer_digest
from runtime.engine.cache import Cache
from runtime.engine.errors import CanaryFailed, RequestRefused, SettingRefused
from runtime.engine.grammar import CompiledGrammar, Grammars
from runtime.engine.graphs import GRAPHS, Graphs
from runtime.engine.group import Group
from runtime.engine.model import Model
from runtime.engine.pages import Pages
from runtime.engine.pages8 import Int8Pages
from runtime.engine.progress import Progress
from runtime.engine.replay import allowed_share, fault
from runtime.engine.rope import Rope, rope_of
from runtime.engine.runner import Runner
from runtime.engine.sampler import Sampling
from runtime.engine.scheduler import Scheduler
from runtime.engine.sequence import SPECULATION, BeamRules, Event, Request, Result, Usage, check_request
from runtime.engine.sequence import Sequence as Running
from runtime.engine.settings import check_known, check_whole, device_of
from runtime.engine.speculation import Speculation
from runtime.engine.speculation.base import Base
from runtime.engine.speculation.ngram import Ngram
from runtime.engine.tokenizer import Tokenizer
from runtime.engine.transfer import BESIDE
from runtime.errors import Problem

__all__ = ["BeamRules", "CompiledGrammar", "Engine", "Event", "Request", "Result", "Sampling", "Usage"]

BLOCK_SIZE = 16
# Memory for keys and values when the caller does not say: enough for a few long conversations.
CACHE_BYTES = 512 << 20

_PAGES: dict[str, type[Pages]] = {"auto": Pages, "int8": Int8Pages}
_RUN_AHEAD: dict[str, Callable[[torch.device], bool]] = {
    "auto": lambda device: device.type in BESIDE,
    "always": lambda device: True,
    "never": lambda device: False,
}


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
        speculate: str = "none",
        cache_dtype: str = "auto",
        run_ahead: str = "auto",
        graphs: str = "auto",
    ) -> None:
        self.tokenizer = tokenizer
        self.base_digest, self.tokenizer_digest = digests
        self.model = model
        blocks = -(-cache_tokens // BLOCK_SIZE) + 1
        kind = _PAGES[cache_dtype]
        captured = graphs == "auto" and kind is Pages and Graphs.work(model)
        spare = 1 if captured else 0  # a block that the cache does not know of
        try:
            pages = kind(model.shape, blocks + spare, BLOCK_SIZE, device=model.device, dtype=model.dtype)
        except RuntimeError as error:  # as torch says that there is no such memory
            raise SettingRefused(f"no memory for a cache of {cache_tokens} tokens.", hint="Ask for fewer.") from error
        self._adapters = Adapters(model.weights)
        self._grammars = Grammars(tokenizer, model.shape.vocab)
        self._scheduler = Scheduler(Cache(blocks, BLOCK_SIZE), max_batch=max_batch, step_tokens=step_tokens)
        self.limit = min(model.shape.context, self._scheduler.cache.capacity)
        self.graphs = Graphs(model, pages, spare=blocks, most_rows=max_batch, longest=self.limit) if captured else None
        self._runner = Runner(model, pages, self._adapters, self._grammars, self.graphs)
        self.speculation = Speculation(speculate, {"ngram": Ngram(), "base": Base(model, self._grammars, blocks)})
        self._progress = Progress(
            self._runner, self._scheduler, self.speculation, run_ahead=_RUN_AHEAD[run_ahead](model.device)
        )
        self._undelivered: list[Event] = []
        self._ropes: dict[str, Rope] = {}  # those lately asked for

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
        speculate: str = "none",
        cache_dtype: str = "auto",
        run_ahead: str = "auto",
        graphs: str = "auto",
    ) -> "Engine":
        """A base directory, ready to run.

        `dtype`: what is computed in; by default float32 on a CPU and the checkpoint's own elsewhere. `weights`: how matrices are held, auto (as `dtype`),
        bf16, fp16, int8 or int4; fewer bytes are read faster and answer less exactly (docs/engine.md). `cache_tokens`:
        tokens whose keys and values are kept, by default what 512 MB hold. `max_batch`: requests that run at
        once. `step_tokens`: tokens computed in one step; smaller means prompts delay other requests less.
        `speculate`: how tokens are guessed for requests that do not say (none, ngram, base); no answer changes.
        `cache_dtype`: int8 keeps keys and values in a quarter of the memory, and answers change a little.
        `run_ahead`: whether a step begins before the tokens of the one before are read (auto: on a GPU; always, never). No
        answer changes; where nothing computes beside the host it gains nothing.
        `graphs`: off launches the kernels of a decoding step on a GPU one by one, as everywhere else.
        """
        check_whole("max_batch", max_batch, 1)
        check_whole("step_tokens", step_tokens, 1)
        if cache_tokens is not None:
            check_whole("cache_tokens", cache_tokens, 1)
        check_known("speculate", speculate, SPECULATION)
        check_known("cache_dtype", cache_dtype, _PAGES)
        check_known("run_ahead", run_ahead, _RUN_AHEAD)
        check_known("graphs", graphs, GRAPHS)
        place = device_of(device)
        root = Path(directory)
        tokenizer = Tokenizer.load(root)
        model = Model(root, device=place, dtype=dtype, weights=weights)
        if cache_tokens is None:
            per_token = _PAGES[cache_dtype].bytes_per_token(model.shape, model.dtype)
            cache_tokens = max(CACHE_BYTES // per_token, 2 * BLOCK_SIZE)
            cache_tokens = min(cache_tokens, max_batch * model.shape.context)
        return cls(
            model,
            tokenizer,
            digests=(base_digest(root), tokenizer_digest(root)),
            cache_tokens=cache_tokens,
            max_batch=max_batch,
            step_tokens=step_tokens,
            speculate=speculate,
            cache_dtype=cache_dtype,
            run_ahead=run_ahead,
            graphs=graphs,
        )

    # Adapters

    def attach(self, name: str, record: SlotRecord, digest: str) -> None:
        """Takes in an adapter; `digest` names its content, and `attached` gives it back."""
        self._adapters.attach(name, record, digest, lambda prompt, to: self._runner.imprint(prompt, to, self.limit))

    def detach(self, name: str) -> None:
        """Forgets the name; requests that already run with it finish as they began."""
        self._adapters.detach(name)

    def attached(self) -> dict[str, str]:
        """The attached adapters: name and digest."""
        return {name: adapter.digest for name, adapter in self._adapters.attached().items()}

    def adapter(self, name: str) -> Attached:
        """An attached adapter, for a request that is to hold it. May be called from any thread."""
        return self._adapters.find(name)

    def add_up(self, members: Sequence[tuple[Attached, float]]) -> Attached:
        """Several adapters by their weights, as one that a request can hold."""
        return self._adapters.add_up(members)

    def check_canary(self, name: str, canary: Canary) -> None:
        """Replays the canary; raises unless its logits come out again as nearly as `replay` asks."""
        share = allowed_share(self.model.held, self.model.dtype)
        all_logits = self._alone([probe.tokens.tolist() for probe in canary.probes], name, None)
        for number, (probe, logits) in enumerate(zip(canary.probes, all_logits, strict=True)):
            if found := fault(probe, logits, canary.tolerance, share):
                raise CanaryFailed(
                    f"canary {number} of {name!r} {found}.",
                    hint="The adapter was built for another base, or its file is damaged.",
                )

    # Grammars

    def compile_grammar(self, grammar: str | Mapping[str, Any]) -> CompiledGrammar:
        """GBNF text, or a JSON Schema as a mapping. May be called from any thread: a large one takes a second."""
        return self._grammars.compile(grammar)

    @property
    def grammars(self) -> Grammars:
        """What compiles grammars here. From any thread, too."""
        return self._grammars

    # Requests

    def rope(self, told: Mapping[str, Any] | None) -> Rope:
        """The rotary embedding that a request asks for, in config.json's words; None: the base's own."""
        shape = self.model.shape
        if told is None:
            return shape.rope
        if not isinstance(told, Mapping):
            raise RequestRefused("rope is not an object.")
        key = repr(told)
        found = self._ropes.get(key)
        if found is None:
            try:
                found = rope_of(told, size=shape.head_dim, context=shape.context, theta=shape.theta, strict=True)
            except (ValueError, OverflowError) as reason:
                raise RequestRefused(f"{reason}.") from reason
            self._ropes = {key: found, **dict(list(self._ropes.items())[:63])}  # of two threads, one may lose its own
        return found

    def longest(self, told: Mapping[str, Any] | None = None) -> int:
        """Tokens that a request with this rope may come to, its answer included."""
        return min(self.rope(told).reach, self._scheduler.cache.capacity)

    def submit(self, request: Request) -> None:
        """Takes a request in, or refuses it with the reason."""
        if request.id in self._progress.open:
            raise RequestRefused(f"a request {request.id!r} is already running.")
        rope = self.rope(request.rope)
        limit = min(rope.reach, self._scheduler.cache.capacity)
        adapter = self._adapters.find(request.adapter) if request.adapter is not None else None
        virtual = adapter.virtual if adapter is not None else 0
        _check_turn(adapter, request.rope)
        check_request(request, self.model.shape.vocab, limit - virtual)
        if request.beams is not None:
            longest = virtual + len(request.tokens) + request.max_tokens
            self._scheduler.check_width(request.beams.width, min(limit, longest))
        sequence = Running(
            request,
            adapter=adapter,
            matcher=request.grammar.start() if request.grammar is not None else None,
            limit=limit,
            root=self._root(request, adapter, rope),
            tokenizer=self.tokenizer,
            vocabulary=self.model.shape.vocab,
            rope=rope,
        )
        self._progress.begin(Group(request, sequence))

    def _root(self, request: Request, adapter: Attached | None, rope: Rope) -> bytes:
        return self._scheduler.cache.root(f"{rope.key(len(request.tokens))} {adapter.content if adapter else ''}")

    def keep(self, who: str, request: Request, answer: Sequence[int]) -> None:
        """Spares what the cache knows of a text that will go on, in place of what `who` kept before: see `Cache.keep`."""
        adapter = self._adapters.find(request.adapter) if request.adapter is not None else None
        text = [*[0] * (adapter.virtual if adapter is not None else 0), *request.tokens, *answer]
        self._scheduler.cache.keep(who, text, self._root(request, adapter, self.rope(request.rope)))

    def let_go(self, who: str) -> None:
        """What `who` keeps is like all else in the cache again."""
        self._scheduler.cache.let_go(who)

    def cancel(self, id: str) -> None:
        """Ends a request; its last event says cancelled. Unknown and finished ids are ignored."""
        if id in self._progress.open:
            self._undelivered += self._progress.give_up(self._progress.open[id], "cancelled")

    @property
    def busy(self) -> bool:
        """Whether `step` has anything to do or to tell."""
        return bool(self._progress.open or self._undelivered)

    def step(self) -> list[Event]:
        """Computes one step for all running requests and tells what came of it."""
        events, self._undelivered = self._undelivered, []
        with torch.inference_mode():
            return events + self._progress.step()

    def generate(self, requests: Sequence[Request]) -> list[Result]:
        """Runs requests to their end; the first answer of each, in their order. A refused request's result says why."""
        return [results[0] for results in self.generate_all(requests)]

    def generate_all(self, requests: Sequence[Request]) -> list[list[Result]]:
        """The same with all answers of each."""
        results: list[list[Result]] = [[] for _ in requests]
        places: dict[str, int] = {}
        for place, request in enumerate(requests):
            try:
                self.submit(request)
                places[request.id] = place
            except Problem as refusal:
                results[place].append(Result([], "", "error", str(refusal), Usage(len(request.tokens or ()), 0)))
        others: list[Event] = []
        told: dict[str, dict[int, Result]] = {}
        while places:
            for event in self.step():
                if event.id not in places:
                    others.append(event)
                    continue
                if event.result is not None:
                    told.setdefault(event.id, {})[event.choice] = event.result
                if event.over:
                    answers = told.pop(event.id)
                    results[places.pop(event.id)] = [answers[choice] for choice in sorted(answers)]
        self._undelivered += others
        return results

    def stream(self, request: Request) -> Iterator[Event]:
        """Runs one request and yields its events as they come; leaving the loop early cancels it."""
        self.submit(request)
        others: list[Event] = []
        try:
            while request.id in self._progress.open:
                for event in self.step():
                    if event.id != request.id:
                        others.append(event)
                    else:
                        yield event
        finally:
            self.cancel(request.id)
            self._undelivered = others + [event for event in self._undelivered if event.id != request.id]

    def last_logits(
        self,
        tokens: Sequence[int],
        adapter: str | Mapping[str, float] | None = None,
        rope: Mapping[str, Any] | None = None,
    ) -> Tensor:
        """Float32 logits after the last token, computed apart from all requests and kept nowhere."""
        return self._alone([tokens], adapter, rope)[0]

    def _alone(
        self,
        texts: Sequence[Sequence[int]],
        adapter: str | Mapping[str, float] | None,
        rope: Mapping[str, Any] | None,
    ) -> list[Tensor]:
        wanted = self.rope(rope)
        found = self._adapters.find(adapter) if adapter is not None else None
        _check_turn(found, rope)
        room = wanted.reach + 1 - (found.virtual if found is not None else 0)
        for tokens in texts:
            check_request(Request(list(tokens), 1), self.model.shape.vocab, room)
        return self._runner.alone(texts, found, wanted)

    def check(self) -> None:
        """Raises AssertionError unless every block of the cache is accounted for."""
        self._scheduler.check()


def _check_turn(adapter: Attached | None, rope: Mapping[str, Any] | None) -> None:
    """The keys of a soft prompt were turned when it was attached, by the base's own rope."""
    if rope is not None and adapter is not None and adapter.prompt is not None:
        raise RequestRefused(f"{adapter.name!r} has a soft prompt, which knows no rope but the base's own.")
