"""SAFETY 31, 32, and 26 for rotations: how keys follow each other, and what becomes of what they let in."""

import base64
import json

import pytest

from runtime.artifact.refusals import (
    BadDocument,
    BadEnvelope,
    BadJson,
    BadSignature,
    Inconsistent,
    UnknownVersion,
    WeakKey,
)
from runtime.artifact.signature import (
    PAYLOAD_TYPE,
    Envelope,
    Signature,
    key_id,
    pre_authentication,
    sign,
    write_envelope,
)
from runtime.artifact.strict_json import canonical
from runtime.errors import Mistake
from runtime.registry.audit import audit
from runtime.registry.refusals import (
    RetiredKey,
    RevokedKey,
    StaleRotation,
    TooFewSignatures,
    UnsignedRotation,
    WrongRotation,
    WrongSigner,
)
from runtime.registry.rotation import KIND, Rotation, read_rotation, sign_rotation, write_rotation
from runtime.registry.succession import next_rotation, revoke, rotate
from runtime.registry.trust import add_keys, load_trust, remove_keys, trust_file
from tests.artifact.samples import ALICE, BOB, MALLORY, Key, sealed
from tests.registry.conftest import refused

CAROL = Key(4)
A, B, C = (key_id(k.public) for k in (ALICE, BOB, CAROL))


def rotation(*new, sequence=1, threshold=1, namespace="acme"):
    return Rotation(namespace, sequence, threshold, tuple(key.public for key in new))


def signed(*new, by=(ALICE,), **changes):
    return sign_rotation(rotation(*new, **changes), by)


def declined(document, kind, sentence=".", name="acme"):
    """The rotation is refused for this reason, and the trust file is as it was."""
    before = trust_file().read_bytes()
    with pytest.raises(kind, match=sentence) as caught:
        rotate(name, document)
    assert caught.type is kind
    assert trust_file().read_bytes() == before


def release(folder, version, *signers):
    path = folder / f"{version}-{len(signers)}.expert"
    sealed(path, signers=signers, version=version)
    return path


def test_the_old_key_signs_the_new_and_steps_back(acme):
    rotate("acme", signed(BOB))
    keys = load_trust().namespaces["acme"].keys
    assert (keys[A].state, keys[A].successor, keys[B].state, keys[B].origin) == ("retired", B, "active", "rotation")
    assert load_trust().namespaces["acme"].sequence == 1


def test_after_a_rotation_the_old_key_lets_nothing_new_in_and_what_it_let_in_stays(store, acme, tmp_path):
    old = release(tmp_path, "0.1.0", ALICE)
    store.install(old)
    rotate("acme", signed(BOB))
    refused(
        store, release(tmp_path, "0.2.0", ALICE), RetiredKey, f"{A}, which was retired for acme; its successor is {B}"
    )
    assert [i.trust for i in store.list()] == ["trusted"]
    assert audit(store, store.find("expert-sql")).faults == ()
    assert not store.install(old).fresh
    assert store.install(release(tmp_path, "0.3.0", BOB)).trust == "trusted"


def test_a_rotation_that_asks_for_more_signatures_asks_it_of_new_releases_only(store, acme, tmp_path):
    store.install(release(tmp_path, "0.1.0", ALICE))
    rotate("acme", signed(ALICE, BOB, threshold=2))
    assert store.find("expert-sql").trust == "trusted"
    refused(store, release(tmp_path, "0.2.0", ALICE), TooFewSignatures, "1 of the 2")
    assert store.install(release(tmp_path, "0.3.0", ALICE, BOB)).trust == "trusted"
    add_keys("acme", [CAROL.public], threshold=2)  # a person says that two are needed, of everything
    assert [i.trust for i in store.list()] == ["no longer trusted", "trusted"]


def test_a_chain_of_rotations_is_followed(store, acme, tmp_path):
    rotate("acme", signed(BOB))
    rotate("acme", signed(CAROL, by=[BOB], sequence=2))
    refused(store, release(tmp_path, "0.1.0", BOB), RetiredKey)
    assert store.install(release(tmp_path, "0.1.0", CAROL)).trust == "trusted"


def test_what_was_taken_on_faith_is_not_laundered_by_a_rotation(store, tmp_path):
    store.install(release(tmp_path, "0.1.0", ALICE), trust_first_use=True)
    rotate("acme", signed(BOB))
    assert store.install(release(tmp_path, "0.2.0", BOB)).trust == "first-use"


def test_a_key_that_stays_in_the_new_set_stays_as_it_was(acme):
    add_keys("acme", [BOB.public], note="from their site")
    rotate("acme", signed(BOB, CAROL, by=[ALICE]))
    keys = load_trust().namespaces["acme"].keys
    assert (keys[B].state, keys[B].origin, keys[B].note) == ("active", "by hand", "from their site")
    assert keys[A].successor == C


