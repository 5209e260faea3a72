"""The P-256 co-signature: of exactly the files that are there, and good enough for OpenSSF model-signing."""

import base64
import json
import os
import shutil
import subprocess

import pytest

from runtime.artifact import refusals as no
from runtime.artifact.cosignature import NAME, hint_of
from runtime.artifact.package import open_package
from runtime.artifact.release import add_signature, cosign, cut
from runtime.artifact.strict_json import canonical
from runtime.artifact.unpack import unpack
from runtime.registry.cosigner import keygen_p256
from tests.artifact.samples import BOB, altered, parts, sealed

BOTH = ("nano", "qwen3-0.6b")
TOOL = os.environ.get("MODEL_SIGNING") or shutil.which("model_signing")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("cosigned")


@pytest.fixture(scope="module")
def key(folder):
    return keygen_p256(folder / "keys" / "model.pem")


@pytest.fixture(scope="module")
def good(folder, key):
    path = folder / "good.expert"
    sealed(path, BOTH)
    cosign(path, key, path)
    return path


def reworded(path, out, change):
    """The package with the co-signature's document changed."""

    def change_it(made):
        value = json.loads(made[NAME])
        change(value)
        made[NAME] = canonical(value)

    return altered(path, out, change_it)


def refused(path, kind, sentence):
    with pytest.raises(kind, match=sentence) as caught:
        open_package(path)
    assert caught.type is kind


def test_a_co_signature_changes_neither_id_nor_members_nor_signatures(good, tmp_path, key):
    plain = tmp_path / "plain.expert"
    identity = sealed(plain, BOTH)
    with open_package(good) as package:
        assert package.id == identity
        assert package.cosigned.hint == key.hint == hint_of(key.public_pem)
        package.cosigned.verify(key.public_pem)
    assert {name: data for name, data in parts(good).items() if name != NAME} == parts(plain)


def test_the_same_files_and_key_give_the_same_co_signature(good, tmp_path, key):
    cosign(good, key, tmp_path / "again.expert")
    assert (tmp_path / "again.expert").read_bytes() == good.read_bytes()


def test_it_is_of_every_file_but_the_signatures(good):
    envelope = json.loads(parts(good)[NAME])["dsseEnvelope"]
    covered = {entry["name"] for entry in json.loads(base64.b64decode(envelope["payload"]))["predicate"]["resources"]}
    assert covered == parts(good).keys() - {NAME, "signatures.json"}
    assert {"statement.json", "manifest.json", "README.md"} < covered


def test_another_signature_of_the_release_leaves_it_valid(good, tmp_path, key):
    add_signature(good, BOB, tmp_path / "two.expert")
    with open_package(tmp_path / "two.expert") as package:
        package.cosigned.verify(key.public_pem)


def test_a_cut_package_has_none_until_it_is_signed_again(good, tmp_path, key):
    part = tmp_path / "nano.expert"
    cut(good, ["nano"], part)
    assert NAME not in parts(part)
    cosign(part, key, part)
    with open_package(part) as package:
        package.cosigned.verify(key.public_pem)
    cut(good, BOTH, tmp_path / "whole.expert")
    assert (tmp_path / "whole.expert").read_bytes() == good.read_bytes()


def test_the_co_signature_of_the_whole_does_not_hold_for_a_part(good, tmp_path):
    cut(good, ["nano"], tmp_path / "part.expert")
    moved = altered(
        tmp_path / "part.expert", tmp_path / "m.expert", lambda made: made.update({NAME: parts(good)[NAME]})
    )
    refused(moved, no.WrongCosignature, r"not of exactly the files of this package: see variants/qwen3-0\.6b/canary")


def test_the_co_signature_of_another_release_is_refused(good, tmp_path, key):
    sealed(tmp_path / "other.expert", BOTH, version="0.2.0")
    moved = altered(
        tmp_path / "other.expert", tmp_path / "m.expert", lambda made: made.update({NAME: parts(good)[NAME]})
    )
    refused(moved, no.WrongCosignature, r"see statement\.json")


def test_another_key_is_told_from_the_right_one(good, tmp_path):
    other = keygen_p256(tmp_path / "other.pem")
    with open_package(good) as package, pytest.raises(no.WrongCosignature, match="names another key"):
        package.cosigned.verify(other.public_pem)

    def claim(value):
        value["verificationMaterial"]["publicKey"]["hint"] = other.hint

    with (
        open_package(reworded(good, tmp_path / "c.expert", claim)) as package,
        pytest.raises(no.WrongCosignature, match="does not fit"),
    ):
        package.cosigned.verify(other.public_pem)


