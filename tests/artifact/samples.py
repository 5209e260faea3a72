"""A small release that has everything a release has, made without torch."""

import struct
from dataclasses import replace
from functools import cached_property

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from runtime.artifact.container import open_container, write_container
from runtime.artifact.manifest import Adapter, Decoding, Manifest, Routing, VariantManifest
from runtime.artifact.release import seal
from runtime.artifact.statement import Provenance
from runtime.artifact.tensors import write_tensors

DIGESTS = {"nano": ("1" * 64, "2" * 64), "qwen3-0.6b": ("3" * 64, "4" * 64)}


class Key:
    """A signer whose key is made of one byte, so that tests are the same every time."""

    def __init__(self, number: int) -> None:
        self.private = Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)

    @cached_property
    def public(self) -> bytes:
        return self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def sign(self, data: bytes) -> bytes:
        return self.private.sign(data)


ALICE, BOB, MALLORY = Key(1), Key(2), Key(3)


def floats(*values):
    return struct.pack(f"<{len(values)}f", *values)


def slots(value=1.0):
    return write_tensors(
        [
            ("model.layers.0.self_attn.q_proj.A", "F32", (1, 2), floats(value, 2.0)),
            ("model.layers.0.self_attn.q_proj.B", "F32", (2, 1), floats(3.0, 4.0)),
        ],
        {"format": "expert-slots/1", "kind": "lora"},
    )


def canary():
    return write_tensors(
        [
            ("tokens.0", "I32", (2,), struct.pack("<2i", 5, 6)),
            ("top_ids.0", "I32", (1,), struct.pack("<i", 7)),
            ("top_values.0", "F32", (1,), floats(0.5)),
        ],
        {"format": "expert-canary/1", "tolerance": "0.001"},
    )


def manifest(bases=("nano",), **changes):
    plain = Manifest(
        publisher="acme",
        name="expert-sql",
        version="0.1.0",
        summary="Writes SQL for a schema that it is shown.",
        license="Apache-2.0",
        capabilities=("sql",),
        routing=Routing(("sql", "query"), ("nosql",), 0.5),
        limitations=("No stored procedures.",),
        decoding=Decoding(system="Answer with SQL.", grammar=True, stop=("\n\n",)),
        variants={base: VariantManifest(*DIGESTS[base], Adapter("lora", 1)) for base in bases},
    )
    return replace(plain, **changes)


def members(bases=("nano",), value=1.0):
    made = {
        "grammar.gbnf": b'root ::= "SELECT 1"\n',
        "README.md": b"# expert-sql\n",
        "LICENSE": b"Apache-2.0\n",
        "profile/head.safetensors": write_tensors([("weight", "F32", (2,), floats(1, 2))], {}),
        "profile/profile.json": b'{"encoder": "hashed"}',
    }
    for base in bases:
        made[f"variants/{base}/slots.safetensors"] = slots(value)
        made[f"variants/{base}/canary.safetensors"] = canary()
        made[f"variants/{base}/evaluation.json"] = b'{"n": 200}'
    return made


def provenance(bases=("nano",)):
    return Provenance(
        actions={"train[expert-sql,nano]": {"action": "train", "config": {"r": 1}}},
        libraries={"torch": "2.13.0", "peft": "0.21.2"},
        datasets={"dataset[expert-sql]": "5" * 64},
        evaluation={
            base: {"measure": "execution", "n": 200, "expert": 0.93, "base": 0.11, "interval": [0.77, 0.87], "confidence": 0.95}
            for base in bases
        },
    )  # fmt: skip


def sealed(path, bases=("nano",), signers=(ALICE,), value=1.0, **changes):
    """Write the release to `path` and return its id."""
    made = members(bases, value)
    return seal(path, made, manifest(bases, **changes), signers, provenance(bases))


def parts(path):
    """The members of a package, as bytes."""
    with open_container(path) as container:
        return {name: container.read(name) for name in container.names}


def altered(path, out, change):
    """The package with its members changed by hand, in a new canonical container."""
    made = parts(path)
    change(made)
    write_container(out, made)
    return out
