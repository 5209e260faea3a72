"""Why a step is built again: the difference between the question it asks now and the one it asked last.

Field by field, from the key documents. Where an input is to blame, the step that made the input is
named with what changed there. Writes nothing; printing is the caller's.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from expertbuild.graph.action import Step, in_order
from expertbuild.graph.cache import Cache
from expertbuild.graph.events import Status
from expertbuild.graph.facts import Facts, refuse_secrets
from expertbuild.graph.plan import Judgement, plan
from expertbuild.graph.reach import Reach
from expertbuild.graph.remote import Remote

_LONGEST = 60  # characters of a value that is shown
_ABSENT = object()
_PARTS = {"file": "files", "code": "code"}


@dataclass(frozen=True, slots=True)
class Change:
    field: str
    """A dotted configuration path, or code, file, library, input, seed, version, function, result."""
    text: str
    """What a person reads: `adapter.r 12 -> 16`."""
    before: Any = None
    after: Any = None

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Reason:
    step: str
    status: Status
    changes: tuple[Change, ...]

    def lines(self) -> list[str]:
        return [f"{self.step}: {change}" for change in self.changes] or [f"{self.step}: nothing changed"]


def why(steps: Iterable[Step], cache: Cache, *, remote: Remote | str | None = None) -> list[Reason]:
    """A reason for every one of `steps` and all they stand on, in the order in which they would be built."""
    order = in_order(steps)
    refuse_secrets(order)
    facts = Facts(cache)
    reach = Reach(remote) if remote else None
    try:
        judged = plan(order, facts, cache, reach, look_only=True)
    finally:
        if reach:
            reach.lane.close()
    asking = _Asking(cache, facts, judged)
    return [Reason(step.id, judged[step].status, tuple(asking.changes(step))) for step in order]


class _Asking:
    def __init__(self, cache: Cache, facts: Facts, judged: Mapping[Step, Judgement]) -> None:
        self._history = cache.history
        self._facts = facts
        self._judged = judged

    def changes(self, step: Step) -> Iterator[Change]:
        judgement, past = self._judged[step], self._history.of(step.id)
        missing = judgement.status is not Status.HIT
        if not past:
            if missing:
                yield Change("result", "never built")
            return
        if judgement.damage:
            yield Change("result", judgement.damage)
        if judgement.key == past[-1].key:
            if missing and not judgement.damage:
                yield Change("result", "result evicted from the cache")
            return
        before = self._history.document(past[-1].key)
        if before is None:
            yield Change("result", "what it was built from is no longer known")
            return
        yield from self._own(before, judgement)
        yield from self._inputs(step, before, judgement)

    def _own(self, before: Mapping[str, Any], judgement: Judgement) -> Iterator[Change]:
        now = judgement.asked.document({})
        for name in ("action", "version", "function", "seed"):
            yield from _difference(before.get(name), now[name], name)
        yield from _difference(before.get("config", {}), now["config"], "")
        for part, shown in (("file", str), ("code", self._facts.path)):
            was, is_ = before.get(_PARTS[part], {}), now[_PARTS[part]]
            for name in sorted({*was, *is_}):
                if was.get(name) != is_.get(name):
                    how = "changed" if name in was and name in is_ else "added" if name in is_ else "removed"
                    yield Change(part, f"{part} {shown(name)} {how}", was.get(name), is_.get(name))
        was, is_ = before.get("libraries", {}), now["libraries"]
        for name in sorted({*was, *is_}):
            if was.get(name, "not asked for") != is_.get(name, "not asked for"):
                versions = [side.get(name, "not asked for") or "not installed" for side in (was, is_)]
                yield Change("library", f"library {name} {versions[0]} -> {versions[1]}", *versions)

    def _inputs(self, step: Step, before: Mapping[str, Any], judgement: Judgement) -> Iterator[Change]:
        was = before.get("inputs", {})
        for role in sorted({*was, *step.inputs}):
            if role not in step.inputs:
                yield Change("input", f"input {role} removed", was[role])
                continue
            upstream, now = step.inputs[role], judgement.inputs[role]
            if role not in was:
                yield Change("input", f"input {role} added ({upstream.id})", None, now)
            elif now is None:
                yield Change("input", f"input {role} is built first ({upstream.id})", was[role])
            elif now != was[role]:
                cause = self._cause(upstream, was[role])
                because = f" because {cause}" if cause else ""
                yield Change("input", f"input {role} changed{because}", was[role], now)

    def _cause(self, upstream: Step, tree: str) -> str:
        """What changed in `upstream` since it gave `tree`."""
        judgement = self._judged[upstream]
        for past in reversed(self._history.of(upstream.id)):
            if past.tree == tree and (before := self._history.document(past.key)):
                changes = [*self._own(before, judgement), *self._inputs(upstream, before, judgement)]
                return "; ".join(f"{upstream.id}: {change}" for change in changes[:3])
        return ""


def _difference(before: Any, after: Any, where: str) -> Iterator[Change]:
    """The smallest fields in which two configurations differ."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in sorted({*before, *after}):
            place = f"{where}.{name}" if where else name
            yield from _difference(before.get(name, _ABSENT), after.get(name, _ABSENT), place)
    elif isinstance(before, list) and isinstance(after, list):
        for index, (was, is_) in enumerate(zip_longest(before, after, fillvalue=_ABSENT)):
            yield from _difference(was, is_, f"{where}[{index}]")
    elif before is _ABSENT:
        yield Change(where, f"{where} added ({_short(after)})", None, after)
    elif after is _ABSENT:
        yield Change(where, f"{where} removed ({_short(before)})", before, None)
    elif type(before) is not type(after) or before != after:
        yield Change(where, f"{where} {_short(before)} -> {_short(after)}", before, after)


def _short(value: Any) -> str:
    """As it would stand in YAML, cut to a line."""
    text = value if isinstance(value, str) and value.strip() else json.dumps(value, default=str)
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
