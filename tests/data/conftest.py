"""One tokenizer for all tests of data, and benches with it."""

from pathlib import Path

import pytest

from expertbuild.data.transforms import Bench
from runtime.engine.tokenizer import Tokenizer
from tests.tiny import tiny_base


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_base(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="session")
def words(base: Path) -> Tokenizer:
    """The tokenizer of a tiny base."""
    return Tokenizer.load(base)


@pytest.fixture
def bench(words: Tokenizer, tmp_path: Path) -> Bench:
    return Bench(words, directory=tmp_path, work=tmp_path)
