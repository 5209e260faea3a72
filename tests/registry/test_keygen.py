"""The verb `keygen`: encrypted unless somebody says otherwise, and nothing secret where others look."""

import os
import pty
import sys

import pytest

from runtime.errors import Mistake
from runtime.registry.keyfile import PASSPHRASE, key_folder
from runtime.registry.keys import load_private
from runtime.registry.refusals import UnsafeKey


def test_a_key_is_encrypted_with_the_passphrase_of_the_environment(run, monkeypatch):
    monkeypatch.setenv(PASSPHRASE, "correct horse")
    text = run("keygen", "work")[1]
    assert b"ENCRYPTED" in (key_folder() / "work.pem").read_bytes()
    assert load_private(key_folder() / "work.pem").id in text
    assert "PRIVATE" not in text and "correct" not in text
    with pytest.raises(Mistake, match="already"):
        run("keygen", "work")


def test_without_anybody_to_ask_it_takes_a_word_to_leave_a_key_open(run, monkeypatch):
    monkeypatch.delenv(PASSPHRASE, raising=False)
    for more in ((), ("--p256",)):
        with pytest.raises(Mistake, match=rf"{PASSPHRASE}.*--plain") as caught:
            run("keygen", "ci", *more)
        assert caught.value.exit_code == 2
    assert not key_folder().exists()
    run("keygen", "ci", "--plain")
    assert b"ENCRYPTED" not in (key_folder() / "ci.pem").read_bytes()


def test_a_passphrase_can_not_be_given_as_an_argument(run, capsys):
    with pytest.raises(SystemExit):
        run("keygen", "ci", "--passphrase", "correct horse")
    assert "unrecognized" in capsys.readouterr().err


def at_a_terminal(words, typed):
    """Run a command line at a terminal of its own; its exit code and all that was seen there."""
    child, terminal = pty.fork()
    if child == 0:
        os.execv(sys.executable, [sys.executable, "-m", "expertbuild.cli", *words])
    seen = b""
    try:
        while piece := os.read(terminal, 1024):
            seen += piece
            if typed and typed[0][0] in seen:
                os.write(terminal, typed.pop(0)[1] + b"\n")
    except OSError:  # how a terminal says that the other side has closed
        pass
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), seen


def test_at_a_terminal_a_passphrase_is_asked_for_and_not_shown(monkeypatch):
    monkeypatch.delenv(PASSPHRASE, raising=False)
    code, seen = at_a_terminal(["keygen", "me"], [(b"Passphrase:", b"correct horse"), (b"Again:", b"correct horse")])
    assert code == 0
    assert b"Made the key" in seen and b"correct" not in seen
    assert load_private(key_folder() / "me.pem", "correct horse")
    code, seen = at_a_terminal(["keygen", "you"], [(b"Passphrase:", b"correct horse"), (b"Again:", b"battery")])
    assert code == 2 and b"second time was different" in seen
    assert not (key_folder() / "you.pem").exists()


def test_a_key_name_can_not_lead_out_of_the_key_folder(run):
    run("keygen", "../../outside", "--plain")
    assert sorted(os.listdir(key_folder())) == ["outside.pem", "outside.pub"]


# Who may read a key.


def test_a_key_that_others_can_read_or_replace_is_not_used(run, tmp_path):
    (tmp_path / "keys").mkdir(mode=0o700)
    path = tmp_path / "keys" / "me.pem"
    run("keygen", path, "--plain")
    for mode in (0o640, 0o604, 0o666):
        path.chmod(mode)
        with pytest.raises(UnsafeKey, match="chmod 600"):
            load_private(path)
    path.chmod(0o600)
    for mode in (0o770, 0o707, 0o777):
        path.parent.chmod(mode)
        with pytest.raises(UnsafeKey, match="chmod go-w"):
            load_private(path)
    for mode in (0o700, 0o755, 0o1777):  # in a sticky folder only the owner can replace a file
        path.parent.chmod(mode)
        assert load_private(path)


def test_nobody_else_looks_into_the_key_folder(run):
    run("keygen", "me", "--plain")
    assert key_folder().stat().st_mode & 0o777 == 0o700
    key_folder().chmod(0o750)
    with pytest.raises(UnsafeKey, match="chmod 700"):
        load_private(key_folder() / "me.pem")


def test_a_link_to_a_key_is_judged_by_where_the_key_lies(run, tmp_path):
    (tmp_path / "open").mkdir()
    run("keygen", tmp_path / "open" / "me.pem", "--plain")
    (tmp_path / "open").chmod(0o777)
    (tmp_path / "me.pem").symlink_to(tmp_path / "open" / "me.pem")
    with pytest.raises(UnsafeKey, match="replace keys"):
        load_private(tmp_path / "me.pem")


def test_a_p256_key_is_no_publishers_key_and_the_reverse(run):
    from runtime.registry.cosigner import load_p256, load_public_p256

    run("keygen", "model", "--p256", "--plain")
    run("keygen", "me", "--plain")
    assert load_p256(key_folder() / "model.pem").hint in repr(load_p256(key_folder() / "model.pem"))
    with pytest.raises(UnsafeKey, match="not an Ed25519"):
        load_private(key_folder() / "model.pem")
    with pytest.raises(UnsafeKey, match="not a P-256"):
        load_p256(key_folder() / "me.pem")
    with pytest.raises(UnsafeKey, match="not a P-256"):
        load_public_p256(key_folder() / "me.pub")
