"""What is fuzzed: each reader of bytes from outside, with valid beginnings, a mutator and an oracle.

A target reads bytes. It may refuse them, by the refusal hierarchy and with one printable sentence, or accept them; what
it accepts must pass the oracle: written again it is the same bytes, or an independent reader sees the same content.
Anything else is a finding, a refusal inside the oracle included.
"""

import atexit
import hashlib
import io
import json
import os
import shutil
import struct
import tempfile
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from runtime.artifact import signature as signatures
from runtime.artifact import strict_json
from runtime.artifact.container import open_container, write_container
from runtime.artifact.manifest import read_manifest, write_manifest
from runtime.artifact.package import glimpse, open_package
from runtime.artifact.refusals import BadSignature, Refused
from runtime.artifact.release import seal
from runtime.artifact.statement import read_statement, write_statement
from runtime.artifact.tensors import read_header, write_tensors
from tests.artifact import samples
from tests.fuzz import mutators
from tests.fuzz.mutators import Mutator

KEYS = (samples.ALICE, samples.BOB, samples.MALLORY)
LONGEST = 64 * 1024
SLOWEST = 5.0  # seconds of this thread's own time for one input of at most LONGEST bytes


@dataclass(frozen=True)
class Target:
    """`read` may refuse; what it returns is given to `oracle`, which raises for a finding."""

    read: Callable[[bytes], Any]
    oracle: Callable[[bytes, Any], None]
    seeds: Callable[[], list[bytes]]
    mutate: Mutator


def attempt(target: Target, data: bytes) -> bool:
    """Give one input to a target. True: accepted; an exception: a finding."""
    begun = time.thread_time()
    try:
        content, refused = target.read(data), None
    except Refused as refusal:
        content, refused = None, str(refusal)
    if refused is None:
        try:
            target.oracle(data, content)
        except Refused as refusal:
            raise AssertionError(f"accepted, and refused when it was written or read again: {refusal}") from refusal
    else:
        assert refused.isprintable() and 10 < len(refused) < 5000, f"not a sentence to show: {refused[:200]!r}"
    taken = time.thread_time() - begun
    assert taken < SLOWEST, f"{taken:.1f} s for {len(data)} bytes"
    return refused is None


# The readers and their oracles.


def read_json(data: bytes) -> Any:
    return strict_json.read(data, "the input")


def same_json(data: bytes, value: Any) -> None:
    assert value == json.loads(data), "another value than the standard reader sees"
    once = strict_json.canonical(value)
    assert strict_json.canonical(strict_json.read_canonical(once, "the canonical form")) == once


def same_statement(data: bytes, statement: Any) -> None:
    assert write_statement(statement) == data, "accepted in a spelling that is not ours"


def same_manifest(data: bytes, manifest: Any) -> None:
    assert write_manifest(manifest) == data, "accepted in a spelling that is not ours"


def same_envelope(data: bytes, envelope: Any) -> None:
    """No key may count but one that really signed."""
    assert signatures.write_envelope(envelope) == data, "accepted in a spelling that is not ours"
    try:
        signed = signatures.verify(envelope, envelope.payload)
    except BadSignature:
        return
    assert signed <= {signatures.key_id(key.public) for key in KEYS}, "a signature fits a key that nobody holds"
    message = signatures.pre_authentication(envelope.payload)
    for each in envelope.signatures:
        [key] = [key for key in KEYS if key.public == each.public]
        assert each.signature == key.sign(message), "a signature fits that its key did not make"


def same_tensors(data: bytes, header: Any) -> None:
    """The safetensors library must see the same tensors; it may not accept less."""
    from safetensors import deserialize

    entries, _ = header
    theirs = {name: (view["dtype"], tuple(view["shape"]), bytes(view["data"])) for name, view in deserialize(data)}
    ours = {e.name: (e.dtype, e.shape, data[e.begin : e.end]) for e in entries.values()}
    assert theirs == ours, "the safetensors library reads something else"


