import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load as load_safetensors

from runtime.artifact.refusals import BadTensors
from runtime.artifact.slots import Slot, SlotRecord, read_slots, write_slots
from runtime.artifact.tensors import write_tensors

QUERY = "model.layers.0.self_attn.q_proj"
DOWN = "model.layers.0.mlp.down_proj"


def lora(rank=2, outputs=8, inputs=6, seed=0):
    random = torch.Generator().manual_seed(seed)
    return Slot(
        a=torch.randn(rank, inputs, generator=random),
        b=torch.randn(outputs, rank, generator=random),
    )


def everything():
    rows, columns = torch.tensor([0, 0, 3]), torch.tensor([1, 4, 2])
    return Slot(
        a=torch.ones(2, 6),
        b=torch.ones(8, 2),
        g_out=torch.zeros(8),
        g_in=torch.ones(6),
        k=(torch.ones(4, 2), torch.ones(2, 3)),
        s=(rows, columns, torch.tensor([1.0, -2.0, 0.5])),
    )


def file(tensors, kind="lora", **metadata):
    """A slot file of (name, dtype, shape) with zeros inside, right or wrong."""
    sizes = {"F32": 4, "BF16": 2, "I32": 4, "F64": 8, "I8": 1}
    packed = []
    for name, dtype, shape in tensors:
        count = 1
        for n in shape:
            count *= n
        packed.append((name, dtype, shape, bytes(count * sizes[dtype])))
    return write_tensors(packed, {"format": "expert-slots/1", "kind": kind} | metadata)


def test_a_record_with_every_part_comes_back_as_it_was():
    record = SlotRecord("everything", {QUERY: everything(), DOWN: lora()})
    back = read_slots(write_slots(record, "fp32"))
    assert back.kind == "everything"
    assert back.slots.keys() == {QUERY, DOWN}
    slot, want = back.slots[QUERY], everything()
    assert torch.equal(slot.a, want.a) and torch.equal(slot.b, want.b)
    assert torch.equal(slot.g_out, want.g_out) and torch.equal(slot.g_in, want.g_in)
    assert all(torch.equal(x, y) for x, y in zip(slot.k, want.k, strict=True))
    assert [x.tolist() for x in slot.s] == [[0, 0, 3], [1, 4, 2], [1.0, -2.0, 0.5]]


def test_bf16_halves_the_numbers_and_keeps_places_whole():
    record = SlotRecord("lora", {QUERY: everything()})
    back = read_slots(write_slots(record, "bf16")).slots[QUERY]
    assert back.a.dtype == back.s[2].dtype == torch.bfloat16
    assert back.s[0].dtype == torch.int32


def test_the_same_record_gives_the_same_bytes_in_whatever_order_it_was_made():
    one = SlotRecord("lora", {QUERY: lora(), DOWN: lora(seed=1)})
    other = SlotRecord("lora", {DOWN: lora(seed=1), QUERY: lora()})
    assert write_slots(one, "bf16") == write_slots(other, "bf16")


def test_the_safetensors_library_reads_the_file():
    data = write_slots(SlotRecord("lora", {QUERY: lora()}), "fp32")
    loaded = load_safetensors(data)
    assert torch.equal(loaded[f"{QUERY}.A"], lora().a)


def test_tensors_begin_at_a_multiple_of_64_and_are_not_copied():
    data = bytearray(write_slots(SlotRecord("lora", {QUERY: lora()}), "fp32"))
    start = 8 + int.from_bytes(data[:8], "little")
    assert start % 64 == 0
    a = read_slots(data).slots[QUERY].a
    data[start : start + 4] = b"\0\0\0\0"
    assert a[0, 0] == 0


@settings(max_examples=25, deadline=None)
@given(
    rank=st.integers(1, 5),
    outputs=st.integers(1, 9),
    inputs=st.integers(1, 9),
    gains=st.booleans(),
    seed=st.integers(0, 9),
)
def test_any_lora_comes_back(rank, outputs, inputs, gains, seed):
    slot = lora(rank, outputs, inputs, seed)
    if gains:
        slot = Slot(a=slot.a, b=slot.b, g_out=torch.randn(outputs))
    back = read_slots(write_slots(SlotRecord("x", {"m": slot}), "fp32")).slots["m"]
    assert torch.equal(back.a, slot.a) and torch.equal(back.b, slot.b)
    assert (back.g_out is None) == (slot.g_out is None)


