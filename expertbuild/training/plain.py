"""The pass of any transformers model with its PEFT layers as they are: slower than the fused one, knows everything.

Samples of similar length stand one to a row, padded on the right: causal attention never looks there, so no mask is
needed and the fast attention kernels apply. Where lengths differ much they are packed end to end instead, kept apart
by position ids that start again, and without a cache: with a cache object transformers lets them see each other.
"""

from typing import Any

import torch
from torch import Tensor

from expertbuild.training.packing import Pack

# Share of padding above which packing costs less, although it needs a mask over all pairs of tokens.
MOST_PADDING = 0.4


class PlainPass:
    """`begin` and `end` have nothing to do here: PEFT's parameters get their gradients directly."""

    shares = False

    def __init__(self, model: Any, dtype: torch.dtype, *, may_pack: bool = True) -> None:
        self.model = model
        self.dtype = dtype
        self.may_pack = may_pack

    def begin(self) -> None:
        pass

    def end(self) -> None:
        pass

    def logits(self, pack: Pack) -> Tensor:
        """Float32 logits at the positions whose next token is learned."""
        narrow = self.dtype != torch.float32
        padding = 1 - sum(pack.lengths) / (len(pack.lengths) * max(pack.lengths))
        through = self.packed if self.may_pack and padding > MOST_PADDING else self.padded
        with torch.autocast(pack.tokens.device.type, self.dtype if narrow else None, enabled=narrow):
            return through(pack).float()

    def packed(self, pack: Pack) -> Tensor:
        """All samples in one row."""
        hidden = self._hidden(input_ids=pack.tokens.unsqueeze(0), position_ids=pack.positions.unsqueeze(0))[0]
        return self._head(hidden[pack.where])

    def padded(self, pack: Pack) -> Tensor:
        """Each sample in a row of its own."""
        rows = torch.nn.utils.rnn.pad_sequence(list(torch.split(pack.tokens, list(pack.lengths))), batch_first=True)
        lengths = torch.tensor(pack.lengths, device=rows.device)
        inside = torch.arange(rows.shape[1], device=rows.device) < lengths.unsqueeze(1)
        return self._head(self._hidden(input_ids=rows)[inside][pack.where])

    def _hidden(self, **inputs: Tensor) -> Tensor:
        out: Tensor = self.model.get_base_model().get_decoder()(**inputs, use_cache=False).last_hidden_state
        return out

    def _head(self, hidden: Tensor) -> Tensor:
        """Only where something is learned: logits of every position of a large vocabulary would fill the memory."""
        out: Tensor = self.model.get_base_model().get_output_embeddings()(hidden)
        return out