# Refused rotations.


def test_a_rotation_that_nobody_signed_is_refused(acme):
    bare = write_rotation(rotation(BOB))
    declined(bare, UnsignedRotation, "Nobody has signed")
    empty = {"payload": base64.b64encode(bare).decode(), "payloadType": KIND, "signatures": []}
    declined(canonical(empty), UnsignedRotation, "Nobody has signed")


def test_a_rotation_signed_by_a_revoked_key_is_refused(acme):
    revoke("acme", A[:12])
    declined(signed(BOB), RevokedKey, f"rotation is signed by the key {A}, which was revoked")


def test_a_rotation_signed_by_a_stranger_or_by_the_new_key_itself_is_refused(acme):
    declined(signed(MALLORY, by=[MALLORY]), WrongSigner)
    declined(signed(BOB, by=[BOB]), WrongSigner)


def test_a_rotation_needs_the_threshold_of_today(home):
    add_keys("acme", [ALICE.public, BOB.public], threshold=2)
    declined(signed(CAROL, by=[ALICE]), TooFewSignatures, "1 of the 2")
    declined(signed(CAROL, by=[ALICE, MALLORY]), TooFewSignatures)
    rotate("acme", signed(CAROL, by=[ALICE, BOB]))
    assert load_trust().namespaces["acme"].in_state("active") == {C}


def test_an_older_rotation_does_not_follow_a_newer(acme):
    first, second = signed(BOB), signed(CAROL, by=[BOB], sequence=2)
    rotate("acme", first)
    declined(first, StaleRotation, "number 1 of acme, and number 1 was applied")
    rotate("acme", second)
    declined(first, StaleRotation)
    declined(second, StaleRotation)


def test_a_rotation_whose_turn_has_not_come_is_refused_until_the_one_before_is_applied(acme):
    second = signed(CAROL, by=[BOB], sequence=2)
    declined(second, WrongSigner)
    rotate("acme", signed(BOB))
    rotate("acme", second)


def test_a_key_that_went_does_not_come_back(acme):
    rotate("acme", signed(BOB))
    declined(signed(ALICE, by=[BOB], sequence=2), WrongRotation, f"brings back the key {A}, which was retired")
    revoke("acme", A)
    declined(signed(ALICE, by=[BOB], sequence=2), WrongRotation, "which was revoked")
    with pytest.raises(WrongRotation):
        next_rotation("acme", [ALICE.public])


def test_a_rotation_is_for_one_namespace(acme):
    add_keys("other", [ALICE.public])
    declined(signed(BOB), WrongRotation, "for the namespace acme, not for other", name="other")
    declined(signed(BOB, namespace="nobody"), Mistake, "no namespace", name="nobody")


def test_the_signature_of_a_release_is_none_of_a_rotation_and_the_reverse(acme):
    payload = write_rotation(rotation(BOB))
    declined(sign(payload, [ALICE]), BadEnvelope, "payload of type")
    lent = Signature(ALICE.public, ALICE.sign(pre_authentication(payload, PAYLOAD_TYPE)))
    declined(write_envelope(Envelope(payload, (lent,), KIND)), BadSignature, A)


def test_a_changed_rotation_is_refused(acme):
    envelope = json.loads(signed(BOB))
    envelope["payload"] = base64.b64encode(write_rotation(rotation(MALLORY))).decode()
    declined(canonical(envelope), BadSignature)


def changed(change):
    value = json.loads(write_rotation(rotation(BOB)))
    change(value)
    return canonical(value)


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda v: v.update(format="expert-rotation/2"), UnknownVersion),
        (lambda v: v.update(format="expert-rotation/0"), UnknownVersion),
        (lambda v: v.pop("format"), UnknownVersion),
        (lambda v: v.update(critical=True), BadDocument),
        (lambda v: v.pop("sequence"), BadDocument),
        (lambda v: v.update(sequence=0), BadDocument),
        (lambda v: v.update(sequence=1.0), BadDocument),
        (lambda v: v.update(threshold=True), BadDocument),
        (lambda v: v.update(threshold=2), Inconsistent),
        (lambda v: v.update(keys=[]), BadDocument),
        (lambda v: v.update(keys=v["keys"] * 2), BadDocument),
        (lambda v: v.update(keys=[base64.b64encode((1).to_bytes(32, "little")).decode()]), WeakKey),
        (lambda v: v.update(keys=[base64.b64encode(b"\xff" * 32).decode()]), WeakKey),
        (lambda v: v.update(namespace="../acme"), BadDocument),
    ],
)  # fmt: skip
def test_a_rotation_that_is_wrong_is_refused_whoever_signs_it(acme, change, kind):
    payload = changed(change)
    with pytest.raises(kind):
        read_rotation(payload)
    one = Signature(ALICE.public, ALICE.sign(pre_authentication(payload, KIND)))
    declined(write_envelope(Envelope(payload, (one,), KIND)), kind)


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]", b"null", b'\xef\xbb\xbf{"a":1}', b'{"format":1,"format":2}', b"[" * 100_000, b'{"a":NaN}'],
)
def test_a_file_that_is_no_rotation_is_refused(acme, data):
    before = trust_file().read_bytes()
    with pytest.raises((BadJson, BadDocument)):
        rotate("acme", data)
    assert trust_file().read_bytes() == before


