"""How people say the relationships that `words` knows as types: "own", "owns", "owned by" for OWNS.

One line a type: what helps it to ask (do, did, be), the verb after that helper, the verb of many, the verb of one, and
its passive, where English has one.
"""

from dataclasses import dataclass
from functools import cache

_LINES = """
OWNS do / own / own / owns / owned by
BOUGHT did / buy / bought / bought / bought by
WROTE did / write / wrote / wrote / written by
LIKES do / like / like / likes / liked by
FOLLOWS do / follow / follow / follows / followed by
KNOWS do / know / know / knows / known by
MANAGES do / manage / manage / manages / managed by
TEACHES do / teach / teach / teaches / taught by
VISITED did / visit / visited / visited / visited by
RATED did / rate / rated / rated / rated by
WORKS_FOR do / work for / work for / works for /
LIVES_IN do / live in / live in / lives in /
BELONGS_TO do / belong to / belong to / belongs to /
ACTED_IN did / act in / acted in / acted in /
DIRECTED did / direct / directed / directed / directed by
PLAYS_FOR do / play for / play for / plays for /
LOCATED_IN be / located in / are located in / is located in /
PART_OF be / part of / are part of / is part of /
SELLS do / sell / sell / sells / sold by
SUPPLIES do / supply / supply / supplies / supplied by
RENTED did / rent / rented / rented / rented by
REVIEWED did / review / reviewed / reviewed / reviewed by
ATTENDED did / attend / attended / attended / attended by
JOINED did / join / joined / joined / joined by
LEADS do / lead / lead / leads / led by
CREATED did / create / created / created / created by
USES do / use / use / uses / used by
CONTAINS do / contain / contain / contains / contained by
DELIVERED did / deliver / delivered / delivered / delivered by
ORDERED did / order / ordered / ordered / ordered by
TRAVELS_TO do / travel to / travel to / travels to /
STUDIES_AT do / study at / study at / studies at /
MARRIED_TO be / married to / are married to / is married to /
SPONSORS do / sponsor / sponsor / sponsors / sponsored by
HOSTS do / host / host / hosts / hosted by
REPORTS_TO do / report to / report to / reports to /
CONNECTS_TO do / connect to / connect to / connects to /
DEPENDS_ON do / depend on / depend on / depends on /
TREATS do / treat / treat / treats / treated by
DRIVES do / drive / drive / drives / driven by
BUILT did / build / built / built / built by
OPENED did / open / opened / opened / opened by
SIGNED did / sign / signed / signed / signed by
WON did / win / won / won / won by
SUPPORTS do / support / support / supports / supported by
PRODUCES do / produce / produce / produces / produced by
REPAIRED did / repair / repaired / repaired / repaired by
"""

_HELPERS = {"do": ("do", "does"), "did": ("did", "did"), "be": ("are", "is")}


@dataclass(frozen=True)
class Verb:
    """One relationship as a verb."""

    help_many: str  # "do" you own
    help_one: str  # "does" she own
    base: str
    many: str
    one: str
    passive: str  # empty where there is none


@cache
def verbs() -> dict[str, Verb]:
    """The verb of every relationship type."""
    made = {}
    for line in _LINES.strip().splitlines():
        kind, rest = line.split(" ", 1)
        helper, base, many, one, passive = (part.strip() for part in rest.split("/"))
        made[kind] = Verb(*_HELPERS[helper], base, many, one, passive)
    return made
