"""What happens to what is typed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from expertbuild import cli
from tests.compose.recording import recorded

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def recording(workspace, monkeypatch, tmp_path):
    monkeypatch.setattr(cli, "BUILD", "tests.compose.recording:run")
    monkeypatch.setenv("RECORD", str(tmp_path / "record"))


def test_a_build_is_composed_checked_and_carried_out():
    assert cli.main(["expert=expert-json", "adapter=ia3"]) == 0
    [entry] = recorded()
    assert (entry["expert"], entry["adapter"]) == ("expert-json", "ia3")


@pytest.mark.parametrize(("seed", "code"), [(0, 0), (1, 1), (2, 2), (3, 130), (4, 1)])
def test_the_exit_code_says_whose_turn_it_is(seed, code, capsys):
    assert cli.main(["expert=expert-json", f"seed={seed}"]) == code
    said = capsys.readouterr().err
    assert {0: "", 1: "train: the disk is full.", 2: "that will not do.", 3: "Stopped.", 4: "ZeroDivisionError"}[
        seed
    ] in said
    assert ("Traceback" in said) == (seed == 4)


def test_a_mistake_in_the_configuration_ends_with_code_2_and_nothing_is_built(capsys):
    assert cli.main(["expert=expert-json", "train.steps=0"]) == 2
    assert recorded() == []
    assert "Traceback" not in capsys.readouterr().err


def test_one_wrong_job_keeps_all_from_starting(capsys):
    assert cli.main(["-m", "expert=expert-json", "train.steps=5,0"]) == 2
    assert recorded() == []


def test_a_job_that_fails_does_not_stop_the_others_and_the_end_says_which_and_why(capsys):
    assert cli.main(["-m", "expert=expert-json", "seed=0,1,2,5"]) == 2
    assert len(recorded()) == 4
    said = capsys.readouterr().err.splitlines()
    assert said[-5:] == [
        "2 of 4 builds failed:",
        "#1 : expert=expert-json seed=1",
        "     train: the disk is full.",
        "#2 : expert=expert-json seed=2",
        "     that will not do.",
    ]


def test_stopping_one_job_stops_all(capsys):
    assert cli.main(["-m", "expert=expert-json", "seed=0,3,5"]) == 130
    assert len(recorded()) == 2


def test_a_verb_gets_the_words_after_it(monkeypatch):
    monkeypatch.setitem(cli.VERBS, "count", "builtins:len")
    assert cli.main(["count", "a", "--b", "c=d"]) == 3


def test_there_is_a_function_behind_every_verb():
    assert all(callable(cli.named(place)) for place in cli.VERBS.values())


def test_a_verb_that_is_not_there_is_told_with_the_nearest(monkeypatch, capsys):
    monkeypatch.setitem(cli.VERBS, "install", "builtins:len")
    assert cli.main(["instal", "x"]) == 2
    assert 'there is no verb "instal". Did you mean install?' in capsys.readouterr().err
    assert cli.main(["expert-json"]) == 2
    assert "Did you mean expert=expert-json?" in capsys.readouterr().err


def test_the_version_is_the_projects_own(capsys):
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("expertbuild")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--cfg", "job", "expert=expert-sql"], "name: expert-sql"),
        (["--cfg", "job", "--package", "train", "train.steps=7"], "steps: 7"),
        (["--cfg", "job", "--resolve", "--package", "decoding", "expert=expert-sql"], "temperature: 0.0"),
        (["--cfg", "hydra"], "hydra:"),
        (["--help"], "expert: expert-extract, expert-json, expert-neo4j, expert-python"),
        (["--hydra-help"], "== Flags =="),
        (["--info", "defaults", "expert=expert-sql"], "expert/expert-sql/decoding"),
        (["--info", "defaults-tree", "expert=expert-sql"], "expert: expert-sql"),
        (["--info", "config", "expert=expert-sql"], "Defaults List"),
        (["--info", "searchpath"], "experts://"),
        (["--info", "plugins"], "ExpertSource"),
        (["-sc", "install=bash"], "hydra_bash_completion"),
    ],
)
def test_hydra_answers_what_hydra_is_asked(words, expected, capsys, workspace):
    assert cli.main(words) == 0
    assert expected in capsys.readouterr().out
    assert recorded() == []
    assert list(workspace.folder.iterdir()) == []


def test_a_pickle_is_never_read(workspace, capsys):
    assert cli.main(["--experimental-rerun", "config.pickle"]) == 2
    assert "reads a pickle, and nothing here does" in capsys.readouterr().err


def test_the_shell_completes_experts(monkeypatch, capsys):
    monkeypatch.setenv("COMP_LINE", "expertbuild expert=expert-s")
    assert cli.main(["-sc", "query=bash"]) == 0
    assert capsys.readouterr().out.strip() == "expert=expert-sql"


def test_a_question_about_something_wrong_is_told_like_any_mistake(capsys):
    assert cli.main(["--cfg", "job", "expert=expert-jsonn"]) == 2
    said = capsys.readouterr().err
    assert said == 'command line: expert=expert-jsonn: there is no expert "expert-jsonn". Did you mean expert-json?\n'


def expertbuild(*words: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "expertbuild.cli", *words], env=environment, capture_output=True, text=True, check=False
    )


def test_the_real_program_tells_mistakes_on_stderr_and_ends_with_2(workspace):
    done = expertbuild("expert=expert-sqll", "adapter=lorra")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        'command line: expert=expert-sqll: there is no expert "expert-sqll". Did you mean expert-sql?',
        'command line: adapter=lorra: there is no adapter "lorra". Did you mean lora?',
    ]
    assert list(workspace.folder.iterdir()) == []


def test_the_real_program_does_not_mind_a_reader_who_leaves(workspace):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    words = f"{sys.executable} -m expertbuild.cli --cfg job expert=expert-sql | head -c 20"
    done = subprocess.run(words, shell=True, env=environment, capture_output=True, text=True, check=False)
    assert len(done.stdout) == 20
    assert done.stderr == ""
