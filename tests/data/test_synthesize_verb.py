"""From the command line: what an expert's recipe asks is asked once, and the build that follows asks nobody."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from expertbuild.cli import main
from expertbuild.graph.key import without
from runtime.home import shipped
from tests.data.loopback import Answered, Loopback, chat, serving

RECIPE = """
asked:
  sources:
    - kind: synthesis
      name: colours
      model: toy
      over: {thing: [%s]}
      prompt: "Of which colour is {thing}? Answer as JSON with the key colour."
      options: {max_tokens: 50}
      output: {schema: {type: object, required: [colour], properties: {colour: {type: string}}}}
      columns: {prompt: "Which colour has {thing}?", answer: colour}
      accept: {kind: exact_match}
      calls: {base_url: "%s", concurrency: %d, budget: {tokens: 100000}}
  split: {test: 2, validation: 2}
"""
THINGS = [f"thing {number}" for number in range(12)]


def colour(number: int, document: Mapping[str, Any], headers: Mapping[str, str]) -> Answered:
    return chat(json.dumps({"colour": "grey" if "7" in document["messages"][0]["content"] else "green"}))


@pytest.fixture
def expert(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EXPERTBUILD_HOME", str(tmp_path / "home"))
    shutil.copytree(shipped("experts") / "expert-json", tmp_path / "experts" / "expert-json")
    return tmp_path / "experts" / "expert-json"


def declare(expert: Path, server: Loopback, things: list[str], concurrency: int = 4) -> None:
    (expert / "dataset.yaml").write_text(RECIPE % (", ".join(things), server.url, concurrency))


def test_a_recipe_is_asked_once_and_built_without_asking(
    expert: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words = ["expert=expert-json", "dataset.use=asked", "target=dataset"]
    with serving(colour) as server:
        declare(expert, server, THINGS)
        assert main(words) == 2, "nothing is locked yet"
        assert "Run expertbuild synthesize" in capsys.readouterr().err
        assert main(["synthesize", *words, "--dry-run"]) == 0
        assert "12 to ask toy, 0 locked" in capsys.readouterr().out
        assert not server.seen
        assert main(["synthesize", *words]) == 0
        assert "12 answered, 0 locked before, 12 rows" in capsys.readouterr().out
        assert main(["synthesize", *words, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)[0]["known"] == 12
        assert len(server.seen) == 12
    assert main([*words, "log=plain"]) == 0  # the server is gone
    capsys.readouterr()
    declare(expert, server, THINGS, concurrency=9)
    assert main([*words, "dry_run=true"]) == 0
    assert "up to date" in capsys.readouterr().out, "how many are asked at once is no part of a key"
    path = expert / "synthesis" / "colours.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(True)[1:]))
    assert main([*words, "log=plain"]) == 2
    assert "1 requests have no locked answer" in capsys.readouterr().err


@pytest.mark.parametrize(
    "line",
    [
        "api_key_env: sk-proj-0123456789abcdef",
        "api_key: sk-proj-0123456789abcdef",
        "base_url: 'https://a:b0123456789abcdef@h/v1'",
    ],
)
def test_a_key_in_a_recipe_stops_every_road_and_is_not_repeated(
    expert: Path, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    recipe = RECIPE % (", ".join(THINGS), "http://127.0.0.1:9", 2)
    (expert / "dataset.yaml").write_text(recipe.replace('base_url: "http://127.0.0.1:9"', line))
    for words in (["expert=expert-json", "dry_run=true"], ["synthesize", "expert=expert-json"]):
        assert main([*words, "dataset.use=asked"]) == 2
        said = "".join(capsys.readouterr())
        assert "key" in said and "0123456789abcdef" not in said


def test_what_stands_under_calls_is_left_out_of_a_key_and_nothing_else_is() -> None:
    config = {"dataset": {"use": "a", "a": {"sources": [{"kind": "x", "calls": {"n": 1}}, {"kind": "y"}]}, "calls": 1}}
    kept = without(config, ["dataset.*.sources.*.calls", "dataset.*.nothing.*", "*.use.x"])
    assert kept == {"dataset": {"use": "a", "a": {"sources": [{"kind": "x"}, {"kind": "y"}]}, "calls": 1}}
    assert config["dataset"]["a"]["sources"][0]["calls"] == {"n": 1}, "what was given is not changed"  # type: ignore[index]


def test_a_recipe_that_asks_nobody_says_so(expert: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["synthesize", "expert=expert-json"]) == 2
    assert "asks no language model" in capsys.readouterr().err
