"""SAFETY 16 to 26 at the door of the store: each is refused by its own class, and the store stays as it was.

The same rows are held against the readers themselves in tests/artifact; 31 and 32 are in test_succession.
"""

import base64
import json

import pytest

from runtime.artifact import refusals as no
from runtime.artifact import signature as module
from runtime.artifact.container import open_container
from runtime.artifact.release import cosign
from runtime.artifact.signature import Envelope, Signature, key_id, pre_authentication, sign, write_envelope
from runtime.artifact.strict_json import canonical
from runtime.registry.cosigner import keygen_p256
from runtime.registry.refusals import TooFewSignatures, UnknownPublisher, Unsigned, WrongSigner
from runtime.registry.trust import add_keys, trust_file
from tests.artifact.samples import ALICE, BOB, MALLORY, altered, sealed
from tests.registry.conftest import refused, snapshot

P = 2**255 - 19
DOCUMENTS = ("statement.json", "signatures.json", "manifest.json")


@pytest.fixture(autouse=True)
def something_installed(store, acme, tmp_path):
    """A store that has something to lose."""
    sealed(tmp_path / "older.expert", version="0.0.9")
    store.install(tmp_path / "older.expert")


def members_of(path):
    with open_container(path) as container:
        return {name: container.read(name) for name in container.names}


def with_member(package, name, data):
    return altered(package, package.with_name("altered.expert"), lambda made: made.update({name: data}))


def with_envelope(package, change):
    """The package with its envelope changed as a document, in canonical form again."""
    value = json.loads(members_of(package)["signatures.json"])
    change(value)
    return with_member(package, "signatures.json", canonical(value))


# 16. One bit in each member.


