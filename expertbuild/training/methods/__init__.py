"""Training methods by name: each file turns rows into samples and says what the loss of a pack is."""

from expertbuild.catalogue import Catalogue

METHODS = Catalogue("training method", {"sft": f"{__name__}.sft"})
