"""dataset: from a recipe to rows for training, validation and test, with no leak between them."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from expertbuild.actions.base import base_directory
from expertbuild.actions.judges import judges
from expertbuild.data.measures import LATER
from expertbuild.graph import Action, Context


def _plugins(config: Mapping[str, Any]) -> Iterable[str]:
    from expertbuild.data.recipe import modules, scorers
    from expertbuild.evaluation.scorers import modules as scorer_modules

    recipe = _recipe(config)
    return [*modules(recipe), *(module for spec in scorers(recipe) for module in scorer_modules(spec))]


def _engines(config: Mapping[str, Any]) -> Mapping[str, str | None]:
    from expertbuild.data.recipe import scorers

    return judges(scorers(_recipe(config)))


def _recipe(config: Mapping[str, Any]) -> Mapping[str, Any]:
    dataset: Mapping[str, Any] = config["dataset"]
    recipe: Mapping[str, Any] = dataset[dataset["use"]]
    return recipe


# How a language model is reached and what it may cost: the answers are locked, so none of it decides which rows come.
CALLS = ("dataset.*.sources.*.calls", "dataset.*.test_sources.*.calls", "dataset.*.sources.*.seeds.*.calls")
# What is measured of rows that are there decides none of them: the report and the gate read it.
LOOKS = (*(f"dataset.*.measures.{kind}" for kind in LATER), "dataset.*.measures.*.*")

DATASET = Action(
    name="dataset",
    version=1,
    reads=("dataset",),
    unkeyed=("paths.expert", "paths.cache", *CALLS, *LOOKS),
    function="expertbuild.actions.dataset:dataset",
    libraries=("tokenizers", "sqlglot", "pglast"),
    engines=_engines,
    plugins=_plugins,
)


def placed(where: str, use: str) -> str:
    """A place in the recipe by its whole path, for whoever knows its file and line; any other place as it is."""
    from expertbuild.data.recipe import is_place

    return f"dataset.{use}.{where}" if is_place(where) else where


def dataset(run: Context) -> None:
    """Build the rows; lengths are counted with the base's own tokenizer."""
    from expertbuild.actions.crew import crew
    from expertbuild.data.recipe import build_dataset
    from expertbuild.evaluation.scorers import scorer
    from runtime.engine.tokenizer import Tokenizer
    from runtime.errors import Problem

    try:
        build_dataset(
            _recipe(run.config),
            run.out,
            tokenizer=Tokenizer.load(base_directory(run)),
            seed=run.seed,
            report=run.report,
            directory=Path(run.config["paths"]["expert"]),
            judge=scorer,
            crew=crew(run, DATASET.libraries),
        )
    except Problem as problem:
        problem.where = placed(problem.where, run.config["dataset"]["use"])
        raise
