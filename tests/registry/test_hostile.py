"""Packages made by somebody who holds a trusted key and means harm, and files that were damaged on the way.

What only a byte-level forger can make is in tests/artifact/test_container. Here everything is signed and listed.
"""

import hashlib
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from runtime.artifact import refusals as no
from runtime.artifact.container import open_container, write_container
from runtime.artifact.package import open_package
from runtime.artifact.signature import sign
from runtime.artifact.strict_json import canonical
from runtime.artifact.tensors import write_tensors
from tests.artifact.samples import ALICE, floats, sealed
from tests.registry.conftest import snapshot
from tests.registry.test_store import refused

TOP = Path(__file__).resolve().parents[2]


def parts(path):
    with open_container(path) as container:
        return {name: container.read(name) for name in container.names}


def forged(package, out, members):
    """The package with further or other members, listed and signed as if it had been built so."""
    made = {**parts(package), **members}
    statement = json.loads(made["statement.json"])
    statement["subject"] = [
        {"name": name, "digest": {"sha256": hashlib.sha256(data).hexdigest()}, "annotations": {"size": len(data)}}
        for name, data in sorted(made.items())
        if name not in ("statement.json", "signatures.json")
    ]
    made["statement.json"] = canonical(statement)
    made["signatures.json"] = sign(made["statement.json"], [ALICE])
    write_container(out, made)
    return out


# SAFETY 12, 16: damage.


def test_a_package_cut_at_any_byte_is_refused_and_changes_nothing(store, acme, package, tmp_path):
    store.install(package)
    before = snapshot(store.root)
    whole, path = package.read_bytes(), tmp_path / "cut.expert"
    path.write_bytes(whole)
    for length in reversed(range(len(whole))):
        os.truncate(path, length)
        with pytest.raises((no.Truncated, no.NotAContainer)):
            open_package(path)
        if length % 97 == 0:
            with pytest.raises((no.Truncated, no.NotAContainer)):
                store.install(path)
    assert snapshot(store.root) == before


