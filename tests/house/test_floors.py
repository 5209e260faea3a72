"""The house keeps its floors: who may import whom, what names are not used, and pages that are current."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
LEAVES = {"runtime.errors", "runtime.home", "runtime.shown"}

# From the ground up. A floor imports itself and what stands before it, as far as `SEES` says.
SEES: dict[str, set[str]] = {
    "runtime.artifact": set(),
    "runtime.checks": set(),
    "runtime.registry": {"runtime.artifact"},
    "runtime.engine": {"runtime.artifact"},
    "runtime.binding": {"runtime.checks", "runtime.engine"},
    "runtime.router": {"runtime.artifact"},
    "runtime.export": {"runtime.artifact", "runtime.engine"},
    "runtime.service": {
        "runtime.artifact",
        "runtime.binding",
        "runtime.checks",
        "runtime.registry",
        "runtime.engine",
        "runtime.router",
    },
    "runtime.server": {"runtime.artifact", "runtime.registry", "runtime.engine", "runtime.router", "runtime.service"},
    "expertbuild.graph": set(),
    "expertbuild.compose": set(),
    "expertbuild.pages": {"runtime"},
    "expertbuild.data": {"runtime", "expertbuild.catalogue", "expertbuild.pages"},
    "expertbuild.training": {"runtime", "expertbuild.catalogue", "expertbuild.data"},
    "expertbuild.evaluation": {"runtime", "expertbuild.catalogue", "expertbuild.data"},
    "expertbuild.migration": {"runtime", "expertbuild.compose"},
    "expertbuild.report": {
        "runtime",
        "expertbuild.display",
        "expertbuild.graph",
        "expertbuild.pages",
        "expertbuild.evaluation",
    },
    "expertbuild.starting": {"runtime", "expertbuild.catalogue", "expertbuild.data", "expertbuild.migration"},
    "expertbuild.actions": {
        "runtime",
        "expertbuild.graph",
        "expertbuild.data",
        "expertbuild.training",
        "expertbuild.evaluation",
    },
}


def modules() -> Iterator[tuple[str, Path]]:
    for package in ("expertbuild", "runtime"):
        for path in sorted((TOP / package).rglob("*.py")):
            parts = path.relative_to(TOP).with_suffix("").parts
            yield ".".join(part for part in parts if part != "__init__"), path


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)


def floor_of(module: str) -> str | None:
    return next((floor for floor in SEES if module == floor or module.startswith(f"{floor}.")), None)


def allowed(module: str, target: str) -> bool:
    floor = floor_of(module)
    if floor is None or any(target == leaf or target.startswith(f"{leaf}.") for leaf in LEAVES):
        return True
    return any(target == seen or target.startswith(f"{seen}.") for seen in {floor, *SEES[floor]})


@pytest.mark.parametrize(("module", "path"), list(modules()), ids=lambda value: value if isinstance(value, str) else "")
def test_a_module_imports_only_floors_below_it(module: str, path: Path) -> None:
    project = {name for name, _ in modules()}
    strangers = [
        target for target in imports(path) if target in project and "." in target and not allowed(module, target)
    ]
    assert not strangers, f"{module} imports {strangers}"


def test_the_machine_does_not_know_the_compiler() -> None:
    for module, path in modules():
        if module.startswith("runtime"):
            assert not [target for target in imports(path) if target.split(".")[0] == "expertbuild"], module


def test_no_module_is_a_drawer_for_everything() -> None:
    for module, _ in modules():
        assert not {"utils", "helpers", "common", "manager"} & set(module.split("."))


def test_every_module_says_what_it_is_for() -> None:
    for module, path in modules():
        text = path.read_text(encoding="utf-8")
        assert not text.strip() or ast.get_docstring(ast.parse(text)), module


def test_the_architecture_page_lists_the_house_as_it_is() -> None:
    done = subprocess.run([sys.executable, TOP / "docs" / "house.py", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
