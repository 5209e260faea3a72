"""The figures of a real build, made again from what its cache remembers."""

import json
import re
import shutil

from tests.road.roads import Road


def test_the_builders_figures_come_out_again_and_the_cases_are_found_by_their_digest(road: Road) -> None:
    done = road.run("verify", "expert-json", "--evaluate")
    assert done.returncode == 0, done.stdout + done.stderr
    builder, here = (
        re.search(rf"^{who} +12 .*$", done.stdout, re.M) for who in ("measured by the builder", "re-run here")
    )
    assert builder and here, done.stdout
    assert (
        builder[0].split("  ", 1)[1].split() == here[0].split("  ", 1)[1].split()
    )  # the same machine: the same answers

    [package] = (road.folder / "build").glob("*.expert")
    cases = next((road.folder / "home" / "cache" / "trees").glob("*/test.jsonl"))
    shutil.copy(cases, road.folder / "cases.jsonl")
    elsewhere = Road(road.folder / "elsewhere")
    (elsewhere.folder / "home").mkdir(parents=True)
    shutil.copytree(road.folder / "home" / "config", elsewhere.folder / "home" / "config")
    asked = elsewhere.run("verify", str(package), "--evaluate")
    assert asked.returncode == 2
    assert "give it with --dataset FILE" in asked.stderr
    words = ("--evaluate", "--dataset", str(road.folder / "cases.jsonl"), "--cases", "4", "--json")
    given = elsewhere.run("verify", str(package), *words)
    assert given.returncode == 0, given.stderr
    assert json.loads(given.stdout)["evaluation"]["here"]["n"] == 4
    wrong = elsewhere.run("verify", str(package), "--evaluate", "--dataset", str(package))
    assert wrong.returncode == 1
    assert "not what the builder evaluated on" in wrong.stderr
    assert "Traceback" not in asked.stderr + wrong.stderr
