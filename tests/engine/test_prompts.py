"""Soft prompts: PEFT's numbers, pages that are shared, and company that notices nothing."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from expertbuild.training.errors import CannotLower
from expertbuild.training.lowering import lower
from runtime.artifact.adapter import read_adapter
from runtime.artifact.prompt import SoftPrompt, read_prompt, write_prompt
from runtime.artifact.refusals import BadTensors
from runtime.artifact.schema import check
from runtime.artifact.slots import Slot, SlotRecord, write_slots
from runtime.engine.engine import Engine, Request, Result, Sampling
from runtime.engine.errors import AdapterRefused, RequestRefused
from tests.engine.conftest import Trained, train
from tests.tiny import tiny_base

PROMPT = [1, 303, 201, 74, 75, 280, 421, 2, 201, 1, 67, 298, 319, 201]
# More than a block, a whole number of blocks, less than one; keys and values; what P-tuning comes to.
KINDS = ["long", "even", "short", "prefix", "p-tuning"]


def configs() -> dict[str, Any]:
    import peft

    task: dict[str, Any] = {"task_type": "CAUSAL_LM"}
    return {
        "long": peft.PromptTuningConfig(num_virtual_tokens=37, **task),
        "even": peft.PromptTuningConfig(num_virtual_tokens=32, **task),
        "short": peft.PromptTuningConfig(num_virtual_tokens=3, **task),
        "prefix": peft.PrefixTuningConfig(num_virtual_tokens=21, **task),
        "p-tuning": peft.PromptEncoderConfig(num_virtual_tokens=9, encoder_hidden_size=16, **task),
    }


@pytest.fixture(scope="module")
def prompted(base: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Trained]:
    return {
        kind: train(base, tmp_path_factory.mktemp("prompt"), config, seed=number)
        for number, (kind, config) in enumerate(configs().items())
    }


@pytest.fixture(scope="module")
def records(base: Path, prompted: dict[str, Trained], trained: dict[str, Trained]) -> dict[str, SlotRecord]:
    found = {kind: lower(each.directory, base) for kind, each in prompted.items()}
    return found | {"dora": lower(trained["dora"].directory, base)}


@pytest.fixture
def engine(base: Path, records: dict[str, SlotRecord]) -> Iterator[Engine]:
    engine = Engine.load(base, max_batch=16)
    engine.tokenizer.eos_ids = frozenset()
    for kind, record in records.items():
        engine.attach(kind, record, f"digest of {kind}")
    yield engine
    engine.check()


@pytest.mark.parametrize("kind", KINDS)
def test_a_soft_prompt_gives_the_logits_of_peft(engine: Engine, prompted: dict[str, Trained], kind: str) -> None:
    ours, theirs = engine.last_logits(PROMPT, kind), prompted[kind].logits(PROMPT)[-1]
    torch.testing.assert_close(ours, theirs, atol=3e-5, rtol=0)
    assert (ours - engine.last_logits(PROMPT)).abs().max() > 0.05, "the prompt changes nothing"
    torch.testing.assert_close(
        engine.last_logits(PROMPT[:1], kind), prompted[kind].logits(PROMPT[:1])[-1], atol=3e-5, rtol=0
    )


def test_all_kinds_in_one_batch_give_what_peft_gives_one_after_the_other(
    engine: Engine, prompted: dict[str, Trained]
) -> None:
    """Through the cache, the base and a DoRA among them, one prompt of a single token."""
    names = [*KINDS, None, "dora", "long"]
    sizes = [5, 9, 14, 6, 1, 7, 8, 13]
    requests = [Request(PROMPT[:size], 8, adapter=name) for size, name in zip(sizes, names, strict=True)]
    alone = [engine.generate([Request(PROMPT[: sizes[at]], 8, adapter=names[at])])[0].tokens for at in (5, 6)]
    results = engine.generate(requests)
    for request, result in zip(requests, results, strict=True):
        assert result.usage.prompt_tokens == len(request.tokens)
        if isinstance(request.adapter, str) and request.adapter in prompted:
            text = request.tokens + result.tokens
            told = prompted[request.adapter].logits(text)[-9:-1].argmax(-1).tolist()
            assert result.tokens == told, request.adapter
    assert [results[5].tokens, results[6].tokens] == alone


def test_pages_of_a_prompt_are_shared_and_come_back_after_they_were_given_up(
    base: Path, records: dict[str, SlotRecord]
) -> None:
    """A cache so small that others push the prompt out, and requests out of each other's way."""
    engine = Engine.load(base, cache_tokens=144, max_batch=4)
    engine.tokenizer.eos_ids = frozenset()
    engine.attach("long", records["long"], "long")
    first = _ask(engine, PROMPT, "long")
    assert first.usage.cached_tokens == 0
    longer = engine.generate([Request(PROMPT * 2, 24, adapter="long")])[0]
    for _ in range(3):
        _ask(engine, PROMPT * 5, None)
        assert _ask(engine, PROMPT, "long").tokens == first.tokens
    together = engine.generate([Request(PROMPT * 2, 24, adapter="long") for _ in range(4)])
    assert [result.tokens for result in together] == [longer.tokens] * 4
    assert engine._scheduler.preempted, "nobody was ever sent back"
    engine.check()