def repacked(value, change):
    payload = json.loads(base64.b64decode(value["dsseEnvelope"]["payload"]))
    change(payload)
    value["dsseEnvelope"]["payload"] = base64.b64encode(canonical(payload)).decode()


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda v: v.update(mediaType="application/vnd.dev.sigstore.bundle.v0.2+json"), no.UnknownVersion),
        (lambda v: v.update(more=1), no.BadDocument),
        (lambda v: v["verificationMaterial"].update(certificate={}), no.BadDocument),
        (lambda v: v["verificationMaterial"].update(tlogEntries=[{}]), no.BadDocument),
        (lambda v: v["verificationMaterial"]["publicKey"].update(hint=""), no.BadDocument),
        (lambda v: v["dsseEnvelope"].update(payloadType="text/plain"), no.BadDocument),
        (lambda v: v["dsseEnvelope"].update(signatures=[]), no.BadDocument),
        (lambda v: v["dsseEnvelope"].update(signatures=v["dsseEnvelope"]["signatures"] * 2), no.BadDocument),
        (lambda v: v["dsseEnvelope"].update(payload="AAAAA"), no.WrongCosignature),
        (lambda v: v["dsseEnvelope"].update(payload="AB=="), no.WrongCosignature),
        (lambda v: v["dsseEnvelope"].update(payload=base64.b64encode(b"[]").decode()), no.WrongCosignature),
        (lambda v: v["dsseEnvelope"].update(payload=base64.b64encode(b"{ }").decode()), no.BadJson),
        (lambda v: repacked(v, lambda p: p.update(more=1)), no.WrongCosignature),
        (lambda v: repacked(v, lambda p: p["predicate"]["resources"].pop()), no.WrongCosignature),
        (lambda v: repacked(v, lambda p: p["predicate"]["resources"].reverse()), no.WrongCosignature),
        (lambda v: repacked(v, lambda p: p["predicate"]["serialization"].update(ignore_paths=["variants"])), no.WrongCosignature),
        (lambda v: repacked(v, lambda p: p["predicate"]["serialization"].update(allow_symlinks=True)), no.WrongCosignature),
        (lambda v: repacked(v, lambda p: p["subject"][0]["digest"].update(sha256="0" * 64)), no.WrongCosignature),
    ],
)  # fmt: skip
def test_a_document_that_is_not_ours_is_refused(good, tmp_path, change, kind):
    with pytest.raises(kind):
        open_package(reworded(good, tmp_path / "x.expert", change))


# The tool itself: pip install model-signing pyopenssl, in an environment of its own, then MODEL_SIGNING=.../model_signing


def by_the_tool(directory, public, *more):
    command = [TOOL, "verify", "key", "--public_key", public, "--signature", directory / NAME, *more, directory]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.skipif(not TOOL, reason="needs model_signing on the PATH or in MODEL_SIGNING")
def test_model_signing_verifies_an_unpacked_package_and_finds_a_flipped_byte(good, tmp_path, folder, key):
    public = folder / "keys" / "model.pub"
    cut(good, ["nano"], tmp_path / "part.expert")
    cosign(tmp_path / "part.expert", key, tmp_path / "part.expert")
    for path in (good, tmp_path / "part.expert"):
        directory = tmp_path / path.stem
        with open_package(path) as package:
            unpack(package, directory)
        assert by_the_tool(directory, public) == (0, "Verification succeeded\n")
        assert by_the_tool(directory, public, "--no-ignore-git-paths")[0] == 0
        slots = directory / "variants" / "nano" / "slots.safetensors"
        data = bytearray(slots.read_bytes())
        data[-1] ^= 1
        slots.write_bytes(data)
        code, text = by_the_tool(directory, public)
        assert code == 1
        assert "Hash mismatch for 'variants/nano/slots.safetensors'" in text


@pytest.mark.skipif(not TOOL, reason="needs model_signing on the PATH or in MODEL_SIGNING")
def test_model_signing_refuses_another_key_and_a_file_more(good, tmp_path, folder):
    keygen_p256(tmp_path / "other.pem")
    with open_package(good) as package:
        unpack(package, tmp_path / "dir")
    assert by_the_tool(tmp_path / "dir", tmp_path / "other.pub")[0] == 1
    (tmp_path / "dir" / "setup.py").write_text("import os")
    code, text = by_the_tool(tmp_path / "dir", folder / "keys" / "model.pub")
    assert (code, "setup.py" in text) == (1, True)
    (tmp_path / "dir" / "setup.py").rename(tmp_path / "dir" / ".gitignore")  # which it skips unless told not to
    assert by_the_tool(tmp_path / "dir", folder / "keys" / "model.pub")[0] == 0
    assert by_the_tool(tmp_path / "dir", folder / "keys" / "model.pub", "--no-ignore-git-paths")[0] == 1
