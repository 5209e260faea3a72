"""compile: the trained adapter as a slot record, shown to equal PEFT on real prompts, with a canary."""

import json
from pathlib import Path
from typing import Any

from expertbuild.actions.base import base_directory
from expertbuild.graph import Action, Context

COMPILE = Action(
    name="compile",
    version=1,
    reads=("compile",),
    function="expertbuild.actions.compile:compile_adapter",
    libraries=("torch", "transformers", "peft"),
)

_KEPT = 64  # logits of a canary that travel: the largest ones, enough to notice any other weights
_REPLAY = 0.05  # how far a replayed logit may lie from these: other CPUs and GPUs add up in another order


def compile_adapter(run: Context) -> None:
    """Lower the adapter, prove the parity, store what the runtime replays at load."""
    from expertbuild.training.lowering import lower
    from runtime.artifact.canary import Canary, write_canary
    from runtime.artifact.slots import read_slots, write_slots
    from runtime.engine.engine import Engine
    from runtime.errors import Problem

    settings = run.config["compile"]
    base, adapter = base_directory(run), run.inputs["train"]
    exact = lower(adapter, base)
    engine = Engine.load(base)
    prompts = _prompts(run.inputs["dataset"], engine.tokenizer, settings["prompts"])

    engine.attach("exact", exact, digest="exact")
    ours = [engine.last_logits(tokens, "exact") for tokens in prompts]
    theirs = _peft_logits(base, adapter, prompts)
    differences = [(a - b).abs().max().item() for a, b in zip(ours, theirs, strict=True)]
    if max(differences) > settings["tolerance"]:
        raise Problem(
            f"differs from PEFT by {max(differences):.2e} on {len(prompts)} real prompts; {settings['tolerance']:.0e} is allowed",
            where="compile",
            hint="compile.tolerance sets the limit; a difference this large usually means an unsupported adapter option.",
        )

    data = write_slots(exact, settings["dtype"])
    (run.out / "slots.safetensors").write_bytes(data)
    engine.attach("stored", read_slots(data), digest="stored")
    stored = [engine.last_logits(tokens, "stored") for tokens in prompts]
    canary = Canary([_probe(*pair) for pair in zip(prompts, stored, strict=True)][: settings["canaries"]], _REPLAY)
    (run.out / "canary.safetensors").write_bytes(write_canary(canary))
    parity = {
        "prompts": len(prompts),
        "largest_difference": max(differences),
        "tolerance": settings["tolerance"],
        "after_rounding": max((a - b).abs().max().item() for a, b in zip(stored, theirs, strict=True)),
        "dtype": settings["dtype"],
        "kind": exact.kind,
    }
    (run.out / "parity.json").write_text(json.dumps(parity, sort_keys=True, indent=2) + "\n", encoding="utf-8")


def _probe(tokens: list[int], logits: Any) -> Any:
    import torch

    from runtime.artifact.canary import Probe

    values, ids = logits.topk(min(_KEPT, logits.numel()))
    return Probe(torch.tensor(tokens, dtype=torch.int32), ids.to(torch.int32), values.float())


def _prompts(dataset: Path, tokenizer: Any, count: int) -> list[list[int]]:
    """The first prompts of the validation rows; of the training rows where there are too few."""
    found: list[list[int]] = []
    for name in ("validation.jsonl", "train.jsonl"):
        with (dataset / name).open(encoding="utf-8") as lines:
            for line in lines:
                if len(found) == count:
                    return found
                found.append(tokenizer.chat(json.loads(line)["messages"]))
    return found


def _peft_logits(base: Path, adapter: Path, prompts: list[list[int]]) -> list[Any]:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    loader: Any = AutoModelForCausalLM
    model = PeftModel.from_pretrained(loader.from_pretrained(base, dtype=torch.float32), adapter).eval()
    with torch.no_grad():
        return [model(input_ids=torch.tensor([tokens])).logits[0, -1].float() for tokens in prompts]
