"""docs/server.md: every block of it runs against a real server, and its tables say what the server has."""

import json
import re
from pathlib import Path

import pytest

from runtime.server.errors import KINDS
from runtime.server.protocol import ChatRequest

PAGE = (Path(__file__).parents[2] / "docs" / "server.md").read_text(encoding="utf-8")


def test_every_block_runs(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, object] = {"base_url": f"{address}/v1"}
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(compile(block, "docs/server.md", "exec"), names)
    said = capsys.readouterr().out
    assert said.startswith("['auto', 'tiny-qwen3', ") and "'reasons': [" in said
    assert isinstance(json.loads(said.rstrip().splitlines()[-1])["a"], bool)


def test_every_code_and_status_is_told() -> None:
    for status, _, code in KINDS.values():
        if status != 499:  # nobody is there to read it
            assert str(status) in PAGE and (code is None or f"`{code}`" in PAGE), (status, code)


def test_every_field_that_changes_an_answer_is_told() -> None:
    idle = {"user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key"}
    plain = {"messages", "model", "stream", "response_format", "presence_penalty", "frequency_penalty"}
    for field in ChatRequest.model_fields.keys() - idle - plain:
        assert f"`{field}`" in PAGE or f'"{field}"' in PAGE, field
