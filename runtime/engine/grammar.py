"""Grammars that bind an answer: GBNF or JSON Schema in, one set of allowed tokens per step out.

llguidance does the parsing, behind three small classes. A grammar is compiled once and started for each request; an
error in one request's grammar ends that request and no other. The end token is allowed exactly where the grammar may
end. Compiling runs no code of the grammar's author and fetches nothing.
"""

import json
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

import numpy
import torch
from llguidance import LLExecutor, LLMatcher, LLParserLimits, LLTokenizer
from torch import Tensor

from runtime.engine.errors import GrammarRefused
from runtime.engine.gbnf import gbnf_to_lark
from runtime.engine.gbnf_narrowed import Narrowable, Said
from runtime.engine.gbnf_parser import Token
from runtime.engine.tokenizer import Tokenizer
from runtime.engine.trial import try_schema

LONGEST_SCHEMA = 1 << 19
DEEPEST_SCHEMA = 64
MOST_COMPILED = 256


# What llguidance may spend on one grammar and on one mask: its defaults, about 15 ms a mask.
def _limits(step: int, row: int) -> LLParserLimits:
    return LLParserLimits(
        initial_lexer_fuel=1_000_000,
        step_lexer_fuel=200_000,
        step_max_items=step,
        max_items_in_row=row,
        max_grammar_size=500_000,
        verbose_errors=False,
    )


_LIMITS = _limits(step=50_000, row=2_000)
_WIDE = _limits(step=200_000, row=20_000)  # a text to copy from begins in many places

Masks = tuple[Tensor, list[str]]  # [matchers, vocabulary] bool, true where a token is not allowed; what went wrong


class Matcher:
    """Where one request stands in its grammar."""

    def __init__(self, inner: LLMatcher) -> None:
        self._inner = inner
        self._ahead: tuple[Future[Masks], int] | None = None

    @property
    def inner(self) -> LLMatcher:
        """llguidance's own; whoever asks waits until no thread is at work on it."""
        if self._ahead is not None:
            wait([self._ahead[0]])
        return self._inner

    def start_mask(self, masks: "Future[Masks]", row: int) -> None:
        """A thread computes what may come next."""
        self._ahead = (masks, row)

    @property
    def started(self) -> bool:
        return self._ahead is not None

    def take_mask(self) -> tuple[Tensor, str]:
        """What was computed ahead, which is not kept: [vocabulary] bool, and what went wrong or ""."""
        assert self._ahead is not None
        (masks, row), self._ahead = self._ahead, None
        forbidden, errors = masks.result()
        return forbidden[row], errors[row]

    def accept(self, token: int) -> None:
        """Moves on by one sampled token."""
        inner, self._ahead = self.inner, None
        if not inner.consume_token(token):
            raise GrammarRefused(f"the grammar stopped: {_first_line(inner.get_error())}")

    def fork(self) -> "Matcher":
        """Another matcher at the same place."""
        return Matcher(self.inner.deep_copy())

    def leading(self, tokens: Sequence[int]) -> int:
        """How many of these tokens, from the first on, the grammar would take. It stays where it is."""
        return int(self.inner.validate_tokens(list(tokens)))

    def ends_with(self, token: int) -> bool:
        """Whether nothing but the end could follow this token."""
        after = self.fork()
        after.accept(token)
        return after.ended

    @property
    def ended(self) -> bool:
        """Whether nothing but the end can follow."""
        return bool(self.inner.is_stopped())

    @property
    def may_end(self) -> bool:
        return bool(self.inner.is_accepting())


@dataclass(frozen=True)
class CompiledGrammar:
    """A grammar checked against one tokenizer; may be shared by any number of requests."""

    source: str
    _start: LLMatcher

    def start(self) -> Matcher:
        return Matcher(self._start.deep_copy())


