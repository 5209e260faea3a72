"""Names for SQL: what the CREATE TABLE statements of a conversation name, and columns that it asks for without having them."""

from collections.abc import Sequence

from runtime.binding.asked import missing
from runtime.checks.sql_names import names
from runtime.engine.gbnf_narrowed import Said


def tables(told: Sequence[str]) -> Said:
    """The tables that there are."""
    return Said(tuple(names("\n".join(told))))


def columns(told: Sequence[str]) -> Said:
    """The columns that there are; and what could be meant as one that is not, so that it can be said and then be told."""
    asked = "\n".join(told)
    known = names(asked)
    if not known:
        return Said()
    spelled = [*dict.fromkeys(column for each in known.values() for column in each)]
    return Said((*spelled, *("_".join(run) for run in missing(asked, spelled, known))))
