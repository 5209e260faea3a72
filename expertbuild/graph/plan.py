"""What a build will do, found without doing it: hit, fetch, build or `build?` for every step.

A step's key needs the digests of its inputs. Where an input is built first its output is not known
yet, and then the plan looks whether any recorded result answers the same question with *some*
content for that input. If none does, the step will be built, whatever comes out: `build`. If one
does, the step is a hit should the input come out as it was then: `build?`. Behind a remote cache,
which cannot be searched so, a step with an unknown input is always `build?`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from expertbuild.graph.action import Step
from expertbuild.graph.cache import Cache
from expertbuild.graph.canonical import canonical, read_json
from expertbuild.graph.events import Status
from expertbuild.graph.facts import Asked, Facts
from expertbuild.graph.key import key_of
from expertbuild.graph.lane import Lane
from expertbuild.graph.record import Record
from expertbuild.graph.remote import Away, Beat, Lie, Remote


@dataclass(frozen=True)
class Judgement:
    asked: Asked
    status: Status
    inputs: Mapping[str, str | None]
    """Role -> tree digest; None for an input that is built first."""
    key: str | None = None
    document: Mapping[str, Any] | None = None
    record: Record | None = None
    """The result, here or in the remote cache."""
    damage: str = ""
    """Why the result that is recorded cannot be taken."""
    lie: str = ""
    """Why the result that the remote cache offers cannot be taken."""


class Reach:
    """A remote cache and the lane on which it is talked to; away for the rest of the build once it was away."""

    def __init__(self, remote: Remote) -> None:
        self.remote = remote
        self.lane = Lane(remote.timeout)

    @property
    def alive(self) -> bool:
        return self.lane.away is None


def judge(asked: Asked, inputs: Mapping[str, str], cache: Cache, *, look_only: bool) -> Judgement:
    """A step whose inputs are known: a hit in this cache, or (so far) a build."""
    document = asked.document(inputs)
    key = key_of(document)
    found = cache.lookup(key, look_only=look_only)
    status = Status.HIT if found.record else Status.BUILD
    return Judgement(asked, status, inputs, key, document, found.record, found.damage)


def plan(
    order: Sequence[Step], facts: Facts, cache: Cache, reach: Reach | None = None, *, look_only: bool
) -> dict[Step, Judgement]:
    """A judgement for every step of `order`, which is sorted. With `look_only` nothing at all is written."""
    judged: dict[Step, Judgement] = {}
    recorded = _Recorded(cache)
    waiting = list(order)
    while waiting:
        wave = [step for step in waiting if all(upstream in judged for upstream in step.inputs.values())]
        now = set(wave)
        waiting = [step for step in waiting if step not in now]
        for step in wave:
            inputs = {role: _tree(judged[upstream]) for role, upstream in sorted(step.inputs.items())}
            known = {role: tree for role, tree in inputs.items() if tree is not None}
            if len(known) == len(inputs):
                judged[step] = judge(facts.ask(step), known, cache, look_only=look_only)
            else:
                asked = facts.ask(step)
                open_ = (reach is not None and reach.alive) or recorded.may_answer(asked, inputs)
                judged[step] = Judgement(asked, Status.DEPENDS if open_ else Status.BUILD, inputs)
        if reach is not None:
            missing = [step for step in wave if judged[step].key is not None and judged[step].record is None]
            judged.update(_ask_remote(missing, judged, reach, thorough=look_only))
    return {step: judged[step] for step in order}


def _tree(judgement: Judgement) -> str | None:
    return judgement.record.tree if judgement.record else None


def _ask_remote(
    missing: Iterable[Step], judged: Mapping[Step, Judgement], reach: Reach, *, thorough: bool
) -> dict[Step, Judgement]:
    for step in missing:
        reach.lane.submit(step, partial(_offer, reach.remote, judged[step].key or "", thorough))
    found: dict[Step, Judgement] = {}
    for done in reach.lane.collect_all():
        before = judged[done.tag]
        if isinstance(done.error, Lie):
            found[done.tag] = replace(before, lie=str(done.error))
        elif done.error is not None and not isinstance(done.error, Away):
            raise done.error
        elif done.value is not None:
            found[done.tag] = replace(before, status=Status.FETCH, record=done.value)
    return found


def _offer(remote: Remote, key: str, thorough: bool, beat: Beat) -> Record | None:
    record = remote.find(key, beat)
    if record is not None and thorough and not remote.holds(record, beat):
        raise Lie("objects of its result are missing")
    return record


class _Recorded:
    """The questions that recorded results answer, read only when a step's input is unknown."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self._questions: dict[bytes, list[dict[str, str]]] | None = None

    def may_answer(self, asked: Asked, inputs: Mapping[str, str | None]) -> bool:
        """Is there a result for this question with the known inputs, and any content for the unknown ones?"""
        if self._questions is None:
            self._questions = self._read()
        answered = self._questions.get(canonical({**asked.document({}), "inputs": sorted(inputs)}), [])
        return any(all(tree in (None, given[role]) for role, tree in inputs.items()) for given in answered)

    def _read(self) -> dict[bytes, list[dict[str, str]]]:
        questions: dict[bytes, list[dict[str, str]]] = {}
        for path in self._cache.results.glob("*.json"):
            try:
                document = read_json(path.read_bytes())["document"]
                given = document["inputs"]
                question = canonical({**document, "inputs": sorted(given)})
            except (OSError, ValueError, KeyError, TypeError):
                continue
            questions.setdefault(question, []).append(given)
        return questions
