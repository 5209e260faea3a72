"""Publishing: what an index takes, what it refuses, and that it is whole at every moment."""

import base64
import hashlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta

import pytest
from tuf.api.metadata import Metadata

from runtime.artifact.container import open_container, write_container
from runtime.artifact.refusals import BadSignature, Refused, WrongDigest
from runtime.artifact.release import add_signature
from runtime.artifact.strict_json import canonical
from runtime.errors import Mistake
from runtime.registry.index import documents, roles
from runtime.registry.index.publish import publish, refresh, yank
from runtime.registry.index.roles import Keys
from runtime.registry.refusals import (
    ForeignIndex,
    IndexBroken,
    NotForOthers,
    NotInIndex,
    RevokedKey,
    SameVersion,
    UnsafeKey,
    Unsigned,
    WrongSigner,
)
from runtime.registry.trust import add_keys
from tests.artifact.samples import ALICE, BOB, MALLORY, sealed
from tests.registry.conftest import snapshot
from tests.registry.serving import CAROL, DAVE, KEYS, NOW, private

DAY = timedelta(days=1)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "index"


@pytest.fixture
def package(tmp_path):
    path = tmp_path / "sql-0.1.0.expert"
    sealed(path)
    return path


def lists(folder):
    """The four lists of the newest release, by name."""
    timestamp = json.loads((folder / "metadata" / "timestamp.json").read_bytes())["signed"]
    number = timestamp["meta"]["snapshot.json"]["version"]
    snap = json.loads((folder / "metadata" / f"{number}.snapshot.json").read_bytes())["signed"]
    number = snap["meta"]["targets.json"]["version"]
    targets = json.loads((folder / "metadata" / f"{number}.targets.json").read_bytes())["signed"]
    return {"timestamp": timestamp, "snapshot": snap, "targets": targets}


def document(folder, path):
    digest = lists(folder)["targets"]["targets"][path]["hashes"]["sha256"]
    place, _, name = path.rpartition("/")
    return (folder / "targets" / place / f"{digest}.{name}").read_bytes()


def entry(folder, name="expert-sql"):
    return documents.read_entry(document(folder, documents.entry_path("acme", name)), "acme", name)


def refused(folder, work, kind, sentence="."):
    """The work is refused, and what clients see of the index is what they saw before."""
    before = snapshot(folder) if folder.exists() else {}
    with pytest.raises(kind, match=sentence) as caught:
        work()
    assert caught.type is kind
    after = snapshot(folder) if folder.exists() else {}
    before.pop(".lock", None)
    after.pop(".lock", None)
    assert after == before


def test_a_new_index_has_the_package_a_document_and_something_to_search_in(folder, package):
    done = publish(folder, [package], KEYS)
    assert done.changed == ("acme/expert-sql@0.1.0",) and done.version == 1
    digest = hashlib.sha256(package.read_bytes()).hexdigest()
    place = folder / "targets" / "packages" / "acme" / "expert-sql" / f"{digest}.0.1.0.expert"
    assert place.read_bytes() == package.read_bytes()
    offer = entry(folder)["0.1.0"]
    assert (offer.size, offer.keywords, offer.yanked) == (package.stat().st_size, ("sql", "query"), "")
    assert offer.variants == {"nano": {"base": "1" * 64, "tokenizer": "2" * 64}}
    (found,) = documents.read_search(document(folder, documents.SEARCH))
    assert (found.publisher, found.name, found.version, found.offer) == ("acme", "expert-sql", "0.1.0", offer)


def test_what_a_package_requires_stands_in_its_document(folder, tmp_path):
    relations = {"requires": {"acme/expert-json": "^1.2"}, "conflicts": {"acme/expert-cypher": "*"}}
    sealed(tmp_path / "x.expert", ("nano", "qwen3-0.6b"), **relations)
    publish(folder, [tmp_path / "x.expert"], KEYS)
    offer = entry(folder)["0.1.0"]
    assert (offer.requires, offer.conflicts) == (relations["requires"], relations["conflicts"])
    assert set(offer.variants) == {"nano", "qwen3-0.6b"}


