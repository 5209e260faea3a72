"""A lock file brings the same packages elsewhere, or nothing."""

import json
from dataclasses import replace

import pytest

from runtime.artifact.refusals import BadDocument, BadJson, UnknownVersion
from runtime.errors import Mistake
from runtime.registry.carrying import install_locked
from runtime.registry.lock import Entry, entry_of, lock_document, read_lock
from runtime.registry.refusals import LockDiffers, Unsigned, WouldBreak
from runtime.registry.sources.folder import FolderSource
from runtime.registry.store import Store
from runtime.registry.trust import add_keys
from tests.artifact.samples import ALICE
from tests.registry.packages import put


@pytest.fixture
def lock(run, store, acme, shop, tmp_path):
    """The lock file of acme/app 1.1.0 and acme/lib 1.2.0, as one machine wrote it."""
    run("install", "app", "--from", shop)
    run("lock", "--out", tmp_path / "expert.lock")
    return tmp_path / "expert.lock"


@pytest.fixture
def elsewhere(monkeypatch, tmp_path):
    """From here on it is another machine."""

    def elsewhere():
        monkeypatch.setenv("EXPERTBUILD_HOME", str(tmp_path / "elsewhere"))
        add_keys("acme", [ALICE.public])
        return Store()

    return elsewhere


def test_the_same_packages_are_installed_elsewhere_and_lock_to_the_same_bytes(
    run, store, lock, shop, elsewhere, tmp_path
):
    put(shop, "lib", "1.9.0")
    put(shop, "app", "1.9.0")
    here = {installed.reference: installed.id for installed in store.list()}
    moved = shop.rename(tmp_path / "moved")
    other = elsewhere()
    text = run("install", "--locked", lock, "--from", moved)[1]
    assert "Installed acme/lib 1.2.0" in text
    assert {installed.reference: installed.id for installed in other.list()} == here
    run("lock", "--out", tmp_path / "again.lock")
    assert (tmp_path / "again.lock").read_bytes() == lock.read_bytes()
    assert "Installed already: acme/app 1.1.0" in run("install", "--locked", lock)[1]


def test_the_order_in_which_things_were_installed_does_not_matter(store, lock):
    entries = read_lock(lock)
    assert lock_document(reversed(entries)) == lock.read_bytes()
    assert [entry.full_name for entry in entries] == ["acme/app", "acme/lib"]


def test_a_lock_can_be_written_for_what_is_not_installed(run, store, acme, shop, elsewhere, tmp_path):
    text = run("lock", "app@1.0.0", "--from", shop, "--out", tmp_path / "x.lock")[1]
    assert "acme/app 1.0.0" in text and "acme/lib 1.2.0" in text
    assert store.list() == []
    run("install", "--locked", tmp_path / "x.lock", "--from", shop)
    assert [installed.version for installed in store.list()] == ["1.0.0", "1.2.0"]
    assert json.loads(run("lock", "lib", "--json", "--out", tmp_path / "y.lock")[1])["experts"][0]["name"] == "lib"
    assert len(read_lock(tmp_path / "y.lock")) == 1


def test_an_unsigned_install_is_recorded_and_has_to_be_allowed_again(run, store, acme, shop, elsewhere, tmp_path):
    """SAFETY 17."""
    put(shop, "bare", signers=())
    run("install", "bare", "--from", shop, "--allow-unsigned")
    assert "installed with --allow-unsigned" in run("lock", "--out", tmp_path / "x.lock")[1]
    assert read_lock(tmp_path / "x.lock")[0].flags == ("allow-unsigned",)
    other = elsewhere()
    with pytest.raises(Unsigned):
        run("install", "--locked", tmp_path / "x.lock", "--from", shop)
    assert other.list() == []
    run("install", "--locked", tmp_path / "x.lock", "--from", shop, "--allow-unsigned")
    assert other.find("bare").trust == "unsigned"


def test_a_yanked_version_is_installed_from_a_lock_with_a_warning(lock, shop, elsewhere):
    """SAFETY 34."""

    class Yanking(FolderSource):
        def candidates(self, publisher, name):
            return (replace(one, yanked="wrong licence") for one in super().candidates(publisher, name))

    done, warnings = install_locked(elsewhere(), read_lock(lock), [Yanking(shop)])
    assert [installed.reference for installed in done] == ["acme/app@1.1.0", "acme/lib@1.2.0"]
    assert len(warnings) == 2
    assert "acme/app 1.1.0 was yanked: wrong licence" in warnings[0]


# Whatever differs is refused, and nothing is installed.


def differs(run, other, lock, shop, sentence, kind=LockDiffers, **change):
    before = [installed.id for installed in other.list()]
    with pytest.raises(kind, match=sentence) as caught:
        run("install", "--locked", lock, "--from", shop, *change)
    assert caught.type is kind
    assert [installed.id for installed in other.list()] == before


