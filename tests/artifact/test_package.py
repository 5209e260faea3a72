import hashlib
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.artifact import refusals as no
from runtime.artifact.package import glimpse, open_package
from runtime.artifact.release import add_signature, cut, seal
from runtime.artifact.signature import key_id, verify
from runtime.artifact.statement import read_statement, write_statement
from runtime.artifact.tensors import write_tensors
from runtime.errors import Mistake
from tests.artifact.samples import ALICE, BOB, altered, manifest, members, parts, provenance, sealed

BOTH = ("nano", "qwen3-0.6b")


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    path = tmp_path_factory.mktemp("good") / "expert-sql-0.1.0.expert"
    sealed(path, BOTH)
    return path


def refused(path, kind, sentence):
    with pytest.raises(kind, match=sentence) as caught:
        open_package(path)
    assert caught.type is kind
    assert str(path) in str(caught.value)


def test_what_was_sealed_is_what_is_opened(good):
    with open_package(good) as package:
        assert package.manifest.full_name == "acme/expert-sql"
        assert package.variants == BOTH
        assert package.read("README.md") == b"# expert-sql\n"
        assert package.statement.provenance.evaluation["nano"]["n"] == 200
        assert verify(package.envelope, package.statement_bytes) == {key_id(ALICE.public)}
        sizes = package.manifest.variants["nano"].sizes
        assert sizes["slots.safetensors"] == len(package.view("variants/nano/slots.safetensors"))


def test_the_id_is_the_digest_of_the_statement(good):
    statement = parts(good)["statement.json"]
    with open_package(good) as package:
        assert package.id == hashlib.sha256(statement).hexdigest()
    assert glimpse(good).id == package.id


def test_the_same_release_gives_the_same_file(tmp_path):
    """Pinned: if it changes, rebuilding anybody's release changes its id."""
    one = sealed(tmp_path / "one.expert")
    sources = tmp_path / "sources"
    files = {}
    for name, data in reversed(members().items()):
        files[name] = sources / name
        files[name].parent.mkdir(parents=True, exist_ok=True)
        files[name].write_bytes(data)
    two = seal(tmp_path / "two.expert", files, manifest(), [ALICE], provenance())
    assert (tmp_path / "one.expert").read_bytes() == (tmp_path / "two.expert").read_bytes()
    assert one == two == "850e897bff774a122df69a436a807bf6f6640108bb3bf3187e9057a07da260b5"


def test_every_member_is_listed_but_the_statement_and_its_signatures(good):
    statement = read_statement(parts(good)["statement.json"])
    assert set(statement.members) == set(parts(good)) - {"statement.json", "signatures.json"}


# Cutting and signing again.


def test_a_cut_package_keeps_its_id_and_its_signature(good, tmp_path):
    whole = glimpse(good).id
    for base in BOTH:
        out = tmp_path / f"{base}.expert"
        assert cut(good, [base], out) == whole
        with open_package(out) as package:
            assert package.variants == (base,)
            assert verify(package.envelope, package.statement_bytes) == {key_id(ALICE.public)}
        assert out.stat().st_size < good.stat().st_size


def test_cutting_to_all_variants_gives_the_same_file(good, tmp_path):
    cut(good, BOTH, tmp_path / "same.expert")
    assert (tmp_path / "same.expert").read_bytes() == good.read_bytes()


