"""Installing, finding and removing; what is refused leaves the store as it was."""

import errno
import os
import resource
import stat
import subprocess
import sys

import pytest
import torch

from runtime.artifact import refusals as no
from runtime.artifact.canary import read_canary
from runtime.artifact.container import open_container
from runtime.artifact.release import cut
from runtime.artifact.slots import read_slots
from runtime.registry.keys import developer_key
from runtime.registry.refusals import (
    Ambiguous,
    NotInstalled,
    SameVersion,
    StoreBroken,
    StoreChanged,
    UnknownPublisher,
    Unsigned,
    WrongSigner,
)
from runtime.registry.store import Store
from runtime.registry.trust import add_keys, load_trust, remove_keys
from tests.artifact.samples import ALICE, BOB, MALLORY, altered, sealed
from tests.registry.conftest import refused, snapshot

SLOTS = "variants/nano/slots.safetensors"


def test_an_installed_package_is_found_opened_and_used(store, acme, package):
    installed = store.install(package)
    assert installed.fresh and installed.trust == "trusted"
    again = store.find("expert-sql")
    assert (again.name, again.version, again.id) == ("acme/expert-sql", "0.1.0", installed.id)
    assert again.manifest.summary.startswith("Writes SQL")
    assert set(again.variants) == {"nano", "qwen3-0.6b"}
    assert (again.variants["nano"] / "slots.safetensors").is_file()
    record = read_slots(again.open(SLOTS))
    assert torch.equal(record.slots["model.layers.0.self_attn.q_proj"].a, torch.tensor([[1.0, 2.0]]))
    assert read_canary(again.open("variants/nano/canary.safetensors")).tolerance == 0.001


def test_what_is_installed_is_read_only(store, acme, package):
    directory = store.install(package).directory
    for path in [directory, *directory.rglob("*")]:
        assert not stat.S_IMODE(path.stat().st_mode) & 0o222, path


