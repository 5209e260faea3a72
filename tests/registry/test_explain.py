"""Explanations that a person can act on."""

import pytest

from runtime.registry.offers import Want, collect
from runtime.registry.plan import make_plan
from runtime.registry.refusals import NotOffered, Unresolvable
from tests.registry.shelf import QWEN, Shelf, expert


@pytest.fixture
def explained(store):
    """What is said where nothing fits, as it is printed."""

    def explained(wants, *shelf, kind=Unresolvable, base=None):
        wants = [want if isinstance(want, Want) else Want(f"acme/{want}") for want in wants]
        with pytest.raises(kind) as caught:
            make_plan(store, wants, [Shelf(list(shelf))], base=base)
        assert caught.type is kind
        return str(caught.value)

    return explained


def test_of_many_wishes_only_those_that_do_not_go_together_are_named(explained):
    shelf = [expert("lib", v) for v in ("1.0.0", "2.0.0")]
    shelf += [expert("a", requires={"lib": "^1"}), expert("b", requires={"lib": "^2"}), expert("c"), expert("d")]
    assert explained(["c", "a", "d", "b"], *shelf) == (
        "These do not go together: acme/a and acme/b.\n"
        "  acme/a 1.0.0 requires acme/lib ^1.\n"
        "  acme/b 1.0.0 requires acme/lib ^2.\n"
        "  Of acme/lib there is 2.0.0, 1.0.0, from shelf.\n"
        "Leave one of them out."
    )


def test_a_range_that_is_too_narrow_is_said_with_what_would_fit(explained):
    shelf = [expert("lib", v) for v in ("1.0.0", "2.0.0")]
    shelf += [
        expert("a", "1.0.0", {"lib": "^1"}),
        expert("a", "2.0.0", {"lib": "^2"}),
        expert("b", requires={"lib": "^1"}),
    ]
    text = explained([Want("acme/a", "^2"), "b"], *shelf)
    assert text.startswith("These do not go together: acme/a ^2 and acme/b.")
    assert text.endswith("Without ^2, acme/a 1.0.0 would fit.")


def test_a_chain_is_followed_to_its_end(explained):
    shelf = [expert("a", requires={"b": "^1"}), expert("b", requires={"c": "^1"}), expert("c", "2.0.0")]
    assert explained(["a"], *shelf) == (
        "No version of acme/a can be installed.\n"
        "  acme/a 1.0.0 requires acme/b ^1.\n"
        "  acme/b 1.0.0 requires acme/c ^1.\n"
        "  Of acme/c there is 2.0.0, from shelf."
    )
    assert explained(["a"], *shelf[:2], kind=NotOffered).startswith(
        "No source has acme/c, which acme/b 1.0.0 requires."
    )


def test_versions_that_fail_for_one_reason_share_a_line(explained):
    shelf = [expert("a", f"1.{n}.0", {"gone": "*"}) for n in range(10)]
    shelf += [expert("a", "1.10.0", yanked="bad")]
    text = explained(["a"], *shelf)
    assert "acme/a 1.10.0 was yanked: bad." in text
    assert "acme/a 1.9.0, 1.8.0, 1.7.0, 1.6.0, 1.5.0, 1.4.0 and 4 older requires acme/gone *." in text
    assert "No source has acme/gone." in text


def test_a_requirement_for_another_base_says_so(explained):
    text = explained(["a"], expert("a", requires={"b": "*"}), expert("b", variants=QWEN))
    assert "acme/b 1.0.0 is for qwen, which is not a base of acme/a." in text


def test_a_cycle_that_can_not_close_ends(explained):
    text = explained(["a"], expert("a", requires={"b": "*"}), expert("b", requires={"a": "^2"}))
    assert "acme/b 1.0.0 requires acme/a ^2." in text
    assert text.count("\n") < 8


def test_what_sources_say_is_shown_and_not_obeyed(explained):
    text = explained(["a"], expert("a", yanked="\x1b[2J\u202e"), expert("a", "2.0.0", requires={"b": "\x1b]0;x\x07"}))
    assert all(c.isprintable() or c == "\n" for c in text)
    assert "\\x1b[2J" in text
    assert "in a range that can not be read" in text


def test_an_explanation_has_an_end(explained):
    shelf = [expert("a", f"1.0.{n}", {f"gone{n}": "*"}) for n in range(100)]
    text = explained(["a"], *shelf, kind=NotOffered)
    assert text.count("\n") < 20
    assert "lines more" in text


def test_a_source_is_asked_once_for_each_name():
    shelf = Shelf([expert("a", requires={"b": "*"}), expert("b", requires={"a": "*"})])
    collect([Want("acme/a")], {}, [shelf])
    assert sorted(shelf.asked) == ["acme/a", "acme/b"]
