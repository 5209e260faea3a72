"""How keys follow each other in the trust file: rotation, which the old keys sign, and revocation, which a person says.

After a rotation the old keys let nothing new in, and what they let in stays. After a revocation what the key let in is
flagged as well, and no longer loads. Keys that went never come back by a rotation, and rotations are counted, so that an
older one can not follow a newer.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from runtime.artifact.signature import key_id, verify
from runtime.errors import Mistake
from runtime.registry.refusals import StaleRotation, WrongRotation
from runtime.registry.rotation import Rotation, read_rotation, read_signed
from runtime.registry.trust import Namespace, Trust, TrustedKey, find_key, load_trust, update_trust
from runtime.registry.verdict import require


def next_rotation(name: str, publics: Sequence[bytes], threshold: int | None = None) -> Rotation:
    """The rotation that would follow what the trust file of this machine knows; nobody has signed it yet."""
    trust = load_trust()
    before = _namespace(trust, name)
    rotation = Rotation(name, before.sequence + 1, threshold or before.threshold, tuple(publics))
    if rotation.threshold > len(publics):
        raise Mistake(
            f"A threshold of {rotation.threshold} can not be met with {len(publics)} keys.",
            hint="Name all the keys that are to sign from now on, or another --threshold.",
        )
    _check_keys(rotation, before)
    return rotation


def rotate(name: str, document: bytes, *, path: Path | None = None) -> Trust:
    """Apply a signed rotation to the trust file, if enough of the keys that are active now have signed it."""

    def change(trust: Trust) -> Trust:
        envelope = read_signed(document)
        rotation = read_rotation(envelope.payload)
        signed = verify(envelope, envelope.payload)
        if rotation.namespace != name:
            raise WrongRotation(f"The rotation is for the namespace {rotation.namespace}, not for {name}.")
        before = _namespace(trust, name)
        if rotation.sequence <= before.sequence:
            raise StaleRotation(
                f"The rotation is number {rotation.sequence} of {name}, and number {before.sequence} was applied already."
            )
        verdict = require(name, signed, trust, "rotation")
        _check_keys(rotation, before)
        return replace(trust, namespaces={**trust.namespaces, name: _after(before, rotation, verdict.state)})

    return update_trust(change, path)


def revoke(name: str, beginning: str, *, note: str = "", path: Path | None = None) -> Trust:
    """Never believe this key again, and flag what it let in. The last key of a namespace can be revoked too."""

    def change(trust: Trust) -> Trust:
        before = _namespace(trust, name)
        key = find_key(before, name, beginning)
        entry = before.keys[key]
        entry = replace(entry, state="revoked", note=note or entry.note)
        return replace(trust, namespaces={**trust.namespaces, name: replace(before, keys={**before.keys, key: entry})})

    return update_trust(change, path)


def _after(before: Namespace, rotation: Rotation, state: str) -> Namespace:
    # What began as a key taken on faith stays one: its successor is worth no more.
    origin = "rotation" if state == "trusted" else "first use"
    today = datetime.now(UTC).strftime("%Y-%m-%d")
    new = {key_id(p): TrustedKey(p, origin=origin, added=today) for p in rotation.publics}
    successor = next((key for key in rotation.ids if key not in before.keys), rotation.ids[0])
    keys = dict(before.keys)
    for key in before.in_state("active") - new.keys():
        keys[key] = replace(keys[key], state="retired", successor=successor)
    needed = before.before or before.threshold
    return replace(
        before,
        keys={**keys, **{key: entry for key, entry in new.items() if key not in keys}},
        threshold=rotation.threshold,
        sequence=rotation.sequence,
        before=needed if needed < rotation.threshold else 0,
    )


def _check_keys(rotation: Rotation, before: Namespace) -> None:
    for key in rotation.ids:
        if key in before.keys and before.keys[key].state != "active":
            raise WrongRotation(
                f"The rotation brings back the key {key}, which was {before.keys[key].state} for {rotation.namespace}.",
                hint="Make a new one: expertbuild keygen",
            )


def _namespace(trust: Trust, name: str) -> Namespace:
    if name not in trust.namespaces:
        raise Mistake(
            f"The trust file has no namespace {name[:80]!r}.",
            hint="A rotation needs the key that was in use until now: expertbuild trust add NAMESPACE KEYFILE",
        )
    return trust.namespaces[name]