def test_a_package_that_is_installed_already_costs_no_hashing_and_no_library(store, acme, package):
    first = store.install(package)
    code = (
        "import sys, hashlib, pathlib; from runtime.registry.store import Store;"
        f"assert not Store().install(pathlib.Path({str(package)!r})).fresh;"
        "assert not {'torch', 'numpy', 'jsonschema', 'cryptography', 'blake3', 'safetensors'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ)
    assert store.install(package).directory == first.directory


def test_listing_imports_no_library(store, acme, package):
    store.install(package)
    code = (
        "import sys; from runtime.registry.store import Store; [i] = Store().list(); assert i.trust == 'trusted';"
        "assert not {'torch', 'numpy', 'jsonschema', 'cryptography', 'blake3', 'safetensors'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ)


def test_installing_from_a_folder_is_the_same(store, acme, package, tmp_path):
    with open_container(package) as container:
        for name in container.names:
            (tmp_path / "folder" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "folder" / name).write_bytes(container.read(name))
    assert store.install(tmp_path / "folder").directory == store.install(package).directory


# SAFETY 13-18, 22, 23: refused, and the store is as it was.


def test_nobody_signed_needs_a_flag_and_says_so_for_ever(store, tmp_path):
    sealed(tmp_path / "x.expert", signers=())
    refused(store, tmp_path / "x.expert", Unsigned, "Nobody has signed")
    installed = store.install(tmp_path / "x.expert", allow_unsigned=True)
    assert installed.trust == "unsigned"
    assert installed.record.trust.flags == ("allow-unsigned",)
    assert [i.trust for i in store.list()] == ["unsigned"]
    refused(store, tmp_path / "x.expert", Unsigned)
    assert not store.install(tmp_path / "x.expert", allow_unsigned=True).fresh


def test_removing_the_signatures_gains_nothing(store, acme, package, tmp_path):
    stripped = altered(package, tmp_path / "s.expert", lambda made: made.pop("signatures.json"))
    refused(store, stripped, Unsigned)


def test_an_unsigned_copy_of_what_is_installed_signed_stays_signed(store, acme, package, tmp_path):
    store.install(package)
    stripped = altered(package, tmp_path / "s.expert", lambda made: made.pop("signatures.json"))
    assert store.install(stripped).trust == "trusted"


def test_a_publisher_nobody_knows_is_not_let_in(store, package):
    refused(store, package, UnknownPublisher, "expertbuild trust add acme")
    refused(store, package, UnknownPublisher, allow_unsigned=True)


def test_first_use_pins_the_key_only_when_asked_and_then_holds_to_it(store, package, tmp_path):
    assert store.install(package, trust_first_use=True).trust == "first-use"
    assert load_trust().namespaces["acme"].keys
    sealed(tmp_path / "evil.expert", signers=[MALLORY], version="0.2.0")
    refused(store, tmp_path / "evil.expert", WrongSigner, trust_first_use=True)


def test_a_refused_package_pins_nothing(store, package, tmp_path):
    def damage(made):
        made["README.md"] = b"# expert-xxx\n"

    refused(store, altered(package, tmp_path / "d.expert", damage), no.WrongDigest, trust_first_use=True)
    assert load_trust().namespaces == {}


def test_nobody_elses_local_is_let_in_on_faith(store, tmp_path):
    sealed(tmp_path / "x.expert", signers=[MALLORY], publisher="local")
    refused(store, tmp_path / "x.expert", UnknownPublisher, "own namespace", trust_first_use=True)
    developer_key()
    refused(store, tmp_path / "x.expert", WrongSigner, trust_first_use=True)


def test_another_namespaces_publisher_is_refused(store, acme, tmp_path):
    add_keys("bobs", [BOB.public])
    sealed(tmp_path / "x.expert", signers=[BOB])
    refused(store, tmp_path / "x.expert", WrongSigner, "trusted for bobs only")


def test_the_signature_of_another_version_is_refused(store, acme, package, tmp_path):
    sealed(tmp_path / "other.expert", ("nano", "qwen3-0.6b"), version="0.2.0")
    with open_container(tmp_path / "other.expert") as other:
        signatures = other.read("signatures.json")
    moved = altered(package, tmp_path / "m.expert", lambda made: made.update({"signatures.json": signatures}))
    refused(store, moved, no.WrongPayload)


@pytest.mark.parametrize("name", ["README.md", SLOTS, "profile/head.safetensors", "manifest.json"])
def test_a_changed_member_is_refused_by_name(store, acme, package, tmp_path, name):
    def flip(made):
        made[name] = made[name][:-1] + bytes([made[name][-1] ^ 1])

    refused(store, altered(package, tmp_path / "d.expert", flip), no.WrongDigest, name)


def test_an_unlisted_or_missing_member_is_refused(store, acme, package, tmp_path):
    extra = altered(package, tmp_path / "e.expert", lambda made: made.update({".git/config": b""}))
    refused(store, extra, no.UnlistedMember, r"\.git/config")
    less = altered(package, tmp_path / "l.expert", lambda made: made.pop("README.md"))
    refused(store, less, no.MissingMember, r"README\.md")


def test_a_truncated_package_is_refused(store, acme, package, tmp_path):
    (tmp_path / "t.expert").write_bytes(package.read_bytes()[:-30])
    refused(store, tmp_path / "t.expert", no.Truncated)


# Versions.


def test_the_same_version_with_other_bytes_is_refused_unless_asked_for(store, acme, package, tmp_path):
    store.install(package)
    sealed(tmp_path / "other.expert", ("nano", "qwen3-0.6b"), value=2.0)
    refused(store, tmp_path / "other.expert", SameVersion, "0.1.0 is installed with other bytes")
    replaced = store.install(tmp_path / "other.expert", replace=True)
    assert store.find("expert-sql").id == replaced.id
    assert len(os.listdir(store.packages)) == 1


def test_ones_own_rebuild_of_a_version_replaces_it(store, tmp_path):
    own = developer_key()
    one = sealed(tmp_path / "one.expert", signers=[own], publisher="local")
    two = sealed(tmp_path / "two.expert", signers=[own], publisher="local", value=2.0)
    assert store.install(tmp_path / "one.expert").id == one
    assert store.install(tmp_path / "two.expert").id == two
    assert [i.id for i in store.list()] == [two]
    sealed(tmp_path / "stripped.expert", signers=[], publisher="local", value=3.0)
    refused(store, tmp_path / "stripped.expert", SameVersion, allow_unsigned=True)


def test_cut_packages_of_one_release_add_up(store, acme, package, tmp_path):
    cut(package, ["nano"], tmp_path / "nano.expert")
    cut(package, ["qwen3-0.6b"], tmp_path / "qwen.expert")
    assert set(store.install(tmp_path / "nano.expert").variants) == {"nano"}
    assert set(store.install(tmp_path / "qwen.expert").variants) == {"nano", "qwen3-0.6b"}
    whole = store.find("expert-sql")
    assert not store.install(package).fresh
    assert whole.open(SLOTS) is not None


def test_finding_takes_the_highest_release_or_what_is_asked_for(store, acme, tmp_path):
    add_keys("other", [ALICE.public])
    for version in ("0.9.0", "0.10.0", "1.0.0-rc.1"):
        sealed(tmp_path / "x.expert", version=version)
        store.install(tmp_path / "x.expert")
    assert store.find("expert-sql").version == "0.10.0"
    assert store.find("acme/expert-sql@1.0.0-rc.1").version == "1.0.0-rc.1"
    assert store.find("expert-sql@0.9.0").version == "0.9.0"
    assert store.find(store.find("expert-sql@0.9.0").id[:10]).version == "0.9.0"
    assert [i.version for i in store.list()] == ["0.9.0", "0.10.0", "1.0.0-rc.1"]
    sealed(tmp_path / "y.expert", publisher="other")
    store.install(tmp_path / "y.expert")
    with pytest.raises(Ambiguous, match="acme/expert-sql or other/expert-sql"):
        store.find("expert-sql")


def test_what_is_not_there_comes_with_a_suggestion(store, acme, package):
    with pytest.raises(NotInstalled, match="Nothing is"):
        store.find("expert-sql")
    store.install(package)
    with pytest.raises(NotInstalled, match=r"Did you mean acme/expert-sql\?"):
        store.find("expert-sqi")
    with pytest.raises(NotInstalled, match="Another version"):
        store.find("acme/expert-sql@0.2.0")
    with pytest.raises(NotInstalled):
        store.find("f" * 12)


def test_a_prerelease_is_found_when_there_is_nothing_else(store, acme, tmp_path):
    sealed(tmp_path / "x.expert", version="0.1.0-rc.1")
    store.install(tmp_path / "x.expert")
    assert store.find("expert-sql").version == "0.1.0-rc.1"


def test_trust_is_what_the_trust_file_says_today(store, acme, package):
    store.install(package)
    remove_keys("acme")
    assert store.find("expert-sql").trust == "no longer trusted"
    refused(store, package, UnknownPublisher)


# SAFETY 41: uninstall touches only what the store owns.


def test_uninstalling_removes_one_version_and_nothing_beside_it(store, acme, package, tmp_path):
    store.install(package)
    sealed(tmp_path / "x.expert", version="0.2.0")
    store.install(tmp_path / "x.expert")
    (store.root.parent / "store-evil").mkdir()
    (store.root.parent / "store-evil" / "file").write_text("mine")
    assert store.uninstall("acme/expert-sql@0.1.0").version == "0.1.0"
    assert [i.version for i in store.list()] == ["0.2.0"]
    store.uninstall("expert-sql")
    assert store.list() == []
    assert os.listdir(store.packages) == os.listdir(store.records) == []
    assert (store.root.parent / "store-evil" / "file").read_text() == "mine"


def test_a_record_that_points_outside_is_refused_and_nothing_is_removed(store, acme, package, tmp_path):
    installed = store.install(package)
    (tmp_path / "precious").mkdir()
    path = store.records / "acme" / "expert-sql" / "0.1.0.json"
    text = path.read_text().replace(installed.record.folder, "../../../../precious")
    path.write_text(text)
    for act in (lambda: store.uninstall("acme/expert-sql@0.1.0"), store.list):
        with pytest.raises(StoreBroken, match=r"0\.1\.0\.json"):
            act()
    assert (tmp_path / "precious").is_dir()
    assert installed.directory.is_dir()
    assert store.install(package).fresh  # a damaged record is replaced by installing again
    assert [i.version for i in store.list()] == ["0.1.0"]


def test_a_link_in_place_of_a_package_is_removed_and_not_followed(store, acme, package, tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_text("mine")
    store.install(package)
    (store.packages / ("0" * 64)).symlink_to(tmp_path / "precious")
    sealed(tmp_path / "x.expert", version="0.2.0")
    store.install(tmp_path / "x.expert")
    assert not (store.packages / ("0" * 64)).is_symlink()
    assert (tmp_path / "precious" / "file").read_text() == "mine"


# The hot path.


def writable(path):
    for parent in (path.parent, path):
        parent.chmod(0o755)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda path: path.write_bytes(b"x"), "1 bytes instead of"),
        (lambda path: os.utime(path, ns=(1, 1)), "modification time"),
        (lambda path: path.unlink(), "No such file"),
        (lambda path: (path.unlink(), path.symlink_to("/etc/hostname")), "verified"),
    ],
)
def test_a_file_that_changed_since_is_not_opened(store, acme, package, change, sentence):
    installed = store.install(package)
    path = installed.path(SLOTS)
    writable(path)
    change(path)
    with pytest.raises(StoreChanged, match=sentence) as caught:
        installed.open(SLOTS)
    assert "expertbuild verify acme/expert-sql@0.1.0" in caught.value.hint


