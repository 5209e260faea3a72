"""compile: the trained adapter as a slot record, shown to equal PEFT on real prompts, made small, with a canary.

Two proofs: the exact record gives PEFT's logits, and what is stored, read back from its bytes, is as near to them as
the chosen compression promises. Both differences are written down; the second travels in the manifest.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from expertbuild.actions.base import base_directory
from expertbuild.graph import Action, Context

COMPILE = Action(
    name="compile",
    version=2,
    reads=("compile",),
    function="expertbuild.actions.compile:compile_adapter",
    libraries=("torch", "transformers", "peft"),
)

_KEPT = 64  # logits of a canary that travel: the largest ones, enough to notice any other weights
_REPLAY = 0.05  # how far a replayed logit may lie from these: other CPUs and GPUs add up in another order


def compile_adapter(run: Context) -> None:
    """Lower the adapter, prove the parity, store what the runtime replays at load."""
    from expertbuild.training.lowering import lower
    from runtime.artifact.adapter import read_adapter
    from runtime.artifact.canary import Canary, write_canary
    from runtime.engine.engine import Engine

    settings = run.config["compile"]
    base, adapter = base_directory(run), run.inputs["train"]
    exact = lower(adapter, base)
    engine = Engine.load(base)
    prompts = _prompts(run.inputs["dataset"], engine.tokenizer, settings["prompts"])
    theirs, energies = _peft(base, adapter, prompts, exact.slots)

    def differences(record: Any, name: str) -> tuple[list[Any], float]:
        engine.attach(name, record, digest=name)
        ours = [engine.last_logits(tokens, name) for tokens in prompts]
        return ours, max((a - b).abs().max().item() for a, b in zip(ours, theirs, strict=True))

    _, exactly = differences(exact, "exact")
    _require("none", exactly, settings, len(prompts))
    files = _files(exact, settings, energies)
    for name, data in files.items():
        (run.out / name).write_bytes(data)
    stored, after = differences(read_adapter(files, files.__getitem__), "stored")
    _require(settings["compress"], after, settings, len(prompts))
    canary = Canary([_probe(*pair) for pair in zip(prompts, stored, strict=True)][: settings["canaries"]], _REPLAY)
    (run.out / "canary.safetensors").write_bytes(write_canary(canary))
    parity = {
        "prompts": len(prompts),
        "largest_difference": exactly,
        "tolerance": settings["tolerance"]["none"],
        "compression": {
            "kind": settings["compress"],
            "difference": after,
            "tolerance": settings["tolerance"][settings["compress"]],
            "prompts": len(prompts),
        },
        "bytes": sum(map(len, files.values())),
        "kind": exact.kind,
    }
    (run.out / "parity.json").write_text(json.dumps(parity, sort_keys=True, indent=2) + "\n", encoding="utf-8")


def _files(exact: Any, settings: Mapping[str, Any], energies: Mapping[str, Any]) -> dict[str, bytes]:
    """The record as files: its layers as compressed as was asked for, its soft prompt in bf16 wherever anything is."""
    from runtime.artifact.adapter import PROMPT, SLOTS
    from runtime.artifact.prompt import write_prompt

    files = {}
    if exact.slots:
        files[SLOTS] = COMPRESSIONS[settings["compress"]](exact, settings, energies)
    if exact.prompt is not None:
        files[PROMPT] = write_prompt(exact.prompt, "fp32" if settings["compress"] == "none" else "bf16")
    return files


def _require(compression: str, difference: float, settings: Mapping[str, Any], prompts: int) -> None:
    from runtime.errors import Problem

    allowed = settings["tolerance"][compression]
    if difference <= allowed:  # NaN is not
        return
    if compression == "none":
        hint = "a difference this large usually means an unsupported adapter option."
    else:
        hint = f"compile.compress={compression} loses too much here: try bf16, or a higher compile.osd.density."
    raise Problem(
        f"differs from PEFT by {difference:.2e} on {prompts} real prompts; {allowed:.2g} is allowed",
        where="compile",
        hint=f"compile.tolerance.{compression} sets the limit; {hint}",
    )


def _whole(dtype: str) -> Callable[[Any, Mapping[str, Any], Mapping[str, Any]], bytes]:
    def write(record: Any, settings: Mapping[str, Any], energies: Mapping[str, Any]) -> bytes:
        from runtime.artifact.slots import write_slots

        return write_slots(record, dtype)

    return write


def _damaged(record: Any, settings: Mapping[str, Any], energies: Mapping[str, Any]) -> bytes:
    from expertbuild.training.osd import damage
    from runtime.artifact.slots import write_slots

    osd = settings["osd"]
    seen = energies if osd["importance"] == "activations" else {}
    smaller = damage(record, seen, rank=osd["rank"], density=osd["density"])
    return write_slots(smaller, osd["numbers"], sparse=True)


# compile.compress: from the exact record to the bytes of slots.safetensors.
COMPRESSIONS: dict[str, Callable[[Any, Mapping[str, Any], Mapping[str, Any]], bytes]] = {
    "none": _whole("fp32"),
    "bf16": _whole("bf16"),
    "int8": _whole("int8"),
    "osd": _damaged,
}


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


def _peft(
    base: Path, adapter: Path, prompts: list[list[int]], modules: Mapping[str, Any]
) -> tuple[list[Any], dict[str, Any]]:
    """What PEFT computes for the prompts, and for each adapted module the mean square of each of its inputs."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    loader: Any = AutoModelForCausalLM
    model = PeftModel.from_pretrained(loader.from_pretrained(base, dtype=torch.float32), adapter).eval()
    with torch.no_grad(), _watched(model, modules) as sums:
        logits = [model(input_ids=torch.tensor([tokens])).logits[0, -1].float() for tokens in prompts]
    seen = sum(map(len, prompts))
    return logits, {module: total / seen for module, total in sums.items()}


@contextmanager
def _watched(model: Any, modules: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The sum of the squares of each input of these modules, for as long as the block lasts."""
    sums: dict[str, Any] = {}

    def watch(name: str) -> Callable[[Any, tuple[Any, ...]], None]:
        def hook(_: Any, inputs: tuple[Any, ...]) -> None:
            sums[name] = sums.get(name, 0) + inputs[0].detach().float().square().flatten(0, -2).sum(0)

        return hook

    found = {name.removeprefix("base_model.model."): module for name, module in model.named_modules()}
    handles = [found[name].register_forward_pre_hook(watch(name)) for name in modules]
    try:
        yield sums
    finally:
        for handle in handles:
            handle.remove()
