"""How time and memory of a dataset grow with its rows: 1 kB each, through deduplication, filters and the chat template.

python benchmarks/data_scale.py                        # 50,000, 100,000 and 200,000 rows
python benchmarks/data_scale.py --rows 1000000         # the million, one command

Each size is built in a process of its own, by all cores, without a memory of earlier builds: exact and near
deduplication, language, chat template, length in tokens of nano, decontamination, balance, split, statistics, and the report on it; then once
more with 1 % more rows and the memory of the first, which is what a rebuild costs. One row in ten is an earlier one with
a word changed. CPU time counts all processes; memory is the sum of the largest resident sets, so it is an upper bound.
Writes data_scale.json beside itself.
"""

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

OUT = Path(__file__).with_suffix(".json")
TRANSFORMS: list[dict[str, Any]] = [
    {"kind": "dedup_exact"},
    {"kind": "dedup_near", "threshold": 0.8},
    {"kind": "language", "keep": ["en"]},
    {"kind": "chat", "control": "drop"},
    {"kind": "length", "most": 1024},
    {"kind": "decontaminate"},
    {"kind": "balance", "by": "stratum", "ratio": 3},
]
PART = 10_000
SMALL = [
    "the",
    "of",
    "and",
    "to",
    "in",
    "is",
    "that",
    "for",
    "it",
    "with",
    "as",
    "was",
    "on",
    "are",
    "be",
    "this",
    "by",
    "from",
    "or",
    "an",
    "at",
    "which",
    "have",
    "not",
    "but",
    "they",
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", default="50000,100000,200000")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument(
        "--folder", type=Path, help="where rows and results lie meanwhile; a temporary folder by default"
    )
    parser.add_argument("--one", nargs=2, metavar=("ROWS", "FOLDER"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        one(int(asked.one[0]), Path(asked.one[1]), asked.workers)
        return
    known = json.loads(OUT.read_text(encoding="utf-8")) if OUT.exists() else []
    for rows in map(int, asked.rows.split(",")):
        with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
            write(Path(folder), rows, rows // 100)
            for part in ("first", "again"):
                command = [sys.executable, __file__, "--one", str(rows), folder, "--workers", str(asked.workers)]
                done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
                measured = {
                    "rows": rows,
                    "part": part,
                    "workers": asked.workers,
                    **json.loads(done.stdout.splitlines()[-1]),
                }
                known = [
                    each
                    for each in known
                    if (each["rows"], each["part"], each["workers"]) != (rows, part, asked.workers)
                ]
                known.append(measured)
                OUT.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
                print(json.dumps(measured), flush=True)


def write(folder: Path, rows: int, more: int) -> None:
    """Rows of a kilobyte of made-up words, 10,000 to a file; the last `more` are for the second build."""
    rng = random.Random(0)
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["".join(rng.choices(letters, k=rng.randint(3, 9))) for _ in range(20_000)]
    recent: list[list[str]] = []
    file = None
    for number in range(rows + more):
        if file is None or number % PART == 0 or number == rows:
            if file is not None:
                file.close()
            name = f"rows-{number:09}.jsonl" if number < rows else f"more-{number:09}.rows"
            file = (folder / name).open("w", encoding="utf-8")
        if number % 10 == 9:
            said = list(rng.choice(recent))
            said[rng.randrange(len(said))] = rng.choice(words)
        else:
            said = [rng.choice(SMALL) if rng.random() < 0.4 else rng.choice(words) for _ in range(140)]
        recent = [*recent[-200:], said]
        row = {
            "id": f"r{number}",
            "messages": [{"role": "user", "content": " ".join(said)}],
            "answer": " ".join(said[:20]),
            "stratum": "abcd"[number % 4],
        }
        file.write(json.dumps(row) + "\n")
    if file is not None:
        file.close()


def one(rows: int, folder: Path, workers: int) -> None:
    """One build, in this process and its helpers."""
    from expertbuild.data.describe import describe
    from expertbuild.data.recipe import build_dataset
    from expertbuild.data.remembered import Memory
    from expertbuild.data.stages import Crew
    from runtime.engine.base import locate
    from runtime.engine.tokenizer import Tokenizer

    base = locate("package:nano")
    second = (folder / "out").is_dir()
    paths = ["rows-*.jsonl"]
    if second:
        for path in folder.glob("more-*.rows"):
            path.rename(path.with_suffix(".jsonl"))
        paths.append("more-*.jsonl")
    recipe = {
        "sources": [{"kind": "files", "path": path} for path in paths],
        "transforms": TRANSFORMS,
        "split": {"test": 1000, "validation": 1000},
    }
    out = folder / ("again" if second else "out")
    out.mkdir()
    crew = Crew(workers, partial(Tokenizer.load, base), Memory(folder / "memory"), lambda spec: "benchmark")
    shown = [0.0]

    def progress(**fields: Any) -> None:
        if sys.stderr.isatty() and time.monotonic() - shown[0] > 1:
            shown[0] = time.monotonic()
            print(f"\r{fields.get('step', '')} {fields.get('message', '')}\033[K", end="", file=sys.stderr, flush=True)

    begun = time.monotonic()
    made = build_dataset(
        recipe, out, tokenizer=Tokenizer.load(base), seed=0, directory=folder, crew=crew, report=progress
    )
    wall = time.monotonic() - begun
    built = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    before = time.process_time()
    describe(recipe, out, title="scale", report=progress)
    report = time.process_time() - before
    mine, helpers = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = sum(each.ru_utime + each.ru_stime for each in (mine, helpers)) - report
    largest = built + helpers.ru_maxrss * (workers if workers > 1 else 0)
    total = sum(made["drawn"].values())
    print(
        json.dumps(
            {
                "drawn": total,
                "kept": sum(made["rows"].values()),
                "wall_seconds": round(wall, 1),
                "cpu_seconds": round(cpu, 1),
                "report_cpu_seconds": round(report, 1),
                "rows_per_cpu_second": round(total / cpu),
                "largest_megabytes": round(largest / 1024),
                "report_largest_megabytes": round(mine.ru_maxrss / 1024),
                "looked_at": crew.asked,
                "remembered": crew.recalled,
            }
        )
    )


if __name__ == "__main__":
    main()
