"""An index as a client sees it: real servers that are honest, old, mixed, endless, slow, or send one elsewhere."""

import json
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from datetime import timedelta

import pytest

from runtime.artifact.refusals import Refused
from runtime.artifact.strict_json import canonical
from runtime.registry.index import documents, roles
from runtime.registry.index.publish import publish, refresh, yank
from runtime.registry.index.settings import add_index, load_indexes
from runtime.registry.refusals import (
    AnswerTooLong,
    AnswerTooSlow,
    IndexBroken,
    IndexExpired,
    IndexForged,
    IndexMixed,
    IndexOlder,
    IndexRefused,
    IndexUnreachable,
    NotAsOffered,
    RedirectRefused,
    SameVersion,
    UnknownPublisher,
)
from runtime.registry.sources import configured
from runtime.registry.sources.index import FRESH, IndexSource
from runtime.registry.sources.lists import kept_in
from tests.artifact.samples import BOB, sealed
from tests.registry.conftest import snapshot
from tests.registry.serving import (
    CAROL,
    DAVE,
    KEYS,
    LATELY,
    NOW,
    SHORT,
    private,
    redirecting,
    sending,
    serving,
    sign_anew,
)
from tests.registry.serving import configured as configure

DAY = timedelta(days=1)


@pytest.fixture
def folder(tmp_path):
    """An index with acme/expert-sql 0.1.0."""
    sealed(tmp_path / "sql.expert")
    publish(tmp_path / "index", [tmp_path / "sql.expert"], KEYS, LATELY)
    return tmp_path / "index"


@pytest.fixture
def server(folder):
    with serving(folder) as server:
        yield server


def release(folder, tmp_path, version, now=NOW, **changes):
    sealed(tmp_path / "next.expert", version=version, **changes)
    return publish(folder, [tmp_path / "next.expert"], KEYS, now)


def source(patience=None):
    """The one configured index, as a new process would see it."""
    (index,) = load_indexes()
    return IndexSource(index, patience=patience)


def versions(patience=None):
    return [each.version for each in source(patience).candidates("acme", "expert-sql")]


def refused(store, work, kind, sentence="."):
    """Refused with this class and one plain sentence, and the store is as it was."""
    before = contents(store)
    with pytest.raises(kind, match=sentence) as caught:
        work()
    assert caught.type is kind
    assert "\n" not in str(caught.value) and str(caught.value).isprintable()
    assert contents(store) == before
    return caught.value


def contents(store):
    return {path: data for path, data in snapshot(store.root).items() if path != "lock"}


def test_from_a_published_package_to_an_installed_expert(store, acme, folder, server, tmp_path):
    configure(server)
    (only,) = configured()
    (candidate,) = only.candidates("acme", "expert-sql")
    assert (candidate.full_name, candidate.version, candidate.source) == ("acme/expert-sql", "0.1.0", "index acme")
    assert list(only.publishers("expert-sql")) == ["acme"]
    assert list(only.publishers("expert-x")) == list(only.candidates("acme", "expert-x")) == []
    path = candidate.fetch(tmp_path)
    assert (path.name, path.stat().st_size) == ("expert-sql-0.1.0.expert", candidate.size)
    installed = store.install(path)
    assert (installed.id, installed.trust) == (candidate.id, "trusted")


def test_what_an_index_offers_is_installed_locked_and_updated_by_name(run, store, acme, folder, server, tmp_path):
    configure(server)
    assert "Installed acme/expert-sql 0.1.0" in run("install", "expert-sql")[1]
    assert store.find("expert-sql").record.source == "index acme"
    run("lock", "--out", tmp_path / "expert.lock")
    release(folder, tmp_path, "0.2.0")
    assert "Updated acme/expert-sql 0.1.0 -> 0.2.0 (asked for; index acme)" in run("update")[1]
    run("uninstall", "expert-sql")
    run("install", "--locked", tmp_path / "expert.lock")
    assert [each.version for each in store.list()] == ["0.1.0"]


