"""What counts as the same code, by tests that run and by a parser, and what a hostile answer cannot do."""

import os
import random
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from expertbuild.data.generators.tasks import GENERATORS
from expertbuild.evaluation import engines
from expertbuild.evaluation.errors import EvaluationMistake
from expertbuild.evaluation.evaluate import document, evaluate
from expertbuild.evaluation.scorers import python_tests, rust_check, scorer, syscalls, typescript_check
from expertbuild.evaluation.scorers.code_tokens import CodeUnread, words

ADD = "def add(a, b):\n    return a + b"


def case(gold: str, tests: str = "", before: str = "", **facts: Any) -> dict[str, Any]:
    facts |= {"tests": tests, "before": before} if tests else {}
    return {
        "id": "case",
        "messages": [{"role": "user", "content": "?"}],
        "answer": gold,
        "stratum": "x",
        "facts": facts,
    }


def python(answer: str, **options: Any) -> Any:
    return python_tests.score(answer, case(ADD, "assert add(1, 2) == 3\nassert add(-1, 1) == 0"), **options)


# --- Python ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        ADD,
        "```python\n" + ADD + "\n```",
        "def add(a: int, b: int) -> int:\n    return b + a",
        "add = lambda a, b: sum([a, b])",
        "from dataclasses import dataclass\nimport math\n\n\ndef add(x, y):\n    return math.fsum([x, y])",
    ],
)
def test_python_that_passes_its_tests_is_right(answer: str) -> None:
    assert python(answer).value == 1


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("def add(a, b):\n    return a - b", "does not hold: assert add(1, 2) == 3"),
        ("def add(a, b)\n    return a + b", "does not parse"),
        ("def plus(a, b):\n    return a + b", "NameError"),
        ("float = str\n" + ADD, "float is not what it was"),
        ("import typing\ntyping.get_type_hints = lambda _: {}\n" + ADD, "typing.get_type_hints is not what it was"),
        ("import builtins\nbuiltins.sorted = list\n" + ADD, "builtins.sorted is not what it was"),
        ("import sys\nsys._getframe().f_back\n" + ADD, "_getframe is not allowed"),
        ("import __main__\n__main__.exec = lambda *_: None", "NameError"),
        ("raise SystemExit(0)", "fails: SystemExit"),
        ("import os\nos._exit(0)", "it ends before its tests do"),
        ("x = " + "[" * 3000 + "]" * 3000, "fail"),
        ("def add(a, b):\n    return add(a, b)", "RecursionError"),
        ("", "no code"),
        ("x" * 100_000, "too long"),
    ],
)
def test_python_that_does_not_pass_is_not(answer: str, said: str) -> None:
    found = python(answer)
    assert found.value == 0
    assert said in found.reason


def test_tests_may_be_a_list_of_lines_as_public_sets_have_them() -> None:
    row = case(ADD, '["assert add(1, 2) == 3", "assert add(2, 2) == 4"]', "[]")
    assert python_tests.score("add = lambda a, b: b + a", row).value == 1
    assert python_tests.score("add = lambda a, b: 3", row).reason == "does not hold: assert add(2, 2) == 4"


HOSTILE = {
    "a file read": "open('/etc/passwd').read()",
    "a file read without open": "import os\nos.read(os.open('/etc/passwd', os.O_RDONLY), 10)",
    "a file written": "open('FOLDER/made', 'w').write('x')",
    "a folder listed": "import os\nos.listdir('/')",
    "a file removed": "import os\nos.unlink('FOLDER/kept')",
    "a folder made": "import os\nos.mkdir('FOLDER/made')",
    "a socket": "import socket\nsocket.socket()",
    "a socket below": "import _socket\n_socket.socket()",
    "a fork": "import os\nos.fork()",
    "a thread": "import _thread, time\n_thread.start_new_thread(print, ())",
    "a command": "import os\nos.system('touch FOLDER/made')",
    "a process": "import subprocess\nsubprocess.run(['touch', 'FOLDER/made'])",
    "a signal to its parent": "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)",
    "a library": "import ctypes\nctypes.CDLL(None).system(b'touch FOLDER/made')",
    "a module of the project": "import expertbuild",
}


