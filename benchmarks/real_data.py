"""What an expert knows of other people's data: built from its offline recipe, then from real rows, judged on real rows.

python benchmarks/real_data.py --train FOLDER --dev FOLDER [--tasks sql,cypher] [--seeds 0] [train.steps=900]

Nothing is tuned to these files. Each task has two builds: `offline`, the expert as its directory has it, which has seen
generated rows only, and `files`, which learns from the rows in --train; both are judged by the expert's own scorer on
the rows in --dev, without a grammar where the answers have a form of their own. FOLDERs hold (a task whose files are
absent is left out):

    json     dev/json_broken.jsonl        input, expected; to repair, or valid already
    extract  train/text_to_json_train.jsonl, dev/text_to_json.jsonl        text, slot_names, expected
    sql      train/sql_train.jsonl, train/advising.schema.sql, dev/sql_defog_pg.jsonl
    cypher   train/cypher_train.jsonl, train/cypher_schemas.json, dev/cypher.jsonl
    python, typescript    train/code_train.jsonl, dev/code_eval.jsonl        prompt, test, canonical_solution
    rust     dev/code_eval.jsonl

Writes real_data.json beside itself, one line a build: scores with intervals, and what was wrong with the answers by
kind. A row that does not fit the base's context counts as wrong. Of the code only problems are asked whose own solution
passes its tests.
"""

import argparse
import json
import re
import tempfile
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from _builds import composed, grammar_of, judged, mistakes, result, share, spelled

from expertbuild.data.rows import read_rows
from expertbuild.evaluation import transcript
from expertbuild.evaluation.answering import EXPERT, generator, with_expert
from expertbuild.evaluation.evaluate import document, evaluate
from runtime.engine.base import locate

OUT = Path(__file__).with_suffix(".json")
Rows = Iterator[dict[str, Any]]


def read(path: Path) -> Rows:
    return (json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line.strip())


def row(prompt: str, answer: Any, stratum: str, facts: dict[str, Any], group: str = "") -> dict[str, Any]:
    text = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False, separators=(",", ":"))
    number = sha256(f"{prompt}\n{text}".encode()).hexdigest()[:16]
    made = {
        "id": number,
        "messages": [{"role": "user", "content": prompt}],
        "answer": text,
        "stratum": stratum,
        "facts": facts,
    }
    return made | ({"group": group} if group else {})


def json_dev(folder: Path) -> Rows:
    """Documents to repair, on which two libraries agree or not, and valid ones, which must come back as they are."""
    for one in read(folder / "json_broken.jsonl"):
        valid = one["kind"] == "strict-parse" and one["expected"] == "accept"
        if "input" in one and (valid or one["kind"] == "repair"):
            expected = json.loads(one["input"]) if valid else one["expected"]
            stratum = "valid" if valid else "consensus" if one.get("consensus") else "one library"
            answer = json.dumps(expected, ensure_ascii=False, separators=(",", ":"))
            yield row(one["input"], answer, stratum, {"expected": expected})


def extract_rows(path: Path) -> Rows:
    for one in read(path):
        prompt = f"{one['text']}\nKeys: {', '.join(one['slot_names'])}"
        yield row(prompt, one["expected"], one["expected"]["intent"], {"expected": one["expected"]})


def sql_train(folder: Path) -> Rows:
    schema = (folder / "advising.schema.sql").read_text(encoding="utf-8")
    schema = re.sub(r"^--.*\n", "", re.sub(r"varchar\(\d+\)", "text", schema), flags=re.MULTILINE).strip()
    for one in read(folder / "sql_train.jsonl"):
        yield row(f"{schema}\n{one['question']}", one["sql"], "all", {"ddl": schema}, one["query_id"])


def sql_dev(folder: Path) -> Rows:
    """The first accepted query of each question; any of the columns in braces would do, all are asked for. Empty braces
    stand for the same once more."""
    for one in read(folder / "sql_defog_pg.jsonl"):
        gold = one["gold"][0]
        if chosen := re.search(r"\{([^{}]+)\}", gold):
            gold = gold.replace("{}", chosen[1])
        gold = re.sub(r"\{([^{}]*)\}", r"\1", gold)
        yield row(f"{one['schema_ddl']}\n{one['question']}", gold, one["category"], {"ddl": one["schema_ddl"]})


