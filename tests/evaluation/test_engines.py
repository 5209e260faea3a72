"""Whoever judges an answer is in the key of what the judgement decides."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from expertbuild.actions.dataset import DATASET
from expertbuild.actions.evaluate import EVALUATE
from expertbuild.evaluation import engines
from expertbuild.evaluation.scorers import SCORERS

FOUND = (
    engines.rustc,
    engines.node,
    engines.tsc,
    engines.tsc_package,
    engines.tsc_library,
    engines.tsc_native,
    engines.postgres,
)


@pytest.fixture(autouse=True)
def anew() -> Iterator[None]:
    """Programs are looked for again."""
    for each in FOUND:
        each.cache_clear()
    yield
    for each in FOUND:
        each.cache_clear()


def program(folder: Path, name: str, says: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)


def test_a_scorer_that_says_who_judged_has_its_judge_in_the_key() -> None:
    told = {kind for kind in SCORERS.modules if hasattr(SCORERS.load(kind), "engine")}
    assert told <= set(engines.LEANS_ON) <= set(SCORERS.modules)


def test_another_engine_on_this_machine_is_another_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    config = {"evaluation": {"scorer": {"kind": "rust_check"}}}
    assert EVALUATE.engines is not None
    assert EVALUATE.engines(config)["rustc"] is None
    anew_once = engines.rustc.cache_clear
    for version in ("1.70.0", "1.95.0"):
        program(tmp_path, "rustc", f"rustc {version} (0123 2026-01-01)")
        anew_once()
        assert EVALUATE.engines(config)["rustc"] == version
    assert "tree-sitter-rust" in EVALUATE.engines(config)
    asked = {"evaluation": {"scorer": {"kind": "rust_check", "engine": "tree-sitter"}}}
    assert "rustc" not in EVALUATE.engines(asked), "one that does not judge is no matter"
    program(tmp_path, "rustc", "no number")
    anew_once()
    assert EVALUATE.engines(config)["rustc"] is None


@pytest.mark.parametrize(
    ("version", "compiler"),
    [("5.9.3", "typescript/lib/typescript.js"), ("7.0.2", "@typescript/typescript-linux-x64/lib/tsc")],
)
def test_typescript_is_found_as_a_library_and_as_a_program(
    version: str, compiler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Up to version 6 there is a library to call; from 7 on a program beside it."""
    modules = tmp_path / "node_modules"
    (modules / "typescript" / "bin").mkdir(parents=True)
    (modules / "typescript" / "package.json").write_text(f'{{"name": "typescript", "version": "{version}"}}')
    (modules / "typescript" / "bin" / "tsc").write_text("")
    (modules / ".bin").mkdir()
    (modules / ".bin" / "tsc").symlink_to("../typescript/bin/tsc")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    program(tmp_path, "node", "v22.0.0")
    assert engines.tsc() is None, "a package without a compiler is none"
    (modules / compiler).parent.mkdir(parents=True)
    program((modules / compiler).parent, Path(compiler).name, "")
    for each in FOUND:
        each.cache_clear()
    assert engines.tsc() == version
    assert (engines.tsc_library() or engines.tsc_native()) == modules / compiler


def test_a_dataset_whose_answers_were_judged_names_the_judge() -> None:
    asked = {"kind": "synthesis", "name": "x", "model": "m", "prompt": "{topic}", "over": {"topic": ["a"]}}
    asked |= {"columns": {"prompt": "text", "answer": "text"}, "accept": {"kind": "sql_execution"}}
    assert DATASET.engines is not None
    assert DATASET.engines({"dataset": {"use": "r", "r": {"sources": [asked]}}}) == {"sqlite": engines.sqlite()}
    drawn = {"kind": "generator", "name": "json_repair", "rows": 1}
    assert DATASET.engines({"dataset": {"use": "r", "r": {"sources": [drawn]}}}) == {}


def test_a_server_that_the_environment_names_is_told_apart_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(engines.POSTGRES_DSN, "host=secret.example password=hush")
    found = engines.programs({"kind": "postgres_execution"})
    assert found["postgresql"] == f"the server of {engines.POSTGRES_DSN}"


def test_asking_imports_no_engine() -> None:
    code = (
        "import sys; from expertbuild.evaluation.engines import LEANS_ON, programs\n"
        "[programs({'kind': kind}) for kind in LEANS_ON]\n"
        "print([name for name in ('tree_sitter', 'pglast', 'psycopg', 'ladybug', 'sacrebleu', 'torch') if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert said.stdout.strip() == "[]"
