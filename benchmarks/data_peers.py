"""Near-deduplication and tokenising beside what others use: rows a second of CPU time, agreement, peak memory.

python benchmarks/data_peers.py --rows 20000 [--python OTHER/bin/python]

Near-deduplication at a similarity of 0.8: ours, datasketch (MinHash of 128 permutations over the same runs of five bytes,
MinHashLSH, asked before each insert, as its documentation shows) and semhash (its own search over vectors; with no model
hub at hand the vectors are counts of hashed runs, so it is measured as a machine and not as a judge of meaning). The
rows are questions of the project's SQL generator, one in five an earlier one with a word or two changed. Where two
disagree, the exact Jaccard similarity of the pair says who was right. Template and tokens: `encode_row` as every build
calls it, against `datasets.map` with `apply_chat_template`, both on nano, with one process. Each runs in a process of
its own; `--python` names the interpreter that has datasketch and semhash. Writes data_peers.json beside itself.
"""

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

OUT = Path(__file__).with_suffix(".json")
THRESHOLD = 0.8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--only", default=",".join(CONTENDERS))
    parser.add_argument("--run", nargs=3, metavar=("NAME", "ROWS", "OUT"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.run:
        run(asked.run[0], Path(asked.run[1]), Path(asked.run[2]))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        drawn = write(folder / "rows.json", asked.rows)
        known = json.loads(OUT.read_text(encoding="utf-8")) if OUT.exists() else {}
        told: dict[str, Any] = {"rows": asked.rows, "threshold": THRESHOLD}
        told = known | told if known.get("rows") == asked.rows else told
        made: dict[str, Any] = {}
        for contender in asked.only.split(","):
            python = asked.python if contender in ("datasketch", "semhash") else sys.executable
            out = folder / f"{contender}.json"
            command = [python, __file__, "--run", contender, str(folder / "rows.json"), str(out)]
            done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
            if done.returncode:
                told[contender] = {"failed": done.stderr.strip().splitlines()[-1:]}
                continue
            found = json.loads(out.read_text())
            made[contender] = found.pop("result")
            told[contender] = found
            print(contender, json.dumps(found), flush=True)
        told["agreement"] = told.get("agreement", {}) | agreement(drawn, made)
        print(json.dumps(told["agreement"], indent=1))
    OUT.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def write(path: Path, rows: int) -> list[Any]:
    """Rows of the SQL generator, one in five an earlier one with a word or two changed."""
    from expertbuild.data.sources import Place, source

    spec = {"kind": "generator", "name": "text_to_sql", "rows": rows - rows // 5}
    drawn = list(source(spec).rows(spec, Place("peers", Path())))
    rng = random.Random(0)
    for number in range(rows // 5):
        again = json.loads(json.dumps(rng.choice(drawn[: rows - rows // 5])))
        words = again["messages"][-1]["content"].split(" ")
        for _ in range(rng.randint(1, 2)):
            words[rng.randrange(len(words))] = rng.choice(("other", "this", "more", "some"))
        again["messages"][-1]["content"] = " ".join(words)
        drawn.append({**again, "id": f"again-{number}"})
    rng.shuffle(drawn)
    path.write_text(json.dumps(drawn))
    return drawn


def run(name: str, rows: Path, out: Path) -> None:
    """One contender; what it imports and reads is not counted."""
    drawn = json.loads(rows.read_text())
    work = CONTENDERS[name]()
    before = time.process_time()
    begun = time.monotonic()
    result = work(drawn)
    cpu, wall = time.process_time() - before, time.monotonic() - begun
    document = {
        "cpu_seconds": round(cpu, 2),
        "wall_seconds": round(wall, 2),
        "rows_per_cpu_second": round(len(drawn) / cpu),
        "largest_megabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "result": result,
    }
    out.write_text(json.dumps(document))


def plain(text: str) -> bytes:
    return " ".join(text.casefold().split()).encode().ljust(5, b"\0")


def runs(text: str) -> list[bytes]:
    data = plain(text)
    return [data[start : start + 5] for start in range(len(data) - 4)]


def ours() -> Callable[[list[Any]], Any]:
    from expertbuild.data.transforms import Bench, transform

    spec = {"kind": "dedup_near", "threshold": THRESHOLD, "of": "prompt"}
    module = transform(spec)

    def work(drawn: list[Any]) -> Any:
        with tempfile.TemporaryDirectory() as folder:
            return [row["id"] for row in module.apply(iter(drawn), spec, Bench(None, work=Path(folder)))]

    return work


def datasketch() -> Callable[[list[Any]], Any]:
    from datasketch import MinHash, MinHashLSH  # type: ignore[import-not-found]

    def work(drawn: list[Any]) -> Any:
        index, kept = MinHashLSH(threshold=THRESHOLD, num_perm=128), []
        for row in drawn:
            made = MinHash(num_perm=128)
            made.update_batch(runs(row["messages"][-1]["content"]))
            if not any(index_of[name].jaccard(made) >= THRESHOLD for name in index.query(made)):
                index.insert(row["id"], made)
                index_of[row["id"]] = made
                kept.append(row["id"])
        return kept

    index_of: dict[str, Any] = {}
    return work


def semhash() -> Callable[[list[Any]], Any]:
    import zlib

    import numpy as np
    from semhash import SemHash  # type: ignore[import-not-found]

    class Counts:
        def encode(self, inputs: Any, **_: Any) -> Any:
            made = np.zeros((len(inputs), 512), np.float32)
            for row, text in zip(made, inputs, strict=True):
                places = np.fromiter((zlib.crc32(run) & 511 for run in runs(text)), np.int64)
                np.add.at(row, places, 1.0)
                row /= np.linalg.norm(row) or 1
            return made

    def work(drawn: list[Any]) -> Any:
        records = [{"id": row["id"], "text": row["messages"][-1]["content"]} for row in drawn]
        made = SemHash.from_records(records=records, columns=["text"], model=Counts())
        return [record["id"] for record in made.self_deduplicate(threshold=0.9).selected]

    return work


def encode_row() -> Callable[[list[Any]], Any]:
    from expertbuild.data.encoding import encode_row as encode
    from runtime.engine.base import locate
    from runtime.engine.tokenizer import Tokenizer

    tokenizer = Tokenizer.load(locate("package:nano"))

    def work(drawn: list[Any]) -> Any:
        return sum(len(prompt) + len(answer) for prompt, answer in (encode(row, tokenizer) for row in drawn))

    return work


def datasets_map() -> Callable[[list[Any]], Any]:
    from datasets import Dataset, disable_caching, disable_progress_bars
    from transformers import AutoTokenizer

    from runtime.engine.base import locate

    disable_caching()
    disable_progress_bars()
    tokenizer: Any = AutoTokenizer.from_pretrained(locate("package:nano"))

    def tokens(row: Any) -> Any:
        talk = [*row["messages"], {"role": "assistant", "content": row["answer"]}]
        return {"ids": tokenizer.apply_chat_template(talk, tokenize=True, return_dict=False)}

    def work(drawn: list[Any]) -> Any:
        rows = Dataset.from_list([{"messages": row["messages"], "answer": row["answer"]} for row in drawn])
        made = rows.map(tokens, remove_columns=["messages", "answer"])
        return sum(len(row["ids"]) for row in made)

    return work


CONTENDERS: dict[str, Callable[[], Callable[[list[Any]], Any]]] = {
    "ours": ours,
    "datasketch": datasketch,
    "semhash": semhash,
    "encode_row": encode_row,
    "datasets_map": datasets_map,
}


def agreement(rows: list[Any], made: dict[str, Any]) -> dict[str, Any]:
    """How many rows the contenders judge alike, and the exact similarity where ours and datasketch do not."""
    told: dict[str, Any] = {}
    names = [name for name in ("ours", "datasketch", "semhash") if name in made]
    for name in names:
        told[f"{name} left out"] = len(rows) - len(made[name])
    for other in names[1:] if "ours" in names else ():
        one, two = set(made["ours"]), set(made[other])
        told[f"judged alike by ours and {other}"] = round(1 - len(one ^ two) / len(rows), 5)
        told[f"only ours keeps, {other}"] = len(one - two)
        told[f"only {other} keeps"] = len(two - one)
        if other == "datasketch":
            told["where they differ"] = who_is_right(rows, one, two)
    if "encode_row" in made and "datasets_map" in made:
        told["tokens"] = [made["encode_row"], made["datasets_map"]]
    return told


def who_is_right(rows: list[Any], ours: set[str], theirs: set[str]) -> dict[str, Any]:
    """For up to 60 rows judged differently: the exact similarity to the nearest earlier row that both kept."""
    sets = {row["id"]: frozenset(runs(row["messages"][-1]["content"])) for row in rows}
    order = [row["id"] for row in rows]
    differ = random.Random(0).sample(sorted(ours ^ theirs), min(60, len(ours ^ theirs)))
    right, distances = {"ours": 0, "datasketch": 0}, []
    for name in differ:
        mine = sets[name]
        earlier = (
            other
            for other in order[: order.index(name)]
            if other in ours and other in theirs and 0.7 < len(sets[other]) / len(mine) < 1.45  # others cannot be near
        )
        best = max((len(mine & sets[other]) / len(mine | sets[other]) for other in earlier), default=0.0)
        right["ours" if (name not in ours) == (best >= THRESHOLD) else "datasketch"] += 1
        distances.append(abs(best - THRESHOLD))
    within = sum(distance < 0.05 for distance in distances)
    return {"looked at": len(differ), "right": right, "within 0.05 of the threshold": within}


if __name__ == "__main__":
    main()
