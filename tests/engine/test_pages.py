"""Keys and values in their blocks: exact, or in eight bits."""

from pathlib import Path

import pytest
import torch

from runtime.engine.engine import BeamRules, Engine, Request, Sampling
from runtime.engine.pages import Pages
from runtime.engine.pages8 import Int8Pages
from tests.engine.test_engine import prompt


@pytest.fixture(scope="module")
def exact(base: Path) -> Engine:
    engine = Engine.load(base)
    engine.tokenizer.eos_ids = frozenset()
    return engine


@pytest.fixture(scope="module")
def engine(base: Path) -> Engine:
    engine = Engine.load(base, cache_dtype="int8")
    engine.tokenizer.eos_ids = frozenset()
    return engine


@pytest.mark.parametrize("kind", [Pages, Int8Pages])
def test_what_is_written_is_read_and_copied(exact: Engine, kind: type[Pages]) -> None:
    shape = exact.model.shape
    pages = kind(shape, 5, 4, device=torch.device("cpu"), dtype=torch.float32)
    keys, values = (torch.randn(3, shape.kv_heads, shape.head_dim) for _ in range(2))
    blocks, offsets = torch.tensor([2, 2, 3]), torch.tensor([2, 3, 0])
    kept = pages.write(1, keys, values, blocks, offsets)
    for mine, given in zip(kept, (keys, values), strict=True):
        steps = given.abs().amax(-1, keepdim=True) / 127
        assert ((mine - given).abs() <= 0.51 * steps).all(), "off by more than half a step"
    pages.copy([(2, 4), (4, 1)])
    for tables in ([[2, 3]], [[4, 3]], [[1, 3]]):
        for mine, read in zip(kept, pages.read(1, torch.tensor(tables)), strict=True):
            assert torch.equal(read[0, :, 2:5], mine.transpose(0, 1))
            assert not read[0, :, :2].any() and not read[0, :, 5:].any(), "what was never written is zero"
    pages.clear([2, 1])
    assert not pages.read(1, torch.tensor([[2, 1]]))[0].any() and pages.read(1, torch.tensor([[4]]))[0].any()


def test_eight_bits_take_the_memory_that_is_said(exact: Engine) -> None:
    shape = exact.model.shape
    for kind in (Pages, Int8Pages):
        pages = kind(shape, 7, 16, device=torch.device("cpu"), dtype=torch.float32)
        memory = pages.data.nbytes + (pages.scales.nbytes if isinstance(pages, Int8Pages) else 0)
        assert memory == 7 * 16 * kind.bytes_per_token(shape, torch.float32)
    assert Int8Pages.bytes_per_token(shape, torch.float32) < 0.32 * Pages.bytes_per_token(shape, torch.float32)


def test_an_int8_cache_says_nearly_the_same(exact: Engine, engine: Engine) -> None:
    requests = [Request(prompt(30, salt), 1, logprobs=5) for salt in range(8)]
    for mine, known in zip(engine.generate(requests), exact.generate(requests), strict=True):
        told = dict(known.logprobs[0].top)
        assert all(abs(value - told.get(token, value)) < 0.05 for token, value in mine.logprobs[0].top)


def test_with_an_int8_cache_it_does_not_matter_what_was_cached(base: Path, engine: Engine) -> None:
    """Preempted, forked, found in the prefix cache, guessed ahead: the same answers."""
    requests = [
        Request(prompt(40), 20),
        Request(prompt(40), 20, n=3, sampling=Sampling(temperature=1.0, seed=1)),
        Request(prompt(40), 20, beams=BeamRules(2)),
        Request(prompt(40) + prompt(9), 20, speculate="ngram"),
    ]
    cramped = Engine.load(base, cache_dtype="int8", cache_tokens=144, max_batch=4, step_tokens=16)
    cramped.tokenizer.eos_ids = frozenset()
    first = [[each.tokens for each in results] for results in engine.generate_all(requests)]
    again = [[each.tokens for each in results] for results in engine.generate_all(requests)]
    other = [[each.tokens for each in results] for results in cramped.generate_all(requests)]
    assert first == again == other
    cramped.check()
    engine.check()
