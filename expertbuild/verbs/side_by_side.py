"""Text in two columns for a terminal: what was on the left, what is on the right."""

import json
import shutil
import textwrap
from collections.abc import Mapping
from itertools import zip_longest
from typing import Any

from runtime.artifact.shown import shown

MOST = 40  # lines of one side


def columns(left: str, right: str) -> str:
    """Both texts, wrapped to half of the terminal each; an empty left side leaves the width to the right."""
    wide = max(40, min(shutil.get_terminal_size((120, 24)).columns, 200)) - 4
    if not left:
        return "\n".join(f"  {line}" for line in _lines(right, wide))
    half = (wide - 3) // 2
    pairs = zip_longest(_lines(left, half), _lines(right, half), fillvalue="")
    return "\n".join(f"  {one:<{half}} | {other}".rstrip() for one, other in pairs)


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """The parts of a row that differ, beside each other."""
    told = [f"  {shown(before.get('id', ''), 60)}:"]
    for key in {**before, **after}:
        if before.get(key) != after.get(key):
            told.append(columns(_said(key, before.get(key)), _said(key, after.get(key))))
    return "\n".join(told)


def _said(key: str, value: Any) -> str:
    return f"{key}: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1)}"


def _lines(text: str, width: int) -> list[str]:
    found = [piece for line in text[:20_000].split("\n") for piece in textwrap.wrap(shown(line), width) or [""]]
    return found if len(found) <= MOST else [*found[:MOST], "..."]
