"""company: whether a new expert leaves those it will be installed beside their prompts.

It stands on the new one's profile and cases, and on the profiles and cases of the others as files, by their content. It is
no part of the package: who else is installed here says nothing about the package elsewhere, and a package must not
change because of its company.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from expertbuild.graph import Action, Context, Step

NAME = "company.json"
COMPANY = Action(
    name="company",
    version=1,
    reads=(
        *("evaluation.compatibility", "evaluation.cases", "evaluation.confidence"),
        *("expert.name", "package.publisher"),
    ),
    function="expertbuild.actions.company:company",
    libraries=("numpy",),
)
ALLOWED = 0.02


def company_step(package: Step, profile: Step, others: Mapping[str, Mapping[str, Path]]) -> Step:
    """The step for the expert of a package; `others`: full name -> `profile`, a folder, and `cases` where they are here."""
    files = {f"{name}/{part}": path for name, parts in sorted(others.items()) for part, path in sorted(parts.items())}
    inputs = {"dataset": profile.inputs["dataset"], "profile": profile}
    return Step(f"company[{package.config['expert']['name']}]", COMPANY, package.config, inputs, files)


def company(run: Context) -> None:
    """Ask a router with and without it; refuse it where it takes too much."""
    from expertbuild.evaluation.company import Neighbour, require
    from expertbuild.evaluation.company import company as measured
    from runtime.router.profile import Profile

    most = run.config["evaluation"]["cases"]
    names = sorted({role.rpartition("/")[0] for role in run.files})
    others = [
        Neighbour(
            Profile.read(run.files[f"{name}/profile"], name),
            _prompts(run.files[f"{name}/cases"], most) if f"{name}/cases" in run.files else None,
        )
        for name in names
    ]
    name = f"{run.config['package']['publisher']}/{run.config['expert']['name']}"
    own = _prompts(run.inputs["dataset"] / "test.jsonl", most)
    document = measured(Profile.read(run.inputs["profile"], name), own, others, run.config["evaluation"]["confidence"])
    require(document, run.config["evaluation"].get("compatibility", ALLOWED))
    text = json.dumps(document, sort_keys=True, indent=2, ensure_ascii=False)
    (run.out / NAME).write_text(text + "\n", encoding="utf-8")


def _prompts(cases: Path, most: int) -> list[str]:
    """What the router would be asked: the last thing the user said."""
    from itertools import islice

    from expertbuild.data.rows import read_rows

    found = []
    for row in islice(read_rows(cases), most):
        said = [message["content"] for message in row["messages"] if message["role"] == "user"]
        found += said[-1:]
    return found
