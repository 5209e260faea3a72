"""`expertbuild new`: what is guessed of a table, what is refused, and that what is written composes as it stands."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from expertbuild.cli import main
from expertbuild.compose.command import Command
from expertbuild.compose.jobs import jobs
from expertbuild.starting.errors import StartMistake
from expertbuild.starting.table import settled
from runtime.engine.grammar import Grammars
from tests.compose.test_grammars import tokenizer


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def table(name: str, rows: list[dict[str, Any]]) -> str:
    if name.endswith(".csv"):
        with Path(name).open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    else:
        Path(name).write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return name


def new(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert main(["new", *words, "--json"]) == 0
    made: dict[str, Any] = json.loads(capsys.readouterr().out)
    return made


def config(name: str) -> dict[str, Any]:
    [job] = jobs(Command((f"expert={name}",)))
    return dict(job.config)


def test_a_table_becomes_a_directory_that_composes(capsys: pytest.CaptureFixture[str]) -> None:
    data = table("pairs.csv", [{"question": f"Who is {n}?", "answer": f"Number {n}."} for n in range(100)])
    made = new(capsys, "expert-numbers", "--data", data)
    assert made["columns"] == {"prompt": "question", "answer": "answer"}
    assert made["scorer"] == "exact_match"
    found = config("expert-numbers")
    assert found["dataset"]["offline"]["split"] == {"test": 10, "validation": 5}
    assert found["evaluation"]["cases"] == 10
    assert found["decoding"]["max_tokens"] == 32
    assert found["expert"]["routing"]["keywords"] == ["numbers"]
    assert Path("experts/expert-numbers/data/rows.csv").read_bytes() == Path(data).read_bytes()
    assert sorted(path.name for path in Path("experts").iterdir()) == ["expert-numbers"]


def test_without_a_table_there_is_an_example_that_composes(capsys: pytest.CaptureFixture[str]) -> None:
    made = new(capsys, "expert-first")
    assert made["rows"] == 400
    assert config("expert-first")["evaluation"]["scorer"] == {"kind": "exact_match"}
    assert "put your own into" not in capsys.readouterr().out


def test_answers_that_come_again_and_again_get_a_grammar(capsys: pytest.CaptureFixture[str]) -> None:
    kinds = ['say "hi"', "a\\b", "größer"]
    made = new(
        capsys,
        "expert-kinds",
        "--data",
        table("k.jsonl", [{"text": f"t {n}", "label": kinds[n % 3]} for n in range(60)]),
    )
    assert sorted(made["classes"]) == sorted(kinds)
    assert config("expert-kinds")["decoding"]["grammar"] == "grammar.gbnf"
    grammar = Path("experts/expert-kinds/grammar.gbnf").read_text(encoding="utf-8")
    compiled = Grammars(tokenizer(), tokenizer().vocab_size).compile(grammar)
    for kind in kinds:
        matcher = compiled.start()
        for token in tokenizer().encode(kind):
            matcher.accept(token)
        assert matcher.may_end


@pytest.mark.parametrize(
    ("answer", "scorer"),
    [
        (lambda n: json.dumps({"n": n}), "json_equal"),
        (lambda n: " ".join(f"word{n}{k}" for k in range(20)), "token_f1"),
        (lambda n: f"short {n}", "exact_match"),
    ],
)
def test_the_scorer_suits_the_answers(capsys: pytest.CaptureFixture[str], answer: Any, scorer: str) -> None:
    rows = [{"prompt": f"p {n}", "answer": answer(n)} for n in range(40)]
    assert new(capsys, "expert-a", "--data", table("a.jsonl", rows))["scorer"] == scorer


@pytest.mark.parametrize(
    ("names", "given", "made"),
    [
        (["id", "Question", "Answer"], (None, None), {"prompt": "Question", "answer": "Answer"}),
        (["a", "b"], (None, None), {"prompt": "a", "answer": "b"}),
        (["subject", "kind"], (None, "kind"), {"prompt": "subject", "answer": "kind"}),
        (["instruction", "input", "output"], (None, None), {"prompt": "{instruction}\n{input}", "answer": "output"}),
        (["q", "sql", "db", "category"], ("{db}: {q}", "sql"), {"prompt": "{db}: {q}", "answer": "sql", "stratum": "category"}),
        (["messages", "answer"], (None, None), None),
    ],
)  # fmt: skip
def test_columns_are_taken_for_what_they_are_called(names: list[str], given: Any, made: Any) -> None:
    assert settled(names, *given, "x.csv") == made


def test_columns_that_say_nothing_are_asked_for_by_name() -> None:
    with pytest.raises(StartMistake, match="which column is the prompt cannot be told") as refused:
        settled(["a", "b", "c"], None, None, "x.csv")
    assert "--prompt COLUMN" in str(refused.value) and "a, b, c" in str(refused.value)


def test_words_in_a_table_are_never_obeyed(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"${env:HOME}": f"q {n}", "answer": f"${{oc.env:HOME}} {n}: [no] #"} for n in range(30)]
    data = table("odd.csv", rows)
    assert main(["new", "expert-odd", "--data", data]) == 2
    assert "a mark in its name" in capsys.readouterr().err
    rows = [{"on": f"q {n}", "yes": f"${{oc.env:HOME}} {n % 3}: [no] #"} for n in range(30)]
    new(capsys, "expert-odd", "--data", table("odd.csv", rows), "--summary", "${oc.env:HOME}: \x1b[31m *red*")
    found = config("expert-odd")
    assert found["dataset"]["offline"]["sources"][0]["columns"] == {"prompt": "on", "answer": "yes"}
    assert found["expert"]["summary"].startswith("${oc.env:HOME}")
    assert yaml.safe_load(Path("experts/expert-odd/evaluation.yaml").read_text())["cases"] == 5


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["../evil"], "is no name for an expert"),
        (["Expert_X"], "is no name for an expert"),
        (["expert-x", "--data", "absent.csv"], "there is no such file"),
        (["expert-x", "--data", "few.csv"], "an expert needs 20 at least"),
        (["expert-x", "--data", "notes.docx"], "is not a format read here"),
        (["expert-x", "--data", "broken.jsonl"], "broken.jsonl:2"),
        (["expert-x", "--data", "some.csv", "--answer", "anwser"], 'there is no column "anwser"'),
        (["expert-x", "--answer", "kind"], "Say --data FILE too"),
        (["expert-there"], "is there already"),
    ],
)
def test_what_cannot_be_used_is_refused_and_nothing_is_written(
    capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    table("few.csv", [{"question": "a", "answer": "b"}])
    table("some.csv", [{"question": f"a{n}", "answer": "b"} for n in range(30)])
    Path("notes.docx").write_text("x")
    Path("broken.jsonl").write_text('{"question": "a", "answer": "b"}\n{"question": \n')
    Path("experts/expert-there").mkdir(parents=True)
    assert main(["new", *words]) == 2
    assert said in capsys.readouterr().err
    assert [path.name for path in Path("experts").iterdir()] == ["expert-there"]
