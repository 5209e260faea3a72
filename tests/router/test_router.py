"""The router: who answers a prompt, and why."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runtime.router import background
from runtime.router.encoders import HASHED
from runtime.router.errors import ProfileRefused
from runtime.router.features import COLUMNS
from runtime.router.heads import Head
from runtime.router.profile import Profile, build_profile
from runtime.router.router import Router
from runtime.router.rules import Rules
from tests.router.kinds import KINDS, prompts

ROUTING: dict[str, dict[str, Any]] = {
    "query": {"keywords": ["sql", "postgres"], "exclude_keywords": ["mongodb"], "fences": ["sql"]},
    "record": {"keywords": ["json"]},
}


@pytest.fixture(scope="module")
def profiles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Profile]:
    made = {}
    for kind in KINDS:
        folder = tmp_path_factory.mktemp(kind)
        build_profile(prompts(kind, 120), ROUTING.get(kind, {}), {}, folder / "profile")
        made[kind] = Profile.load(folder, f"local/expert-{kind}")
    return made


@pytest.fixture
def router(profiles: dict[str, Profile]) -> Iterator[Router]:
    yield Router(profiles.values())


def test_heads_that_never_saw_each_other_tell_their_prompts_apart(router: Router) -> None:
    """400 prompts of four kinds, each from a head that knows one kind and the background."""
    right = [
        router.decide(prompt).expert == f"local/expert-{kind}"
        for kind in KINDS
        for prompt in prompts(kind, 100, seed=7)
    ]
    assert len(right) == 400 and np.mean(right) > 0.9


def test_general_prompts_stay_with_the_base(router: Router) -> None:
    taken = [router.decide(prompt).expert for prompt in background.court()]
    assert np.mean([expert is not None for expert in taken]) < 0.1


def test_a_keyword_decides_and_is_named(router: Router) -> None:
    decision = router.decide("Something with Postgres, please.")
    assert decision.expert == "local/expert-query"
    assert "keyword 'postgres'" in decision.reasons[0] and decision.probability >= 0.5


def test_a_fence_decides(router: Router) -> None:
    assert router.decide("What is wrong here?\n```sql\nSELEC 1\n```").expert == "local/expert-query"


def test_an_excluded_keyword_rules_an_expert_out(router: Router) -> None:
    decision = router.decide("sql for mongodb")
    assert decision.expert != "local/expert-query" and "local/expert-query" not in decision.scores
    assert any("excluded keyword 'mongodb'" in reason for reason in decision.reasons)


def test_no_expert_is_a_decision_with_reasons(router: Router) -> None:
    decision = router.decide("Good morning!")
    assert decision.expert is None and decision.probability > 0.5
    assert decision.reasons[0].startswith("no expert reached its threshold")
    assert str(decision).startswith("no expert (the base answers)")


def test_without_experts_the_base_answers() -> None:
    assert Router().decide("anything").expert is None


def test_empty_and_endless_prompts_are_decided(router: Router) -> None:
    assert router.decide("").expert is None
    assert router.decide("\x1b[31m" * 1_000_000).expert is None


def test_a_common_keyword_captures_nothing(profiles: dict[str, Profile]) -> None:
    """`the` with priority 1.0: what the expert claims is not what it gets."""
    greedy = Profile("evil/expert-all", Rules(keywords=("the", "a", "what", "is", "how", "to")), priority=1.0)
    router = Router([*profiles.values(), greedy])
    assert any("'the' is ignored" in note for note in router.notes["evil/expert-all"])
    taken = [router.decide(prompt).expert == "evil/expert-all" for prompt in background.prompts()]
    assert np.mean(taken) == 0


def test_a_head_that_takes_everything_is_held_back(profiles: dict[str, Profile]) -> None:
    """It rates general prompts highest and asks for nothing; the court raises its threshold."""
    own = profiles["query"].heads[HASHED]
    inverted = Head(HASHED, -own.weight * 100)
    greedy = Profile("evil/expert-all", priority=1.0, heads={HASHED: inverted}, thresholds={HASHED: -100.0})
    router = Router([*profiles.values(), greedy])
    assert "raised" in router.notes["evil/expert-all"][0]
    taken = [router.decide(prompt).expert == "evil/expert-all" for prompt in background.court()]
    assert np.mean(taken) <= 0.025


def test_the_size_of_a_heads_weights_buys_nothing(profiles: dict[str, Profile]) -> None:
    loud = replace(
        profiles["verse"],
        heads={HASHED: Head(HASHED, profiles["verse"].heads[HASHED].weight * 1000)},
    )
    quiet, shouting = Router(profiles.values()), Router((profiles | {"verse": loud}).values())
    for kind in KINDS:
        for prompt in prompts(kind, 10, seed=3):
            assert quiet.decide(prompt).expert == shouting.decide(prompt).expert


def test_priority_decides_between_equals_only(profiles: dict[str, Profile]) -> None:
    twin = replace(profiles["query"], name="local/a-twin")
    first = replace(profiles["query"], name="local/z-preferred", priority=1.0)
    assert Router([twin, first]).decide("sql, please").expert == "local/z-preferred"
    assert Router([profiles["query"], replace(profiles["verse"], priority=1.0)]).decide("sql, please").expert == (
        "local/expert-query"
    )


def test_installing_and_removing_leaves_the_others_as_they_were(profiles: dict[str, Profile]) -> None:
    router = Router([profiles["query"], profiles["record"]])
    before = {prompt: router.decide(prompt).scores for prompt in prompts("query", 20, seed=5)}
    for number in range(20):
        router.add(replace(profiles["verse"], name=f"local/expert-{number}"))
    for number in range(20):
        router.remove(f"local/expert-{number}")
    assert router.experts == ["local/expert-query", "local/expert-record"]
    assert {prompt: router.decide(prompt).scores for prompt in before} == before
    router.add(profiles["verse"])
    assert router.decide("Compose a sonnet about invoices and the sea.").expert == "local/expert-verse"


def test_an_expert_is_there_once(profiles: dict[str, Profile]) -> None:
    router = Router([profiles["query"]])
    with pytest.raises(ProfileRefused, match="already"):
        router.add(profiles["query"])
    with pytest.raises(ProfileRefused, match="no expert"):
        router.remove("local/expert-other")


def test_a_stricter_router_takes_fewer(profiles: dict[str, Profile]) -> None:
    asked = [*background.prompts()[::4], *(prompt for kind in KINDS for prompt in prompts(kind, 5, seed=2))]
    taken = []
    for chance in (0.001, 0.5, 0.99999):
        router = Router(profiles.values(), threshold=chance)
        taken.append(sum(router.decide(prompt).expert is not None for prompt in asked))
    assert taken[0] > taken[1] > taken[2]


def test_a_thousand_experts_choose_as_ten_do(profiles: dict[str, Profile]) -> None:
    generator = np.random.default_rng(0)
    router = Router(profiles.values())
    for number in range(300):
        noise = Head(HASHED, generator.standard_normal(COLUMNS).astype(np.float32))
        router.add(Profile(f"other/expert-{number}", heads={HASHED: noise}, thresholds={HASHED: 3.5}))
    asked = [(kind, prompt) for kind in KINDS for prompt in prompts(kind, 25, seed=4)]
    right = [router.decide(prompt).expert == f"local/expert-{kind}" for kind, prompt in asked]
    assert np.mean(right) > 0.9 and len(router.decide("sql").scores) <= 10


def test_deciding_imports_no_torch(tmp_path: Path) -> None:
    build_profile(prompts("query", 20), {}, {}, tmp_path / "profile")
    program = (
        "import sys; from runtime.router.profile import Profile; from runtime.router.router import Router;"
        f"Router([Profile.load({str(tmp_path)!r}, 'local/x')]).decide('sql');"
        "print([name for name in ('torch', 'transformers', 'sklearn', 'scipy') if name in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
