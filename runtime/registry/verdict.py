"""What signatures are worth here, by the trust file.

A key that only a package brings is an unknown publisher, never "verified". Whether an unsigned or unknown package is
wanted all the same is a person's decision, taken in `store`.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from runtime.artifact.signature import Envelope, verify
from runtime.registry.refusals import RevokedKey, TooFewSignatures, WrongSigner
from runtime.registry.trust import Namespace, Trust


@dataclass(frozen=True)
class Verdict:
    """What the signatures of a package are worth: trusted, first-use, unsigned or unknown."""

    state: str
    keys: tuple[str, ...] = ()


def decide(publisher: str, envelope: Envelope | None, statement: bytes, trust: Trust) -> Verdict:
    """What these signatures are worth for a release in this namespace; a bad one is refused outright."""
    if envelope is None:
        return Verdict("unsigned")
    signed = verify(envelope, statement)
    namespace = trust.namespaces.get(publisher)
    if namespace is None:
        return Verdict("unknown", tuple(sorted(signed)))
    counted = sorted(key for key in signed if _is(namespace, key, "active"))
    if len(counted) >= namespace.threshold:
        return Verdict(_state(namespace, counted), tuple(counted))
    if revoked := sorted(key for key in signed if _is(namespace, key, "revoked")):
        raise RevokedKey(f"The release is signed by the key {revoked[0]}, which was revoked for {publisher}.")
    if counted:
        raise TooFewSignatures(
            f"The release has {len(counted)} of the {namespace.threshold} signatures that {publisher} needs."
        )
    others = sorted(n for n, entry in trust.namespaces.items() if signed & entry.keys.keys())
    known = f", which is trusted for {', '.join(others)} only" if others else ""
    raise WrongSigner(
        f"The release is in the namespace {publisher} and signed by the key {min(signed)}{known}.",
        hint=f"If that key is right, a person has to say so: expertbuild trust add {publisher} KEYFILE",
    )


def standing(publisher: str, state: str, keys: Iterable[str], trust: Trust) -> str:
    """What an earlier verdict is worth today, without looking at signatures again.

    A retired key still vouches for what it let in; a revoked one, or one that is gone, does not.
    """
    if state == "unsigned":
        return state
    namespace = trust.namespaces.get(publisher, Namespace({}))
    keys = list(keys)
    if any(_is(namespace, key, "revoked") for key in keys):
        return "revoked"
    kept = [key for key in keys if key in namespace.keys]
    return _state(namespace, kept) if len(kept) >= namespace.threshold else "no longer trusted"


def _state(namespace: Namespace, keys: list[str]) -> str:
    """A key that a person pinned makes it trusted; one that a first use brought in says so for ever."""
    pinned = [key for key in keys if namespace.keys[key].origin != "first use"]
    return "trusted" if len(pinned) >= namespace.threshold else "first-use"


def _is(namespace: Namespace, key: str, state: str) -> bool:
    return key in namespace.keys and namespace.keys[key].state == state
