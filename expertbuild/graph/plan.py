"""What a build will do, found without doing it: hit, fetch, build or `build?` for every step.

A step's key needs the digests of its inputs. Where an input is built first its output is not known
yet, and then the plan looks whether any recorded result answers the same question with *some*
content for that input. If none does, the step will be built, whatever comes out: `build`. If one
does, the step is a hit should the input come out as it was then: `build?`. Behind a remote cache,
which cannot be searched so, a step with an unknown input is always `build?`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from expertbuild.graph.action import Step
from expertbuild.graph.cache import Cache
from expertbuild.graph.canonical import canonical, read_json
from expertbuild.graph.events import Status
from expertbuild.graph.facts import Asked, Facts
from expertbuild.graph.key import key_of
from expertbuild.graph.record import Record

if TYPE_CHECKING:
    from expertbuild.graph.reach import Reach


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


def judge(asked: Asked, inputs: Mapping[str, str], cache: Cache, *, look_only: bool) -> Judgement:
    """A step whose inputs are known: a hit in this cache, or (so far) a build."""
    document = asked.document(inputs)
    key = key_of(document)
    found = cache.lookup(key, look_only=look_only)
    status = Status.HIT if found.record else Status.BUILD
    return Judgement(asked, status, inputs, key, document, found.record, found.damage)


def plan(
    order: Sequence[Step], facts: Facts, cache: Cache, reach: "Reach | None" = None, *, look_only: bool
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
            judged.update(_offered({step: judged[step] for step in missing}, reach, look_only))
    return {step: judged[step] for step in order}


def _tree(judgement: Judgement) -> str | None:
    return judgement.record.tree if judgement.record else None


def _offered(missing: Mapping[Step, Judgement], reach: "Reach", look_only: bool) -> dict[Step, Judgement]:
    """The judgements of steps that are missing here and that the remote cache has an answer for."""
    offers = reach.offers({step: judgement.key or "" for step, judgement in missing.items()}, thorough=look_only)
    return {
        step: replace(missing[step], lie=offer)
        if isinstance(offer, str)
        else replace(missing[step], status=Status.FETCH, record=offer)
        for step, offer in offers.items()
    }


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
