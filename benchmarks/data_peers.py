"""Near-deduplication and tokenising beside what others use: rows a second of CPU time, agreement, peak memory.

python benchmarks/data_peers.py --rows 20000 [--python OTHER/bin/python]
python benchmarks/data_peers.py --rows 1000000 --tokens 100000 --python OTHER/bin/python    # the million: an hour or two

Near-deduplication at a similarity of 0.8: ours, datasketch (MinHash of 128 permutations over the same runs of five bytes,
MinHashLSH, asked before each insert, as its documentation shows) and semhash (its own search over vectors of 256 columns, as
its default model's; with no model hub at hand the vectors are counts of hashed runs, so it is measured as a machine and not as
a judge of meaning). The rows are questions of the project's SQL generator, one in five an earlier one with a word or two
changed; all contenders get the same. Where two disagree, the exact Jaccard similarity says who was right. Template and
tokens, on the first `--tokens` rows: `encode_row` as every build calls it, against `datasets.map` with
`apply_chat_template`, both on nano, with one process. Each runs in a process of its own, whose memory is told with
the texts (`texts_megabytes`, before the work begins) and at its largest; `--python` names the interpreter that has datasketch
and semhash. Writes data_peers.json beside itself, by number of rows.
"""

import argparse
import json
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

OUT = Path(__file__).with_suffix(".json")
THRESHOLD = 0.8
Row = tuple[str, str, str]  # id, question, answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--tokens", type=int, default=20_000, help="rows for template and tokens")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--limit", type=int, help="seconds of the processor for each contender; it is ended there")
    parser.add_argument("--only", default=",".join(CONTENDERS))
    parser.add_argument("--folder", type=Path, help="where rows and results lie, and stay; a temporary one by default")
    parser.add_argument("--run", nargs=3, metavar=("NAME", "ROWS", "OUT"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.run:
        run(asked.run[0], Path(asked.run[1]), Path(asked.run[2]), asked.tokens)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = asked.folder or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        rows = folder / f"rows-{asked.rows}.jsonl"
        if not rows.exists():
            write(rows, asked.rows)
        known = json.loads(OUT.read_text(encoding="utf-8")) if OUT.exists() else {}
        told = known.setdefault(str(asked.rows), {"threshold": THRESHOLD})
        for contender in asked.only.split(","):
            python = asked.python if contender in ("datasketch", "semhash") else sys.executable
            out = folder / f"{contender}-{asked.rows}.json"
            command = [python, __file__, "--run", contender, str(rows), str(out), "--tokens", str(asked.tokens)]
            limit = partial(resource.setrlimit, resource.RLIMIT_CPU, (asked.limit, -1)) if asked.limit else None
            done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False, preexec_fn=limit)
            if done.returncode == -signal.SIGXCPU:
                told[contender] = {"unfinished_after_cpu_seconds": asked.limit}
                continue
            if done.returncode:
                told[contender] = {"failed": done.stderr.strip().splitlines()[-1:]}
                continue
            figures = {key: value for key, value in json.loads(out.read_text()).items() if key != "result"}
            print(contender, json.dumps(figures), flush=True)
        made: dict[str, Any] = {}
        for each in CONTENDERS:  # those of earlier runs in this folder too
            if (found := folder / f"{each}-{asked.rows}.json").exists():
                figures = json.loads(found.read_text())
                made[each] = figures.pop("result")
                told[each] = figures
        told["agreement"] = told.get("agreement", {}) | agreement(rows, made)
        print(json.dumps(told["agreement"], indent=1))
    OUT.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")


def write(path: Path, rows: int) -> None:
    """Rows of the SQL generator, one in five an earlier one with a word or two changed; a line each."""
    from expertbuild.data.sources import Place, source

    fresh = rows - rows // 5
    spec = {"kind": "generator", "name": "text_to_sql", "rows": fresh}
    drawn = [
        (row["id"], row["messages"][-1]["content"], row["answer"])
        for row in source(spec).rows(spec, Place("peers", Path()))
    ]
    rng = random.Random(0)
    for number in range(rows // 5):
        _, question, answer = drawn[rng.randrange(fresh)]
        words = question.split(" ")
        for _ in range(rng.randint(1, 2)):
            words[rng.randrange(len(words))] = rng.choice(("other", "this", "more", "some"))
        drawn.append((f"again-{number}", " ".join(words), answer))
    rng.shuffle(drawn)
    with path.open("w", encoding="utf-8") as file:
        for row in drawn:
            file.write(json.dumps(row) + "\n")


def read(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            name, question, answer = json.loads(line)
            yield name, question, answer


def run(name: str, rows: Path, out: Path, tokens: int) -> None:
    """One contender; what it imports and reads is not counted."""
    work = CONTENDERS[name]()
    drawn = list(read(rows))
    if name in ("encode_row", "datasets_map"):
        drawn = drawn[:tokens]
    texts = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    before = time.process_time()
    begun = time.monotonic()
    result = work(drawn)
    cpu, wall = time.process_time() - before, time.monotonic() - begun
    document = {
        "rows": len(drawn),
        "cpu_seconds": round(cpu, 2),
        "wall_seconds": round(wall, 2),
        "rows_per_cpu_second": round(len(drawn) / cpu),
        "texts_megabytes": round(texts / 1024),
        "largest_megabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "result": result,
    }
    out.write_text(json.dumps(document))


def plain(text: str) -> bytes:
    return " ".join(text.casefold().split()).encode().ljust(5, b"\0")


def runs(text: str) -> list[bytes]:
    data = plain(text)
    return [data[start : start + 5] for start in range(len(data) - 4)]


def messages(row: Row) -> list[dict[str, str]]:
    return [{"role": "user", "content": row[1]}]


def ours() -> Callable[[list[Row]], Any]:
    from expertbuild.data.transforms import Bench, transform

    spec = {"kind": "dedup_near", "threshold": THRESHOLD, "of": "prompt"}
    module = transform(spec)

    def work(drawn: list[Row]) -> Any:
        rows = ({"id": row[0], "messages": messages(row), "answer": row[2]} for row in drawn)
        with tempfile.TemporaryDirectory() as folder:
            return [row["id"] for row in module.apply(rows, spec, Bench(None, work=Path(folder)))]

    return work


def datasketch() -> Callable[[list[Row]], Any]:
    from datasketch import MinHash, MinHashLSH  # type: ignore[import-not-found]

    def work(drawn: list[Row]) -> Any:
        index, kept = MinHashLSH(threshold=THRESHOLD, num_perm=128), []
        for name, question, _ in drawn:
            made = MinHash(num_perm=128)
            made.update_batch(runs(question))
            if not any(index_of[other].jaccard(made) >= THRESHOLD for other in index.query(made)):
                index.insert(name, made)
                index_of[name] = made
                kept.append(name)
        return kept

    index_of: dict[str, Any] = {}
    return work


def semhash() -> Callable[[list[Row]], Any]:
    import numpy as np
    from semhash import SemHash  # type: ignore[import-not-found]

    columns = 256
    powers = np.array([1, 31, 961, 29791, 923521], np.int64)

    class Counts:
        def encode(self, inputs: Any, **_: Any) -> Any:
            made = np.zeros((len(inputs), columns), np.float32)
            for row, text in zip(made, inputs, strict=True):
                data = np.frombuffer(plain(text), np.uint8).astype(np.int64)
                hashed = np.convolve(data, powers, "valid") * 2654435761
                row[:] = np.bincount((hashed >> 16) % columns, minlength=columns)
            made /= np.maximum(np.linalg.norm(made, axis=1, keepdims=True), 1e-9)
            return made

    def work(drawn: list[Row]) -> Any:
        records = [{"id": row[0], "text": row[1]} for row in drawn]
        made = SemHash.from_records(records=records, columns=["text"], model=Counts())
        return [record["id"] for record in made.self_deduplicate(threshold=0.9).selected]

    return work


def encode_row() -> Callable[[list[Row]], Any]:
    from expertbuild.data.encoding import encode_row as encode
    from runtime.engine.base import locate
    from runtime.engine.tokenizer import Tokenizer

    tokenizer = Tokenizer.load(locate("package:nano"))

    def work(drawn: list[Row]) -> Any:
        rows = ({"id": row[0], "messages": messages(row), "answer": row[2]} for row in drawn)
        return sum(len(prompt) + len(answer) for prompt, answer in (encode(row, tokenizer) for row in rows))

    return work


def datasets_map() -> Callable[[list[Row]], Any]:
    from datasets import Dataset, disable_caching, disable_progress_bars
    from transformers import AutoTokenizer

    from runtime.engine.base import locate

    disable_caching()
    disable_progress_bars()
    tokenizer: Any = AutoTokenizer.from_pretrained(locate("package:nano"))

    def tokens(row: Any) -> Any:
        talk = [*row["messages"], {"role": "assistant", "content": row["answer"]}]
        return {"ids": tokenizer.apply_chat_template(talk, tokenize=True, return_dict=False)}

    def work(drawn: list[Row]) -> Any:
        rows = Dataset.from_list([{"messages": messages(row), "answer": row[2]} for row in drawn])
        made = rows.map(tokens, remove_columns=["messages", "answer"])
        return sum(len(row["ids"]) for row in made)

    return work


CONTENDERS: dict[str, Callable[[], Callable[[list[Row]], Any]]] = {
    "ours": ours,
    "datasketch": datasketch,
    "semhash": semhash,
    "encode_row": encode_row,
    "datasets_map": datasets_map,
}


def agreement(rows: Path, made: dict[str, Any]) -> dict[str, Any]:
    """How many rows the contenders judge alike, and the exact similarity where ours and datasketch do not."""
    told: dict[str, Any] = {}
    number = sum(1 for _ in read(rows))
    names = [name for name in ("ours", "datasketch", "semhash") if name in made]
    for name in names:
        told[f"{name} left out"] = number - len(made[name])
    for other in names[1:] if "ours" in names else ():
        one, two = set(made["ours"]), set(made[other])
        told[f"judged alike by ours and {other}"] = round(1 - len(one ^ two) / number, 5)
        told[f"only ours keeps, {other}"] = len(one - two)
        told[f"only {other} keeps"] = len(two - one)
        if other == "datasketch":
            told["where they differ"] = who_is_right(rows, one, two)
    if "encode_row" in made and "datasets_map" in made:
        told["tokens"] = [made["encode_row"], made["datasets_map"]]
    return told


def who_is_right(rows: Path, ours: set[str], theirs: set[str]) -> dict[str, Any]:
    """For up to 60 rows judged differently: the exact similarity to the nearest earlier row that both kept.

    Two sets of a similarity of at least 0.75 share one of the quarter of runs that are rarest in one of them, so only
    rows that hold such a run are compared; what is further away is as good as none.
    """
    differ = set(random.Random(0).sample(sorted(ours ^ theirs), min(60, len(ours ^ theirs))))
    common: Counter[bytes] = Counter()
    wanted: dict[str, frozenset[bytes]] = {}
    for number, (name, question, _) in enumerate(read(rows)):
        if number % 50 == 0:
            common.update(set(runs(question)))
        if name in differ:
            wanted[name] = frozenset(runs(question))
    holders: dict[bytes, list[str]] = {}
    for name, mine in wanted.items():
        for one in sorted(mine, key=lambda each: (common[each], each))[: len(mine) // 4 + 1]:
            holders.setdefault(one, []).append(name)
    best = dict.fromkeys(wanted, 0.0)
    passed: set[str] = set()
    for name, question, _ in read(rows):
        if name in wanted:
            passed.add(name)
        if name not in ours or name not in theirs:
            continue
        there = frozenset(runs(question))
        for other in {holder for one in holders.keys() & there for holder in holders[one]} - passed:
            best[other] = max(best[other], len(wanted[other] & there) / len(wanted[other] | there))
    right = {"ours": 0, "datasketch": 0}
    for name, similarity in best.items():
        right["ours" if (name not in ours) == (similarity >= THRESHOLD) else "datasketch"] += 1
    within = sum(abs(similarity - THRESHOLD) < 0.05 for similarity in best.values())
    return {"looked at": len(best), "right": right, "within 0.05 of the threshold": within}


if __name__ == "__main__":
    main()