def test_any_file_server_will_do(folder, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "--directory", str(folder), str(port)]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        try:
            add_index("acme", f"http://localhost:{port}", folder / "root.json")
            for _ in range(600):
                try:
                    found = versions()
                    break
                except IndexUnreachable:
                    time.sleep(0.1)
            assert found == ["0.1.0"]
        finally:
            running.terminate()


def test_a_folder_is_an_index_without_a_server(folder, tmp_path):
    add_index("here", str(folder), folder / "root.json")
    (candidate,) = source().candidates("acme", "expert-sql")
    assert candidate.fetch(tmp_path).is_file()


def test_who_may_sign_a_package_is_still_for_the_trust_file_to_say(store, server, tmp_path):
    configure(server)
    (candidate,) = source().candidates("acme", "expert-sql")
    path = candidate.fetch(tmp_path)
    refused(store, lambda: store.install(path), UnknownPublisher)


def test_new_versions_and_yanked_ones_are_seen(folder, server, tmp_path):
    configure(server)
    assert versions() == ["0.1.0"]
    release(folder, tmp_path, "0.2.0")
    yank(folder, "acme/expert-sql@0.1.0", "broken", KEYS)
    found = {each.version: each.yanked for each in source().candidates("acme", "expert-sql")}
    assert found == {"0.2.0": "", "0.1.0": "broken"}
    assert [each.version for each in source().search("sql")] in (
        ["0.2.0"],
        ["0.1.0"],
    )  # what is kept may be 15 minutes old


# SAFETY 27: an index older than the last one seen
def test_an_older_index_than_the_last_one_seen_is_refused(store, folder, server, tmp_path):
    shutil.copytree(folder, tmp_path / "older")
    release(folder, tmp_path, "0.2.0")
    configure(server)
    assert versions() == ["0.2.0", "0.1.0"]
    shutil.rmtree(folder)
    shutil.copytree(tmp_path / "older", folder)
    refused(store, versions, IndexOlder, "older than the one that was seen last")


def test_an_older_list_of_contents_under_a_new_timestamp_is_refused(store, folder, server, tmp_path):
    """The publisher's own key signs a timestamp that goes back: as if it was stolen, or a backup was restored."""
    release(folder, tmp_path, "0.2.0")
    configure(server)
    versions()
    chain = roles.load_chain(folder / "metadata", roles.load_roots(folder / "metadata", KEYS)[-1])
    chain.timestamp.signed.version += 1
    first = (folder / "metadata" / "1.snapshot.json").read_bytes()
    chain.timestamp.signed.snapshot_meta = roles._meta(1, first)
    chain.timestamp.sign(roles._Signer(private(CAROL)))
    (folder / "metadata" / "timestamp.json").write_bytes(chain.timestamp.to_bytes())
    refused(store, versions, IndexOlder)


def test_forgetting_what_was_fetched_does_not_forget_what_was_seen(folder, server, tmp_path, monkeypatch, home):
    """The lists lie beside the store; the cache may be thrown away."""
    configure(server)
    versions()
    assert (home / "data") in kept_in(load_indexes()[0]).parents
    assert not (home / "cache").exists()


# SAFETY 28: an index past its expiry
@pytest.mark.parametrize("days", [15, 91, 400])
def test_an_index_past_its_expiry_is_refused(store, tmp_path, days):
    sealed(tmp_path / "sql.expert")
    publish(tmp_path / "index", [tmp_path / "sql.expert"], KEYS, NOW - days * DAY)
    with serving(tmp_path / "index") as server:
        configure(server)
        told = refused(store, versions, IndexExpired, "lately")
        assert "publish --refresh" in told.hint
        refresh(tmp_path / "index", KEYS, NOW)
        assert versions() == ["0.1.0"]


def test_an_index_that_is_held_back_expires(store, folder, server, tmp_path, monkeypatch):
    """Somebody serves the same, sound, unchanged index for ever: after two weeks it is no longer believed."""
    configure(server)
    versions()
    two_weeks_pass(monkeypatch)
    refused(store, versions, IndexExpired)


