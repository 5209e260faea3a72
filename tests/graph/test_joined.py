"""Several graphs as one."""

from pathlib import Path

from expertbuild.graph import Cache, build
from expertbuild.graph.joined import Joined
from tests.graph import toys
from tests.graph.toys import Heard, step, toy

WRITE = toy(toys.write)
FAIL = toy(toys.fail)


def test_steps_that_ask_the_same_are_one_step_and_those_above_them_stay_apart(tmp_path: Path) -> None:
    joined = Joined()
    graphs = [[step(f"top {name}", WRITE, {"n": name}, base=step("base", WRITE, {"x": 1}))] for name in "ab"]
    [[first], [second]] = [joined.take(graph) or [] for graph in graphs]
    assert first.inputs["base"] is second.inputs["base"]
    assert set(joined.steps) == {"base", "top a", "top b"}
    heard = Heard()
    assert build([first, second], Cache(tmp_path / "cache"), listener=heard).ok
    assert len([event for event in heard if type(event).__name__ == "Started"]) == 3


def test_what_an_action_does_not_read_may_differ() -> None:
    joined = Joined()
    one = step("a", WRITE, {"x": 1})
    other = step("a", WRITE, {"x": 1})
    other.config["other"]["unread"] = "something else"  # type: ignore[index]
    assert joined.take([one]) == joined.take([other])


def test_two_different_steps_of_one_id_are_not_joined_and_nothing_of_the_graph_stays() -> None:
    joined = Joined()
    assert joined.take([step("a", WRITE, {"x": 1})])
    assert joined.take([step("new", WRITE), step("a", WRITE, {"x": 2})]) is None
    assert set(joined.steps) == {"a"}


def test_one_that_fails_stops_its_own_graph_alone(tmp_path: Path) -> None:
    joined = Joined()
    good = joined.take([step("good", WRITE)])
    bad = joined.take([step("top", WRITE, bad=step("bad", FAIL))])
    assert good and bad
    outcome = build([*good, *bad], Cache(tmp_path / "cache"))
    assert outcome.of(good).ok and list(outcome.of(good)) == ["good"]
    assert not outcome.of(bad).ok and [failed.step for failed in outcome.of(bad).failures] == ["bad"]
