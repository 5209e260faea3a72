"""One small build that the tests of the road share."""

from pathlib import Path

import pytest

from tests.road.roads import SMOKE, Road


@pytest.fixture(scope="session")
def road(tmp_path_factory: pytest.TempPathFactory) -> Road:
    """A home in which expert-json was built, barely trained, and installed."""
    made = Road(tmp_path_factory.mktemp("road"))
    done = made.run("expert=expert-json", *SMOKE)
    assert done.returncode == 0, done.stdout + done.stderr
    (made.folder / "first.out").write_text(done.stdout, encoding="utf-8")
    (made.folder / "first.err").write_text(done.stderr, encoding="utf-8")
    return made


@pytest.fixture
def fresh(tmp_path: Path) -> Road:
    return Road(tmp_path)
