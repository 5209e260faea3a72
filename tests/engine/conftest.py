"""One tiny base with six PEFT adapters, made once per session."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from runtime.engine.grammar import Grammars
from runtime.engine.tokenizer import Tokenizer
from tests.tiny import tiny_base

TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def peft_configs() -> dict[str, Any]:
    """Six kinds with different ranks, scales and targets, initialised so that each changes the output."""
    import peft

    return {
        "lora": peft.LoraConfig(
            r=4,
            lora_alpha=6,
            target_modules=TARGETS,
            init_lora_weights=False,
            rank_pattern={"layers.1.mlp.down_proj": 7, "k_proj": 2},
            alpha_pattern={"up_proj": 3},
        ),
        "rslora": peft.LoraConfig(
            r=9,
            lora_alpha=4,
            target_modules=["q_proj", "v_proj", "down_proj"],
            use_rslora=True,
            init_lora_weights=False,
        ),
        "dora": peft.LoraConfig(r=5, lora_alpha=5, target_modules=TARGETS, use_dora=True, init_lora_weights=False),
        "ia3": peft.IA3Config(
            target_modules=["k_proj", "v_proj", "up_proj", "down_proj"],
            feedforward_modules=["up_proj", "down_proj"],
            init_ia3_weights=False,
        ),
        "loha": peft.LoHaConfig(r=3, alpha=2, target_modules=TARGETS, init_weights=False),
        "lokr": peft.LoKrConfig(r=2, alpha=3, target_modules=TARGETS, init_weights=False, decompose_factor=4),
    }


@dataclass(frozen=True)
class Trained:
    """An adapter directory as PEFT writes it, and the logits PEFT computes with it."""

    directory: Path
    logits: Callable[[list[int]], Tensor]


def train(base: Path, directory: Path, config: Any, *, seed: int = 0) -> Trained:
    """Not trained at all: random, but larger than rounding."""
    import peft
    from transformers import AutoModelForCausalLM

    torch.manual_seed(seed)
    loader: Any = AutoModelForCausalLM
    model = peft.get_peft_model(loader.from_pretrained(base, dtype=torch.float32), config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_magnitude_vector" in name:
                parameter.mul_(1 + 0.2 * torch.randn_like(parameter))
            elif "ia3_l" in name:
                parameter.copy_(1 + 0.4 * torch.randn_like(parameter))
            elif parameter.requires_grad:
                parameter.copy_(torch.randn_like(parameter) * 0.2)
    model.save_pretrained(directory)

    @torch.no_grad()
    def logits(tokens: list[int]) -> Tensor:
        found: Tensor = model(input_ids=torch.tensor([tokens])).logits[0]
        return found

    return Trained(directory, logits)


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_base(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="session")
def trained(base: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Trained]:
    return {
        kind: train(base, tmp_path_factory.mktemp(kind), config, seed=number)
        for number, (kind, config) in enumerate(peft_configs().items())
    }


@pytest.fixture(scope="module")
def tokenizer(base: Path) -> Tokenizer:
    return Tokenizer.load(base)


@pytest.fixture(scope="module")
def grammars(tokenizer: Tokenizer) -> Grammars:
    return Grammars(tokenizer, 512)
