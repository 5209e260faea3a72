import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.artifact.refusals import (
    BadDocument,
    BadMemberName,
    DuplicateMember,
    Inconsistent,
    Refused,
    UnknownVersion,
)
from runtime.artifact.statement import Member, Statement, Variant, package_id, read_statement, write_statement
from runtime.artifact.strict_json import canonical
from tests.artifact.samples import provenance


def statement(**changes):
    plain = Statement(
        publisher="acme",
        name="expert-sql",
        version="0.1.0",
        members={
            "manifest.json": Member(10, "a" * 64),
            "variants/nano/slots.safetensors": Member(0, "b" * 64),
        },
        variants={"nano": Variant("1" * 64, "2" * 64)},
        requires={"acme/expert-json": "^0.1"},
        provenance=provenance(),
    )
    return replace(plain, **changes)


def changed(change):
    value = json.loads(write_statement(statement()))
    change(value)
    return canonical(value)


def test_a_statement_comes_back_as_it_was():
    assert read_statement(write_statement(statement())) == statement()


def test_the_bytes_and_so_the_id_are_pinned():
    assert (
        package_id(write_statement(statement())) == "f4f39438a686a7f74bace144b894d7fff84e571fce3ceae9b077936a67c3bff6"
    )


digests = st.text("0123456789abcdef", min_size=64, max_size=64)


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(st.from_regex(r"profile/[a-z]{1,5}\.json", fullmatch=True), st.builds(Member, st.integers(0, 2**32 - 2), digests), max_size=4),
    st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
)  # fmt: skip
def test_any_statement_comes_back(more, annotations):
    full = statement(members={**statement().members, **more}, annotations=annotations)
    assert read_statement(write_statement(full)) == full


@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_a_damaged_statement_is_refused_or_has_another_id(data):
    good = write_statement(statement())
    at = data.draw(st.integers(0, len(good) - 1))
    damaged = good[:at] + bytes([data.draw(st.integers(0, 255))]) + good[at + 1 :]
    try:
        read_statement(damaged)
    except Refused:
        return
    assert damaged == good or package_id(damaged) != package_id(good)


@pytest.mark.parametrize(
    ("change", "kind", "sentence"),
    [
        (lambda v: v.update({"_type": "https://in-toto.io/Statement/v0.1"}), UnknownVersion, "v0.1"),
        (lambda v: v.update({"predicateType": "urn:expertbuild:release:2"}), UnknownVersion, "release:2"),
        (lambda v: v["predicate"].update({"critical": 1}), BadDocument, "critical"),
        (lambda v: v["predicate"].pop("conflicts"), BadDocument, "conflicts"),
        (lambda v: v["subject"].append(v["subject"][0]), DuplicateMember, "manifest.json"),
        (lambda v: v["subject"].reverse(), Inconsistent, "order"),
        (lambda v: v["subject"].pop(0), Inconsistent, "another manifest"),
        (lambda v: v["subject"].pop(1), Inconsistent, "nano"),
        (lambda v: v["predicate"]["manifest"].update({"sha256": "c" * 64}), Inconsistent, "another manifest"),
        (lambda v: v["subject"][0].update({"name": "../manifest.json"}), BadMemberName, "manifest.json"),
        (lambda v: v["subject"][0]["annotations"].update({"size": -1}), BadDocument, "size"),
        (lambda v: v["subject"][0]["annotations"].update({"size": 2**33}), BadDocument, "size"),
        (lambda v: v["subject"][0]["digest"].update({"md5": "x"}), BadDocument, "md5"),
        (lambda v: v["predicate"]["provenance"]["evaluation"]["nano"].pop("n"), BadDocument, "'n'"),
        (lambda v: v["predicate"]["provenance"]["evaluation"].update(other={"n": 1, "base": 0, "expert": 1}), Inconsistent, "other"),
    ],
)  # fmt: skip
def test_a_statement_that_is_wrong_is_refused_with_a_sentence(change, kind, sentence):
    with pytest.raises(kind, match=sentence):
        read_statement(changed(change))


def test_a_statement_can_not_vouch_for_itself_or_its_signatures():
    for name in ("statement.json", "signatures.json"):
        with pytest.raises(Inconsistent, match="vouch"):
            write_statement(statement(members={**statement().members, name: Member(1, "c" * 64)}))
