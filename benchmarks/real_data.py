"""What an expert knows of other people's data: built from its offline recipe, then from real rows, judged on real rows.

python benchmarks/real_data.py --train FOLDER --dev FOLDER [--tasks sql,cypher] [--seeds 0] [--steps 900]

Nothing is tuned to these files. Each task has two builds: `offline`, which has seen generated rows only, and `files`,
which learns from the rows in --train; both are judged by the expert's own scorer on the rows in --dev, without a
grammar where the answers have a form of their own. FOLDERs hold (a task whose files are absent is left out):

    json     dev/json_broken.jsonl        input, expected; rows on which two libraries agree
    extract  train/text_to_json_train.jsonl, dev/text_to_json.jsonl        text, slot_names, expected
    sql      train/sql_train.jsonl, train/advising.schema.sql, dev/sql_defog_pg.jsonl
    cypher   train/cypher_train.jsonl, train/cypher_schemas.json, dev/cypher.jsonl

Writes real_data.json beside itself, one line a build. A row that does not fit the base's context counts as wrong.
"""

import argparse
import json
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from _builds import judged, result, share, spelled

OUT = Path(__file__).with_suffix(".json")
Rows = Iterator[dict[str, Any]]


def read(path: Path) -> Rows:
    return (json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line.strip())


def row(prompt: str, answer: Any, stratum: str, facts: dict[str, Any], group: str = "") -> dict[str, Any]:
    text = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False, separators=(",", ":"))
    made = {"messages": [{"role": "user", "content": prompt}], "answer": text, "stratum": stratum, "facts": facts}
    return made | ({"group": group} if group else {})


def json_dev(folder: Path) -> Rows:
    for one in read(folder / "json_broken.jsonl"):
        if one["kind"] == "repair" and one.get("consensus"):
            yield row(one["input"], one["expected"], "consensus", {"expected": one["expected"]})


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
    """The first accepted query of each question; any of the columns in braces would do, all are asked for."""
    for one in read(folder / "sql_defog_pg.jsonl"):
        gold = re.sub(r"\{([^{}]*)\}", r"\1", one["gold"][0])
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


# expert, rows to learn from (none: there are none), rows to judge by, overrides
TASKS: dict[str, tuple[str, Callable[[Path], Rows] | None, Callable[[Path], Rows], list[str]]] = {
    "json": ("expert-json", None, json_dev, []),
    "extract": (
        "expert-extract",
        lambda folder: extract_rows(folder / "text_to_json_train.jsonl"),
        lambda folder: extract_rows(folder / "text_to_json.jsonl"),
        ["decoding.grammar=null"],  # the expert's own knows flat objects; these have slots in an object
    ),
    "sql": ("expert-sql", sql_train, sql_dev, []),
    "cypher": ("expert-neo4j", cypher_train, cypher_dev, []),
}
LONG = ["train.length=2048", "train.batch_tokens=4096", "train.micro_batch=1"]  # real schemas are long


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
                part = figures["parts"]["real"]
                print(
                    f"{task} {recipe} seed {seed}: {share(part['expert'])} (base {share(part['base'])}, n = {part['n']})",
                    flush=True,
                )


def build(task: str, recipe: str, seed: int, train: Path, dev: Path, more: list[str]) -> dict[str, Any] | None:
    """One build up to its evaluation; None where this task has nothing to learn from."""
    expert, learning, judging, overrides = TASKS[task]
    if recipe == "files" and learning is None:
        return None
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        count = write(folder / "dev.jsonl", judging(dev))
        test = [{"kind": "files", "path": str(folder / "dev.jsonl"), "part": "real"}]
        words = [f"expert={expert}", f"dataset={recipe}", f"seed={seed}", f"evaluation.cases={count}", *overrides]
        words += [f"+dataset.{recipe}.test_sources={spelled(test)}"] if recipe == "files" else []
        words += [f"dataset.{recipe}.test_sources={spelled(test)}"] if recipe == "offline" else []
        if recipe == "files" and learning is not None:
            write(folder / "train.jsonl", learning(train))
            sources = [{"kind": "files", "path": str(folder / "train.jsonl")}]
            words += [f"dataset.files.sources={spelled(sources)}", "dataset.files.split={validation:0.05}", *LONG]
        made, seconds = result("evaluate", [*words, *more])
        evaluation = json.loads((made / "evaluation.json").read_text(encoding="utf-8"))
    return judged(evaluation) | {"train_seconds": seconds}


def write(path: Path, rows: Rows) -> int:
    lines = [json.dumps(one, ensure_ascii=False) for one in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return len(lines)


if __name__ == "__main__":
    main()
