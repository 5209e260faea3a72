"""base: the model and tokenizer that everything stands on are what the configuration says they are."""

import json

from expertbuild.graph import Action, Context

BASE = Action(
    name="base",
    version=1,
    reads=("base.digest", "base.tokenizer_digest"),
    function="expertbuild.actions.base:base",
)


def base(run: Context) -> None:
    """Hash the base and record its digests; refuse one that is not what was asked for."""
    from runtime.engine.base import base_digest, tokenizer_digest
    from runtime.errors import Problem

    directory = run.files["base"]
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
