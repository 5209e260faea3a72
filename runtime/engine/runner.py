"""One step on the device: requests as a batch through the model, and from its logits the next tokens.

Where a whole batch fails, each request is tried alone, so that a failure ends the request it belongs to. Who runs, and
what a token means for its request, others decide. Nothing here waits for the device, but what beams need to know.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from runtime.artifact.prompt import SoftPrompt
from runtime.engine import prompts
from runtime.engine.adapters import Adapters, Attached, Mix
from runtime.engine.batch import Batch, Span, build_batch
from runtime.engine.choices import NOT_FINITE, Choices
from runtime.engine.grammar import Grammars
from runtime.engine.graphs import Graphs
from runtime.engine.imprint import Imprint
from runtime.engine.logprobs import Likelihoods
from runtime.engine.model import Model
from runtime.engine.pages import Pages
from runtime.engine.penalties import penalise
from runtime.engine.rope import Rope
from runtime.engine.sampler import choose
from runtime.engine.scheduler import Plan
from runtime.engine.sequence import Sequence as Running
from runtime.engine.transfer import Coming, send

T = TypeVar("T")


@dataclass(frozen=True)
class Computed:
    """What a pass came to for these requests and tokens: logits, or the reason why there are none."""

    counts: dict[Running, int]
    rows: dict[Running, int]  # who got all of the missing tokens: the first row of its logits, and one for each guess
    logits: Tensor | str


class Runner:
    """A model with its pages, adapters and grammars; `graphs`: steps that are captured once, where there are any."""

    def __init__(
        self, model: Model, pages: Pages, adapters: Adapters, grammars: Grammars, graphs: Graphs | None = None
    ) -> None:
        self._model, self.pages = model, pages
        self._adapters, self._grammars, self._graphs = adapters, grammars, graphs

    def compute(self, plan: Plan, after: Choices | None = None) -> list[Computed]:
        """Logits for these requests and tokens, or the reason why a request has none.

        `after`: the choices that nobody has read yet, of which the device takes the tokens that are awaited.
        """
        if after is None:
            self._begin_masks(plan.counts)
        self.pages.copy(plan.copies)
        if plan.fresh:
            self.pages.clear(plan.fresh)
        return self._compute(plan.counts, after) if plan.counts else []

    def next_tokens(
        self, sequences: list[Running], logits: Tensor, rows: list[int]
    ) -> list[tuple[list[Running], Choices | str]]:
        """The choice of each request's next token, from its row of the logits, or the reason why there is none."""
        return _one_by_one(self._choices, sequences, logits, rows)

    def log_probabilities(
        self, sequences: list[Running], logits: Tensor, rows: list[int]
    ) -> list[tuple[Tensor, Tensor] | str]:
        """For beams: the model's own, and the same under the request's penalties and grammar."""
        found = _one_by_one(self._chances, sequences, logits, rows)
        return [each for _, outcome in found for each in ([outcome] if isinstance(outcome, str) else outcome)]

    def imprint(self, prompt: SoftPrompt, adapter: Attached, limit: int) -> Imprint:
        """What a soft prompt of an adapter comes to on this base."""
        with torch.inference_mode():
            mix = self._adapters.mix([adapter], [prompt.length])
            return prompts.imprint(adapter.name, prompt, self._model, mix, limit)

    def alone(self, texts: Sequence[Sequence[int]], adapter: Attached | None, rope: Rope | None = None) -> list[Tensor]:
        """Logits after the last token of each text, in a pass of its own that keeps nothing."""
        with torch.inference_mode():
            if adapter is not None and adapter.prompt is not None:
                return [self._after(adapter.prompt, tokens, adapter) for tokens in texts]
            lengths = [len(tokens) for tokens in texts]
            mix = self._adapters.mix([adapter] * len(texts), lengths)
            nowhere = [0] * (max(lengths) // self.pages.block_size + 1)
            spans = [Span(tokens, 0, nowhere, True, rope=rope, prompt=len(tokens)) for tokens in texts]
            return list(self._model.forward(self._batch(spans, mix, prompts_only=True), None).cpu())

    def _after(self, made: Imprint, tokens: Sequence[int], adapter: Attached) -> Tensor:
        """The same behind a soft prompt, with pages of its own."""
        model, size = self._model, self.pages.block_size
        table = list(range(1, (made.length + len(tokens)) // size + 2))
        pages = Pages(model.shape, len(table) + 1, size, device=model.device, dtype=model.dtype)
        prompts.place(made, pages, table, 0)
        span = Span(tokens, made.length, table, True, prompt=made.length + len(tokens))
        return model.forward(self._batch([span], self._adapters.mix([adapter], [len(tokens)])), pages)[0].cpu()

    def _begin_masks(self, counts: dict[Running, int]) -> None:
        """A head start for the grammars of those whose next token comes of this step."""
        try:
            self._grammars.begin([each.matcher for each, n in counts.items() if each.matcher and n >= each.missing])
        except Exception:  # a grammar's: it is met again where it ends its own request
            return

    def _choices(self, sequences: list[Running], logits: Tensor) -> Choices:
        likelihoods = Likelihoods(logits, [sequence.wants_logprobs for sequence in sequences])
        penalise(logits, [sequence.history for sequence in sequences])
        broken = self._bind(sequences, logits)
        tokens, largest = choose(logits, [sequence.draw() for sequence in sequences])
        return Choices(sequences, tokens, largest, likelihoods, broken)

    def _chances(self, sequences: list[Running], logits: Tensor) -> list[tuple[Tensor, Tensor] | str]:
        told = logits.log_softmax(-1)
        chances = told.clone()
        penalise(chances, [sequence.history for sequence in sequences])
        broken = self._bind(sequences, chances)
        (largest,) = Coming(chances.amax(-1)).read()
        outcomes: list[tuple[Tensor, Tensor] | str] = [
            (told[row], chances[row]) if math.isfinite(largest[row]) else NOT_FINITE for row in range(len(sequences))
        ]
        for row, reason in broken.items():
            outcomes[row] = reason
        return outcomes

    def _compute(self, counts: dict[Running, int], after: Choices | None) -> list[Computed]:
        try:
            return [Computed(counts, _rows(counts), self._forward(counts, self._known(counts, after)))]
        except Exception as error:  # whatever torch raises: out of memory, a shape, a device
            if len(counts) == 1:
                return [Computed(counts, {}, f"the computation failed: {reason_of(error)}")]
        return [outcome for each in counts.items() for outcome in self._compute(dict([each]), after)]

    def _known(self, counts: dict[Running, int], after: Choices | None) -> Tensor | None:
        """The tokens of this pass where the device alone knows some of them. Each of those has a row of its own, and these come first."""
        if after is None:
            return None
        places = {sequence: place for place, sequence in enumerate(after.sequences)}
        awaited = [(row, places[sequence]) for row, sequence in enumerate(counts) if sequence.awaited]
        rows, wanted = [row for row, _ in awaited], [place for _, place in awaited]
        chosen = after.tokens
        if wanted != list(range(chosen.shape[0])):
            chosen = chosen.index_select(0, send(wanted, chosen.device, torch.int64))
        if len(rows) == sum(counts.values()):
            return chosen
        tokens = [token for sequence, count in counts.items() for token in sequence.upcoming(count)]
        return send(tokens, chosen.device).index_copy(0, send(rows, chosen.device, torch.int64), chosen)

    def _forward(self, counts: dict[Running, int], known: Tensor | None) -> Tensor:
        spans = [
            Span(
                sequence.upcoming(count),
                sequence.computed,
                sequence.table,
                count >= sequence.missing,
                drafted=max(count - sequence.missing, 0),
                rope=sequence.rope,
                prompt=sequence.prompt,
            )
            for sequence, count in counts.items()
        ]
        with torch.inference_mode():
            for sequence in counts:
                self._begin(sequence)
            mix = self._adapters.mix([sequence.adapter for sequence in counts], list(counts.values()))
            batch = self._batch(spans, mix, known=known)
            logits = self._graphs.forward(batch) if self._graphs is not None else None
            return self._model.forward(batch, self.pages) if logits is None else logits

    def _begin(self, sequence: Running) -> None:
        """Before its first token, a request gets what the prefix cache did not have of its soft prompt."""
        made = sequence.adapter.prompt if sequence.adapter is not None else None
        found = len(sequence.keys) * self.pages.block_size
        if made is not None and sequence.computed == made.length > found:
            prompts.place(made, self.pages, sequence.table, found)

    def _batch(
        self, spans: list[Span], mix: Mix | None, *, prompts_only: bool = False, known: Tensor | None = None
    ) -> Batch:
        return build_batch(
            spans,
            mix,
            block_size=self.pages.block_size,
            dtype=self._model.dtype,
            prompts_only=prompts_only,
            rope=self._model.shape.rope,
            known=known,
        )

    def _bind(self, sequences: list[Running], logits: Tensor) -> dict[int, str]:
        """Rules out what grammars do not allow; the rows whose grammar failed, with the reason."""
        bound = [(row, each.matcher) for row, each in enumerate(sequences) if each.matcher is not None]
        if not bound:
            return {}
        rows = [row for row, _ in bound]
        forbidden, errors = self._grammars.forbidden([matcher for _, matcher in bound])
        forbidden = send(forbidden, logits.device)
        if len(rows) == len(sequences):
            logits.masked_fill_(forbidden, -math.inf)
        else:
            at = send(rows, logits.device)
            logits.index_copy_(0, at, logits.index_select(0, at).masked_fill_(forbidden, -math.inf))
        return {row: f"the grammar stopped: {error}" for row, error in zip(rows, errors, strict=True) if error}


def _rows(counts: dict[Running, int]) -> dict[Running, int]:
    """Whose next token comes of this pass: the row of logits behind its last token that is no guess."""
    rows: dict[Running, int] = {}
    at = 0
    for sequence, count in counts.items():
        if count >= sequence.missing:
            rows[sequence] = at
            at += 1 + len(sequence.draft)
    return rows


def _one_by_one(
    work: Callable[[list[Running], Tensor], T], sequences: list[Running], logits: Tensor, rows: list[int]
) -> list[tuple[list[Running], T | str]]:
    """All at once; if that raises (a grammar does, or memory is gone), each alone, so that it ends nobody else.

    Rows that anything is done to are copied: what was done to them before the failure must not be done twice.
    """
    try:
        if rows == list(range(logits.shape[0])) and not any(each.history or each.matcher for each in sequences):
            return [(sequences, work(sequences, logits))]
        return [(sequences, work(sequences, logits.index_select(0, send(rows, logits.device))))]
    except Exception as error:
        if len(sequences) == 1:
            return [(sequences, f"the next token could not be chosen: {reason_of(error)}")]
    alone = zip(sequences, rows, strict=True)
    return [outcome for sequence, row in alone for outcome in _one_by_one(work, [sequence], logits, [row])]


def reason_of(error: Exception) -> str:
    """The first line of what was raised, as the end of a sentence."""
    line = str(error).strip().split("\n", 1)[0][:200]
    return f"{line or type(error).__name__}".rstrip(".") + "."