def test_16_one_bit_flipped_in_any_member_is_refused_by_name(store, package, tmp_path):
    cosign(package, keygen_p256(tmp_path / "model.pem"), package)
    unlisted = ("statement.json", "signatures.json", "model.sig")
    before = snapshot(store.packages)
    for name, data in members_of(package).items():
        for at in (0, len(data) // 2, len(data) - 1):
            flipped = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
            with pytest.raises(no.Refused if name in unlisted else no.WrongDigest, match=name):
                store.install(with_member(package, name, flipped))
    assert snapshot(store.packages) == before


def test_16_a_bit_of_a_signature_itself_is_refused(store, package):
    def flip(value):
        raw = bytearray(base64.b64decode(value["signatures"][0]["sig"]))
        raw[40] ^= 1
        value["signatures"][0]["sig"] = base64.b64encode(raw).decode()

    refused(store, with_envelope(package, flip), no.BadSignature, key_id(ALICE.public))


# 17, 18. Nobody, or somebody nobody knows.


def test_17_signatures_removed(store, package, tmp_path):
    stripped = altered(package, tmp_path / "s.expert", lambda made: made.pop("signatures.json"))
    refused(store, stripped, Unsigned, "Nobody has signed")
    allowed = store.install(stripped, allow_unsigned=True)
    assert (allowed.trust, allowed.record.trust.flags) == ("unsigned", ("allow-unsigned",))
    assert [i.trust for i in store.list()] == ["trusted", "unsigned"]


def test_18_a_key_that_only_the_package_brings(store, tmp_path):
    sealed(tmp_path / "x.expert", signers=[MALLORY], publisher="stranger")
    refused(store, tmp_path / "x.expert", UnknownPublisher, f"Unknown publisher.*{key_id(MALLORY.public)}")
    refused(store, tmp_path / "x.expert", UnknownPublisher, allow_unsigned=True)


# 19 to 22. Signatures of something else.


@pytest.mark.parametrize("kind", ["text/plain", "application/vnd.expertbuild.rotation+json", "", None, 7])
def test_19_the_payload_type_swapped(store, package, kind):
    refused(store, with_envelope(package, lambda v: v.update(payloadType=kind)), no.BadEnvelope, "payload of type")


def test_19_a_signature_made_for_another_payload_type(store, package):
    statement = members_of(package)["statement.json"]
    lent = ALICE.sign(pre_authentication(statement, "application/vnd.expertbuild.rotation+json"))
    forged = write_envelope(Envelope(statement, (Signature(ALICE.public, lent),)))
    refused(store, with_member(package, "signatures.json", forged), no.BadSignature, key_id(ALICE.public))


def test_20_one_key_twice_for_a_threshold_of_two(store, package):
    add_keys("acme", [BOB.public], threshold=2)
    refused(store, package, TooFewSignatures, "1 of the 2")
    doubled = with_envelope(package, lambda v: v["signatures"].append(v["signatures"][0]))
    refused(store, doubled, no.BadEnvelope, "two signatures by one key")

    def second_spelling(value):
        again = dict(value["signatures"][0])
        again["public"] = again["public"].rstrip("=")
        value["signatures"].append(again)

    refused(store, with_envelope(package, second_spelling), no.BadDocument, "public")


def test_21_the_id_of_a_trusted_key_over_the_signature_of_another(store, tmp_path):
    sealed(tmp_path / "x.expert", signers=[MALLORY])
    path = tmp_path / "x.expert"
    claimed = with_envelope(path, lambda v: v["signatures"][0].update(keyid=key_id(ALICE.public)))
    refused(store, claimed, no.BadEnvelope, "key id")
    public = base64.b64encode(ALICE.public).decode()
    whole = with_envelope(path, lambda v: v["signatures"][0].update(keyid=key_id(ALICE.public), public=public))
    refused(store, whole, no.BadSignature, key_id(ALICE.public))


@pytest.mark.parametrize("other", [{"name": "expert-cypher"}, {"version": "0.2.0"}])
def test_22_the_signature_of_one_release_on_another(store, package, tmp_path, other):
    sealed(tmp_path / "other.expert", ("nano", "qwen3-0.6b"), **other)
    lent = members_of(tmp_path / "other.expert")["signatures.json"]
    refused(store, with_member(package, "signatures.json", lent), no.WrongPayload)
    payload = base64.b64encode(members_of(package)["statement.json"]).decode()
    value = json.loads(lent) | {"payload": payload}
    refused(store, with_member(package, "signatures.json", canonical(value)), no.BadSignature)


def test_23_one_publisher_in_the_namespace_of_another(store, tmp_path):
    add_keys("bobs", [BOB.public])
    sealed(tmp_path / "x.expert", signers=[BOB])
    refused(store, tmp_path / "x.expert", WrongSigner, "in the namespace acme and signed by.*trusted for bobs only")


# 24. Points for which forging is easy, or that have two spellings.


def weak_points():
    small = [y.to_bytes(32, "little") for y in sorted(module._SMALL_ORDER)]
    small += [(y | 1 << 255).to_bytes(32, "little") for y in sorted(module._SMALL_ORDER)]
    return small + [(y | s << 255).to_bytes(32, "little") for y in range(P, 2**255) for s in (0, 1)]


@pytest.mark.parametrize("point", weak_points(), ids=lambda point: point.hex()[:8] + point.hex()[-4:])
def test_24_a_weak_point_as_key_or_in_a_signature(store, package, point):
    def as_key(value):
        value["signatures"][0].update(keyid=key_id(point), public=base64.b64encode(point).decode())

    def in_signature(value):
        rest = base64.b64decode(value["signatures"][0]["sig"])[32:]
        value["signatures"][0]["sig"] = base64.b64encode(point + rest).decode()

    refused(store, with_envelope(package, as_key), no.WeakKey, "small order|canonical")
    refused(store, with_envelope(package, in_signature), no.WeakKey, "small order|canonical")


def test_24_a_scalar_with_a_second_spelling(store, package):
    def raise_it(value):
        raw = base64.b64decode(value["signatures"][0]["sig"])
        scalar = int.from_bytes(raw[32:], "little") + module._ORDER
        value["signatures"][0]["sig"] = base64.b64encode(raw[:32] + scalar.to_bytes(32, "little")).decode()

    refused(store, with_envelope(package, raise_it), no.WeakKey, "not reduced")


# 25. JSON that two readers could read in two ways, in each document that is read before anything is believed.


@pytest.mark.parametrize("name", DOCUMENTS[:2])
@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda d: d[:-1] + b',"z":1,"z":2}', "twice"),
        (lambda d: d[:-1] + b',"zz":NaN}', "NaN"),
        (lambda d: d[:-1] + b',"zz":1e400}', "too large"),
        (lambda d: d[:-1] + b',"zz":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested"),
        (lambda d: d[:-1] + b',"zz":"\xff"}', "UTF-8"),
        (lambda d: d[:-1] + b',"zz":"\\ud800"}', "surrogate"),
        (lambda d: b"\xef\xbb\xbf" + d, "byte-order"),
        (lambda d: d + b"\n", "canonical"),
        (lambda d: b"", "not JSON"),
    ],
)
def test_25_json_that_can_be_read_in_two_ways(store, package, name, spoil, sentence):
    spoiled = spoil(members_of(package)[name])
    refused(store, with_member(package, name, spoiled), no.BadJson, f"{name}.*({sentence})")