def read_slots(data: bytes) -> Any:
    from runtime.artifact.slots import read_slots

    return read_slots(data)


def same_slots(data: bytes, record: Any) -> None:
    """Each slot can be computed; written in full precision and read again it is the same record; and it is finite."""
    import torch

    from runtime.artifact.slots import _parts, read_slots, write_slots

    again = read_slots(write_slots(record, "fp32"))
    assert again.kind == record.kind and again.slots.keys() == record.slots.keys()
    for module, slot in record.slots.items():
        _can_be_computed(slot)
        before, after = dict(_parts(slot)), dict(_parts(again.slots[module]))
        assert before.keys() == after.keys()
        for part, tensor in before.items():
            assert bool(torch.isfinite(tensor.float()).all()), f"{part} is not finite"
            assert torch.equal(tensor.to(after[part].dtype), after[part]), f"{part} came back changed"


def read_soft_prompt(data: bytes) -> Any:
    from runtime.artifact.prompt import read_prompt

    return read_prompt(data)


def same_prompt(data: bytes, prompt: Any) -> None:
    """It stands for some tokens, its numbers are finite, and written and read again it is the same."""
    import torch

    from runtime.artifact.prompt import read_prompt, write_prompt

    again = read_prompt(write_prompt(prompt, "fp32"))
    assert prompt.length > 0 and again.parts().keys() == prompt.parts().keys()
    for name, tensor in prompt.parts().items():
        assert bool(torch.isfinite(tensor.float()).all()) and torch.equal(tensor.float(), again.parts()[name])


def _can_be_computed(slot: Any) -> None:
    """y = W x' + g_out * (W x') + B (A x') + K(x') + S x' for some W, with no two opinions about its shape."""
    import torch

    sizes = [] if slot.a is None else [(slot.b.shape[0], slot.a.shape[1])]
    sizes += (
        [] if slot.k is None else [(slot.k[0].shape[0] * slot.k[1].shape[0], slot.k[0].shape[1] * slot.k[1].shape[1])]
    )
    outputs = {size[0] for size in sizes} | (set() if slot.g_out is None else {len(slot.g_out)})
    inputs = {size[1] for size in sizes} | (set() if slot.g_in is None else {len(slot.g_in)})
    assert len(outputs) <= 1 and len(inputs) <= 1, "two opinions about the layer"
    if slot.a is not None:
        assert (slot.b.float() @ slot.a.float()).numel() > 0, "a product of nothing"
    if slot.s is not None:
        rows, columns, values = slot.s
        places = list(zip(rows.tolist(), columns.tolist(), strict=True))
        assert places == sorted(set(places)) and len(values) == len(places), "sparse places out of order"
        shape = (min(outputs, default=2**31), min(inputs, default=2**31))
        torch.sparse_coo_tensor(
            torch.stack([rows.long(), columns.long()]), values.float(), shape, check_invariants=True
        )


def read_canary(data: bytes) -> Any:
    from runtime.artifact.canary import read_canary

    return read_canary(data)


def same_canary(data: bytes, canary: Any) -> None:
    import torch

    from runtime.artifact.canary import read_canary, write_canary

    again = read_canary(write_canary(canary))
    assert again.tolerance == canary.tolerance and len(again.probes) == len(canary.probes)
    for one, other in zip(canary.probes, again.probes, strict=True):
        for part in ("tokens", "top_ids", "top_values"):
            assert torch.equal(getattr(one, part), getattr(other, part)), f"{part} came back changed"


def read_container(data: bytes) -> Any:
    with open_container(_placed(data)) as container:
        return {name: container.read(name) for name in container.names}


def same_container(data: bytes, members: Any) -> None:
    """Written again it is the same file, and Python's zipfile lists the same names with the same content."""
    again = _room() / "again"
    write_container(again, members)
    assert again.read_bytes() == data, "accepted in a form that we would not write"
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert [info.filename for info in archive.infolist()] == list(members), "zipfile lists other names"
        assert all(archive.read(name) == content for name, content in members.items()), "zipfile reads other bytes"