def test_any_bit_of_any_member_flipped_is_refused_and_the_member_named(store, acme, package, tmp_path):
    chance = random.Random(16)
    path = tmp_path / "flipped.expert"
    for name, data in parts(package).items():
        for place in {0, 8 * len(data) - 1, *(chance.randrange(8 * len(data)) for _ in range(20))}:
            flipped = bytearray(data)
            flipped[place // 8] ^= 1 << place % 8
            write_container(path, {**parts(package), name: bytes(flipped)})
            with pytest.raises(no.Refused) as caught:
                # A package opens whatever its signatures are worth; installing is what asks.
                store.install(path) if name == "signatures.json" else open_package(path)
            # A statement that was changed may list other members, and then one of those is missing.
            assert name.removesuffix("s.json") in str(caught.value) or name == "statement.json"
        refused(store, path, caught.type)


# SAFETY 43, 44, 46: members that no package may have, listed or not.

HOOKS = {
    "variants/nano/adapter_model.bin": b"\x80\x04\x95\x10\0\0\0\0\0\0\0\x8c\x02os\x94\x8c\x06system\x94\x93\x94.",
    "profile/head.pkl": b"\x80\x04N.",
    "profile/head.pt": b"PK\x03\x04",
    "profile/head.npy": b"\x93NUMPY",
    "variants/nano/adapter_config.json": b'{"base_model_name_or_path":"https://example.org/x","auto_mapping":{"a":"b"}}',
    "adapter_config.json": b"{}",
    "tokenizer_config.json": b'{"auto_map":{"AutoTokenizer":["evil.Tokenizer",null]}}',
    "config.json": b'{"auto_map":{"AutoModel":"modeling_evil.Model"}}',
    "modeling_evil.py": b"raise SystemExit",
    "variants/nano/chat_template.jinja": b"{{ cycler.__init__.__globals__ }}",
    "variants/nano/tokenizer.json": b"{}",
    "setup.py": b"",
    "conf/base/nano.yaml": b"_target_: os.system\n",
    "profile/hook.sh": b"#!/bin/sh\n",
}


@pytest.mark.parametrize("name", HOOKS)
def test_a_member_that_could_carry_code_is_refused_though_it_is_listed_and_signed(store, acme, package, tmp_path, name):
    path = forged(package, tmp_path / "x.expert", {name: HOOKS[name]})
    refused(store, path, no.ForbiddenMember, name.replace(".", r"\."))


PICKLES = [
    b"\x80\x04\x95\x1a\0\0\0\0\0\0\0\x8c\x08builtins\x94.",
    b"PK\x03\x04" + bytes(60),
    b"\x93NUMPY\x01\0",
    b"cos\nsystem\n",
]


@pytest.mark.parametrize("data", PICKLES)
@pytest.mark.parametrize("name", ["profile/head.safetensors", "variants/nano/slots.safetensors"])
def test_a_pickle_under_another_name_is_refused_though_it_is_listed_and_signed(
    store, acme, package, tmp_path, name, data
):
    made = parts(package)
    manifest = json.loads(made["manifest.json"])
    if name.startswith("variants/nano/"):
        manifest["variants"]["nano"]["sizes"][name.rsplit("/", 1)[1]] = len(data)
    members = {name: data, "manifest.json": canonical(manifest)}
    statement = json.loads(made["statement.json"])
    statement["predicate"]["manifest"]["sha256"] = hashlib.sha256(members["manifest.json"]).hexdigest()
    path = forged(package, tmp_path / "x.expert", {**members, "statement.json": canonical(statement)})
    refused(store, path, no.BadTensors, name.replace(".", r"\."))


# SAFETY 47: words that look like commands are words.

WATCHED = """
import os, sys
from pathlib import Path
ran = []
def watch(event, arguments):
    if event in ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty", "pickle.find_class", "socket.connect"):
        ran.append((event, str(arguments)[:200]))
from runtime.registry.store import Store
from runtime.registry.commands.info import info
from runtime.registry.commands.listing import list_installed
from runtime.registry.commands.verify import verify
sys.addaudithook(watch)
installed = Store().install(Path(sys.argv[1]))
info([installed.name]), list_installed([]), verify([])
Store().uninstall(installed.reference)
assert not ran, ran
"""


def test_a_command_in_a_manifest_is_never_run(store, acme, tmp_path):
    mark = tmp_path / "was-run"
    command = f"touch {mark}; $(touch {mark}) `touch {mark}`"
    hooks = {"post_install": command, "command": ["touch", str(mark)], "_target_": "os.system", "__reduce__": command}
    path = tmp_path / "x.expert"
    sealed(path, annotations=hooks, summary=command, limitations=(command,))
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, path],
        capture_output=True,
        text=True,
        cwd=TOP,
        env={**os.environ, "PYTHONPATH": str(TOP)},
    )
    assert done.returncode == 0, done.stderr
    assert not mark.exists()
    assert "touch" in done.stdout  # shown to the person, all the same


# SAFETY 48: tensors that are listed and signed.


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', "twice"),
        (b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}}', "overlaps"),
        (b'{"a":{"dtype":"I8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"F32","shape":[1],"data_offsets":[1,5]}}', "aligned"),
        (b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}', "which is not"),
        (b'{"a":{"dtype":"PICKLE","shape":[1],"data_offsets":[0,4]}}', "unknown dtype"),
    ],
)  # fmt: skip
def test_unsound_tensors_are_refused_when_they_are_installed(store, acme, package, tmp_path, data, sentence):
    text = data + b" " * (-len(data) % 8)
    last = max(entry["data_offsets"][1] for entry in json.loads(data).values())
    tensors = len(text).to_bytes(8, "little") + text + bytes(last)
    path = forged(package, tmp_path / "x.expert", {"profile/head.safetensors": tensors})
    refused(store, path, no.BadTensors, sentence)


def test_sound_tensors_take_the_same_road(store, acme, package, tmp_path):
    """The forger of these tests forges nothing but what a test asks for."""
    other = write_tensors([("weight", "F32", (3,), floats(1, 2, 3))], {})
    assert store.install(forged(package, tmp_path / "x.expert", {"profile/head.safetensors": other})).fresh