def test_versions_gather_and_the_search_names_the_one_to_install(folder, tmp_path):
    for version in ("0.9.0", "0.10.0", "1.0.0-rc.1"):
        sealed(tmp_path / "x.expert", version=version)
        publish(folder, [tmp_path / "x.expert"], KEYS)
    assert list(entry(folder)) == ["1.0.0-rc.1", "0.10.0", "0.9.0"]
    assert documents.read_search(document(folder, documents.SEARCH))[0].version == "0.10.0"


def test_the_same_bytes_again_are_no_news_and_no_mistake(folder, package):
    publish(folder, [package], KEYS)
    again = publish(folder, [package], KEYS)
    assert (again.changed, again.known) == ((), ("acme/expert-sql@0.1.0",))


def test_the_same_version_with_other_bytes_is_refused(folder, package, tmp_path):
    publish(folder, [package], KEYS)
    sealed(tmp_path / "other.expert", value=2.0)
    refused(folder, lambda: publish(folder, [tmp_path / "other.expert"], KEYS), SameVersion, "with other bytes")


def test_the_same_release_in_another_file_is_refused_too(folder, package, tmp_path):
    publish(folder, [package], KEYS)
    add_signature(package, BOB, tmp_path / "twice.expert")
    refused(folder, lambda: publish(folder, [tmp_path / "twice.expert"], KEYS), SameVersion)


def test_one_bad_package_and_none_is_published(folder, package, tmp_path):
    publish(folder, [package], KEYS)
    sealed(tmp_path / "new.expert", version="0.2.0")
    sealed(tmp_path / "unsigned.expert", version="0.3.0", signers=())
    before = lists(folder)
    with pytest.raises(Unsigned):
        publish(folder, [tmp_path / "new.expert", tmp_path / "unsigned.expert"], KEYS)
    assert lists(folder) == before


def test_an_unsigned_package_is_refused(folder, tmp_path):
    sealed(tmp_path / "x.expert", signers=())
    refused(folder, lambda: publish(folder, [tmp_path / "x.expert"], KEYS), Unsigned, "signed ones only")


def altered(path, out, change):
    with open_container(path) as container:
        made = {name: container.read(name) for name in container.names}
    change(made)
    write_container(out, made)
    return out


def test_a_package_whose_signature_does_not_verify_is_refused(folder, package, tmp_path):
    def forge(made):
        envelope = json.loads(made["signatures.json"])
        good = base64.b64decode(envelope["signatures"][0]["sig"])
        spoilt = good[:40] + bytes([good[40] ^ 1]) + good[41:]
        envelope["signatures"][0]["sig"] = base64.b64encode(spoilt).decode()
        made["signatures.json"] = canonical(envelope)

    bad = altered(package, tmp_path / "bad.expert", forge)
    refused(folder, lambda: publish(folder, [bad], KEYS), BadSignature)


def test_a_package_that_was_changed_after_signing_is_refused(folder, package, tmp_path):
    bad = altered(package, tmp_path / "bad.expert", lambda made: made.update({"README.md": b"# expert-sqx\n"}))
    refused(folder, lambda: publish(folder, [bad], KEYS), WrongDigest, "README.md")


def test_a_package_that_this_machine_knows_to_be_wrongly_signed_is_refused(folder, package):
    add_keys("acme", [BOB.public])
    refused(folder, lambda: publish(folder, [package], KEYS), WrongSigner)


def test_a_package_of_ones_own_namespace_is_not_for_others(folder, tmp_path):
    sealed(tmp_path / "x.expert", publisher="local")
    refused(folder, lambda: publish(folder, [tmp_path / "x.expert"], KEYS), NotForOthers, "each machine's own")


def test_what_is_not_a_package_is_refused(folder, tmp_path):
    (tmp_path / "x.expert").write_bytes(b"no")
    with pytest.raises(Refused) as caught:
        publish(folder, [tmp_path / "x.expert"], KEYS)
    assert caught.value.where == str(tmp_path / "x.expert")
    with pytest.raises(Mistake):
        publish(folder, [tmp_path], KEYS)
    assert not list(folder.glob("**/*.json"))