def test_a_file_that_changed_without_a_trace_is_found_by_its_digest(store, acme, package):
    installed = store.install(package)
    path = installed.path(SLOTS)
    times = path.stat()
    writable(path)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    with pytest.raises(StoreChanged, match="another content"):
        installed.open(SLOTS)


def test_only_members_can_be_opened(store, acme, package):
    installed = store.install(package)
    for name in ("../../lock", "/etc/passwd", "variants/nano/nothing"):
        with pytest.raises((no.BadMemberName, NotInstalled)):
            installed.open(name)


# SAFETY 15, 42.


def test_a_full_disk_leaves_the_store_as_it_was(store, acme, package, tmp_path):
    store.install(package)
    sealed(tmp_path / "x.expert", version="0.2.0", summary="x" * 400)
    before = snapshot(store.root)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, limits[1]))
    try:
        with pytest.raises(StoreBroken, match="can not be written"):
            store.install(tmp_path / "x.expert")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert snapshot(store.root) == before
    assert store.install(tmp_path / "x.expert").fresh


def test_a_store_that_is_a_file_is_one_clear_sentence(home, acme, package):
    home.mkdir(exist_ok=True)
    (home / "data").write_text("in the way")
    with pytest.raises(StoreBroken, match="can not be written"):
        Store().install(package)


def test_records_that_can_not_be_read_are_told_and_nothing_is_swept_away(store, acme, package, monkeypatch):
    installed = store.install(package)
    real = os.listdir

    def broken(path):
        if str(path).endswith("records/acme"):
            raise PermissionError(errno.EACCES, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "listdir", broken)  # what a disk does that fails; as root, permissions do not hold
    with pytest.raises(StoreBroken, match="can not be read: Permission denied"):
        store.list()
    store.sweep()
    assert installed.directory.is_dir()
