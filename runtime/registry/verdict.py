"""What signatures are worth here, by the trust file.

A key that only a package brings is an unknown publisher, never "verified". Whether an unsigned or unknown package is
wanted all the same is a person's decision, taken in `store`.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from runtime.artifact.signature import Envelope, verify
from runtime.registry.refusals import RetiredKey, RevokedKey, TooFewSignatures, WrongSigner
from runtime.registry.trust import Namespace, Trust


@dataclass(frozen=True)
class Verdict:
    """What the signatures of a package are worth: trusted, first-use, unsigned or unknown; and how many were needed."""

    state: str
    keys: tuple[str, ...] = ()
    needed: int = 1


def decide(publisher: str, envelope: Envelope | None, statement: bytes, trust: Trust) -> Verdict:
    """What these signatures are worth for a release in this namespace; a bad one is refused outright."""
    if envelope is None:
        return Verdict("unsigned")
    signed = verify(envelope, statement)
    if publisher not in trust.namespaces:
        return Verdict("unknown", tuple(sorted(signed)))
    return require(publisher, signed, trust, "release")


def require(publisher: str, signed: frozenset[str], trust: Trust, what: str) -> Verdict:
    """Enough of the namespace's active keys signed this; otherwise the refusal that says what is wrong with the rest."""
    namespace = trust.namespaces[publisher]
    counted = sorted(signed & namespace.in_state("active"))
    if len(counted) >= namespace.threshold:
        return Verdict(state_of(namespace, counted, namespace.threshold), tuple(counted), namespace.threshold)
    if revoked := sorted(signed & namespace.in_state("revoked")):
        raise RevokedKey(f"The {what} is signed by the key {revoked[0]}, which was revoked for {publisher}.")
    if retired := sorted(signed & namespace.in_state("retired")):
        successor = namespace.keys[retired[0]].successor
        now = f"; its successor is {successor}" if successor else ""
        raise RetiredKey(f"The {what} is signed by the key {retired[0]}, which was retired for {publisher}{now}.")
    if counted:
        raise TooFewSignatures(
            f"The {what} has {len(counted)} of the {namespace.threshold} signatures that {publisher} needs."
        )
    others = sorted(n for n, entry in trust.namespaces.items() if signed & entry.keys.keys())
    known = f", which is trusted for {', '.join(others)} only" if others else ""
    raise WrongSigner(
        f"The {what} is in the namespace {publisher} and signed by the key {min(signed)}{known}.",
        hint=f"If that key is right, a person has to say so: expertbuild trust add {publisher} KEYFILE",
    )


def standing(publisher: str, state: str, keys: Iterable[str], trust: Trust, then: int = 1) -> str:
    """What an earlier verdict is worth today, without looking at signatures again. `then`: how many were needed.

    A retired key still vouches for what it let in, with as many others as it took then; and a rotation that asks for
    more signatures asks it of new releases only. A key that was revoked, or is gone, vouches for nothing.
    """
    if state == "unsigned":
        return state
    namespace = trust.namespaces.get(publisher, Namespace({}))
    keys = set(keys)
    kept = sorted(keys & (namespace.in_state("active") | namespace.in_state("retired")))
    needed = namespace.before or namespace.threshold
    if namespace.in_state("retired").intersection(kept):
        needed = max(needed, then)
    if len(kept) >= needed:
        return state_of(namespace, kept, needed)
    return "revoked" if keys & namespace.in_state("revoked") else "no longer trusted"


def state_of(namespace: Namespace, keys: list[str], needed: int) -> str:
    """A key that a person pinned makes it trusted; one that a first use brought in says so for ever."""
    pinned = [key for key in keys if namespace.keys[key].origin != "first use"]
    return "trusted" if len(pinned) >= needed else "first-use"