def test_a_yanked_version_stays_and_says_why(folder, tmp_path):
    for version in ("0.1.0", "0.2.0"):
        sealed(tmp_path / f"{version}.expert", version=version)
    publish(folder, [tmp_path / "0.1.0.expert", tmp_path / "0.2.0.expert"], KEYS)
    yank(folder, "acme/expert-sql@0.2.0", "answers with DROP TABLE", KEYS)
    assert entry(folder)["0.2.0"].yanked == "answers with DROP TABLE"
    assert "packages/acme/expert-sql/0.2.0.expert" in lists(folder)["targets"]["targets"]
    assert documents.read_search(document(folder, documents.SEARCH))[0].version == "0.1.0"
    yank(folder, "acme/expert-sql@0.2.0", "", KEYS)
    assert documents.read_search(document(folder, documents.SEARCH))[0].version == "0.2.0"


def test_only_what_is_there_can_be_yanked(folder, package):
    publish(folder, [package], KEYS)
    refused(folder, lambda: yank(folder, "acme/expert-sql@0.2.0", "x", KEYS), NotInIndex)
    refused(folder, lambda: yank(folder, "acme/expert-x@0.1.0", "x", KEYS), NotInIndex)
    refused(folder, lambda: yank(folder, "expert-sql", "x", KEYS), Mistake)


def test_another_key_can_not_continue_an_index(folder, package, tmp_path):
    publish(folder, [package], KEYS)
    sealed(tmp_path / "new.expert", version="0.2.0")
    work = lambda: publish(folder, [tmp_path / "new.expert"], Keys(private(MALLORY)))  # noqa: E731
    refused(folder, work, ForeignIndex)


def test_refresh_moves_the_expiry_and_nothing_else(folder, package):
    publish(folder, [package], KEYS, NOW)
    before = lists(folder)
    refresh(folder, KEYS, NOW + 7 * DAY)
    after = lists(folder)
    assert after["timestamp"]["version"] == 2 and after["timestamp"]["expires"] > before["timestamp"]["expires"]
    assert (after["snapshot"], after["targets"]) == (before["snapshot"], before["targets"])
    refresh(folder, KEYS, NOW + 60 * DAY)
    assert lists(folder)["targets"]["version"] == 2
    assert lists(folder)["targets"]["targets"] == before["targets"]["targets"]
    assert not (folder / "metadata" / "2.root.json").exists()


def test_an_index_that_expired_can_be_renewed(folder, package):
    publish(folder, [package], KEYS, NOW - 400 * DAY)
    done = refresh(folder, KEYS, NOW)
    assert done.expires > f"{NOW:%Y-%m-%d}" and done.root_expires > f"{NOW + 300 * DAY:%Y-%m-%d}"
    assert json.loads((folder / "root.json").read_bytes())["signed"]["version"] == 2


def test_there_is_nothing_to_refresh_where_nothing_was_published(folder):
    with pytest.raises(Mistake, match="no index"):
        refresh(folder, KEYS)


def test_the_root_may_have_a_key_of_its_own_that_is_needed_once_a_year(folder, package):
    apart = Keys(private(CAROL), private(DAVE))
    publish(folder, [package], apart, NOW)
    root = Metadata.from_file(str(folder / "root.json")).signed
    assert root.roles["root"].keyids == [private(DAVE).id]
    assert root.roles["timestamp"].keyids == [private(CAROL).id]
    assert refresh(folder, KEYS, NOW + 10 * DAY).root_expires == f"{NOW + 365 * DAY:%Y-%m-%d}"
    assert refresh(folder, KEYS, NOW + 300 * DAY).root_expires == f"{NOW + 365 * DAY:%Y-%m-%d}"
    assert refresh(folder, apart, NOW + 300 * DAY).root_expires == f"{NOW + 665 * DAY:%Y-%m-%d}"
    with pytest.raises(Mistake, match="root of this index"):
        refresh(folder, Keys(private(CAROL), private(MALLORY)))


