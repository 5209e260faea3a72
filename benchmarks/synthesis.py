"""How long a language model's ten thousand examples take, against an endpoint on loopback that answers late and badly.

python benchmarks/synthesis.py [--n 10000] [--latency 2.0] [--concurrency 64] [--trouble 0.05]

The endpoint (a process of its own) takes `latency` seconds for an answer, half more or less at random, and answers
`trouble` of the requests with a 429, a 500 or half an answer. No answer can come faster than n x latency / concurrency:
what is above that is what asking, judging, locking and asking again costs. Then the locked answers are read back as a
build does it. Writes synthesis.json beside itself.
"""

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

TOP = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TOP))

from expertbuild.data.sources import Place, source  # noqa: E402
from expertbuild.data.synthesis.locked import lock_path, writing  # noqa: E402
from expertbuild.data.synthesis.run import Progress, run  # noqa: E402
from expertbuild.data.synthesis.spec import read, read_calls  # noqa: E402
from tests.data.loopback import Answered, chat, serving  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=10_000)
    parser.add_argument("--latency", type=float, default=2.0)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--trouble", type=float, default=0.05)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.serve:
        serve(asked.latency, asked.trouble)
        return
    with tempfile.TemporaryDirectory() as folder:
        result = measure(Path(folder), asked.n, asked.latency, asked.concurrency, asked.trouble)
    Path(__file__).with_suffix(".json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))


def measure(folder: Path, n: int, latency: float, concurrency: int, trouble: float) -> dict[str, Any]:
    """Ask n times, then read everything back."""
    with endpoint(latency, trouble) as url:
        spec = recipe(n, url, concurrency)
        before = cpu()
        done = asked(spec, folder)
        used = cpu() - before
    began, before = time.monotonic(), cpu()
    rows = sum(1 for _ in source(spec).rows(spec, Place("0", folder)))
    return {
        "examples": done.rows,
        "latency": latency,
        "concurrency": concurrency,
        "trouble": trouble,
        "asked_again": done.retried.total(),
        "given_up": done.given_up.total(),
        "seconds": round(done.seconds, 2),
        "seconds_at_least": round(n * latency / concurrency, 2),
        "cpu_seconds": round(used, 2),
        "read_back": {
            "rows": rows,
            "seconds": round(time.monotonic() - began, 2),
            "cpu_seconds": round(cpu() - before, 2),
        },
    }


def recipe(n: int, url: str, concurrency: int) -> dict[str, Any]:
    schema = {"type": "object", "required": ["question", "query"], "additionalProperties": False}
    schema |= {"properties": {"question": {"type": "string"}, "query": {"type": "string"}}}
    return {
        "kind": "synthesis",
        "name": "examples",
        "model": "toy",
        "over": {"topic": [f"topic {number}" for number in range(n)]},
        "prompt": "Write one question about a table of {topic}, and the SQL query that answers it, as JSON.",
        "output": {"schema": schema},
        "columns": {"prompt": "question", "answer": "query"},
        "options": {"max_tokens": 200},
        "calls": {"base_url": url, "concurrency": concurrency, "timeout": 60, "budget": {"tokens": 10_000_000_000}},
    }


def asked(spec: Mapping[str, Any], folder: Path) -> Progress:
    wanted = read(spec)
    with writing(lock_path(folder, wanted.name)) as journal:
        return run(wanted, read_calls(spec), journal, Place("", folder))


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


@contextmanager
def endpoint(latency: float, trouble: float) -> Iterator[str]:
    """The endpoint in a process of its own, so that its time is not counted as ours."""
    words = [sys.executable, __file__, "--serve", "--latency", str(latency), "--trouble", str(trouble)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin and process.stdout
        yield process.stdout.readline().strip()
        process.stdin.close()


def serve(latency: float, trouble: float) -> None:
    chance = random.Random(0)

    def behave(number: int, document: Mapping[str, Any], headers: Mapping[str, str]) -> Answered:
        topic = document["messages"][0]["content"]
        whole = chat(
            json.dumps({"question": f"How many? ({topic})", "query": "SELECT COUNT(*) FROM t;"}), tokens=(40, 30)
        )
        if chance.random() >= trouble:
            return whole
        return chance.choice([Answered(429, "{}"), Answered(500, "oops"), Answered(200, str(whole.body)[:60])])

    def late() -> float:
        return latency * chance.uniform(0.5, 1.5)

    with serving(behave, late) as server:
        print(server.url, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
