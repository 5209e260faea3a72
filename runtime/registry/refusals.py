"""What the registry refuses, beyond what the format refuses by itself."""

from runtime.artifact.refusals import Refused
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