def test_the_bytes_that_are_signed_are_pinned():
    """If this changes, rotations that were handed out no longer verify."""
    assert write_rotation(rotation(BOB)) == (
        b'{"format":"expert-rotation/1","keys":["gTl3Dqh9F19Wo1Rmw0x+zMuNipG07jeiXfYPW4/Js5Q="],'
        b'"namespace":"acme","sequence":1,"threshold":1}'
    )


def test_the_next_rotation_is_numbered_by_the_trust_file(acme):
    assert next_rotation("acme", [BOB.public]).sequence == 1
    rotate("acme", signed(BOB))
    assert next_rotation("acme", [CAROL.public]).sequence == 2
    with pytest.raises(Mistake, match="can not be met"):
        next_rotation("acme", [CAROL.public], threshold=2)
    with pytest.raises(Mistake, match="no namespace"):
        next_rotation("other", [CAROL.public])


# Revocation.


def test_a_revoked_key_lets_nothing_in_and_what_it_let_in_is_flagged(store, acme, tmp_path):
    old = release(tmp_path, "0.1.0", ALICE)
    store.install(old)
    revoke("acme", A[:12], note="lost laptop")
    refused(store, release(tmp_path, "0.2.0", ALICE), RevokedKey, A)
    refused(store, old, RevokedKey, A)
    assert [i.trust for i in store.list()] == ["revoked"]
    assert f"signed by the key {A}, which was revoked for acme" in " ".join(
        audit(store, store.find("expert-sql")).faults
    )
    assert load_trust().namespaces["acme"].keys[A].note == "lost laptop"


def test_a_retired_key_can_be_revoked_later(store, acme, tmp_path):
    store.install(release(tmp_path, "0.1.0", ALICE))
    rotate("acme", signed(BOB))
    assert store.find("expert-sql").trust == "trusted"
    revoke("acme", A)
    assert store.find("expert-sql").trust == "revoked"
    assert load_trust().namespaces["acme"].keys[A].successor == B


def test_enough_other_signatures_outweigh_a_revoked_one(store, tmp_path):
    add_keys("acme", [ALICE.public, BOB.public, CAROL.public], threshold=2)
    path = release(tmp_path, "0.1.0", ALICE, BOB, CAROL)
    store.install(path)
    revoke("acme", C)
    assert store.find("expert-sql").trust == "trusted"
    refused(store, release(tmp_path, "0.2.0", ALICE, CAROL), RevokedKey, C)


def test_a_retired_key_vouches_only_with_as_many_others_as_it_took_then(store, tmp_path):
    add_keys("acme", [ALICE.public, BOB.public], threshold=2)
    store.install(release(tmp_path, "0.1.0", ALICE, BOB))
    rotate("acme", signed(CAROL, by=[ALICE, BOB], threshold=1))
    store.install(release(tmp_path, "0.2.0", CAROL))
    assert [i.trust for i in store.list()] == ["trusted", "trusted"]
    revoke("acme", A)
    assert [i.trust for i in store.list()] == ["revoked", "trusted"]


def test_a_revoked_key_is_not_added_again_by_hand_or_on_faith(store, acme, tmp_path):
    revoke("acme", A)
    with pytest.raises(Mistake, match="was revoked"):
        add_keys("acme", [ALICE.public])
    refused(store, release(tmp_path, "0.1.0", ALICE), RevokedKey, trust_first_use=True)
    add_keys("acme", [BOB.public])
    assert store.install(release(tmp_path, "0.1.0", BOB)).trust == "trusted"


def test_what_can_not_be_revoked_is_the_users_mistake(acme):
    with pytest.raises(Mistake, match="0 keys of acme"):
        revoke("acme", "ffff")
    with pytest.raises(Mistake, match="no namespace"):
        revoke("other", A)


def test_the_last_active_key_can_not_be_removed_from_beside_those_that_went(acme):
    rotate("acme", signed(BOB))
    with pytest.raises(Mistake, match="0 keys left"):
        remove_keys("acme", B)
    remove_keys("acme", A)
    assert list(load_trust().namespaces["acme"].keys) == [B]
