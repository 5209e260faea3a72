"""What is asked: one request for each seed and sample, known by its content and by nothing else.

Where the endpoint lies, which key opens it and how fast it may be asked are no part of a request: an answer that was
paid for stays an answer when a proxy, a key or a limit changes. `sample` numbers different answers to one question,
`try` those that were asked for because an earlier one was refused; neither is sent.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from itertools import product
from string import Formatter
from typing import Any

from expertbuild.data.columns import said
from expertbuild.data.errors import SourceMistake
from expertbuild.data.rows import Row
from expertbuild.data.sources import Place, source
from expertbuild.data.synthesis.spec import Wanted
from runtime.artifact.strict_json import canonical

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Pair:
    """One seed, asked about for the nth time."""

    record: Record
    group: str
    messages: tuple[Mapping[str, str], ...]
    sample: int


def request(wanted: Wanted, pair: Pair, attempt: int) -> dict[str, Any]:
    """The document that says all that decides the answer."""
    return {
        "protocol": wanted.protocol,
        "model": wanted.model,
        "messages": list(pair.messages),
        "options": dict(wanted.options),
        "sample": pair.sample,
        "try": attempt,
    }


def key_of(document: Mapping[str, Any]) -> str:
    return sha256(canonical(document)).hexdigest()


def pairs(wanted: Wanted, place: Place) -> Iterator[Pair]:
    """Everything the recipe asks, in its order, nothing twice."""
    seen: set[str] = set()
    for record, group in _records(wanted, place):
        messages = _messages(wanted, record)
        same = sha256(canonical(list(messages))).hexdigest()
        if same in seen:
            continue
        seen.add(same)
        for sample in range(wanted.samples):
            if wanted.rows is not None and (len(seen) - 1) * wanted.samples + sample >= wanted.rows:
                return
            yield Pair(record, group, messages, sample)


def _records(wanted: Wanted, place: Place) -> Iterator[tuple[Record, str]]:
    """What a template may speak of: `{topic}` of `over`, `{seed.question}` of a seed."""
    if not wanted.seeds:
        for record in _combinations(wanted):
            yield record, "/".join(said(value) for value in record.values())
        return
    for number, spec in enumerate(wanted.seeds):
        # Not of the build's seed nor of the place in the recipe: what was asked once must be asked again in the same words.
        own = Place(f"synthesis/{wanted.name}/{number}", place.directory, place.judge)
        for row in source(spec).rows(spec, own):
            for record in _combinations(wanted):
                yield {**_seed(row), **record}, str(row.get("group", row["id"]))


def _combinations(wanted: Wanted) -> Iterator[dict[str, Any]]:
    names = list(wanted.over)
    return (dict(zip(names, values, strict=True)) for values in product(*wanted.over.values()))


def _seed(row: Row) -> dict[str, Any]:
    found = {"seed.id": row["id"], "seed.question": row["messages"][-1]["content"], "seed.answer": row["answer"]}
    found["seed.stratum"] = row["stratum"]
    return found | {f"seed.facts.{name}": value for name, value in row["facts"].items()}


def _messages(wanted: Wanted, record: Record) -> tuple[Mapping[str, str], ...]:
    made = [{"role": "user", "content": fill(wanted.prompt, record, "prompt")}]
    if wanted.system:
        made.insert(0, {"role": "system", "content": fill(wanted.system, record, "system")})
    return tuple(made)


def fill(template: str, record: Record, where: str) -> str:
    """A template over a record; `{{` stands for a brace."""
    parts = []
    try:
        fields = list(Formatter().parse(template))
    except ValueError as error:
        raise SourceMistake(f"is no template ({error}).", where=where, hint="Write {{ for a brace.") from None
    for text, name, _, _ in fields:
        parts.append(text)
        if name is None:
            continue
        if name not in record:
            raise SourceMistake(
                f"there is nothing called {{{name}}}.", where=where, hint=f"There are: {', '.join(record)}."
            )
        parts.append(said(record[name]))
    return "".join(parts)
