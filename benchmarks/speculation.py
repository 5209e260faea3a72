"""Guessing ahead on an expert's own task: how often guesses are right, and whether they pay.

python benchmarks/speculation.py build/expert-json-0.1.0.expert --task json_repair [--cases 24] [--rounds 5]

Held-out cases of the task, greedy, under the package's grammar if it has one; for batches of 1 and of 8; the three ways
(none, ngram, base) interleaved in every round. All three must give the same answers, or the script says so and fails.
Tokens per second by wall time and by CPU time of the process, median and spread over rounds; passes are steps of the
engine that computed something. Writes speculation.json beside itself, one entry for each package and batch.
"""

import argparse
import json
import random
import statistics
import time
from pathlib import Path
from typing import Any

import torch

from expertbuild.data.generators.tasks import GENERATORS
from runtime.artifact.package import open_package
from runtime.artifact.slots import read_slots
from runtime.engine.engine import Engine, Request
from runtime.service.bases import find_base

WAYS = ("none", "ngram", "base")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("package", type=Path)
    parser.add_argument("--task", required=True)
    parser.add_argument("--cases", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    package = open_package(asked.package)
    engine = Engine.load(find_base("nano").directory)
    engine.attach("expert", read_slots(package.view("variants/nano/slots.safetensors")), "expert")
    decoding = package.manifest.decoding
    grammar = None
    if decoding.grammar:
        grammar = engine.compile_grammar(bytes(package.view("grammar.gbnf")).decode())
    rng, draw = random.Random(0), GENERATORS.load(asked.task).draw
    rows = [draw(rng, words="held_out", phrasings="train") for _ in range(asked.cases)]
    prompts = [engine.tokenizer.chat(row["messages"]) for row in rows]
    file = Path(__file__).with_suffix(".json")
    document: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    for batch in (1, 8):
        figures = measured(engine, prompts, decoding.max_tokens, grammar, batch, asked.rounds)
        document[f"{package.manifest.name}, batch of {batch}"] = figures
        print(f"{package.manifest.name}, {len(prompts)} cases, batch of {batch}, {asked.rounds} rounds")
        for way, each in figures.items():
            low, middle, high = each["tokens_per_second"]
            print(
                f"  {way:<6} {middle:7.0f} tokens/s ({low:.0f} to {high:.0f}), {each['per_cpu_second'][1]:7.0f} per second of CPU,"
                f" {each['tokens_per_pass']:.2f} tokens a pass, {each['right']:.0%} of {each['guessed']} guesses right"
            )
    file.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def measured(
    engine: Engine, prompts: list[list[int]], most: int, grammar: Any, batch: int, rounds: int
) -> dict[str, dict[str, Any]]:
    wall: dict[str, list[float]] = {way: [] for way in WAYS}
    busy: dict[str, list[float]] = {way: [] for way in WAYS}
    told: dict[str, dict[str, Any]] = {}
    answers: dict[str, list[list[int]]] = {}
    for number in range(rounds + 1):
        for way in WAYS:
            engine.speculation.guessed = engine.speculation.right = 0
            engine._scheduler.cache.forget()
            begun, spent = time.perf_counter(), time.process_time()
            passes, found = run(engine, prompts, most, grammar, batch, way)
            took = time.perf_counter() - begun, time.process_time() - spent
            tokens = sum(map(len, found))
            assert answers.setdefault("none", found) == found, f"{way} changed an answer"
            if number:  # the first round warms up
                wall[way].append(tokens / took[0])
                busy[way].append(tokens / took[1])
            guessed = engine.speculation.guessed
            told[way] = {
                "tokens": tokens,
                "tokens_per_pass": tokens / passes,
                "guessed": guessed,
                "right": engine.speculation.right / max(guessed, 1),
            }
    return {
        way: {"tokens_per_second": spread(wall[way]), "per_cpu_second": spread(busy[way]), **told[way]} for way in WAYS
    }


def run(
    engine: Engine, prompts: list[list[int]], most: int, grammar: Any, batch: int, way: str
) -> tuple[int, list[list[int]]]:
    """Passes of the model, and the answers."""
    passes = 0
    found: dict[str, list[int]] = {}
    for start in range(0, len(prompts), batch):
        for place, tokens in enumerate(prompts[start : start + batch], start):
            engine.submit(Request(tokens, most, "expert", grammar=grammar, speculate=way, id=str(place)))
        while engine.busy:
            passes += 1
            for event in engine.step():
                if event.result is not None:
                    found[event.id] = event.result.tokens
    return passes, [found[str(place)] for place in range(len(prompts))]


def spread(values: list[float]) -> tuple[float, float, float]:
    return min(values), statistics.median(values), max(values)


if __name__ == "__main__":
    main()
