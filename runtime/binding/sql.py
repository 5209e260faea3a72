"""Names for SQL: what the CREATE TABLE statements of a conversation name, and columns that it asks for without having them."""

import re
from collections.abc import Sequence

from runtime.binding.asked import missing
from runtime.checks.sql_names import names
from runtime.engine.gbnf_narrowed import Said

# What has names, too, that are not read here.
_UNREAD = re.compile(
    r"\bCREATE\s++(?:OR\s++REPLACE\s++)?(?:TEMP(?:ORARY)?+\s++|MATERIALIZED\s++|RECURSIVE\s++)*+VIEW\b", re.IGNORECASE
)


def tables(told: Sequence[str]) -> Said:
    """The tables that there are."""
    asked = "\n".join(told)
    return Said() if _UNREAD.search(asked) else Said(tuple(names(asked)[0]))


def columns(told: Sequence[str]) -> Said:
    """The columns that there are; and what could be meant as one that is not, so that it can be said and then be told."""
    asked = "\n".join(told)
    tables, columns = names(asked)
    if not columns or _UNREAD.search(asked):
        return Said()
    return Said((*dict.fromkeys(columns), *("_".join(run) for run in missing(asked, columns, tables))))
