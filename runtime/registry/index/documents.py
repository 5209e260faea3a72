"""What an index says about its experts: one document for each, and one to search in.

Both are convenience. A client learns from them what there is without fetching packages, and believes none of it once
the package is there: the package says the same under its own signature, or it is refused.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from runtime.artifact.refusals import Inconsistent
from runtime.artifact.schema import check, expect_version
from runtime.artifact.strict_json import canonical, read_canonical
from runtime.registry.reference import precedence

ENTRY_FORMAT = "expert-index-entry/1"
SEARCH_FORMAT = "expert-index-search/1"
ENTRY_CAP = 8 * 1024 * 1024
SEARCH_CAP = 64 * 1024 * 1024
MOST_KEYWORDS = 64
SEARCH = "search.json"


@dataclass(frozen=True)
class Offer:
    """One version of an expert. `id`, `requires`, `conflicts` and `variants` are those of its release statement."""

    id: str
    size: int
    published: str
    summary: str = ""
    keywords: tuple[str, ...] = ()
    requires: Mapping[str, str] = field(default_factory=dict)
    conflicts: Mapping[str, str] = field(default_factory=dict)
    variants: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    yanked: str = ""


@dataclass(frozen=True)
class Found:
    """One expert in the search document, by the version one would install."""

    publisher: str
    name: str
    version: str
    offer: Offer


def package_path(publisher: str, name: str, version: str) -> str:
    return f"packages/{publisher}/{name}/{version}.expert"


def entry_path(publisher: str, name: str) -> str:
    return f"experts/{publisher}/{name}.json"


def write_entry(publisher: str, name: str, offers: Mapping[str, Offer]) -> bytes:
    """The document of one expert: all of its versions."""
    document = {
        "format": ENTRY_FORMAT,
        "publisher": publisher,
        "name": name,
        "versions": {version: _plain(offer) for version, offer in offers.items()},
    }
    check(document, "index-entry", f"the index entry of {publisher}/{name}")
    return canonical(document)


def read_entry(data: bytes, publisher: str, name: str) -> dict[str, Offer]:
    """The versions of one expert, highest first; a document about another expert is refused."""
    what = f"the index entry of {publisher}/{name}"
    value = read_canonical(data, what, cap=ENTRY_CAP)
    expect_version(value, "format", ENTRY_FORMAT, what)
    check(value, "index-entry", what)
    if (value["publisher"], value["name"]) != (publisher, name):
        raise Inconsistent(f"{what} is about {value['publisher']}/{value['name']}.")
    versions = sorted(value["versions"], key=precedence, reverse=True)
    return {version: _offer(value["versions"][version]) for version in versions}


def write_search(found: Mapping[tuple[str, str], Found]) -> bytes:
    """The document to search in; by (publisher, name)."""
    experts = [
        {"publisher": one.publisher, "name": one.name, "version": one.version, **_plain(one.offer)}
        for _, one in sorted(found.items())
    ]
    document = {"format": SEARCH_FORMAT, "experts": experts}
    check(document, "index-search", SEARCH)
    return canonical(document)


def read_search(data: bytes) -> list[Found]:
    """The search document of an index."""
    value = read_canonical(data, SEARCH, cap=SEARCH_CAP)
    expect_version(value, "format", SEARCH_FORMAT, SEARCH)
    check(value, "index-search", SEARCH)
    return found_in(value)


def found_in(value: Mapping[str, Any]) -> list[Found]:
    """The experts of a search document that was checked before."""
    experts = []
    for expert in value["experts"]:
        rest = dict(expert)
        experts.append(Found(rest.pop("publisher"), rest.pop("name"), rest.pop("version"), _offer(rest)))
    return experts


def best(offers: Mapping[str, Offer]) -> str:
    """The version one would install: not a yanked one, not a prerelease, as long as there is another."""
    return max(offers, key=lambda v: (not offers[v].yanked, "-" not in v.partition("+")[0], precedence(v)))


def _plain(offer: Offer) -> dict[str, Any]:
    return {**asdict(offer), "keywords": list(offer.keywords)}


def _offer(value: Mapping[str, Any]) -> Offer:
    return Offer(**{**value, "keywords": tuple(value["keywords"])})
