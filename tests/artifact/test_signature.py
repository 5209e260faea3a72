import base64
import hashlib
import json

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from runtime.artifact import signature as module
from runtime.artifact.refusals import BadDocument, BadEnvelope, BadSignature, WeakKey, WrongPayload
from runtime.artifact.signature import (
    Envelope,
    Signature,
    check_public_key,
    check_signature_form,
    key_id,
    pre_authentication,
    read_envelope,
    sign,
    verify,
    write_envelope,
)
from runtime.artifact.strict_json import canonical
from tests.artifact.samples import ALICE, BOB, MALLORY

STATEMENT = b'{"_type":"x"}'


def changed(change, signers=(ALICE,)):
    value = json.loads(sign(STATEMENT, signers))
    change(value)
    return canonical(value)


def test_a_signature_is_verified_by_the_key_that_made_it():
    envelope = read_envelope(sign(STATEMENT, [ALICE]))
    assert verify(envelope, STATEMENT) == {key_id(ALICE.public)}


def test_several_keys_count_each_once():
    envelope = read_envelope(sign(STATEMENT, [BOB, ALICE]))
    assert verify(envelope, STATEMENT) == {key_id(ALICE.public), key_id(BOB.public)}
    assert sign(STATEMENT, [ALICE, BOB]) == sign(STATEMENT, [BOB, ALICE])


def test_the_encoding_is_that_of_dsse():
    assert pre_authentication(b"hello") == b"DSSEv1 28 application/vnd.in-toto+json 5 hello"


def test_the_key_id_is_what_openssl_makes_of_the_public_key():
    spki = ALICE.private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert spki == module.SPKI + ALICE.public
    assert key_id(ALICE.public) == hashlib.sha256(spki).hexdigest()
    assert key_id(ALICE.public) == "fd110d301d2f077de1414b8f99f441b1403fab207b2052fbd2c065e4ee8e7dc2"


def test_one_key_can_not_sign_twice():
    with pytest.raises(BadEnvelope, match="two signatures by one key"):
        sign(STATEMENT, [ALICE, ALICE])
    with pytest.raises(BadEnvelope, match="two signatures by one key"):
        read_envelope(changed(lambda v: v["signatures"].append(v["signatures"][0])))


def test_the_signature_of_another_statement_is_refused():
    envelope = read_envelope(sign(b'{"other":1}', [ALICE]))
    with pytest.raises(WrongPayload):
        verify(envelope, STATEMENT)
    moved = Envelope(STATEMENT, envelope.signatures)
    with pytest.raises(BadSignature, match=key_id(ALICE.public)):
        verify(moved, STATEMENT)


def test_a_signature_under_another_key_id_is_refused():
    def claim(value):
        value["signatures"][0]["keyid"] = key_id(ALICE.public)

    with pytest.raises(BadEnvelope, match="key id"):
        read_envelope(changed(claim, [MALLORY]))

    forged = Envelope(STATEMENT, (Signature(ALICE.public, MALLORY.sign(pre_authentication(STATEMENT))),))
    with pytest.raises(BadSignature):
        verify(read_envelope(write_envelope(forged)), STATEMENT)


def test_one_bad_signature_spoils_the_envelope():
    good = Signature(ALICE.public, ALICE.sign(pre_authentication(STATEMENT)))
    bad = Signature(BOB.public, BOB.sign(b"something else"))
    with pytest.raises(BadSignature, match=key_id(BOB.public)):
        verify(Envelope(STATEMENT, (good, bad)), STATEMENT)


def test_a_signature_without_the_payload_type_is_not_one_of_ours():
    bare = Envelope(STATEMENT, (Signature(ALICE.public, ALICE.sign(STATEMENT)),))
    with pytest.raises(BadSignature):
        verify(bare, STATEMENT)
    with pytest.raises(BadEnvelope, match="text/plain"):
        read_envelope(changed(lambda v: v.update(payloadType="text/plain")))


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda v: v.update(signatures=[]), BadDocument),
        (lambda v: v.update(more=1), BadDocument),
        (lambda v: v["signatures"][0].pop("public"), BadDocument),
        (lambda v: v["signatures"][0].update(alg="none"), BadDocument),
        (lambda v: v["signatures"][0].update(sig=v["signatures"][0]["sig"][:-4]), BadDocument),
        (lambda v: v.update(payload=v["payload"].rstrip("=") + "\n"), BadDocument),
        (lambda v: v.update(payload="AB=="), BadEnvelope),  # a second spelling of AA==
        (lambda v: v.update(payload="AAA"), BadEnvelope),
    ],
)
def test_a_malformed_envelope_is_refused(change, kind):
    with pytest.raises(kind):
        read_envelope(changed(change))


# SAFETY 24. The curve, spelled out, so that the table in the module is proved and not copied.

P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P


def add(one, two):
    (x1, y1), (x2, y2) = one, two
    t = D * x1 * x2 * y1 * y2 % P
    return (x1 * y2 + x2 * y1) * pow(1 + t, -1, P) % P, (y1 * y2 + x1 * x2) * pow(1 - t, -1, P) % P


def times(n, point):
    total = (0, 1)
    for bit in bin(n)[2:]:
        total = add(total, total)
        if bit == "1":
            total = add(total, point)
    return total


def point(y):
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * pow(2, (P - 1) // 4, P) % P
    return (x, y) if x * x % P == square else None


def small_order_points():
    """Every point is an eighth of the group away from one of prime order: times that order, only the rest remains."""
    found = set()
    for y in range(2, 60):
        if start := point(y):
            rest = times(module._ORDER, start)
            found |= {times(n, rest) for n in range(8)}
    return found


def encoded(at, sign=None):
    x, y = at
    return (y | ((x & 1 if sign is None else sign) << 255)).to_bytes(32, "little")


def test_the_eight_points_of_small_order_are_refused_as_keys_and_in_signatures():
    points = small_order_points()
    assert len(points) == 8
    assert {y for _, y in points} == module._SMALL_ORDER
    for at in points:
        assert times(8, at) == (0, 1)
        for sign_bit in (0, 1):
            with pytest.raises(WeakKey, match="small order"):
                check_public_key(encoded(at, sign_bit))
            with pytest.raises(WeakKey, match="small order"):
                check_signature_form(encoded(at, sign_bit) + bytes(32))


@pytest.mark.parametrize("y", [*range(P, 2**255)])
@pytest.mark.parametrize("sign_bit", [0, 1])
def test_points_with_a_second_spelling_are_refused(y, sign_bit):
    with pytest.raises(WeakKey, match="canonical"):
        check_public_key(encoded((0, y), sign_bit))


def test_a_scalar_that_is_not_reduced_is_refused():
    made = ALICE.sign(b"x")
    scalar = int.from_bytes(made[32:], "little") + module._ORDER
    with pytest.raises(WeakKey, match="not reduced"):
        check_signature_form(made[:32] + scalar.to_bytes(32, "little"))
    check_signature_form(made)


def test_an_envelope_that_brings_a_weak_key_is_refused():
    """With the identity as key, one signature fits every message for a careless verifier."""
    weak = encoded((0, 1))

    def swap(value):
        value["signatures"][0].update(keyid=key_id(weak), public=base64.b64encode(weak).decode())

    with pytest.raises(WeakKey):
        read_envelope(changed(swap))