def cypher_train(folder: Path) -> Rows:
    schemas = json.loads((folder / "cypher_schemas.json").read_text(encoding="utf-8"))
    for one in read(folder / "cypher_train.jsonl"):
        schema = schemas[one["database"]]
        yield row(f"{schema}\n{one['question']}", one["cypher"], one["database"], {"graph": schema}, one["question"])


def cypher_dev(folder: Path) -> Rows:
    for one in read(folder / "cypher.jsonl"):
        stratum = "written by people" if one["provenance"] == "human" else "written by a model"
        yield row(f"{one['schema']}\n{one['question']}", one["cypher"], stratum, {"graph": one["schema"]})


# What node's assert does, in the language itself: tests of answers reach nothing else.
SAME = """function same(a: unknown, b: unknown, why: string): void {
  const plain = (value: unknown) => JSON.stringify(value, (_, one) => one instanceof Map || one instanceof Set ? [...one] : one);
  if (plain(a) !== plain(b)) throw new Error(why);
}
"""


def code_rows(path: Path, language: str) -> Rows:
    """A signature with its comment is asked, the whole function is the answer."""
    for one in read(path):
        if one["language"] == language and one["canonical_ok"]:
            uses = "\n".join(re.findall(r"^use .*$", one["prompt"], flags=re.MULTILINE))  # stand before, are not asked
            prompt = one["prompt"].replace(uses, "").strip("\n")
            answer = f"{prompt}\n{one['canonical_solution']}".strip("\n")
            source = "HumanEval" if "human" in one["source"].lower() else "MBPP"
            yield row(prompt, answer, source, {"before": uses, "tests": TESTS[language](one["test"])}, one["id"])


def typescript_tests(test: str) -> str:
    return SAME + re.sub(r"^import .*$", "", test, flags=re.MULTILINE).replace("assert.deepEqual(", "same(")


def rust_tests(test: str) -> str:
    """Functions marked as tests, called one after the other."""
    body = re.sub(r"#\[cfg\(test\)\]\s*mod \w+ \{|use super::\*;|#\[test\]", "", test).rstrip().removesuffix("}")
    calls = " ".join(f"{name}();" for name in re.findall(r"fn (\w+)\(\)", body))
    return f"{body}\nfn main() {{ {calls} }}"


TESTS: dict[str, Callable[[str], str]] = {"python": str, "typescript": typescript_tests, "rust": rust_tests}


def code(language: str, file: str) -> Callable[[Path], Rows]:
    return lambda folder: code_rows(folder / file, language)


