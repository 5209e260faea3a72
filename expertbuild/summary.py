"""The last lines of a build: what is where, what it scored against its base, and what to type next."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from expertbuild.display import size
from expertbuild.graph import Status, StepOutcome

_MEANING = {
    Status.HIT: "up to date",
    Status.FETCH: "would be fetched from the remote cache",
    Status.BUILD: "would be built",
    Status.DEPENDS: "would be built, unless its inputs come out as they once were",
}


def planned(outcome: Mapping[str, StepOutcome]) -> str:
    """What a build would do, a line for each step."""
    width = max(len(step) for step in outcome)
    return "\n".join(f"{step:<{width}}  {_MEANING[made.status]}" for step, made in outcome.items())


def result(made: StepOutcome) -> str:
    """Where the result of one step lies."""
    return f"{made.step.id}: {made.path()}"


def dataset(directory: Path) -> str:
    """What a dataset is like, on one screen, and where the page is that shows more."""
    from expertbuild.data.report.screen import screen

    document = json.loads((directory / "report.json").read_text(encoding="utf-8"))
    return f"\n{screen(document)}\nreport     {directory / 'report.html'}"


def base(directory: Path) -> str:
    """Where a new base lies, what it can do, and how to build on it."""
    from runtime.engine.base import base_digest, tokenizer_digest

    report = json.loads((directory / "report.json").read_text(encoding="utf-8"))
    losses = report["held_out_loss"]
    return "\n".join(
        [
            "",
            f"{report['parameters'] / 1e6:.2f} million parameters, {report['tokens'] / 1e6:.1f} million tokens",
            f"held-out loss {min(losses.values()):.2f} to {max(losses.values()):.2f} nats per token by field, "
            f"copies {report['copying']['exact']:.1%} exactly, keeps a format {report['format_kept']['share']:.1%}",
            f"base             {directory}",
            f"digest           {base_digest(directory)}",
            f"tokenizer_digest {tokenizer_digest(directory)}",
            f"next             expertbuild expert=expert-json base.source=path:{directory.absolute()}",
        ]
    )


def package(path: Path, installed: Any, company: Sequence[Path] = ()) -> str:
    """The score, the package, and the next command. `company`: where the reports on its company lie."""
    from runtime.artifact.package import open_package

    with open_package(path, verify=False) as opened:
        name, version = opened.manifest.full_name, opened.manifest.version
        lines = [""]
        for base in opened.variants:
            evaluation = json.loads(opened.read(f"variants/{base}/evaluation.json"))
            lines.append(f"{name} {version} on {base}: {score(evaluation)}")
            lines += [f"{word:<11}{text}" for word, text in _further(evaluation)]
        lines += [f"beside     {_beside(folder)}" for folder in company]
        lines.append(f"package    {path}  ({size(path.stat().st_size)}, id {opened.id[:16]})")
    if installed is not None:
        lines += _installed(installed)
    else:
        lines.append(f"next       expertbuild install {path} && python -m runtime.serve")
    return "\n".join(lines)


def installed(found: Any, company: Sequence[Path] = ()) -> str:
    """What was installed after all of a command were built."""
    return "\n".join(["", *(f"beside     {_beside(folder)}" for folder in company), *_installed(found)])


def _installed(found: Any) -> list[str]:
    return [f"installed  {found.name} {found.version} ({found.trust})", "next       python -m runtime.serve"]


def _further(evaluation: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Form, and the release before, where there is something to say."""
    if "well_formed" in evaluation:
        yield "form", f"{_share(evaluation['well_formed']['expert'])} of its answers are well formed"
    released = evaluation.get("released")
    if released is None:
        yield "release", "there is no earlier one to compare with"
    elif "unlike" in released:
        yield "release", f"not compared with {released['version']}: {released['unlike']}"
    else:
        changed = released["changed"]
        yield (
            "release",
            f"better than {released['version']} by {_share(released['difference'])}: on the same {released['n']} cases, "
            f"{changed['better']} got better and {changed['worse']} worse",
        )


def _beside(folder: Path) -> str:
    found = json.loads((folder / "company.json").read_text(encoding="utf-8"))
    own, others = found["own"], found["others"]
    text = f"{own['reached']} of {own['n']} of its own cases reach it"
    if others:
        taken, asked = (sum(loss[field] for loss in others.values()) for field in ("taken", "n"))
        text += f"; it takes {taken} of {asked} from {', '.join(others)}"
    if found["unmeasured"]:
        text += f"; no cases are here of {', '.join(found['unmeasured'])}"
    return text


def score(evaluation: Mapping[str, Any]) -> str:
    """`94.3 % (91.1 to 96.4), its base 2.0 % (0.9 to 4.3); better by ...`"""
    overall = evaluation["overall"]
    grammar = " with its grammar" if evaluation["grammar"] else ""
    return (
        f"{_share(overall['expert'])}, its base {_share(overall['base'])}; better by {_share(overall['difference'])} "
        f"({evaluation['scorer']['kind']}{grammar}, n = {overall['n']}, {evaluation['confidence']:.0%} intervals)"
    )


def _share(figure: Mapping[str, Any]) -> str:
    low, high = figure["interval"]
    return f"{figure['value'] * 100:.1f} % ({low * 100:.1f} to {high * 100:.1f})"
