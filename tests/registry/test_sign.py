"""Signing through the verbs: several people, keys kept elsewhere, rotations, co-signatures."""

import base64
import json
import shutil
import subprocess

import pytest

from runtime.artifact import refusals as no
from runtime.artifact.package import open_package
from runtime.artifact.signature import key_id
from runtime.artifact.strict_json import canonical
from runtime.errors import Mistake
from runtime.registry.detached import read_request
from runtime.registry.keyfile import key_folder
from runtime.registry.keys import load_private
from runtime.registry.refusals import RetiredKey, RevokedKey, StaleRotation, TooFewSignatures, UnsignedRotation
from runtime.registry.trust import load_trust
from tests.artifact.samples import sealed


@pytest.fixture
def keys(run):
    """Two keys of the publisher's and one of somebody else's, in the key folder; their public files by name."""
    for name in ("ada", "bob", "eve"):
        run("keygen", name, "--plain")
    return {name: key_folder() / f"{name}.pub" for name in ("ada", "bob", "eve")}


@pytest.fixture
def draft(tmp_path):
    """acme/expert-sql 0.1.0 that nobody has signed."""
    sealed(tmp_path / "draft.expert", ("nano", "qwen3-0.6b"), signers=())
    return tmp_path / "draft.expert"


def signers(path):
    with open_package(path) as package:
        return {signature.key for signature in package.envelope.signatures} if package.envelope else set()


def identity(name):
    return load_private(key_folder() / f"{name}.pem").id


def test_two_people_sign_one_after_the_other_and_both_are_needed(run, keys, draft, tmp_path):
    run("trust", "add", "acme", keys["ada"], keys["bob"], "--threshold", "2")
    one = tmp_path / "one.expert"
    assert "Signed the release acme/expert-sql 0.1.0" in run("sign", draft, "--key", "ada", "--out", one)[1]
    assert signers(draft) == set()
    with pytest.raises(TooFewSignatures, match="1 of the 2"):
        run("install", one)
    run("sign", one, "--key", key_folder() / "bob.pem")  # without --out the package itself
    assert signers(one) == {identity("ada"), identity("bob")}
    assert "trusted" in run("install", one)[1]


def test_one_key_twice_is_not_two_signatures(run, keys, draft):
    run("sign", draft, "--key", "ada")
    before = draft.read_bytes()
    with pytest.raises(Mistake, match="signed the package already"):
        run("sign", draft, "--key", "ada")
    assert draft.read_bytes() == before


# Keys that are kept elsewhere.


def test_a_request_goes_out_and_an_answer_comes_back(run, keys, draft, tmp_path):
    request, answer = tmp_path / "request.json", tmp_path / "answer.json"
    asked = run("sign", "--request", draft, "--out", request)[1]
    shown = run("sign", "--answer", request)[1]
    assert "You are asked to sign the release acme/expert-sql 0.1.0 for nano, qwen3-0.6b" in shown
    assert not answer.exists()
    run("sign", "--answer", request, "--key", "ada", "--out", answer)
    run("sign", draft, "--attach", answer)
    assert signers(draft) == {identity("ada")}
    with open_package(draft) as package:
        assert package.id in asked and package.id in shown


@pytest.mark.skipif(not shutil.which("openssl"), reason="needs openssl")
def test_a_signature_that_openssl_makes_is_as_good(run, keys, draft, tmp_path):
    key, request, bare, signature = (tmp_path / name for name in ("hsm.pem", "r.json", "r.bin", "sig.bin"))
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True)
    subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-out", tmp_path / "hsm.pub"], check=True)
    run("sign", "--request", draft, "--out", request, "--bytes", bare)
    assert read_request(request.read_bytes()).bytes == bare.read_bytes()
    subprocess.run(["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", key, "-in", bare, "-out", signature], check=True)
    assert signature.stat().st_size == 64
    with pytest.raises(Mistake, match="--public"):
        run("sign", draft, "--attach", signature)
    with pytest.raises(no.BadSignature):
        run("sign", draft, "--attach", signature, "--public", keys["eve"])
    assert signers(draft) == set()
    run("sign", draft, "--attach", signature, "--public", tmp_path / "hsm.pub")
    run("trust", "add", "acme", tmp_path / "hsm.pub")
    assert "trusted" in run("install", draft)[1]


def test_an_answer_for_another_package_is_refused(run, keys, draft, tmp_path):
    sealed(tmp_path / "other.expert", version="0.2.0", signers=())
    run("sign", "--request", tmp_path / "other.expert", "--out", tmp_path / "r.json")
    run("sign", "--answer", tmp_path / "r.json", "--key", "ada", "--out", tmp_path / "a.json")
    with pytest.raises(no.WrongPayload, match="is a signature of"):
        run("sign", draft, "--attach", tmp_path / "a.json")
    answer = json.loads((tmp_path / "a.json").read_bytes())
    with open_package(draft) as package:
        answer["id"] = package.id
    (tmp_path / "a.json").write_bytes(canonical(answer))
    with pytest.raises(no.BadSignature):
        run("sign", draft, "--attach", tmp_path / "a.json")
    assert signers(draft) == set()


