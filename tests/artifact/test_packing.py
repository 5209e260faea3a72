"""Matrices in fewer bytes: what comes back, how small it is, and every way in which a packed file can lie."""

import json
import struct

import jsonschema
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.artifact import slots as slots_module
from runtime.artifact.packing import GROUP, pack, unpack
from runtime.artifact.refusals import BadTensors
from runtime.artifact.slots import Slot, SlotRecord, read_slots, write_slots
from runtime.artifact.tensors import read_header, write_tensors
from runtime.home import shipped

MODULE = "model.layers.0.mlp.up_proj"


def record(rank=3, outputs=40, inputs=32, density=1.0, seed=0):
    random = torch.Generator().manual_seed(seed)

    def matrix(*shape):
        return torch.randn(shape, generator=random) * (torch.rand(shape, generator=random) < density)

    k = (matrix(2, 4), matrix(outputs // 2, inputs // 4))
    return SlotRecord(
        "dora", {MODULE: Slot(a=matrix(rank, inputs), b=matrix(outputs, rank), g_out=matrix(outputs), k=k)}
    )


@settings(max_examples=60, deadline=None)
@given(
    part=st.sampled_from(["A", "B"]),
    rows=st.integers(1, 5),
    columns=st.integers(1, 150),
    density=st.floats(0, 1),
    size=st.sampled_from([1e-6, 1.0, 1e6]),
    sparse=st.booleans(),
    seed=st.integers(0, 99),
)
def test_int8_keeps_each_number_to_half_a_step_of_its_group(part, rows, columns, density, size, sparse, seed):
    random = torch.Generator().manual_seed(seed)
    shape = (rows, columns) if part == "A" else (columns, rows)
    matrix = size * torch.randn(shape, generator=random) * (torch.rand(shape, generator=random) < density)
    back = unpack(part, packed, "m") if "" not in (packed := pack(part, matrix, int8=True, sparse=sparse)) else matrix
    assert back.shape == matrix.shape
    assert ((back == 0) | (matrix != 0)).all()
    # Half a step, and what rounding the scale to bf16 costs the largest number.
    assert (back - matrix).abs().max() <= matrix.abs().max() * (0.5 / 127 + 2**-8)


@settings(max_examples=40, deadline=None)
@given(rows=st.integers(1, 6), eighths=st.integers(1, 12), density=st.floats(0, 1), seed=st.integers(0, 99))
def test_a_sparse_matrix_in_bf16_comes_back_to_the_bit(rows, eighths, density, seed):
    random = torch.Generator().manual_seed(seed)
    matrix = torch.randn(rows, 8 * eighths, generator=random).bfloat16().float()
    matrix *= torch.rand(matrix.shape, generator=random) < density
    tensors = pack("A", matrix, int8=False, sparse=True)
    assert torch.equal((tensors[""] if "" in tensors else unpack("A", tensors, "m")).float(), matrix)


def test_a_width_that_does_not_fill_its_bytes_is_stored_whole():
    assert set(pack("A", torch.eye(4, 12), int8=False, sparse=True)) == {""}
    assert set(pack("A", torch.eye(4, 16), int8=False, sparse=True)) == {"mask", "kept"}
    assert set(pack("B", torch.eye(16, 4), int8=False, sparse=True)) == {"mask", "kept"}, "its rows are ranks"


def test_a_matrix_without_zeros_has_no_mask():
    assert set(pack("A", torch.ones(4, 16), int8=True, sparse=True)) == {"int8", "scales"}


@pytest.mark.parametrize(("dtype", "sparse", "most"), [("int8", False, 0.56), ("bf16", True, 0.42), ("int8", True, 0.25)])  # fmt: skip
def test_each_way_is_as_small_as_it_promises(dtype, sparse, most):
    wide = record(rank=16, outputs=2048, inputs=2048, density=0.3 if sparse else 1.0)
    wide = SlotRecord("lora", {MODULE: Slot(a=wide.slots[MODULE].a, b=wide.slots[MODULE].b)})
    assert len(write_slots(wide, dtype, sparse=sparse)) < most * len(write_slots(wide, "bf16"))


def test_everything_but_matrices_stays_bf16():
    entries, _ = read_header(write_slots(record(), "int8"), "it")
    kinds = {name.removeprefix(f"{MODULE}."): entry.dtype for name, entry in entries.items()}
    assert kinds == {
        **{f"{part}.int8": "I8" for part in ("A", "B", "K1", "K2")},
        **{f"{part}.scales": "BF16" for part in ("A", "B", "K1", "K2")},
        "g_out": "BF16",
    }


@pytest.mark.parametrize(("dtype", "sparse"), [("fp32", False), ("bf16", False), ("int8", False), ("bf16", True), ("int8", True)])  # fmt: skip
def test_a_packed_record_reads_as_an_ordinary_one_and_the_same_record_gives_the_same_bytes(dtype, sparse):
    exact = record(density=0.4)
    data = write_slots(exact, dtype, sparse=sparse)
    assert data == write_slots(exact, dtype, sparse=sparse)
    back, want = read_slots(data).slots[MODULE], exact.slots[MODULE]
    for ours, theirs in ((back.a, want.a), (back.b, want.b), (back.k[1], want.k[1])):
        assert ours.shape == theirs.shape
        assert (ours.float() - theirs).abs().max() < 0.02 * theirs.abs().max()
    again = write_slots(read_slots(data), dtype, sparse=sparse)
    assert read_slots(again).slots[MODULE].a.float().allclose(back.a.float(), rtol=0.02, atol=1e-6)


@pytest.mark.parametrize(("dtype", "sparse"), [("fp32", False), ("bf16", False), ("int8", False), ("int8", True)])
def test_the_header_that_is_written_follows_its_schema(dtype, sparse):
    schema = json.loads((shipped("schemas") / "slots.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    data = write_slots(record(density=0.4), dtype, sparse=sparse)
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    validator = jsonschema.Draft202012Validator(schema)
    validator.validate(header)
    name = next(name for name in header if name != "__metadata__")
    for wrong in ({**header[name], "dtype": "F64"}, {**header[name], "shape": [1, 2, 3]}):
        assert not validator.is_valid({**header, name: wrong})
    assert not validator.is_valid({**header, f"{MODULE}.code": header[name]})


# What a hostile file may say. A: 2 x 8 numbers; 5 of them are kept where it is sparse.
MASK = bytes([0b00000111, 0b10000001])
FORMS = {
    "int8": {"int8": ("I8", (2, 8), bytes(range(16))), "scales": ("BF16", (1,), b"\x80\x3f")},
    "sparse": {"mask": ("U8", (2, 1), MASK), "kept": ("BF16", (5,), b"\x80\x3f" * 5)},
    "sparse int8": {
        "mask": ("U8", (2, 1), MASK),
        "kept": ("I8", (5,), bytes(5)),
        "scales": ("BF16", (1,), b"\x80\x3f"),
    },
}
B = (f"{MODULE}.B", "F32", (3, 2), bytes(24))


def bf16(value):
    return struct.pack("<f", value)[2:]


def hostile(form, **changes):
    """A file of a form with some of its tensors replaced, or left out (None)."""
    tensors = {**FORMS[form], **changes}
    packed = [(f"{MODULE}.A.{suffix}", *tensor) for suffix, tensor in tensors.items() if tensor is not None]
    return write_tensors([*packed, B], {"format": "expert-slots/1", "kind": "lora"})


@pytest.mark.parametrize("form", FORMS)
def test_the_forms_that_the_hostile_ones_are_made_of_are_sound(form):
    a = read_slots(hostile(form)).slots[MODULE].a
    assert a.shape == (2, 8) and bool(torch.isfinite(a).all())


@pytest.mark.parametrize(
    ("form", "changes", "sentence"),
    [
        ("int8", {"scales": None}, r"A is stored as int8, which is no way"),
        ("int8", {"int8": None}, r"A is stored as scales, which is no way"),
        ("sparse", {"kept": None}, r"A is stored as mask, which is no way"),
        ("sparse", {"mask": None}, r"A is stored as kept, which is no way"),
        ("sparse", {"int8": FORMS["int8"]["int8"]}, r"A is stored as int8, kept, mask"),
        ("sparse", {"scales": ("BF16", (1,), b"\x80\x3f")}, "scales if, and only if"),
        ("sparse int8", {"scales": None}, "scales if, and only if"),
        ("int8", {"scales": ("BF16", (2,), b"\x80\x3f" * 2)}, "2 scales for 16 numbers"),
        ("int8", {"scales": ("BF16", (0,), b"")}, "0 scales for 16 numbers"),
        ("sparse int8", {"scales": ("BF16", (2,), b"\x80\x3f" * 2)}, "2 scales for 5 numbers"),
        ("int8", {"scales": ("BF16", (1,), bf16(0.0))}, r"A has a scale that is not above zero"),
        ("int8", {"scales": ("BF16", (1,), bf16(-1.0))}, r"A has a scale that is not above zero"),
        ("int8", {"scales": ("BF16", (1,), bf16(float("nan")))}, r"A\.scales has values that are not finite"),
        ("int8", {"scales": ("BF16", (1,), bf16(float("inf")))}, r"A\.scales has values that are not finite"),
        ("int8", {"scales": ("BF16", (1,), bf16(1e38))}, "so large that its numbers are not finite"),
        ("int8", {"scales": ("F32", (1,), bytes(4))}, r"scales must have 1 dimensions of BF16"),
        ("int8", {"scales": ("BF16", (1, 1), b"\x80\x3f")}, r"scales must have 1 dimensions of BF16"),
        ("int8", {"int8": ("I8", (16,), bytes(16))}, r"int8 must have 2 dimensions of I8"),
        ("int8", {"int8": ("U8", (2, 8), bytes(16))}, r"int8 must have 2 dimensions of I8"),
        ("int8", {"int8": ("I8", (2, 8), b"\x80" + bytes(15))}, "-128"),
        ("int8", {"int8": ("I8", (3, 8), bytes(24))}, "A of rank 3 and B of rank 2"),
        ("sparse", {"mask": ("U8", (3, 1), MASK + b"\0")}, "A of rank 3 and B of rank 2"),
        ("sparse", {"mask": ("U8", (2,), MASK)}, "mask must have 2 dimensions of U8"),
        ("sparse", {"mask": ("U8", (2, 1), b"\xff\xff")}, "keeps 5 numbers where its mask has 16"),
        ("sparse", {"kept": ("BF16", (4,), b"\x80\x3f" * 4)}, "keeps 4 numbers where its mask has 5"),
        ("sparse", {"kept": ("BF16", (6,), b"\x80\x3f" * 6)}, "keeps 6 numbers where its mask has 5"),
        ("sparse", {"kept": ("F32", (5,), bytes(20))}, "kept must have 1 dimensions of BF16 or I8"),
        ("sparse", {"kept": ("BF16", (5,), b"\x80\x7f" * 5)}, r"A\.kept has values that are not finite"),
        ("sparse int8", {"kept": ("I8", (5,), b"\x80" * 5)}, "-128"),
    ],
)
def test_a_packed_matrix_that_lies_is_refused_by_name(form, changes, sentence):
    with pytest.raises(BadTensors, match=sentence) as caught:
        read_slots(hostile(form, **changes))
    assert "up_proj.A" in str(caught.value) or "up_proj has A" in str(caught.value)


def test_a_matrix_stored_whole_and_packed_is_refused():
    whole = (f"{MODULE}.A", "F32", (2, 8), bytes(64))
    packed = [(f"{MODULE}.A.{suffix}", *tensor) for suffix, tensor in FORMS["int8"].items()]
    data = write_tensors([whole, *packed, B], {"format": "expert-slots/1", "kind": "lora"})
    with pytest.raises(BadTensors, match=r"up_proj\.A is stored twice"):
        read_slots(data)


@pytest.mark.parametrize("part", ["g_out.int8", "S.values.int8", "A.", "A.int4", "A.int8.scales"])
def test_only_matrices_can_be_packed(part):
    data = write_tensors([(f"{MODULE}.{part}", "I8", (1, 8), bytes(8))], {"format": "expert-slots/1", "kind": "lora"})
    with pytest.raises(BadTensors, match="not a part of a slot"):
        read_slots(data)


def test_a_small_file_that_would_unpack_to_an_enormous_record_is_refused_before_it_does(monkeypatch):
    """The cap is lowered instead of a file of 32 MB being made; sizes are added up over the whole file."""
    monkeypatch.setattr(slots_module, "MOST_NUMBERS", 31)
    packed = [(f"m{n}.A.{suffix}", *tensor) for n in range(2) for suffix, tensor in FORMS["sparse"].items()]
    with pytest.raises(BadTensors, match="would unpack to 32 numbers; at most 31"):
        read_slots(write_tensors(packed, {"format": "expert-slots/1", "kind": "lora"}))


def test_numbers_that_are_not_finite_are_not_packed():
    slot = Slot(a=torch.full((1, 8), float("nan")), b=torch.ones(8, 1))
    with pytest.raises(BadTensors, match=r"A has values that are not finite"):
        write_slots(SlotRecord("lora", {MODULE: slot}), "int8")


@settings(max_examples=150, deadline=None)
@given(data=st.data(), dtype=st.sampled_from(["bf16", "int8"]))
def test_a_damaged_packed_file_is_refused_or_is_still_a_finite_record(data, dtype):
    good = write_slots(record(density=0.4), dtype, sparse=True)
    where = data.draw(st.integers(0, len(good) - 1))
    damaged = good[:where] + bytes([data.draw(st.integers(0, 255))]) + good[where + 1 :]
    try:
        back = read_slots(damaged)
    except BadTensors:
        return
    for slot in back.slots.values():
        assert all(part is None or bool(torch.isfinite(part).all()) for part in (slot.a, slot.b))


def test_a_group_of_zeros_has_a_sound_scale():
    tensors = pack("A", torch.zeros(1, 2 * GROUP), int8=True, sparse=False)
    assert tensors["scales"].tolist() == [1.0, 1.0]
    assert not unpack("A", tensors, "m").any()