# expert, rows to learn from (none: there are none), rows to judge by, overrides
TASKS: dict[str, tuple[str, Callable[[Path], Rows] | None, Callable[[Path], Rows], list[str]]] = {
    "json": ("expert-json", None, json_dev, []),
    "extract": (
        "expert-extract",
        lambda folder: extract_rows(folder / "text_to_json_train.jsonl"),
        lambda folder: extract_rows(folder / "text_to_json.jsonl"),
        [],
    ),
    "sql": ("expert-sql", sql_train, sql_dev, ["evaluation.scorer.kind=postgres_execution"]),  # in its dialect
    "cypher": ("expert-neo4j", cypher_train, cypher_dev, []),
    "python": ("expert-python", code("python", "code_train.jsonl"), code("python", "code_eval.jsonl"), []),
    "typescript": (
        "expert-typescript",
        code("typescript", "code_train.jsonl"),
        code("typescript", "code_eval.jsonl"),
        [],
    ),
    "rust": ("expert-rust", None, code("rust", "code_eval.jsonl"), []),
}
# The experts' grammars and checks are those of generated answers, and refuse many of these.
FREE = ["decoding.grammar=null", "++decoding.bind=null", "++decoding.rebind=null", "decoding.check=null"]
# Real schemas are long, and there are few rows: one or two passes over questions with theirs, six over short texts.
LONG = ["train.length=2048", "train.batch_tokens=4096", "train.micro_batch=1", "train.steps=300"]
LEARNED = {"sql": LONG, "cypher": LONG, "python": LONG, "typescript": LONG, "extract": ["train.steps=900"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", type=Path)
    parser.add_argument("--dev", type=Path)
    parser.add_argument("--tasks", default=",".join(TASKS))
    parser.add_argument("--recipes", default="offline,files")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("more", nargs="*", help="further overrides, such as train.steps=1200")
    asked = parser.parse_args()
    if asked.train is None or asked.dev is None:
        print("Nothing to measure: name the folders with --train and --dev.")
        return
    known = json.loads(asked.out.read_text(encoding="utf-8")) if asked.out.exists() else []
    for task in asked.tasks.split(","):
        for recipe in asked.recipes.split(","):
            for seed in map(int, asked.seeds.split(",")):
                key = {"task": task, "recipe": recipe, "seed": seed, "overrides": asked.more}
                try:
                    figures = build(task, recipe, seed, asked.train, asked.dev, asked.more)
                except FileNotFoundError as absent:
                    print(f"{task} {recipe}: left out, {Path(absent.filename).name} is not there")
                    continue
                if figures is None:
                    continue
                known = [each for each in known if {name: each[name] for name in key} != key] + [key | figures]
                asked.out.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
                part = figures["overall"]
                print(
                    f"{task} {recipe} seed {seed}: {share(part['expert'])} (base {share(part['base'])}, n = {part['n']})",
                    *(f"  {count:4} {kind}" for kind, count in list(figures["wrong"].items())[:6]),
                    sep="\n",
                    flush=True,
                )


def build(task: str, recipe: str, seed: int, train: Path, dev: Path, more: list[str]) -> dict[str, Any] | None:
    """One build, judged; None where this task has nothing to learn from."""
    expert, learning, judging, overrides = TASKS[task]
    if recipe == "files" and learning is None:
        return None
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        cases = folder / "dev.jsonl"
        count = write(cases, judging(dev))
        built = [f"expert={expert}", f"dataset={recipe}", f"seed={seed}"]
        if learning is None or recipe == "offline":
            return offline([*built, *more], overrides, cases)
        words = [*built, f"evaluation.cases={count}", *overrides]
        write(folder / "train.jsonl", learning(train))
        words += [f"dataset.files.sources={spelled([{'kind': 'files', 'path': str(folder / 'train.jsonl')}])}"]
        words += [f"+dataset.files.test_sources={spelled([{'kind': 'files', 'path': str(cases), 'part': 'real'}])}"]
        words += ["dataset.files.split.validation=0.05", "~dataset.files.split.test", *FREE, *LEARNED[task]]
        made, seconds = result("evaluate", [*words, *more])
        evaluation = json.loads((made / "evaluation.json").read_text(encoding="utf-8"))
        wrong = mistakes(read(made / transcript.NAME))
    return judged(evaluation) | {"wrong": wrong, "train_seconds": seconds}


def offline(words: list[str], asked: list[str], cases: Path) -> dict[str, Any]:
    """The expert as it is built, asked these cases; how it is asked (`asked`) trains nothing again."""
    compiled, seconds = result("compile", words)
    config = composed([*words, *asked])
    decoding, scoring = config["decoding"], config["evaluation"]["scorer"]
    grammar = grammar_of(config)
    engine = with_expert(locate(config["base"]["source"]), compiled)
    rows = [{**row, "part": "real"} for row in read_rows(cases)]
    sides = [
        evaluate(rows, generator(engine, who, decoding, grammar), scoring, system=decoding["system"])
        for who in (None, EXPERT)
    ]
    report = document(*sides, scoring=scoring, decoding=decoding, grammar=grammar is not None)
    return judged(report) | {"wrong": mistakes(transcript.transcript(*sides)), "train_seconds": seconds}


def write(path: Path, rows: Rows) -> int:
    lines = [json.dumps(one, ensure_ascii=False) for one in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return len(lines)


if __name__ == "__main__":
    main()
