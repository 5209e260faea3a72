"""What a scorer leans on outside this project: the packages by name, the programs with the version that is found here.

Both belong to the key of whatever a scorer decides: an answer that tree-sitter judged is not the one that rustc would
have judged. Nothing is started here but a program to ask its version, and nothing heavy is imported: a plan asks too.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

POSTGRES_DSN = "EXPERTBUILD_POSTGRES_DSN"
_POSTGRES_FOLDERS = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/usr/local/pgsql/bin",
    "/opt/homebrew/opt/postgresql*/bin",
)


@cache
def rustc() -> str | None:
    """The version of the rustc that is found here; None without one that works."""
    return _version(shutil.which("rustc"))


@cache
def node() -> str | None:
    """The version of the node that is found here."""
    return _version(shutil.which("node"))


@cache
def tsc_package() -> Path | None:
    """The folder of the TypeScript that is found here: tsc's on the PATH, else that of node_modules in this folder."""
    for found in (shutil.which("tsc"), str(Path("node_modules/.bin/tsc").absolute())):
        folder = Path(found).resolve().parent.parent if found else None
        if folder is not None and (folder / "package.json").is_file():
            return folder
    return None


@cache
def tsc_library() -> Path | None:
    """Its library, which programs can call: TypeScript up to 6 has one."""
    path = (tsc_package() or Path("nowhere")) / "lib" / "typescript.js"
    return path if path.is_file() else None


@cache
def tsc_native() -> Path | None:
    """Its compiler as a program of this system: TypeScript from 7 on is one."""
    package = tsc_package()
    found = sorted(package.parent.glob("@typescript/typescript-*/lib/tsc*")) if package else []
    found += sorted(package.glob("node_modules/@typescript/typescript-*/lib/tsc*")) if package else []
    return next((path for path in found if path.name in ("tsc", "tsc.exe") and os.access(path, os.X_OK)), None)


@cache
def tsc() -> str | None:
    """Its version; None where no compiler is found, or not node to run what it makes."""
    package = tsc_package()
    if package is None or not (tsc_library() or tsc_native()) or not shutil.which("node"):
        return None
    try:
        text = (package / "package.json").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    found = re.search(r'"version": *"([^"]+)"', text)
    return found[1] if found else None


def postgres_programs() -> Path | None:
    """The folder of PostgreSQL's server programs, the newest there is."""
    on_path = shutil.which("initdb")
    folders = [Path(on_path).resolve().parent] if on_path else []
    for pattern in _POSTGRES_FOLDERS:
        folders += sorted(Path("/").glob(pattern.lstrip("/")), key=lambda path: _number(path.parent.name), reverse=True)
    return next((path for path in folders if (path / "initdb").exists() and (path / "postgres").exists()), None)


@cache
def postgres() -> str | None:
    """Its version; of a server that the environment names, that it does: nobody connects to it for a plan."""
    if os.environ.get(POSTGRES_DSN):
        return f"the server of {POSTGRES_DSN}"
    folder = postgres_programs()
    return _version(str(folder / "postgres")) if folder else None


def sqlite() -> str:
    """The version of the SQLite that is embedded here."""
    from sqlite3 import sqlite_version

    return sqlite_version


def python() -> str:
    """The version of this Python."""
    return sys.version.split()[0]


Program = Callable[[], str | None]
_PARSERS = ("tree-sitter",)
# By scorer: the distributions that it imports, and the programs that it runs or that judge by being there.
LEANS_ON: Mapping[str, tuple[tuple[str, ...], Mapping[str, Program]]] = {
    "bleu": (("sacrebleu",), {}),
    "chrf": (("sacrebleu",), {}),
    "cypher_execution": (("ladybug",), {}),
    "json_schema": (("jsonschema",), {}),
    "postgres_execution": (("psycopg",), {"postgresql": postgres, "sqlite": sqlite}),
    "python_tests": ((*_PARSERS, "tree-sitter-python"), {"python": python}),
    "rust_check": ((*_PARSERS, "tree-sitter-rust"), {"rustc": rustc}),
    "sql_execution": ((), {"sqlite": sqlite}),
    "sql_parse": (("pglast",), {}),
    "typescript_check": ((*_PARSERS, "tree-sitter-typescript"), {"tsc": tsc, "node": node}),
}


def libraries(spec: Mapping[str, Any]) -> tuple[str, ...]:
    """The distributions whose version decides what this scorer says."""
    return LEANS_ON.get(spec.get("kind", ""), ((), {}))[0]


def programs(spec: Mapping[str, Any]) -> dict[str, str | None]:
    """The programs that decide it, with their versions; None for one that is not here. One that was not asked for is no matter."""
    if spec.get("engine") == "tree-sitter":
        return {}
    return {name: version() for name, version in LEANS_ON.get(spec.get("kind", ""), ((), {}))[1].items()}


def _version(program: str | None) -> str | None:
    """What a program says of its version: the first word with a number in it."""
    if program is None:
        return None
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=60, check=True).stdout
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    found = re.search(r"\d[\w.+-]*", said)
    return found[0] if found else None


def _number(name: str) -> int:
    digits = "".join(letter for letter in name if letter.isdigit())
    return int(digits or 0)
