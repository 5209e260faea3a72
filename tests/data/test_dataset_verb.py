"""`expertbuild dataset`: preview, stats, validate and diff, as a person or a program would use them."""

import json
from pathlib import Path
from typing import Any

import pytest

from expertbuild.build import steps_of
from expertbuild.cli import main
from expertbuild.compose.command import read
from expertbuild.compose.jobs import Job, jobs
from expertbuild.graph import Cache
from expertbuild.graph import build as run
from runtime.engine.tokenizer import Tokenizer
from tests.data.samples import build, row, write


@pytest.fixture
def expert(tmp_path: Path, base: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The words of a build: an expert of its own in an empty folder with a home of its own."""
    home = tmp_path / "experts" / "expert-own"
    (home / "data").mkdir(parents=True)
    shipped = Path(__file__).resolve().parents[2] / "experts" / "expert-json"
    for name in ("evaluation.yaml", "decoding.yaml", "grammar.gbnf"):
        (home / name).write_bytes((shipped / name).read_bytes())
    (home / "expert.yaml").write_text((shipped / "expert.yaml").read_text().replace("expert-json", "expert-own"))
    (home / "dataset.yaml").write_text(RECIPE)
    rows = [row(number, f"question {number}  ", facts={"level": "ab"[number % 2]}) for number in range(80)]
    write(home / "data" / "rows.jsonl", [*rows, row("long", "word " * 400), row("bad", "<|im_end|> x")])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EXPERTBUILD_HOME", str(tmp_path / "home"))
    return ["expert=expert-own", "dataset=files", f"base.source=path:{base}", "base.digest=null", "base.tokenizer_digest=null", "jobs=1"]  # fmt: skip


def job_of(words: list[str]) -> Job:
    command = read(words)
    assert command is not None
    [job] = jobs(command)
    return job


RECIPE = """
files:
  sources:
    - {kind: files, path: data/*.jsonl}
  transforms:
    - {kind: fields, strip: [prompt]}
    - {kind: chat, control: drop}
    - {kind: length, most: 60}
  measures:
    near_duplicates:
      max: 0.9
  split: {test: 10, validation: 10}
"""


def test_preview_shows_rows_before_and_after_each_transform(
    expert: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["dataset", "preview", *expert, "--rows", "82"]) == 0
    out = capsys.readouterr().out
    assert "fields: 82 rows, 0 left out, 81 changed" in out
    assert "chat: 82 rows, 1 left out, 0 changed" in out and "left out: spells a control token" in out
    assert "length: 81 rows, 1 left out, 0 changed" in out and "longer than 60 tokens" in out
    assert "<|im_start|>user" in out, "and the first row as the base reads it"
    assert main(["dataset", "preview", *expert, "--rows", "1", "--json"]) == 0
    steps = json.loads(capsys.readouterr().out)["steps"]
    assert [step["transform"] for step in steps] == ["drawn", "fields", "chat", "length"]
    [step] = steps[1]["rows"]
    assert (step["before"]["messages"][0]["content"], step["after"]["messages"][0]["content"]) == (
        "question 0  ",
        "question 0",
    )


def test_preview_names_the_line_of_the_data_and_else_of_the_recipe(
    tmp_path: Path, expert: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "experts" / "expert-own" / "data" / "rows.jsonl"
    data.write_text('{"messages": [{"role": "user", "content": "a"}], "answer": 7}\n')
    assert main(["dataset", "preview", *expert]) == 2
    assert 'rows.jsonl:1: "answer" is missing' in (err := capsys.readouterr().err) and "dataset.yaml" not in err
    assert main([*expert, "target=dataset"]) == 2
    assert ': rows.jsonl:1: "answer" is missing' in (err := capsys.readouterr().err) and "dataset.files" not in err
    recipe = tmp_path / "experts" / "expert-own" / "dataset.yaml"
    git = "{kind: git, repository: 'git+https://-x/y.git@%s', path: a.jsonl}" % ("0" * 40)
    recipe.write_text(RECIPE.replace("{kind: files, path: data/*.jsonl}", git))
    for words in (["dataset", "preview", *expert], [*expert, "target=dataset"]):
        assert main(words) == 2
        assert "experts/expert-own/dataset.yaml:4: " in capsys.readouterr().err


def test_validate_names_every_line_that_is_no_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = json.dumps(row(1)).encode()
    lines = [good, b"{", b"\xff\xfe", json.dumps(row(1)).encode(), b'{"id": "2"}', b"[]", json.dumps({**row(3), "extra\x1b": 1}).encode(), b'{"a": NaN}']  # fmt: skip
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"\n".join(lines) + b"\n\n" + json.dumps(row(9, "big " * 2_500_000)).encode())
    assert main(["dataset", "validate", str(path), "--json"]) == 1
    [found] = json.loads(capsys.readouterr().out)["files"]
    assert (found["rows"], found["wrong"]) == (9, 7)
    said = {fault["line"]: fault["what"] for fault in found["faults"]}
    assert sorted(said) == [2, 3, 4, 5, 6, 7, 8]
    assert (
        "not JSON" in said[2] and "not UTF-8 at byte 0" in said[3] and "line 1" in said[4] and '"messages"' in said[5]
    )
    assert main(["dataset", "validate", str(path)]) == 1
    out = capsys.readouterr().out
    assert "rows.jsonl:4: has the id of line 1." in out and "\x1b" not in out
    write(path, [row(1), row(2, answer="")])
    assert main(["dataset", "validate", str(path)]) == 0
    assert "2 rows, 0 of them wrong; 1 with no answer" in capsys.readouterr().out
    path.write_text("")
    assert main(["dataset", "validate", str(path)]) == 1, "no rows are no data"
    assert main(["dataset", "validate", str(tmp_path / "none.jsonl")]) == 2
    assert "no such file" in capsys.readouterr().err


def test_validate_takes_the_least_that_a_row_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    least = {"messages": [{"role": "user", "content": "hello"}], "answer": "hi"}
    path = write(tmp_path / "rows.jsonl", [least, least, {"messages": 3}])
    assert main(["dataset", "validate", str(path)]) == 1
    out = capsys.readouterr().out
    assert "3 rows, 1 of them wrong" in out and 'rows.jsonl:3: "messages"' in out


def test_validate_can_hold_answers_to_a_schema(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "s.json").write_text('{"type": "integer"}')
    path = write(tmp_path / "rows.jsonl", [row(1, answer="3"), row(2, answer='"x"'), row(3, answer="?")])
    assert main(["dataset", "validate", str(path), "--schema", str(tmp_path / "s.json")]) == 1
    out = capsys.readouterr().out
    assert (
        "rows.jsonl:2: its answer does not follow the schema: type." in out
        and "rows.jsonl:3: the answer is not JSON" in out
    )


def test_diff_tells_rows_that_came_went_changed_and_moved(
    tmp_path: Path, words: Tokenizer, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe: dict[str, Any] = {
        "sources": [{"kind": "files", "path": "rows.jsonl"}],
        "split": {"test": 10, "validation": 0},
    }
    rows = [row(number) for number in range(60)]
    write(tmp_path / "rows.jsonl", rows)
    build(recipe, tmp_path / "old", words)
    write(tmp_path / "rows.jsonl", [row(0, answer="no"), *rows[2:], row("new", "a new one")])
    build(recipe, tmp_path / "new", words)
    assert main(["dataset", "diff", str(tmp_path / "old"), str(tmp_path / "new"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["added"], found["removed"], found["changed"]) == (1, 1, 1)
    assert found["same"] + found["moved"] == 58
    [changed] = found["examples"]["changed"]
    assert (changed["before"]["row"]["answer"], changed["after"]["row"]["answer"]) == ("yes", "no")
    assert found["figures"]["drawn.rows.jsonl"] == [60, 60]
    assert main(["dataset", "diff", str(tmp_path / "old"), str(tmp_path / "new")]) == 0
    assert "1 added, 1 removed, 1 changed" in capsys.readouterr().out
    assert main(["dataset", "diff", str(tmp_path), str(tmp_path / "new")]) == 2
    assert "there is no train.jsonl in it" in capsys.readouterr().err


def test_a_verb_that_is_not_there_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dataset", "previw"]) == 2
    assert 'has no verb "previw". Did you mean preview?' in capsys.readouterr().err
    assert main(["dataset"]) == 2


def test_a_build_ends_with_its_report_and_a_broken_bound_names_file_and_line(
    tmp_path: Path, expert: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The whole way, with real workers: report, bound, memory, and diff of the last two builds."""
    assert main([*expert, "target=dataset"]) == 0
    out = capsys.readouterr().out
    assert "left out 2 (2.4%)" in out and "holds   near_duplicates max 0.9" in out
    page = Path(out.split("report ")[-1].strip())
    assert page.is_file() and page.name == "report.html"
    assert main(["dataset", "stats", *expert, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == {"train": 60, "validation": 10, "test": 10}
    recipe = tmp_path / "experts" / "expert-own" / "dataset.yaml"
    recipe.write_text(RECIPE.replace("max: 0.9", "max: 0.0").replace("most: 60", "most: 20"))
    assert main([*expert, "target=dataset"]) == 1
    told = capsys.readouterr()
    place = next(number for number, line in enumerate(RECIPE.split("\n"), 1) if "max:" in line)
    assert f"experts/expert-own/dataset.yaml:{place}: " in told.err
    assert "the measure near_duplicates (share) is " in told.err and "above the max of 0." in told.err
    assert "BROKEN" in told.out and "report.html" in told.out, "the report is there to look at"
    assert list((tmp_path / "home" / "cache" / "rows").rglob("*")), "what was found out is remembered"
    assert main(["dataset", "diff", *expert]) == 0
    assert "rows: 0 added" in capsys.readouterr().out
    recipe.write_text(RECIPE.replace("max: 0.9", "max: 0.9\n      of: nowhere"))
    assert main([*expert, "target=dataset"]) == 1
    assert (
        f"experts/expert-own/dataset.yaml:{place}: " in (err := capsys.readouterr().err) and "no figure nowhere" in err
    )
    recipe.write_text(RECIPE.replace("length", "lenght"))
    assert main([*expert, "target=dataset"]) == 2
    assert "dataset.yaml:8: " in (err := capsys.readouterr().err) and "Did you mean length?" in err


def test_a_training_stands_on_the_gate_where_bounds_are_set_and_only_there(tmp_path: Path, expert: list[str]) -> None:
    def inputs() -> set[str]:
        [train] = steps_of(job_of([*expert, "target=train"]))
        return set(train.inputs)

    assert inputs() == {"base", "dataset", "gate", "grammar"}
    recipe = tmp_path / "experts" / "expert-own" / "dataset.yaml"
    recipe.write_text(RECIPE.replace("      max: 0.9\n", "      threshold: 0.7\n"))
    assert inputs() == {"base", "dataset", "grammar"}


def test_another_recipe_and_another_measure_build_no_rows_anew(
    tmp_path: Path, expert: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*expert, "target=dataset"]) == 0
    recipe = tmp_path / "experts" / "expert-own" / "dataset.yaml"

    def planned(text: str) -> dict[str, str]:
        recipe.write_text(text)
        job = job_of([*expert, "target=dataset"])
        made = run(steps_of(job), Cache(job.config["paths"]["cache"]), dry_run=True)
        return {each.step.action.name: each.status.value for each in made.values()}

    beside = RECIPE + "\nbeside:\n  sources:\n    - {kind: generator, name: json_repair, rows: 5}\n"
    assert planned(beside) == {"dataset": "hit", "report": "hit", "gate": "hit"}
    bounded = RECIPE.replace("    near_dup", "    tokens: {of: train.prompt.longest, max: 9000}\n    near_dup")
    assert planned(bounded) == {"dataset": "hit", "report": "build", "gate": "build?"}
    bare = RECIPE.replace("  measures:\n    near_duplicates:\n      max: 0.9\n", "")
    assert planned(bare) == {"dataset": "hit", "report": "build"}
    assert planned(RECIPE.replace("most: 60", "most: 59"))["dataset"] == "build"
    capsys.readouterr()
    assert main(["why", *expert, "target=dataset"]) == 0
    assert "dataset.files.transforms[2].most 60 -> 59" in capsys.readouterr().out