def test_a_request_that_describes_something_else_is_not_signed(run, keys, draft, tmp_path):
    path = tmp_path / "r.json"
    run("sign", "--request", draft, "--out", path)
    good = json.loads(path.read_bytes())

    def declined(kind, sentence, **fields):
        path.write_bytes(canonical({**good, **fields}))
        with pytest.raises(kind, match=sentence):
            run("sign", "--answer", path, "--key", "ada", "--out", tmp_path / "a.json")
        assert not (tmp_path / "a.json").exists()

    declined(no.Inconsistent, "something else", summary={**good["summary"], "version": "0.0.9"})
    declined(no.UnknownVersion, "expert-sign-request/2", format="expert-sign-request/2")
    declined(no.BadDocument, "critical", critical=1)
    for data in (b"anything at all", b"DSSEv1 4 text 2 hi", b"DSSEv1 28 application/vnd.in-toto+json 99 {}"):
        declined(no.BadEnvelope, "holds bytes", bytes=base64.b64encode(data).decode())
    declined(
        no.UnknownVersion, "_type|None", bytes=base64.b64encode(b"DSSEv1 28 application/vnd.in-toto+json 2 {}").decode()
    )


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"format": "expert-sign-answer/2"}, no.UnknownVersion),
        ({"critical": 1}, no.BadDocument),
        ({"keyid": "0" * 64}, no.BadEnvelope),
        ({"sig": base64.b64encode(bytes(63)).decode()}, no.BadDocument),
        ({"sig": base64.b64encode(b"\1" + bytes(63)).decode()}, no.WeakKey),
    ],
)
def test_an_answer_that_is_wrong_is_not_attached(run, keys, draft, tmp_path, change, kind):
    run("sign", "--request", draft, "--out", tmp_path / "r.json")
    run("sign", "--answer", tmp_path / "r.json", "--key", "ada", "--out", tmp_path / "a.json")
    answer = json.loads((tmp_path / "a.json").read_bytes())
    (tmp_path / "a.json").write_bytes(canonical({**answer, **change}))
    before = draft.read_bytes()
    with pytest.raises(kind):
        run("sign", draft, "--attach", tmp_path / "a.json")
    assert draft.read_bytes() == before


def test_a_weak_key_can_not_claim_an_answer(run, keys, draft, tmp_path):
    run("sign", "--request", draft, "--out", tmp_path / "r.json")
    run("sign", "--answer", tmp_path / "r.json", "--key", "ada", "--out", tmp_path / "a.json")
    answer = json.loads((tmp_path / "a.json").read_bytes())
    weak = (1).to_bytes(32, "little")
    answer |= {"public": base64.b64encode(weak).decode(), "keyid": key_id(weak)}
    (tmp_path / "a.json").write_bytes(canonical(answer))
    with pytest.raises(no.WeakKey):
        run("sign", draft, "--attach", tmp_path / "a.json")


# Rotation and revocation, as they are typed.


def test_a_publisher_rotates_and_users_follow(run, keys, draft, tmp_path):
    """The publisher's machine and the user's share one trust file here; what travels is the file."""
    rotation = tmp_path / "rotation.json"
    run("trust", "add", "acme", keys["ada"])
    run("sign", draft, "--key", "ada")
    run("install", draft)
    text = run("sign", "--rotation", "acme", keys["bob"], "--key", "ada", "--out", rotation)[1]
    assert f"next expertbuild trust rotate acme {rotation}" in text
    text = run("trust", "rotate", "acme", rotation)[1]
    assert "retired" in text and f"succeeded by {identity('bob')[:12]}" in text
    sealed(tmp_path / "new.expert", version="0.2.0", signers=[load_private(key_folder() / "ada.pem")])
    with pytest.raises(RetiredKey):
        run("install", tmp_path / "new.expert")
    assert "whole and unchanged (trusted)" in run("verify", "expert-sql")[1]
    run("sign", tmp_path / "new.expert", "--key", "bob")
    assert "trusted" in run("install", tmp_path / "new.expert")[1]
    with pytest.raises(StaleRotation):
        run("trust", "rotate", "acme", rotation)


def test_a_rotation_of_ones_own_is_written_and_applied_at_once(run, keys, tmp_path):
    run("trust", "add", "acme", keys["ada"])
    run("trust", "rotate", "acme", keys["bob"], "--key", "ada", "--out", tmp_path / "r.json")
    assert load_trust().namespaces["acme"].in_state("active") == {identity("bob")}
    run("trust", "remove", "acme")
    run("trust", "add", "acme", keys["ada"])
    assert json.loads(run("trust", "rotate", "acme", tmp_path / "r.json", "--json")[1])["acme"]["sequence"] == 1


def test_keys_that_nobody_signed_are_no_rotation(run, keys, tmp_path):
    run("trust", "add", "acme", keys["ada"])
    for files in ([keys["bob"]], [keys["bob"], keys["eve"]]):
        with pytest.raises(UnsignedRotation, match="Nobody has signed these keys for acme"):
            run("trust", "rotate", "acme", *files)
    run("sign", "--rotation", "acme", keys["bob"], "--out", tmp_path / "bare.json")
    with pytest.raises(UnsignedRotation):
        run("trust", "rotate", "acme", tmp_path / "bare.json")
    assert load_trust().namespaces["acme"].in_state("active") == {identity("ada")}


