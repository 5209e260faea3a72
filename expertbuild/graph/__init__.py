"""A content-keyed build graph. It knows steps, keys and bytes, and nothing of machine learning.

    dataset = Step("dataset[expert-sql]", DATASET, config, {}, {"grammar": path}, seed=7)
    train = Step("train[expert-sql,nano]", TRAIN, config, {"dataset": dataset}, seed=7)
    outcome = build([train], Cache(), listener=print)
    outcome.check()
    outcome[train.id].path() / "adapter.safetensors"

A step is built when no result is recorded for its key: the SHA-256 of everything that can change
its output (key.py). Results lie in a content store (cache.py) that several builds can use at once,
and that loses nothing finished to `kill -9`, a full disk or a failing step.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from expertbuild.graph.action import Action, Context, Step
from expertbuild.graph.cache import Cache
from expertbuild.graph.errors import CacheProblem, GraphMistake, Interrupted, StepFailed
from expertbuild.graph.events import (
    Event,
    Failed,
    Fetched,
    Finished,
    Hit,
    Listener,
    Planned,
    Progress,
    Skipped,
    Started,
    Status,
    Stopping,
    Waiting,
    Warned,
)
from expertbuild.graph.outcome import Outcome, StepOutcome
from expertbuild.graph.run import build

if TYPE_CHECKING:
    from expertbuild.graph.checking import Finding, verify
    from expertbuild.graph.explain import Change, Reason, why
    from expertbuild.graph.remote import Remote
    from expertbuild.graph.roots import keep, release
    from expertbuild.graph.upkeep import Held, Shrunk, Usage, show, shrink

# What a build with nothing to do has no use for is imported when it is first asked for.
_LATER = {
    **dict.fromkeys(("Change", "Reason", "why"), "explain"),
    "Remote": "remote",
    **dict.fromkeys(("keep", "release"), "roots"),
    **dict.fromkeys(("Held", "Shrunk", "Usage", "show", "shrink"), "upkeep"),
    **dict.fromkeys(("Finding", "verify"), "checking"),
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)


__all__ = [
    "Action",
    "Cache",
    "CacheProblem",
    "Change",
    "Context",
    "Event",
    "Failed",
    "Fetched",
    "Finding",
    "Finished",
    "GraphMistake",
    "Held",
    "Hit",
    "Interrupted",
    "Listener",
    "Outcome",
    "Planned",
    "Progress",
    "Reason",
    "Remote",
    "Shrunk",
    "Skipped",
    "Started",
    "Status",
    "Step",
    "StepFailed",
    "StepOutcome",
    "Stopping",
    "Usage",
    "Waiting",
    "Warned",
    "build",
    "keep",
    "release",
    "show",
    "shrink",
    "verify",
    "why",
]