def two_weeks_pass(monkeypatch):
    """The clock that the lists are judged by, two weeks on."""
    from tuf.ngclient._internal import trusted_metadata_set

    class Clock:
        """The library's module of time, with another now."""

        timezone = trusted_metadata_set.datetime.timezone

        class datetime(trusted_metadata_set.datetime.datetime):
            @classmethod
            def now(cls, tz=None):
                return super().now(tz) + 14 * DAY

    monkeypatch.setattr(trusted_metadata_set, "datetime", Clock)


# SAFETY 29: parts of two releases mixed
@pytest.mark.parametrize("part", ["snapshot", "targets"])
def test_lists_of_two_releases_are_not_mixed(store, folder, server, tmp_path, part):
    release(folder, tmp_path, "0.2.0")
    metadata = folder / "metadata"
    shutil.copy(metadata / f"1.{part}.json", metadata / f"2.{part}.json")
    configure(server)
    refused(store, versions, IndexMixed, "do not belong together")


def test_a_document_of_another_release_is_not_taken(store, folder, server, tmp_path):
    places = folder / "targets" / "experts" / "acme"
    (old,) = places.iterdir()
    release(folder, tmp_path, "0.2.0")
    (new,) = set(places.iterdir()) - {old}
    configure(server)
    source().refresh()
    shutil.copy(old, new)
    refused(store, versions, IndexMixed)


def test_a_package_of_another_version_is_not_taken(store, folder, server, tmp_path):
    release(folder, tmp_path, "0.2.0")
    places = folder / "targets" / "packages" / "acme" / "expert-sql"
    (old,) = places.glob("*.0.1.0.expert")
    (new,) = places.glob("*.0.2.0.expert")
    configure(server)
    newest, _ = source().candidates("acme", "expert-sql")
    shutil.copy(old, new)
    (tmp_path / "out").mkdir()
    refused(store, lambda: newest.fetch(tmp_path / "out"), IndexMixed)
    assert not list((tmp_path / "out").iterdir())


def test_a_list_that_is_signed_by_nobody_we_know_is_refused(store, folder, server):
    configure(server)
    path = folder / "metadata" / "timestamp.json"
    value = json.loads(path.read_bytes())
    value["signed"]["version"] = 9
    path.write_bytes(canonical(value))
    refused(store, versions, IndexForged)
    path.write_bytes(b"[" * 16_000)
    refused(store, versions, IndexForged)


def test_another_publisher_can_not_take_over_an_address(store, folder, server, tmp_path):
    configure(server)
    versions()
    shutil.rmtree(folder)
    sealed(tmp_path / "evil.expert", version="9.0.0")
    other = roles.Keys(private(DAVE))
    for _ in range(3):
        publish(folder, [tmp_path / "evil.expert"], other, NOW)
    refused(store, versions, IndexForged)


def test_a_new_root_is_followed_when_the_old_one_signed_it(tmp_path):
    sealed(tmp_path / "sql.expert")
    publish(tmp_path / "index", [tmp_path / "sql.expert"], KEYS, NOW - 200 * DAY)
    with serving(tmp_path / "index") as server:
        configure(server)
        refresh(tmp_path / "index", KEYS, NOW)
        assert (tmp_path / "index" / "metadata" / "2.root.json").exists()
        assert versions() == ["0.1.0"]


def test_a_key_that_was_replaced_signs_nothing_more(store, tmp_path):
    sealed(tmp_path / "sql.expert")
    index, drawer = tmp_path / "index", private(DAVE)
    publish(index, [tmp_path / "sql.expert"], roles.Keys(private(CAROL), drawer), LATELY)
    with serving(index) as server:
        configure(server)
        assert versions() == ["0.1.0"]
        stolen = shutil.copytree(index, tmp_path / "stolen")
        refresh(index, roles.Keys(private(BOB), drawer), NOW, replace_key=True)
        assert versions() == ["0.1.0"]
        for version in ("0.2.0", "0.3.0"):
            sealed(tmp_path / "evil.expert", version=version)
            publish(stolen, [tmp_path / "evil.expert"], roles.Keys(private(CAROL)), NOW)
        for name in ("timestamp.json", "3.snapshot.json", "3.targets.json"):
            shutil.copy(stolen / "metadata" / name, index / "metadata" / name)
        refused(store, versions, IndexForged)


