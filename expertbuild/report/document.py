"""What there is to say about a build, as one document: schemas/build-report.schema.json.

Taken from what the steps left and from what the cache noted about them; nothing is measured here. A build that failed
half way has a document too, with what it came to. Times are those of the run in which each result was made, so a build
with nothing to do gives the same document again.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from expertbuild.evaluation import transcript
from expertbuild.evaluation.errors import GateRefused
from expertbuild.graph import Outcome, Step, StepOutcome
from expertbuild.graph.action import in_order
from expertbuild.graph.events import Failed

FORMAT = "build-report/1"
SHOWN = 10  # good outputs, and bad ones
POINTS = 120  # of a curve
LONGEST = 2000  # letters of a question or an answer

Config = Mapping[str, Any]


def document(
    steps: Sequence[Step], outcome: Outcome, package: Path | None, company: Sequence[StepOutcome] = ()
) -> dict[str, Any]:
    """The report of a build whose first step is the package; `package`: the file that came of it, if one did.

    `company`: how it was seen beside the other experts.
    """
    config = steps[0].config
    failures = [*outcome.failures, *(seen.failure for seen in company if seen.failure)]
    order = in_order(steps)
    made = {step: outcome[step.id] for step in order}
    return {
        "format": FORMAT,
        "expert": {
            "publisher": config["package"]["publisher"],
            **{key: config["expert"][key] for key in ("name", "version", "summary", "license", "limitations")},
        },
        "state": _state(failures, package),
        "failures": [{"step": failure.step, "what": failure.what, "hint": failure.hint} for failure in failures],
        "finished": max((result.record.finished for result in made.values() if result.record), default=None),
        "package": _package(package, config) if package else None,
        "company": next((_json(seen.path() / "company.json") for seen in company if seen.record), None),
        "variants": {
            base["name"]: _variant(
                {step.action.name: made[step] for step in order if step.config["base"]["name"] == base["name"]}
            )
            for base in config["package"]["bases"]
        },
        "steps": [
            {
                "id": step.id,
                "seconds": result.record.seconds,
                "finished": result.record.finished,
                "size": result.record.size,
                "key": result.record.key,
            }
            for step, result in made.items()
            if result.record
        ],
        "libraries": dict(sorted(_libraries(made.values()))),
    }


def _state(failures: Sequence[Failed], package: Path | None) -> str:
    if package is not None:
        return "built"
    return "refused" if any(failure.kind == GateRefused.__name__ for failure in failures) else "failed"


def _package(path: Path, config: Config) -> dict[str, Any]:
    from runtime.artifact.package import open_package

    with open_package(path, verify=False) as opened:
        listed = {"statement.json": len(opened.statement_bytes)}
        members = {name: member.size for name, member in opened.members.items()} | listed
        return {
            "file": path.name,
            "id": opened.id,
            "signed_by": config["package"]["key_id"],
            "size": path.stat().st_size,
            "members": members,
        }


def _variant(made: Mapping[str, StepOutcome]) -> dict[str, Any]:
    """One base, as far as its steps came. The configuration is that of the branch, of which every step has all."""
    config = next(iter(made.values())).step.config
    use = config["dataset"]["use"]
    left = {name: result.path() for name, result in made.items() if result.record}
    cases = transcript.read(left["evaluate"]) if "evaluate" in left else []
    base = config["base"]
    return {
        "base": {
            "name": base["name"],
            "license": base["license"],
            **(_json(left["base"] / "base.json") if "base" in left else {}),
        },
        "adapter": config["adapter"],
        "train": config["train"],
        "compile": config["compile"],
        "recipe": {"use": use, **config["dataset"][use]},
        "decoding": config["decoding"],
        "measured": config["evaluation"],
        "seed": config["seed"],
        "data": _data(_json(left["dataset"] / "statistics.json")) if "dataset" in left else None,
        "curve": _curve(_json(left["train"] / "curve.json")) if "train" in left else None,
        "trained_size": made["train"].outputs["adapter_model.safetensors"].size if "train" in left else None,
        "compiled": _json(left["compile"] / "parity.json") if "compile" in left else None,
        "evaluation": _evaluation(_json(left["evaluate"] / "evaluation.json")) if "evaluate" in left else None,
        "released": _json(left["compare"] / "comparison.json") if "compare" in left else None,
        "unguided": _json(left["unguided"] / "unguided.json") if "unguided" in left else None,
        "examples": {name: [_cut(case) for case in some] for name, some in transcript.examples(cases, SHOWN).items()},
    }


def _data(statistics: Mapping[str, Any]) -> dict[str, Any]:
    measures = statistics["measures"]
    return {
        "rows": statistics["rows"],
        "drawn": statistics["drawn"],
        "dropped": [{key: each[key] for key in ("transform", "reason", "rows")} for each in statistics["dropped"]],
        "strata": measures["strata"]["train"]["strata"],
        "tokens": {
            f"{split}, {side}": {name: found[side][name] for name in ("median", "p95", "longest", "total")}
            for split, found in measures["tokens"].items()
            for side in ("prompt", "answer")
        },
    }


def _curve(curve: Mapping[str, Any]) -> dict[str, Any]:
    """The loss of many steps as the means of some stretches, each at its last step."""
    losses = curve["loss"]
    stretch = max(1, -(-len(losses) // POINTS))
    parts = [losses[start : start + stretch] for start in range(0, len(losses), stretch)]
    ends = [min((number + 1) * stretch, len(losses)) for number in range(len(parts))]
    return {
        "training": [[end, round(sum(part) / len(part), 5)] for end, part in zip(ends, parts, strict=True)],
        "validation": curve["validation"],
        **{key: curve[key] for key in ("learning_rate", "tokens")},
        "steps": len(losses),
    }


def _evaluation(evaluation: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("scorer", "engine", "grammar", "confidence", "overall", "strata", "parts", "well_formed")
    return {key: evaluation[key] for key in kept if key in evaluation}


def _cut(case: Mapping[str, Any]) -> dict[str, Any]:
    def short(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: short(item) for key, item in value.items()}
        return f"{value[: LONGEST - 1]}…" if isinstance(value, str) and len(value) > LONGEST else value

    return {key: short(value) for key, value in case.items()}


def _libraries(made: Iterable[StepOutcome]) -> Iterable[tuple[str, str]]:
    for result in made:
        if result.record:
            yield from ((name, version) for name, version in result.record.made_with.items() if version is not None)


def _json(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document
