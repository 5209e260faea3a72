"""When something holds: conditions over slots, written as YAML and never run as code.

    when: {size: large}                      # the slot has this value
    when: {country: [France, Italy]}         # one of these
    when: {hour: {above: 6, below: 11}}      # numbers
    when: {from: {differs_from: to}}         # another slot's value; `same_as` likewise
    when: {note: {given: false}}             # the slot was left out

All of them must hold. A slot that was left out fulfils nothing but `given: false`.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

Scope = Mapping[str, Any]
Test = Callable[[Any, Any, Scope], bool]


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


TESTS: Mapping[str, Test] = {
    "above": lambda value, bound, scope: _number(value) and value > bound,
    "below": lambda value, bound, scope: _number(value) and value < bound,
    "not": lambda value, other, scope: value not in (other if isinstance(other, list) else [other]),
    "same_as": lambda value, slot, scope: value == scope.get(slot),
    "differs_from": lambda value, slot, scope: value != scope.get(slot),
    "given": lambda value, given, scope: bool(given),
}


def holds(when: Mapping[str, Any], scope: Scope) -> bool:
    return all(_holds(wanted, slot, scope) for slot, wanted in when.items())


def slots(when: Mapping[str, Any]) -> Iterator[str]:
    """The slots that a condition speaks of."""
    for slot, wanted in when.items():
        yield slot
        if isinstance(wanted, Mapping):
            yield from (str(wanted[test]) for test in ("same_as", "differs_from") if test in wanted)


def _holds(wanted: Any, slot: str, scope: Scope) -> bool:
    if slot not in scope:
        return isinstance(wanted, Mapping) and wanted.get("given") is False
    value = scope[slot]
    if isinstance(wanted, Mapping):
        return wanted.get("given") is not False and all(
            TESTS[name](value, than, scope) for name, than in wanted.items()
        )
    return value in wanted if isinstance(wanted, list) else value == wanted
