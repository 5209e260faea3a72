"""Every way in which an artifact can be refused, one class each.

An artifact is either accepted or refused; it is never mended. Each class is raised where its cause is known, with one
sentence that names the member, field or line at fault. Who asked for the artifact is not known here.
"""

from runtime.artifact.shown import shown
from runtime.errors import Problem


class Refused(Problem):
    """An artifact, or a part of it, that is not accepted. What it says of itself is shown and never obeyed."""

    def __str__(self) -> str:
        return shown(super().__str__())


# The container.
class ContainerRefused(Refused):
    """The bytes are not a container as we write it."""


class NotAContainer(ContainerRefused):
    """Something else altogether."""


class Truncated(ContainerRefused):
    """The file ends before it should."""


class StrayBytes(ContainerRefused):
    """Bytes that belong to no record: a prefix, a gap, a trailer, a comment."""


class SecondEnd(ContainerRefused):
    """Two end records, so that two readers could see two archives."""


class DuplicateMember(ContainerRefused):
    """A name that occurs twice."""


class ConfusableMembers(ContainerRefused):
    """Two names that some file system takes for one, or for a file and its own folder."""


class BadMemberName(ContainerRefused):
    """A name that is not a plain relative path on every system."""


class NotAPlainFile(ContainerRefused):
    """A link, a device, a folder, or a file with special permissions."""


class HeadersDisagree(ContainerRefused):
    """A member's own header says something else than the directory."""


class Compressed(ContainerRefused):
    """A member that is not stored as it is."""


class BeyondCap(ContainerRefused):
    """More members, longer names or larger sizes than the format allows."""


class Overlap(ContainerRefused):
    """Two members that share bytes."""


class UnsupportedFeature(ContainerRefused):
    """Encryption, ZIP64, data descriptors and whatever else the profile leaves out."""


class NotCanonical(ContainerRefused):
    """Readable, but not the bytes that we would write."""


class ChecksumWrong(ContainerRefused):
    """A member whose CRC-32 does not fit its bytes."""


# Documents.
class BadJson(Refused):
    """Not JSON, or JSON that two readers could read in two ways."""


class BadDocument(Refused):
    """JSON that does not follow its schema."""


class UnknownVersion(BadDocument):
    """A document of a kind or version that this program does not know."""


# Tensors.
class BadTensors(Refused):
    """A tensor file that is not what its place asks for."""


# The package as a whole.
class UnlistedMember(Refused):
    """A member that the statement does not list."""


class MissingMember(Refused):
    """A member that the statement lists and the package lacks."""


class ForbiddenMember(Refused):
    """A member that no package may have; pickles above all, which can carry code."""


class WrongDigest(Refused):
    """A member whose bytes are not the ones that were signed."""


class Inconsistent(Refused):
    """Two parts of a package that contradict each other."""


# Signatures.
class BadEnvelope(Refused):
    """A signature envelope that is malformed or belongs to another kind of document."""


class WrongPayload(BadEnvelope):
    """An envelope that signs another statement."""


class BadSignature(Refused):
    """A signature that does not fit its key and bytes."""


class WrongCosignature(BadEnvelope):
    """A co-signature that is not of exactly the files it stands beside, or not by the key that was named."""


class WeakKey(Refused):
    """A public key or signature point for which forging is easy, or that has two spellings."""
