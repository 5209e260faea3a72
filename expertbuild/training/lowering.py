"""From what PEFT trained to the slot record that the machine executes: one small function per kind of adapter.

Every scale is folded in, so the record needs no configuration: B carries alpha / r, DoRA's norms are computed here, once,
from the base's weights as they are stored (or rounded to the `dtype` the engine will hold them in) and in float32. What
a record cannot say is refused by name; nothing is left out silently. Whether the result is right, the compile action
proves by comparing logits.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor

from expertbuild.training.errors import CannotLower
from expertbuild.training.soft_prompts import PROMPT_KINDS, is_prompt, lower_prompt
from runtime.artifact.slots import Slot, SlotRecord
from runtime.engine.base import read_json, weight_files


@dataclass(frozen=True)
class Target:
    """One adapted layer: its tensors by their short names, and the base it sits on."""

    module: str
    parts: Mapping[str, Tensor]
    config: Mapping[str, Any]
    base: "BaseWeights"
    shared: Mapping[str, Tensor] = field(default_factory=dict)  # what all layers have in common

    def __getitem__(self, part: str) -> Tensor:
        if part not in self.parts:
            raise CannotLower(f"{self.module} has no tensor {part}.")
        return self.parts[part]

    def rank(self, rows: int | None = None) -> int:
        """What the configuration says, which decides the scale; `rows`: what the tensors have, which must be the same."""
        rank = self._by_pattern("rank_pattern", "r")
        if isinstance(rank, bool) or not isinstance(rank, int) or rank < 1:
            raise CannotLower(f"{self.module} has the rank {str(rank)[:40]}, which is none.")
        if rows not in (None, rank):
            raise CannotLower(f"{self.module} has rank {rank} by its configuration and {rows} by its tensors.")
        return rank

    def alpha(self) -> float:
        return float(self._by_pattern("alpha_pattern", "lora_alpha" if "lora_alpha" in self.config else "alpha"))

    def _by_pattern(self, patterns: str, default: str) -> Any:
        """PEFT's rule: the first pattern that matches the end of the module's path."""
        for pattern, value in (self.config.get(patterns) or {}).items():
            if re.match(rf"(.*\.)?({pattern})$", self.module):
                return value
        return self.config[default]


class BaseWeights:
    """The base's tensors, read one at a time."""

    def __init__(self, directory: Path, stack: ExitStack, dtype: torch.dtype | None) -> None:
        self._dtype = dtype
        self._places: dict[str, safe_open] = {}
        for file in weight_files(directory):
            opened = stack.enter_context(safe_open(file, framework="pt"))
            self._places.update(dict.fromkeys(opened.keys(), opened))

    def weight(self, module: str) -> Tensor:
        """W in float32, as the engine holds it."""
        if f"{module}.weight" not in self._places:
            raise CannotLower(f"the base has no layer {module}.")
        weight: Tensor = self._places[f"{module}.weight"].get_tensor(f"{module}.weight")  # type: ignore[no-untyped-call]
        return weight.to(self._dtype or weight.dtype).float()

    def has_bias(self, module: str) -> bool:
        return f"{module}.bias" in self._places


def lower(peft_directory: Path | str, base_directory: Path | str, *, dtype: torch.dtype | None = None) -> SlotRecord:
    """The record of a PEFT directory; `dtype`: what the engine rounds the base to, by default as it is stored."""
    directory = Path(peft_directory)
    config = read_json(directory / "adapter_config.json")
    if is_prompt(config):
        return lower_prompt(directory, config, Path(base_directory))
    kind = kind_of(config)
    _refuse_options(config)
    with ExitStack() as stack:
        base = BaseWeights(Path(base_directory), stack, dtype)
        modules, shared = _by_module(directory)
        found = {
            module: _lowered(kind, Target(module, parts, config, base, shared))
            for module, parts in sorted(modules.items())
        }
    slots = {module: slot for module, slot in found.items() if any(True for _ in _tensors(slot))}
    for module, slot in slots.items():
        if not all(torch.isfinite(tensor).all() for tensor in _tensors(slot)):
            raise CannotLower(f"{module} has values that are not finite.")
    return SlotRecord(kind, slots)


