"""Who the expert is: name, version, words about it. Names that could be paths are refused, never mended."""

import re

from expertbuild.migration.account import Account
from expertbuild.migration.expert import Identity
from expertbuild.migration.fields import Found
from expertbuild.migration.older import Old
from expertbuild.migration.refusals import UnsafeName, WrongField
from expertbuild.migration.settling import keep_text, keep_texts
from expertbuild.migration.yaml_text import MISSING
from runtime.artifact.manifest import NAME, VERSION

_OLD_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9 _.-]{0,62}[A-Za-z0-9])?")
_SHORT_VERSION = re.compile(r"[vV]?(0|[1-9][0-9]{0,8})(\.(0|[1-9][0-9]{0,8}))?(\.(0|[1-9][0-9]{0,8}))?")
_SENTENCE = re.compile(r"(.+?[.!?])(\s|$)")
SUMMARY, LICENSE, CAPABILITY, LIMITATION = 120, 100, 100, 1000  # characters, as our documents allow
ITEMS = 64
UNSAID_LICENSE = "NOASSERTION"  # SPDX's own word for it
NO_PLACE = {
    "a day of its own is in the release statement": ("created", "created_at", "updated", "updated_at", "date", "build_date"),
    "our manifest has no place for it": ("homepage", "repository", "url", "tags", "contact", "email", "maintainer", "maintainers", "organization", "citation"),
}  # fmt: skip


def identify(old: Old, directory: str | None) -> Identity:
    """The identity of the expert; `directory`: the name of the folder it goes to, where one was given."""
    account, top = old.account, old.top
    name = _name(old, directory)
    description = keep_text(account, top.text("description", "desc"), "expert.yaml: expert.description", lines=True)
    summary = _summary(old, name, description)
    if not description:
        description = summary
        account.added("expert.yaml: expert.description", description, "the old manifest has none")
    license = keep_text(account, top.text("license", "licence"), "expert.yaml: expert.license", most=LICENSE)
    if not license:
        license = UNSAID_LICENSE
        account.added(
            "expert.yaml: expert.license", license, "the old manifest names none; say which before you publish"
        )
    identity = Identity(
        name=name,
        version=_version(account, old.version),
        summary=summary,
        description=description,
        license=license,
        capabilities=_capabilities(old, name),
        limitations=keep_texts(
            account, top.texts("limitations"), "expert.yaml: expert.limitations", most=LIMITATION, items=ITEMS
        ),
        author=_author(old),
    )
    for why, names in NO_PLACE.items():
        for each in names:
            if each in top.value:
                account.dropped((each,), why)
    return identity


def our_name(text: str) -> str | None:
    """`sql-expert`, `SQL_Expert` and `sql` as `expert-sql`; None for what can be no name of ours."""
    words = [word for word in re.split(r"[ _.-]+", text.lower()) if word]
    if words and words[-1] == "expert":
        words = words[:-1]
    elif words and words[0] == "expert":
        words = words[1:]
    name = "-".join(["expert", *words])
    return name if words and NAME.fullmatch(name) else None


def _name(old: Old, directory: str | None) -> str:
    found = old.top.text("name", "expert_name", "id")
    if found is None:
        if directory is None:
            raise WrongField(
                "The manifest has no name.", where="manifest", hint="Give one: --output experts/expert-NAME"
            )
        old.account.added("expert.yaml: expert.name", directory, "the old manifest has none; the folder's")
        return directory
    if not _OLD_NAME.fullmatch(found.value) or ".." in found.value:
        raise UnsafeName(f"{found.value[:80]!r} is no name for an expert: letters, digits, dashes, at most 64.")
    name = directory or our_name(found.value)
    if name is None:
        raise UnsafeName(
            f"{found.value!r} can not be turned into a name.", hint="Give one: --output experts/expert-NAME"
        )
    if name == found.value:
        old.account.carried(found.path, "expert.yaml: expert.name")
    else:
        old.account.changed(found.path, "expert.yaml: expert.name", f"{name}: the name of its folder")
    return name


def _version(account: Account, found: Found[str] | None) -> str:
    place = "expert.yaml: expert.version"
    if found is None:
        account.added(place, "0.1.0", "the old manifest has none")
        return "0.1.0"
    text = found.value.strip()
    if VERSION.fullmatch(text) and "+" not in text and len(text) <= 64:
        if text == found.value:
            account.carried(found.path, place)
        else:
            account.changed(found.path, place, "without blanks")
        return text
    short = _SHORT_VERSION.fullmatch(text)
    if short is not None:
        full = ".".join([short[1], short[3] or "0", short[5] or "0"])
        account.changed(found.path, place, f"{full}: three numbers, as semver.org has it")
        return full
    account.doubted(found.path, "not a version as semver.org has it; 0.1.0 is used")
    return "0.1.0"


def _summary(old: Old, name: str, description: str) -> str:
    place = "expert.yaml: expert.summary"
    found = old.top.text("summary", "title", "short_description", "display_name")
    said = keep_text(old.account, found, place, most=SUMMARY)
    if said:
        return said
    text = " ".join(description.split())
    sentence = _SENTENCE.match(text)
    text = sentence[1] if sentence and len(sentence[1]) <= SUMMARY else text
    if len(text) > SUMMARY:
        text = text[: SUMMARY - 4].rsplit(" ", 1)[0] + " ..."
    if text in ("", MISSING):
        text = f"{name}, migrated from an older manifest."
        old.account.added(place, text, "the old manifest says nothing of the kind")
    else:
        old.account.added(place, text, "the beginning of the description")
    return text


def _capabilities(old: Old, name: str) -> tuple[str, ...]:
    place = "expert.yaml: expert.capabilities"
    said = old.top.texts("capabilities", "capability", "skills")
    kept = keep_texts(old.account, said, place, most=CAPABILITY, items=ITEMS)
    if not kept:
        kept = (name.removeprefix("expert-"),)
        old.account.added(place, kept[0], "the old manifest names none; the expert's name")
    return kept


def _author(old: Old) -> str:
    if isinstance(old.top.value.get("author"), dict):
        name = old.top.section("author").text("name")
        return keep_text(old.account, name, "README.md", most=CAPABILITY)
    authors = old.top.texts("author", "authors")
    return ", ".join(keep_texts(old.account, authors, "README.md", most=CAPABILITY, items=ITEMS))
