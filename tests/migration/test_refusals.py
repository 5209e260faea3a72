"""Bad input ends in one plain sentence that names the field, and leaves nothing behind."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from expertbuild.migration.account import MOST_LEAVES, leaves
from expertbuild.migration.migrating import migrate
from runtime.errors import Problem
from tests.migration.conftest import OLD, manifest


def refused(data: bytes | str | Any, says: str, **words: Any) -> Problem:
    path = Path("manifest.json")
    if not isinstance(data, bytes):
        data = (data if isinstance(data, str) else json.dumps(data)).encode()
    path.write_bytes(data)
    with pytest.raises(Problem) as caught:
        migrate(path, **words)
    assert says in str(caught.value), str(caught.value)
    assert str(caught.value).isprintable()
    assert sorted(Path().iterdir()) == [path]
    return caught.value


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"schema_version": "3.0"}, "schema_version of manifest.json is '3.0'"),
        ({"schema_version": "0.9"}, "'0.9'"),
        ({"schema_version": "latest"}, "'latest'"),
        ({"schema_version": True}, "'True'"),
        ({"schema_version": ["1.0"]}, "1.0"),
        ({"schema_version": "1.0\x1b[2J"}, "\\x1b"),
        ({"schema_version": "1.0", "manifest_version": "2.0"}, "two schemas"),
        ({"manifest_version": 2.5}, "2.5"),
        ({"name": "expert-x", "version": "1.0"}, "does not say which schema"),
        ({"name": "expert-x", "version": "1.2.0", "base_model": {}}, "does not say which schema"),
        ({"name": "expert-x", "version": "1.0", "base_models": []}, "does not say which schema"),
        ({}, "does not say which schema"),
        ({"schema_version": "1.0", "name": "x", "base_models": []}, "belongs to schema 2.0"),
        ({"schema_version": "2.0", "name": "x", "base_model": {"name": "y"}}, "belongs to schema 1.0"),
        ({"format": "expert-manifest/3"}, "a manifest of our own"),
        ([], "is a list"),
        ("text", "is not JSON"),
        (None, "is null"),
    ],
)
def test_a_document_of_another_kind_or_version_is_never_read_as_the_oldest(
    here: Path, document: Any, says: str
) -> None:
    assert refused(document, says).exit_code == 1


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b'{"schema_version": "1.0", "schema_version": "2.0"}', "twice"),
        (b'{"schema_version": "1.0", "x": NaN}', "NaN"),
        (b'{"schema_version": "1.0", "x": 1e400}', "too large"),
        (b'{"schema_version": "1.0", "x": 123456789012345678901}', "21 digits"),
        (b'{"x":' * 100_000, "manifest.json"),
        (b'{"schema_version": "1.0", "x": ' + b"[" * 100 + b"]" * 100 + b"}", "nested"),
        (b"\xef\xbb\xbf{}", "byte-order mark"),
        (b'{"x": "\xff"}', "UTF-8"),
        (b'{"x": "\\ud800"}', "surrogate"),
        (b"", "not JSON"),
        (b"PK\x03\x04", "not JSON"),
    ],
)
def test_json_that_two_readers_could_read_in_two_ways_is_refused(here: Path, data: bytes, says: str) -> None:
    refused(data, says)


def test_a_manifest_of_fifty_megabytes_is_not_even_read(here: Path) -> None:
    with open("manifest.json", "wb") as file:
        file.truncate(50_000_000)
    with pytest.raises(Problem, match="50,000,000 bytes; at most 4,194,304"):
        migrate(Path("manifest.json"))


def test_a_manifest_of_a_million_values_is_refused(here: Path) -> None:
    document = {"schema_version": "2.0", "name": "expert-x", "x": [0] * (MOST_LEAVES + 1)}
    refused(document, f"more than {MOST_LEAVES:,} values")


@pytest.mark.parametrize(
    "name",
    [
        "../..",
        "..",
        "/etc",
        "a/b",
        "a\\b",
        "expert-x\x1b[2J",
        "",
        " ",
        "x" * 65,
        "\u00e9",
        "a\u202eb",
        "-x",
        ".x",
        "a..b",
        "x\n",
    ],
)
def test_a_name_that_is_none_is_refused_wherever_it_would_be_put(here: Path, name: str) -> None:
    for words in ({}, {"output": Path("experts/expert-y")}):
        if name.strip() or not words:  # without a name of its own the folder's is taken
            refused({"schema_version": "2.0", "name": name, "base_models": []}, "name", **words)


@pytest.mark.parametrize("name", ["expert", "Expert Expert", "expert_"])
def test_a_name_that_says_nothing_asks_for_one(here: Path, name: str) -> None:
    document = {"schema_version": "2.0", "name": name, "base_models": []}
    if name == "expert_":
        refused(document, "is no name")
    else:
        assert migrate_as(document, "experts/expert-y") == "expert-y"


def migrate_as(document: Any, output: str) -> str:
    Path("manifest.json").write_text(json.dumps(document))
    return migrate(Path("manifest.json"), Path(output)).expert.identity.name


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        (("name",), 7, "name must be text, not a number."),
        (("version",), 1.2, "version must be text, not a number."),
        (("description",), ["x"], "description must be text, not a list."),
        (("license",), {"spdx": "MIT"}, "license must be text, not an object."),
        (("capabilities",), {"sql": True}, "capabilities must be a list of texts, not an object."),
        (("capabilities", 1), 4, "capabilities[1] must be text, not a number."),
        (("limitations", 0), None, "limitations[0] must be text, not null."),
        (("base_models",), {"name": "x"}, "base_models must be a list of objects, not an object."),
        (("base_models", 0), 3, "base_models[0] must be an object, not a number."),
        (("base_models", 0, "name"), [], "base_models[0].name must be text, not a list."),
        (("base_models", 0, "adapters"), "lora", "base_models[0].adapters must be a list of objects, not text."),
        (("base_models", 0, "adapters", 0, "rank"), "12", "base_models[0].adapters[0].rank must be a number, not text."),
        (("base_models", 0, "adapters", 0, "rank"), True, "base_models[0].adapters[0].rank must be a number, not true or false."),
        (("base_models", 0, "adapters", 0, "rank"), 1.5, "base_models[0].adapters[0].rank must be a whole number, not 1.5."),
        (("base_models", 0, "adapters", 0, "type"), 3, "base_models[0].adapters[0].type must be text, not a number."),
        (("base_models", 0, "adapters", 0, "target_modules"), 3, "must be a list of texts, not a number."),
        (("routing",), [], "routing must be an object, not a list."),
        (("routing", "keywords", 0), {}, "routing.keywords[0] must be text, not an object."),
        (("routing", "priority"), "high", "routing.priority must be a number, not text."),
        (("constraints", "requires"), 5, "constraints.requires must be a list of texts, not a number."),
        (("training", "config"), "sft", "training.config must be an object, not text."),
        (("training", "config", "epochs"), "3", "training.config.epochs must be a number, not text."),
        (("training", "decoding", "use_grammar"), "yes", "training.decoding.use_grammar must be true or false, not text."),
        (("training", "decoding", "top_k"), [], "training.decoding.top_k must be a number, not a list."),
        (("soft_prompts",), 1, "soft_prompts must be a list of objects, not a number."),
    ],
)  # fmt: skip
def test_a_value_of_another_type_is_one_sentence_that_names_its_field(
    here: Path, path: tuple[Any, ...], value: Any, says: str
) -> None:
    document = manifest("v2-sql")
    place = document
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    assert len(str(refused(document, says)).splitlines()) == 1


@settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_any_value_of_any_type_anywhere_gives_an_expert_or_a_sentence(
    tmp_path_factory: Any, data: st.DataObject
) -> None:
    """One subtree of a real manifest is replaced; whatever happens, it is no traceback."""
    name = data.draw(st.sampled_from(sorted(file.stem for file in OLD.glob("*.json"))))
    document = manifest(name)
    path = data.draw(st.sampled_from([each for each, _ in leaves(document)]))
    path = path[: data.draw(st.integers(1, len(path)))]
    place = document
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = data.draw(
        st.sampled_from(
            [None, True, 0, -1, 1.5, 10**18, "", "x", "\x00", "../..", [], [[]], [None], {}, {"": {}}, [{"a": 1}]]
        )
    )
    folder = tmp_path_factory.getbasetemp()
    (folder / "manifest.json").write_text(json.dumps(document))
    try:
        migrate(folder / "manifest.json", folder / "experts" / "expert-x", replace=True).account.entries()
    except Problem as problem:
        assert str(problem).isprintable()
