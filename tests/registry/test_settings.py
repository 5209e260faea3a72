"""The indexes of a machine, and the verbs `index` and `search`."""

import json
import stat
import subprocess
import sys
import time

import pytest

from expertbuild.cli import main
from runtime.artifact.refusals import BadDocument, Refused
from runtime.artifact.strict_json import canonical
from runtime.errors import Mistake
from runtime.registry.index import documents, roles
from runtime.registry.index.documents import Found, Offer
from runtime.registry.index.publish import publish
from runtime.registry.index.settings import add_index, indexes_file, load_indexes, remove_index
from runtime.registry.refusals import UnknownIndex, UnsafeAddress
from runtime.registry.sources.lists import kept_in
from tests.artifact.samples import sealed
from tests.registry.serving import KEYS, NOW, serving, sign_anew


@pytest.fixture
def folder(tmp_path):
    sealed(tmp_path / "sql.expert")
    publish(tmp_path / "index", [tmp_path / "sql.expert"], KEYS, NOW)
    return tmp_path / "index"


@pytest.fixture
def root(folder):
    return folder / "root.json"


def test_indexes_are_kept_in_the_order_in_which_they_were_added(root):
    add_index("zeta", "https://z.example.org", root, ["acme", "acme"])
    add_index("alpha", "https://a.example.org", root)
    assert [(i.name, i.url, i.namespaces) for i in load_indexes()] == [
        ("zeta", "https://z.example.org/", ("acme",)),
        ("alpha", "https://a.example.org/", ()),
    ]
    remove_index("zeta")
    assert [i.name for i in load_indexes()] == ["alpha"]
    with pytest.raises(UnknownIndex, match="zeta"):
        remove_index("zeta")


def test_a_namespace_belongs_to_one_index(root):
    add_index("one", "https://z.example.org", root, ["acme"])
    with pytest.raises(Mistake, match="pinned to the index one"):
        add_index("two", "https://a.example.org", root, ["acme"])
    with pytest.raises(Mistake, match="already"):
        add_index("one", "https://a.example.org", root)
    assert len(load_indexes()) == 1


@pytest.mark.parametrize(("name", "namespaces"), [("../x", []), ("A", []), ("", []), ("x", ["local"]), ("x", ["a/b"])])
def test_names_that_are_none_are_refused(root, name, namespaces):
    with pytest.raises(Mistake):
        add_index(name, "https://example.org", root, namespaces)
    assert load_indexes() == []


def test_a_root_that_is_none_is_refused(root, folder, tmp_path):
    value = json.loads(root.read_bytes())
    value["signed"]["version"] = 7
    (tmp_path / "forged.json").write_bytes(canonical(value))
    (tmp_path / "twice.json").write_bytes(root.read_bytes().replace(b'{"signatures"', b'{"signatures":[],"signatures"'))
    (tmp_path / "nonsense.json").write_bytes(b"[]")
    bad = [tmp_path / "forged.json", tmp_path / "twice.json", tmp_path / "nonsense.json", tmp_path / "nothing.json"]
    for path in [*bad, folder / "metadata" / "timestamp.json"]:
        with pytest.raises(Mistake):
            add_index("acme", "https://example.org", path)
    assert load_indexes() == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda value: value.update(format="expert-indexes/2"),
        lambda value: value["indexes"][0].update(url="file:///etc/"),
        lambda value: value["indexes"][0].update(url="http://example.org/"),
        lambda value: value["indexes"][0].update(name="../x"),
        lambda value: value["indexes"][0].update(namespaces=["acme", "acme"]),
        lambda value: value["indexes"][0].update(more=1),
        lambda value: value["indexes"][0].pop("root"),
        lambda value: value["indexes"][0].update(root=[]),
        lambda value: value["indexes"].append(value["indexes"][0]),
        lambda value: value.update(indexes=7),
    ],
)
def test_a_list_of_indexes_that_somebody_spoilt_is_refused(root, spoil):
    add_index("acme", "https://example.org", root, ["acme"])
    value = json.loads(indexes_file().read_bytes())
    spoil(value)
    indexes_file().write_bytes(json.dumps(value).encode())
    with pytest.raises(Refused) as caught:
        load_indexes()
    assert caught.value.where == str(indexes_file())
    indexes_file().write_bytes(b'{"format":"expert-indexes/1","format":"x"}')
    with pytest.raises(Refused):
        load_indexes()


def test_the_list_of_indexes_is_not_for_others_to_write(root):
    add_index("acme", "https://example.org", root)
    assert not stat.S_IMODE(indexes_file().parent.stat().st_mode) & 0o077
    assert BadDocument.exit_code == 1


