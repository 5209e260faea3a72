"""Which members a release may have, and what form each must have whatever is in it.

The set is closed: what is not named here can not be in a package, and a pickle can be nowhere. Whether a member is the
one that was signed is `package`'s to say; what it means is said by the module that reads it.
"""

import re

from runtime.artifact.refusals import BeyondCap, ForbiddenMember, Inconsistent, MissingMember
from runtime.artifact.signature import CAP as ENVELOPE_CAP
from runtime.artifact.statement import UNLISTED, variant_of
from runtime.artifact.strict_json import read as read_json
from runtime.artifact.tensors import Buffer, read_header

_SHARED = frozenset({"manifest.json", "grammar.gbnf", "README.md", "LICENSE"})
_IN_VARIANT = frozenset({"slots.safetensors", "prompt.safetensors", "canary.safetensors", "evaluation.json"})
_IN_PROFILE = re.compile(r"profile/[a-z0-9][a-z0-9_-]*\.(safetensors|json)")
_ADAPTERS = frozenset({"slots.safetensors", "prompt.safetensors"})
TEXT_CAP = 8 * 1024 * 1024
_PICKLES = frozenset({"pt", "pth", "bin", "ckpt", "pkl", "pickle", "joblib", "npy", "npz", "dill", "h5"})


def check_form(name: str, data: Buffer) -> None:
    """What can be said of a member without knowing what it is for: strict JSON, sound tensors, text of a sane size."""
    if name.endswith(".safetensors"):
        read_header(data, name)
        return
    if len(data) > TEXT_CAP and name not in UNLISTED:
        raise BeyondCap(f"The member {name} has {len(data):,} bytes; at most {TEXT_CAP:,} are read.")
    if name.endswith(".json") or name in UNLISTED:
        read_json(bytes(data), name, cap=ENVELOPE_CAP)
    else:
        try:
            bytes(data).decode("utf-8")
        except UnicodeDecodeError:
            raise Inconsistent(f"The member {name} is not text in UTF-8.") from None


def check_known(names: frozenset[str]) -> None:
    """Refuse whatever is not one of the few members a release has, and variants that lack what they need."""
    variants: dict[str, set[str]] = {}
    for name in sorted(names):
        base = variant_of(name)
        if base is not None and name.rsplit("/", 1)[1] in _IN_VARIANT:
            variants.setdefault(base, set()).add(name.rsplit("/", 1)[1])
        elif name.rsplit(".", 1)[-1].lower() in _PICKLES:
            raise ForbiddenMember(f"The member {name} is of a kind that can carry code; tensors are safetensors.")
        elif name not in _SHARED and not _IN_PROFILE.fullmatch(name):
            raise ForbiddenMember(f"The member {name} has no place in a package.")
    for base, found in variants.items():
        for needed in ("canary.safetensors", "evaluation.json"):
            if needed not in found:
                raise MissingMember(f"The variant {base} has no {needed}.")
        if not found & _ADAPTERS:
            raise MissingMember(f"The variant {base} has neither slots.safetensors nor prompt.safetensors.")
