import base64
import json
from dataclasses import replace
from multiprocessing import get_context

import pytest

from runtime.artifact.refusals import BadDocument, BadJson, BadSignature, UnknownVersion, WeakKey, WrongPayload
from runtime.artifact.schema import check
from runtime.artifact.signature import Envelope, key_id, read_envelope, sign
from runtime.errors import Mistake
from runtime.registry.refusals import RevokedKey, TooFewSignatures, WrongSigner
from runtime.registry.trust import Namespace, Trust, TrustedKey, add_keys, load_trust, remove_keys, trust_file
from runtime.registry.verdict import decide, standing
from tests.artifact.samples import ALICE, BOB, MALLORY, Key

STATEMENT = b'{"release":1}'
A, B = key_id(ALICE.public), key_id(BOB.public)


def envelope(*signers, statement=STATEMENT):
    return read_envelope(sign(statement, signers))


def trusting(*keys, threshold=1, **changes):
    entries = {key_id(k.public): TrustedKey(k.public, **changes) for k in keys}
    return Trust({"acme": Namespace(entries, threshold)})


def judged(trust, *signers):
    return decide("acme", envelope(*signers), STATEMENT, trust)


def test_an_absent_trust_file_trusts_nobody():
    assert load_trust() == Trust()
    assert judged(load_trust(), ALICE).state == "unknown"


def test_a_key_added_by_hand_is_trusted_and_one_removed_is_not():
    add_keys("acme", [ALICE.public], note="from their site")
    assert judged(load_trust(), ALICE).state == "trusted"
    assert load_trust().namespaces["acme"].keys[A].note == "from their site"
    remove_keys("acme", A[:10])
    assert judged(load_trust(), ALICE).state == "unknown"


def test_the_file_follows_its_schema():
    add_keys("acme", [ALICE.public, BOB.public], threshold=2)
    check(json.loads(trust_file().read_bytes()), "trust", "the trust file")


# SAFETY 17, 18, 20-23.


def test_nobody_signed():
    assert decide("acme", None, STATEMENT, trusting(ALICE)).state == "unsigned"


def test_a_valid_signature_by_a_key_that_only_the_package_brings_is_an_unknown_publisher():
    verdict = judged(Trust(), MALLORY)
    assert verdict.state == "unknown"
    assert verdict.keys == (key_id(MALLORY.public),)


def test_somebody_else_signing_in_a_namespace_is_refused():
    with pytest.raises(WrongSigner, match=key_id(MALLORY.public)):
        judged(trusting(ALICE), MALLORY)


def test_the_publisher_of_one_namespace_can_not_sign_in_another():
    both = Trust({**trusting(ALICE).namespaces, "other": Namespace({B: TrustedKey(BOB.public)})})
    with pytest.raises(WrongSigner, match="trusted for other only"):
        judged(both, BOB)


def test_one_key_is_one_signature_whatever_the_threshold():
    two = trusting(ALICE, BOB, threshold=2)
    with pytest.raises(TooFewSignatures, match="1 of the 2"):
        judged(two, ALICE)
    with pytest.raises(TooFewSignatures):
        judged(two, ALICE, MALLORY)
    assert judged(two, ALICE, BOB) == decide("acme", envelope(BOB, ALICE), STATEMENT, two)
    assert judged(two, ALICE, BOB).keys == tuple(sorted([A, B]))


def test_a_trusted_keys_id_over_another_signature_is_refused():
    forged = envelope(MALLORY).signatures[0]
    claimed = Envelope(STATEMENT, (replace(forged, public=ALICE.public),))
    with pytest.raises(BadSignature, match=A):
        decide("acme", claimed, STATEMENT, trusting(ALICE))


def test_the_signature_of_another_release_is_refused():
    other = envelope(ALICE, statement=b'{"release":2}')
    with pytest.raises(WrongPayload):
        decide("acme", other, STATEMENT, trusting(ALICE))
    with pytest.raises(BadSignature):
        decide("acme", Envelope(STATEMENT, other.signatures), STATEMENT, trusting(ALICE))


