"""What a grammar on every row costs: a batch of 64 under a JSON Schema, under GBNF, and under none.

python benchmarks/grammar_loss.py [--sizes nano,wide] [--batch 64] [--tokens 16] [--rounds 5]
python benchmarks/grammar_loss.py --device cuda --sizes qwen3-0.6b --tokens 128

Random weights, temperature 1 with a seed for each row, so that every row is somewhere else in its grammar. Neither grammar
can end within the answer, so that all write as many tokens. Compiling is not included, masks are. `nano` has 2,048 tokens;
`wide` has nano's layers and as many tokens as Python's own sources teach a tokenizer (about 147,000; its head multiplies
151,936), and so masks as large as those of a real base on a model as small as can be, which is the hardest case.
Writes grammar_loss.json beside itself.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import torch
from _bases import SIZES, make_base
from _measure import in_turn, options, spread, write

from runtime.engine.engine import Engine, Request, Sampling

GOAL = 0.05
SCHEMA = {
    "type": "array",
    "minItems": 1000,
    "items": {
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
        "required": ["name", "age"],
        "additionalProperties": False,
    },
}
GBNF = r"""
root   ::= "[" value ("," value){1000,} "]"
value  ::= object | array | string | number | "true" | "false" | "null"
object ::= "{" ( member ( "," member )* )? "}"
member ::= string ":" value
array  ::= "[" ( value ( "," value )* )? "]"
string ::= "\"" char* "\""
char   ::= [^"\\\x00-\x1F] | "\\" ["\\/bfnrt]
number ::= "-"? ( "0" | [1-9] [0-9]* ) ( "." [0-9]+ )?
"""


def main(words: list[str] | None = None) -> None:
    parser = options(__doc__, __file__)
    parser.add_argument("--sizes", default="nano,wide")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--tokens", type=int, default=16)
    parser.add_argument("--folder", type=Path, help="where bases are kept for the next time")
    asked = parser.parse_args(words)
    torch.set_num_threads(asked.threads)
    with tempfile.TemporaryDirectory() as scratch:
        found = {size: measured(asked, size, asked.folder or Path(scratch)) for size in asked.sizes.split(",")}
    write(asked, {"found": found})


def measured(asked: argparse.Namespace, size: str, folder: Path) -> dict[str, Any]:
    base = make_base(folder, size, tokens=SIZES[size][-1] - 200)
    engine = Engine.load(base, device=asked.device, max_batch=asked.batch)
    grammars = {"none": None, "JSON Schema": engine.compile_grammar(SCHEMA), "GBNF": engine.compile_grammar(GBNF)}
    engine.tokenizer.eos_ids = frozenset()  # nor may rows without a grammar end before the others
    prompts = [engine.tokenizer.encode(f"Row {number}: as JSON.") for number in range(asked.batch)]

    def way(grammar: Any) -> Any:
        def work() -> float:
            engine._scheduler.cache.forget()
            asking = [
                Request(prompt, asked.tokens, grammar=grammar, sampling=Sampling(temperature=1.0, seed=number))
                for number, prompt in enumerate(prompts)
            ]
            results = engine.generate(asking)
            assert all(result.error is None for result in results), next(filter(None, (r.error for r in results)))
            return sum(len(result.tokens) for result in results)

        return work

    figures = in_turn({name: way(grammar) for name, grammar in grammars.items()}, asked.rounds, asked.device)
    rates, losses = figures.rates(), {}
    print(f"{size}, {engine.tokenizer.vocab_size} tokens, batch of {asked.batch}, {asked.tokens} tokens each")
    print(f"  {'none':<12} {rates['none']['wall'][1]:7.0f} tokens/s, {rates['none']['cpu'][1]:7.0f} per second of CPU")
    for name in ("JSON Schema", "GBNF"):
        losses[name] = {
            kind: spread([1 - a / b for a, b in zip(of[name], of["none"], strict=True)])
            for kind, of in (("wall", figures.wall), ("cpu", figures.cpu))
        }
        clock, cpu = losses[name]["wall"], losses[name]["cpu"]
        print(
            f"  {name:<12} {rates[name]['wall'][1]:7.0f} tokens/s: {clock[1]:.1%} lost ({clock[0]:.1%} to {clock[2]:.1%}),"
            f" of CPU time {cpu[1]:.1%} ({cpu[0]:.1%} to {cpu[2]:.1%}); goal {GOAL:.0%}"
        )
    return {"tokens": engine.tokenizer.vocab_size, "rates": rates, "loss": losses}


if __name__ == "__main__":
    main()
