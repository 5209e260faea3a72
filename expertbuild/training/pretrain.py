"""Pre-train a base from its recipe: tokenizer, corpus, model, optimiser, checkpoints.

The same code runs on one GPU (bf16, compiled) and on a CPU, where each core is a process of its own and the
gradients are averaged: two processes were faster than two threads. The schedule is warm-up, a
constant stretch and a linear decay. A killed run goes on from its checkpoint. What a step sees depends on the recipe alone, never on how many processes share it.
"""

import json
import os
import random
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy
import torch

from expertbuild.data.generators.corpus.mixture import Document, block
from expertbuild.training.vocabulary import train_tokenizer

Recipe = Mapping[str, Any]
Report = Callable[..., None]
CHECKPOINT = "checkpoint.pt"


def pretrain(
    recipe: Recipe,
    out: Path,
    work: Path,
    *,
    report: Report,
    processes: int | None = None,
) -> None:
    """Train what the recipe describes and write a Hugging Face model directory to `out`."""
    prepare(recipe, work, report)
    if torch.cuda.is_available() or (processes or cores()) == 1:
        _train(0, 1, recipe, work, report)
    else:
        _train_in_processes(processes or cores(), recipe, work, report)
    save(recipe, work, out)


def cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


# --- corpus -----------------------------------------------------------------------------------------------


def render(document: Document) -> str:
    """A document as the text that the base reads; turns as the chat template writes them."""
    if isinstance(document, str):
        return f"{document}<|endoftext|>"
    turns = "".join(f"<|im_start|>{turn['role']}\n{turn['content']}<|im_end|>\n" for turn in document)
    return f"{turns}<|endoftext|>"


def blocks(recipe: Recipe) -> Iterator[tuple[str, dict[str, float]]]:
    """The seed and the weights of each block of the corpus, in order."""
    index = 0
    for phase in recipe["corpus"]["phases"]:
        for _ in range(phase["blocks"]):
            yield f"{recipe['seed']}/{index}", dict(phase["weights"])
            index += 1


def prepare(recipe: Recipe, work: Path, report: Report) -> None:
    """Write the tokenizer and the tokens of every block that is not there yet."""
    work.mkdir(parents=True, exist_ok=True)
    if not (work / "tokenizer.json").exists():
        weights = dict(recipe["corpus"]["phases"][-1]["weights"])
        sample = block(weights, recipe["tokenizer"]["documents"], f"{recipe['seed']}/tokenizer")
        texts = (render(document) for _, document in sample)
        train_tokenizer(
            texts,
            recipe["tokenizer"]["vocabulary"],
            work,
            recipe["model"]["max_position_embeddings"],
        )
    from tokenizers import Tokenizer

    tokenizer: Any = Tokenizer.from_file(str(work / "tokenizer.json"))
    plan = list(blocks(recipe))
    for index, (seed, weights) in enumerate(plan):
        path = work / f"block-{index:05d}.npy"
        if path.exists():
            continue
        texts_of_block = [render(document) for _, document in block(weights, recipe["corpus"]["block"], seed)]
        tokens = [token for one in tokenizer.encode_batch(texts_of_block) for token in one.ids]
        partial = path.with_suffix(".partial")
        with partial.open("wb") as file:
            numpy.save(file, numpy.array(tokens, dtype=numpy.uint16))
        partial.rename(path)
        report(message="corpus", step=index + 1, total=len(plan))


