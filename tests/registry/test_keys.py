import hashlib
import os
import shutil
import stat
import subprocess
import sys
from multiprocessing import get_context

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from runtime.artifact.signature import key_id, pre_authentication, read_envelope, sign, verify
from runtime.errors import Mistake
from runtime.registry.keyfile import PASSPHRASE, key_folder
from runtime.registry.keys import (
    developer_key,
    developer_key_id,
    key_id_of,
    keygen,
    load_private,
    load_public,
    signer,
)
from runtime.registry.refusals import UnsafeKey
from runtime.registry.trust import load_trust


def test_a_key_signs_and_its_public_half_verifies(tmp_path):
    made = keygen(tmp_path / "me.pem")
    loaded = load_private(tmp_path / "me.pem")
    assert loaded.public == made.public == load_public(tmp_path / "me.pub")
    assert verify(read_envelope(sign(b"x", [loaded])), b"x") == {made.id}


def test_only_its_owner_can_read_a_private_key(tmp_path):
    keygen(tmp_path / "me.pem")
    assert stat.S_IMODE((tmp_path / "me.pem").stat().st_mode) == 0o600
    for mode in (0o640, 0o604, 0o644, 0o620):
        (tmp_path / "me.pem").chmod(mode)
        with pytest.raises(UnsafeKey, match="chmod 600"):
            load_private(tmp_path / "me.pem")


def test_a_key_is_never_overwritten(tmp_path):
    before = keygen(tmp_path / "me.pem").id
    with pytest.raises(Mistake, match="already"):
        keygen(tmp_path / "me.pem")
    (tmp_path / "other.pub").write_text("mine")
    with pytest.raises(Mistake, match="already"):
        keygen(tmp_path / "other.pem")
    assert load_private(tmp_path / "me.pem").id == before
    assert sorted(p.name for p in tmp_path.glob("*.p*")) == ["me.pem", "me.pub", "other.pub"]


def test_an_encrypted_key_needs_its_passphrase(tmp_path, monkeypatch):
    made = keygen(tmp_path / "me.pem", "correct horse")
    assert b"ENCRYPTED" in (tmp_path / "me.pem").read_bytes()
    with pytest.raises(UnsafeKey, match=PASSPHRASE):
        load_private(tmp_path / "me.pem")
    with pytest.raises(UnsafeKey, match="does not open it"):
        load_private(tmp_path / "me.pem", "wrong")
    assert load_private(tmp_path / "me.pem", "correct horse").id == made.id
    monkeypatch.setenv(PASSPHRASE, "correct horse")
    assert load_private(tmp_path / "me.pem").id == made.id


def test_a_key_shows_only_its_public_id(tmp_path):
    made = keygen(tmp_path / "me.pem")
    assert repr(made) == str(made) == f"PrivateKey({made.id})"


def test_other_kinds_of_keys_are_refused(tmp_path):
    key = generate_private_key(SECP256R1())
    (tmp_path / "ec.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (tmp_path / "ec.pem").chmod(0o600)
    (tmp_path / "ec.pub").write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    with pytest.raises(UnsafeKey, match="Ed25519"):
        load_private(tmp_path / "ec.pem")
    with pytest.raises(UnsafeKey, match="Ed25519"):
        load_public(tmp_path / "ec.pub")
    for content in (b"", b"-----BEGIN PUBLIC KEY-----\n!!\n-----END PUBLIC KEY-----", b"\xff" * 40):
        (tmp_path / "bad.pub").write_bytes(content)
        with pytest.raises(UnsafeKey):
            load_public(tmp_path / "bad.pub")
    with pytest.raises(Mistake, match="can not be read"):
        load_public(tmp_path / "missing.pub")


@pytest.mark.skipif(not shutil.which("openssl"), reason="needs openssl")
def test_openssl_makes_the_same_key_id(tmp_path):
    made = keygen(tmp_path / "me.pem")
    der = subprocess.run(
        ["openssl", "pkey", "-in", tmp_path / "me.pem", "-pubout", "-outform", "DER"], capture_output=True, check=True
    ).stdout
    assert hashlib.sha256(der).hexdigest() == made.id


def test_a_key_is_found_again_by_its_id_wherever_it_lies(tmp_path):
    inside = keygen(key_folder() / "work.pem")
    outside = keygen(tmp_path / "elsewhere" / "me.pem")
    assert signer(inside.id).id == inside.id
    with pytest.raises(Mistake, match="no private key"):
        signer(outside.id)
    assert key_id_of(tmp_path / "elsewhere" / "me.pem") == outside.id
    assert signer(outside.id).sign(b"x") == outside.sign(b"x")


def test_halves_that_do_not_belong_together_are_refused(tmp_path):
    one, two = keygen(key_folder() / "one.pem"), keygen(key_folder() / "two.pem")
    (key_folder() / "one.pub").write_bytes((key_folder() / "two.pub").read_bytes())
    (key_folder() / "two.pub").unlink()
    with pytest.raises(UnsafeKey, match="belong together"):
        signer(two.id)
    with pytest.raises(Mistake):
        signer(one.id)


# The key of this machine.


def test_the_machines_own_key_is_made_and_pinned_when_it_is_first_needed():
    first = developer_key_id()
    assert developer_key().id == first == developer_key_id()
    own = load_trust().namespaces["local"]
    assert list(own.keys) == [first]
    assert own.keys[first].origin == "made here"
    assert own.mode == "development"


def test_a_key_that_lost_its_public_half_gets_it_back():
    first = developer_key_id()
    (key_folder() / "local.pub").unlink()
    assert developer_key_id() == first


def _report(queue):
    queue.put(developer_key_id())


def test_processes_that_need_it_at_once_agree_on_one():
    context = get_context("fork")
    queue = context.Queue()
    workers = [context.Process(target=_report, args=(queue,)) for _ in range(4)]
    for worker in workers:
        worker.start()
    ids = {queue.get(timeout=20) for _ in workers}
    for worker in workers:
        worker.join()
    assert len(ids) == 1
    assert list(load_trust().namespaces["local"].keys) == list(ids)
    assert not [p for p in key_folder().iterdir() if p.name.startswith(".")]


def test_asking_for_its_id_again_imports_no_cryptography():
    developer_key_id()
    code = (
        "import sys; from runtime.registry.keys import developer_key_id; developer_key_id();"
        "assert not {'cryptography', 'jsonschema', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ)


def test_what_is_signed_is_bound_to_its_type(tmp_path):
    made = keygen(tmp_path / "me.pem")
    assert made.sign(pre_authentication(b"x")) != made.sign(b"x")
    assert key_id(made.public) == made.id
