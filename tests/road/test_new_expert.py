"""The page that adds an expert from a CSV file can be followed to the letter; only its training is shortened here."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.road.roads import Road
from tests.road.test_documents import blocks

PAGE = "docs/new-expert.md"
SHORT = ("train=smoke", "evaluation.cases=6", "evaluation.margin=-1")


@pytest.mark.slow
def test_the_page_adds_an_expert_from_a_csv_file(tmp_path: Path) -> None:
    road = Road(tmp_path)
    said: dict[str, str] = {}
    for language, _, text in blocks(PAGE):
        if language == "python":
            subprocess.run([sys.executable, "-c", text], cwd=road.folder, env=road.env, check=True)
        elif language == "console":
            for line in text.splitlines():
                first, *words = shlex.split(line.removeprefix("$ "))
                if first == "expertbuild":
                    done = road.run(*words, *(SHORT if words[0].startswith("expert=") else ()))
                else:
                    done = road.run(*words[2:], module=words[1])
                assert done.returncode == 0, (line, done.stdout, done.stderr)
                said[line.removeprefix("$ ")] = done.stdout
    made = said["expertbuild new expert-tickets --data tickets.csv --answer kind"]
    assert "grammar    one of 3 answers: billing, broken, delivery" in made
    assert re.search(r"^next +expertbuild expert=expert-tickets$", made, re.M)
    assert "local/expert-tickets 0.1.0 on nano" in said["expertbuild expert=expert-tickets"]
    assert "expert-tickets" in said["expertbuild info expert-tickets"]
