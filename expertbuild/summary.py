"""The last lines of a build: what is where, what it scored against its base, and what to type next."""

from pathlib import Path
from typing import Any

from expertbuild.display import size
from expertbuild.graph import Outcome, Status, StepOutcome

_MEANING = {
    Status.HIT: "up to date",
    Status.FETCH: "would be fetched from the remote cache",
    Status.BUILD: "would be built",
    Status.DEPENDS: "would be built, unless its inputs come out as they once were",
}


def planned(outcome: Outcome) -> str:
    """What a build would do, a line for each step."""
    width = max(len(step) for step in outcome)
    return "\n".join(f"{step:<{width}}  {_MEANING[made.status]}" for step, made in outcome.items())


def result(made: StepOutcome) -> str:
    """Where the result of one step lies."""
    return f"{made.step.id}: {made.path()}"


def package(path: Path, installed: Any) -> str:
    """The score, the package, and the next command."""
    from runtime.artifact.package import open_package

    with open_package(path, verify=False) as opened:
        name, version = opened.manifest.full_name, opened.manifest.version
        lines = [""]
        for base, evaluation in sorted(opened.statement.provenance.evaluation.items()):
            lines.append(f"{name} {version} on {base}: {score(evaluation)}")
        lines.append(f"package    {path}  ({size(path.stat().st_size)}, id {opened.id[:16]})")
    if installed is not None:
        lines.append(f"installed  {installed.name} {installed.version} ({installed.trust})")
        lines.append("next       python -m runtime.serve")
    else:
        lines.append(f"next       expertbuild install {path} && python -m runtime.serve")
    return "\n".join(lines)


def score(evaluation: Any) -> str:
    """`94.3 % of 300 cases (91.1 to 96.4), its base 2.0 % (0.9 to 4.3)`"""
    percent = f"{evaluation['confidence']:.0%}"
    return (
        f"{_share(evaluation['expert'])}, its base {_share(evaluation['base'])}; "
        f"better by {_share(evaluation['difference'])} "
        f"(n = {evaluation['n']}, {percent} intervals, {evaluation['measure']})"
    )


def _share(one: Any) -> str:
    low, high = one["interval"]
    return f"{one['score']:.1%} ({low:.1%} to {high:.1%})"
