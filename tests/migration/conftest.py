"""A working directory of its own, with a home of its own; and the old manifests that were written by hand."""

import json
from pathlib import Path
from typing import Any

import pytest

OLD = Path(__file__).parent / "old"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("EXPERTBUILD_HOME", str(tmp_path / "home"))
    return folder


def manifest(name: str) -> Any:
    """One of the old manifests, as a document to change."""
    return json.loads((OLD / f"{name}.json").read_text(encoding="utf-8"))
