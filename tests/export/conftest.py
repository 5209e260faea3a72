"""One tiny base for the tests that only read it."""

from pathlib import Path

import pytest

from tests.tiny import tiny_base


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_base(tmp_path_factory.mktemp("base"))
