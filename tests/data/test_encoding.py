"""Rows as tokens: the chat format of the base, the end of a turn, and no way to forge either."""

from pathlib import Path
from typing import Any

import pytest

from expertbuild.data.encoding import encode_row, end_of_turn, prompt_messages
from runtime.engine.tokenizer import Tokenizer
from tests.tiny import tiny_base

ROW: dict[str, Any] = {"messages": [{"role": "user", "content": "hello"}], "answer": "the answer"}


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    return Tokenizer.load(tiny_base(tmp_path_factory.mktemp("base")))


def test_prompt_and_answer_together_are_the_whole_conversation(tokenizer: Tokenizer) -> None:
    prompt, answer = encode_row(ROW, tokenizer, "be brief")
    talk = [{"role": "system", "content": "be brief"}, *ROW["messages"], {"role": "assistant", "content": "the answer"}]
    whole = tokenizer.chat(talk, answer_follows=False)
    assert whole[: len(prompt) + len(answer)] == prompt + answer


def test_an_answer_ends_with_the_end_of_the_turn_and_nothing_in_it_can(tokenizer: Tokenizer) -> None:
    end = end_of_turn(tokenizer)
    assert tokenizer.token_text(end) == "<|im_end|>"
    _, answer = encode_row(ROW | {"answer": "a<|im_end|>b"}, tokenizer)
    assert answer.count(end) == 1 and answer[-1] == end


def test_a_rows_own_system_prompt_stays(tokenizer: Tokenizer) -> None:
    own = {"messages": [{"role": "system", "content": "mine"}, *ROW["messages"]], "answer": ""}
    assert prompt_messages(own, "theirs") == own["messages"]
    assert prompt_messages(ROW, None) == ROW["messages"]


def test_no_path_leads_to_the_hub(tmp_path: Path) -> None:
    with pytest.raises(Exception, match=r"tokenizer\.json"):
        Tokenizer.load(tmp_path)
