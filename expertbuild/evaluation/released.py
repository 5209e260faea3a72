"""The last release of an expert: which one that is, and how it is asked what the new one is asked.

The last release is the highest installed version below the one that is built: a version that is built once more is not
compared with itself, and installing it changes nothing here. `evaluation.baseline` may name a package instead, or none.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from expertbuild.evaluation.errors import EvaluationMistake

INSTALLED, NONE = "installed", "none"
ADAPTER = "released"


@dataclass(frozen=True)
class Released:
    """A release on the engine, and its own way of being asked."""

    decoding: Mapping[str, Any]
    grammar: str | None


def last_release(publisher: str, name: str, version: str, baseline: str) -> Path | None:
    """The package to compare with: a folder in the store, or the file that was named."""
    if baseline == NONE:
        return None
    if baseline != INSTALLED:
        return Path(baseline).expanduser()
    from runtime.registry.reference import is_version, precedence, standing_order
    from runtime.registry.store import Store

    store = Store()
    versions = [record.stem for record in (store.records / publisher / name).glob("*.json")]
    below = [each for each in versions if is_version(each) and precedence(each) < precedence(version)]
    for each in sorted(below, key=standing_order, reverse=True):
        installed = store.find(f"{publisher}/{name}@{each}")
        if installed.trust in ("trusted", "first-use", "unsigned"):
            return installed.directory
    return None


def attach(engine: Any, package: Any, name: str) -> Released | str:
    """The release on the engine as `released`, shown to reproduce its canary; or why it cannot be compared with."""
    from runtime.artifact.adapter import PROMPT, SLOTS, read_adapter
    from runtime.artifact.canary import read_canary

    manifest = package.manifest
    if manifest.name != name:
        raise EvaluationMistake(f"this is a release of {manifest.name}, not of {name}.", where="evaluation.baseline")
    digests = (engine.base_digest, engine.tokenizer_digest)
    for base in package.variants:
        if (manifest.variants[base].base_digest, manifest.variants[base].tokenizer_digest) == digests:
            break
    else:
        return "it has no variant for this base"
    folder = f"variants/{base}"
    members = {each for each in (SLOTS, PROMPT) if f"{folder}/{each}" in package.members}
    engine.attach(ADAPTER, read_adapter(members, lambda each: package.read(f"{folder}/{each}")), digest=ADAPTER)
    engine.check_canary(ADAPTER, read_canary(package.read(f"{folder}/canary.safetensors")))
    decoding = manifest.decoding
    return Released(asdict(decoding), package.read("grammar.gbnf").decode("utf-8") if decoding.grammar else None)