def test_a_revoked_or_retired_key_lets_nothing_new_in():
    with pytest.raises(RevokedKey, match=A):
        judged(trusting(ALICE, state="revoked"), ALICE)
    with pytest.raises(WrongSigner):
        judged(trusting(ALICE, state="retired"), ALICE)


def test_what_an_old_verdict_is_worth_today():
    assert standing("acme", "trusted", [A], trusting(ALICE)) == "trusted"
    assert standing("acme", "trusted", [A], trusting(ALICE, state="retired")) == "trusted"
    assert standing("acme", "trusted", [A], trusting(ALICE, state="revoked")) == "revoked"
    assert standing("acme", "trusted", [A], trusting(BOB)) == "no longer trusted"
    assert standing("acme", "trusted", [A], trusting(ALICE, BOB, threshold=2)) == "no longer trusted"
    assert standing("acme", "trusted", [A], Trust()) == "no longer trusted"
    assert standing("acme", "unsigned", [], trusting(ALICE)) == "unsigned"


def test_a_key_taken_on_faith_says_so_until_a_person_adds_it():
    add_keys("acme", [ALICE.public], origin="first use")
    assert judged(load_trust(), ALICE).state == "first-use"
    add_keys("acme", [ALICE.public])
    assert judged(load_trust(), ALICE).state == "trusted"


# The file.


def test_what_can_not_work_is_not_written():
    with pytest.raises(Mistake, match="can not be met"):
        add_keys("acme", [ALICE.public], threshold=2)
    with pytest.raises(Mistake, match="not a namespace"):
        add_keys("../acme", [ALICE.public])
    with pytest.raises(WeakKey):
        add_keys("acme", [(1).to_bytes(32, "little")])
    assert not trust_file().exists()
    add_keys("acme", [ALICE.public, BOB.public], threshold=2)
    with pytest.raises(Mistake, match="needs 2 signatures"):
        remove_keys("acme", A)
    with pytest.raises(Mistake, match="0 keys"):
        remove_keys("acme", "ffff")
    with pytest.raises(Mistake, match="no namespace"):
        remove_keys("other")


def broken(change):
    value = json.loads(trust_file().read_bytes())
    change(value["namespaces"]["acme"], value)
    trust_file().write_text(json.dumps(value))


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda acme, value: value.update(format="expert-trust/2"), UnknownVersion),
        (lambda acme, value: value.pop("format"), UnknownVersion),
        (lambda acme, value: acme.update(threshold=0), BadDocument),
        (lambda acme, value: acme.update(threshold=True), BadDocument),
        (lambda acme, value: acme.update(mode="anything"), BadDocument),
        (lambda acme, value: acme.update(except_on_sundays=1), BadDocument),
        (lambda acme, value: acme.pop("keys"), BadDocument),
        (lambda acme, value: acme["keys"][A].update(state="good"), BadDocument),
        (lambda acme, value: acme["keys"][A].update(power=9), BadDocument),
        (lambda acme, value: acme["keys"][A].update(public="x"), BadDocument),
        (lambda acme, value: acme["keys"].update({B: acme["keys"].pop(A)}), BadDocument),
        (
            lambda acme, value: acme["keys"][A].update(public=base64.b64encode((1).to_bytes(32, "little")).decode()),
            WeakKey,
        ),
    ],
)
def test_a_trust_file_that_was_edited_into_nonsense_is_refused_with_its_name(acme, change, kind):
    broken(change)
    with pytest.raises(kind, match=r"trust\.json"):
        load_trust()


def test_a_trust_file_with_a_key_twice_is_refused(acme):
    text = trust_file().read_text()
    trust_file().write_text(text.replace('"namespaces"', '"namespaces":{},"namespaces"'))
    with pytest.raises(BadJson, match="twice"):
        load_trust()


def _add(number):
    add_keys("acme", [Key(number).public])


def test_two_processes_that_add_keys_lose_none(acme):
    context = get_context("fork")
    workers = [context.Process(target=_add, args=(n,)) for n in range(10, 16)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(load_trust().namespaces["acme"].keys) == 7
