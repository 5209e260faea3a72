"""Loading fails closed: every refusal names the expert and the check it did not pass, and leaves nothing behind."""

from pathlib import Path

import pytest

from runtime.engine.engine import Engine
from runtime.engine.errors import BaseRefused
from runtime.errors import Mistake
from runtime.registry.keys import developer_key, developer_key_id, keygen
from runtime.registry.refusals import Unsigned
from runtime.registry.rotation import sign_rotation
from runtime.registry.store import Store
from runtime.registry.succession import next_rotation, revoke, rotate
from runtime.service import LoadRefused, Runtime
from runtime.service.bases import Base, find_base
from tests.server.conftest import wait_for
from tests.server.installed import package


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def trust(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keys and a trust file of their own, for tests that change who is trusted."""
    monkeypatch.setenv("EXPERTBUILD_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def _refusal(base: Path, store: Store) -> str:
    """What a runtime says about the one expert in the store; it must be running on without it."""
    with Runtime(base, store=store, cache_tokens=512) as runtime:
        assert runtime.experts == {} and runtime.engine.attached() == {}
        assert runtime.generate("hello", max_tokens=1).expert is None
        refusal = runtime.refused["local/expert-query"]
        with pytest.raises(LoadRefused):
            runtime.attach_experts(["expert-query"])
        with pytest.raises(Mistake, match="not loaded"):
            runtime.generate("hello", expert="expert-query")
        return str(refusal)


def test_an_expert_for_another_base_is_refused_by_name(
    base: Path, store: Store, engine: Engine, tmp_path: Path
) -> None:
    store.install(package(tmp_path / "a.expert", engine, digests=("a" * 64, engine.tokenizer_digest)))
    assert _refusal(base, store) == (
        f"local/expert-query@0.1.0 is not loaded (base): it was built for tiny (aaaaaaaaaaaa), and this is tiny-qwen3"
        f" ({engine.base_digest[:12]})."
    )


def test_an_expert_for_another_tokenizer_is_refused(base: Path, store: Store, engine: Engine, tmp_path: Path) -> None:
    store.install(package(tmp_path / "a.expert", engine, digests=(engine.base_digest, "b" * 64)))
    assert "(tokenizer)" in _refusal(base, store)


def test_a_canary_that_does_not_come_out_again_is_refused(
    base: Path, store: Store, engine: Engine, tmp_path: Path
) -> None:
    store.install(package(tmp_path / "a.expert", engine, shift=0.5))
    assert "(canary)" in _refusal(base, store) and "off by 0.5" in _refusal(base, store)


def test_a_grammar_that_does_not_compile_is_refused(base: Path, store: Store, engine: Engine, tmp_path: Path) -> None:
    kept = package(
        tmp_path / "a.expert", engine, members={"grammar.gbnf": b"root ::= nothing\n"}, decoding=_with_grammar()
    )
    store.install(kept)
    assert "(grammar)" in _refusal(base, store)


def test_an_expert_may_stretch_the_bases_positions_and_only_in_words_that_mean_something(
    base: Path, store: Store, engine: Engine, tmp_path: Path
) -> None:
    from runtime.artifact.manifest import Decoding

    told = {"rope_type": "yarn", "factor": 2.0}
    file = package(tmp_path / "a.expert", engine, decoding=Decoding(max_tokens=4, rope=told))
    with Runtime(base, [file], store, cache_tokens=2048) as runtime:
        prompt = "word " * 150
        assert runtime.generate(prompt, expert="expert-query", max_tokens=2).expert == "local/expert-query"
        with pytest.raises(Mistake, match="this server takes 511"):
            runtime.generate(prompt, expert=runtime.base)
        assert runtime.generate(prompt, expert=runtime.base, rope=told, max_tokens=2).expert is None
    store.install(
        package(tmp_path / "b.expert", engine, version="0.2.0", decoding=Decoding(rope={"rope_type": "longrope"}))
    )
    assert "(decoding): rope type longrope needs 'short_factor'" in _refusal(base, store)


def test_a_file_that_changed_in_the_store_is_refused(base: Path, store: Store, engine: Engine, tmp_path: Path) -> None:
    installed = store.install(package(tmp_path / "a.expert", engine))
    slots = installed.path("variants/tiny/slots.safetensors")
    data = bytearray(slots.read_bytes())
    data[-1] ^= 1
    slots.chmod(0o644)
    slots.write_bytes(data)
    assert "(files)" in _refusal(base, store)


def test_an_unsigned_package_needs_the_policys_leave(base: Path, store: Store, engine: Engine, tmp_path: Path) -> None:
    file = package(tmp_path / "a.expert", engine, signed=False)
    with pytest.raises(Unsigned), Runtime(base, [file], store, cache_tokens=512):
        pass
    store.install(file, allow_unsigned=True)
    assert "(signature): its signatures are unsigned." in _refusal(base, store)
    with Runtime(base, store=store, cache_tokens=512, unsigned=True) as runtime:
        assert runtime.experts["local/expert-query"].installed.trust == "unsigned"


def test_an_expert_whose_key_was_revoked_is_refused(
    base: Path, store: Store, engine: Engine, tmp_path: Path, trust: Path
) -> None:
    store.install(package(tmp_path / "a.expert", engine))
    revoke("local", developer_key_id())
    assert "(signature): its signatures are revoked." in _refusal(base, store)
    with pytest.raises(LoadRefused, match="revoked"), Runtime(base, ["expert-query"], store, cache_tokens=512):
        pass


def test_an_expert_that_was_loaded_before_its_key_was_revoked_does_not_stay(
    base: Path, store: Store, engine: Engine, tmp_path: Path, trust: Path
) -> None:
    store.install(package(tmp_path / "a.expert", engine))
    with Runtime(base, store=store, cache_tokens=512) as runtime:
        revoke("local", developer_key_id())
        assert runtime.attach_experts() == []
        assert runtime.experts == {} and runtime.engine.attached() == {}
        assert "revoked" in str(runtime.refused["local/expert-query"])
        assert runtime.generate("hello", max_tokens=1).expert is None


def test_a_runtime_that_watches_lets_go_of_what_a_revoked_key_let_in(
    base: Path, store: Store, engine: Engine, tmp_path: Path, trust: Path
) -> None:
    store.install(package(tmp_path / "a.expert", engine))
    with Runtime(base, store=store, cache_tokens=512, watch=0.02) as runtime:
        assert runtime.experts
        revoke("local", developer_key_id())
        wait_for(lambda: "local/expert-query" in runtime.refused, 60)
        assert runtime.experts == {} and "revoked" in str(runtime.refused["local/expert-query"])


def test_an_expert_of_a_retired_key_is_loaded_as_before(
    base: Path, store: Store, engine: Engine, tmp_path: Path, trust: Path
) -> None:
    store.install(package(tmp_path / "a.expert", engine))
    successor = keygen(tmp_path / "next.pem")
    rotate("local", sign_rotation(next_rotation("local", [successor.public]), [developer_key()]))
    with Runtime(base, store=store, cache_tokens=512) as runtime:
        assert list(runtime.experts) == ["local/expert-query"]


def test_an_expert_without_a_profile_is_routed_by_its_manifest(
    base: Path, store: Store, engine: Engine, tmp_path: Path
) -> None:
    store.install(package(tmp_path / "a.expert", engine, profile=False))
    with Runtime(base, store=store, cache_tokens=512) as runtime:
        assert runtime.route("some sql").expert == "local/expert-query"
        assert runtime.route("Good morning!").expert is None


def test_a_base_is_a_directory_a_source_or_a_name(base: Path) -> None:
    assert find_base(base) == find_base(f"path:{base}") == Base("tiny-qwen3", base)
    with pytest.raises(Mistake, match=r"no base 'nona'.*nano"):
        find_base("nona")


def test_a_base_with_another_content_than_its_configuration_names_is_refused(base: Path) -> None:
    with pytest.raises(BaseRefused, match="the tokenizer of base x has the digest 222"):
        Base("x", base, None, "1" * 64).expect("1" * 64, "2" * 64)


def _with_grammar() -> object:
    from runtime.artifact.manifest import Decoding

    return Decoding(grammar=True)
