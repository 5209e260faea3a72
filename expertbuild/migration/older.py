"""The older manifests, schema 1.0 and 2.0, as one value: sections by what they are about, whatever they were called.

A document says what it is before anything else of it is believed. Fields are read from the sections by those who know
their place in an expert directory; types are checked there, by `fields`.
"""

from dataclasses import dataclass
from typing import Any

from expertbuild.migration.account import Account
from expertbuild.migration.fields import Found, Section, wrong
from expertbuild.migration.refusals import UnknownSchema, WrongField
from runtime.artifact.shown import shown
from runtime.artifact.strict_json import read

_SAYS_SCHEMA = ("schema_version", "manifest_version", "schemaVersion", "manifestVersion")
_KNOWN = {"1.0": "1.0", "1": "1.0", "v1": "1.0", "v1.0": "1.0", "1.0.0": "1.0", "2.0": "2.0", "2": "2.0", "v2": "2.0", "v2.0": "2.0", "2.0.0": "2.0"}  # fmt: skip
_BASES = {"1.0": "base_model", "2.0": "base_models"}


@dataclass(frozen=True)
class OldBase:
    """A base of the old manifest and the adapters trained on it; `name` alone where the base was given as text."""

    section: Section
    name: Found[str] | None
    adapters: tuple[Section, ...]


@dataclass(frozen=True)
class Old:
    """An old manifest. A section that it does not have is empty."""

    schema: str
    account: Account
    top: Section
    version: Found[str] | None  # of the expert, not of the schema
    bases: tuple[OldBase, ...]
    prompts: tuple[Section, ...]
    routing: Section
    constraints: Section
    dataset: Section
    training: Section
    decoding: Section


def read_old(data: bytes, what: str, cap: int) -> Old:
    """The manifest in these bytes; refused unless it is of one of the two schemas, by its own word."""
    document = read(data, what, cap=cap)
    if not isinstance(document, dict):
        raise UnknownSchema(f"{what} is {_kind(document)}, not an object: it is no manifest.")
    if isinstance(document.get("format"), str) and document["format"].startswith("expert-manifest/"):
        raise UnknownSchema(f"{what} is a manifest of our own, not an older one: there is nothing to migrate.")
    account = Account(document)
    top = Section(account, (), document)
    schema, version = _schema(top, what)
    _check_shape(document, schema)
    training = top.section("training", "training_info")
    config = training.section("config", "hyperparameters", "params")
    decoding = _either(training, top, ("decoding", "generation", "inference"))
    return Old(
        schema=schema,
        account=account,
        top=top,
        version=version,
        bases=tuple(_bases(top, schema)),
        prompts=tuple(top.sections("soft_prompts", "soft_prompt")),
        routing=top.section("routing", "router"),
        constraints=top.section("constraints"),
        dataset=_dataset(training, top),
        training=config if config.value else training,
        decoding=decoding,
    )


def _schema(top: Section, what: str) -> tuple[str, Found[str] | None]:
    """Which schema, and the expert's own version: `version` means the latter wherever another field says the former."""
    said = [name for name in _SAYS_SCHEMA if top.value.get(name) is not None]
    if said:
        schemas = {_known(top.value[name], f"{name} of {what}") for name in said}
        if len(schemas) > 1:
            raise UnknownSchema(f"{what} says that it is of two schemas: {' and '.join(said)} contradict each other.")
        for name in said:
            top.account.dropped((name,), "says what the document is; ours say so themselves")
        return schemas.pop(), top.text("version", "expert_version")
    version = top.value.get("version")
    for schema, key in _BASES.items():
        if version == schema and key in top.value:
            top.account.dropped(("version",), "says what the document is; ours say so themselves")
            return schema, top.text("expert_version")
    raise UnknownSchema(
        f"{what} does not say which schema it follows.", hint="schema 1.0 and 2.0 are read, as schema_version says it."
    )


def _known(value: Any, where: str) -> str:
    text = value if isinstance(value, str) else repr(value)
    if isinstance(value, bool) or text not in _KNOWN:
        raise UnknownSchema(f"{where} is {shown(text, 40)!r}.", hint="Schema 1.0 and 2.0 are read, and no other.")
    return _KNOWN[text]


def _check_shape(document: dict[str, Any], schema: str) -> None:
    for other, key in _BASES.items():
        if other != schema and document.get(key) is not None:
            raise WrongField(
                f"{key} belongs to schema {other}, but the manifest says it is {schema}.", where="manifest"
            )


def _bases(top: Section, schema: str) -> list[OldBase]:
    if schema == "2.0":
        found = top.find("base_models")
        listed = found.value if found is not None and isinstance(found.value, list) else None
        if found is not None and listed is None:
            raise wrong(found.path, "a list of objects", found.value)
        bases = (
            [_base(top.account, Found((*found.path, n), each)) for n, each in enumerate(listed or [])] if found else []
        )
    else:
        found = top.find("base_model")
        bases = [_base(top.account, found)] if found is not None else []
    loose = top.sections("adapters", "adapter")
    if loose and not bases:
        bases = [OldBase(Section(top.account, ("base_model",), {}), None, ())]
    if loose:
        first = bases[0]
        bases[0] = OldBase(first.section, first.name, (*first.adapters, *loose))
    return bases


def _base(account: Account, found: Found[Any]) -> OldBase:
    if isinstance(found.value, str):
        return OldBase(Section(account, found.path, {}), found, ())
    if not isinstance(found.value, dict):
        raise wrong(found.path, "an object", found.value)
    section = Section(account, found.path, found.value)
    name = section.text("name", "model", "model_name", "id")
    return OldBase(section, name, tuple(section.sections("adapters", "adapter")))


def _either(first: Section, second: Section, names: tuple[str, ...]) -> Section:
    """A section that stood in one of two places."""
    found = first.section(*names)
    return found if found.value else second.section(*names)


def _dataset(training: Section, top: Section) -> Section:
    """`dataset` was an object, or only a name."""
    for section in (training, top):
        if isinstance(section.value.get("dataset"), str):
            return Section(section.account, section.path, {"dataset": section.value["dataset"]})
    return _either(training, top, ("dataset", "data"))


def _kind(value: Any) -> str:
    return {list: "a list", str: "text", bool: "true or false"}.get(
        type(value), "null" if value is None else "a number"
    )