# SAFETY 30: endless or slow responses
def endless(handler):
    handler.send_response(200)
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(b" " * 65536)
    except OSError:
        pass


def dripping(what):
    """Sends a byte now and then, of the body or of a header, and never ends."""

    def answer(handler):
        try:
            if what == "body":
                handler.send_response(200)
                handler.end_headers()
            else:
                handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            while True:
                handler.wfile.write(b"x")
                handler.wfile.flush()
                time.sleep(0.05)
        except OSError:
            pass

    return answer


@pytest.mark.parametrize("path", ["timestamp.json", "1.snapshot.json", "1.targets.json", "expert-sql.json"])
def test_an_endless_answer_is_cut_off(store, server, path):
    configure(server)
    server.answers[path] = endless
    refused(store, versions, AnswerTooLong, "longer than it may be")


@pytest.mark.parametrize("what", ["body", "header"])
def test_an_answer_that_never_comes_to_an_end_is_given_up(store, server, what):
    configure(server)
    server.answers["timestamp.json"] = dripping(what)
    refused(store, lambda: versions(SHORT), AnswerTooSlow, "too long")


def test_a_server_that_says_nothing_is_given_up(store, folder):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        add_index("acme", f"http://127.0.0.1:{silent.getsockname()[1]}/", folder / "root.json")
        refused(store, lambda: versions(SHORT), AnswerTooSlow)


def test_an_endless_package_is_cut_off_and_nothing_is_left(store, server, tmp_path):
    configure(server)
    (candidate,) = source().candidates("acme", "expert-sql")
    server.answers["0.1.0.expert"] = endless
    (tmp_path / "out").mkdir()
    refused(store, lambda: candidate.fetch(tmp_path / "out"), AnswerTooLong)
    assert not list((tmp_path / "out").iterdir())


def test_a_document_beyond_the_cap_is_not_even_asked_for(store, folder, server, monkeypatch):
    configure(server)
    source().refresh()
    monkeypatch.setattr(documents, "ENTRY_CAP", 100)
    asked = len(server.asked)
    refused(store, versions, AnswerTooLong, "at most 100")
    assert not any("expert-sql.json" in path for path in server.asked[asked:])


def test_an_answer_that_breaks_off_is_not_taken_for_a_short_one(store, server):
    configure(server)
    server.answers["timestamp.json"] = sending(b"{}", length=1000)
    refused(store, versions, IndexUnreachable, "breaks off")