def test_25_a_manifest_is_held_to_the_digest_before_it_is_read(store, package):
    spoiled = members_of(package)["manifest.json"][:-1] + b',"a":NaN}'
    refused(store, with_member(package, "manifest.json", spoiled), no.WrongDigest, r"manifest\.json")


# 26. Versions and critical fields that this program does not know, signed by the right key all the same.


def resigned(package, change):
    """The package with another statement, which its publisher has signed."""
    value = json.loads(members_of(package)["statement.json"])
    change(value)
    statement = canonical(value)
    made = {"statement.json": statement, "signatures.json": sign(statement, [ALICE])}
    return altered(package, package.with_name("altered.expert"), lambda members: members.update(made))


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda v: v.update(_type="https://in-toto.io/Statement/v2"), no.UnknownVersion),
        (lambda v: v.update(predicateType="urn:expertbuild:release:2"), no.UnknownVersion),
        (lambda v: v.update(predicateType="urn:expertbuild:release:0"), no.UnknownVersion),
        (lambda v: v.pop("predicateType"), no.UnknownVersion),
        (lambda v: v.update(critical=["x"]), no.BadDocument),
        (lambda v: v["predicate"].update(expires="2020-01-01"), no.BadDocument),
        (lambda v: v["subject"][0].update(critical=True), no.BadDocument),
    ],
)
def test_26_a_statement_of_another_version_or_with_a_field_that_may_matter(store, package, change, kind):
    refused(store, resigned(package, change), kind, r"statement\.json")


@pytest.mark.parametrize(
    "change",
    [
        lambda v: v.update(critical=["x"]),
        lambda v: v["signatures"][0].update(alg="none"),
        lambda v: v["signatures"][0].update(expires="2020-01-01"),
    ],
)
def test_26_signatures_with_a_field_that_may_matter(store, package, change):
    refused(store, with_envelope(package, change), no.BadDocument, r"signatures\.json")


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda v: v.update(format="expert-manifest/4"), no.UnknownVersion),
        (lambda v: v.update(format="expert-manifest/1"), no.UnknownVersion),
        (lambda v: v.pop("format"), no.UnknownVersion),
        (lambda v: v.update(critical=True), no.BadDocument),
        (lambda v: v["decoding"].update(command="sh"), no.BadDocument),
    ],
)
def test_26_a_manifest_of_another_version_or_with_a_field_that_may_matter(store, package, change, kind):
    import hashlib

    value = json.loads(members_of(package)["manifest.json"])
    change(value)
    manifest = canonical(value)
    digest = {"sha256": hashlib.sha256(manifest).hexdigest()}

    def restate(statement):
        statement["predicate"]["manifest"] = digest
        entry = next(one for one in statement["subject"] if one["name"] == "manifest.json")
        entry.update(digest=digest, annotations={"size": len(manifest)})

    refused(store, with_member(resigned(package, restate), "manifest.json", manifest), kind, "manifest")


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda v: v.update(format="expert-trust/2"), no.UnknownVersion),
        (lambda v: v.pop("format"), no.UnknownVersion),
        (lambda v: v["namespaces"]["acme"].update(critical=1), no.BadDocument),
        (lambda v: v["namespaces"]["acme"].update(sequence="1"), no.BadDocument),
        (lambda v: v["namespaces"]["acme"].update(before=-1), no.BadDocument),
        (lambda v: next(iter(v["namespaces"]["acme"]["keys"].values())).update(expires="2020-01-01"), no.BadDocument),
    ],
)
def test_26_a_trust_file_of_another_version_or_with_a_field_that_may_matter(store, package, change, kind):
    value = json.loads(trust_file().read_bytes())
    change(value)
    trust_file().write_bytes(canonical(value))
    refused(store, package, kind, r"trust\.json")


def test_26_a_trust_file_with_a_field_at_its_top_that_may_matter(store, package):
    value = json.loads(trust_file().read_bytes())
    trust_file().write_bytes(canonical({**value, "critical": ["x"]}))
    refused(store, package, no.BadDocument, r"trust\.json")
