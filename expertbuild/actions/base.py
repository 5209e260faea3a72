"""base: the model and tokenizer that everything stands on are what the configuration says they are."""

import json
from pathlib import Path

from expertbuild.graph import Action, Context

BASE = Action(
    name="base",
    version=1,
    reads=("base.digest", "base.tokenizer_digest"),
    function="expertbuild.actions.base:base",
)


def base_files(directory: Path) -> dict[str, Path]:
    """The files of a base that can change an answer, as a step's files: a model card beside them is no input."""
    from runtime.engine.base import MODEL_FILES, TOKENIZER_FILES, weight_files

    present = [directory / name for name in MODEL_FILES + TOKENIZER_FILES if (directory / name).is_file()]
    return {f"base/{path.name}": path for path in [*present, *weight_files(directory)]}


def base_directory(run: Context) -> Path:
    """Where the base of this step lies."""
    return next(path.parent for role, path in run.files.items() if role.startswith("base/"))


def base(run: Context) -> None:
    """Hash the base and record its digests; refuse one that is not what was asked for."""
    from runtime.engine.base import base_digest, tokenizer_digest
    from runtime.errors import Problem

    directory = base_directory(run)
    found = {"digest": base_digest(directory), "tokenizer_digest": tokenizer_digest(directory)}
    for field, digest in found.items():
        wanted = run.config["base"][field]
        if wanted is not None and wanted != digest:
            raise Problem(
                f"has the digest {digest}, but the configuration asks for {wanted}",
                where=f"base.{field}",
                hint="Either the files of the base changed, or base.digest names another release.",
            )
    (run.out / "base.json").write_text(json.dumps(found, sort_keys=True) + "\n", encoding="utf-8")
