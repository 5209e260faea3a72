"""Each benchmark of the engine runs from end to end, on a model so small that its figures mean nothing."""

import json
import runpy
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
SMALLEST = {
    "attach": ("--size tiny --counts 1,3", "found"),
    "grammar_loss": ("--sizes tiny --batch 3 --tokens 4", "found"),
    "lora_batch": ("--size tiny --requests 3 --adapters 2 --tokens 3", "ratio"),
    "many_streams": ("--size tiny --requests 3 --longest 10", "of_limit"),
    "mixed_batch": ("--size tiny --requests 5 --tokens 3", "of_the_base"),
    "one_stream": ("--size tiny --tokens 3", "ratios"),
    "swap": ("--size tiny --experts 4 --requests 8 --clients 2 --tokens 2", "ratio"),
}


@pytest.mark.parametrize("name", SMALLEST)
def test_a_benchmark_runs_and_writes_its_figures(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    monkeypatch.setenv("EXPERTBUILD_HOME", str(tmp_path / "home"))
    words, figure = SMALLEST[name]
    out = tmp_path / "figures.json"
    main = runpy.run_path(str(BENCHMARKS / f"{name}.py"))["main"]
    main([*words.split(), "--rounds", "2", "--out", str(out)])
    told = json.loads(out.read_text(encoding="utf-8"))
    assert told[figure] and told["asked"]["rounds"] == 2
    same, count = told.get("same_answers", (1, 1))
    assert same == count, "ours and the peer's answers differ"
    assert "goal" in capsys.readouterr().out
