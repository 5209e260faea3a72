"""One stream: tokens a second of one request with a LoRA on every linear, against llama.cpp, transformers and the limit.

python benchmarks/one_stream.py --llama FOLDER [--size qwen3-0.6b] [--tokens 8] [--rounds 5] [--threads 1]
python benchmarks/one_stream.py --device cuda --tokens 256        # bf16, against transformers, eager and compiled

Qwen3-0.6B's shape (random weights, vocabulary 151,936), LoRA of rank 12. Only decoding is timed: the prompt of 16 tokens
is computed before, greedy choice of the token included. llama.cpp gets the same weights and the same LoRA through our own
exporter; FOLDER holds its shared libraries (`npm pack @node-llama-cpp/linux-x64`, bins/linux-x64). Pairs of equal precision:

    16 bits  ours `weights=fp16` against llama.cpp's F16; its BF16 stands beside it
    8 bits   ours `weights=int8` (a scale by row) against Q8_0 (a scale by 32 numbers)

Adapter and cache are float32 here, float32 and float16 in llama.cpp. transformers runs eagerly in bf16 with PEFT's LoRA
unmerged. The limit: bytes of all matrices and of the adapter, by the bytes a second that summing a large tensor reads in
the same rounds. `matrices alone` multiplies one row with each matrix and does nothing else. Writes one_stream.json.
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from _bases import SIZES, make_base, random_lora
from _llama_cpp import F16, Q8_0, LlamaCpp
from _measure import in_turn, options, reading, show, spread, write

from runtime.artifact.slots import SlotRecord
from runtime.engine.engine import Engine, Request
from runtime.export.exporting import Wanted, export

GOALS = {"cpu": "1.0 of llama.cpp", "cuda": "0.61 of the limit, 1.5 of compiled transformers"}
PROMPT = list(range(10, 26))
PAIRS = {"fp16": ("llama.cpp F16", "llama.cpp BF16"), "int8": ("llama.cpp Q8_0",)}

Way = tuple[Callable[[], Any], Callable[[], float]]  # up to the first token, and on


def main(words: list[str] | None = None) -> None:
    parser = options(__doc__, __file__)
    parser.add_argument("--size", default="qwen3-0.6b", choices=SIZES)
    parser.add_argument("--tokens", type=int, default=8)
    parser.add_argument("--rank", type=int, default=12)
    parser.add_argument(
        "--weights", default="", help="how ours is held; by default fp16,int8 on a CPU and auto on a GPU"
    )
    parser.add_argument("--llama", type=Path, help="folder of llama.cpp's shared libraries")
    parser.add_argument("--no-transformers", action="store_true")
    parser.add_argument("--folder", type=Path, help="where base and exports are kept for the next time")
    asked = parser.parse_args(words)
    torch.set_num_threads(asked.threads)
    with tempfile.TemporaryDirectory() as scratch:
        compare(asked, asked.folder or Path(scratch))


def compare(asked: argparse.Namespace, folder: Path) -> None:
    base, lora = make_base(folder, asked.size), random_lora(asked.size, rank=asked.rank)
    held = (asked.weights or ("fp16,int8" if asked.device == "cpu" else "auto")).split(",")
    ways: dict[str, Way] = {}
    bytes_read = {}
    for weights in held:
        engine = Engine.load(base, device=asked.device, weights=weights, max_batch=1, cache_tokens=1024)
        engine.tokenizer.eos_ids = frozenset()
        engine.attach("lora", lora, "lora")
        linears = [linear.matrix for layer in engine.model.weights.layers for linear in layer.linears()]
        matrices = sum(each.nbytes for each in [*linears, engine.model.weights.head])
        bytes_read[weights] = matrices + engine.adapter("lora").bytes
        ways[f"ours {weights}"] = ours(engine, asked.tokens, "lora")
        ways[f"ours {weights}, no adapter"] = ours(engine, asked.tokens, None)
        ways[f"ours {weights}, matrices alone"] = (lambda: None, alone(engine, asked.tokens))
    if asked.llama is not None:
        ways |= llama(asked, base, lora, folder)
    if not asked.no_transformers:
        ways |= transformers(asked, base, lora, folder)
    ways["memory"] = (lambda: None, reading(asked.device, 1 << 28 if asked.device == "cpu" else 1 << 32))
    figures = in_turn(
        {name: work for name, (_, work) in ways.items()},
        asked.rounds,
        asked.device,
        before={name: before for name, (before, _) in ways.items()},
    )
    rates = figures.rates()
    print(
        f"{asked.size}, LoRA of rank {asked.rank}, {asked.tokens} tokens, {asked.rounds} rounds, {asked.threads} thread(s)"
    )
    for name in ways:
        scale, unit = (1e9, "GB/s") if name == "memory" else (1, "tokens/s")
        clock, busy = (tuple(each / scale for each in rates[name][kind]) for kind in ("wall", "cpu"))
        print(f"  {show(name, clock, unit)}; by CPU time {busy[1]:.1f} ({busy[0]:.1f} to {busy[2]:.1f})")
    ratios: dict[str, Any] = {}
    for weights in held:
        mine = f"ours {weights}"
        for other in [*PAIRS.get(weights, ()), *(name for name in ways if name.startswith("transformers"))]:
            if other in ways:
                ratios[f"{mine} / {other}"] = figures.ratio(mine, other)
        ratios[f"{mine} / limit"] = {
            kind: spread([a * bytes_read[weights] / b for a, b in zip(of[mine], of["memory"], strict=True)])
            for kind, of in (("wall", figures.wall), ("cpu", figures.cpu))
        }
    for name, of in ratios.items():
        print(
            f"  {show(name, of['wall'], '', 2)}; by CPU time {of['cpu'][1]:.2f} ({of['cpu'][0]:.2f} to {of['cpu'][2]:.2f})"
        )
    print(f"  the goal is {GOALS[asked.device]}")
    system = LlamaCpp(asked.llama).told if asked.llama is not None else None
    write(asked, {"rates": rates, "ratios": ratios, "bytes_per_token": bytes_read, "llama.cpp": system})


def ours(engine: Engine, tokens: int, adapter: str | None) -> Way:
    def before() -> None:
        engine._scheduler.cache.forget()
        engine.submit(Request(PROMPT, tokens + 1, adapter))
        engine.step()  # the prompt and its first token

    def work() -> float:
        while engine.busy:
            engine.step()
        return tokens

    return before, work


def alone(engine: Engine, tokens: int) -> Callable[[], float]:
    """Every matrix of the model once for each token."""
    weights = engine.model.weights
    matrices = [linear.matrix for layer in weights.layers for linear in layer.linears()] + [weights.head]
    rows = {each.inputs: torch.randn(1, each.inputs).to(weights.norm) for each in matrices}

    @torch.inference_mode()
    def work() -> float:
        for _ in range(tokens):
            for matrix in matrices:
                matrix(rows[matrix.inputs])
        return tokens

    return work


def llama(asked: argparse.Namespace, base: Path, lora: SlotRecord, folder: Path) -> dict[str, Way]:
    places = {"gguf": folder / f"{asked.size}-gguf", "gguf-lora": folder / f"{asked.size}-lora-{asked.rank}"}
    for format, place in places.items():
        if not place.exists():
            record = lora if format == "gguf-lora" else None
            export(Wanted(base, asked.size, record, name=asked.size, tokenizer=False), format, place)
    whole, adapter = places["gguf"] / "model.gguf", places["gguf-lora"] / "adapter.gguf"
    library = LlamaCpp(asked.llama)
    files = {"llama.cpp BF16": whole}
    for name, kind in (("llama.cpp F16", F16), ("llama.cpp Q8_0", Q8_0)):
        files[name] = folder / f"{asked.size}-{name.split()[1]}.gguf"
        if not files[name].exists():
            library.quantize(whole, files[name], kind)
    ways: dict[str, Way] = {}
    for name, file in files.items():
        stream = library.load(file, adapter, SIZES[asked.size][-1], asked.threads)
        last: list[int] = []

        def before(stream: Any = stream, last: list[int] = last) -> None:
            stream.forget()
            last[:] = [stream.next(PROMPT)]

        def work(stream: Any = stream, last: list[int] = last) -> float:
            for _ in range(asked.tokens):
                last[:] = [stream.next(last)]
            return float(asked.tokens)

        ways[name] = before, work
    return ways


def transformers(asked: argparse.Namespace, base: Path, lora: SlotRecord, folder: Path) -> dict[str, Way]:
    import peft
    from transformers import AutoModelForCausalLM

    place = folder / f"{asked.size}-peft-{asked.rank}"
    if not place.exists():
        export(Wanted(base, str(base), lora, name="lora"), "peft", place)
    loader: Any = AutoModelForCausalLM
    model: Any = peft.PeftModel.from_pretrained(
        loader.from_pretrained(base, dtype=torch.bfloat16, device_map=asked.device), place
    ).eval()
    ways = {"transformers + PEFT": decoding(model, asked)}
    if asked.device != "cpu":
        compiled = torch.compile(model, mode="reduce-overhead")
        ways["transformers + PEFT, compiled"] = decoding(compiled, asked, room=len(PROMPT) + asked.tokens)
    return ways


def decoding(model: Any, asked: argparse.Namespace, room: int | None = None) -> Way:
    """`room`: a static cache of that many tokens, which is what a compiled model wants."""
    from transformers import StaticCache

    state: dict[str, Any] = {}

    @torch.inference_mode()
    def before() -> None:
        past = StaticCache(config=model.config, max_cache_len=room) if room else None
        forward(torch.tensor([PROMPT], device=asked.device), past)

    @torch.inference_mode()
    def work() -> float:
        for _ in range(asked.tokens):
            forward(state["token"], state["past"])
        return float(asked.tokens)

    def forward(tokens: torch.Tensor, past: Any) -> None:
        told = model(input_ids=tokens, past_key_values=past, use_cache=True)
        # Cloned: what a compiled model gives out it writes over in its next pass.
        state.update(token=told.logits[:, -1].argmax(-1, keepdim=True).clone(), past=told.past_key_values)

    return before, work


if __name__ == "__main__":
    main()
