"""A row as token ids, in the chat format of the base: what the model reads, and what it should write.

Training, the length filter and evaluation all go through here, and through the tokenizer that serves: an expert is
asked at run time in exactly the form it learned.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Protocol

from runtime.errors import Mistake

Message = Mapping[str, str]
Row = Mapping[str, Any]


class ChatTokenizer(Protocol):
    """The part of `runtime.engine.tokenizer.Tokenizer` that is used here."""

    eos_ids: frozenset[int]

    def __hash__(self) -> int: ...

    def encode(self, text: str) -> list[int]: ...

    def chat(self, messages: Sequence[Mapping[str, Any]], *, answer_follows: bool = True) -> list[int]: ...


def prompt_messages(row: Row, system: str | None = None) -> list[Message]:
    """The messages of a row, under the expert's system prompt unless the row brings its own."""
    messages = list(row["messages"])
    if system and messages[0]["role"] != "system":
        messages.insert(0, {"role": "system", "content": system})
    return messages


def encode_row(row: Row, tokenizer: ChatTokenizer, system: str | None = None) -> tuple[list[int], list[int]]:
    """The ids of the prompt and of the answer, the latter with the token that ends a turn."""
    prompt = tokenizer.chat(prompt_messages(row, system))
    return prompt, [*tokenizer.encode(row["answer"]), end_of_turn(tokenizer)]


@lru_cache(8)
def end_of_turn(tokenizer: ChatTokenizer) -> int:
    """The token with which this base's chat template closes an answer."""
    talk = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "a"}]
    for token in reversed(tokenizer.chat(talk, answer_follows=False)):
        if token in tokenizer.eos_ids:
            return token
    raise Mistake("the chat template of this base does not end an answer with one of its end tokens.")
