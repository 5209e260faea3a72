import json
import os

import pytest

from runtime.errors import Mistake
from runtime.registry.keys import key_folder, load_private
from runtime.registry.refusals import UnknownPublisher, Unsigned
from tests.artifact.samples import ALICE, provenance, sealed


@pytest.fixture
def public(tmp_path):
    from runtime.registry.keys import public_pem

    (tmp_path / "alice.pub").write_bytes(public_pem(ALICE.public))
    return tmp_path / "alice.pub"


def test_from_a_strangers_package_to_an_installed_expert(run, package, public):
    with pytest.raises(UnknownPublisher):
        run("install", package)
    assert run("trust", "add", "acme", public, "--note", "met in person")[0] == 0
    assert "met in person" in run("trust", "list")[1]
    code, text = run("install", package)
    assert code == 0
    assert "Installed acme/expert-sql 0.1.0 for nano, qwen3-0.6b (trusted, key " in text
    assert "Installed already" in run("install", package)[1]
    assert "acme/expert-sql  0.1.0" in run("list")[1]
    assert run("verify") == (0, "acme/expert-sql@0.1.0: whole and unchanged (trusted)\n")
    assert "Removed acme/expert-sql 0.1.0." in run("uninstall", "expert-sql")[1]
    assert "Nothing is installed" in run("list")[1]
    assert "Nobody is trusted" in run("trust", "remove", "acme")[1]


def test_info_says_who_measured_what_and_with_how_much_doubt(run, store, acme, package):
    of_file = run("info", package)[1]
    assert "execution: 0.93 against 0.11 for the base, n = 200, 95 % interval" in of_file
    assert "of the difference 0.77 to 0.87 (measured by the builder)" in of_file
    assert "trust    trusted" in of_file
    store.install(package)
    of_installed = run("info", "expert-sql")[1]
    assert "installed 20" in of_installed
    assert "torch 2.13.0" in of_installed
    described = json.loads(run("info", "expert-sql", "--json")[1])
    assert described["provenance"]["actions"] == provenance().actions
    assert described["variants"]["nano"]["evaluation"]["n"] == 200


def test_info_of_a_strangers_package_says_unknown_publisher(run, package):
    assert "unknown publisher" in run("info", package)[1]


def test_json_is_one_document_for_every_verb(run, acme, package):
    assert json.loads(run("install", package, "--json")[1])[0]["fresh"] is True
    assert json.loads(run("list", "--json")[1])[0]["name"] == "acme/expert-sql"
    assert json.loads(run("verify", "--json")[1])[0]["faults"] == []
    assert json.loads(run("trust", "list", "--json")[1])["acme"]["threshold"] == 1
    assert json.loads(run("uninstall", "expert-sql", "--json")[1])[0]["version"] == "0.1.0"
    assert json.loads(run("keygen", "me", "--json")[1])["encrypted"] is False


def test_unsigned_is_said_in_the_list_for_ever(run, tmp_path):
    sealed(tmp_path / "x.expert", signers=())
    with pytest.raises(Unsigned):
        run("install", tmp_path / "x.expert")
    assert "(unsigned)" in run("install", tmp_path / "x.expert", "--allow-unsigned")[1]
    assert "unsigned" in run("list")[1]
    assert "--allow-unsigned" in run("info", "expert-sql")[1]


def test_verify_fails_and_names_the_file(run, store, acme, package):
    path = store.install(package).path("README.md")
    path.parent.chmod(0o755)
    path.chmod(0o644)
    path.write_bytes(b"changed")
    code, text = run("verify")
    assert code == 1
    assert "README.md was changed" in text


def test_a_file_can_be_verified_without_installing_it(run, package, tmp_path):
    assert run("verify", package) == (0, f"{package}: whole and unchanged (unknown publisher)\n")
    (tmp_path / "bad.expert").write_bytes(package.read_bytes()[:-1])
    code, text = run("verify", tmp_path / "bad.expert")
    assert code == 1
    assert "cut short" in text


def test_terminal_escapes_in_metadata_are_shown_and_not_obeyed(run, tmp_path, acme):
    sealed(tmp_path / "x.expert", summary="\x1b[2J\x1b]0;owned\x07 \u202eevil", limitations=("\x9b31m",))
    for words in (("install", tmp_path / "x.expert"), ("list",), ("info", "expert-sql"), ("verify",)):
        text = run(*words)[1]
        assert all(c.isprintable() or c == "\n" for c in text), words
    assert "\\x1b[2J" in run("list")[1]
    assert "\\x1b" not in run("list", "--json")[1]


def test_a_key_is_made_and_can_be_encrypted(run, tmp_path, monkeypatch):
    text = run("keygen", "work")[1]
    assert load_private(key_folder() / "work.pem").id in text
    assert "PRIVATE" not in text
    monkeypatch.setenv("EXPERTBUILD_PASSPHRASE", "correct horse")
    run("keygen", tmp_path / "safe.pem", "--encrypt")
    assert b"ENCRYPTED" in (tmp_path / "safe.pem").read_bytes()
    assert "correct" not in run("keygen", "third", "--encrypt")[1]
    with pytest.raises(Mistake, match="already"):
        run("keygen", "work")


def test_a_key_name_can_not_lead_out_of_the_key_folder(run):
    run("keygen", "../../outside")
    assert sorted(os.listdir(key_folder())) == ["outside.pem", "outside.pub"]


@pytest.mark.parametrize("words", [("uninstall", "../.."), ("info", "a/b/c"), ("verify", "nothing-here")])
def test_what_is_not_there_is_the_users_mistake(run, words):
    with pytest.raises(Mistake) as caught:
        run(*words)
    assert caught.value.exit_code == 2
