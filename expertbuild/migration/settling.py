"""How single values cross over: text made plain, numbers within their range, each told to the account as it goes."""

from collections.abc import Sequence
from typing import TypeVar

from expertbuild.migration.account import Account
from expertbuild.migration.fields import Found
from expertbuild.migration.yaml_text import MISSING
from runtime.artifact.shown import shown

Number = TypeVar("Number", int, float)

_MADE_PLAIN = "blanks and line breaks made plain, and what a terminal would obey is written out"


def keep_text(account: Account, found: Found[str] | None, place: str, *, most: int = 0, lines: bool = False) -> str:
    """The text as it may stand in our files, or nothing; `lines`: it may have several."""
    if found is None:
        return ""
    text = plain(found.value) if lines else " ".join(plain(found.value).split())
    if text == MISSING:
        account.doubted(found.path, "means a missing value in our configuration, and can not be written there as text")
        return ""
    if not text:
        account.dropped(found.path, "empty")
        return ""
    if most and len(text) > most:
        account.doubted(found.path, f"longer than the {most} characters that {place} may have")
        return ""
    if text == found.value:
        account.carried(found.path, place)
    else:
        account.changed(found.path, place, _MADE_PLAIN)
    return text


def keep_texts(
    account: Account, founds: Sequence[Found[str]], place: str, *, most: int, items: int, lower: bool = False
) -> tuple[str, ...]:
    """A list of short texts without repetition."""
    kept: list[str] = []
    for found in founds:
        text = " ".join(plain(found.value).split())
        same = [each for each in kept if each == text or (lower and each.lower() == text.lower())]
        if same:
            account.dropped(found.path, f"said twice: {same[0]!r}")
        elif len(kept) == items:
            account.dropped(found.path, f"more than the {items} that {place} may have")
        elif text := keep_text(account, found, place, most=most):
            kept.append(text)
    return tuple(kept)


def keep_number(
    account: Account, found: Found[Number] | None, place: str, least: float, most: float, *, above: bool = False
) -> Number | None:
    """The number where it is possible; `above`: it must be more than the least."""
    if found is None:
        return None
    if not least <= found.value <= most or (above and found.value == least):
        begins = f"above {least:g}" if above else f"at least {least:g}"
        account.doubted(found.path, f"{place} must be {begins} and at most {most:g}; ours is used")
        return None
    account.carried(found.path, place)
    return found.value


def plain(text: str) -> str:
    """Text without anything that a terminal obeys, its line breaks kept, no blanks at the ends of lines."""
    lines = text.replace("\r\n", "\n").split("\n")
    return "\n".join(shown(line.replace("\t", " "), len(line)).rstrip() for line in lines).strip()