@pytest.mark.skipif(not syscalls.can_shut_in(), reason="no seccomp on this system")
@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_answer_reaches_nothing_outside(what: str, tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("here")
    found = python(HOSTILE[what].replace("FOLDER", str(tmp_path)) + "\n" + ADD)
    assert found.value == 0, found.reason
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept"]
    assert python("add = lambda a, b: a + b").value == 1, "the next case is judged"


def test_the_way_out_stays_shut_when_python_itself_does_not_hold_it() -> None:
    """The audit hook is undone as far as Python goes; the system's own refusal is left."""
    if not syscalls.can_shut_in():
        pytest.skip("no seccomp on this system")
    answer = "import posix\ntry:\n    posix.stat('/etc/passwd')\nexcept PermissionError:\n    " + ADD.replace(
        "\n", "\n    "
    )
    assert python(answer).value == 1, "stat has no audit event: it was the system that refused"


def test_what_runs_too_long_or_takes_too_much_fails_its_case_and_no_other() -> None:
    assert "too long" in python("while True:\n    pass", seconds=1).reason
    assert "MemoryError" in python("x = [0] * 10**9").reason
    assert "MemoryError" in python("x = 'a'\nwhile True:\n    x += x").reason
    assert python("import time\ntime.sleep(1000)", seconds=0.5).value == 0
    assert python("add = lambda a, b: a + b").value == 1


def test_a_worker_that_dies_is_replaced() -> None:
    assert python("add = lambda a, b: a + b").value == 1
    first = python_tests.WORKER.pid
    assert first is not None
    os.kill(first, 9)
    python("add = lambda a, b: b + a + 0")
    assert python("add = lambda a, b: a + b").value == 1
    assert python_tests.WORKER.pid not in (first, None)


def test_the_evaluation_says_which_engine_judged() -> None:
    rows = [case(ADD, "assert add(1, 2) == 3")]
    scoring = {"kind": "python_tests"}
    judged = evaluate(rows, lambda asked: ["def add(a, b): return a" for _ in asked], scoring)
    made = document(judged, judged, scoring=scoring, decoding={}, grammar=False)
    assert made["engine"].startswith("Python 3.") and "held in by limits and" in made["engine"]
    assert made["failures"][0]["reason"] == "does not hold: assert add(1, 2) == 3"
    plain = document(judged, judged, scoring={"kind": "exact_match"}, decoding={}, grammar=False)
    assert "engine" not in plain


# --- words ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "one", "other", "same"),
    [
        ("rust", "fn f() -> i64 {\n    1\n}", "fn f()->i64{1} // one", True),
        ("rust", "fn f() { g() }", "fn f() { g(); }", False),
        ("rust", "struct A { a: i64, b: i64, }", "struct A { a: i64, b: i64 }", True),
        ("typescript", "interface A { a: string; }", "interface A {\n  a: string\n}", True),
        ("typescript", "const a = ['x', 'y'];", "const a = ['x y'];", False),
        ("python", "def f():\n    return [\n        1,\n    ]", "def f():\n  return [1]", True),
        ("python", "for a in b:\n    c()\n    d()", "for a in b:\n    c()\nd()", False),
        ("python", "f('a b')", "f('ab')", False),
    ],
)
def test_layout_is_free_and_words_are_not(language: str, one: str, other: str, same: bool) -> None:
    assert (words(one, language) == words(other, language)) is same


@pytest.mark.parametrize(
    ("language", "code"), [("rust", "fn f( {"), ("typescript", "interface {"), ("python", "def f(:")]
)
def test_broken_code_is_told_with_its_line(language: str, code: str) -> None:
    with pytest.raises(CodeUnread, match="line 1"):
        words(code, language)


@pytest.mark.parametrize(("kind", "mark"), [("python_tests", "#"), ("rust_check", "//"), ("typescript_check", "//")])
def test_a_case_that_cannot_be_answered_wants_to_hear_so(kind: str, mark: str) -> None:
    judge = scorer({"kind": kind})
    gold = case(f"{mark} cannot: Sofa has no field weight")
    assert judge(f"{mark} cannot: Sofa has no field  weight\n", gold).value == 1
    assert judge(f"{mark} cannot: Sofa has no field price", gold).value == 0
    assert judge("struct Sofa;", gold).value == 0


# --- TypeScript and Rust --------------------------------------------------------------------------------------------

