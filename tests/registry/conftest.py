import pytest

from expertbuild.cli import VERBS, named
from runtime.registry.store import Store
from runtime.registry.trust import add_keys
from tests.artifact.samples import ALICE, sealed
from tests.registry.packages import put


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """Everything this user keeps, in a folder of its own."""
    monkeypatch.setenv("EXPERTBUILD_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def store(home):
    return Store()


@pytest.fixture
def acme(home):
    """Alice may sign for acme."""
    return add_keys("acme", [ALICE.public])


@pytest.fixture
def package(tmp_path):
    """acme/expert-sql 0.1.0 for two bases, signed by Alice."""
    path = tmp_path / "expert-sql-0.1.0.expert"
    sealed(path, ("nano", "qwen3-0.6b"))
    return path


@pytest.fixture
def shop(tmp_path):
    """A folder of packages: acme/app requires acme/lib."""
    folder = tmp_path / "shop"
    for version in ("1.0.0", "1.2.0", "2.0.0"):
        put(folder, "lib", version)
    put(folder, "app", "1.0.0", {"lib": "^1"})
    put(folder, "app", "1.1.0", {"lib": "^1.1"})
    return folder


@pytest.fixture
def run(capsys):
    """Run a verb; its exit code and what it printed."""

    def run(verb, *words):
        code = named(VERBS[verb])([str(word) for word in words])
        return code, capsys.readouterr().out

    return run


@pytest.fixture
def turned_away(store):
    """A verb that is refused with exactly this class leaves the store as it was; the error."""

    def turned_away(kind, verb, *words):
        before = snapshot(store.root) if store.root.exists() else {}
        with pytest.raises(kind) as caught:
            named(VERBS[verb])([str(word) for word in words])
        assert caught.type is kind
        after = snapshot(store.root) if store.root.exists() else {}
        assert {**after, "lock": b""} == {**before, "lock": b""}
        assert "Traceback" not in str(caught.value)
        return caught.value

    return turned_away


def snapshot(folder):
    """Every file below a folder with its bytes."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def refused(store, path, kind, sentence=".", **flags):
    """Installing this is refused for this reason, and the store is as it was."""
    before = snapshot(store.root) if store.root.exists() else {}
    with pytest.raises(kind, match=sentence) as caught:
        store.install(path, **flags)
    assert caught.type is kind
    after = snapshot(store.root) if store.root.exists() else {}
    after.pop("lock", None)
    before.pop("lock", None)
    assert after == before
