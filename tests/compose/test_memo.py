"""Configurations are composed once and remembered by the content of everything they came from."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from expertbuild.compose import memo
from expertbuild.compose.command import Command
from expertbuild.compose.jobs import jobs
from runtime.home import cache_home

ROOT = Path(__file__).resolve().parents[2]


def kept() -> list[Path]:
    folder = cache_home() / "composed"
    return sorted(folder.iterdir()) if folder.is_dir() else []


def test_the_key_is_the_same_until_a_word_or_a_file_changes(workspace):
    folder = workspace.expert("mine")
    command = Command(("expert=mine",))
    before = memo.key(command)
    assert before is not None and before == memo.key(command)
    assert before != memo.key(Command(("expert=mine", "seed=1")))
    assert before != memo.key(Command(("expert=mine",), multirun=True))
    for file in sorted(folder.rglob("*.yaml")):
        text = file.read_text()
        file.write_text(text + "# a remark\n")
        assert memo.key(command) != before, file
        file.write_text(text)
    assert memo.key(command) == before
    workspace.write("conf/adapter/new.yaml", "kind: lora\n")
    assert memo.key(command) != before


def test_a_changed_file_is_seen_at_once(workspace):
    file = workspace.expert("mine") / "evaluation.yaml"
    assert jobs(Command(("expert=mine",)))[0].config["evaluation"]["cases"] == 5
    file.write_text(file.read_text().replace("cases: 5", "cases: 6"))
    assert jobs(Command(("expert=mine",)))[0].config["evaluation"]["cases"] == 6


@pytest.mark.parametrize("value", ["${oc.env:HOME}", "${now:%S}", "${hydra:runtime.cwd}"])
def test_what_asks_the_outside_is_never_remembered(workspace, value):
    assert memo.key(Command(("expert=mine", f"package.publisher={value}"))) is None
    workspace.write("conf/adapter/mine.yaml", f"kind: {value}\n")
    assert memo.key(Command(("expert=mine",))) is None


def test_what_lies_behind_a_linked_folder_is_never_remembered(workspace, tmp_path):
    workspace.expert("mine")
    (workspace.folder / "experts").rename(tmp_path / "elsewhere")
    (workspace.folder / "experts").mkdir()
    (workspace.folder / "experts" / "mine").symlink_to(tmp_path / "elsewhere" / "mine")
    assert memo.key(Command(("expert=mine",))) is None
    assert jobs(Command(("expert=mine",)))[0].expert == "mine"


def test_a_damaged_memory_is_composed_again(workspace):
    command = Command(("expert=expert-json",))
    [first] = jobs(command)
    [file] = kept()
    file.write_bytes(file.read_bytes().replace(b'"lora"', b'"gone"').replace(b'"dora"', b'"gone"'))
    [again] = jobs(command)
    assert again.config == first.config


def test_only_what_was_found_good_is_remembered(workspace):
    with pytest.raises(Exception, match="at least 1"):
        jobs(Command(("expert=expert-json", "train.steps=0")))
    assert kept() == []


def test_old_memories_make_room(workspace, monkeypatch):
    monkeypatch.setattr(memo, "KEPT", 3)
    for number in range(6):
        memo.keep(f"{number:064d}", [{"number": number}])
        os.utime(memo._place(f"{number:064d}"), (number, number))
    assert [json.loads(file.read_bytes().split(b"\n")[1])[0]["number"] for file in kept()] == [3, 4, 5]


def test_a_folder_that_cannot_be_written_is_no_trouble(workspace, monkeypatch):
    home = workspace.write("a-file", "")
    monkeypatch.setenv("EXPERTBUILD_HOME", str(home))
    assert jobs(Command(("expert=expert-json",)))[0].expert == "expert-json"


STARTUP = """
import json, sys
from expertbuild import cli
cli.BUILD = "tests.compose.recording:run"
code = cli.main(sys.argv[1:])
heavy = ("torch", "transformers", "peft", "datasets", "numpy")
print(json.dumps({"code": code, "loaded": sorted({name.partition(".")[0] for name in sys.modules}), "heavy": [name for name in heavy if name in sys.modules]}))
"""


def test_composing_and_checking_loads_nothing_heavy_and_the_second_time_not_even_hydra(workspace, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "RECORD": str(tmp_path / "record")}
    words = [sys.executable, "-c", STARTUP, "-m", "expert=glob(*)", "adapter=ia3,lora", "dry_run=true"]
    seen = []
    for _ in range(2):
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
        seen.append(json.loads(done.stdout))
    first, second = seen
    assert first["code"] == second["code"] == 0
    assert first["heavy"] == second["heavy"] == []
    assert "hydra" in first["loaded"] and "jsonschema" in first["loaded"]
    assert not {"hydra", "omegaconf", "jsonschema", "yaml", "antlr4"} & set(second["loaded"])
    lines = (tmp_path / "record").read_text().splitlines()
    assert len(lines) % 2 == 0
    first_time, second_time = lines[: len(lines) // 2], lines[len(lines) // 2 :]
    without_process = [{**json.loads(line), "process": 0} for line in first_time]
    assert without_process == [{**json.loads(line), "process": 0} for line in second_time]
