"""Right is TypeScript that compiles under --strict with the row's tests behind it, and runs where they run something.

tsc judges where it is found (on the PATH, or node_modules/.bin here), in a process of its own, from version 7 on in one
for each answer; without it tree-sitter parses, and only the expected words in any layout are right. What was compiled runs in
node with caps, behind walls (see `capped`), and only if it names nothing outside itself: tsc knows the language's own library
and no other, and what would get round it, or takes a name that the tests need for itself, is refused by name.
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
    r"|\btoJSON\b"
)
# Names of the language that the tests use: taken for something else only where the expected answer does so, too.
THEIRS = re.compile(
    r"\b(?:type|interface|class|enum|namespace|const|let|var|function)\s+"
    r"(Array|Boolean|Error|Exclude|Extract|JSON|Map|NonNullable|Number|Object|Omit|Parameters|Partial|Pick|Promise"
    r"|Readonly|ReadonlyArray|Record|Required|ReturnType|Set|String|Symbol)\b"
)
# Before the answer: node makes its output when it is first asked for, and nothing of the language is taken away any more.
_BEFORE = """const said_%s = process.stdout.write.bind(process.stdout);
for (const each of [Object, Function, Array, String, Number, Boolean, Symbol, Map, Set, Promise, Error, RegExp, Date])
  Object.preventExtensions(each.prototype);
for (const each of [JSON, Math, Reflect, Object, Array, Number, String]) Object.freeze(each);
"""
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
        taken = {*THEIRS.findall(parts[1])} - {*THEIRS.findall(str(row["answer"]))}
        return f"{min(taken)} is taken for another" if taken else _failed(parts, seconds, megabytes)

    return judged(answer, row, "typescript", run if _wanted(engine) else None)


def well_formed(answer: str) -> bool:
    return parses(answer, "typescript")


def engine(engine: str = "auto", **options: Any) -> str:
    if _wanted(engine):
        return f"tsc {tsc()} --strict, tests run in node, held in by {capped.held()}"
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


def _package() -> Path:
    """The folder of the compiler and its library."""
    found = Path(str(tsc_native())).resolve()
    return next((each for each in found.parents if each.name == "node_modules"), found.parent)


def _compiled(text: str, seconds: float) -> dict[str, str]:
    """What TypeScript from 7 on makes of it, which is a program and no library: {"failed": ...} or {"javascript": ...}."""
    with tempfile.TemporaryDirectory(prefix="expertbuild-tsc-") as made:
        folder = Path(made)
        (folder / "answer.ts").write_text(text, encoding="utf-8")
        command = [str(tsc_native()), *OPTIONS, "answer.ts"]
        ended = capped.run(command, folder, seconds=seconds, data=2**31, written=2**24, reads=[_package()])
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
        text = f'{_BEFORE % token}{javascript}\nsaid_{token}("{token}");\n'
        (folder / "answer.mjs").write_text(text, encoding="utf-8", errors="replace")
        node = Path(shutil.which("node") or "node").resolve()
        kept = ["--disallow-code-generation-from-strings", f"--max-old-space-size={megabytes}"]
        most = (2 * megabytes + 512) * 2**20  # node has more than the heap: its own code, buffers, stacks
        ended = capped.run(
            [str(node), *kept, "answer.mjs"],
            folder,
            seconds=seconds,
            data=most,
            environment={"OPENSSL_CONF": "/dev/null"},  # its own lies where nothing can be read
            reads=[node.parent],
            alone=True,
        )
    if ended.code is None:
        return "it runs too long"
    if ended.code == 0 and ended.out.endswith(token):
        return None
    said = next((line for line in ended.err.splitlines() if "Error" in line), "it ends before its tests do")
    return f"its tests fail: {said}"[:500]