def test_other_bytes_under_a_locked_version_are_refused(run, lock, shop, elsewhere, tmp_path):
    other = elsewhere()
    put(shop, "lib", "1.2.0", value=2.0)
    differs(run, other, lock, shop, r"acme/lib 1\.2\.0 is .* in the lock file and .* in folder")
    other.install(shop / "lib-1.2.0.expert")
    differs(run, other, lock, shop, "installed here")


def test_a_package_that_is_gone_is_named(run, lock, shop, elsewhere):
    (shop / "lib-1.2.0.expert").unlink()
    differs(run, elsewhere(), lock, shop, r"No source has acme/lib 1\.2\.0")


def test_signatures_that_were_there_when_it_was_locked_must_be_there(run, lock, shop, elsewhere):
    put(shop, "lib", "1.2.0", signers=())
    other = elsewhere()
    with pytest.raises(LockDiffers, match="was signed when it was locked"):
        run("install", "--locked", lock, "--from", shop, "--allow-unsigned")
    assert other.list() == []


def test_something_newer_that_would_be_used_instead_is_refused(run, lock, shop, elsewhere):
    other = elsewhere()
    other.install(shop / "lib-2.0.0.expert")
    differs(run, other, lock, shop, r"acme/lib@2\.0\.0 is installed, newer than 1\.2\.0")


def test_a_set_that_lacks_something_is_refused(run, lock, shop, elsewhere):
    entries = [entry for entry in read_lock(lock) if entry.name == "app"]
    lock.write_bytes(lock_document(entries))
    differs(run, elsewhere(), lock, shop, "no longer have what it requires", WouldBreak)


def test_a_package_without_the_locked_base_is_refused(run, store, acme, package, elsewhere, tmp_path):
    from runtime.artifact.release import cut

    store.install(package)
    run("lock", "--out", tmp_path / "x.lock")
    cut(package, ["nano"], tmp_path / "cut" / "nano.expert")
    differs(run, elsewhere(), tmp_path / "x.lock", tmp_path / "cut", "for other bases")


def entry(**change):
    variants = {"nano": {"base": "1" * 64, "tokenizer": "2" * 64}}
    return replace(Entry("acme", "lib", "1.0.0", "5" * 64, "index acme", (), variants), **change)


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda text: text.replace('"id":', '"id":"0", "id":'), BadJson),
        (lambda text: text.replace("expert-lock/1", "expert-lock/2"), UnknownVersion),
        (lambda text: text.replace('"name":"lib"', '"name":"../lib"'), BadDocument),
        (lambda text: text.replace('"version":"1.0.0"', '"version":"01.0.0"'), BadDocument),
        (lambda text: text.replace('"version":"1.0.0"', '"version":"../.."'), BadDocument),
        (lambda text: text.replace('"flags":[]', '"flags":["trust-everybody"]'), BadDocument),
        (lambda text: text.replace('"flags":[]', '"flags":[],"run":"x"'), BadDocument),
        (lambda text: text[:-20], BadJson),
        (lambda text: "[" * 100_000, BadJson),
        (lambda text: text.replace("\n]", ",\n" + text.splitlines()[1] + "\n]"), LockDiffers),
    ],
)
def test_a_lock_file_is_read_strictly(turned_away, tmp_path, change, kind):
    path = tmp_path / "x.lock"
    path.write_text(change(lock_document([entry()]).decode()))
    assert str(path) in str(turned_away(kind, "install", "--locked", path))


def test_the_bytes_of_a_lock_file():
    assert lock_document([entry()]) == (
        b'{"experts":[\n'
        b'{"flags":[],"id":"5555555555555555555555555555555555555555555555555555555555555555","name":"lib",'
        b'"publisher":"acme","source":"index acme","variants":{"nano":{"base":'
        b'"1111111111111111111111111111111111111111111111111111111111111111","tokenizer":'
        b'"2222222222222222222222222222222222222222222222222222222222222222"}},"version":"1.0.0"}\n'
        b'],"format":"expert-lock/1"}\n'
    )


def test_what_can_not_be_locked_or_read_is_the_users_mistake(turned_away, run, acme, tmp_path):
    turned_away(Mistake, "lock", "--out", tmp_path / "x.lock")
    turned_away(Mistake, "install", "--locked", tmp_path / "nowhere.lock")
    turned_away(Mistake, "install", "--locked", tmp_path / "x.lock", "app")
    turned_away(Mistake, "install")


def test_an_entry_knows_where_it_came_from(store, acme, package):
    installed = store.install(package)
    assert entry_of(installed).source == ""
    assert entry_of(installed).id == installed.id