def kind_of(config: Mapping[str, Any]) -> str:
    """Our name for what an adapter_config.json describes."""
    peft_type = str(config.get("peft_type"))
    kind = peft_type.lower()
    if kind == "lora":
        kind = "dora" if config.get("use_dora") else "rslora" if config.get("use_rslora") else "lora"
    if kind not in LOWERINGS:
        known = ", ".join(sorted((*LOWERINGS, *PROMPT_KINDS)))
        raise CannotLower(
            f"adapters of type {peft_type} cannot be compiled into a slot record.", hint=f"Known: {known}."
        )
    return kind


def _lowered(kind: str, target: Target) -> Slot:
    try:
        return LOWERINGS[kind](target)
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError, re.error) as error:
        reason = str(error).split("\n", 1)[0][:200]
        raise CannotLower(f"{target.module}: its tensors and adapter_config.json do not fit ({reason}).") from error


def _lora(target: Target) -> Slot:
    """B (A x), with alpha / r or alpha / sqrt(r) in B."""
    a, b = target["lora_A.weight"], target["lora_B.weight"]
    return Slot(a=a, b=b * _lora_scale(target, len(a)))


def _adalora(target: Target) -> Slot:
    """B diag(e) A, the singular values in B; divided by the first rank, which PEFT keeps when it prunes."""
    a, b, values = target["lora_A"], target["lora_B"], target["lora_E"]
    if not len(a):
        return Slot()  # pruned away altogether
    first = float(target.config["init_r"])
    alpha = float(target.config["lora_alpha"])
    return Slot(a=a, b=b * values.flatten() * ((alpha if alpha > 0 else first) / (first + 1e-5)))


def _vera(target: Target) -> Slot:
    """diag(b) B0 diag(d) A0; every layer takes its corner of the same two random matrices."""
    if not {"vera_A", "vera_B"} <= target.shared.keys():
        raise CannotLower("the adapter holds no projections.", hint="Save it with save_projection=True.")
    outputs, inputs = target.base.weight(target.module).shape
    a, b = target.shared["vera_A"][:, :inputs], target.shared["vera_B"][:outputs]
    return Slot(a=target["vera_lambda_d"][:, None] * a, b=target["vera_lambda_b"][:, None] * b)


def _dora(target: Target) -> Slot:
    """s = m / |W + BA| per output row scales the weight path: g_out = s - 1, and B <- diag(s) B. Never the bias."""
    plain = _lora(target)
    assert plain.a is not None and plain.b is not None
    weight = target.base.weight(target.module)
    if weight.shape != (plain.b.shape[0], plain.a.shape[1]):
        raise CannotLower(f"{target.module} is {list(weight.shape)} in the base, not what the adapter was trained on.")
    scale = target["lora_magnitude_vector"].flatten() / torch.linalg.vector_norm(weight + plain.b @ plain.a, dim=1)
    return Slot(a=plain.a, b=scale[:, None] * plain.b, g_out=scale - 1)


def _ia3(target: Target) -> Slot:
    """A factor per output row, or per input of a feed-forward layer; the shape of the vector says which."""
    factor = target["ia3_l"]
    if factor.shape[0] == 1:
        return Slot(g_in=factor.flatten())
    if target.base.has_bias(target.module):
        # PEFT scales the bias with the rest; the record leaves it alone.
        raise CannotLower(
            f"IA3 on the output of {target.module}, which has a bias, cannot be expressed.",
            hint="Leave it out of the targets, or train another kind on this base.",
        )
    return Slot(g_out=factor.flatten() - 1)


def _loha(target: Target) -> Slot:
    """(P Q) * (U V) entry by entry is one product of rank r * r: each pair of columns, each pair of rows."""
    left, right = target["hada_w1_a"], target["hada_w1_b"]
    left_too, right_too = target["hada_w2_a"], target["hada_w2_b"]
    b = (left[:, :, None] * left_too[:, None, :]).flatten(1)
    a = (right[:, None, :] * right_too[None, :, :]).flatten(0, 1)
    return Slot(a=a, b=b * (target.alpha() / target.rank(left.shape[1])))


def _lokr(target: Target) -> Slot:
    """The Kronecker product stays one: as a product of two thin matrices it would have full rank."""
    first, second = _factor(target, "lokr_w1"), _factor(target, "lokr_w2")
    return Slot(k=(first * (target.alpha() / target.rank()), second))


