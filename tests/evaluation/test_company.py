"""An expert among others: whose prompts it takes, and what is said when it takes too many."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from expertbuild.evaluation.company import Neighbour, company, require
from expertbuild.evaluation.errors import GateRefused
from runtime.router.profile import Profile, build_profile
from tests.router.kinds import prompts

NO_WORDS = {"keywords": [], "exclude_keywords": [], "priority": 0.0}


@cache
def profile(kind: str, name: str) -> Profile:
    with TemporaryDirectory() as folder:
        build_profile(prompts(kind, 80), NO_WORDS, {}, folder)
        return Profile.read(Path(folder), name)


def neighbour(kind: str, *, cases: bool = True) -> Neighbour:
    return Neighbour(profile(kind, f"local/{kind}"), prompts(kind, 60)[-50:] if cases else None)


def test_an_expert_for_something_else_takes_nothing() -> None:
    made = company(
        profile("verse", "local/verse"), prompts("verse", 60)[-50:], [neighbour("query"), neighbour("record")]
    )
    assert {name: (loss["n"], loss["taken"]) for name, loss in made["others"].items()} == {
        "local/query": (50, 0),
        "local/record": (50, 0),
    }
    assert made["own"]["n"] == 50 and made["own"]["reached"] >= 45
    assert made["own"]["reached"] + sum(made["own"]["lost"].values()) == 50
    require(made, 0.0)


def test_an_expert_that_was_taught_anothers_prompts_is_refused_with_counts_and_prompts() -> None:
    twin = profile("query", "local/a-twin")  # its name comes first, and nothing else tells the two apart
    made = company(twin, prompts("query", 60)[-50:], [neighbour("query"), neighbour("record")])
    taken = made["others"]["local/query"]["taken"]
    assert taken > 25 and made["others"]["local/record"]["taken"] == 0
    with pytest.raises(GateRefused) as refused:
        require(made, 0.02)
    first, *shown = str(refused.value).splitlines()
    assert f"local/a-twin takes {taken} of 50 test cases away from local/query ({2 * taken:.1f} points, " in first
    assert first.endswith("; 2.0 are let pass).")
    assert len(shown) == 3 and shown[0].startswith("  local/query answered: ")
    require(made, 1.0)


def test_where_no_cases_are_at_hand_it_is_said() -> None:
    made = company(profile("verse", "local/verse"), ["A ballad."], [neighbour("query", cases=False)])
    assert made["unmeasured"] == ["local/query"] and made["others"] == {}
