"""docs/python-api.md: every block of it runs, and every call has one."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from runtime.artifact.slots import Slot, SlotRecord
from runtime.engine.engine import Engine
from runtime.registry.store import Store
from runtime.service import Runtime, Session
from runtime.service.bases import find_base
from tests.server.installed import package

PAGE = (Path(__file__).parents[2] / "docs" / "python-api.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home where two experts for the embedded base are installed, signed and trusted; they know nothing."""
    folder = tmp_path_factory.mktemp("api")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EXPERTBUILD_HOME", str(folder / "home"))
        engine = Engine.load(find_base("nano").directory, cache_tokens=1024)
        torch.manual_seed(6)
        slot = Slot(a=torch.randn(4, 256) / 16, b=torch.randn(256, 4) / 8)
        record = SlotRecord("lora", {"model.layers.0.self_attn.q_proj": slot})
        for kind, name in (("query", "expert-sql"), ("record", "expert-json")):
            Store().install(package(folder / f"{name}.expert", engine, kind, name=name, record=record))
        yield folder


def test_every_block_of_the_page_runs(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {"__name__": "page"}
    for block in BLOCKS:
        exec(compile(block, "docs/python-api.md", "exec"), names)
    said = capsys.readouterr().out
    assert said.startswith("['auto', 'nano', 'local/expert-sql', 'local/expert-json']\n")
    assert "There is no model 'expert-json'." in said and "it must be above 0" in said
    assert re.search(r'^"(red|green|blue)"$', said, re.M) and said.endswith("0 None\n")
    assert "local/expert-sql {'local/expert-sql': 0.7, 'local/expert-json': 0.3}" in said


@pytest.mark.parametrize("kind", [Runtime, Session])
def test_every_call_has_an_example(kind: type) -> None:
    calls = [name for name in vars(kind) if not name.startswith("_")]
    code = "\n".join(BLOCKS)
    assert [name for name in calls if f".{name}" not in code] == []