SOFA_TS = "export interface Sofa {\n  price: number;\n  color?: string;\n}"
SAME_TS = (
    "type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;\n"
    "const same: Same<Sofa, { price: number; color?: string }> = true;"
)
COUNT_TS = "export function count(items: Sofa[]): number {\n  return items.length;\n}"
RUN_TS = 'if (count([{ price: 1 }]) !== 1) throw new Error("count");'
SOFA_RS = "pub struct Sofa {\n    pub price: f64,\n    pub color: Option<String>,\n}"
SAME_RS = (
    "fn same(value: Sofa) { let Sofa { price, color } = value; let _: f64 = price; let _: Option<String> = color; }"
)
COUNT_RS = "pub fn count(items: &[i64]) -> usize {\n    items.iter().count()\n}"
RUN_RS = "fn main() { assert!(count(&[1, 2]) == 2); }"

tsc = pytest.mark.skipif(engines.tsc() is None, reason="no tsc here")
rustc = pytest.mark.skipif(not shutil.which("rustc"), reason="no rustc here")


@tsc
@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ("export type Sofa = { color?: string; price: number };", True),
        ("export interface Sofa { price: number; color: string; }", False),
        ("export interface Sofa { price: number; color?: string; size: number }", False),
        ("export interface Sofa { price: any; color?: string; }", False),
        ("// @ts-nocheck\nexport interface Sofa { price: number }", False),
    ],
)
def test_typescript_types_are_compared_by_tsc(answer: str, right: bool) -> None:
    assert (typescript_check.score(answer, case(SOFA_TS, SAME_TS)).value == 1) is right


@tsc
@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("export const count = (items: Sofa[]): number => items.reduce((n) => n + 1, 0);", "passes"),
        ("export function count(items: Sofa[]): number { return 2; }", "tests fail"),
        ("JSON.stringify = (() => '1') as any; export function count(items: Sofa[]): number { return 2; }", "tests fail"),
        ("export function count(items: Sofa[]): any { return { toJSON: () => 1 }; }", "not allowed"),
        ("type Record<K, V> = number; export function count(items: Sofa[]): number { return 1; }", "taken for another"),
        ("const kept: Uint8Array[] = []; export function count(items: Sofa[]): number { for (;;) kept.push(new Uint8Array(1 << 27).fill(1)); }", "tests fail"),
        ("export function count(items: Sofa[]): number { for (;;) {} }", "too long"),
        ("export function count(items: Sofa[]): number { return process.exit(0); }", "not allowed"),
        ("declare const os: any; export function count(items: Sofa[]): number { return 1; }", "not allowed"),
        ("export function count(items: Sofa[]): number { return fetch('http://localhost') as any; }", "does not compile"),
        ("export function count(i: Sofa[]): number { return ([] as any)['const' + 'ructor']['const' + 'ructor']('return 1')(); }", "tests fail"),
    ],
)  # fmt: skip
def test_typescript_runs_and_is_held_in(answer: str, said: str) -> None:
    found = typescript_check.score(answer, case(COUNT_TS, RUN_TS, SOFA_TS), seconds=2)
    assert said in found.reason
    assert found.value == float(said == "passes")


