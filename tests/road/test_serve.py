"""What was built, served: the OpenAI client is the judge."""

from collections.abc import Iterator

import openai
import pytest

from tests.road.roads import Road

PROMPT = 'Fix this JSON: {name: "Ada", "age": 36,}'


@pytest.fixture(scope="module")
def client(road: Road) -> Iterator[openai.OpenAI]:
    with road.serving() as address:
        yield openai.OpenAI(base_url=f"{address}/v1", api_key="none", timeout=120)


def test_the_models_are_the_expert_the_base_and_auto(client: openai.OpenAI) -> None:
    assert {model.id for model in client.models.list()} == {"local/expert-json", "nano", "auto"}


@pytest.mark.parametrize("model", ["expert-json", "local/expert-json", "nano", "auto"])
def test_every_model_answers(client: openai.OpenAI, model: str) -> None:
    answer = client.chat.completions.create(model=model, messages=[{"role": "user", "content": PROMPT}], max_tokens=20)
    assert answer.choices[0].finish_reason in ("stop", "length")
    assert answer.usage is not None and 0 < answer.usage.completion_tokens <= 20


def test_auto_takes_the_expert_and_says_why(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="auto", messages=[{"role": "user", "content": PROMPT}], max_tokens=5)
    assert answer.model == "local/expert-json"
    said = (answer.model_extra or {})["expertbuild"]
    assert said["expert"] == "local/expert-json"
    assert any("keyword 'json'" in reason for reason in said["reasons"])


def test_auto_leaves_other_prompts_to_the_base(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model="auto", messages=[{"role": "user", "content": "Tell me about the weather in Lisbon."}], max_tokens=5
    )
    assert answer.model == "nano"


def test_a_stream_says_the_same_as_the_whole(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(
        model="expert-json", messages=[{"role": "user", "content": PROMPT}], max_tokens=30
    )
    parts = client.chat.completions.create(
        model="expert-json", messages=[{"role": "user", "content": PROMPT}], max_tokens=30, stream=True
    )
    text = "".join(part.choices[0].delta.content or "" for part in parts if part.choices)
    assert text == whole.choices[0].message.content


def test_an_unknown_model_is_a_404(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="expert-poems"):
        client.chat.completions.create(model="expert-poems", messages=[{"role": "user", "content": "Hi"}])
