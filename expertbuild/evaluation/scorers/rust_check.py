"""Right is Rust that compiles with the row's tests behind it, and runs where they run something.

rustc judges where it is found; without it tree-sitter parses, and only the expected words in any layout are right.
serde's derives and serde_json's Value are there as names, not as the crates. What is compiled names nothing of the
system - no unsafe code, no path into `std` but to its collections and traits - nor takes a name that the tests need for
itself; it is compiled and runs with caps, behind walls (see `capped`).
"""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from expertbuild.evaluation.engines import rustc
from expertbuild.evaluation.errors import EvaluationMistake
from expertbuild.evaluation.scorers import Score, capped, code_tokens
from expertbuild.evaluation.scorers.code_judging import judged, parses

_THEIRS = r"(?:Option|Some|None|Vec|String|Result|Box|bool|char|str|[iuf]\d+|[iu]size|HashMap|BTreeMap|PartialEq)"
# What reaches out of the text when it is compiled, or out of the process when it runs, or what the tests mean otherwise:
# looked for in its words, between which no comment can stand.
NEVER = re.compile(
    r"\bunsafe\b|\bextern\b|\bcore\b|\balloc\b|\bcrate\b|\bproc_macro\b|\b(?:include\w*|env|option_env|asm|global_asm)\s*!"
    r"|\bmacro_rules\b|#\s*!?\s*\[\s*(?!derive\b|serde\b|allow\b|inline\b|must_use\b)\w+|#\s*!?\s*\[[^\]]*\]\s*\Z"
    r"|\bstd\b(?!\s*::\s*(?:collections|fmt|cmp|iter|str|string|vec|option|result|ops|convert|num)\b)"
    rf"|\b(?:type|struct|enum|union|trait|mod)\s+{_THEIRS}\b|\buse\b[^;]*\bas\s+(?:assert\w*|panic|{_THEIRS})\b"
    r"|\bPartialEq\s*<"
)
ENGINES = ("auto", "rustc", "tree-sitter")
EDITION = "2021"
_SERDE = """
extern crate proc_macro;
use proc_macro::TokenStream;
#[proc_macro_derive(Serialize, attributes(serde))]
pub fn serialize(_: TokenStream) -> TokenStream { TokenStream::new() }
#[proc_macro_derive(Deserialize, attributes(serde))]
pub fn deserialize(_: TokenStream) -> TokenStream { TokenStream::new() }
"""
_SERDE_JSON = "#[derive(Debug, Clone, PartialEq)] pub enum Value { Null }"


def score(
    answer: str, row: Mapping[str, Any], engine: str = "auto", seconds: float = 20.0, megabytes: int = 512
) -> Score:
    def run(parts: Sequence[str]) -> str | None:
        return _failed(parts, seconds, megabytes)

    return judged(answer, row, "rust", run if _wanted(engine) else None)


def well_formed(answer: str) -> bool:
    return parses(answer, "rust")


def engine(engine: str = "auto", **options: Any) -> str:
    if _wanted(engine):
        return f"rustc {rustc()}, tests run, held in by {capped.held()}; serde by name only"
    said = "as asked" if engine == "tree-sitter" else "no rustc on this machine"
    return f"{code_tokens.engine('rust')}, the expected words only ({said})"


def _wanted(engine: str) -> bool:
    """Whether rustc judges."""
    if engine not in ENGINES:
        raise EvaluationMistake(
            f'there is no engine "{engine}".', where="evaluation.scorer.engine", hint=f"Known: {', '.join(ENGINES)}."
        )
    there = rustc() is not None
    if engine == "rustc" and not there:
        raise EvaluationMistake(
            "rustc was not found.", where="evaluation.scorer.engine", hint="Install Rust: https://rustup.rs"
        )
    return there and engine != "tree-sitter"


@cache
def _sysroot() -> Path:
    """Where the compiler itself lies: what rustup puts on the PATH asks the user's home which one is meant."""
    found = shutil.which("rustc") or "rustc"
    root = subprocess.run([found, "--print", "sysroot"], capture_output=True, text=True, timeout=60, check=True)
    return Path(root.stdout.strip())


def _rustc() -> str:
    return str(_sysroot() / "bin" / "rustc")


@cache
def _crates() -> "tempfile.TemporaryDirectory[str]":
    """A folder with what stands for serde, compiled once and kept as long as this process."""
    made = tempfile.TemporaryDirectory(prefix="expertbuild-rust-")
    for name, kind, text in (("serde", "proc-macro", _SERDE), ("serde_json", "rlib", _SERDE_JSON)):
        file = Path(made.name, f"{name}.rs")
        file.write_text(text, encoding="utf-8")
        words = ["--edition", EDITION, "--crate-type", kind, "--crate-name", name, "--out-dir", made.name, str(file)]
        done = subprocess.run([_rustc(), *words], capture_output=True, text=True, timeout=300)
        if done.returncode:
            raise EvaluationMistake(
                f"rustc does not work here: {done.stderr.strip().splitlines()[0] if done.stderr.strip() else 'no reason'}",
                where="evaluation.scorer",
                hint="Choose evaluation.scorer.engine=tree-sitter.",
            )
    return made


def _failed(parts: Sequence[str], seconds: float, megabytes: int) -> str | None:
    if found := NEVER.search(" ".join(code_tokens.words(parts[1], "rust"))):
        return f"{found[0].strip()} is not allowed"
    runs = "fn main()" in parts[2]
    with tempfile.TemporaryDirectory(prefix="expertbuild-rustc-") as made:
        folder = Path(made)
        (folder / "answer.rs").write_text("\n\n".join(parts) + "\n", encoding="utf-8")
        crates = _crates().name
        words = [
            "--edition",
            EDITION,
            "--cap-lints",
            "allow",
            "-C",
            "debuginfo=0",
            "-L",
            crates,
            "--error-format",
            "short",
        ]
        words += ["--extern", "serde", "--extern", "serde_json"]
        words += ["--crate-type", "bin"] if runs else ["--crate-type", "lib", "--emit", "metadata"]
        path = {"PATH": "/usr/local/bin:/usr/bin:/bin"}  # the linker
        compiled = capped.run(
            [_rustc(), *words, "answer.rs"],
            folder,
            seconds=seconds,
            memory=4 * 2**30,
            written=2**28,
            environment=path,
            reads=[_sysroot(), crates],
        )
        if compiled.code is None:
            return "it takes too long to compile"
        if compiled.code:
            said = next((line for line in compiled.err.splitlines() if "error" in line), "no reason")
            return f"does not compile: {said.removeprefix('answer.rs:')}"[:500]
        if not runs:
            return None
        ran = capped.run([str(folder / "answer")], folder, seconds=seconds, memory=megabytes * 2**20, alone=True)
    if ran.code is None:
        return "it runs too long"
    said = " ".join(ran.err.split())
    return None if ran.code == 0 else f"its tests fail: {said}"[:500]