@rustc
@pytest.mark.skipif(not syscalls.can_shut_in(), reason="no seccomp on this system")
def test_rust_that_its_text_does_not_give_away_still_reaches_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check of its text is taken away: the walls are left."""
    monkeypatch.setattr(rust_check, "NEVER", re.compile("(?!)"))
    outside = tmp_path / "made"
    answer = (
        f'pub fn count(items: &[i64]) -> usize {{ if std::fs::write("{outside}", "x").is_err() {{ 2 }} else {{ 3 }} }}'
    )
    assert rust_check.score(answer, case(COUNT_RS, RUN_RS)).value == 1 and not outside.exists()
    answer = 'pub fn count(items: &[i64]) -> usize { include_str!("/etc/passwd").len() }'
    assert "does not compile" in rust_check.score(answer, case(COUNT_RS, RUN_RS)).reason


@tsc
@pytest.mark.skipif(not syscalls.can_shut_in(), reason="no seccomp on this system")
def test_typescript_that_its_text_does_not_give_away_still_reaches_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(typescript_check, "NEVER", re.compile("(?!)"))
    outside = tmp_path / "made"
    answer = (
        "declare const process: any;\nexport function count(items: Sofa[]): number {\n"
        f"  try {{ process.getBuiltinModule('fs').writeFileSync('{outside}', 'x'); return 3; }} catch {{ return 1; }}\n}}"
    )
    assert typescript_check.score(answer, case(COUNT_TS, RUN_TS, SOFA_TS)).value == 1 and not outside.exists()


@rustc
@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ("#[derive(Debug)]\npub struct Sofa { pub color: Option<String>, pub price: f64 }", True),
        ("pub struct Sofa { pub price: f64 }", False),
        ("pub struct Sofa { pub price: f32, pub color: Option<String> }", False),
        ('pub struct Sofa { pub price: f64, pub color: Option<String> }\nconst X: &str = include_str!("/etc/passwd");', False),
    ],
)  # fmt: skip
def test_rust_types_are_compared_by_rustc(answer: str, right: bool) -> None:
    assert (rust_check.score(answer, case(SOFA_RS, SAME_RS)).value == 1) is right


@rustc
@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("pub fn count(items: &[i64]) -> usize { items.len() }", "passes"),
        ("pub fn count(items: &[i64]) -> usize { 3 }", "tests fail"),
        ("pub fn count(items: &[i64]) -> usize { loop {} }", "too long"),
        ("pub fn count(items: &[i64]) -> usize { std::process::exit(0) }", "not allowed"),
        ('use ::std as s;\npub fn count(items: &[i64]) -> usize { s::fs::write("x", "y"); 2 }', "not allowed"),
        ("use std::{net, fs};\npub fn count(items: &[i64]) -> usize { 2 }", "not allowed"),
        ("pub fn count(items: &[i64]) -> usize { unsafe { 2 } }", "not allowed"),
        ('#[/**/link_section = ".init_array"]\nstatic RUN: u8 = 1;\npub fn count(items: &[i64]) -> usize { 2 }', "not allowed"),
        ('const TOLD: &str = include_str/**/!("/etc/passwd");\npub fn count(items: &[i64]) -> usize { 2 }', "not allowed"),
        ("fn main() {}\n#[/**/cfg(any())]", "not allowed"),
        ("fn main() {}\npub fn count(items: &[i64]) -> usize { 3 }\n#[/**/cfg(any())]\nfn other() {}", "not allowed"),
        ("use std::vec as assert;\npub fn count(items: &[i64]) -> usize { 3 }", "not allowed"),
        ("type usize = i8;\npub fn count(items: &[i64]) -> usize { 2 }", "not allowed"),
        ("pub struct Y;\nimpl PartialEq<i32> for Y { fn eq(&self, _: &i32) -> bool { true } }\npub fn count(items: &[i64]) -> Y { Y }", "not allowed"),
        ('pub fn count(items: &[i64]) -> usize { loop { println!("{}", "x".repeat(1000)); } }', "too long"),
    ],
)  # fmt: skip
def test_rust_runs_and_is_held_in(answer: str, said: str) -> None:
    found = rust_check.score(answer, case(COUNT_RS, RUN_RS), seconds=2)
    assert said in found.reason
    assert found.value == float(said == "passes")


@pytest.mark.parametrize(("module", "gold"), [(typescript_check, SOFA_TS), (rust_check, SOFA_RS)])
def test_without_a_compiler_a_parser_judges_and_says_so(module: Any, gold: str) -> None:
    judge = scorer({"kind": module.__name__.split(".")[-1], "engine": "tree-sitter"})
    assert judge("\n\n" + gold.replace("\n", "   \n") + " // done", case(gold, "tests")).value == 1
    assert judge(gold.replace("price", "cost"), case(gold, "tests")).reason == "is not the expected code"
    assert "does not parse: line" in judge(gold[:-1], case(gold, "tests")).reason
    assert "the expected words only (as asked)" in module.engine(engine="tree-sitter")
    with pytest.raises(EvaluationMistake, match='no engine "tcs"'):
        module.score("x", case(gold), engine="tcs")


@pytest.mark.parametrize("name", ["types_from_json", "types_from_text", "text_to_function", "code_repair"])
def test_the_expected_python_of_every_task_passes_its_own_tests(name: str) -> None:
    """Run as another answer would be: the short cut for the expected one is not taken."""
    rng = random.Random(name)
    for number in range(40):
        part = ("train", "held_out")[number % 2]
        row = GENERATORS.load(name).draw(rng, part, part)
        found = python_tests.score("pass\n" + row["answer"], row)
        right = "tests" in row["facts"] or row["answer"].startswith("# cannot: ")
        assert found.value == float(right), (row["answer"], found.reason)