def test_the_key_of_the_root_lets_another_key_sign(folder, package):
    drawer = private(DAVE)
    publish(folder, [package], Keys(private(CAROL), drawer), NOW)
    new = Keys(private(BOB), drawer)
    with pytest.raises(ForeignIndex):
        refresh(folder, new, NOW)
    with pytest.raises(Mistake, match="root of this index"):
        refresh(folder, Keys(private(BOB), private(MALLORY)), NOW, replace_key=True)
    with pytest.raises(Mistake, match="--root-key"):
        refresh(folder, Keys(private(BOB)), NOW, replace_key=True)
    refresh(folder, new, NOW, replace_key=True)
    with pytest.raises(ForeignIndex):
        refresh(folder, KEYS, NOW)
    assert publish(folder, [package], Keys(private(BOB)), NOW).known == ("acme/expert-sql@0.1.0",)


def test_stopped_while_a_key_is_replaced_the_same_command_goes_on(folder, package):
    """The root is written, the lists are not: clients refuse the index until the command is given again."""
    publish(folder, [package], KEYS, NOW)
    old = (folder / "metadata" / "timestamp.json").read_bytes()
    new = Keys(private(BOB), private(CAROL))
    refresh(folder, new, NOW, replace_key=True)
    (folder / "metadata" / "timestamp.json").write_bytes(old)
    with pytest.raises(IndexBroken):
        refresh(folder, Keys(private(BOB)), NOW)
    refresh(folder, new, NOW, replace_key=True)
    assert publish(folder, [package], Keys(private(BOB)), NOW).known == ("acme/expert-sql@0.1.0",)


def test_what_somebody_put_into_the_folder_is_not_signed(folder, package, tmp_path):
    """Whoever can write to the file server must not get our signature under it."""
    publish(folder, [package], KEYS)
    sealed(tmp_path / "new.expert", version="0.2.0")
    path = folder / "metadata" / "1.targets.json"
    path.write_bytes(path.read_bytes().replace(b'"0.1.0', b'"0.1.1').replace(b"packages/acme", b"packages/evil"))
    refused(folder, lambda: publish(folder, [tmp_path / "new.expert"], KEYS), IndexBroken)


def test_lists_that_somebody_else_signed_are_not_continued(folder, package, tmp_path):
    """The same with more care: timestamp, snapshot and targets agree with each other, under another key."""
    publish(folder, [package], KEYS)
    sealed(tmp_path / "new.expert", version="0.2.0")
    chain = roles.load_chain(folder / "metadata", roles.load_roots(folder / "metadata", KEYS)[-1])
    for name, data in roles.release(chain, {}, Keys(private(MALLORY)), NOW):
        (folder / "metadata" / name).write_bytes(data)
    refused(folder, lambda: publish(folder, [tmp_path / "new.expert"], KEYS), IndexBroken)


def test_two_that_publish_at_once_both_get_in(folder, tmp_path):
    words = [sys.executable, "-m", "expertbuild.cli"]
    subprocess.run([*words, "keygen", "release", "--plain"], check=True, capture_output=True)
    running = []
    for version in ("0.1.0", "0.2.0", "0.3.0"):
        sealed(tmp_path / f"{version}.expert", version=version)
        command = [*words, "publish", tmp_path / f"{version}.expert", "--index", folder, "--key", "release"]
        running.append(subprocess.Popen(command, stdout=subprocess.DEVNULL))
    assert [each.wait() for each in running] == [0, 0, 0]
    assert set(entry(folder)) == {"0.1.0", "0.2.0", "0.3.0"}
    assert lists(folder)["timestamp"]["version"] == 3


def test_a_document_that_somebody_changed_is_not_continued(folder, package, tmp_path):
    publish(folder, [package], KEYS)
    sealed(tmp_path / "new.expert", version="0.2.0")
    (path,) = (folder / "targets" / "experts" / "acme").iterdir()
    path.write_bytes(path.read_bytes().replace(b"Writes", b"Wrotes"))
    before = lists(folder)
    with pytest.raises(IndexBroken):
        publish(folder, [tmp_path / "new.expert"], KEYS)
    assert lists(folder) == before


