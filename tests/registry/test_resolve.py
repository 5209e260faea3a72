"""Which versions are chosen, against every choice there is; and that giving up is quick and says so."""

import itertools
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.registry.offers import MOST_VERSIONS, Want, collect
from runtime.registry.reference import standing_order
from runtime.registry.refusals import TooHard, Unresolvable
from runtime.registry.relations import current, faults_of
from runtime.registry.resolve import NoFit, resolve
from runtime.registry.wholeness import newly
from tests.registry.shelf import NANO, QWEN, Shelf, expert, put_in


def solved(wants, shelf, installed=None, **more):
    """Name -> version, or None where nothing fits."""
    wants = [want if isinstance(want, Want) else Want(f"acme/{want}") for want in wants]
    offers = collect(wants, installed or {}, [Shelf(list(shelf))])
    if any(next(offers.meeting(want), None) is None for want in wants):
        return None
    try:
        found = resolve(wants, offers, installed or {}, **more)
    except NoFit:
        return None
    return {name.removeprefix("acme/"): one.version for name, one in found.items()}


def test_the_newest_that_fits_everybody_is_chosen():
    shelf = [expert("a", v) for v in ("1.0.0", "1.4.0", "2.0.0")]
    shelf += [expert("b", requires={"a": "^1"}), expert("c", requires={"a": ">=1 <1.3"})]
    assert solved(["b"], shelf) == {"a": "1.4.0", "b": "1.0.0"}
    assert solved(["b", "c"], shelf) == {"a": "1.0.0", "b": "1.0.0", "c": "1.0.0"}


def test_what_is_required_comes_first():
    shelf = [expert("a", requires={"b": "*"}), expert("b", requires={"c": "*"}), expert("c")]
    assert list(solved(["a"], shelf)) == ["c", "b", "a"]


def test_an_older_version_is_taken_where_the_newest_asks_for_too_much():
    shelf = [expert("a", "1.0.0"), expert("b", "1.0.0", {"a": "^1"}), expert("b", "2.0.0", {"a": "^2"})]
    assert solved(["b"], shelf) == {"a": "1.0.0", "b": "1.0.0"}


def test_two_that_require_each_other_are_forgotten_with_the_version_that_asked_for_them():
    shelf = [expert("a", "1.0.0"), expert("a", "2.0.0", {"c": "^1"})]
    shelf += [expert("b", requires={"a": "^1", "c": "*"}), expert("c", requires={"b": "*"})]
    assert solved(["a"], shelf) == {"a": "1.0.0"}


def test_what_is_installed_is_preferred_when_it_fits():
    shelf = [expert("a", v) for v in ("1.0.0", "1.1.0", "2.0.0")] + [expert("b", requires={"a": "^1"})]
    assert solved(["b"], shelf, put_in(expert("a", "1.0.0")))["a"] == "1.0.0"
    assert solved(["b"], shelf, put_in(expert("a", "1.0.0")), renew={"acme/a"})["a"] == "1.1.0"


def test_nothing_is_downgraded():
    shelf = [expert("a", "1.0.0"), expert("b", requires={"a": "^1"})]
    assert solved(["b"], shelf, put_in(expert("a", "2.0.0"))) is None


def test_what_is_installed_keeps_what_it_requires():
    shelf = [expert("a", v) for v in ("1.0.0", "2.0.0")] + [expert("b", requires={"a": "^2"})]
    assert solved(["b"], shelf, put_in(expert("a"))) == {"a": "2.0.0", "b": "1.0.0"}
    there = put_in(expert("a"), expert("x", requires={"a": "^1"}))
    assert solved(["b"], shelf, there) is None
    newer = [*shelf, expert("x", "1.1.0", {"a": "*"})]
    assert solved(["b"], newer, there) is None  # only what was asked for changes
    assert solved(["b", "x"], newer, there) == {"a": "2.0.0", "b": "1.0.0", "x": "1.1.0"}


def test_conflicts_hold_in_both_directions_and_with_what_is_installed():
    shelf = [expert("a"), expert("b", "1.0.0"), expert("b", "1.1.0", conflicts={"a": "*"})]
    assert solved(["a", "b"], shelf) == {"a": "1.0.0", "b": "1.0.0"}
    assert solved([Want("acme/b", "1.1.0")], shelf, put_in(expert("a"))) is None
    assert solved([Want("acme/b", "1.1.0")], shelf) == {"b": "1.1.0"}
    hostile = put_in(expert("x", conflicts={"a": "<2"}))
    assert solved(["a"], shelf, hostile) is None
    assert solved(["a"], [*shelf, expert("a", "2.0.0")], hostile) == {"a": "2.0.0"}


