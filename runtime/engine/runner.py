"""One step on the device: requests as a batch through the model, and from its logits the next tokens.

Where a whole batch fails, each request is tried alone, so that a failure ends the request it belongs to. Who runs, and
what a token means for its request, others decide.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from runtime.engine.adapters import Adapters, Attached, Mix
from runtime.engine.batch import Batch, Span, build_batch
from runtime.engine.grammar import Grammars
from runtime.engine.model import Model
from runtime.engine.pages import Pages
from runtime.engine.rope import Rope
from runtime.engine.sampler import choose, penalise
from runtime.engine.sequence import Sequence as Running


class Runner:
    """A model with its pages, adapters and grammars."""

    def __init__(self, model: Model, pages: Pages, adapters: Adapters, grammars: Grammars) -> None:
        self._model, self.pages = model, pages
        self._adapters, self._grammars = adapters, grammars

    def compute(self, counts: dict[Running, int], fresh: list[int]) -> list[tuple[dict[Running, int], Tensor | str]]:
        """Logits for these requests and tokens, or the reason why a request has none."""
        if fresh:
            self.pages.clear(fresh)
        return self._compute(counts) if counts else []

    def next_tokens(self, sequences: list[Running], logits: Tensor) -> list[int | str]:
        """For each request its next token, or the reason why there is none."""
        if not sequences:
            return []
        with torch.inference_mode():
            draws = [sequence.draw() for sequence in sequences]
            penalise(logits, draws)
            broken = self._bind(sequences, logits)
            tokens, largest = choose(logits, draws)
        outcomes: list[int | str] = [
            token if math.isfinite(value) else "the model's logits are not finite."
            for token, value in zip(tokens, largest, strict=True)
        ]
        for row, reason in broken.items():
            outcomes[row] = reason
        return outcomes

    def alone(self, tokens: Sequence[int], adapter: Attached | None, rope: Rope | None = None) -> Tensor:
        """Logits after the last token of one text, in a pass of its own that keeps nothing."""
        with torch.inference_mode():
            mix = self._adapters.mix([adapter], [len(tokens)])
            span = Span(tokens, 0, [0] * (len(tokens) // self.pages.block_size + 1), True, rope, len(tokens))
            return self._model.forward(self._batch([span], mix, prompts_only=True), None)[0].cpu()

    def _compute(self, counts: dict[Running, int]) -> list[tuple[dict[Running, int], Tensor | str]]:
        try:
            return [(counts, self._forward(counts))]
        except Exception as error:  # whatever torch raises: out of memory, a shape, a device
            if len(counts) == 1:
                return [(counts, f"the computation failed: {_reason(error)}")]
        return [outcome for each in counts.items() for outcome in self._compute(dict([each]))]

    def _forward(self, counts: dict[Running, int]) -> Tensor:
        spans = [
            Span(
                sequence.tokens[sequence.computed : sequence.computed + count],
                sequence.computed,
                sequence.table,
                count == sequence.missing,
                sequence.rope,
                sequence.prompt,
            )
            for sequence, count in counts.items()
        ]
        with torch.inference_mode():
            mix = self._adapters.mix([sequence.adapter for sequence in counts], list(counts.values()))
            return self._model.forward(self._batch(spans, mix), self.pages)

    def _batch(self, spans: list[Span], mix: Mix | None, *, prompts_only: bool = False) -> Batch:
        return build_batch(
            spans,
            mix,
            block_size=self.pages.block_size,
            device=self._model.device,
            dtype=self._model.dtype,
            prompts_only=prompts_only,
            rope=self._model.shape.rope,
        )

    def _bind(self, sequences: list[Running], logits: Tensor) -> dict[int, str]:
        """Rules out what grammars do not allow; the rows whose grammar failed, with the reason."""
        bound = [(row, each.matcher) for row, each in enumerate(sequences) if each.matcher is not None]
        if not bound:
            return {}
        rows = [row for row, _ in bound]
        forbidden, errors = self._grammars.forbidden([matcher for _, matcher in bound])
        forbidden = forbidden.to(logits.device)
        if len(rows) == len(sequences):
            logits.masked_fill_(forbidden, -math.inf)
        else:
            at = torch.tensor(rows, device=logits.device)
            logits.index_copy_(0, at, logits.index_select(0, at).masked_fill_(forbidden, -math.inf))
        return {row: f"the grammar stopped: {error}" for row, error in zip(rows, errors, strict=True) if error}


def _reason(error: Exception) -> str:
    line = str(error).strip().split("\n", 1)[0][:200]
    return f"{line or type(error).__name__}".rstrip(".") + "."
