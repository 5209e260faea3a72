import pytest

from runtime.errors import Mistake
from runtime.registry.reference import parse_reference, precedence


def test_a_reference_is_taken_apart():
    assert parse_reference("expert-sql").name == "expert-sql"
    full = parse_reference("local/expert-sql@0.1.0-rc.1+7")
    assert (full.publisher, full.name, full.version) == ("local", "expert-sql", "0.1.0-rc.1+7")
    assert parse_reference("0123456789ab").digits == "0123456789ab"
    assert parse_reference("0" * 64).digits == "0" * 64


@pytest.mark.parametrize(
    "text", ["", "..", "../..", "a/b/c", "/etc", "a@", "a@1", "a@../..", "a/..", "A", "a\n", "a@1.0.0\n", "-x", "a/"]
)
def test_what_is_not_a_reference_is_the_users_mistake(text):
    with pytest.raises(Mistake, match="does not name an expert"):
        parse_reference(text)


def test_versions_are_ordered_as_semver_says():
    ordered = [
        "0.9.9", "1.0.0-0", "1.0.0-2", "1.0.0-10", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta",
        "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.0+1", "1.0.1", "1.2.0", "1.10.0",
    ]  # fmt: skip
    shuffled = sorted(ordered, key=hash)
    assert sorted(shuffled, key=precedence) == ordered