KILLED = """
import os, signal, sys
from pathlib import Path
from runtime.registry.index import publish as module
from tests.registry.serving import KEYS

left, replace = int(sys.argv[3]), os.replace

def counted(source, target):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    replace(source, target)

module.os.replace = counted
module.publish(Path(sys.argv[1]), [Path(sys.argv[2])], KEYS)
"""


def test_killed_at_any_write_the_release_before_is_whole_and_the_next_run_goes_on(folder, package, tmp_path):
    """The writes of a release are counted; the process is killed before the first, the second, and so on."""
    publish(folder, [package], KEYS)
    before, wrote = lists(folder), 0
    while True:
        sealed(tmp_path / "new.expert", version=f"0.2.{wrote}")
        words = [sys.executable, "-c", KILLED, folder, tmp_path / "new.expert", str(wrote)]
        code = subprocess.run(words, check=False, capture_output=True, env={**os.environ}).returncode
        if code == 0:
            break
        assert code == -signal.SIGKILL
        assert lists(folder) == before
        document(folder, documents.SEARCH)
        wrote += 1
    assert wrote >= 6  # package, entry, search, root.json, targets, snapshot, timestamp
    assert set(entry(folder)) == {"0.1.0", f"0.2.{wrote}"}
    assert not list(folder.rglob(".partial-*"))


def test_the_verbs_publish_and_yank(run, folder, package):
    run("keygen", "release", "--plain")
    code, text = run("publish", package, "--index", folder, "--key", "release")
    assert code == 0
    assert "Published acme/expert-sql@0.1.0" in text
    assert "Hand out" in text
    assert "Release 1" in text
    assert "already" in run("publish", package, "--index", folder, "--key", "release")[1]
    assert json.loads(run("publish", "--refresh", "--index", folder, "--key", "release", "--json")[1])["version"] == 3
    yanked = run("yank", "acme/expert-sql@0.1.0", "--why", "wrong \x1b[31m", "--index", folder, "--key", "release")[1]
    assert "Yanked acme/expert-sql@0.1.0" in yanked
    assert "No longer" in run("yank", "acme/expert-sql@0.1.0", "--undo", "--index", folder, "--key", "release")[1]


def test_a_command_that_says_too_little_is_the_users_mistake(run, folder, package, tmp_path):
    run("keygen", "release", "--plain")
    with pytest.raises(Mistake, match="--refresh"):
        run("publish", "--index", folder, "--key", "release")
    with pytest.raises(Mistake, match="Say what is wrong"):
        run("yank", "acme/expert-sql@0.1.0", "--why", " ", "--index", folder, "--key", "release")
    with pytest.raises(Mistake):
        run("publish", package, "--index", folder, "--key", "nobody")
    (tmp_path / "open.pem").write_text("-----BEGIN PRIVATE KEY-----\n")
    (tmp_path / "open.pem").chmod(0o644)
    with pytest.raises(UnsafeKey):
        run("publish", package, "--index", folder, "--key", tmp_path / "open.pem")
    assert not folder.exists()


def test_a_revoked_key_publishes_nothing_new(folder, package):
    add_keys("acme", [ALICE.public, BOB.public])
    from runtime.home import config_home

    path = config_home() / "trust.json"
    value = json.loads(path.read_bytes())
    keys = value["namespaces"]["acme"]["keys"]
    keys[private(ALICE).id]["state"] = "revoked"
    path.write_bytes(canonical(value))
    refused(folder, lambda: publish(folder, [package], KEYS), RevokedKey)


def test_an_offer_survives_being_written_and_read(folder, package):
    publish(folder, [package], KEYS)
    offer = entry(folder)["0.1.0"]
    odd = replace(offer, yanked="\x1b]0;x\x07\u202e", keywords=("é", "x" * 100))
    written = documents.write_entry("acme", "expert-sql", {"1.0.0+b": odd})
    assert documents.read_entry(written, "acme", "expert-sql") == {"1.0.0+b": odd}
    with pytest.raises(Refused, match="is about acme/expert-sql"):
        documents.read_entry(written, "acme", "expert-json")