@pytest.mark.parametrize(
    ("tensors", "sentence"),
    [
        ([("m.A", "F32", (2, 6))], "without the rest"),
        ([("m.A", "F32", (2, 6)), ("m.B", "F32", (8, 3))], "rank"),
        ([("m.A", "F32", (6,)), ("m.B", "F32", (8, 2))], "2 dimensions"),
        ([("m.A", "F64", (2, 6)), ("m.B", "F64", (8, 2))], "F64"),
        ([("m.A", "I32", (2, 6)), ("m.B", "I32", (8, 2))], "BF16 or F32"),
        ([("m.lora_A.weight", "F32", (2, 6))], "not a part of a slot"),
        ([(".A", "F32", (2, 6))], "not a part of a slot"),
        (
            [
                ("m.g_out", "F32", (8,)),
                ("m.K1", "F32", (2, 2)),
                ("m.K2", "F32", (2, 2)),
            ],
            "disagree",
        ),
        ([("m.A", "F32", (0, 6)), ("m.B", "F32", (8, 0))], "rank 0"),
        (
            [
                ("m.S.rows", "I32", (2,)),
                ("m.S.columns", "I32", (2,)),
                ("m.S.values", "F32", (3,)),
            ],
            "different lengths",
        ),
        (
            [
                ("m.S.rows", "I32", (2,)),
                ("m.S.columns", "I32", (2,)),
                ("m.S.values", "F32", (2,)),
            ],
            "twice",
        ),
    ],
)
def test_a_slot_that_contradicts_itself_is_refused(tensors, sentence):
    with pytest.raises(BadTensors, match=sentence):
        read_slots(file(tensors))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("dtype", ["bf16", "fp32"])
def test_values_that_are_not_finite_are_refused_by_name(value, dtype):
    data = bytearray(write_slots(SlotRecord("lora", {QUERY: lora()}), dtype))
    back = read_slots(data)
    back.slots[QUERY].b[3, 1] = value  # a view: this changes the file
    with pytest.raises(BadTensors, match=r"q_proj\.B has values that are not finite"):
        read_slots(data)
    with pytest.raises(BadTensors, match="not finite"):
        write_slots(SlotRecord("lora", {"m": back.slots[QUERY]}), dtype)


def test_a_sparse_part_outside_its_layer_is_refused():
    for rows, columns in (([0, 9], [0, 0]), ([0, 1], [0, 7]), ([-1, 1], [0, 0])):
        sparse = (torch.tensor(rows), torch.tensor(columns), torch.ones(2))
        slot = Slot(g_out=torch.zeros(8), g_in=torch.ones(6), s=sparse)
        with pytest.raises(BadTensors, match=r"outside the layer|negative place"):
            write_slots(SlotRecord("osd", {"m": slot}), "fp32")


def test_another_format_or_no_kind_is_refused():
    with pytest.raises(BadTensors, match="expert-slots/2"):
        read_slots(file([], format="expert-slots/2"))
    with pytest.raises(BadTensors, match="kind"):
        read_slots(file([], kind=""))


def header(value, data=b""):
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data


def tensor(begin, end, shape=(1,), dtype="F32"):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "too short"),
        (b"\xff" * 8, "declares a header"),
        (header(b"{"), "not JSON"),
        (header([]), "not a table"),
        (header(b'{"m.A":1,"m.A":1}'), "twice"),
        (header({"m.A": 1}), "needs dtype"),
        (header({"m.A": {**tensor(0, 4), "code": "x"}}, bytes(4)), "unknown field"),
        (header({"m.A": tensor(0, 4, dtype="PICKLE")}, bytes(4)), "unknown dtype"),
        (header({"m.A": tensor(0, 4), "m.B": tensor(0, 4)}, bytes(4)), "overlaps"),
        (header({"m.A": tensor(0, 4), "m.B": tensor(8, 12)}, bytes(12)), "gap"),
        (header({"m.A": tensor(0, 4)}, bytes(5)), "end at"),
        (header({"m.A": tensor(0, 8)}, bytes(8)), "is not"),
        (header({"m.A": tensor(4, 0)}, bytes(4)), "impossible offsets"),
        (header({"m.A": tensor(0, 4, shape=(-1,))}, bytes(4)), "impossible shape"),
        (header({"m.A": tensor(0, 4, shape=(True,))}, bytes(4)), "impossible shape"),
        (header({"m.A": tensor(0, 0, shape=(0, 2**39, 2**39))}), "impossible shape"),
        (header({"m.A": tensor(0, 0, shape=(0, 2**39, 1, 2))}), "impossible shape"),
        (header({"m.A": tensor(0, 0, shape=(0,) * 9)}), "9 dimensions"),
        (
            header({"m.A": tensor(0, 4)} | {"__metadata__": {"format": 1}}, bytes(4)),
            "must be text",
        ),
        (
            header({"m.A": tensor(0, 1, dtype="I8"), "m.B": tensor(1, 5)}, bytes(5)),
            "not aligned",
        ),
    ],
)
def test_a_broken_header_is_refused_with_a_sentence(data, sentence):
    with pytest.raises(BadTensors, match=sentence):
        read_slots(data)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_damaged_file_is_refused_or_is_still_a_record(data):
    good = write_slots(SlotRecord("lora", {QUERY: lora()}), "bf16")
    where = data.draw(st.integers(0, len(good) - 1))
    value = data.draw(st.integers(0, 255))
    damaged = good[:where] + bytes([value]) + good[where + 1 :]
    try:
        record = read_slots(damaged)
    except BadTensors:
        return
    for slot in record.slots.values():
        for part in (slot.a, slot.b):
            assert part is None or bool(torch.isfinite(part).all())
