"""Whether an expert can stand beside others: which of their test cases a router sends to it once it is installed too.

Weights of several experts in one batch do not touch each other (the engine's tests show it), so all that an expert can
take from another is its prompts. A case that is taken counts as lost, whatever the newcomer would have answered. Asked is
the router that serves, with its hashed heads; no model is loaded.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from expertbuild.evaluation.errors import GateRefused
from expertbuild.evaluation.interval import wilson
from runtime.router.profile import Profile
from runtime.router.router import Router

FORMAT = "company/1"
MOST_SHOWN = 3
LONGEST_SHOWN = 120
NOBODY = "no expert"


@dataclass(frozen=True)
class Neighbour:
    """Another expert; `prompts` of its test cases, as far as they are here."""

    profile: Profile
    prompts: Sequence[str] | None


def company(new: Profile, own: Sequence[str], others: Sequence[Neighbour], confidence: float = 0.95) -> dict[str, Any]:
    """What each of the others loses to the new one, and what of its own reaches it, as a document."""
    before = Router(each.profile for each in others)
    after = Router([*(each.profile for each in others), new])
    went = Counter(after.decide(prompt).expert or NOBODY for prompt in own)
    return {
        "format": FORMAT,
        "expert": new.name,
        "own": {"n": len(own), "reached": went.pop(new.name, 0), "lost": dict(sorted(went.items()))},
        "others": {
            each.profile.name: _loss(each.profile.name, each.prompts, new.name, before, after, confidence)
            for each in others
            if each.prompts is not None
        },
        "unmeasured": sorted(each.profile.name for each in others if each.prompts is None),
    }


def require(document: Mapping[str, Any], allowed: float) -> None:
    """Refuse a newcomer that surely takes more than that share of anybody's cases: by the interval's lower end."""
    over = {name: loss for name, loss in document["others"].items() if loss["share"]["interval"][0] > allowed}
    if over:
        told = [
            f"{document['expert']} takes {loss['taken']} of {loss['n']} test cases away from {name} "
            f"({_points(loss['share'])}; {100 * allowed:.1f} are let pass)"
            for name, loss in over.items()
        ]
        shown = [f"\n  {name} answered: {prompt}" for name, loss in over.items() for prompt in loss["cases"]]
        raise GateRefused(
            f"not beside the others: {'; '.join(told)}.{''.join(shown)}",
            hint="Look at expert.routing (keywords, exclude_keywords) and at what its rows have in common with the others'; "
            "evaluation.compatibility sets the bound.",
        )


def _loss(
    name: str, prompts: Sequence[str], new: str, before: Router, after: Router, confidence: float
) -> dict[str, Any]:
    taken = [
        prompt for prompt in prompts if after.decide(prompt).expert == new and before.decide(prompt).expert == name
    ]
    return {
        "n": len(prompts),
        "taken": len(taken),
        "share": wilson(len(taken), len(prompts), confidence).document(),
        "cases": [_short(prompt) for prompt in taken[:MOST_SHOWN]],
    }


def _points(share: Mapping[str, Any]) -> str:
    low, high = share["interval"]
    return f"{100 * share['value']:.1f} points, {100 * low:.1f} to {100 * high:.1f}"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_SHOWN else f"{line[: LONGEST_SHOWN - 1]}…"
