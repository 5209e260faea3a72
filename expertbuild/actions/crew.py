"""Who works on the rows of a dataset, and under which names what they find out is remembered.

A name holds all that decides the answer it stands for - options, code, files, versions - as the key of a step does. Nothing
here decides which rows come.
"""

import json
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from expertbuild.actions.base import base_directory
from expertbuild.actions.dataset import CALLS
from expertbuild.actions.judges import judges
from expertbuild.actions.memory import digests, known_code, memory
from expertbuild.data.recipe import files, modules, scorers
from expertbuild.data.remembered import key_of
from expertbuild.data.sources import source
from expertbuild.data.stages import COUNT, Crew
from expertbuild.data.transforms import TRANSFORMS
from expertbuild.evaluation.scorers import modules as scorer_modules
from expertbuild.graph import Cache, Context
from expertbuild.graph.code import Code
from expertbuild.graph.facts import file_memo
from expertbuild.graph.key import without
from expertbuild.graph.libraries import Libraries
from expertbuild.graph.memo import Memo
from expertbuild.graph.pool import cores
from expertbuild.graph.tree import hash_file, source_digest
from runtime.engine.base import tokenizer_digest
from runtime.engine.tokenizer import Tokenizer

Spec = Mapping[str, Any]
# What a source says of itself that decides none of its rows.
_ASIDE = ("sources.*.weight", "sources.*.part", *(path.removeprefix("dataset.*.") for path in CALLS))


def crew(run: Context, libraries: Iterable[str]) -> Crew:
    """One process for each core, and a memory beside the cache."""
    cache, directory, installed = Cache(run.config["paths"]["cache"]), base_directory(run), Libraries()
    code, memo = known_code(cache), file_memo(cache)
    stands_on = [tokenizer_digest(directory), *(f"{name} {installed.version(name)}" for name in libraries)]
    stands_on += [
        hash_file(path)
        for role, path in sorted(run.files.items())
        if role.startswith("data/") and path.suffix == ".json"
    ]

    def transform_key(spec: Spec) -> str:
        looked_up = [] if spec == COUNT else [TRANSFORMS.module(spec["kind"])]
        run_by = ["expertbuild.data.stages", "runtime.engine.tokenizer", *looked_up]
        return key_of([*stands_on, *digests(code, run_by, "dataset")])

    return Crew(
        cores(),
        partial(Tokenizer.load, directory),
        memory(cache),
        transform_key,
        lambda spec: source_key(spec, Path(run.config["paths"]["expert"]), code, memo),
    )


def source_key(spec: Spec, directory: Path, code: Code, memo: Memo) -> str:
    """All that decides the rows of a source but the seed: what it is told, its files, code and judges; "" if none are kept."""
    if not getattr(source(spec), "KEPT", False):
        return ""
    alone = without({"sources": [spec]}, _ASIDE)
    judging = scorers(alone)
    run = [*modules(alone), *(name for each in judging for name in scorer_modules(each))]
    held = [source_digest(path, memo, role) for role, path in files(alone, directory).items()]
    engines = [f"{name} {version}" for name, version in sorted(judges(judging).items())]
    return key_of(
        ["source-1", json.dumps(alone, sort_keys=True, default=str), *held, *engines, *digests(code, run, "dataset")]
    )
