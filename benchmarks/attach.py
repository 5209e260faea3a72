"""An installed expert to its first token, the base resident: ours against PEFT's `load_adapter`, at 1, 10 and 100.

python benchmarks/attach.py [--size nano] [--counts 1,10,100] [--rounds 9]

Ours, hot (files in the page cache): trust, base and tokenizer by digest, manifest, every member by size, time and BLAKE3,
names, shapes and numbers of the slot record, attaching, the canary (two prompts through the model), routing data, and then
a request of 12 tokens up to its first token. PEFT: `load_adapter` from its directory in float32, `set_adapter`, and one forward
pass of the same tokens; nothing is verified. N experts are installed, and all but the one that is measured are attached,
here and there. LoRA of rank 12 on every linear. `load alone` leaves the request out. Writes attach.json beside itself.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from _bases import SIZES, make_base
from _experts import install, record
from _measure import options, show, spread, write

from runtime.engine.engine import Engine
from runtime.export.exporting import Wanted, export
from runtime.registry.store import Store
from runtime.service import Runtime

GOAL = "at most 10 ms, the same for any number"
TEXT = "Write the number twelve."


def main(words: list[str] | None = None) -> None:
    parser = options(__doc__, __file__, rounds=9)
    parser.add_argument("--size", default="nano", choices=SIZES)
    parser.add_argument("--counts", default="1,10,100")
    asked = parser.parse_args(words)
    torch.set_num_threads(asked.threads)
    counts = [int(each) for each in asked.counts.split(",")]
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        os.environ["EXPERTBUILD_HOME"] = str(folder / "home")
        base = make_base(folder, asked.size, tokens=512 if asked.size == "tiny" else 2048)
        engine = Engine.load(base, cache_tokens=1024)
        for count in counts:
            store = install(folder / str(count), engine, asked.size, count)
            found[str(count)] = measured(asked, base, store, count, folder)
            told = found[str(count)]
            for name in ("ours", "ours, load alone", "PEFT"):
                wall, cpu = told[name]["wall"], told[name]["cpu"]
                print(
                    f"{count:4} {show(name, wall, 'ms')}; of the processor {cpu[1]:.1f} ({cpu[0]:.1f} to {cpu[2]:.1f})"
                )
            print(
                f"     PEFT takes {told['ratio'][1]:.1f} times as long ({told['ratio'][0]:.1f} to {told['ratio'][2]:.1f})"
            )
    flat = [statistics.median(found[str(n)]["raw_cpu"]) for n in counts]
    print(f"from {counts[0]} to {counts[-1]}: {flat[-1] / flat[0]:.2f} times the processor time; the goal is {GOAL}")
    write(asked, {"found": {n: {k: v for k, v in each.items() if k != "raw_cpu"} for n, each in found.items()}})


def measured(asked: Any, base: Path, store: Store, count: int, folder: Path) -> dict[str, Any]:
    """Milliseconds of each, interleaved."""
    last = f"local/expert-{count - 1}"
    others = [f"local/expert-{number}" for number in range(count - 1)]
    times: dict[str, list[tuple[float, float]]] = {"ours": [], "ours, load alone": [], "PEFT": []}
    with Runtime(base, others, store, device=asked.device, cache_tokens=1024) as runtime:
        tokens = runtime.engine.tokenizer.chat([{"role": "user", "content": TEXT}])
        load, first = peft_model(asked, base, folder / f"peft-{count}", count, tokens)
        for number in range(asked.rounds + 2):
            kept = number >= 2  # the first rounds import and warm
            alone = clocked(lambda: runtime.attach_experts([last]))
            rest = clocked(lambda: next(iter(runtime.stream(TEXT, expert=last, max_tokens=1))))
            runtime.release(last)
            peft = clocked(lambda: (load(), first()))
            if kept:
                times["ours, load alone"].append(alone)
                times["ours"].append((alone[0] + rest[0], alone[1] + rest[1]))
                times["PEFT"].append(peft)
    told: dict[str, Any] = {
        name: {"wall": spread([each[0] for each in of]), "cpu": spread([each[1] for each in of])}
        for name, of in times.items()
    }
    told["ratio"] = spread([b[1] / a[1] for a, b in zip(times["ours"], times["PEFT"], strict=True)])
    told["raw_cpu"] = [each[1] for each in times["ours"]]
    return told


def clocked(work: Callable[[], Any]) -> tuple[float, float]:
    begun, spent = time.perf_counter(), time.process_time()
    work()
    return 1000 * (time.perf_counter() - begun), 1000 * (time.process_time() - spent)


def peft_model(
    asked: Any, base: Path, folder: Path, count: int, tokens: list[int]
) -> tuple[Callable[[], None], Callable[[], None]]:
    """PEFT with count - 1 adapters in memory: a function that loads one more, and one that computes a token with it."""
    import peft
    from transformers import AutoModelForCausalLM

    export(Wanted(base, str(base), record(asked.size, count - 1), name="last"), "peft", folder)
    loader: Any = AutoModelForCausalLM
    model: Any = peft.PeftModel.from_pretrained(
        loader.from_pretrained(base, dtype=torch.float32, device_map=asked.device), folder, adapter_name="first"
    ).eval()
    for number in range(count - 2):
        model.add_adapter(f"other-{number}", model.peft_config["first"])
    ids = torch.tensor([tokens], device=asked.device)

    def load() -> None:
        if "last" in model.peft_config:
            model.delete_adapter("last")
        model.load_adapter(folder, "last")
        model.set_adapter("last")

    @torch.inference_mode()
    def first() -> None:
        model(input_ids=ids, use_cache=True).logits[0, -1].argmax().item()

    return load, first


if __name__ == "__main__":
    main()
