"""Stretched rotary embeddings have transformers' numbers, per base, per request, and in the prefix cache's keys."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from runtime.engine.engine import Engine, Request
from runtime.engine.errors import BaseRefused, RequestRefused
from runtime.engine.rope import KINDS, rope_of
from tests.tiny import tiny_base

PAIRS = 8
TOLD: dict[str, dict[str, Any]] = {
    "default": {},
    "linear": {"factor": 3.0},
    "dynamic": {"factor": 4.0},
    "yarn": {"factor": 4.0, "original_max_position_embeddings": 64},
    "yarn, told more": {
        "factor": 8.0,
        "original_max_position_embeddings": 64,
        "beta_fast": 16,
        "beta_slow": 2,
        "mscale": 0.7,
        "mscale_all_dim": 1.0,
        "truncate": False,
    },
    "yarn, attention as told": {"factor": 2.0, "original_max_position_embeddings": 128, "attention_factor": 1.25},
    "longrope": {
        "short_factor": [1.0 + 0.1 * pair for pair in range(PAIRS)],
        "long_factor": [1.0 + 0.9 * pair for pair in range(PAIRS)],
        "factor": 8.0,
        "original_max_position_embeddings": 32,
    },
    "llama3": {
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 64,
    },
}
TEXT = [(7 * place) % 450 + 3 for place in range(90)]


def _told(name: str) -> dict[str, Any]:
    return {"rope_type": name.split(",")[0], "rope_theta": 10000.0, **TOLD[name]}


@pytest.mark.parametrize("name", [name for name in TOLD if name != "default"])
def test_frequencies_are_those_of_transformers(name: str) -> None:
    from transformers import LlamaConfig
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

    told = _told(name)
    config = LlamaConfig(
        hidden_size=64, num_attention_heads=4, head_dim=16, max_position_embeddings=256, rope_parameters=dict(told)
    )
    ours = rope_of(told, size=16, context=256)
    for length in (1, 32, 33, 256, 257, 1000):
        frequencies, scale = ROPE_INIT_FUNCTIONS[told["rope_type"]](config, torch.device("cpu"), seq_len=length)
        torch.testing.assert_close(torch.tensor(ours.at(length)), frequencies.float(), rtol=2e-7, atol=0)
        assert ours.scale == pytest.approx(scale, rel=1e-7)


def test_ntk_and_its_parts_are_what_their_names_say() -> None:
    """NTK-aware: the fastest pair unchanged, the slowest slower by the factor. By parts: YaRN without its scale."""
    plain = rope_of({}, size=16, context=64)
    ntk = rope_of({"rope_type": "ntk", "factor": 4.0}, size=16, context=64)
    assert ntk.frequencies[0] == plain.frequencies[0]
    assert ntk.frequencies[-1] == pytest.approx(plain.frequencies[-1] / 4, rel=1e-6)
    told = {"factor": 4.0, "original_max_position_embeddings": 64}
    parts, yarn = (rope_of({"rope_type": kind, **told}, size=16, context=64) for kind in ("ntk_by_parts", "yarn"))
    assert parts.frequencies == yarn.frequencies
    assert (parts.scale, yarn.scale) == (1.0, 0.1 * math.log(4) + 1)


@pytest.mark.parametrize("name", ["linear", "dynamic", "yarn", "longrope"])
def test_a_prompt_and_its_steps_equal_transformers(tmp_path: Path, name: str) -> None:
    """On a base that brings it, and for a request on a base that does not: prompt in chunks, then through the cache."""
    from transformers import AutoModelForCausalLM

    # What transformers calls the context is what a dynamic rope grows from; no other kind looks at it here.
    sizes = {"max_position_embeddings": 64}
    base = tiny_base(tmp_path / "stretched", "llama", rope_parameters=_told(name), **sizes)
    plain = tiny_base(tmp_path / "plain", "llama", **sizes)
    theirs = AutoModelForCausalLM.from_pretrained(base)
    told = _told(name) | {"original_max_position_embeddings": _told(name).get("original_max_position_embeddings", 64)}
    for prompt in (TEXT[:20], TEXT[:60], TEXT):
        if name != "dynamic" and len(prompt) + 8 > 64:
            continue  # the base's own context; requests may go on
        cached, logits = None, []
        tokens, found = list(prompt), []
        for _ in range(6):
            with torch.no_grad():
                out = theirs(torch.tensor([tokens]), past_key_values=cached, use_cache=True)
            cached = out.past_key_values
            logits.append(out.logits[0, -1])
            tokens = [int(logits[-1].argmax())]
            found.append(tokens[0])
        for engine, rope in ((Engine.load(base, step_tokens=33), None), (Engine.load(plain, step_tokens=33), told)):
            engine.tokenizer.eos_ids = frozenset()
            torch.testing.assert_close(engine.last_logits(prompt, rope=rope), logits[0], atol=5e-5, rtol=1e-4)
            seen = _watch(engine)
            (result,) = engine.generate([Request(prompt, 6, rope=rope)])
            assert result.tokens == found and result.error is None
            torch.testing.assert_close(torch.stack(seen[-6:]), torch.stack(logits), atol=5e-5, rtol=1e-4)


def _watch(engine: Engine) -> list[torch.Tensor]:
    seen: list[torch.Tensor] = []
    forward = engine.model.forward

    def watching(batch: Any, pages: Any) -> torch.Tensor:
        logits = forward(batch, pages)
        seen.extend(logits.clone())
        return logits

    engine.model.forward = watching  # type: ignore[method-assign]
    return seen


def test_requests_with_different_ropes_share_a_batch_and_no_page(base: Path) -> None:
    engine = Engine.load(base, max_batch=8)
    engine.tokenizer.eos_ids = frozenset()
    asked: list[dict[str, Any] | None] = [
        None,
        {"rope_type": "linear", "factor": 2.0},
        {"rope_type": "yarn", "factor": 2},
        {"rope_type": "dynamic", "factor": 2.0, "original_max_position_embeddings": 40},
    ]
    alone = [engine.generate([Request(TEXT, 8, rope=rope)])[0] for rope in asked]
    assert len({tuple(result.tokens) for result in alone}) == len(asked)
    assert [result.usage.cached_tokens for result in alone] == [0, 0, 0, 0]
    together = engine.generate([Request(TEXT, 8, rope=rope) for rope in asked])
    assert [result.tokens for result in together] == [result.tokens for result in alone]
    assert all(result.usage.cached_tokens for result in together)
    # What is beyond the original length was turned by the length of that prompt: another prompt cannot use it.
    assert engine.generate([Request(TEXT[:80], 2, rope=asked[3])])[0].usage.cached_tokens == 0
    assert engine.generate([Request(TEXT[:80], 2, rope=asked[1])])[0].usage.cached_tokens > 0
    engine.check()


def test_a_request_that_was_put_back_is_computed_again_to_the_same_numbers(base: Path) -> None:
    """Tokens it wrote itself are then part of a chunk, and still turned as when they were written."""
    rope = {"rope_type": "dynamic", "factor": 4.0, "original_max_position_embeddings": 24}
    requests = [Request(TEXT[:n], 30, rope=rope) for n in (10, 30, 33)]
    roomy, narrow = Engine.load(base), Engine.load(base, cache_tokens=112)
    for engine in (roomy, narrow):
        engine.tokenizer.eos_ids = frozenset()
    told = [roomy.generate([request])[0].tokens for request in requests]
    assert [result.tokens for result in narrow.generate(requests)] == told
    assert narrow._scheduler.preempted


def test_a_stretched_request_may_be_longer_than_the_bases_context(tmp_path: Path) -> None:
    engine = Engine.load(tiny_base(tmp_path, max_position_embeddings=32))
    with pytest.raises(RequestRefused, match="takes 31"):
        engine.submit(Request(TEXT, 4))
    rope = {"rope_type": "yarn", "factor": 4.0}
    assert engine.longest(rope) == 128 and engine.longest() == 32
    assert len(engine.generate([Request(TEXT, 4, rope=rope)])[0].tokens) == 4


BAD: list[tuple[dict[str, Any], str]] = [
    ({"rope_type": "magic"}, "rope type 'magic'"),
    ({"rope_type": ["yarn"]}, "rope type"),
    ({"rope_type": "linear"}, "needs 'factor'"),
    ({"rope_type": "linear", "factor": 0}, "factor is 0"),
    ({"rope_type": "yarn", "factor": float("nan"), "original_max_position_embeddings": 64}, "factor is nan"),
    ({"rope_type": "dynamic", "factor": float("inf")}, "factor is inf"),
    ({"rope_type": "ntk", "factor": True}, "factor is True"),
    ({"rope_type": "linear", "factor": "2\x1b[31m"}, "factor is"),
    ({"rope_type": "linear", "factor": 1e300}, "factor is 1e"),
    ({"rope_type": "linear", "factor": 10**400}, "factor is 1000"),
    ({"rope_type": "yarn", "factor": 2, "original_max_position_embeddings": -5}, "is -5"),
    ({"rope_type": "yarn", "factor": 2, "beta_fast": float("nan")}, "beta_fast is nan"),
    ({"rope_type": "longrope", "short_factor": [1.0], "long_factor": [1.0]}, "list of 8 numbers"),
    ({"rope_type": "longrope", "short_factor": [1.0] * 8, "long_factor": [0.0] * 8}, "long_factor holds 0"),
    ({"rope_type": "llama3", "factor": 2, "low_freq_factor": 4, "high_freq_factor": 1}, "high_freq_factor 1"),
    ({"rope_type": "linear", "factor": 2, "rope_theta": 0}, "rope_theta is 0"),
    ({"rope_type": "linear", "factor": 2, "partial_rotary_factor": 0.5}, "partial_rotary_factor"),
]


@pytest.mark.parametrize(("told", "words"), BAD)
def test_a_rope_that_is_none_is_refused_by_name(base: Path, told: dict[str, Any], words: str) -> None:
    """In a config.json and in a request alike; a request that is refused leaves nothing behind."""
    import json

    from runtime.engine.shape import Shape

    engine = _engine(base)
    with pytest.raises(RequestRefused, match=words if "partial" not in words else "has no 'partial"):
        engine.submit(Request(TEXT, 4, rope=told))
    assert not engine.busy
    folder = Path(str(base))
    config = json.loads((folder / "config.json").read_text()) | {"rope_parameters": told}
    with pytest.raises(BaseRefused, match=words):
        _read(config, Shape)


_engines: dict[Path, Engine] = {}


def _engine(base: Path) -> Engine:
    if base not in _engines:
        _engines[base] = Engine.load(base)
    return _engines[base]


def _read(config: dict[str, Any], shape: Any) -> None:
    import json
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.json").write_text(json.dumps(config))
        shape.read(Path(folder))


def test_a_request_may_say_no_word_that_its_kind_does_not_know(base: Path) -> None:
    with pytest.raises(RequestRefused, match="linear has no 'beta_fast'"):
        _engine(base).submit(Request(TEXT, 4, rope={"rope_type": "linear", "factor": 2.0, "beta_fast": 3}))
    with pytest.raises(RequestRefused, match="not an object"):
        _engine(base).submit(Request(TEXT, 4, rope=["linear"]))  # type: ignore[arg-type]


def test_every_kind_is_tested_here() -> None:
    assert {name.split(",")[0] for name in TOLD} | {"ntk", "ntk_by_parts"} == set(KINDS)
