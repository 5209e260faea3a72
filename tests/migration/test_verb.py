"""What `expertbuild migrate` prints, writes and refuses to write over; and the worked example of docs/migrating.md."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from expertbuild import cli
from tests.migration.conftest import OLD
from tests.road.roads import TOP, Road

SQL = str(OLD / "v2-sql.json")


def test_it_ends_with_what_was_written_and_what_to_type_next(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["migrate", SQL, "--output", "experts/expert-sql"]) == 0
    said = capsys.readouterr().out
    assert "composes   yes" in said
    next_one = re.search(r"^next +expertbuild (.*)$", said, re.M)
    assert next_one is not None
    assert cli.main(next_one[1].split()) == 0
    assert "name: expert-sql" in capsys.readouterr().out
    assert all(line.isprintable() for line in said.splitlines())


def test_json_is_one_document_with_every_field(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["migrate", str(OLD / "v2-hostile.json"), "--json"]) == 0
    out = capsys.readouterr().out
    said = json.loads(out)
    assert out.isascii()
    assert (said["name"], said["schema"], said["composes"]) == ("expert-mongo", "2.0", True)
    assert {each["outcome"] for each in said["fields"]} == {"carried", "changed", "dropped", "doubted"}
    assert "MIGRATION.md" in said["written"]


def test_a_folder_elsewhere_is_not_tried_but_said_how(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["migrate", SQL, "--output", "elsewhere/expert-old"]) == 0
    said = capsys.readouterr().out
    assert "composes   not tried" in said
    next_one = re.search(r"^next +expertbuild '(.*)' (expert=\S+) (.*)$", said, re.M)
    assert next_one is not None
    assert cli.main([next_one[1], next_one[2], *next_one[3].split()]) == 0
    assert "name: expert-old" in capsys.readouterr().out


def test_a_folder_with_something_in_it_is_left_alone(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = here / "experts" / "expert-sql" / "expert.yaml"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    assert cli.main(["migrate", SQL]) == 2
    assert "there is something in this folder already. --replace" in capsys.readouterr().err
    assert [file.name for file in mine.parent.iterdir()] == ["expert.yaml"]
    assert mine.read_text() == "mine"


def test_replacing_writes_what_a_migration_writes_and_leaves_the_rest(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["migrate", str(OLD / "v1-terse.json")]) == 0
    rows = here / "experts" / "expert-yaml" / "data" / "rows.jsonl"
    rows.write_text("my rows")
    (rows.parents[1] / "notes.txt").write_text("mine")
    (rows.parents[1] / "expert.yaml").write_text("broken")
    assert cli.main(["migrate", str(OLD / "v1-terse.json"), "--replace"]) == 0
    assert rows.read_text() == "my rows"
    assert "stayed     data/rows.jsonl, notes.txt" in capsys.readouterr().out
    assert (rows.parents[1] / "expert.yaml").read_text().startswith("# @package")
    assert not list(here.rglob("*.partial"))


def test_nothing_is_written_through_a_link(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "experts").mkdir()
    (here / "target").mkdir()
    (here / "experts" / "expert-sql").symlink_to(here / "target")
    assert cli.main(["migrate", SQL, "--replace"]) == 2
    (here / "experts" / "expert-sql").unlink()
    (here / "experts" / "expert-sql").mkdir()
    (here / "experts" / "expert-sql" / "bases").symlink_to(here / "target")
    assert cli.main(["migrate", SQL, "--replace"]) == 2
    assert "nothing is written through it" in capsys.readouterr().err
    assert list((here / "target").iterdir()) == []


@pytest.mark.parametrize("output", ["experts/Expert", "experts/..", "/", "experts/a b", "experts/x_y", "."])
def test_a_folder_that_is_no_name_is_refused(
    here: Path, output: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "Here").mkdir()
    monkeypatch.chdir(here / "Here")
    assert cli.main(["migrate", SQL, "--output", output]) == 2
    assert "is no name for an expert directory" in capsys.readouterr().err


@pytest.mark.parametrize("subject", ["nowhere.json", "/dev/null"])
def test_what_is_not_there_is_a_mistake(here: Path, subject: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["migrate", subject]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_a_place_that_can_not_be_written_to_is_said(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "file").write_text("mine")
    assert cli.main(["migrate", SQL, "--output", "file/expert-sql"]) == 2
    assert "can not be written" in capsys.readouterr().err
    assert (here / "file").read_text() == "mine"


def test_a_full_disk_is_a_sentence_and_leaves_nothing_half_written(here: Path) -> None:
    """No file may grow beyond 2,000 bytes: the page of the migration is longer."""
    code = (
        "import resource, sys\nresource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))\n"
        f"from expertbuild.cli import main\nsys.exit(main(['migrate', {SQL!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert "can not be written: File too large" in done.stderr
    names = [file.name for file in here.rglob("*") if file.is_file()]
    assert "MIGRATION.md" not in names
    assert not [name for name in names if name.endswith(".partial")]


def test_what_the_migrated_expert_still_lacks_is_said_by_the_build(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An expert without rows composes; its build ends at the dataset, with a sentence."""
    assert cli.main(["migrate", str(OLD / "v1-terse.json")]) == 0
    assert cli.main(["expert=expert-yaml", "base=nano", "target=dataset"]) == 2
    assert "data/rows.jsonl: holds no record." in capsys.readouterr().err


def test_it_needs_neither_torch_nor_transformers(here: Path) -> None:
    words = ["migrate", SQL]
    code = f"import sys\nfrom expertbuild.cli import main\nassert main({words!r}) == 0\nprint(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = done.stdout.splitlines()[-1]
    assert not [heavy for heavy in ("torch", "transformers", "datasets", "peft", "numpy") if f"'{heavy}'" in loaded]


def test_the_worked_example_can_be_followed_to_the_letter(tmp_path: Path) -> None:
    """docs/migrating.md: files are written as it shows them, commands typed as they stand, output compared line by line."""
    road = Road(tmp_path)
    said = ""
    for language, rest, text in _blocks():
        if language == "json":
            (tmp_path / rest).write_text(text, encoding="utf-8")
        elif language == "console":
            for line in text.splitlines():
                done = road.run(*line.removeprefix("$ expertbuild ").split())
                assert done.returncode == 0, done.stderr
                said = done.stdout
        elif language == "text":
            for line in text.splitlines():
                assert line in said.splitlines(), line
        elif language == "yaml":
            assert text in (tmp_path / rest).read_text(encoding="utf-8")


def _blocks() -> Any:
    page = (TOP / "docs" / "migrating.md").read_text(encoding="utf-8")
    return re.findall(r"^```(\w+) ?([^\n]*)\n(.*?)^```$", page, re.M | re.S)
