"""What the registry refuses, beyond what the format refuses by itself."""

from collections.abc import Iterable

from runtime.artifact.refusals import Refused
from runtime.artifact.shown import shown
from runtime.errors import Mistake, Problem


class Unsigned(Refused):
    """A package that nobody signed, installed without the flag that allows it."""


class UnknownPublisher(Refused):
    """A sound signature by a key that only the package itself brings."""


class WrongSigner(Refused):
    """Signed, but by nobody who may sign in this namespace."""


class RetiredKey(WrongSigner):
    """Signed by a key that a rotation has put out of use."""


class TooFewSignatures(Refused):
    """Fewer of the namespace's keys signed than its threshold asks for."""


class RevokedKey(Refused):
    """Signed by a key that was revoked."""


class UnsignedRotation(Refused):
    """New keys that none of the old ones vouches for."""


class StaleRotation(Refused):
    """A rotation that is not newer than the last one applied."""


class WrongRotation(Refused):
    """A rotation for another namespace, or one that brings back a key that went."""


class SameVersion(Refused):
    """A version that is installed already, with other bytes."""


class NotAsOffered(Refused):
    """A package that is not the one its source offered."""


class BadRange(Mistake):
    """A range of versions that can not be read."""


class Unresolvable(Problem):
    """No set of versions meets everybody's requirements. `reasons`: one line each, for a person."""

    def __init__(self, what: str, reasons: Iterable[str] = (), *, where: str = "", hint: str = "") -> None:
        super().__init__(what, where=where, hint=hint)
        self.reasons = tuple(reasons)

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        lines = [
            f"{place}{self.what}",
            *(f"  {reason}" for reason in self.reasons),
            *([self.hint] if self.hint else []),
        ]
        return "\n".join(shown(line) for line in lines)


class NotOffered(Unresolvable):
    """An expert that no source has."""

    exit_code = Mistake.exit_code


class TooHard(Problem):
    """Requirements that were not resolved within the caps on time, rounds and size."""


class WouldBreak(Unresolvable):
    """A change after which something installed would lack what it requires, or meet what it conflicts with."""


class LockDiffers(Refused):
    """What is there is not what the lock file says."""


class NotInstalled(Mistake):
    """A name that nothing installed answers to."""


class Ambiguous(Mistake):
    """A name that several installed experts answer to."""


class UnsafeKey(Mistake):
    """A private key that others can read, or that can not be used as it is."""


class StoreChanged(Problem):
    """A file of the store is no longer the one that was verified."""


class StoreBroken(Problem):
    """The store can not be read or written."""
