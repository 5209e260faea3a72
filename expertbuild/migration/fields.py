"""Fields of an old document by their several spellings, with their types: what is of another type is refused by name.

Reading settles nothing but what says nothing (null, empty text) and what is said twice; what a value became is for its
reader to tell the account.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from expertbuild.migration.account import Account, Path, spelled
from expertbuild.migration.refusals import WrongField

T = TypeVar("T")


@dataclass(frozen=True)
class Found(Generic[T]):
    """A value and where it stands in the document."""

    path: Path
    value: T


@dataclass(frozen=True)
class Section:
    """An object of the document. An absent section is an empty one: it has no fields."""

    account: Account
    path: Path
    value: Mapping[str, Any]

    def find(self, *names: str) -> Found[Any] | None:
        """The first of these spellings that says something and nobody spoke for; the others are told as said twice."""
        found: Found[Any] | None = None
        for name in names:
            path = (*self.path, name)
            if name not in self.value or path in self.account:
                continue
            value = self.value[name]
            if value is None:
                self.account.dropped(path, "null: it says nothing")
            elif found is None:
                found = Found(path, value)
            elif value == found.value:
                self.account.dropped(path, f"the same as {spelled(found.path)}")
            else:
                self.account.doubted(path, f"contradicts {spelled(found.path)}, which was taken")
        return found

    def text(self, *names: str) -> Found[str] | None:
        """Text that is not empty."""
        found = self.find(*names)
        if found is None:
            return None
        if not isinstance(found.value, str):
            raise wrong(found.path, "text", found.value)
        if not found.value.strip():
            self.account.dropped(found.path, "empty")
            return None
        return found

    def number(self, *names: str) -> Found[float] | None:
        found = self.find(*names)
        if found is not None and (isinstance(found.value, bool) or not isinstance(found.value, int | float)):
            raise wrong(found.path, "a number", found.value)
        return found

    def whole(self, *names: str) -> Found[int] | None:
        """A whole number; 3.0 is one."""
        found = self.number(*names)
        if found is None:
            return None
        if found.value != int(found.value):
            raise wrong(found.path, "a whole number", found.value)
        return Found(found.path, int(found.value))

    def flag(self, *names: str) -> Found[bool] | None:
        found = self.find(*names)
        if found is not None and not isinstance(found.value, bool):
            raise wrong(found.path, "true or false", found.value)
        return found

    def texts(self, *names: str) -> list[Found[str]]:
        """A list of texts, each with its own path; one text alone is a list of one."""
        found = self.find(*names)
        if found is None:
            return []
        if isinstance(found.value, str):
            return [found]
        if not isinstance(found.value, list):
            raise wrong(found.path, "a list of texts", found.value)
        if not found.value:
            self.account.dropped(found.path, "empty")
        texts = [Found((*found.path, index), value) for index, value in enumerate(found.value)]
        for each in texts:
            if not isinstance(each.value, str):
                raise wrong(each.path, "text", each.value)
        return texts

    def section(self, *names: str) -> "Section":
        found = self.find(*names)
        if found is None:
            return Section(self.account, (*self.path, names[0]), {})
        return self._section(found)

    def sections(self, *names: str) -> list["Section"]:
        """A list of objects; one object alone is a list of one."""
        found = self.find(*names)
        if found is None:
            return []
        if isinstance(found.value, dict):
            return [self._section(found)]
        if not isinstance(found.value, list):
            raise wrong(found.path, "a list of objects", found.value)
        return [self._section(Found((*found.path, index), value)) for index, value in enumerate(found.value)]

    def _section(self, found: Found[Any]) -> "Section":
        if not isinstance(found.value, dict):
            raise wrong(found.path, "an object", found.value)
        return Section(self.account, found.path, found.value)


_KINDS = {bool: "true or false", int: "a number", float: "a number", str: "text", list: "a list", dict: "an object"}


def wrong(path: Path, wanted: str, value: Any) -> WrongField:
    found = "null" if value is None else _KINDS[type(value)]
    if found == wanted or (wanted == "a whole number" and found == "a number"):
        found = repr(value)[:40]
    return WrongField(f"{spelled(path)} must be {wanted}, not {found}.", where="manifest")