def read_package(data: bytes) -> Any:
    with open_package(_placed(data)) as package:
        return package, {name: package.read(name) for name in package.members}


def same_package(data: bytes, opened: Any) -> None:
    """Everything in it is listed with its digest, its parts agree, and sealing the same again gives the same statement."""
    from safetensors import deserialize

    package, members = opened
    statement, manifest = package.statement, package.manifest
    for name, content in members.items():
        if name not in ("statement.json", "signatures.json"):
            listed = statement.members[name]
            assert (listed.size, listed.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    for field in ("publisher", "name", "version", "requires", "conflicts"):
        assert getattr(statement, field) == getattr(manifest, field), f"two opinions about {field}"
    assert {b: (v.base, v.tokenizer) for b, v in statement.variants.items()} == {
        b: (v.base_digest, v.tokenizer_digest) for b, v in manifest.variants.items()
    }, "two opinions about the bases"
    assert manifest.decoding.grammar == ("grammar.gbnf" in members)
    for name, content in members.items():
        if name.endswith(".safetensors"):
            deserialize(content)
        else:
            assert name.endswith((".json", ".gbnf", ".md")) or name == "LICENSE", f"{name} has no place in a package"
            content.decode("utf-8")
    seen = glimpse(package.path)
    assert (seen.id, seen.publisher, seen.name, seen.version) == (
        hashlib.sha256(members["statement.json"]).hexdigest(),
        manifest.publisher,
        manifest.name,
        manifest.version,
    )
    made_here = ("statement.json", "signatures.json", "manifest.json")
    given = {name: content for name, content in members.items() if name not in made_here}
    if statement.members.keys() == {*given, "manifest.json"} and not statement.annotations:
        again = seal(_room() / "again.expert", given, manifest, provenance=statement.provenance)
        assert again == package.id, "sealing the same again gives another release"
    same_container(data, dict(sorted(members.items())))


# What they begin with.


def _json_seeds() -> list[bytes]:
    return [
        b'{"a":[1,-2.5,1e-7,true,false,null],"b":{"\\u00e9":"\xc3\xa9\\n"}}',
        b'{"deep":' + b"[" * 60 + b"]" * 60 + b"}",
        b"[9223372036854775807,-9223372036854775808,1.7976931348623157e308,5e-324,0.1]",
        b'"\\ud83d\\ude00"',
        b' { "x" : 0 } ',
    ]


@cache
def _members() -> dict[str, bytes]:
    with open_container(_placed(_package())) as container:
        return {name: container.read(name) for name in container.names}


def _statement_seeds() -> list[bytes]:
    plain = _members()["statement.json"]
    value = json.loads(plain)
    value["predicate"]["annotations"] = {"note": "x"}
    value["predicate"]["requires"] = {"acme/expert-json": "^1.0"}
    return [plain, strict_json.canonical(value)]


def _manifest_seeds() -> list[bytes]:
    return [write_manifest(samples.manifest(bases)) for bases in (("nano",), ("nano", "qwen3-0.6b"))]


def _envelope_seeds() -> list[bytes]:
    return [
        signatures.sign(payload, signers)
        for payload in (b"{}", _members()["statement.json"])
        for signers in ([samples.ALICE], [samples.ALICE, samples.BOB, samples.MALLORY])
    ]


def _tensor_seeds() -> list[bytes]:
    every = [(f"t.{dtype}", dtype, (2, 1), bytes(2 * size)) for dtype, size in _sizes().items()]
    return [
        samples.slots(),
        samples.canary(),
        write_tensors(every, {"format": "x"}),
        write_tensors([("empty", "F32", (0, 3), b""), ("one", "I8", (), b"\x01")], {}),
    ]


def _slots_seeds() -> list[bytes]:
    import torch

    from runtime.artifact.slots import Slot, SlotRecord, write_slots

    sparse = (torch.tensor([0, 2]), torch.tensor([1, 0]), torch.ones(2))
    whole = Slot(
        a=torch.ones(2, 4), b=torch.ones(6, 2), g_out=torch.ones(6), g_in=torch.ones(4),
        k=(torch.ones(3, 2), torch.ones(2, 2)), s=sparse,
    )  # fmt: skip
    record = SlotRecord("osd", {"m.q": whole, "m.v": Slot(g_out=torch.zeros(3))})
    return [samples.slots(), write_slots(record, "fp32"), write_slots(record, "bf16")]


def _prompt_seeds() -> list[bytes]:
    import torch

    from runtime.artifact.prompt import SoftPrompt, write_prompt

    whole, rotated = SoftPrompt(torch.ones(3, 4)), SoftPrompt(keys=torch.ones(2, 3, 4), values=torch.zeros(2, 3, 4))
    return [write_prompt(prompt, dtype) for prompt in (whole, rotated) for dtype in ("fp32", "bf16")]


def _canary_seeds() -> list[bytes]:
    two = [
        ("tokens.0", "I32", (2,), struct.pack("<2i", 5, 6)),
        ("top_ids.0", "I32", (1,), struct.pack("<i", 7)),
        ("top_values.0", "F32", (1,), struct.pack("<f", 0.5)),
        ("tokens.1", "I32", (1,), struct.pack("<i", 5)),
        ("top_ids.1", "I32", (2,), struct.pack("<2i", 7, 8)),
        ("top_values.1", "F32", (2,), struct.pack("<2f", 0.5, -1)),
    ]
    return [samples.canary(), write_tensors(two, {"format": "expert-canary/1", "tolerance": "0.25"})]


def _container_seeds() -> list[bytes]:
    from tests.artifact.zips import build, shapes

    return [build(shapes()), build(shapes({"a": b""})), build(shapes({f"d/{n}": bytes([n]) * n for n in range(20)}))]


@cache
def _package(bases: tuple[str, ...] = ("nano",)) -> bytes:
    path = _room() / "seed.expert"
    samples.sealed(path, bases)
    return path.read_bytes()


def _package_seeds() -> list[bytes]:
    return [_package(), _package(("nano", "qwen3-0.6b"))]


TARGETS = {
    "json": Target(read_json, same_json, _json_seeds, mutators.json_text),
    "statement": Target(read_statement, same_statement, _statement_seeds, mutators.statement),
    "manifest": Target(read_manifest, same_manifest, _manifest_seeds, mutators.json_tree),
    "envelope": Target(signatures.read_envelope, same_envelope, _envelope_seeds, mutators.envelope),
    "tensors": Target(lambda data: read_header(data, "the input"), same_tensors, _tensor_seeds, mutators.tensors),
    "slots": Target(read_slots, same_slots, _slots_seeds, mutators.tensors),
    "prompt": Target(read_soft_prompt, same_prompt, _prompt_seeds, mutators.tensors),
    "canary": Target(read_canary, same_canary, _canary_seeds, mutators.tensors),
    "container": Target(read_container, same_container, _container_seeds, mutators.container),
    "package": Target(read_package, same_package, _package_seeds, mutators.package),
}


# Where the files lie: in memory if there is such a place.


@cache
def _room() -> Path:
    memory = Path("/dev/shm")
    room = tempfile.mkdtemp(prefix="fuzz-", dir=memory if os.access(memory, os.W_OK) else None)
    atexit.register(shutil.rmtree, room, ignore_errors=True)
    return Path(room)


def _placed(data: bytes) -> Path:
    path = _room() / "input.expert"
    path.unlink(missing_ok=True)  # an old map may still lie on the old file
    path.write_bytes(data)
    return path


def _sizes() -> dict[str, int]:
    from runtime.artifact.tensors import SIZES

    return SIZES
