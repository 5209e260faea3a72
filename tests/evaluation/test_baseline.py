"""The base is asked once for the same thing: what it said is remembered, by all that decides it."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from expertbuild.actions import baseline as module
from expertbuild.actions.baseline import baseline

ENGINE = SimpleNamespace(base_digest="sha256:aa", tokenizer_digest="sha256:bb")
DECODING = {"max_tokens": 8, "check": None}


def conversation(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the engine was asked, in its order; it answers in capitals."""
    heard: list[str] = []

    def generator(engine: Any, adapter: str | None, decoding: Any, grammar: str | None) -> Any:
        assert adapter is None

        def answers(conversations: list[Any]) -> list[str]:
            texts = [messages[-1]["content"] for messages in conversations]
            heard.extend(texts)
            return [text.upper() for text in texts]

        return answers

    monkeypatch.setattr(module, "generator", generator)
    return heard


@pytest.fixture
def run(tmp_path: Path) -> Any:
    return SimpleNamespace(config={"paths": {"cache": str(tmp_path)}})


def test_what_was_said_before_is_not_asked_again(run: Any, asked: list[str]) -> None:
    assert baseline(run, ENGINE, DECODING, None)([conversation("a"), conversation("b")]) == ["A", "B"]
    assert baseline(run, ENGINE, DECODING, None)([conversation("b"), conversation("c"), conversation("a")]) == [
        *("B", "C", "A"),
    ]
    assert asked == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("engine", "decoding", "grammar"),
    [
        (SimpleNamespace(base_digest="sha256:cc", tokenizer_digest="sha256:bb"), DECODING, None),
        (ENGINE, {**DECODING, "second_look": 4}, None),
        (ENGINE, DECODING, 'root ::= "a"'),
    ],
)
def test_another_base_decoding_or_grammar_is_asked_for_itself(
    run: Any, asked: list[str], engine: Any, decoding: Any, grammar: str | None
) -> None:
    baseline(run, ENGINE, DECODING, None)([conversation("a")])
    baseline(run, engine, decoding, grammar)([conversation("a")])
    assert asked == ["a", "a"]


def test_what_cannot_be_read_is_asked_again(run: Any, asked: list[str]) -> None:
    baseline(run, ENGINE, DECODING, None)([conversation("a")])
    for file in (Path(run.config["paths"]["cache"]) / "rows").glob("??/*"):
        file.write_bytes(b"")
    assert baseline(run, ENGINE, DECODING, None)([conversation("a")]) == ["A"]
    assert asked == ["a", "a"]
