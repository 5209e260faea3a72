"""From composed configurations, one for each base, to the steps of their build.

Each base has a branch of its own; the graph shares by key whatever turns out the same. The release
joins the branches again, with a variant for each.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from expertbuild.actions.base import BASE, base_files
from expertbuild.actions.compare import COMPARE
from expertbuild.actions.compile import COMPILE
from expertbuild.actions.dataset import DATASET
from expertbuild.actions.evaluate import EVALUATE
from expertbuild.actions.grammar import GRAMMAR
from expertbuild.actions.measure import MEASURE
from expertbuild.actions.package import PACKAGE
from expertbuild.actions.pretrain import PRETRAIN
from expertbuild.actions.profile import PROFILE
from expertbuild.actions.report import GATE, REPORT, gated
from expertbuild.actions.train import TRAIN
from expertbuild.data.measures import ALWAYS
from expertbuild.data.recipe import files as recipe_files
from expertbuild.graph import Step
from runtime.engine.base import TOKENIZER_FILES

Config = Mapping[str, Any]


@dataclass(frozen=True)
class Branch:
    """One base: its configuration, and where its files lie (None: it is to be made from its recipe)."""

    config: Config
    directory: Path | None


def plan(branches: Sequence[Branch], expert: Path | None, key_id: str, release: Path | None = None) -> list[Step]:
    """The steps that `target` asks for; what they stand on hangs below them. `release`: the last one, to compare with."""
    config = branches[0].config
    target: str = "train" if config["target"] == "adapter" else config["target"]
    if target == "base":
        return [_base_target(branch) for branch in branches]
    assert expert is not None  # configuration is checked before: only target=base does without
    made = {branch.config["base"]["name"]: _steps(branch, expert, release) for branch in branches}
    if target == "dataset":
        return [steps[name] for steps in made.values() for name in ("dataset", "report", "gate") if name in steps]
    if target != "package":
        return [steps[target] for steps in made.values()]
    return [_package(branches, made, expert, key_id)]


def _base_target(branch: Branch) -> Step:
    name = branch.config["base"]["name"]
    if branch.config["base"]["recipe"] is None:
        return _base(branch)
    pretrain = Step(id=f"pretrain[{name}]", action=PRETRAIN, config=branch.config)
    return Step(id=f"measure[{name}]", action=MEASURE, config=branch.config, inputs={"pretrain": pretrain})


def _base(branch: Branch) -> Step:
    return Step(id=f"base[{branch.config['base']['name']}]", action=BASE, config=branch.config, files=_model(branch))


def _model(branch: Branch) -> dict[str, Path]:
    assert branch.directory is not None
    return base_files(branch.directory)


def _steps(branch: Branch, expert: Path, release: Path | None) -> dict[str, Step]:
    """The chain of one base, by action."""
    config, files = branch.config, _model(branch)
    of = f"[{config['expert']['name']},{config['base']['name']}]"
    tokenizer = {role: path for role, path in files.items() if path.name in TOKENIZER_FILES}
    data = tokenizer | recipe_files(config["dataset"][config["dataset"]["use"]], expert)
    grammar = {"grammar": expert / config["decoding"]["grammar"]} if config["decoding"]["grammar"] else {}

    config = {
        **config,
        "dataset": _used(config["dataset"]),
        "paths": {"expert": str(expert), "cache": config["paths"]["cache"]},
    }

    def step(action: Any, inputs: dict[str, Step], files: Mapping[str, Path]) -> Step:
        return Step(action.name + of, action, config, inputs, files, seed=config["seed"])

    base = _base(branch)
    dataset = step(DATASET, {}, data)
    report = step(REPORT, {"dataset": dataset}, {})
    # Where bounds are set, nothing is trained before they hold; where none are, a training does not wait for a report.
    gate = {"gate": step(GATE, {"report": report}, {})} if gated(config) else {}
    if grammar:  # what it forbids cannot be learned
        gate["grammar"] = step(GRAMMAR, {"dataset": dataset}, {**tokenizer, **grammar})
    train = step(TRAIN, {"base": base, "dataset": dataset, **gate}, files)
    compiled = step(COMPILE, {"base": base, "dataset": dataset, "train": train}, files)
    evaluate = step(EVALUATE, {"base": base, "dataset": dataset, "compile": compiled}, {**files, **grammar})
    compare = {}
    if release is not None:
        compare["compare"] = step(COMPARE, {"dataset": dataset, "evaluate": evaluate}, {**files, "release": release})
    profile = step(PROFILE, {"dataset": dataset}, {})
    return {
        "base": base,
        "dataset": dataset,
        "report": report,
        **gate,
        "train": train,
        "compile": compiled,
        "evaluate": evaluate,
        **compare,
        "profile": profile,
    }


def _used(dataset: Config) -> Config:
    """The recipe that this build uses, under its name, so that another one beside it is part of no key.

    Measures that are always taken are named: to set a bound on one is not to take another.
    """
    recipe = dataset[dataset["use"]]
    measures = {**dict.fromkeys(ALWAYS), **(recipe.get("measures") or {})}
    named = {kind: spec or {} for kind, spec in measures.items()}
    return {"use": dataset["use"], dataset["use"]: {**recipe, "measures": named}}


def _package(branches: Sequence[Branch], made: Mapping[str, Mapping[str, Step]], expert: Path, key_id: str) -> Step:
    config = branches[0].config
    roles = ("base", "compile", "evaluate", "compare")
    inputs = {f"{role}/{base}": steps[role] for base, steps in made.items() for role in roles if role in steps}
    first = next(iter(made.values()))
    files = {"readme": expert / "README.md", "license": expert / "LICENSE"}
    if config["decoding"]["grammar"]:
        files["grammar"] = expert / config["decoding"]["grammar"]
    sealed = {
        **config["package"],
        "key_id": key_id,
        "bases": [_variant(branch.config) for branch in branches],
    }
    return Step(
        id=f"package[{config['expert']['name']}]",
        action=PACKAGE,
        config={**config, "package": sealed},
        inputs={**inputs, "profile": first["profile"]},
        files={role: path for role, path in files.items() if path.is_file()},
        seed=config["seed"],
    )


def _variant(config: Config) -> dict[str, Any]:
    """What the manifest says of a variant."""
    adapter = config["adapter"]
    return {"name": config["base"]["name"], "adapter": {"kind": adapter["kind"], "r": adapter.get("r")}}
