"""What a freshly pre-trained base can do, measured on text of a seed it has not seen.

Written beside the weights: `report.json` for tools, `MODEL_CARD.md` and `curve.png` for people. All of
it is taken from the saved, rounded weights, through the engine that serves them.
"""

import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from expertbuild.data.generators.corpus import copying, records
from expertbuild.data.generators.corpus.mixture import FIELDS
from expertbuild.training.pretrain import render

_DOCUMENTS = 60  # of each field
_CASES = 200


def write_report(recipe: Mapping[str, Any], directory: Path, out: Path) -> dict[str, Any]:
    from runtime.engine.engine import Engine

    engine = Engine.load(directory)
    losses = held_out_losses(directory)
    curve = json.loads((directory / "curve.json").read_text(encoding="utf-8"))
    training = recipe["training"]
    report = {
        "parameters": _parameters(directory),
        "tokens": curve["steps"] * training["batch"] * training["length"],
        "steps": curve["steps"],
        "held_out_loss": losses,
        "copying": {"exact": copy_accuracy(engine), "n": _CASES},
        "format_kept": {"share": format_kept(engine), "n": _CASES},
    }
    (out / "report.json").write_text(json.dumps(report, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    (out / "MODEL_CARD.md").write_text(_card(report, recipe), encoding="utf-8")
    _picture(curve["loss"], out / "curve.png")
    return report


def held_out_losses(directory: Path) -> dict[str, float]:
    """Mean negative log-likelihood of a token, in nats, on documents of an unseen seed, by field."""
    import torch
    from tokenizers import Tokenizer
    from transformers import AutoModelForCausalLM

    loader: Any = AutoModelForCausalLM
    model = loader.from_pretrained(directory, dtype=torch.float32).eval()
    tokenizer: Any = Tokenizer.from_file(str(directory / "tokenizer.json"))
    found = {}
    for field in sorted(FIELDS):
        rng = random.Random(f"held-out/{field}")
        total, count = 0.0, 0
        for _ in range(_DOCUMENTS):
            tokens = torch.tensor([tokenizer.encode(render(FIELDS[field](rng))).ids[:512]])
            with torch.no_grad():
                loss = model(input_ids=tokens, labels=tokens).loss.item()
            total, count = total + loss * (tokens.shape[1] - 1), count + tokens.shape[1] - 1
        found[field] = round(total / count, 4)
    return found


def copy_accuracy(engine: Any) -> float:
    """How often a text of an unseen seed is repeated to the letter."""
    rng = random.Random("copying")
    wanted = [copying.snippet(rng) for _ in range(_CASES)]
    prompts = [[{"role": "user", "content": f"Repeat this: {text}"}] for text in wanted]
    said = _answers(engine, [engine.tokenizer.chat(prompt) for prompt in prompts], stop=())
    return sum(text == answer for text, answer in zip(wanted, said, strict=True)) / _CASES


def format_kept(engine: Any) -> float:
    """How often the next line of a listing has the shape of the lines before it."""
    rng = random.Random("formats")
    one_line = ("CSV", "a table with bars", "pairs with equals signs", "a bullet list")
    prompts, shapes = [], []
    for number in range(_CASES):
        _, names, lines = records.table_and_rows(rng, 4)
        kind = one_line[number % len(one_line)]
        text = records.FORMATS[kind](names, [*lines, *lines[:1]])
        prompts.append(engine.tokenizer.encode(text + "\n"))
        shapes.append(_shape(kind, text.splitlines()[-1]))
    said = _answers(engine, prompts, stop=("\n",))
    kinds = [one_line[number % len(one_line)] for number in range(_CASES)]
    return sum(_shape(kind, line) == shape for kind, line, shape in zip(kinds, said, shapes, strict=True)) / _CASES


def _shape(kind: str, line: str) -> tuple[str, ...]:
    """What a line of this format must have in common with its neighbours."""
    if kind == "CSV":
        return (str(line.count(",")),)
    if kind == "a table with bars":
        return (str(line.count(" | ")),)
    if kind == "pairs with equals signs":
        return tuple(pair.split("=")[0] for pair in line.split("; "))
    return (line[:2], *(pair.split(" ")[0] for pair in line[2:].split(", ")))


def _answers(engine: Any, prompts: list[list[int]], stop: tuple[str, ...]) -> list[str]:
    from runtime.engine.engine import Request

    found: list[str] = []
    for start in range(0, len(prompts), 50):
        requests = [
            Request(tokens=tokens, max_tokens=160, stop=stop, id=str(start + number))
            for number, tokens in enumerate(prompts[start : start + 50])
        ]
        found += [result.text for result in engine.generate(requests)]
    return found


def _parameters(directory: Path) -> int:
    from safetensors import safe_open

    total = 0
    for path in sorted(directory.glob("*.safetensors")):
        with safe_open(path, framework="pt") as file:
            for name in file.keys():  # noqa: SIM118 - an open file of tensors is no mapping
                size = 1
                for length in file.get_slice(name).get_shape():
                    size *= length
                total += size
    return total


def _picture(losses: list[float], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4))
    axes.plot(losses, linewidth=0.6)
    axes.set(xlabel="step", ylabel="loss (nats per token)", title="Pre-training")
    axes.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(path, dpi=100, metadata={"Software": ""})
    pyplot.close(figure)


def _card(report: Mapping[str, Any], recipe: Mapping[str, Any]) -> str:
    shape = recipe["model"]
    rows = "\n".join(f"| {name} | {loss:.2f} |" for name, loss in report["held_out_loss"].items())
    return f"""# nano: the embedded base

A Qwen3-architecture language model of {report["parameters"] / 1e6:.2f} million parameters
(hidden {shape["hidden_size"]}, {shape["num_hidden_layers"]} layers, {shape["num_attention_heads"]} heads,
{shape["num_key_value_heads"]} key-value heads, feed-forward {shape["intermediate_size"]},
vocabulary {recipe["tokenizer"]["vocabulary"]}), trained on {report["tokens"] / 1e6:.1f} million tokens that the
project's own generators wrote: formats, words and copying. It has seen no question with its query, no broken
document with its repair and no text with its extraction; those tasks come from adapters.

It is here so that experts can be built, tested and served without a model hub. It is no assistant:
its English is thin, and what it says about the world is invented.

| measured on unseen text, stored weights | |
|---|---|
| repeats a text to the letter (n = {report["copying"]["n"]}) | {report["copying"]["exact"]:.1%} |
| next line keeps the format shown (n = {report["format_kept"]["n"]}) | {report["format_kept"]["share"]:.1%} |

| field | held-out loss (nats per token) |
|---|---|
{rows}

Licence: Apache-2.0, weights and corpus generators alike. Rebuild: `expertbuild target=base base=nano`.
"""
