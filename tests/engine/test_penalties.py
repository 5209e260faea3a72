"""Penalties, bias and likelihoods: the definitions, row by row."""

import pytest
import torch

from runtime.engine.errors import RequestRefused
from runtime.engine.logprobs import Likelihoods
from runtime.engine.penalties import History, penalise
from runtime.engine.sampler import Sampling
from tests.engine.test_engine import VOCABULARY


def _history(rules: Sampling, answer: list[int]) -> History | None:
    history = History.of(rules, [1, 2], 9)
    for token in answer:
        assert history is not None
        history.add(token)
    return history


def test_presence_and_frequency_count_the_answer_alone() -> None:
    logits = torch.zeros(3, 9)
    rules = Sampling(presence_penalty=0.5, frequency_penalty=0.25)
    penalise(logits, [None, _history(rules, [2, 2, 5]), _history(Sampling(), [])])
    assert logits[1].tolist() == [0, 0, -1.0, 0, 0, -0.75, 0, 0, 0]
    assert not logits[0].any() and not logits[2].any()


def test_a_negative_penalty_favours_what_was_said() -> None:
    logits = torch.zeros(1, 9)
    penalise(logits, [_history(Sampling(presence_penalty=-1.0), [4])])
    assert logits[0, 4] == 1


def test_the_bias_comes_after_the_penalties() -> None:
    """Were it the other way round, a repetition penalty would scale it."""
    logits = torch.ones(1, 9)
    rules = Sampling(repetition_penalty=2.0, presence_penalty=0.5, logit_bias=((1, 100.0), (3, -100.0), (5, 1.0)))
    penalise(logits, [_history(rules, [5])])
    assert logits[0].tolist() == [1, 100.5, 0.5, -99, 1, 0.5 - 0.5 + 1, 1, 1, 1]


def test_a_fork_remembers_what_was_said_and_nothing_of_its_siblings() -> None:
    first = _history(Sampling(repetition_penalty=2.0, frequency_penalty=1.0), [4])
    assert first is not None and first.seen is not None
    second = first.fork()
    second.add(5)
    assert first.counts == {4: 1} and second.counts == {4: 1, 5: 1}
    assert second.seen is not None and second.seen[5] and not first.seen[5]


def test_likelihoods_are_those_before_anything_was_changed() -> None:
    logits = torch.randn(4, 9, generator=torch.Generator().manual_seed(1))
    expected = logits.log_softmax(-1)
    likelihoods = Likelihoods(logits, [None, 0, 3, 20])
    logits.fill_(7.0)
    tokens = torch.tensor([1, 2, 3, 4])
    told = likelihoods.told(tokens.tolist(), *(part.tolist() for part in likelihoods.measured(tokens)))
    assert told[0] is None and told[1] is not None and told[2] is not None and told[3] is not None
    assert told[1].logprob == pytest.approx(float(expected[1, 2])) and told[1].top == ()
    values, ids = expected[2].topk(3)
    assert [token for token, _ in told[2].top] == ids.tolist()
    assert [value for _, value in told[2].top] == pytest.approx(values.tolist())
    assert len(told[3].top) == 9, "a small vocabulary has no more"


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        (Sampling(presence_penalty=float("nan")), "presence_penalty is nan"),
        (Sampling(frequency_penalty=101), "frequency_penalty is 101"),
        (Sampling(logit_bias=((512, 1.0),)), "token id 512"),
        (Sampling(logit_bias=((-1, 1.0),)), "token id -1"),
        (Sampling(logit_bias=((1, float("nan")),)), "token 1 is nan"),
        (Sampling(logit_bias=((1, 101.0),)), "token 1 is 101.0"),
        (Sampling(logit_bias=((1, 1.0), (1, 2.0))), "twice"),
        (Sampling(logit_bias=tuple((token, 1.0) for token in range(1025))), "at most 1024"),
    ],
)
def test_what_means_nothing_is_refused(rules: Sampling, words: str) -> None:
    with pytest.raises(RequestRefused, match=words):
        rules.check(VOCABULARY)
