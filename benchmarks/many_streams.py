"""Many requests of random lengths: ours against transformers' continuous batching, and against the limit.

python benchmarks/many_streams.py [--requests 32] [--shortest 8] [--longest 64] [--rounds 5]
python benchmarks/many_streams.py --device cuda --size qwen3-0.6b --requests 256 --shortest 100 --longest 1024

Lengths of prompts and of answers are drawn evenly from `shortest` to `longest`; all requests are there at once, greedy, no
adapters. transformers gets them through its manager (`add_request`, each with its own length), which is made and warmed
before the clock runs. Both compute in the same dtype: float32 on a CPU, bf16 on a GPU. Tokens are those of the answers.
The limit is what must be read: all weights once in each of as many steps as the longest answer has, and each token's
own keys and values; by the bytes a second that a sum reads. Writes many_streams.json beside itself.
"""

import argparse
import random
import tempfile
from pathlib import Path
from typing import Any

import torch
from _bases import SIZES, make_base
from _measure import in_turn, options, reading, show, spread, write

from runtime.engine.engine import Engine, Request

GOALS = "10 times as fast, 0.70 of the limit (on a GPU)"
Work = list[tuple[list[int], int]]


def main(words: list[str] | None = None) -> None:
    parser = options(__doc__, __file__)
    parser.add_argument("--size", default="nano", choices=SIZES)
    parser.add_argument("--requests", type=int, default=32)
    parser.add_argument("--shortest", type=int, default=8)
    parser.add_argument("--longest", type=int, default=64)
    asked = parser.parse_args(words)
    torch.set_num_threads(asked.threads)
    with tempfile.TemporaryDirectory() as scratch:
        compare(asked, make_base(Path(scratch), asked.size))


def compare(asked: argparse.Namespace, base: Path) -> None:
    draws = random.Random(0)
    lengths = [[draws.randint(asked.shortest, asked.longest) for _ in range(2)] for _ in range(asked.requests)]
    work = [([draws.randrange(10, 500) for _ in range(given)], wanted) for given, wanted in lengths]
    tokens = sum(wanted for _, wanted in work)
    dtype = torch.float32 if asked.device == "cpu" else torch.bfloat16
    room = sum(len(prompt) + wanted + 16 for prompt, wanted in work)
    engine = Engine.load(base, device=asked.device, dtype=dtype, max_batch=asked.requests, cache_tokens=room)
    engine.tokenizer.eos_ids = frozenset()
    answers: dict[str, list[list[int]]] = {}

    def ours() -> float:
        engine._scheduler.cache.forget()
        answers["ours"] = [
            result.tokens for result in engine.generate([Request(prompt, wanted) for prompt, wanted in work])
        ]
        return tokens

    with manager(asked, base, dtype, room) as theirs:

        def peer() -> float:
            names = [theirs.add_request(prompt, max_new_tokens=wanted, eos_token_id=-1) for prompt, wanted in work]
            done: dict[str, list[int]] = {}
            while len(done) < len(work):
                told = theirs.get_result(timeout=1)
                if told is None and not theirs.is_running():
                    raise RuntimeError("transformers' continuous batching stopped")
                if told is not None and told.is_finished():
                    done[told.request_id] = list(told.generated_tokens)
            answers["transformers"] = [done[name] for name in names]
            return tokens

        ways = {"ours": ours, "transformers": peer, "memory": reading(asked.device)}
        figures = in_turn(ways, asked.rounds, asked.device)
    rates, ratio = figures.rates(), figures.ratio("ours", "transformers")
    needed = least_bytes(engine, work)
    limit = {
        kind: spread([a / tokens * needed / b for a, b in zip(of["ours"], of["memory"], strict=True)])
        for kind, of in (("wall", figures.wall), ("cpu", figures.cpu))
    }
    same = sum(a == b for a, b in zip(answers["ours"], answers["transformers"], strict=True))
    print(f"{asked.requests} requests, {asked.shortest} to {asked.longest} tokens in and out, on {asked.device}")
    for name in ("ours", "transformers"):
        print(f"  {show(name, rates[name]['wall'], 'tokens/s')}; by CPU time {rates[name]['cpu'][1]:.0f}")
    print(
        f"  {show('times as fast', ratio['wall'], '')}; by CPU time {ratio['cpu'][1]:.1f} ({ratio['cpu'][0]:.1f} to {ratio['cpu'][2]:.1f})"
    )
    print(f"  {show('of the limit', limit['wall'], '', 3)}; by CPU time {limit['cpu'][1]:.3f}; goals {GOALS}")
    print(f"  the same tokens in {same} of {asked.requests} requests")
    told = {"rates": rates, "ratio": ratio, "of_limit": limit, "tokens": tokens, "same_answers": [same, asked.requests]}
    write(asked, told)


def least_bytes(engine: Engine, work: Work) -> float:
    shape, weights = engine.model.shape, engine.model.weights
    matrices = [linear.matrix for layer in weights.layers for linear in layer.linears()] + [weights.head]
    steps = max(wanted for _, wanted in work)
    each = 2 * shape.layers * shape.kv_heads * shape.head_dim * weights.norm.element_size()
    seen = sum(wanted * len(prompt) + wanted * (wanted - 1) // 2 for prompt, wanted in work)
    return float(steps * sum(matrix.nbytes for matrix in matrices) + seen * each)


def manager(asked: argparse.Namespace, base: Path, dtype: torch.dtype, room: int) -> Any:
    """transformers' own loop, with a cache as large as ours where there is no GPU whose memory it could ask for."""
    from transformers import AutoModelForCausalLM, ContinuousBatchingConfig, GenerationConfig

    loader: Any = AutoModelForCausalLM
    attention = "sdpa" if asked.device == "cpu" else "paged|sdpa"
    model: Any = loader.from_pretrained(
        base, dtype=dtype, device_map=asked.device, attn_implementation=attention
    ).eval()
    settings: dict[str, Any] = {"allow_block_sharing": False}
    if asked.device == "cpu":
        size = 16
        settings |= {"block_size": size, "num_blocks": room // size + 2 * asked.requests, "max_batch_tokens": 1024}
    return model.continuous_batching_context_manager(
        generation_config=GenerationConfig(do_sample=False, eos_token_id=-1, pad_token_id=0),  # type: ignore[no-untyped-call]
        continuous_batching_config=ContinuousBatchingConfig(**settings),
    )


if __name__ == "__main__":
    main()
