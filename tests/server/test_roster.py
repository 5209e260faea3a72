"""Which experts are known and whose weights lie on the device: swapped under load, picked up while serving."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import torch

from runtime.artifact.canary import Canary, Probe, write_canary
from runtime.artifact.manifest import Adapter, VariantManifest
from runtime.artifact.prompt import SoftPrompt, write_prompt
from runtime.artifact.slots import SlotRecord
from runtime.engine.engine import Engine
from runtime.registry.store import Store
from runtime.service import ContextTooLong, LoadRefused, NoSuchModel, Runtime
from tests.server.conftest import wait_for
from tests.server.installed import package, store_with

SIX = [f"expert-{letter}" for letter in "abcdef"]


@pytest.fixture
def store(tmp_path: Path, engine: Engine) -> Store:
    return Store(tmp_path / "store")


def add(store: Store, engine: Engine, name: str, kind: str = "query", **changes: Any) -> None:
    store.install(
        package(store.root.parent / f"{name}-{changes.get('version')}.expert", engine, kind, name=name, **changes)
    )


@pytest.fixture
def small(base: Path, store: Store, engine: Engine) -> Iterator[Runtime]:
    """Six experts, and room for the weights of two."""
    for number, name in enumerate(SIX):
        add(store, engine, name, "query" if number % 2 else "record")
    with Runtime(base, store=store, cache_tokens=2048, max_batch=8) as whole:
        size = next(iter(whole.experts.values())).bytes
    with Runtime(base, store=store, cache_tokens=2048, max_batch=8, adapter_bytes=2 * size + size // 2) as runtime:
        yield runtime


def test_all_experts_are_known_and_the_weights_of_two_lie_on_the_device(small: Runtime) -> None:
    assert [name.partition("/")[2] for name in small.experts] == SIX
    assert len(small.resident) == len(small.engine.attached()) == 2
    assert small.resident == ["local/expert-e", "local/expert-f"]


def test_who_was_asked_longest_ago_makes_room_and_comes_back_the_same(small: Runtime) -> None:
    first = {name: small.generate("hello", expert=name, max_tokens=6).text for name in SIX}
    assert small.resident == ["local/expert-e", "local/expert-f"]
    small.generate("hello", expert="expert-e", max_tokens=1)
    small.generate("hello", expert="expert-a", max_tokens=1)
    assert small.resident == ["local/expert-e", "local/expert-a"]
    assert {name: small.generate("hello", expert=name, max_tokens=6).text for name in SIX} == first


def test_swapping_under_load_changes_no_answer(small: Runtime) -> None:
    """Sixty requests of six experts at once, with room for two of them."""
    alone = {name: small.generate("hello", expert=name, max_tokens=8).text for name in SIX}

    async def ask() -> list[str]:
        answers = [small.generate_async("hello", expert=SIX[number % 6], max_tokens=8) for number in range(60)]
        return [answer.text for answer in await asyncio.gather(*answers)]

    assert asyncio.run(ask()) == [alone[SIX[number % 6]] for number in range(60)]
    assert len(small.resident) == len(small.engine.attached()) == 2


def test_more_experts_together_than_there_is_room_for(base: Path, small: Runtime, store: Store) -> None:
    weights = {"expert-a": 0.5, "expert-b": 0.25, "expert-c": 0.25}
    with Runtime(base, store=store, cache_tokens=2048, max_batch=8) as roomy:
        expected = roomy.generate("hello", experts=weights, max_tokens=8).text
    assert small.generate("hello", experts=weights, max_tokens=8).text == expected


def test_weights_that_changed_on_disk_do_not_come_back(small: Runtime, store: Store) -> None:
    good = small.generate("hello", expert="expert-b", max_tokens=4).text
    installed = small.experts["local/expert-a"].installed
    file = installed.path("variants/tiny/slots.safetensors")
    file.chmod(0o600)
    file.write_bytes(bytes(file.stat().st_size))
    with pytest.raises(LoadRefused, match=r"expert-a@0.1.0 is not loaded \(files\)"):
        small.generate("hello", expert="expert-a")
    assert small.generate("hello", expert="expert-b", max_tokens=4).text == good


def test_what_is_installed_and_uninstalled_meanwhile_is_taken_over(base: Path, store: Store, engine: Engine) -> None:
    add(store, engine, "expert-a")
    with Runtime(base, store=store, cache_tokens=1024, watch=0.02) as runtime:
        before = runtime.generate("hello", expert="expert-a", max_tokens=4).text
        add(store, engine, "expert-b")
        wait_for(lambda: "local/expert-b" in runtime.models, 60)
        add(store, engine, "expert-a", version="0.2.0")
        wait_for(lambda: runtime.experts["local/expert-a"].installed.version == "0.2.0", 60)
        assert runtime.generate("hello", expert="expert-a", max_tokens=4).text == before
        store.uninstall("local/expert-b@0.1.0")
        wait_for(lambda: "local/expert-b" not in runtime.models, 60)
        with pytest.raises(NoSuchModel):
            runtime.generate("hello", expert="expert-b")
        assert runtime.refresh() == ([], [])


def test_loading_keeps_nobody_waiting_who_asks_something_else(base: Path, store: Store, engine: Engine) -> None:
    """While another thread holds the right to load, answers of what is loaded go on."""
    add(store, engine, "expert-a")
    with Runtime(base, store=store, cache_tokens=1024) as runtime, runtime._roster._loading:
        told: list[str] = []
        asking = Thread(target=lambda: told.append(runtime.generate("hello", expert="expert-a", max_tokens=2).text))
        asking.start()
        asking.join(60)
        assert told


def test_a_soft_prompt_is_installed_checked_and_served(base: Path, store: Store, engine: Engine) -> None:
    """A package without slots: its canary is replayed, its pages are shared, its tokens count against the context."""
    torch.manual_seed(4)
    prompt = SoftPrompt(embeddings=torch.randn(37, 64) * 0.2)

    def install(version: str, shift: float) -> None:
        engine.attach("measured", SlotRecord("prompt", prompt=prompt), "measured")
        tokens = engine.tokenizer.encode("the quick brown fox")
        values, ids = engine.last_logits(tokens, "measured").topk(8)
        probe = Probe(torch.tensor(tokens, dtype=torch.int32), ids.int(), values + shift)
        members = {
            "variants/tiny/prompt.safetensors": write_prompt(prompt, "fp32"),
            "variants/tiny/canary.safetensors": write_canary(Canary([probe], 1e-3)),
        }
        manifest = VariantManifest(engine.base_digest, engine.tokenizer_digest, Adapter("prompt", None))
        path = store.root.parent / f"soft-{version}.expert"
        changes: dict[str, Any] = {"name": "expert-soft", "version": version, "variants": {"tiny": manifest}}
        store.install(package(path, engine, members=members, slots=False, **changes))

    install("0.1.0", 0.0)
    with Runtime(base, store=store, cache_tokens=2048) as runtime:
        assert runtime.models == ["auto", "tiny-qwen3", "local/expert-soft"] and runtime.refused == {}
        answer = runtime.generate("hello", expert="expert-soft", max_tokens=8)
        again = runtime.generate("hello", expert="expert-soft", max_tokens=8)
        assert answer.text == again.text != runtime.generate("hello", expert="tiny-qwen3", max_tokens=8).text
        assert answer.usage.prompt_tokens == len(runtime.engine.tokenizer.chat(_said("hello")))
        with pytest.raises(ContextTooLong, match="this server takes 474"):
            runtime.generate("word " * 2000, expert="expert-soft")
        install("0.2.0", 1.0)
        with pytest.raises(LoadRefused, match="canary"):
            runtime.attach_experts(["expert-soft"])


def _said(text: str) -> list[dict[str, str]]:
    return [{"role": "system", "content": "You are query."}, {"role": "user", "content": text}]


def test_an_asynchronous_session_remembers(base: Path, folder: Path, engine: Engine) -> None:
    with Runtime(base, store=store_with(folder / "talk", engine, "query"), cache_tokens=1024) as runtime:

        async def talk() -> tuple[str, int, int]:
            session = runtime.session("expert-query", max_tokens=3)
            first = await session.say_async("hello")
            pieces = [piece.text async for piece in session.stream_async("again")]
            return first.text, len(pieces), len(session.messages)

        text, pieces, messages = asyncio.run(talk())
        assert text == runtime.session("expert-query", max_tokens=3).say("hello").text
        assert pieces > 1 and messages == 4