def test_a_rotation_is_signed_by_several_and_by_keys_kept_elsewhere(run, keys, tmp_path):
    rotation, request, answer = tmp_path / "rotation.json", tmp_path / "r.json", tmp_path / "a.json"
    run("trust", "add", "acme", keys["ada"], keys["bob"], "--threshold", "2")
    run("sign", "--rotation", "acme", keys["eve"], "--threshold", "1", "--out", rotation)
    run("sign", rotation, "--key", "ada")
    with pytest.raises(TooFewSignatures):
        run("trust", "rotate", "acme", rotation)
    run("sign", "--request", rotation, "--out", request)
    assert "You are asked to sign rotation 1 of acme" in run("sign", "--answer", request)[1]
    run("sign", "--answer", request, "--key", "bob", "--out", answer)
    run("sign", rotation, "--attach", answer)
    with pytest.raises(Mistake, match="signed the rotation already"):
        run("sign", rotation, "--key", "bob")
    run("trust", "rotate", "acme", rotation)
    assert load_trust().namespaces["acme"].in_state("active") == {identity("eve")}


def test_a_revoked_key_is_flagged_wherever_one_looks(run, keys, draft):
    run("trust", "add", "acme", keys["ada"])
    run("sign", draft, "--key", "ada")
    run("install", draft)
    assert "revoked" in run("trust", "revoke", "acme", keys["ada"], "--note", "lost laptop")[1]
    assert "lost laptop" in run("trust", "list")[1]
    assert "revoked" in run("list")[1]
    assert json.loads(run("list", "--json")[1])[0]["trust"]["state"] == "revoked"
    assert "trust    revoked" in run("info", "expert-sql")[1]
    code, text = run("verify")
    assert code == 1 and f"signed by the key {identity('ada')}, which was revoked for acme" in text
    assert "was revoked" in run("info", draft)[1]
    assert run("verify", draft)[0] == 1
    with pytest.raises(RevokedKey):
        run("install", draft)


# Co-signatures and unpacking, as they are typed.


def test_a_co_signature_is_made_checked_and_left_out_of_the_store(run, keys, draft, store, tmp_path):
    run("keygen", "model", "--p256", "--plain")
    run("keygen", "other", "--p256", "--plain")
    run("trust", "add", "acme", keys["ada"])
    public = key_folder() / "model.pub"
    code, text = run("verify", draft, "--p256", public)
    assert code == 1 and "no model.sig" in text
    run("sign", draft, "--key", "ada", "--p256", "model")
    assert run("verify", draft, "--p256", public)[0] == 0
    code, text = run("verify", draft, "--p256", key_folder() / "other.pub")
    assert code == 1 and "names another key" in text
    assert "claims the P-256 key" in run("info", draft)[1]
    assert "Installed acme/expert-sql" in run("install", draft)[1]
    assert "Installed already" in run("install", draft)[1]
    assert "model.sig" not in store.find("expert-sql").record.members
    assert run("verify")[0] == 0
    with pytest.raises(Mistake, match="keeps no co-signatures"):
        run("verify", "expert-sql", "--p256", public)
    said = json.loads(run("unpack", draft, tmp_path / "out", "--json")[1])
    assert "model.sig" in said["members"] and (tmp_path / "out" / "model.sig").is_file()
    assert "Unpacked acme/expert-sql 0.1.0" in run("unpack", "expert-sql", tmp_path / "from-store")[1]
    assert store.install(tmp_path / "out").id == store.find("expert-sql").id


def test_a_co_signed_part_that_joins_another_in_the_store_leaves_no_stale_co_signature(
    run, keys, draft, store, tmp_path
):
    from runtime.artifact.release import cut

    run("keygen", "model", "--p256", "--plain")
    run("trust", "add", "acme", keys["ada"])
    run("sign", draft, "--key", "ada")
    for base in ("nano", "qwen3-0.6b"):
        cut(draft, [base], tmp_path / f"{base}.expert")
        run("sign", tmp_path / f"{base}.expert", "--p256", "model")
        run("install", tmp_path / f"{base}.expert")
    assert set(store.find("expert-sql").variants) == {"nano", "qwen3-0.6b"}
    assert run("verify")[0] == 0


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("x.expert",),
        ("x.expert", "--key", "nobody"),
        ("--request", "x.expert", "--out", "r.json"),
        ("--answer", "missing.json"),
        ("--rotation", "acme", "--out", "r.json"),
        ("draft.expert",),
        ("draft.expert", "--key", "nobody"),
        ("--request", "draft.expert"),
        ("draft.expert", "--attach", "missing.json"),
    ],
)
def test_what_can_not_be_done_is_the_users_mistake(run, draft, tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Mistake) as caught:
        run("sign", *words)
    assert caught.value.exit_code == 2
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "home") == ["draft.expert"]
