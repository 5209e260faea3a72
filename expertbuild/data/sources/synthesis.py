"""Rows that a language model wrote: the locked answers of a recipe, judged again. Nothing is asked here.

    - {kind: synthesis, name: paraphrased, model: gpt-4o-mini, seeds: [...], prompt: "...", columns: {...}, calls: {...}}

See `data/synthesis/spec.py` for its keys. `expertbuild synthesize` asks what is not locked yet. The file of answers is
part of the key of a build; how an endpoint is reached and what it costs is not.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from expertbuild.data.rows import Row
from expertbuild.data.sources import SOURCES, Place, source
from expertbuild.data.synthesis.errors import NotAnswered
from expertbuild.data.synthesis.locked import Locked, lock_path
from expertbuild.data.synthesis.requests import key_of, pairs, request
from expertbuild.data.synthesis.spec import Wanted, read
from expertbuild.data.synthesis.verdict import court, left_out

KEPT = True  # a scorer may take its time to judge an answer
VERB = "expertbuild synthesize"


def modules(spec: Mapping[str, Any]) -> list[str]:
    """The sources that give the seeds."""
    found = []
    for seed in spec.get("seeds") or ():
        found.append(SOURCES.module(seed.get("kind", "")))
        more = getattr(source(seed), "modules", None)
        found += more(seed) if more else []
    return found


def scorers(spec: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The scorer that an answer has to please, and those of its seeds."""
    accept = read(spec).accept
    inner = [each for seed in spec.get("seeds") or () if seed.get("kind") == "synthesis" for each in scorers(seed)]
    return [*([accept] if accept else []), *inner]


def files(spec: Mapping[str, Any], directory: Path) -> list[Path]:
    """The locked answers, and what the seeds read."""
    wanted = read(spec)
    path = lock_path(directory, wanted.name)
    if not path.is_file():
        raise NotAnswered(
            f'the source "{wanted.name}" has no answers yet.',
            where=f"synthesis/{wanted.name}.jsonl",
            hint=f"Run {VERB} with the words of this build.",
        )
    found = [path]
    for seed in wanted.seeds:
        more = getattr(source(seed), "files", None)
        found += more(seed, directory) if more else []
    return found


def rows(spec: Mapping[str, Any], place: Place) -> Iterator[Row]:
    wanted = read(spec)
    locked = Locked(lock_path(place.directory, wanted.name))
    judged = court(wanted, place.judge)
    missing = 0
    for pair in pairs(wanted, place):
        for attempt in range(wanted.tries):
            answer = locked.get(key_of(request(wanted, pair, attempt)))
            if answer is None:
                missing += 1
                break
            verdict = judged(pair, answer)
            if verdict.rows:
                yield from verdict.rows
                break
            place.left_out("synthesis", verdict.reason, left_out(pair, answer))
    if missing and not wanted.partial:
        raise _not_answered(wanted, missing)


def _not_answered(wanted: Wanted, missing: int) -> NotAnswered:
    return NotAnswered(
        f"{missing:,} requests have no locked answer.",
        where=f"synthesis {wanted.name}",
        hint=f"Run {VERB} with the words of this build, or say `partial: true` to do with what is there.",
    )
