"""What a base can be taught in a few minutes: tasks x adapters x seeds, each a build of its own.

python benchmarks/tasks.py --experts expert-json,expert-sql --adapters dora,lora,ia3 --seeds 0,1,2
python benchmarks/tasks.py --experts expert-sql --adapters dora --base path:/some/base    # another base
python benchmarks/tasks.py --experts expert-sql --full                                    # all weights, for reference

A build is `expertbuild expert=E adapter=A seed=S target=evaluate`: the seed changes data, test cases and training. It is
judged by the recipe's own held-out cases, or with `--cases` by that many of each part (new words, new phrasings). What
is built already is taken from the cache, so a table that was stopped goes on. A score stands with its base under the same prompts and the same grammar.
Minutes are those of the train action on this machine. Writes tasks.json beside itself, one line a build.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from _builds import composed, grammar_of, judged, result, share, spelled

from expertbuild.evaluation.interval import Interval, wilson
from runtime.engine.base import locate
from runtime.home import shipped

OUT = Path(__file__).with_suffix(".json")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experts", default="expert-json,expert-sql")
    parser.add_argument("--adapters", default="dora,lora,ia3")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--cases", type=int, default=0, help="cases of each part; 0: as the recipe has it")
    parser.add_argument("--base", default="", help="path:FOLDER of another base; its name in the table is the folder's")
    parser.add_argument("--name", default="nano", help="what the base is called in the table")
    parser.add_argument("--full", action="store_true", help="train all weights instead of adapters")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("more", nargs="*", help="further overrides, such as train.steps=1200")
    asked = parser.parse_args()
    known = json.loads(asked.out.read_text(encoding="utf-8")) if asked.out.exists() else []
    for expert in asked.experts.split(","):
        for adapter in ["full"] if asked.full else asked.adapters.split(","):
            for seed in map(int, asked.seeds.split(",")):
                row = {"base": asked.name, "expert": expert, "adapter": adapter, "seed": seed, "overrides": asked.more}
                known = [each for each in known if {key: each[key] for key in row} != row]
                known.append(row | build(expert, adapter, seed, asked.base, asked.cases, asked.more))
                asked.out.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
                print(line(known[-1]), flush=True)
    print()
    print("\n".join(summary(known)))


def build(expert: str, adapter: str, seed: int, base: str, cases: int, more: list[str]) -> dict[str, Any]:
    """One build up to its evaluation; how it did."""
    words = [f"expert={expert}", f"seed={seed}", *(held_out(expert, cases) if cases else []), *more]
    words += [f"base.source={base}", "base.digest=null", "base.tokenizer_digest=null"] if base else []
    if adapter == "full":
        return full(words)
    made, seconds = result("evaluate", [*words, f"adapter={adapter}"])
    return judged(json.loads((made / "evaluation.json").read_text(encoding="utf-8"))) | {"train_seconds": seconds}


def held_out(expert: str, cases: int) -> list[str]:
    """The recipe's own held-out parts, with this many cases each."""
    recipe = yaml.safe_load((shipped("experts") / expert / "dataset.yaml").read_text(encoding="utf-8"))["offline"]
    parts = [{**source, "rows": cases} for source in recipe["test_sources"]]
    return [f"dataset.offline.test_sources={spelled(parts)}", f"evaluation.cases={cases * len(parts)}"]