# SAFETY 34, 38.


def test_a_yanked_version_is_never_newly_chosen():
    shelf = [expert("a", "1.0.0"), expert("a", "1.1.0", yanked="wrong licence")]
    assert solved(["a"], shelf) == {"a": "1.0.0"}
    assert solved([Want("acme/a", "1.1.0")], shelf) is None
    assert solved(["a"], shelf[1:]) is None


def test_a_prerelease_is_chosen_only_if_asked_for():
    shelf = [expert("a", "1.0.0"), expert("a", "2.0.0-rc.1"), expert("b", requires={"a": ">=1"})]
    assert solved(["a"], shelf) == {"a": "1.0.0"}
    assert solved(["b"], shelf)["a"] == "1.0.0"
    assert solved([Want("acme/a", ">=2.0.0-rc.0")], shelf) == {"a": "2.0.0-rc.1"}


def test_versions_with_leading_zeros_are_no_versions_and_build_metadata_decides_nothing():
    shelf = [expert("a", v) for v in ("1.0.0+7", "01.9.0", "1.09.0", "1.0", "../../etc")]
    assert solved(["a"], shelf) == {"a": "1.0.0+7"}
    assert solved([Want("acme/a", "1.0.0")], shelf) == {"a": "1.0.0+7"}


def test_prereleases_are_ordered_as_semver_says():
    shelf = [expert("a", f"1.0.0-{part}") for part in ("rc.2", "rc.10", "rc.1", "beta.11")]
    assert solved([Want("acme/a", ">=1.0.0-0")], shelf) == {"a": "1.0.0-rc.10"}


# Bases.


def test_what_is_required_has_to_run_on_a_base_of_whoever_requires_it():
    shelf = [expert("a", "1.0.0", variants=NANO), expert("a", "1.1.0", variants=QWEN)]
    shelf += [
        expert("b", requires={"a": "*"}, variants=NANO),
        expert("c", requires={"a": "*"}, variants={**NANO, **QWEN}),
    ]
    assert solved(["b"], shelf)["a"] == "1.0.0"
    assert solved(["c"], shelf)["a"] == "1.1.0"
    other = {"nano": {"base": "1" * 64, "tokenizer": "9" * 64}}
    assert solved(["b"], [expert("a", variants=other), *shelf[2:]]) is None  # the tokenizer counts too


# SAFETY 37.


def test_cycles_are_resolved():
    shelf = [expert("a", requires={"b": "*"}), expert("b", requires={"c": "*"}), expert("c", requires={"a": "*"})]
    assert set(solved(["a"], shelf)) == {"a", "b", "c"}
    assert solved(["a"], [expert("a", requires={"a": "^1"})]) == {"a": "1.0.0"}
    assert solved(["a"], [expert("a", requires={"a": "^2"}), expert("a", "2.0.0", {"a": "^1"})]) is None


def test_a_cycle_that_can_not_close_is_named():
    shelf = [expert("a", requires={"b": "*"}), expert("b", requires={"a": "^2"})]
    assert solved(["a"], shelf) is None


def chain(depth, versions, last):
    """Every version of e0 requires any of e1, and so on; the last requires what `last` says."""
    for level in range(depth):
        requires = {f"e{level + 1}": "*"} if level + 1 < depth else last
        for number in range(versions):
            yield expert(f"e{level}", f"1.{number}.0", requires)


def test_a_long_chain_that_leads_nowhere_is_given_up_at_once():
    started = time.process_time()
    assert solved(["e0"], chain(12, 29, {"gone": "^1"})) is None
    assert (
        solved(["e0", "z"], [*chain(12, 29, {"y": "^1"}), expert("y", "1.0.0"), expert("z", conflicts={"y": "*"})])
        is None
    )
    assert time.process_time() - started < 10


def pigeons(holes):
    """More pigeons than holes, and no two in one hole: there is no answer, and no quick way to see it."""
    for pigeon in range(holes + 1):
        for hole in range(holes):
            others = {f"p{other}": f"{hole + 1}.0.0" for other in range(holes + 1) if other != pigeon}
            yield expert(f"p{pigeon}", f"{hole + 1}.0.0", conflicts=others)


