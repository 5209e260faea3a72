import pytest

from runtime.registry.store import Store
from runtime.registry.trust import add_keys
from tests.artifact.samples import ALICE, sealed


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


def snapshot(folder):
    """Every file below a folder with its bytes."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
