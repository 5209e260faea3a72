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
from expertbuild.graph.explain import Change, Reason, why
from expertbuild.graph.outcome import Outcome, StepOutcome
from expertbuild.graph.remote import Remote
from expertbuild.graph.run import build
from expertbuild.graph.upkeep import Finding, Held, Shrunk, Usage, keep, release, show, shrink, verify

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
