"""Which release a new one is compared with, and that it is asked in its own way."""

import hashlib
from pathlib import Path

import pytest

from expertbuild.evaluation.answering import generator
from expertbuild.evaluation.errors import EvaluationMistake
from expertbuild.evaluation.released import ADAPTER, Released, attach, last_release
from runtime.artifact.package import open_package
from runtime.engine.engine import Engine
from runtime.registry.store import Store
from tests.server.installed import JSON_GRAMMAR, package
from tests.tiny import tiny_base

VERSIONS = ("0.1.0", "0.2.0-rc.1", "0.2.0", "0.10.0")


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return Engine.load(tiny_base(tmp_path_factory.mktemp("base")))


@pytest.fixture
def store(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("EXPERTBUILD_HOME", str(tmp_path / "home"))
    made = Store()
    for version in VERSIONS:
        made.install(package(tmp_path / f"{version}.expert", engine, "record", version=version))
    return made


def found(version: str, baseline: str = "installed") -> str | None:
    folder = last_release("local", "expert-record", version, baseline)
    if folder is None:
        return None
    with open_package(folder) as opened:
        return opened.manifest.version


def test_the_last_release_is_the_highest_one_below_and_never_the_same_version(store: Store) -> None:
    assert found("0.1.0") is None
    assert found("0.2.0") == "0.1.0", "a prerelease is no release"
    assert found("0.10.0") == "0.2.0", "versions are numbers, not letters"
    assert found("1.0.0") == "0.10.0"
    assert last_release("local", "expert-query", "1.0.0", "installed") is None


def test_a_package_may_be_named_instead_or_none(store: Store, tmp_path: Path) -> None:
    assert found("1.0.0", "none") is None
    assert found("0.1.0", str(tmp_path / "0.2.0.expert")) == "0.2.0"


def test_a_release_answers_with_its_own_grammar_and_its_id_is_the_packages(engine: Engine, store: Store) -> None:
    folder = last_release("local", "expert-record", "1.0.0", "installed")
    assert folder is not None
    with open_package(folder) as opened:
        release = attach(engine, opened, "expert-record")
        assert opened.id == hashlib.sha256((folder / "statement.json").read_bytes()).hexdigest()
    assert isinstance(release, Released)
    assert release.decoding["system"] == "You are record." and release.grammar == JSON_GRAMMAR
    [answer] = generator(engine, ADAPTER, release.decoding, release.grammar)([[{"role": "user", "content": "one"}]])
    assert answer.startswith('{"n": ')


def test_a_release_for_another_base_is_not_compared_with_and_another_experts_is_a_mistake(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXPERTBUILD_HOME", str(tmp_path / "home"))
    strange = package(tmp_path / "strange.expert", engine, "record", digests=("1" * 64, "2" * 64))
    with open_package(strange) as opened:
        assert attach(engine, opened, "expert-record") == "it has no variant for this base"
        with pytest.raises(
            EvaluationMistake, match=r"evaluation\.baseline: this is a release of expert-record, not of"
        ):
            attach(engine, opened, "expert-other")
