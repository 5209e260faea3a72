"""One batch of LoRAs alone: ours against PEFT's mixed batch, `generate(adapter_names=...)`.

python benchmarks/lora_batch.py [--requests 8] [--adapters 8] [--tokens 24] [--rounds 5]
python benchmarks/lora_batch.py --device cuda --size qwen3-0.6b --requests 64 --adapters 64 --tokens 64

The same base and the same LoRAs (rank 12 on every linear, random numbers), greedily, the same number of tokens for each of
the requests, whose prompts are of one length. Both compute the whole batch at once. Prompts included. Float32 on a CPU, bf16
on a GPU. The goal of 20 times is one for a GPU, where PEFT's loop over adapters starts a kernel for each; on a CPU the products
themselves take most of the time. Writes lora_batch.json beside itself.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import torch
from _bases import SIZES, make_base, random_lora
from _measure import in_turn, options, show, write

from runtime.engine.engine import Engine, Request
from runtime.export.exporting import Wanted, export

GOAL = 20.0
LENGTH = 24


def main(words: list[str] | None = None) -> None:
    parser = options(__doc__, __file__)
    parser.add_argument("--size", default="nano", choices=SIZES)
    parser.add_argument("--requests", type=int, default=8)
    parser.add_argument("--adapters", type=int, default=8)
    parser.add_argument("--tokens", type=int, default=24)
    asked = parser.parse_args(words)
    torch.set_num_threads(asked.threads)
    with tempfile.TemporaryDirectory() as scratch:
        compare(asked, Path(scratch))


def compare(asked: argparse.Namespace, folder: Path) -> None:
    base = make_base(folder, asked.size)
    dtype = torch.float32 if asked.device == "cpu" else torch.bfloat16
    engine = Engine.load(base, device=asked.device, dtype=dtype, max_batch=asked.requests)
    engine.tokenizer.eos_ids = frozenset()
    model = with_adapters(asked, base, folder, dtype, engine)
    names = [f"lora-{number % asked.adapters}" for number in range(asked.requests)]
    random = torch.Generator().manual_seed(0)
    prompts = torch.randint(10, 500, (asked.requests, LENGTH), generator=random).tolist()
    answers: dict[str, list[list[int]]] = {}

    def ours() -> float:
        engine._scheduler.cache.forget()  # or the second round would find its prompts computed
        asking = [Request(prompt, asked.tokens, name) for prompt, name in zip(prompts, names, strict=True)]
        answers["ours"] = [result.tokens for result in engine.generate(asking)]
        return float(asked.requests * asked.tokens)

    @torch.inference_mode()
    def theirs() -> float:
        ids = torch.tensor(prompts, device=asked.device)
        told = model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            adapter_names=names,
            max_new_tokens=asked.tokens,
            do_sample=False,
            pad_token_id=0,
        )
        answers["PEFT"] = told[:, LENGTH:].tolist()
        return float(asked.requests * asked.tokens)

    figures = in_turn({"ours": ours, "PEFT": theirs}, asked.rounds, asked.device)
    rates, ratio = figures.rates(), figures.ratio("ours", "PEFT")
    same = sum(a == b for a, b in zip(answers["ours"], answers["PEFT"], strict=True))
    print(f"{asked.requests} requests, {asked.adapters} LoRAs, {asked.tokens} tokens each, on {asked.device}")
    for name in rates:
        print(f"  {show(name, rates[name]['wall'], 'tokens/s')}; by CPU time {rates[name]['cpu'][1]:.0f}")
    print(f"  {show('times as fast', ratio['wall'], '')}; by CPU time {ratio['cpu'][1]:.1f}; goal {GOAL:g} (on a GPU)")
    print(f"  the same tokens in {same} of {asked.requests} requests")
    write(asked, {"rates": rates, "ratio": ratio, "same_answers": [same, asked.requests]})


def with_adapters(asked: argparse.Namespace, base: Path, folder: Path, dtype: torch.dtype, engine: Engine) -> Any:
    """The model of PEFT with all of them; the engine gets the same."""
    import peft
    from transformers import AutoModelForCausalLM

    loader: Any = AutoModelForCausalLM
    model: Any = loader.from_pretrained(base, dtype=dtype, device_map=asked.device)
    for number in range(asked.adapters):
        name, lora = f"lora-{number}", random_lora(asked.size, seed=number)
        engine.attach(name, lora, name)
        export(Wanted(base, str(base), lora, name=name), "peft", folder / name)
        if number:
            model.load_adapter(folder / name, name)
        else:
            model = peft.PeftModel.from_pretrained(model, folder / name, adapter_name=name)
    model.generation_config.eos_token_id = None  # both write to the last token
    return model.eval()


if __name__ == "__main__":
    main()
