"""Log-probabilities as OpenAI's clients read them: each token as text and as bytes, with its alternatives.

Many tokens are parts of characters: their bytes are exact, their text shows what is no character as U+FFFD.
"""

from collections.abc import Callable, Sequence
from typing import Any

from runtime.engine.logprobs import Likelihood

Spell = Callable[[int], bytes]


def logprobs(tokens: Sequence[Likelihood], spell: Spell) -> dict[str, Any] | None:
    """The field of a choice; None if nobody asked."""
    if not tokens:
        return None
    content = [
        {**_one(each.token, each.logprob, spell), "top_logprobs": [_one(*other, spell) for other in each.top]}
        for each in tokens
    ]
    return {"content": content, "refusal": None}


def _one(token: int, logprob: float, spell: Spell) -> dict[str, Any]:
    spelled = spell(token)
    # JSON knows no infinity: the least number that OpenAI's own server sends stands for it.
    return {"token": spelled.decode(errors="replace"), "logprob": max(logprob, -9999.0), "bytes": list(spelled)}
