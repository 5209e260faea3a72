"""The configuration reference."""

from pathlib import Path

from expertbuild.compose import reference

ROOT = Path(__file__).resolve().parents[2]


def test_the_committed_reference_is_what_the_schemas_say(workspace):
    committed = (ROOT / reference.PAGE).read_text(encoding="utf-8")
    assert committed == reference.page(), "python -m expertbuild.compose.reference --write"


def test_a_page_that_is_not_current_is_found_and_written(workspace, capsys):
    (workspace.folder / "docs").mkdir()
    assert reference.main(["--check"]) == 1
    assert reference.main(["--write"]) == 0
    assert reference.main(["--check"]) == 0
    assert reference.main([]) == 2