def load_tokens(recipe: Recipe, work: Path) -> numpy.ndarray:
    """The corpus as rows of `length` tokens, in the order in which they are read."""
    files = [work / f"block-{index:05d}.npy" for index, _ in enumerate(blocks(recipe))]
    tokens = numpy.concatenate([numpy.load(path) for path in files])
    length = recipe["training"]["length"]
    return tokens[: len(tokens) // length * length].reshape(-1, length)


# --- model ------------------------------------------------------------------------------------------------


def build_model(recipe: Recipe) -> Any:
    from transformers import Qwen3Config, Qwen3ForCausalLM

    construct: Any = Qwen3ForCausalLM
    torch.manual_seed(recipe["seed"])
    settings = dict(recipe["model"])
    config = Qwen3Config(
        **settings,
        vocab_size=recipe["tokenizer"]["vocabulary"],
        tie_word_embeddings=True,
        use_cache=False,
        bos_token_id=None,
        eos_token_id=2,
        pad_token_id=0,
    )
    return construct(config)


def optimisers(model: Any, settings: Mapping[str, Any]) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside the layers, AdamW for embeddings and norms."""
    matrices: list[torch.nn.Parameter] = []
    others: list[torch.nn.Parameter] = []
    for name, parameter in model.named_parameters():
        (matrices if parameter.ndim == 2 and "embed" not in name else others).append(parameter)
    return [
        torch.optim.Muon(matrices, lr=settings["muon"], weight_decay=settings["weight_decay"]),
        torch.optim.AdamW(others, lr=settings["adamw"], betas=(0.9, 0.95), weight_decay=0.0),
    ]


def rate(step: int, settings: Mapping[str, Any]) -> float:
    """The share of the peak learning rate at this step."""
    steps, warmup = int(settings["steps"]), int(settings["warmup"])
    start = int(steps * (1 - settings["decay"]))
    if step < warmup:
        return (step + 1) / warmup
    if step < start:
        return 1.0
    return max(0.0, (steps - step) / max(1, steps - start))


# --- training ---------------------------------------------------------------------------------------------


def _train_in_processes(count: int, recipe: Recipe, work: Path, report: Report) -> None:
    import torch.multiprocessing

    meeting = work / f"meeting-{os.getpid()}"
    meeting.unlink(missing_ok=True)
    context: Any = torch.multiprocessing.get_context("spawn")
    others = [context.Process(target=_member, args=(rank, count, recipe, work, meeting)) for rank in range(1, count)]
    for process in others:
        process.daemon = True
        process.start()
    try:
        _join(0, count, meeting)
        _train(0, count, recipe, work, report)
        for process in others:
            process.join()
    finally:
        for process in others:
            process.terminate()
        meeting.unlink(missing_ok=True)


def _join(rank: int, count: int, meeting: Path) -> None:
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=count)


def _member(rank: int, count: int, recipe: Recipe, work: Path, meeting: Path) -> None:
    _join(rank, count, meeting)
    _train(rank, count, recipe, work, lambda **_: None)


def _train(rank: int, count: int, recipe: Recipe, work: Path, report: Report) -> None:
    settings = recipe["training"]
    device = "cuda" if torch.cuda.is_available() else "cpu"
    narrow = device == "cuda" or torch.cpu._is_avx512_bf16_supported()
    model = build_model(recipe).to(device)
    tools = optimisers(model, settings)
    forward: Any = torch.compile(model) if device == "cuda" else model
    rows = load_tokens(recipe, work)
    batch, micro = settings["batch"], settings["micro_batch"]
    share = batch // count
    start, curve = _resume(work, model, tools)
    saved, seen, begun = time.monotonic(), 0, time.monotonic()
    for step in range(start, settings["steps"]):
        for tool, peak in zip(tools, (settings["muon"], settings["adamw"]), strict=True):
            for group in tool.param_groups:
                group["lr"] = peak * rate(step, settings)
        loss = 0.0
        for part in range(0, share, micro):
            first = step * batch + rank * share + part
            chosen = numpy.take(rows, range(first, first + micro), axis=0, mode="wrap").astype(numpy.int64)
            tokens = torch.from_numpy(chosen).to(device)
            with torch.autocast(device, dtype=torch.bfloat16, enabled=narrow):
                one = forward(input_ids=tokens, labels=tokens).loss * (micro / share)
            one.backward()
            loss += one.item()
        _average(model, count)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for tool in tools:
            tool.step()
            tool.zero_grad()
        seen += batch * settings["length"]
        if rank == 0:
            curve.append(round(loss, 4))
            speed = seen / (time.monotonic() - begun)
            report(
                step=step + 1,
                total=settings["steps"],
                loss=loss,
                tokens_per_second=speed,
            )
            if time.monotonic() - saved > settings["checkpoint_seconds"] or step + 1 == settings["steps"]:
                _checkpoint(work, step + 1, model, tools, curve)
                saved = time.monotonic()


def _average(model: Any, count: int) -> None:
    if count == 1:
        return
    gradients = [parameter.grad for parameter in model.parameters()]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    torch.distributed.all_reduce(flat)
    flat /= count
    start = 0
    for gradient in gradients:
        gradient.copy_(flat[start : start + gradient.numel()].view_as(gradient))
        start += gradient.numel()


def _checkpoint(
    work: Path,
    step: int,
    model: Any,
    tools: list[torch.optim.Optimizer],
    curve: list[float],
) -> None:
    state = {
        "step": step,
        "model": model.state_dict(),
        "tools": [tool.state_dict() for tool in tools],
        "curve": curve,
    }
    partial = work / "checkpoint.partial"
    torch.save(state, partial)
    partial.rename(work / CHECKPOINT)


def _resume(work: Path, model: Any, tools: list[torch.optim.Optimizer]) -> tuple[int, list[float]]:
    path = work / CHECKPOINT
    if not path.exists():
        return 0, []
    state = torch.load(path, map_location="cpu", weights_only=True)
    model.load_state_dict(state["model"])
    for tool, saved in zip(tools, state["tools"], strict=True):
        tool.load_state_dict(saved)
    return state["step"], list(state["curve"])


# --- result -----------------------------------------------------------------------------------------------


def save(recipe: Recipe, work: Path, out: Path) -> None:
    """The weights in bf16 with configuration and tokenizer, as any model directory has them."""
    model = build_model(recipe)
    state = torch.load(work / CHECKPOINT, map_location="cpu", weights_only=True)
    model.load_state_dict(state["model"])
    model = model.to(torch.bfloat16)
    model.config.use_cache = True
    model.generation_config.eos_token_id = [2, 0]
    model.generation_config.pad_token_id = 0
    model.save_pretrained(out)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        (out / name).write_bytes((work / name).read_bytes())
    curve = {"loss": state["curve"], "steps": state["step"]}
    (out / "curve.json").write_text(json.dumps(curve) + "\n", encoding="utf-8")


def sample_document(recipe: Recipe, seed: str) -> Document:
    """One document of the last phase; for reports and tests."""
    weights = dict(recipe["corpus"]["phases"][-1]["weights"])
    return next(block(weights, 1, f"{seed}/{random.Random(seed).random()}"))[1]