def full(words: list[str]) -> dict[str, Any]:
    """All weights, trained on the same rows for the same steps with the plain model, judged by the same engine."""
    import torch
    from transformers import AutoModelForCausalLM

    from expertbuild.data.rows import read_rows
    from expertbuild.evaluation.answering import generator
    from expertbuild.evaluation.evaluate import document, evaluate
    from expertbuild.training.methods.sft import encode
    from expertbuild.training.packing import pack, plan, split
    from runtime.engine.engine import Engine

    config = composed(words)
    settings, folder = config["train"], locate(config["base"]["source"])
    dataset, _ = result("dataset", words)
    rows = list(read_rows(dataset / "train.jsonl"))
    engine = Engine.load(folder)
    samples = encode(rows, engine.tokenizer, settings["length"], None, lambda **_: None)
    torch.manual_seed(config["seed"])
    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    model.train()
    lengths = [len(sample.tokens) for sample in samples]
    steps = plan(lengths, steps=settings["steps"], batch_tokens=settings["batch_tokens"], seed=config["seed"])
    most = settings["length"] * settings["micro_batch"]
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, betas=(0.9, 0.99), weight_decay=0.0)
    begun = time.monotonic()
    for number, groups in enumerate(steps):
        packs = split(groups, lengths, most)
        share = min(1.0, (number + 1) / 20) * (1 - number / settings["steps"])
        optimizer.param_groups[0]["lr"] = 2e-3 * share
        made = [pack([samples[index] for index in indices]) for indices in packs]
        learned = sum(len(one.targets) for one in made)
        for one in made:
            padded = torch.nn.utils.rnn.pad_sequence(list(torch.split(one.tokens, list(one.lengths))), batch_first=True)
            inside = torch.arange(padded.shape[1]).unsqueeze(0) < torch.tensor(one.lengths).unsqueeze(1)
            logits = model(input_ids=padded, use_cache=False).logits[inside][one.where]
            loss: Any = torch.nn.functional.cross_entropy(logits, one.targets, reduction="sum") / learned
            loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    seconds = time.monotonic() - begun
    with tempfile.TemporaryDirectory() as scratch:
        model.to(torch.bfloat16).save_pretrained(scratch)
        for file in folder.iterdir():
            if not (Path(scratch) / file.name).exists():
                (Path(scratch) / file.name).write_bytes(file.read_bytes())
        taught = Engine.load(Path(scratch))
    grammar = grammar_of(config)
    cases = list(read_rows(dataset / "test.jsonl"))[: config["evaluation"]["cases"]]
    scoring = config["evaluation"]["scorer"]
    sides = [evaluate(cases, generator(one, None, config["decoding"], grammar), scoring) for one in (engine, taught)]
    report = document(*sides, scoring=scoring, decoding=config["decoding"], grammar=grammar is not None)
    return judged(report) | {"train_seconds": seconds}


def line(row: dict[str, Any]) -> str:
    parts = "; ".join(
        f"{name} {share(part['expert'])} (base {share(part['base'])}, n = {part['n']})"
        for name, part in row["parts"].items()
    )
    took = f", trained in {row['train_seconds']:.0f} s" if row["train_seconds"] else ""
    return f"{row['base']} {row['expert']} {row['adapter']} seed {row['seed']}: {parts}{took}"


def summary(rows: list[dict[str, Any]]) -> Iterator[str]:
    """The seeds together, with an interval over all their cases, and from the worst seed to the best."""
    yield f"{'base':<10} {'expert':<18} {'adapter':<8} {'part':<17} {'seeds':>5} {'n':>5} {'base':>7} {'expert':>7}  interval      range"
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["base"], row["expert"], row["adapter"], *row["overrides"]), []).append(row)
    for (base, expert, adapter, *more), group in groups.items():
        for part in group[0]["parts"]:
            parts = [row["parts"][part] for row in group]
            before, after = pooled(parts, "base"), pooled(parts, "expert")
            scores = [100 * each["expert"][0] for each in parts]
            yield (
                f"{base:<10} {expert:<18} {adapter:<8} {part:<17} {len(group):>5} {after.n:>5} {100 * before.value:>7.1f} "
                f"{100 * after.value:>7.1f}  {100 * after.low:.1f} to {100 * after.high:.1f}  "
                f"{min(scores):.1f} to {max(scores):.1f}  {' '.join(more)}"
            )


def pooled(parts: list[dict[str, Any]], who: str) -> Interval:
    """The share of all cases of these parts that are right; each case counts as right or wrong."""
    n = sum(part["n"] for part in parts)
    return wilson(round(sum(part[who][0] * part["n"] for part in parts)), n)


if __name__ == "__main__":
    main()
