"""Which base of ours an old manifest means: by the hub repository that `conf/base` names, or by its own name."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import yaml

from expertbuild.compose.places import conf_folders
from expertbuild.migration.account import Account
from expertbuild.migration.fields import Found
from expertbuild.migration.hashes import doubt_digest
from expertbuild.migration.older import OldBase
from expertbuild.migration.suspicion import local_path

_NAME = re.compile(r"[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?")
_HUB = re.compile(r"hub:(?P<repository>[^@\s]+)@(?P<revision>\S+)")
_REPOSITORY = ("hf_repo", "repo_id", "repo", "hub_id", "huggingface_id", "repository", "path")
_NO_PLACE = {
    "quantization": "a build here trains on the base's full weights",
    "quantisation": "a build here trains on the base's full weights",
    "dtype": "conf/train says in which numbers it is computed",
    "torch_dtype": "conf/train says in which numbers it is computed",
    "rope_scaling_factor": "the base runs as its own config.json says",
    "rope_scaling": "the base runs as its own config.json says",
    "context_length": "the base runs as its own config.json says",
    "max_position_embeddings": "the base runs as its own config.json says",
    "architecture": "the base's own config.json says it",
    "parameters": "the base's own config.json says it",
}


@dataclass(frozen=True)
class KnownBase:
    """A file of conf/base; empty texts where the base does not come from a hub."""

    name: str
    repository: str = ""
    revision: str = ""


def known_bases() -> dict[str, KnownBase]:
    """The bases of conf, by name; the user's own folder first. What cannot be read there is the composition's to tell."""
    found: dict[str, KnownBase] = {}
    for folder in conf_folders():
        for file in sorted((folder / "base").glob("*.yaml")):
            if file.stem in found:
                continue
            try:
                said = yaml.safe_load(file.read_text(encoding="utf-8"))
            except (OSError, UnicodeDecodeError, yaml.YAMLError):
                continue
            source = str(said.get("source", "")) if isinstance(said, Mapping) else ""
            hub = _HUB.fullmatch(source)
            found[file.stem] = KnownBase(file.stem, hub["repository"], hub["revision"]) if hub else KnownBase(file.stem)
    return found


def slug(text: str) -> str:
    """A base's name as ours are written: `Qwen/Qwen3-0.6B` as `qwen3-0.6b`."""
    words = re.sub(r"[^a-z0-9._-]+", "-", text.rsplit("/", 1)[-1].lower()).strip("-._")[:63].strip("-._")
    return words if _NAME.fullmatch(words) else ""


@dataclass(frozen=True)
class Meant:
    """Which base of ours an old one means; `known`: the file of conf/base, if there is one."""

    name: str
    known: KnownBase | None
    said: tuple[Found[str], ...]  # what names it: repository, name
    revision: Found[str] | None


def meant(base: OldBase, known: dict[str, KnownBase]) -> Meant:
    """The base of ours that is meant; what it is called is told later, by `tell`."""
    account, section = base.section.account, base.section
    for field, why in _NO_PLACE.items():
        if field in section.value:
            account.dropped((*section.path, field), why)
    doubt_digest(section, "what it is the hash of is not said; conf/base pins digests of its own")
    said = []
    for found in (section.text(*_REPOSITORY), base.name):
        if found is None:
            continue
        if local_path(found.value):
            account.doubted(found.path, "a path of somebody's disk")
        else:
            said.append(found)
    match = next((each for each in (_known(found, known) for found in said) if each is not None), None)
    name = match.name if match else next((slug(each.value) for each in said if slug(each.value)), "base")
    return Meant(name, match, tuple(said), section.text("revision", "commit"))


def tell(account: Account, base: Meant, place: str) -> None:
    """Where the names of the base went."""
    for found in base.said:
        if base.known is None:
            why = f"conf/base has no such base: write conf/base/{base.name}.yaml"
            account.changed(found.path, place, why)
        elif found.value.lower() == base.known.repository.lower() or slug(found.value) == base.name:
            account.changed(found.path, place, f"base={base.name}")
        else:
            account.doubted(
                found.path, f"conf/base/{base.name}.yaml takes it from {base.known.repository or 'elsewhere'}"
            )
    if base.revision is None:
        return
    if base.known is not None and base.revision.value == base.known.revision:
        account.carried(base.revision.path, f"conf/base/{base.name}.yaml pins the same")
    else:
        account.doubted(base.revision.path, "conf/base pins the revision that is used, and it is not this one")


def tell_repeated(account: Account, base: Meant) -> None:
    """A base that was named before."""
    for found in (*base.said, base.revision):
        if found is not None:
            account.dropped(found.path, f"{base.name} was named before")


def _known(found: Found[str], known: dict[str, KnownBase]) -> KnownBase | None:
    for base in known.values():
        if base.repository and found.value.lower() == base.repository.lower():
            return base
    return known.get(slug(found.value))
