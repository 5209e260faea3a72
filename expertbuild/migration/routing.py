"""When the expert answers and with whom: keywords, priority, what it requires and what it cannot stand.

Weights that were set by hand (router_hint, thresholds, load order) have no place: a head is trained at package time, and
dependencies decide the order.
"""

import re

from expertbuild.migration.account import Account
from expertbuild.migration.expert import Routing
from expertbuild.migration.fields import Found, Section
from expertbuild.migration.identity import our_name
from expertbuild.migration.older import Old
from expertbuild.migration.settling import keep_texts
from runtime.artifact.manifest import NAME

PUBLISHER = "local"  # where an expert comes from when nothing else is said: conf/config.yaml has the same
KEYWORDS, KEYWORD, RELATIONS, RANGE = 256, 100, 64, 100

_RELATION = re.compile(r"\s*(?P<name>[A-Za-z0-9][A-Za-z0-9 ._/-]*?)\s*(?P<range>[@<>=!~^*].*)?\s*")
_CLAUSE = re.compile(r"(?P<sign>>=|<=|==|!=|~=|=|>|<|\^|~)?\s*[vV]?(?P<version>[0-9]+(\.[0-9]+){0,2})")
_SIGNS = {"": "==", "=": "==", "~=": "~"}
_NO_PLACE = {
    "router_hint": "the router's head is trained on the expert's own prompts, not set by hand",
    "router_hints": "the router's head is trained on the expert's own prompts, not set by hand",
    "hints": "the router's head is trained on the expert's own prompts, not set by hand",
    "confidence_threshold": "one calibrated threshold holds for all experts: router.threshold of the server",
    "threshold": "one calibrated threshold holds for all experts: router.threshold of the server",
}
_NO_ORDER = {
    "load_order": "dependencies decide the order",
    "max_chain": "the router decides how many experts answer together",
    "max_chain_length": "the router decides how many experts answer together",
}


def route(old: Old, name: str) -> Routing:
    """The routing and relations of the expert called `name`."""
    account, section = old.account, old.routing
    for fields, where in ((_NO_PLACE, section), (_NO_ORDER, old.constraints), (_NO_ORDER, section)):
        for field, why in fields.items():
            if field in where.value:
                account.dropped((*where.path, field), why)
    routing = Routing(
        keywords=_words(section, "keywords", "keywords", "include_keywords"),
        exclude_keywords=_words(section, "exclude_keywords", "exclude_keywords", "negative_keywords"),
        priority=_priority(account, section.number("priority")),
        requires=_relations(old, name, "requires", "requires", "dependencies", "depends_on"),
        conflicts=_relations(old, name, "conflicts", "incompatible_with", "conflicts", "conflicts_with"),
    )
    if not routing.keywords:
        account.added("expert.yaml: expert.routing.keywords", "[]", "the old manifest has none; its head routes alone")
    return routing


def _words(section: Section, key: str, *names: str) -> tuple[str, ...]:
    place = f"expert.yaml: expert.routing.{key}"
    return keep_texts(section.account, section.texts(*names), place, most=KEYWORD, items=KEYWORDS, lower=True)


def _priority(account: Account, found: Found[float] | None) -> float:
    place = "expert.yaml: expert.routing.priority"
    if found is None:
        account.added(place, "0.5", "the old manifest has none")
        return 0.5
    if 0 <= found.value <= 1:
        account.carried(found.path, place)
        return found.value
    account.doubted(found.path, "a priority lies between 0 and 1 here; 0.5 is used")
    return 0.5


def _relations(old: Old, name: str, key: str, *names: str) -> dict[str, str]:
    """`expert-json>=1.0` as `local/expert-json: ">=1.0.0"`."""
    place = f"expert.yaml: expert.{key}"
    kept: dict[str, str] = {}
    for found in _listed(old, names):
        read = _relation(found.value)
        if read is None:
            old.account.doubted(found.path, "not the name of an expert with a range of versions")
        elif read[0] == f"{PUBLISHER}/{name}":
            old.account.doubted(found.path, "names the expert itself")
        elif read[0] in kept:
            old.account.doubted(found.path, f"{read[0]} was named before")
        elif len(kept) == RELATIONS:
            old.account.dropped(found.path, f"more than the {RELATIONS} that {place} may have")
        else:
            kept[read[0]] = read[1]
            old.account.changed(found.path, place, f'{read[0]}: "{read[1]}"')
    return kept


def _listed(old: Old, names: tuple[str, ...]) -> list[Found[str]]:
    """As a list, or as an object of name and range."""
    section = old.constraints if any(each in old.constraints.value for each in names) else old.top
    value = next((section.value[each] for each in names if isinstance(section.value.get(each), dict)), None)
    if value is None:
        return section.texts(*names)
    inner = section.section(*names)
    ranges = [(name, inner.text(name)) for name in inner.value]
    return [Found(found.path, f"{name}@{found.value}") for name, found in ranges if found is not None]


def _relation(text: str) -> tuple[str, str] | None:
    found = _RELATION.fullmatch(text)
    if found is None:
        return None
    publisher, slash, name = found["name"].rpartition("/")
    ours = our_name(name)
    versions = _range((found["range"] or "*").removeprefix("@"))
    if ours is None or versions is None or (slash and not NAME.fullmatch(publisher)):
        return None
    return f"{publisher or PUBLISHER}/{ours}", versions


def _range(text: str) -> str | None:
    """A range of versions with all three numbers, clauses with commas between them."""
    if text.strip() in ("", "*", "latest", "any"):
        return "*"
    clauses = []
    for part in text.split(","):
        found = _CLAUSE.fullmatch(part.strip())
        if found is None:
            return None
        sign = found["sign"] or ""
        numbers = [str(int(number)) for number in found["version"].split(".")]
        if sign in ("", "=", "==") and len(numbers) < 3:
            sign = "~" if len(numbers) == 2 else "^"  # 1.2 meant any 1.2.x
        if any(len(number) > 9 for number in numbers):
            return None
        clauses.append(_SIGNS.get(sign, sign) + ".".join([*numbers, "0", "0"][:3]))
    joined = ",".join(clauses)
    return joined if len(joined) <= RANGE else None