def test_the_prefix_cache_counts_the_text_and_never_the_prompt(engine: Engine) -> None:
    first, again = _ask(engine, PROMPT * 3, "even"), _ask(engine, PROMPT * 3, "even")
    assert (first.usage.cached_tokens, again.usage.cached_tokens) == (0, 32)
    assert first.usage.prompt_tokens == 42 and first.tokens == again.tokens


def test_another_prompt_under_the_same_name_never_gets_the_old_pages(
    engine: Engine, records: dict[str, SlotRecord]
) -> None:
    before = _ask(engine, PROMPT * 3, "long")
    engine.attach("long", records["even"], "digest of long")
    after = _ask(engine, PROMPT * 3, "long")
    assert after.usage.cached_tokens == 0
    assert after.tokens == _ask(engine, PROMPT * 3, "even").tokens != before.tokens


def test_a_prompt_may_leave_while_it_is_decoded(engine: Engine) -> None:
    alone = _ask(engine, PROMPT, "prefix").tokens
    engine.submit(Request(PROMPT, 8, adapter="prefix"))
    engine.step()
    engine.detach("prefix")
    told = [event.result for _ in range(12) for event in engine.step() if event.result]
    assert told[0].tokens == alone


def test_a_repetition_penalty_does_not_count_the_places_of_the_prompt(engine: Engine) -> None:
    """Places of a soft prompt are filled with a token id that nobody wrote."""
    request = Request(PROMPT, 4, adapter="even", sampling=Sampling(repetition_penalty=1.3))
    logits = engine.last_logits(PROMPT, "even").clone()
    seen = logits[PROMPT]
    logits[PROMPT] = torch.where(seen > 0, seen / 1.3, seen * 1.3)
    assert engine.generate([request])[0].tokens[0] == int(logits.argmax())


def test_a_prompt_beside_layers_is_computed_with_them(base: Path, records: dict[str, SlotRecord]) -> None:
    """One record with both: the same as the prompt's embeddings run through the changed layers."""
    engine = Engine.load(base)
    both = replace(records["dora"], prompt=records["short"].prompt)
    engine.attach("both", both, "both")
    engine.attach("dora", records["dora"], "dora")
    prompt = records["short"].prompt
    assert prompt is not None and prompt.embeddings is not None
    # The same embeddings as tokens of a base whose vocabulary holds them.
    weights = engine.model.weights
    weights.embedding[[500, 501, 502]] = prompt.embeddings
    expected = engine.last_logits([500, 501, 502, *PROMPT], "dora")
    torch.testing.assert_close(engine.last_logits(PROMPT, "both"), expected, atol=3e-5, rtol=0)


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        (SoftPrompt(embeddings=torch.ones(600, 64)), r"600 tokens and this engine takes 512: no room for a text"),
        (SoftPrompt(embeddings=torch.ones(511, 64)), "no room for a text"),
        (
            SoftPrompt(embeddings=torch.ones(4, 63)),
            r"embeddings of its soft prompt are \[4, 63\], the base needs \[4, 64\]",
        ),
        (SoftPrompt(embeddings=torch.full((4, 64), torch.nan)), "embeddings of its soft prompt holds values that are"),
        (SoftPrompt(embeddings=torch.ones(0, 64)), "empty"),
        (SoftPrompt(), "empty"),
        (SoftPrompt(keys=torch.ones(2, 4, 32)), "empty"),
        (SoftPrompt(keys=torch.ones(3, 4, 32), values=torch.ones(3, 4, 32)), r"the base needs \[2, 4, 32\]"),
        (SoftPrompt(keys=torch.ones(2, 4, 32), values=torch.ones(2, 4, 32) * torch.inf), "values of its soft prompt"),
    ],
)
def test_a_prompt_that_does_not_fit_is_refused_and_nobody_is_harmed(
    engine: Engine, prompt: SoftPrompt, words: str
) -> None:
    alone = _ask(engine, PROMPT, "long").tokens
    engine.submit(Request(PROMPT, 8, adapter="long", id="good"))
    engine.step()
    with pytest.raises(AdapterRefused, match=words):
        engine.attach("bad", SlotRecord("prompt", prompt=prompt), "bad")
    assert "bad" not in engine.attached()
    told = [event.result for _ in range(12) for event in engine.step() if event.result]
    assert told[0].tokens == alone


def test_a_prompt_that_overflows_in_its_own_layers_is_refused(engine: Engine) -> None:
    slots = {"model.layers.0.self_attn.v_proj": Slot(g_out=torch.full((32,), 3e38))}
    with pytest.raises(AdapterRefused, match="does not compute to finite numbers"):
        engine.attach("bad", SlotRecord("both", slots, SoftPrompt(embeddings=torch.randn(4, 64) * 9)), "bad")


