"""A soft prompt as one base sees it: its keys and values in every layer. How they are made and used, `prompts` knows."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Imprint:
    """`keys` and `values` [layers, tokens, heads, size], in the base's dtype."""

    keys: Tensor
    values: Tensor

    @property
    def length(self) -> int:
        return self.keys.shape[1]