class Grammars:
    """Compiles grammars for one tokenizer and computes the masks of a batch."""

    def __init__(self, tokenizer: Tokenizer, vocabulary: int) -> None:
        self._tokenizer, self._vocabulary = tokenizer, vocabulary
        self._words = -(-vocabulary // 32)
        self._known: LLTokenizer | None = None
        self._executor: LLExecutor | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="masks")
        self._compiled: dict[str, CompiledGrammar] = {}
        self._lock = threading.Lock()

    def narrowable(self, grammar: str, rules: Sequence[str]) -> Narrowable:
        """GBNF of which these rules may say less, request by request."""
        return Narrowable(grammar, rules, self._ranges)

    def narrow(self, grammar: Narrowable, said: Mapping[str, Said]) -> CompiledGrammar | None:
        """The grammar for one request, kept by whoever asks; None where it stays as it is written."""
        lark = grammar.lark(said)
        if lark is None:
            return None
        source = LLMatcher.grammar_from_lark(lark)
        start = LLMatcher(self._ll_tokenizer(), source, log_level=0, limits=_WIDE)
        _refuse_error(start.get_error())
        return CompiledGrammar(source, start)

    def compile(self, grammar: str | Mapping[str, Any]) -> CompiledGrammar:
        """GBNF text, or a JSON Schema as a mapping. The same grammar again costs nothing."""
        text = grammar if isinstance(grammar, str) else _schema_text(grammar)
        known = ("gbnf:" if isinstance(grammar, str) else "schema:") + text
        with self._lock:
            found = self._compiled.get(known)
        if found is not None:
            return found
        if isinstance(grammar, str):
            source = LLMatcher.grammar_from_lark(gbnf_to_lark(text, self._ranges))
        else:
            source = LLMatcher.grammar_from_json_schema(text)
            _refuse_error(try_schema(source))
        start = LLMatcher(self._ll_tokenizer(), source, log_level=0, limits=_LIMITS)
        _refuse_error(start.get_error())
        with self._lock:
            while len(self._compiled) >= MOST_COMPILED:
                del self._compiled[next(iter(self._compiled))]
            return self._compiled.setdefault(known, CompiledGrammar(source, start))

    def begin(self, matchers: Sequence[Matcher]) -> None:
        """Starts on the masks that will be asked for next, beside whatever the caller does meanwhile.

        llguidance lets go of the interpreter's lock, so the model runs on: a mask of 6 ms costs a step of 6 ms nothing.
        """
        fresh = [matcher for matcher in dict.fromkeys(matchers) if not matcher.started]
        if not fresh:
            return
        masks = self._thread.submit(self._compute, [matcher.inner for matcher in fresh])
        for row, matcher in enumerate(fresh):
            matcher.start_mask(masks, row)

    def forbidden(self, matchers: Sequence[Matcher]) -> Masks:
        """[matchers, vocabulary] bool, true where a token is not allowed; and per matcher what went wrong, or ""."""
        self.begin(matchers)
        found = {matcher: matcher.take_mask() for matcher in dict.fromkeys(matchers)}
        rows, errors = zip(*(found[matcher] for matcher in matchers), strict=True)
        return torch.stack(rows), list(errors)

    def _compute(self, inners: Sequence[LLMatcher]) -> Masks:
        bits = numpy.zeros((len(inners), self._words), dtype=numpy.uint32)
        if self._executor is None:
            self._executor = LLExecutor(num_threads=max(1, torch.get_num_threads()))
        pairs = [(inner, row) for row, inner in enumerate(inners)]
        self._executor.unsafe_compute_mask_ptr(pairs, bits.ctypes.data, self._words * 4, len(inners))
        allowed = numpy.unpackbits(bits.view(numpy.uint8), axis=1, bitorder="little", count=self._vocabulary)
        errors = [_first_line(inner.get_error()) if inner.is_error() else "" for inner in inners]
        return torch.from_numpy(allowed == 0), errors

    def _ranges(self, token: Token) -> str:
        """The ids that a token of a grammar stands for. "All but one" never means the end, nor an id without a token."""
        where, size = f"grammar, line {token.line}", self._tokenizer.vocab_size
        id = token.name if isinstance(token.name, int) else self._tokenizer.token_id(token.name)
        if id is None or id >= size:
            raise GrammarRefused(f"this base has no token {str(token.name)[:60]!r}.", where=where)
        if not token.negated:
            return str(id)
        out = sorted({id, *self._ends()})
        gaps = [(low + 1, high - 1) for low, high in zip([-1, *out], [*out, size], strict=True) if low + 1 < high]
        return ",".join(f"{low}-{high}" for low, high in gaps)

    def _ll_tokenizer(self) -> LLTokenizer:
        """Built when the first grammar comes: a second's work for a large vocabulary."""
        if not (ends := self._ends()):
            raise GrammarRefused("this base names no end token, so no grammar could end.")
        if self._known is None:
            try:
                self._known = LLTokenizer(self._tokenizer.document, n_vocab=self._vocabulary, eos_token=ends)
            except Exception as error:  # llguidance reads fewer kinds of tokenizers than the tokenizers library
                raise GrammarRefused(f"no grammar can bind this base's tokenizer: {_first_line(str(error))}") from error
        return self._known

    def _ends(self) -> list[int]:
        """The end tokens that there are: a config.json may name ids without a token."""
        return sorted(id for id in self._tokenizer.eos_ids if 0 <= id < self._tokenizer.vocab_size)


def _schema_text(schema: Mapping[str, Any]) -> str:
    waiting: list[tuple[Any, int]] = [(schema, 0)]
    seen = 0
    while waiting:
        value, depth = waiting.pop()
        seen += 1
        if seen > LONGEST_SCHEMA:
            raise GrammarRefused(f"the JSON Schema has more than {LONGEST_SCHEMA} parts.")
        if depth > DEEPEST_SCHEMA:
            raise GrammarRefused(f"the JSON Schema is nested more than {DEEPEST_SCHEMA} deep.")
        if isinstance(value, Mapping):
            waiting += [(item, depth + 1) for item in value.values()]
        elif isinstance(value, (list, tuple)):
            waiting += [(item, depth + 1) for item in value]
    try:
        text = json.dumps(schema, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise GrammarRefused(f"the JSON Schema is not JSON ({error}).") from error
    if len(text) > LONGEST_SCHEMA:
        raise GrammarRefused(f"the JSON Schema is longer than {LONGEST_SCHEMA} characters.")
    return text


def _refuse_error(message: str) -> None:
    if message:
        raise GrammarRefused(f"the grammar does not compile: {_first_line(message)}")


def _first_line(message: str) -> str:
    """llguidance appends its whole state to a message; people need the beginning."""
    line = message.strip().split("\n", 1)[0].strip()
    return (line[:200] or "unknown error").rstrip(".") + "."