LOWERINGS: dict[str, Callable[[Target], Slot]] = {
    "lora": _lora,
    "rslora": _lora,
    "adalora": _adalora,
    "vera": _vera,
    "dora": _dora,
    "ia3": _ia3,
    "loha": _loha,
    "lokr": _lokr,
}

# The tensors each kind may have; a name that is not here belongs to an option nobody has thought through.
_PARTS = re.compile(
    r"^base_model\.model\.(?P<module>model\.layers\.\d+\.(?:self_attn\.[qkvo]_proj|mlp\.(?:gate|up|down)_proj))\."
    r"(?P<part>lora_[AB]\.weight|lora_[ABE]|vera_lambda_[bd]|lora_magnitude_vector|ia3_l|hada_w[12]_[ab]|lokr_w[12](?:_[ab])?)$"
)
_SHARED = re.compile(r"^base_model\.(?P<part>vera_[AB])$")
# Options that do not change what a trained adapter computes, or that are read above. All others must be off.
# fmt: off
_FREE = frozenset({
    "alpha", "alpha_pattern", "auto_mapping", "base_model_name_or_path", "beta1", "beta2", "d_initial",
    "decompose_both", "decompose_factor", "deltaT", "exclude_modules", "init_r", "orth_reg_weight",
    "projection_prng_key", "save_projection", "target_r", "tfinal", "tinit", "total_step", "vera_dropout", "feedforward_modules", "inference_mode", "init_ia3_weights", "init_lora_weights",
    "init_weights", "layers_pattern", "layers_to_transform", "lora_alpha", "lora_dropout", "megatron_core",
    "module_dropout", "peft_type", "peft_version", "qalora_group_size", "r", "rank_dropout",
    "rank_dropout_scale", "rank_pattern", "revision", "target_modules", "task_type", "use_dora", "use_rslora",
})
# fmt: on
_HARMLESS_BEGINNINGS = (True, False, None, "gaussian", "orthogonal", "eva")


def _refuse_options(config: Mapping[str, Any]) -> None:
    for name, value in sorted(config.items()):
        if name not in _FREE and value and value != "none":
            raise CannotLower(f"the adapter uses {name} ({value!r}), which a slot record cannot express.")
    begin = config.get("init_lora_weights")
    if begin not in _HARMLESS_BEGINNINGS:
        raise CannotLower(
            f"the adapter was initialised with {begin!r}, which changes the base's weights too.",
            hint="Save it with path_initial_model_for_weight_conversion, which turns it into a plain LoRA.",
        )


def _by_module(directory: Path) -> tuple[dict[str, dict[str, Tensor]], dict[str, Tensor]]:
    """The tensors of each layer, and those that all layers share."""
    file = directory / "adapter_model.safetensors"
    if not file.is_file():
        hint = "Pickled adapters are never read." if any(directory.glob("*.bin")) else ""
        raise CannotLower(f"{directory} holds no adapter_model.safetensors.", hint=hint)
    try:
        tensors = load_file(file)
    except SafetensorError as error:
        raise CannotLower(f"is not a safetensors file ({error}).", where=str(file)) from error
    modules: dict[str, dict[str, Tensor]] = {}
    shared: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if found := _SHARED.match(name):
            shared[found["part"]] = tensor.float()
            continue
        match = _PARTS.match(name)
        if match is None or tensor.dim() > 2:
            raise CannotLower(f"the adapter holds {name}, which a slot record cannot express.")
        modules.setdefault(match["module"], {})[match["part"]] = tensor.float()
    if not modules:
        raise CannotLower(f"the adapter in {directory} is empty.")
    return modules, shared


def _lora_scale(target: Target, rows: int) -> float:
    rank = target.rank(rows)
    return target.alpha() / (math.sqrt(rank) if target.config.get("use_rslora") else rank)


def _factor(target: Target, name: str) -> Tensor:
    if name in target.parts:
        return target.parts[name]
    return target[f"{name}_a"] @ target[f"{name}_b"]


def _tensors(slot: Slot) -> Iterator[Tensor]:
    for tensor in (slot.a, slot.b, slot.g_out, slot.g_in, *(slot.k or ())):
        if tensor is not None:
            yield tensor
