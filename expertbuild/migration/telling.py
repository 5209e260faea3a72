"""The account for people (lines, MIGRATION.md) and for programs (JSON). Nothing of a stranger reaches a terminal or a page as it was."""

from html import escape
from itertools import groupby
from typing import Any

from expertbuild.migration.account import Account, Entry, Outcome, spelled
from runtime.artifact.shown import shown

_MEANING = {
    Outcome.CARRIED: "stands in the expert directory as it was",
    Outcome.CHANGED: "stands there, but otherwise",
    Outcome.DROPPED: "has no place here, and needs none",
    Outcome.DOUBTED: "was not believed",
}
_MARKDOWN = str.maketrans({sign: f"\\{sign}" for sign in "\\|`*_[]#~"})
_LONGEST = 60


def lines(account: Account) -> list[str]:
    """One line for each field, lists of the same fate together, the worst last."""
    told: list[str] = []
    for outcome in Outcome:
        rows = [_row(group) for group in _groups(account, outcome)]
        width = min(44, max((len(field) for field, *_ in rows), default=0))
        for field, value, place, why in rows:
            fate = " ".join(part for part in (f"-> {place}" if place else "", f"({why})" if why else "") if part)
            told.append(f"{outcome:<8} {field.ljust(width)}  {value}  {fate}".rstrip())
    told += [
        f"added    {shown(each.place)}: {shown(each.what, _LONGEST)}  ({shown(each.why)})" for each in account.additions
    ]
    for note in account.files:
        place = f" -> {note.place}" if note.place else ""
        told.append(
            f"file     {shown(note.name, 200)}: {note.outcome}{place}" + (f"  ({note.why})" if note.why else "")
        )
    return told


def document(account: Account) -> dict[str, Any]:
    """The account as JSON: every leaf, additions and files."""
    return {
        "fields": [
            {"field": spelled(entry.path), "path": list(entry.path), "outcome": entry.outcome.value}
            | ({"place": entry.place} if entry.place else {})
            | ({"why": entry.why} if entry.why else {})
            for entry in account.entries()
        ],
        "added": [{"place": each.place, "value": each.what, "why": each.why} for each in account.additions],
        "files": [
            {"name": note.name, "outcome": note.outcome.value}
            | ({"place": note.place} if note.place else {})
            | ({"why": note.why} if note.why else {})
            for note in account.files
        ],
    }


def page(account: Account, name: str, schema: str) -> str:
    """MIGRATION.md."""
    text = [
        f"# How {name} came here",
        "",
        f"It was migrated by `expertbuild migrate` from a manifest of schema {schema}. Every value of that manifest stands",
        "below exactly once. Nothing here is read by a build; delete the page when it has served.",
    ]
    for outcome in reversed(Outcome):
        groups = _groups(account, outcome)
        text += ["", f"## {outcome.value.capitalize()}: {account.count(outcome)}", "", f"What {_MEANING[outcome]}.", ""]
        if not groups:
            text.append("Nothing.")
            continue
        text += ["| field | value | where | why |", "|---|---|---|---|"]
        text += [f"| {' | '.join(map(_cell, _row(group)))} |" for group in groups]
    text += ["", "## Added", "", "What an expert directory needs and the old manifest does not say.", ""]
    text += ["| where | value | why |", "|---|---|---|"]
    text += [f"| {_cell(each.place)} | {_cell(each.what[:200])} | {_cell(each.why)} |" for each in account.additions]
    if account.files:
        text += ["", "## Files", "", "| file | | where | why |", "|---|---|---|---|"]
        text += [
            f"| {_cell(note.name)} | {note.outcome} | {_cell(note.place)} | {_cell(note.why)} |"
            for note in account.files
        ]
    return "\n".join(text) + "\n"


def _groups(account: Account, outcome: Outcome) -> list[list[Entry]]:
    """Neighbours of one list with the same fate are told together."""
    entries = [entry for entry in account.entries() if entry.outcome is outcome]
    return [list(group) for _, group in groupby(entries, key=_fate)]


def _fate(entry: Entry) -> tuple[Any, ...]:
    listed = entry.path[:-1] if entry.path and isinstance(entry.path[-1], int) else entry.path
    return listed, len(entry.path), entry.place, entry.why


def _row(group: list[Entry]) -> tuple[str, str, str, str]:
    first = group[0]
    field = spelled(first.path)
    value = shown(repr(first.value) if not isinstance(first.value, str) else first.value, _LONGEST)
    if len(group) > 1:
        field = f"{spelled(first.path[:-1])}[{first.path[-1]}..{group[-1].path[-1]}]"
        value = shown(", ".join(str(entry.value) for entry in group), _LONGEST)
    return field, value, shown(first.place), shown(first.why)


def _cell(text: str) -> str:
    return escape(shown(text, 300).translate(_MARKDOWN), quote=False)
