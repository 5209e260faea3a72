"""What is wrong with a configuration, one sentence each, and all of them at once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from runtime.errors import Mistake


@dataclass(frozen=True)
class Fault:
    """One thing to mend: a plain sentence, the file and line (or the words typed) it comes from, the next step."""

    what: str
    where: str = ""
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{place}{self.what}" + (f" {self.hint}" if self.hint else "")


class ConfigMistake(Mistake):
    """The configuration cannot be used; `faults` says everything that is wrong with it."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults: Sequence[Fault] = tuple(sorted(dict.fromkeys(faults), key=_in_reading_order))
        first = self.faults[0]
        super().__init__(first.what, where=first.where, hint=first.hint)

    def __str__(self) -> str:
        return "\n".join(str(fault) for fault in self.faults)

    def __reduce__(self) -> tuple[type["ConfigMistake"], tuple[Sequence[Fault]]]:
        return type(self), (self.faults,)


def _in_reading_order(fault: Fault) -> tuple[str, int]:
    """What was typed first, then file by file and line by line."""
    file, _, line = fault.where.rpartition(":")
    return (file, int(line)) if line.isdigit() else ("", 0)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`Did you mean lora?`, or nothing when no known word is near."""
    import difflib  # here, since a build in which all is well has no use for it

    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"Did you mean {near[0]}?" if near else ""


def advise(word: str, known: Iterable[str]) -> str:
    """The near word, or else all that there are."""
    names = sorted(known)
    near = did_you_mean(word, names)
    there_are = f"There are: {', '.join(names)}." if names else ""
    return near or there_are
