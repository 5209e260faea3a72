"""docs/safety.md says which test holds which row; every one of them exists, and no row is forgotten."""

import ast
import re
from functools import cache
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
ROWS = set(range(1, 57))

_ROW = re.compile(r"^\| ([0-9]+) \| .+? \| (.+) \|$", re.M)


def table() -> dict[int, list[str]]:
    page = (TOP / "docs" / "safety.md").read_text(encoding="utf-8")
    return {int(row): re.findall(r"`([a-z_/]+::[a-z0-9_]+)`", tests) for row, tests in _ROW.findall(page)}


@cache
def defined_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_row_names_tests_that_exist() -> None:
    missing = []
    for row, tests in table().items():
        assert tests, f"row {row} names no test"
        for name in tests:
            file, _, test = name.partition("::")
            path = TOP / "tests" / f"{file}.py"
            if not path.is_file() or test not in defined_in(path):
                missing.append(f"{row}: {name}")
    assert missing == []


def test_no_row_is_forgotten() -> None:
    assert table().keys() >= ROWS
