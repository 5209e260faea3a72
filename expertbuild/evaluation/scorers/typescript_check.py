"""Right is TypeScript that compiles under --strict with the row's tests behind it, and runs where they run something.

tsc judges where it is found (on the PATH, or node_modules/.bin here), in a process of its own, from version 7 on in one
for each answer; without it tree-sitter parses, and only the expected words in any layout are right. What was compiled runs in node with caps on time and memory,
and only if it names nothing outside itself: tsc knows the language's own library and no other, and what would get round
it is refused by name.
"""

import re
import secrets
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from expertbuild.evaluation.engines import tsc, tsc_library, tsc_native
from expertbuild.evaluation.errors import EvaluationMistake
from expertbuild.evaluation.scorers import Score, capped, code_tokens
from expertbuild.evaluation.scorers.code_judging import judged, parses
from expertbuild.evaluation.scorers.line_worker import LineWorker, WorkerLost
from expertbuild.evaluation.scorers.tsc_program import PROGRAM

# What reaches out of the types that tsc checks, or out of the text.
NEVER = re.compile(
    r"@ts-|\bdeclare\b|\bglobalThis\b|\bimport\b|\brequire\b|\beval\b|\bFunction\b|\bconstructor\b|\bprocess\b|///|\\u"
)
ENGINES = ("auto", "tsc", "tree-sitter")
# As tsc_program has them; `types` and `noResolve` keep everything outside the text away but the language's own library.
OPTIONS = (
    *("--strict", "--target", "es2022", "--module", "es2022", "--lib", "es2022", "--types", "", "--noResolve"),
    *("--moduleDetection", "force", "--noEmitOnError", "--removeComments", "--ignoreConfig", "--pretty", "false"),
)


def score(
    answer: str, row: Mapping[str, Any], engine: str = "auto", seconds: float = 10.0, megabytes: int = 512
) -> Score:
    def run(parts: Sequence[str]) -> str | None:
        return _failed(parts, seconds, megabytes)

    return judged(answer, row, "typescript", run if _wanted(engine) else None)


def well_formed(answer: str) -> bool:
    return parses(answer, "typescript")


def engine(engine: str = "auto", **options: Any) -> str:
    if _wanted(engine):
        return f"tsc {tsc()} --strict, tests run in node"
    said = "as asked" if engine == "tree-sitter" else "no tsc and node on this machine"
    return f"{code_tokens.engine('typescript')}, the expected words only ({said})"


def _wanted(engine: str) -> bool:
    """Whether tsc judges."""
    if engine not in ENGINES:
        raise EvaluationMistake(
            f'there is no engine "{engine}".', where="evaluation.scorer.engine", hint=f"Known: {', '.join(ENGINES)}."
        )
    there = tsc() is not None
    if engine == "tsc" and not there:
        raise EvaluationMistake(
            "tsc was not found.", where="evaluation.scorer.engine", hint="npm install typescript, and node on the PATH."
        )
    return there and engine != "tree-sitter"


WORKER = LineWorker(
    "tsc",
    lambda: [shutil.which("node") or "node", "--max-old-space-size=1024", "-e", PROGRAM, str(tsc_library())],
    hint="Choose evaluation.scorer.engine=tree-sitter.",
)


def _failed(parts: Sequence[str], seconds: float, megabytes: int) -> str | None:
    if found := NEVER.search(parts[1]):
        return f"{found[0]} is not allowed"
    text = "\n\n".join(parts) + "\nexport {};\n"
    try:
        said = WORKER.ask({"code": text}, 6 * seconds + 30) if tsc_library() else _compiled(text, seconds)
    except WorkerLost as error:
        return str(error)
    if "failed" in said:
        return f"does not compile: {said['failed']}"[:500]
    if "throw" not in parts[2]:
        return None  # its tests are types alone
    return _ran(said["javascript"], seconds, megabytes)


def _compiled(text: str, seconds: float) -> dict[str, str]:
    """What TypeScript from 7 on makes of it, which is a program and no library: {"failed": ...} or {"javascript": ...}."""
    with tempfile.TemporaryDirectory(prefix="expertbuild-tsc-") as made:
        folder = Path(made)
        (folder / "answer.ts").write_text(text, encoding="utf-8")
        command = [str(tsc_native()), *OPTIONS, "answer.ts"]
        ended = capped.run(command, folder, seconds=seconds, written=2**24)
        if ended.code is None:
            return {"failed": "it takes too long"}
        if ended.code == 0:
            return {"javascript": (folder / "answer.js").read_text(encoding="utf-8")}
    first = next(iter(ended.out.splitlines() or ended.err.splitlines()), "no reason")
    found = re.match(r"answer\.ts\((\d+),\d+\): error (TS\d+): (.*)", first)
    return {"failed": f"{found[2]}, line {found[1]}: {found[3]}" if found else first}


def _ran(javascript: str, seconds: float, megabytes: int) -> str | None:
    token = secrets.token_hex(16)
    with tempfile.TemporaryDirectory(prefix="expertbuild-node-") as made:
        folder = Path(made)
        (folder / "answer.mjs").write_text(f'{javascript}\nprocess.stdout.write("{token}");\n', encoding="utf-8")
        node = shutil.which("node") or "node"
        kept = ["--disallow-code-generation-from-strings", f"--max-old-space-size={megabytes}"]
        ended = capped.run([node, *kept, "answer.mjs"], folder, seconds=seconds)
    if ended.code is None:
        return "it runs too long"
    if ended.code == 0 and ended.out.endswith(token):
        return None
    said = next((line for line in ended.err.splitlines() if "Error" in line), "it ends before its tests do")
    return f"its tests fail: {said}"[:500]
