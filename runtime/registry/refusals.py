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


# Indexes: what comes from elsewhere.
class IndexRefused(Refused):
    """An index, or an answer of one, that is not accepted."""


class IndexOlder(IndexRefused):
    """An index older than the one that was seen last."""


class IndexExpired(IndexRefused):
    """An index whose publisher has not vouched for it lately: it may be an old one, held back."""


class IndexMixed(IndexRefused):
    """Parts of an index that do not belong together."""


class IndexForged(IndexRefused):
    """A list that is not signed by the keys that count for this index."""


class AnswerTooLong(IndexRefused):
    """An answer longer than was announced, or endless."""


class RedirectRefused(IndexRefused):
    """An answer that sends us where an index has no business to send anybody."""


class IndexUnreachable(Problem):
    """An index that does not answer, and of which nothing is kept that still counts."""


class AnswerTooSlow(IndexUnreachable):
    """An answer that takes longer than anybody should wait."""


class UnknownIndex(Mistake):
    """A name that no configured index has."""


class UnsafeAddress(Mistake):
    """An address that no index or repository may have."""


# Indexes: what we write ourselves.
class IndexBroken(Problem):
    """The folder of an index is not as it was left."""


class ForeignIndex(Mistake):
    """An index that another key signs."""


class NotForOthers(Mistake):
    """A package in a namespace that means something else on every machine."""


class NotInIndex(Mistake):
    """A version that the index does not have."""


# Git repositories.
class RepositoryRefused(Refused):
    """A repository, or something in it, that is not accepted."""


class RepositoryTooLarge(RepositoryRefused):
    """A commit that is larger than anybody should fetch."""


class RepositoryTooSlow(RepositoryRefused):
    """A repository that takes longer than anybody should wait."""


class PointerOnly(RepositoryRefused):
    """A file of which the repository has a pointer only; the content lies on another server."""
