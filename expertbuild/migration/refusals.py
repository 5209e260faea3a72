"""What a migration refuses: documents it does not know, fields that are not what they must be, places it will not write to.

Archives, JSON and tensors are refused in the words of the format itself: `runtime.artifact.refusals`.
"""

from runtime.artifact.refusals import Refused
from runtime.artifact.shown import shown
from runtime.errors import Mistake


class OldManifestRefused(Refused):
    """An older manifest that is not migrated."""


class UnknownSchema(OldManifestRefused):
    """A document of another kind, or of a version that nobody here knows; it is never read as the oldest."""


class WrongField(OldManifestRefused):
    """A field whose value is of another type than it must be."""


class UnsafeName(OldManifestRefused):
    """A name that is no name: a path, a terminal's command, nothing at all."""


class NoManifest(OldManifestRefused):
    """Nothing, or more than one thing, that could be the manifest."""


class FileChanged(OldManifestRefused):
    """A file that was another one when it was looked at."""


class OutputMistake(Mistake):
    """A place that the expert directory can not, or must not, be written to."""

    def __str__(self) -> str:
        return shown(super().__str__())