def test_what_explodes_is_given_up_within_its_time_and_says_with_what():
    started = time.process_time()
    with pytest.raises(TooHard, match=r"none was ruled out\. Most was tried with acme/p") as caught:
        solved([f"p{n}" for n in range(10)], pigeons(9), seconds=0.5)
    assert time.process_time() - started < 5
    assert "NAME@VERSION" in caught.value.hint


def test_a_graph_beyond_the_cap_is_refused():
    shelf = [expert(f"e{n}", requires={f"e{n + 1}": "*"}) for n in range(2_100)]
    with pytest.raises(TooHard, match="more than 2,000 experts or 40,000 versions"):
        solved(["e0"], shelf)
    assert MOST_VERSIONS == 40_000


# Against every choice there is.

NAMES = ("a", "b", "c", "d")
VERSIONS = ("1.0.0", "1.1.0", "2.0.0-rc.1", "2.0.0")
RANGES = ("*", "^1", "1.0.0", ">=1.1", "^2", ">=2.0.0-rc.0", "<2", "1.0.0 || 2.0.0")
VARIANTS = (NANO, NANO, {**NANO, **QWEN}, QWEN)

relations = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(RANGES), max_size=2)


@st.composite
def shelves(draw):
    shelf = []
    for name in NAMES:
        for version in draw(st.sets(st.sampled_from(VERSIONS))):
            requires, conflicts = draw(relations), draw(st.one_of(st.just({}), relations))
            yanked = draw(st.sampled_from(("", "", "", "bad")))
            shelf.append(expert(name, version, requires, conflicts, draw(st.sampled_from(VARIANTS)), yanked=yanked))
    return shelf


@st.composite
def wishes(draw):
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=2, unique=True))
    return [Want(f"acme/{name}", draw(st.sampled_from(RANGES))) for name in names]


def closure(wants, after):
    reached, ahead = set(), [want.name for want in wants]
    while ahead:
        name = ahead.pop()
        if name in after and name not in reached:
            reached.add(name)
            ahead += after[name].requires
    return reached


def is_sound(wants, after, installed):
    """Whether these versions, by name, are an answer: said without the resolver's own words."""
    chosen = closure(wants, after)
    if any(want.name not in after or not want.met_by(after[want.name]) for want in wants):
        return False
    for name, one in after.items():
        before = installed.get(name)
        if before is None and name not in chosen:
            return False
        if before and before.id != one.id:
            if name not in chosen or one.yanked or standing_order(one.version) < standing_order(before.version):
                return False
        elif before is None and one.yanked:
            return False
    if any(fault for name in chosen for fault in faults_of(after[name], after)):
        return False
    return not newly(installed, after)


def answers(wants, shelf, installed):
    """Every answer, by trying each combination."""
    ways = []
    for name in NAMES:
        here = [one for one in shelf if one.name == name and f"acme/{name}" not in installed]
        there = installed.get(f"acme/{name}")
        newer = [one for one in shelf if there and one.name == name and one.version != there.version]
        ways.append([there, *newer] if there else [None, *here])
    for choice in itertools.product(*ways):
        after = {one.full_name: one for one in choice if one}
        if is_sound(wants, after, installed):
            yield after


@settings(max_examples=400, deadline=None)
@given(shelves(), wishes(), st.data())
def test_there_is_an_answer_exactly_when_trying_everything_finds_one(shelf, wants, data):
    there = data.draw(st.lists(st.sampled_from(shelf), max_size=2, unique_by=lambda one: one.name)) if shelf else []
    installed = current(put_in(*there).values())
    offers = collect(wants, installed, [Shelf(shelf)])
    found = None
    if all(next(offers.meeting(want), None) for want in wants):
        try:
            found = resolve(wants, offers, installed)
        except NoFit as none:
            assert none.clashes
    if found is None:
        assert next(answers(wants, shelf, installed), None) is None
    else:
        assert set(found) == closure(wants, {**installed, **found})
        assert is_sound(wants, {**installed, **found}, installed)


def test_the_error_classes_are_problems_for_people():
    assert issubclass(TooHard, Exception)
    assert TooHard("x").exit_code == Unresolvable("x").exit_code == 1