def test_cutting_to_a_variant_that_is_not_there_says_which_are(good, tmp_path):
    with pytest.raises(Mistake, match=r"no variant 'llama'.*nano, qwen3-0\.6b"):
        cut(good, ["llama"], tmp_path / "out")
    with pytest.raises(Mistake, match="at least one"):
        cut(good, [], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_second_signature_changes_neither_id_nor_members(good, tmp_path):
    out = tmp_path / "two.expert"
    assert add_signature(good, BOB, out) == glimpse(good).id
    with open_package(out) as package:
        assert verify(package.envelope, package.statement_bytes) == {key_id(ALICE.public), key_id(BOB.public)}
    before, after = parts(good), parts(out)
    assert [name for name in after if before[name] != after[name]] == ["signatures.json"]


def test_an_unsigned_package_opens_and_says_so(tmp_path):
    sealed(tmp_path / "plain.expert", signers=())
    with open_package(tmp_path / "plain.expert") as package:
        assert package.envelope is None


# SAFETY 13, 14, 43: members.


@pytest.mark.parametrize("name", ["profile/more.json", ".git/x", ".DS_Store", "variants/nano/extra.json", "weights.pt"])
def test_a_member_that_is_not_listed_is_refused(good, tmp_path, name):
    path = altered(good, tmp_path / "x.expert", lambda made: made.update({name: b"{}"}))
    refused(path, no.UnlistedMember, name.replace(".", r"\."))


@pytest.mark.parametrize(
    "name", ["README.md", "grammar.gbnf", "profile/head.safetensors", "variants/nano/canary.safetensors"]
)
def test_a_listed_member_that_is_missing_is_refused(good, tmp_path, name):
    path = altered(good, tmp_path / "x.expert", lambda made: made.pop(name))
    refused(path, no.MissingMember, name)


def test_a_package_without_any_variant_or_statement_or_manifest_is_refused(good, tmp_path):
    def no_variants(made):
        for name in [n for n in made if n.startswith("variants/")]:
            del made[name]

    refused(altered(good, tmp_path / "a.expert", no_variants), no.MissingMember, "no variant")
    for name in ("statement.json", "manifest.json"):
        refused(altered(good, tmp_path / "b.expert", lambda made, n=name: made.pop(n)), no.MissingMember, name)


@pytest.mark.parametrize(
    "name",
    [
        "adapter.pt", "pytorch_model.bin", "variants/nano/slots.pkl", "profile/head.npz", "profile/head.PT",
        "adapter_config.json", "tokenizer_config.json", "setup.py", ".git/x", "profile/deep/er.json", "profile/x.py",
        "variants/nano/deep/slots.safetensors", "variants/nano/adapter_config.json",
    ],
)  # fmt: skip
def test_nothing_but_the_known_members_can_be_sealed(tmp_path, name):
    with pytest.raises(no.ForbiddenMember, match=name.replace(".", r"\.")):
        seal(tmp_path / "x.expert", {**members(), name: b"{}"}, manifest(), [ALICE])
    assert list(tmp_path.iterdir()) == []


def test_a_pickle_that_calls_itself_safetensors_is_refused(tmp_path):
    made = {**members(), "profile/head.safetensors": b"\x80\x04\x95\x1a\0\0\0\0\0\0\0\x8c\x08builtins\x94."}
    with pytest.raises(no.BadTensors, match=r"profile/head\.safetensors"):
        seal(tmp_path / "x.expert", made, manifest(), [ALICE])


@pytest.mark.parametrize("gone", ["slots.safetensors", "canary.safetensors", "evaluation.json"])
def test_a_variant_needs_its_adapter_its_canary_and_its_evaluation(tmp_path, gone):
    made = members()
    del made[f"variants/nano/{gone}"]
    with pytest.raises(no.MissingMember, match=gone):
        seal(tmp_path / "x.expert", made, manifest(), [ALICE])


# SAFETY 16: one bit anywhere.


def test_one_bit_flipped_in_any_member_is_refused_and_named(good, tmp_path):
    for name, data in parts(good).items():
        flipped = bytes([data[0] ^ 1]) + data[1:]
        path = altered(good, tmp_path / "x.expert", lambda made, n=name, d=flipped: made.update({n: d}))
        with pytest.raises(no.Refused, match=name.split("/")[-1]):
            open_package(path)


def test_a_flipped_bit_in_the_file_is_refused_wherever_it_is(good, tmp_path):
    whole = good.read_bytes()
    path = tmp_path / "x.expert"

    @settings(max_examples=60, deadline=None)
    @given(st.integers(0, len(whole) - 1), st.integers(1, 255))
    def refuse(index, mask):
        path.write_bytes(whole[:index] + bytes([whole[index] ^ mask]) + whole[index + 1 :])
        with pytest.raises(no.Refused):
            open_package(path)

    refuse()


def test_a_member_swapped_for_another_of_the_same_size_is_refused(good, tmp_path):
    other = members(BOTH, value=9.0)["variants/nano/slots.safetensors"]
    path = altered(good, tmp_path / "x.expert", lambda made: made.update({"variants/nano/slots.safetensors": other}))
    refused(path, no.WrongDigest, r"variants/nano/slots\.safetensors is not the one that was signed")


# The parts must agree.


def restated(good, tmp_path, change):
    """The package with another statement about the same members; whoever holds a key can make this."""

    def change_statement(made):
        made["statement.json"] = write_statement(change(read_statement(made["statement.json"])))
        del made["signatures.json"]

    return altered(good, tmp_path / "x.expert", change_statement)


@pytest.mark.parametrize(
    "field", [{"publisher": "evil"}, {"name": "expert-cypher"}, {"version": "9.9.9"}, {"requires": {"a/b": "*"}}]
)
def test_a_statement_that_contradicts_the_manifest_is_refused(good, tmp_path, field):
    path = restated(good, tmp_path, lambda statement: replace(statement, **field))
    refused(path, no.Inconsistent, next(iter(field)))


def test_a_statement_with_another_base_than_the_manifest_is_refused(good, tmp_path):
    def swap(statement):
        nano = replace(statement.variants["nano"], base="9" * 64)
        return replace(statement, variants={**statement.variants, "nano": nano})

    refused(restated(good, tmp_path, swap), no.Inconsistent, "variants and their bases")


def test_the_grammar_must_be_there_exactly_if_the_manifest_says_so(tmp_path):
    made = members()
    del made["grammar.gbnf"]
    with pytest.raises(no.Inconsistent, match=r"grammar\.gbnf"):
        seal(tmp_path / "x.expert", made, manifest(), [ALICE])


def test_the_manifest_must_name_exactly_the_variants_that_are_given(tmp_path):
    with pytest.raises(no.Inconsistent, match=r"qwen3-0\.6b"):
        seal(tmp_path / "x.expert", members(BOTH), manifest(), [ALICE])
    with pytest.raises(no.Inconsistent, match=r"qwen3-0\.6b"):
        seal(tmp_path / "x.expert", members(), manifest(BOTH), [ALICE])


def test_what_sealing_makes_can_not_be_given(tmp_path):
    with pytest.raises(no.Inconsistent, match=r"statement\.json"):
        seal(tmp_path / "x.expert", {**members(), "statement.json": b"{}"}, manifest(), [ALICE])


def test_sealing_over_an_older_package_replaces_it_whole_or_not_at_all(tmp_path):
    path = tmp_path / "x.expert"
    sealed(path)
    before = path.read_bytes()
    with pytest.raises(no.BadJson):
        seal(path, {**members(), "profile/profile.json": b"{broken"}, manifest(), [ALICE])
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
    assert sealed(path, value=2.0) == glimpse(path).id


# The same package as a folder.


def unpacked(path, folder):
    for name, data in parts(path).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def test_an_unpacked_package_is_read_like_a_packed_one(good, tmp_path):
    with open_package(unpacked(good, tmp_path)) as package:
        assert package.id == glimpse(good).id
        assert bytes(package.view("README.md")) == b"# expert-sql\n"


def test_a_folder_is_refused_for_links_changes_and_strangers(good, tmp_path):
    changed = unpacked(good, tmp_path / "changed")
    (changed / "README.md").write_bytes(b"# expert-xxx\n")
    refused(changed, no.WrongDigest, r"README\.md")
    linked = unpacked(good, tmp_path / "linked")
    (linked / "README.md").unlink()
    (linked / "README.md").symlink_to("/etc/hostname")
    refused(linked, no.NotAPlainFile, r"README\.md")
    strange = unpacked(good, tmp_path / "strange")
    (strange / ".git").mkdir()
    (strange / ".git" / "config").write_bytes(b"")
    refused(strange, no.UnlistedMember, r"\.git/config")


@pytest.mark.parametrize("place", [0, 1_234_567, -1])
def test_one_flipped_bit_in_a_large_member_is_found_by_either_sum(tmp_path, place):
    """Large members are summed in threads: the refusal is the same as for small ones, and names the member."""
    large = write_tensors([("m.A", "F32", (1, 400_000), bytes(1_600_000))], {})
    name = "variants/nano/prompt.safetensors"
    path = tmp_path / "large.expert"
    seal(path, members() | {name: large}, manifest(), [ALICE])
    open_package(path).close()

    def flip(made):
        data = bytearray(made[name])
        data[place] ^= 1
        made[name] = bytes(data)

    refused(altered(path, tmp_path / "rewrapped.expert", flip), no.WrongDigest, rf"{name} is not the one")
    raw = bytearray(path.read_bytes())
    begin = raw.index(large)
    raw[begin + place % len(large)] ^= 1
    (tmp_path / "damaged.expert").write_bytes(raw)
    refused(tmp_path / "damaged.expert", no.ChecksumWrong, rf"{name} is damaged")
