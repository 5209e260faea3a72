import json
import re

import pytest

from runtime.artifact.manifest import NAME, VERSION, Compression, read_manifest, write_manifest
from runtime.artifact.refusals import BadDocument, BadJson, UnknownVersion
from runtime.artifact.strict_json import canonical
from runtime.home import shipped
from tests.artifact.samples import manifest


def changed(**fields):
    value = json.loads(write_manifest(manifest()))
    for path, new in fields.items():
        at = value
        *way, last = path.split("__")
        for step in way:
            at = at[step]
        if new is None:
            del at[last]
        else:
            at[last] = new
    return canonical(value)


def test_a_manifest_comes_back_as_it_was():
    assert read_manifest(write_manifest(manifest())) == manifest()


STATED = {"kind": "int8", "tolerance": 1.0, "difference": 0.025, "prompts": 8}


def test_how_a_record_was_compressed_comes_back_and_need_not_be_said():
    assert b"compression" not in write_manifest(manifest())
    stated = read_manifest(changed(variants__nano__adapter__compression=STATED))
    compression = stated.variants["nano"].adapter.compression
    assert compression == Compression("int8", 1.0, 0.025, 8)
    assert read_manifest(write_manifest(stated)) == stated


@pytest.mark.parametrize(
    "wrong", [{"kind": "zip"}, {"tolerance": 0}, {"difference": -1}, {"prompts": 0}, {"prompts": 1.0}, {"code": "x"}]
)
def test_a_compression_that_means_nothing_is_refused(wrong):
    with pytest.raises(BadDocument, match="compression"):
        read_manifest(changed(variants__nano__adapter__compression={**STATED, **wrong}))


@pytest.mark.parametrize("version", ["1.0.0", "0.0.0", "1.2.3-rc.1", "1.2.3-0a.b+build.7", "10.20.30+x"])
def test_semver_versions_are_accepted(version):
    assert read_manifest(changed(version=version)).version == version


@pytest.mark.parametrize(
    "version",
    ["1.0", "v1.0.0", "01.0.0", "1.0.0-01", "1.0.0-", "1.0.0+", "../..", "1.0.0\n", "", "1.0.0/..", "1" * 70 + ".0.0"],
)
def test_other_versions_are_refused(version):
    with pytest.raises(BadDocument, match="version"):
        read_manifest(changed(version=version))


@pytest.mark.parametrize(
    "name", ["", "..", "../../x", "a/b", "Expert", "-a", "a-", "a" * 64, "a b", "a\n", "ä", "a.b", "\x1b[2J"]
)
def test_names_that_are_not_plain_are_refused(name):
    for field in ("name", "publisher"):
        with pytest.raises(BadDocument):
            read_manifest(changed(**{field: name}))


def test_an_older_or_newer_schema_is_refused_and_never_read_as_something_else():
    for other in ("expert-manifest/2", "expert-manifest/4", 3, None):
        with pytest.raises(UnknownVersion, match="migrate"):
            read_manifest(changed(format=other))
    with pytest.raises(UnknownVersion):
        read_manifest(b'{"adapters":[],"base_model":"x"}')
    with pytest.raises(UnknownVersion):
        read_manifest(b"[]")


@pytest.mark.parametrize(
    "field",
    [
        {"post_install": "rm -rf /"},
        {"decoding__command": "sh"},
        {"routing__regex": ".*"},
        {"variants__nano__adapter__auto_map": {"AutoModel": "x.Y"}},
        {"variants__nano__base_path": "https://example.org/x"},
    ],
)
def test_an_unknown_field_is_refused_wherever_it_is(field):
    with pytest.raises(BadDocument, match="unexpected"):
        read_manifest(changed(**field))


def test_what_the_builder_adds_goes_under_annotations():
    assert read_manifest(changed(annotations={"ticket": 7})).annotations == {"ticket": 7}


@pytest.mark.parametrize(
    "field",
    [
        {"summary": None},
        {"routing__priority": 2},
        {"routing__keywords": ["a", "a"]},
        {"decoding__temperature": -1},
        {"decoding__max_tokens": 1.0},
        {"decoding__max_tokens": True},
        {"decoding__stop": ["x"] * 17},
        {"variants": {}},
        {"variants__nano__base_digest": ""},
        {"variants__nano__base_digest": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"variants__nano__base_digest": "A" * 64},
        {"variants__nano__sizes": {"adapter.bin": 3}},
        {"requires": {"expert-sql": "*"}},
        {"requires": {"a/b": "$(sh)"}},
    ],
)
def test_a_field_of_the_wrong_kind_is_refused_by_name(field):
    with pytest.raises(BadDocument) as caught:
        read_manifest(changed(**field))
    assert next(iter(field)).split("__")[0] in str(caught.value)


def test_another_spelling_of_the_same_manifest_is_refused():
    with pytest.raises(BadJson, match="canonical"):
        read_manifest(json.dumps(json.loads(write_manifest(manifest())), indent=1).encode())


def test_the_rules_in_code_are_those_of_the_schema():
    definitions = json.loads((shipped("schemas") / "manifest.schema.json").read_text())["$defs"]
    for expression, name in ((NAME, "name"), (VERSION, "version")):
        for sample in ("a", "a-b", "A", "", "1.2.3", "1.2", "1.2.3-a.1+b", "1.02.3", "0.0.0-0", "a--b", "-"):
            in_schema = re.fullmatch(definitions[name]["pattern"].strip("^$"), sample)
            assert bool(expression.fullmatch(sample)) == bool(in_schema), sample