def test_what_is_not_http_is_one_sentence(store, folder):
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer():
            with listening.accept()[0] as connection:
                connection.recv(1000)
                connection.sendall(b"\x1b[31mSSH-2.0\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        add_index("acme", f"http://127.0.0.1:{listening.getsockname()[1]}/", folder / "root.json")
        refused(store, versions, IndexUnreachable, "not HTTP")
        thread.join()


# SAFETY 33: the same version with other bytes
def test_an_installed_version_that_comes_with_other_bytes_is_refused(store, acme, folder, server, tmp_path):
    configure(server)
    (candidate,) = source().candidates("acme", "expert-sql")
    store.install(candidate.fetch(tmp_path))
    shutil.rmtree(folder)
    sealed(tmp_path / "other.expert", value=2.0)
    publish(folder, [tmp_path / "other.expert"], KEYS, NOW)  # a publisher who starts anew, and goes on from there
    release(folder, tmp_path, "0.2.0")
    _, other = source().candidates("acme", "expert-sql")
    assert other.id != candidate.id
    path = other.fetch(tmp_path)
    refused(store, lambda: store.install(path), SameVersion, "with other bytes")


def test_an_index_that_sends_another_package_than_it_offered_is_refused(store, folder, server, tmp_path):
    """The index itself lies, under its own good signature: its document names another id."""
    draft = roles.load_chain(folder / "metadata", roles.load_roots(folder / "metadata", KEYS)[-1])
    path = documents.entry_path("acme", "expert-sql")
    (old,) = (folder / "targets" / "experts" / "acme").iterdir()
    forged = old.read_bytes().replace(json.loads(old.read_bytes())["versions"]["0.1.0"]["id"].encode(), b"9" * 64)
    sign_anew(folder, draft, path, forged)
    configure(server)
    (candidate,) = source().candidates("acme", "expert-sql")
    assert candidate.id == "9" * 64
    (tmp_path / "out").mkdir()
    refused(store, lambda: candidate.fetch(tmp_path / "out"), NotAsOffered, "offered was 999999999999")
    assert not list((tmp_path / "out").iterdir())


def test_a_document_about_another_expert_is_refused(store, folder, server, tmp_path):
    draft = roles.load_chain(folder / "metadata", roles.load_roots(folder / "metadata", KEYS)[-1])
    (old,) = (folder / "targets" / "experts" / "acme").iterdir()
    forged = old.read_bytes().replace(b'"publisher":"acme"', b'"publisher":"evil"')
    sign_anew(folder, draft, documents.entry_path("acme", "expert-sql"), forged)
    configure(server)
    told = refused_as(store, versions, "is about evil/expert-sql")
    assert "index acme" in told.where


def refused_as(store, work, sentence):
    before = contents(store)
    with pytest.raises(Refused, match=sentence) as caught:
        work()
    assert contents(store) == before
    return caught.value


# SAFETY 35: one name on two indexes
def test_a_namespace_that_is_pinned_is_served_by_its_index_alone(folder, server, tmp_path):
    sealed(tmp_path / "evil.expert", version="9.0.0")
    publish(tmp_path / "public", [tmp_path / "evil.expert"], KEYS, NOW)
    with serving(tmp_path / "public") as public:
        configure(public, "public")
        configure(server, "ours", ["acme"])
        found = {each.title: each for each in configured()}
        assert list(found) == ["index public", "index ours"]
        assert [each.version for each in found["index ours"].candidates("acme", "expert-sql")] == ["0.1.0"]
        assert list(found["index public"].candidates("acme", "expert-sql")) == []
        assert list(found["index public"].publishers("expert-sql")) == []
        assert list(found["index public"].search("")) == []


def test_no_index_can_offer_what_is_each_machines_own(folder, server, tmp_path):
    configure(server)
    assert list(source().candidates("local", "expert-sql")) == []


# SAFETY 39: redirects
@pytest.mark.parametrize(
    ("to", "why"),
    [
        ("file:///etc/passwd", "not a web address"),
        ("ftp://example.org/x", "not a web address"),
        ("//user:x@127.0.0.1/x", "not a web address"),
        ("http://169.254.169.254/latest/meta-data/", "link-local"),
        ("http://[fe80::1]/", "link-local"),
        ("http://[::ffff:169.254.169.254]/", "link-local"),
        ("http://10.0.0.1/x", "private"),
        ("http://192.168.1.1/x", "private"),
        ("http://[fd00::1]/x", "private"),
        ("http://100.64.0.1/x", "private"),
        ("http://0.0.0.0/x", "reserved"),
        ("http://93.184.216.34/x", "plain http"),
        ("", "redirects more than"),
    ],
)
def test_a_redirect_to_where_no_index_has_business_is_refused(store, server, to, why):
    configure(server)
    server.answers["timestamp.json"] = redirecting(to)
    refused(store, versions, RedirectRefused, why)


def test_a_redirect_that_goes_round_is_given_up(store, server):
    configure(server)
    server.answers["timestamp.json"] = redirecting("/metadata/timestamp.json")
    refused(store, versions, RedirectRefused, "more than 3 times")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_within_the_network_of_the_index_is_followed(folder, server, status):
    with serving(folder) as other:
        configure(server)
        server.answers["timestamp.json"] = redirecting(f"{other.url}metadata/timestamp.json", status)
        assert versions() == ["0.1.0"]
        assert "/metadata/timestamp.json" in other.asked


@contextmanager
def tls(tmp_path, monkeypatch):
    """An index over https, with a certificate that this process trusts."""
    key, certificate = tmp_path / "tls.key", tmp_path / "tls.crt"
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    words += ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(words, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with serving(tmp_path / "index") as server:
        server._server.socket = context.wrap_socket(server._server.socket, server_side=True)
        server.url = f"https://localhost:{server.port}/"
        yield server, certificate


def test_https_is_spoken_and_never_left(store, folder, tmp_path, monkeypatch):
    with tls(tmp_path, monkeypatch) as (secure, certificate), serving(folder) as plain:
        configure(secure)
        refused(store, versions, IndexUnreachable, "No safe connection")
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert versions() == ["0.1.0"]
        secure.answers["timestamp.json"] = redirecting(f"{plain.url}metadata/timestamp.json")
        refused(store, versions, RedirectRefused, "from https to")
        assert plain.asked == []


def test_a_certificate_for_another_name_is_refused(store, folder, tmp_path, monkeypatch):
    with tls(tmp_path, monkeypatch) as (secure, certificate):
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        secure.url = secure.url.replace("localhost", "127.0.0.1")
        configure(secure)
        refused(store, versions, IndexUnreachable, "No safe connection")


# Without a network
def test_an_index_that_is_out_of_reach_answers_from_what_is_kept(folder, tmp_path):
    with serving(folder) as server:
        configure(server)
        assert versions() == ["0.1.0"]
    kept = source()
    assert [each.version for each in kept.candidates("acme", "expert-sql")] == ["0.1.0"]
    assert "can not be reached" in kept.note
    assert [each.name for each in kept.search("sql")] == ["expert-sql"]
    (candidate,) = kept.candidates("acme", "expert-sql")
    with pytest.raises(IndexUnreachable):
        candidate.fetch(tmp_path)


def test_an_index_that_was_never_seen_can_not_answer_from_memory(store, folder):
    with serving(folder) as server:
        configure(server)
    refused(store, versions, IndexUnreachable, "does not answer")


def test_what_is_kept_and_has_expired_is_not_believed(store, folder, monkeypatch):
    with serving(folder) as server:
        configure(server)
        assert versions() == ["0.1.0"]
    two_weeks_pass(monkeypatch)
    told = refused(store, versions, IndexUnreachable)
    assert "has expired" in told.hint


def test_a_server_that_is_broken_counts_as_out_of_reach(server):
    configure(server)
    assert versions() == ["0.1.0"]
    server.answers["timestamp.json"] = sending(b"no", 503)
    assert versions() == ["0.1.0"]


def test_what_is_refused_is_not_answered_from_what_is_kept(store, folder, server):
    configure(server)
    assert versions() == ["0.1.0"]
    server.answers["timestamp.json"] = sending(b"{}")
    refused(store, versions, IndexForged)


def test_a_search_asks_nobody_when_it_was_asked_lately(server):
    configure(server)
    assert [each.name for each in source().search("sql")] == ["expert-sql"]
    asked = len(server.asked)
    assert [each.name for each in source().search("WRITES schema")] == ["expert-sql"]
    assert list(source().search("cypher")) == []
    assert len(server.asked) == asked
    state = kept_in(load_indexes()[0]) / "state.json"
    value = json.loads(state.read_bytes())
    state.write_bytes(canonical({**value, "at": value["at"] - FRESH - 1}))
    list(source().search("sql"))
    assert len(server.asked) > asked


def test_what_is_kept_and_was_changed_is_noticed(store, server):
    configure(server)
    found = source()
    state = found.refresh()
    (kept_in(load_indexes()[0]) / "documents" / state.search).write_bytes(b'{"experts":[]}')
    refused(store, lambda: list(source().search("sql")), IndexBroken)
    assert [each.name for each in source().search("sql")] == ["expert-sql"]


def test_every_refusal_of_an_index_is_of_one_family():
    for kind in (IndexOlder, IndexExpired, IndexMixed, IndexForged, AnswerTooLong, RedirectRefused):
        assert issubclass(kind, IndexRefused) and kind.exit_code == 1
