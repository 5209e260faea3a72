"""An expert is bound to what it is told, its own system prompt among it, as when it was measured."""

from pathlib import Path

import pytest

from expertbuild.evaluation.answering import generator
from runtime.artifact.manifest import Decoding
from runtime.engine.engine import Engine
from runtime.engine.errors import AdapterRefused
from runtime.registry.store import Store
from runtime.service import Runtime
from runtime.service.asking import with_system
from runtime.service.errors import LoadRefused
from tests.server.installed import package

GRAMMAR = 'root ::= "<" told ">"\ntold ::= [a-z ]+'
SYSTEM = "wombat"


def served(
    folder: Path, base: Path, engine: Engine, name: str, bind: dict[str, str], grammar: str = GRAMMAR
) -> Runtime:
    store = Store(folder / name)
    decoding = Decoding(system=SYSTEM, max_tokens=30, grammar=True, bind=bind)
    path = folder / f"{name}.expert"
    store.install(package(path, engine, members={"grammar.gbnf": grammar.encode()}, decoding=decoding))
    return Runtime(base, store=store, cache_tokens=2048)


def test_it_says_what_it_is_told_and_is_measured_so(folder: Path, base: Path, engine: Engine) -> None:
    with served(folder, base, engine, "bound", {"told": "json_text"}) as runtime:
        messages = [{"role": "user", "content": "zebra quagga"}]
        answer = runtime.generate(messages, expert="expert-query").text
        assert answer in {f"<{each}>" for each in ("wombat", "zebra", "quagga", "zebra quagga")}
        ready = runtime.experts[next(iter(runtime.experts))]
        told = with_system(messages, SYSTEM)
        decoding = {
            "temperature": 0,
            "top_p": 1,
            "top_k": 0,
            "max_tokens": 30,
            "stop": [],
            "bind": {"told": "json_text"},
        }
        runtime.engine.tokenizer.chat(told)
        measured = runtime._driver.call(lambda held: generator(held, ready.adapter, decoding, GRAMMAR)([told]))
        assert measured == [answer]


def test_one_that_cannot_be_bound_is_refused_and_leaves_nothing(folder: Path, base: Path, engine: Engine) -> None:
    for name, bind, grammar, why in (
        ("none", {"tell": "json_text"}, GRAMMAR, "no rule named tell"),
        ("single", {"told": "json_text"}, 'root ::= "<" told ">"\ntold ::= [a-z]', "no loop"),
    ):
        with served(folder, base, engine, f"refused-{name}", bind, grammar) as runtime:
            [refused] = runtime.refused.values()
            assert isinstance(refused, LoadRefused) and why in str(refused), refused
            with pytest.raises(AdapterRefused, match="Attached: none"):
                runtime.engine.adapter("expert-query")
