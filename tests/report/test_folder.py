"""Reports in a folder: put in place whole, and one overview of all, whoever writes when."""

import json
import multiprocessing
import re
from pathlib import Path

from expertbuild.report.folder import OVERVIEW, write
from tests.browsed import check_harmless
from tests.report.samples import early, refused, report


def listed(folder: Path) -> list[str]:
    return check_harmless((folder / OVERVIEW).read_text(encoding="utf-8"))


def test_the_overview_lists_every_expert_with_its_figures_or_its_reason(tmp_path: Path) -> None:
    for made in (report(), refused(), early(), report(version="0.2.0")):
        write(made, tmp_path)
    said = (tmp_path / OVERVIEW).read_text(encoding="utf-8")
    assert listed(tmp_path) == [
        "expert-one-0.1.0.html",
        "expert-one-0.2.0.html",
        "expert-three-0.1.0.html",
        "expert-two-0.1.0.html",
    ]
    assert "4 built into this folder, 2 with a package." in said
    assert said.count("90.0 % (80.0 to 100.0), its base 10.0 % (0.0 to 20.0)") == 3
    assert "no package: the expert scored too little" in said and "there are no rows" in said and "not measured" in said
    assert "package 640.0 kB, built in 1 min 30 s" in said and "dora, rank 12, on nano" in said
    write({**refused(), "state": "built", "failures": [], "package": report()["package"]}, tmp_path)
    assert "3 with a package" in (tmp_path / OVERVIEW).read_text(encoding="utf-8")


def test_what_else_lies_in_the_folder_is_let_alone(tmp_path: Path) -> None:
    (tmp_path / "expert-four-0.1.0.html").write_text("a page of somebody's", encoding="utf-8")
    (tmp_path / "expert-four-0.1.0.json").write_text("{", encoding="utf-8")
    (tmp_path / "other.html").write_text("another", encoding="utf-8")
    (tmp_path / "other.json").write_text('{"format": "something else"}', encoding="utf-8")
    page = write(report(), tmp_path)
    assert json.loads(page.with_suffix(".json").read_text(encoding="utf-8")) == report()
    assert listed(tmp_path) == [page.name]
    assert (tmp_path / "other.html").read_text(encoding="utf-8") == "another"
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_writing_the_same_again_touches_no_file(tmp_path: Path) -> None:
    write(report(), tmp_path)
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    write(report(), tmp_path)
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


def _write(number: int, folder: Path) -> None:
    write(report(f"expert-{number:02d}"), folder)


def test_builds_that_end_side_by_side_are_all_in_the_overview(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    with spawn.Pool(4) as pool:
        pool.starmap(_write, [(number, tmp_path) for number in range(40)], chunksize=1)
    assert listed(tmp_path) == [f"expert-{number:02d}-0.1.0.html" for number in range(40)]
    assert len(re.findall("passed the gate", (tmp_path / OVERVIEW).read_text(encoding="utf-8"))) == 40