def test_the_prompt_counts_against_the_context(engine: Engine) -> None:
    with pytest.raises(RequestRefused, match="this engine takes 474"):
        engine.submit(Request([7] * 475, 1, adapter="long"))
    assert _ask(engine, [7] * 474, "long").finish_reason == "length"


def test_a_prompt_has_no_weight_and_is_not_added_to_others(engine: Engine) -> None:
    for weights in ({"long": 0.5}, {"long": 1.0, "dora": 1.0}):
        (result,) = engine.generate([Request(PROMPT, 2, adapter=weights)])
        assert "'long' is a soft prompt" in str(result.error)
    assert _ask(engine, PROMPT, {"long": 1.0}).tokens == _ask(engine, PROMPT, "long").tokens


@pytest.mark.parametrize("kind", ["long", "prefix"])
def test_a_file_gives_the_prompt_back(records: dict[str, SlotRecord], kind: str) -> None:
    prompt = records[kind].prompt
    assert prompt is not None
    data = write_prompt(prompt, "fp32")
    assert data == write_prompt(read_prompt(data), "fp32")
    again = read_adapter(["prompt.safetensors"], lambda _: data)
    assert again.prompt is not None and again.slots == {}
    for name, tensor in prompt.parts().items():
        assert torch.equal(again.prompt.parts()[name], tensor)
    assert len(write_prompt(prompt)) < len(data)


def test_the_schema_describes_the_header(records: dict[str, SlotRecord]) -> None:
    for kind in ("long", "prefix"):
        prompt = records[kind].prompt
        assert prompt is not None
        data = write_prompt(prompt)
        size = int.from_bytes(data[:8], "little")
        check(json.loads(data[8 : 8 + size]), "prompt", "the header")


def test_both_files_of_an_adapter_are_read(records: dict[str, SlotRecord]) -> None:
    slots = {"model.layers.0.mlp.up_proj": Slot(a=torch.ones(2, 64), b=torch.ones(96, 2))}
    prompt = records["short"].prompt
    assert prompt is not None
    files = {"slots.safetensors": write_slots(SlotRecord("lora", slots)), "prompt.safetensors": write_prompt(prompt)}
    found = read_adapter(files, files.__getitem__)
    assert found.kind == "lora" and found.slots.keys() == slots.keys() and found.prompt is not None


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        ({"embeddings": torch.ones(2, 3, 4)}, "must have 2 dimensions"),
        ({"embeddings": torch.ones(2, 3, dtype=torch.float16)}, "BF16 or F32"),
        ({"embeddings": torch.full((2, 3), torch.nan)}, "not finite"),
        ({"embeddings": torch.ones(0, 3)}, "no soft prompt"),
        ({"keys": torch.ones(2, 3, 4)}, "holds keys; a soft prompt is"),
        ({"keys": torch.ones(2, 3, 4), "values": torch.ones(2, 4, 4)}, "must agree"),
        ({"embeddings": torch.ones(2, 3), "more": torch.ones(2)}, "holds embeddings, more"),
        ({}, "holds nothing"),
    ],
)
def test_a_file_that_is_no_prompt_is_refused(tensors: dict[str, torch.Tensor], words: str) -> None:
    from runtime.artifact.mapped import packed
    from runtime.artifact.tensors import write_tensors

    data = write_tensors([packed(*item) for item in tensors.items()], {"format": "expert-prompt/1"})
    with pytest.raises(BadTensors, match=words):
        read_prompt(data)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"something_new": 1}, "uses something_new"),
        ({"num_transformer_submodules": 2}, "decoder alone"),
        ({"peft_type": "MULTITASK_PROMPT_TUNING"}, "type MULTITASK_PROMPT_TUNING cannot be compiled"),
        ({"peft_type": "PREFIX_TUNING"}, "not one table|numbers per token"),
    ],
)
def test_a_prompt_method_that_cannot_be_expressed_is_named(
    base: Path, prompted: dict[str, Trained], tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    config = json.loads((prompted["short"].directory / "adapter_config.json").read_text()) | change
    (tmp_path / "adapter_config.json").write_text(json.dumps(config))
    table = load_file(prompted["short"].directory / "adapter_model.safetensors")["prompt_embeddings"]
    save_file({"prompt_embeddings": table[:, :63].contiguous()}, tmp_path / "adapter_model.safetensors")
    with pytest.raises(CannotLower, match=words):
        lower(tmp_path, base)


def test_a_prompt_of_another_base_is_refused(tmp_path: Path, records: dict[str, SlotRecord]) -> None:
    engine = Engine.load(tiny_base(tmp_path, hidden_size=80))
    with pytest.raises(AdapterRefused, match="the base needs"):
        engine.attach("other", records["long"], "d")


def _ask(engine: Engine, tokens: list[int], adapter: Any) -> Result:
    return engine.generate([Request(tokens, 8, adapter=adapter)])[0]
