"""What is fuzzed: each reader of bytes from outside, with valid beginnings, a mutator and an oracle.

A target takes bytes. It may refuse them, by the refusal hierarchy and with one printable sentence, or accept them; what
it accepts must pass the oracle: written again it is the same bytes, or an independent reader sees the same content.
Anything else is a finding.
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

from runtime.artifact import signature as signatures
from runtime.artifact import strict_json
from runtime.artifact.container import open_container, write_container
from runtime.artifact.manifest import read_manifest, write_manifest
from runtime.artifact.package import glimpse, open_package
from runtime.artifact.refusals import Refused
from runtime.artifact.statement import read_statement, write_statement
from runtime.artifact.tensors import read_header, write_tensors
from tests.artifact import samples
from tests.fuzz import mutators
from tests.fuzz.mutators import Mutator

LONGEST = 64 * 1024
SLOWEST = 5.0  # seconds of this thread's own time for one input of at most LONGEST bytes


@dataclass(frozen=True)
class Target:
    """`check` returns whether the input was accepted; it raises for a finding."""

    check: Callable[[bytes], bool]
    seeds: Callable[[], list[bytes]]
    mutate: Mutator


def attempt(target: Target, data: bytes) -> bool:
    """Give one input to a target. True: accepted; an exception: a finding."""
    begun = time.thread_time()
    try:
        accepted = target.check(data)
    except Refused as refusal:
        accepted = False
        sentence = str(refusal)
        assert sentence.isprintable() and 10 < len(sentence) < 5000, f"not a sentence to show: {sentence[:200]!r}"
    taken = time.thread_time() - begun
    assert taken < SLOWEST, f"{taken:.1f} s for {len(data)} bytes"
    return accepted


# The checks.


def check_json(data: bytes) -> bool:
    value = strict_json.read(data, "the input")
    assert value == json.loads(data), "another value than the standard reader sees"
    once = strict_json.canonical(value)
    assert strict_json.canonical(strict_json.read_canonical(once, "the canonical form")) == once
    return True


def check_statement(data: bytes) -> bool:
    assert write_statement(read_statement(data)) == data, "accepted in a spelling that is not ours"
    return True


def check_manifest(data: bytes) -> bool:
    assert write_manifest(read_manifest(data)) == data, "accepted in a spelling that is not ours"
    return True


def check_envelope(data: bytes) -> bool:
    """Also verified: no key but one that really signed may be named."""
    envelope = signatures.read_envelope(data)
    assert signatures.write_envelope(envelope) == data, "accepted in a spelling that is not ours"
    signed = signatures.verify(envelope, envelope.payload)
    assert signed <= {signatures.key_id(key.public) for key in (samples.ALICE, samples.BOB, samples.MALLORY)}
    message = signatures.pre_authentication(envelope.payload)
    assert all(each.signature == _signer(each.public).sign(message) for each in envelope.signatures)
    return True


def check_tensors(data: bytes) -> bool:
    """The safetensors library must see the same tensors; it may not accept less."""
    from safetensors import deserialize

    entries, _ = read_header(data, "the input")
    theirs = {name: (view["dtype"], tuple(view["shape"]), bytes(view["data"])) for name, view in deserialize(data)}
    ours = {e.name: (e.dtype, e.shape, data[e.begin : e.end]) for e in entries.values()}
    assert theirs == ours, "the safetensors library reads something else"
    return True


def check_slots(data: bytes) -> bool:
    """Read, written in full precision and read again it is the same record; and it is finite."""
    import torch

    from runtime.artifact.slots import _parts, read_slots, write_slots

    record = read_slots(data)
    again = read_slots(write_slots(record, "fp32"))
    assert again.kind == record.kind and again.slots.keys() == record.slots.keys()
    for module, slot in record.slots.items():
        before, after = dict(_parts(slot)), dict(_parts(again.slots[module]))
        assert before.keys() == after.keys()
        for part, tensor in before.items():
            assert bool(torch.isfinite(tensor.float()).all()), f"{part} is not finite"
            assert torch.equal(tensor.to(after[part].dtype), after[part]), f"{part} came back changed"
    return True


def check_canary(data: bytes) -> bool:
    import torch

    from runtime.artifact.canary import read_canary, write_canary

    canary = read_canary(data)
    again = read_canary(write_canary(canary))
    assert again.tolerance == canary.tolerance and len(again.probes) == len(canary.probes)
    for one, other in zip(canary.probes, again.probes, strict=True):
        for part in ("tokens", "top_ids", "top_values"):
            assert torch.equal(getattr(one, part), getattr(other, part)), f"{part} came back changed"
    return True


def check_container(data: bytes) -> bool:
    """Written again it is the same file, and Python's zipfile lists the same names with the same content."""
    with open_container(_placed(data)) as container:
        members = {name: container.read(name) for name in container.names}
    again = _room() / "again"
    write_container(again, members)
    assert again.read_bytes() == data, "accepted in a form that we would not write"
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert [info.filename for info in archive.infolist()] == list(members), "zipfile lists other names"
        assert all(archive.read(name) == content for name, content in members.items()), "zipfile reads other bytes"
    return True


def check_package(data: bytes) -> bool:
    """Everything in it is listed with its digest, its parts agree, and a glimpse sees the same release."""
    path = _placed(data)
    with open_package(path) as package:
        members = {name: package.read(name) for name in package.members}
        listed = package.statement.members
        for name, content in members.items():
            if name not in ("statement.json", "signatures.json"):
                assert (listed[name].size, listed[name].sha256) == (len(content), hashlib.sha256(content).hexdigest())
        assert package.id == hashlib.sha256(members["statement.json"]).hexdigest()
        said = (package.statement.publisher, package.statement.name, package.statement.version)
        assert (package.manifest.publisher, package.manifest.name, package.manifest.version) == said
    seen = glimpse(path)
    assert (seen.id, seen.publisher, seen.name, seen.version) == (package.id, *said)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == members
    return True


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
    "json": Target(check_json, _json_seeds, mutators.json_text),
    "statement": Target(check_statement, _statement_seeds, mutators.statement),
    "manifest": Target(check_manifest, _manifest_seeds, mutators.json_tree),
    "envelope": Target(check_envelope, _envelope_seeds, mutators.envelope),
    "tensors": Target(check_tensors, _tensor_seeds, mutators.tensors),
    "slots": Target(check_slots, _slots_seeds, mutators.tensors),
    "canary": Target(check_canary, _canary_seeds, mutators.tensors),
    "container": Target(check_container, _container_seeds, mutators.container),
    "package": Target(check_package, _package_seeds, mutators.package),
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


def _signer(public: bytes) -> samples.Key:
    return next(key for key in (samples.ALICE, samples.BOB, samples.MALLORY) if key.public == public)


def _sizes() -> dict[str, int]:
    from runtime.artifact.tensors import SIZES

    return SIZES