def test_the_verb_index_adds_lists_updates_and_removes(run, folder, root):
    assert "No index is configured" in run("index", "list")[1]
    with serving(folder) as server:
        code, text = run("index", "add", "acme", server.url, "--root", root, "--namespace", "acme", "beta")
        assert code == 0
        assert "alone serves acme, beta" in text
        assert "never" in run("index", "list")[1]
        code, text = run("index", "update")
        assert (code, "acme: 1 expert, good until " in text) == (0, True)
    assert "can not be reached" in run("index", "update", "acme")[1]
    listed = json.loads(run("index", "list", "--json")[1])
    assert listed[0]["until"] > listed[0]["seen"]
    kept = kept_in(load_indexes()[0])
    assert kept.is_dir()
    assert "Removed the index acme" in run("index", "remove", "acme")[1]
    assert not kept.exists()


def test_an_update_that_fails_says_so_and_fails(run, root):
    run("index", "add", "acme", "http://127.0.0.1:9/", "--root", root)
    code, text = run("index", "update")
    assert code == 1
    assert "does not answer" in text
    code, text = run("index", "update", "--json")
    assert code == 1
    assert "does not answer" in json.loads(text)[0]["problem"]


def test_plain_http_to_another_machine_has_to_be_asked_for(run, root):
    with pytest.raises(UnsafeAddress, match="everybody on the way"):
        run("index", "add", "acme", "http://example.org", "--root", root)
    with pytest.raises(UnsafeAddress):
        run("index", "add", "acme", "file:///srv", "--root", root)
    run("index", "add", "acme", "http://example.org", "--root", root, "--insecure-http")
    assert "http://example.org/ (insecure)" in run("index", "list")[1]


def test_search_finds_what_is_offered_and_what_is_installed(run, store, acme, folder, root, tmp_path):
    sealed(tmp_path / "json.expert", name="expert-json", summary="Repairs JSON.")
    store.install(tmp_path / "json.expert")
    store.install(tmp_path / "sql.expert")
    assert "expert-json" in run("search", "json")[1]
    with serving(folder) as server:
        run("index", "add", "acme", server.url, "--root", root)
        lines = run("search")[1].splitlines()
        assert [line.split()[:3] for line in lines[1:]] == [
            ["acme/expert-sql", "0.1.0", "0.1.0"],
            ["acme/expert-json", "0.1.0", "0.1.0"],
        ]
        found = json.loads(run("search", "query", "--json")[1])
        assert [(e["name"], e["source"], e["installed"]) for e in found["found"]] == [
            ("acme/expert-sql", "index acme", "0.1.0")
        ]
        assert "Nothing fits" in run("search", "cypher")[1]


def test_search_says_which_index_can_not_be_asked_and_answers_from_the_others(run, capsys, folder, root):
    with serving(folder) as server:
        run("index", "add", "acme", server.url, "--root", root)
        run("index", "add", "gone", "http://127.0.0.1:9/", "--root", root)
        assert main(["search", "sql"]) == 0
        said = capsys.readouterr()
        assert "acme/expert-sql" in said.out
        assert "index gone" in said.err
    run("index", "remove", "acme")
    assert main(["search", "sql"]) == 1


def test_terminal_escapes_in_an_index_are_shown_and_not_obeyed(run, tmp_path):
    sealed(tmp_path / "x.expert", summary="\x1b[2J\x1b]0;owned\x07 \u202eevil")
    publish(tmp_path / "index", [tmp_path / "x.expert"], KEYS, NOW)
    run("index", "add", "acme", tmp_path / "index", "--root", tmp_path / "index" / "root.json")
    text = run("search")[1]
    assert "\\x1b[2J" in text
    assert all(c.isprintable() or c == "\n" for c in text)


def test_a_search_among_500_experts_takes_less_than_200_ms_of_its_own(run, folder, root):
    """CPU time, so that a busy machine does not fail it; the index was looked at before."""
    offer = Offer("1" * 64, 10, "2026-01-01", "Writes one thing in a language.", ("sql", "query"), variants=VARIANTS)
    many = {("acme", f"expert-{n}"): Found("acme", f"expert-{n}", "0.1.0", offer) for n in range(500)}
    _with_search(folder, documents.write_search(many))
    run("index", "add", "acme", folder, "--root", root)
    run("index", "update")
    spent = []
    for _ in range(5):
        began = time.process_time()
        text = run("search", "language", "sql")[1]
        spent.append(time.process_time() - began)
    assert len(text.splitlines()) == 501
    assert min(spent) < 0.2


IMPORTED = """
import sys
from expertbuild.cli import main
code = main(sys.argv[1:])
sys.exit(code or bool({"tuf", "securesystemslib", "urllib3", "jsonschema"} & sys.modules.keys()))
"""


def test_what_asks_no_index_pays_for_none(run, folder, root):
    run("index", "add", "acme", folder, "--root", root)
    run("index", "update")
    for words in (["list"], ["search", "sql"], ["index", "list"]):
        subprocess.run([sys.executable, "-c", IMPORTED, *words], check=True, capture_output=True)


VARIANTS = {base: {"base": "1" * 64, "tokenizer": "2" * 64} for base in ("nano", "qwen3-0.6b")}


def _with_search(folder, data):
    chain = roles.load_chain(folder / "metadata", roles.load_roots(folder / "metadata", KEYS)[-1])
    sign_anew(folder, chain, documents.SEARCH, data)
