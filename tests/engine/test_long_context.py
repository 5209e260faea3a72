"""Long texts: chunks of a prompt need no mask of the whole text, and the memory they take is what was said before."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from runtime.engine.engine import Engine, Request
from runtime.engine.memory import context_memory
from runtime.engine.shape import Shape
from tests.tiny import tiny_base

# Reads a prompt of so many tokens in a process of its own; prints the growth of its memory and the answer's first logits.
_PROGRAM = """
import json, resource, sys, torch
torch.set_num_threads(1)
from runtime.engine.engine import Engine, Request
base, tokens = sys.argv[1], int(sys.argv[2])
engine = Engine.load(base, cache_tokens=1024, max_batch=1)
engine.tokenizer.eos_ids = frozenset()
engine.generate([Request([5] * 900, 2)])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
engine = Engine(engine.model, engine.tokenizer, digests=("", ""), cache_tokens=tokens + 16, max_batch=1, step_tokens=1024)
engine.tokenizer.eos_ids = frozenset()
seen = []
forward = engine.model.forward
def watching(batch, pages):
    logits = forward(batch, pages)
    seen[:] = [logits] if len(logits) else seen
    return logits
engine.model.forward = watching
prompt = [(7 * place * place + place) % 450 + 3 for place in range(tokens)]
result = engine.generate([Request(prompt, 1)])[0]
assert result.error is None and len(result.tokens) == 1, result
grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
print(json.dumps({"grown": grown, "logits": seen[0][0].tolist()}))
"""


def _read(base: Path, tokens: int) -> tuple[int, torch.Tensor]:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(base), str(tokens)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    return found["grown"], torch.tensor(found["logits"])


def _small(folder: Path, context: int) -> Path:
    return tiny_base(
        folder, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=1, max_position_embeddings=context
    )


def _last_token_alone(base: Path, tokens: int) -> torch.Tensor:
    """One layer needs only the last row of attention: plain formulas, in time and memory that grow with the text."""
    from safetensors.torch import load_file

    weights, shape = load_file(base / "model.safetensors"), Shape.read(base)
    at = "model.layers.0."

    def norm(x: torch.Tensor, name: str) -> torch.Tensor:
        scaled = x * torch.rsqrt(x.square().mean(-1, keepdim=True) + shape.norm_eps)
        return scaled * weights[name + ".weight"]

    def turned(x: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        angles = (positions[:, None] * torch.tensor(shape.rope.frequencies)).repeat(1, 2)
        first, second = x.chunk(2, -1)
        return x * angles.cos() + torch.cat((-second, first), -1) * angles.sin()

    prompt = torch.tensor([(7 * place * place + place) % 450 + 3 for place in range(tokens)])
    embedded = weights["model.embed_tokens.weight"][prompt]
    x, size = norm(embedded, at + "input_layernorm"), shape.head_dim
    places = torch.arange(tokens, dtype=torch.float32)
    keys = turned(norm(x @ weights[at + "self_attn.k_proj.weight"].t(), at + "self_attn.k_norm"), places)
    values = x @ weights[at + "self_attn.v_proj.weight"].t()
    queries = norm((x[-1] @ weights[at + "self_attn.q_proj.weight"].t()).view(-1, size), at + "self_attn.q_norm")
    queries = turned(queries, places[-1:].expand(len(queries)))
    found = (queries @ keys.t() / size**0.5).softmax(-1) @ values
    y = embedded[-1] + found.flatten() @ weights[at + "self_attn.o_proj.weight"].t()
    inner = norm(y, at + "post_attention_layernorm")
    gate, up = (inner @ weights[f"{at}mlp.{name}_proj.weight"].t() for name in ("gate", "up"))
    y = y + (torch.nn.functional.silu(gate) * up) @ weights[at + "mlp.down_proj.weight"].t()
    return norm(y, "model.norm") @ weights["model.embed_tokens.weight"].t()


@pytest.mark.parametrize("tokens", [9_000, pytest.param(131_071, marks=pytest.mark.slow)])
def test_a_long_prompt_takes_the_memory_that_was_said_before(tmp_path: Path, tokens: int) -> None:
    base = _small(tmp_path, 131_072)
    said = context_memory(Shape.read(base), tokens + 16, dtype=torch.float32).total
    assert said < 8_000_000 + 600 * tokens  # a mask of 1,024 rows alone would take 4,096 bytes for each token
    grown, logits = _read(base, tokens)
    assert grown <= said + 16_000_000, f"{grown:,} bytes, {said:,} were said"  # what the allocator keeps to itself
    torch.testing.assert_close(logits, _last_token_alone(base, tokens), atol=2e-4, rtol=1e-3)


def test_the_pages_that_were_said_are_the_pages_that_are_there(base: Path) -> None:
    engine = Engine.load(base, cache_tokens=400)
    for dtype in (torch.float32, torch.bfloat16):
        engine = Engine.load(base, cache_tokens=400, dtype=dtype)
        said = context_memory(engine.model.shape, 400, dtype=dtype)
        assert said.pages == engine._runner.pages.data.nbytes
        engine.generate([Request(list(range(3, 303)), 40)])
        assert engine._runner.pages._gathered.nbytes <= said.gathered


@pytest.mark.parametrize("heads", [1, 2, 4])
@pytest.mark.parametrize("step", [1, 7, 16, 33])
def test_a_prompt_in_chunks_has_the_logits_of_the_whole(tmp_path: Path, heads: int, step: int) -> None:
    engine = Engine.load(tiny_base(tmp_path, num_key_value_heads=heads), step_tokens=step, max_batch=1)
    engine.tokenizer.eos_ids = frozenset()
    prompt = [(11 * place) % 450 + 3 for place in range(70)]
    seen = []
    forward = engine.model.forward

    def watching(batch, pages):  # type: ignore[no-untyped-def]
        logits = forward(batch, pages)
        seen.extend(logits.clone())
        return logits

    engine.model.forward = watching  # type: ignore[method-assign]
    engine.generate([Request(prompt, 1)])
    first = seen[-1]
    torch.testing.assert_close(first, engine.last_logits(prompt), atol=2e-5, rtol=1e-5)
