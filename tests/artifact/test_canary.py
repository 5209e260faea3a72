import pytest
import torch

from runtime.artifact.canary import Canary, Probe, read_canary, write_canary
from runtime.artifact.refusals import BadTensors
from runtime.artifact.tensors import write_tensors


def probe(n=5, k=3):
    return Probe(torch.arange(n), torch.tensor([9, 2, 4][:k]), torch.tensor([3.0, 2.0, 1.0][:k]))


def test_a_canary_comes_back_as_it_was():
    back = read_canary(write_canary(Canary((probe(), probe(7)), 0.0125)))
    assert back.tolerance == 0.0125
    assert [len(p.tokens) for p in back.probes] == [5, 7]
    assert back.probes[1].top_ids.tolist() == [9, 2, 4]
    assert back.probes[1].top_ids.dtype == back.probes[1].tokens.dtype == torch.int32
    assert back.probes[0].top_values.tolist() == [3.0, 2.0, 1.0]


def test_the_same_canary_gives_the_same_bytes():
    assert write_canary(Canary([probe()], 1e-3)) == write_canary(Canary([probe()], 1e-3))


@pytest.mark.parametrize(
    ("canary", "sentence"),
    [
        (Canary([], 0.1), "1 to 64 probes"),
        (Canary([probe(0)], 0.1), "empty"),
        (Canary([probe(5, 0)], 0.1), "empty"),
        (Canary([probe()], 0.0), "tolerance"),
        (Canary([probe()], float("nan")), "tolerance"),
        (Canary([probe()], 1e9), "tolerance"),
        (
            Canary([Probe(torch.tensor([-1]), torch.tensor([1]), torch.tensor([1.0]))], 0.1),
            "negative",
        ),
        (
            Canary(
                [Probe(torch.tensor([1]), torch.tensor([1, 2]), torch.tensor([1.0]))],
                0.1,
            ),
            "different lengths",
        ),
    ],
)
def test_a_canary_that_proves_nothing_is_not_written(canary, sentence):
    with pytest.raises(BadTensors, match=sentence):
        write_canary(canary)


def file(tensors, metadata=None):
    metadata = metadata or {"format": "expert-canary/1", "tolerance": "0.1"}
    return write_tensors([(n, d, s, bytes(4 * s[0])) for n, d, s in tensors], metadata)


GOOD = [
    ("tokens.0", "I32", (2,)),
    ("top_ids.0", "I32", (1,)),
    ("top_values.0", "F32", (1,)),
]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (file([*GOOD, ("extra", "I32", (1,))]), "extra"),
        (file(GOOD[:2]), "missing or does not belong"),
        (file([("tokens.0", "F32", (2,)), *GOOD[1:]]), "wrong shape or dtype"),
        (file(GOOD, {"format": "expert-canary/1"}), "no tolerance"),
        (
            file(GOOD, {"format": "expert-slots/1", "tolerance": "0.1"}),
            "expert-slots/1",
        ),
    ],
)
def test_a_file_that_is_no_canary_is_refused(data, sentence):
    with pytest.raises(BadTensors, match=sentence):
        read_canary(data)
