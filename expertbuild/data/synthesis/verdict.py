"""Whether an answer counts, and the rows it makes: by form, by schema, by the shape of a row, by a scorer.

An answer is judged when it comes in and again in every build: the same answers, schema and scorer give the same rows.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from expertbuild.data.bounded_schema import bounded, refusal
from expertbuild.data.columns import to_row
from expertbuild.data.errors import SourceMistake
from expertbuild.data.rows import Row
from expertbuild.data.sources import Judge
from expertbuild.data.synthesis.locked import Answer
from expertbuild.data.synthesis.requests import Pair, key_of
from expertbuild.data.synthesis.spec import Wanted
from runtime.artifact.refusals import BadJson
from runtime.artifact.strict_json import read as read_json
from runtime.errors import Mistake

CUT_SHORT = ("length", "max_tokens")


@dataclass(frozen=True)
class Verdict:
    """Rows, or the reason why there are none."""

    rows: tuple[Row, ...] = ()
    reason: str = ""


Court = Callable[[Pair, Answer], Verdict]


def court(wanted: Wanted, judge: Judge | None) -> Court:
    """The judge of one recipe's answers; what cannot be set up is said at once."""
    valid = _checker(wanted)
    scored = _scorer(wanted, judge)

    def judged(pair: Pair, answer: Answer) -> Verdict:
        if answer.refused:
            return Verdict(reason="the endpoint refuses the request")
        if answer.finish in CUT_SHORT:
            return Verdict(reason="the answer is cut short")
        if not answer.text.strip():
            return Verdict(reason="the answer is empty")
        made: list[Mapping[str, Any]] = [{"text": answer.text.strip()}]
        if valid:
            document, reason = valid(answer.text)
            if reason:
                return Verdict(reason=reason)
            made = _each(document, wanted.each)
        rows = []
        for number, fields in enumerate(made):
            try:
                rows.append(_row(wanted, pair, fields, key_of(answer.request), number))
            except Mistake as error:
                return Verdict(reason=f"makes no row: {error.what}")
            if reason := scored(pair, rows[-1]):
                return Verdict(reason=reason)
        return Verdict(tuple(rows), "" if rows else "the answer has nothing in it")

    return judged


def _row(wanted: Wanted, pair: Pair, fields: Mapping[str, Any], key: str, number: int) -> Row:
    row = to_row({**pair.record, **fields}, wanted.columns, f"synthesis {wanted.name}")
    if "id" not in wanted.columns:
        row["id"] = f"{wanted.name}-{key[:16]}" + (f"-{number}" if wanted.each else "")
    row.setdefault("group", pair.group)
    return row


def _each(document: Any, each: str) -> list[Mapping[str, Any]]:
    """With `each`, one row for each entry of that list; the entry's own keys, or the entry under the list's name."""
    if not each:
        return [document]
    rest = {name: value for name, value in document.items() if name != each}
    return [{**rest, **(entry if isinstance(entry, dict) else {each: entry})} for entry in document[each]]


def _checker(wanted: Wanted) -> Callable[[str], tuple[Any, str]] | None:
    """Text to a document that follows the recipe's schema, or why it does not."""
    if wanted.schema is None and not wanted.each:
        return None
    schema = bounded({} if wanted.schema is None else wanted.schema, f"synthesis {wanted.name}: output.schema")

    def check(text: str) -> tuple[Any, str]:
        try:
            document = read_json(_unfenced(text).encode("utf-8", "surrogatepass"), "the answer")
        except BadJson:
            return None, "the answer is not JSON"
        if not isinstance(document, dict):
            return None, "the answer is no object"
        if fault := refusal(schema, document):
            return None, f"not of the schema: {fault}"
        if wanted.each and not isinstance(document.get(wanted.each), list):
            return None, f'the answer has no list "{wanted.each}"'
        return document, ""

    return check


def _scorer(wanted: Wanted, judge: Judge | None) -> Callable[[Pair, Row], str]:
    if wanted.accept is None:
        return lambda pair, row: ""
    if judge is None:
        raise SourceMistake("has a scorer, and nobody here can score.", where=f"synthesis {wanted.name}: accept")
    score, kind = judge(wanted.accept), wanted.accept["kind"]

    def scored(pair: Pair, row: Row) -> str:
        expected = row
        if wanted.against == "seed":
            if "seed.answer" not in pair.record:
                raise SourceMistake("there is no seed to compare with.", where=f"synthesis {wanted.name}: against")
            expected = {**row, "answer": pair.record["seed.answer"]}
        found = score(row["answer"], expected)
        return "" if found.value >= 1 else f"{kind} does not accept it"

    return scored


def _unfenced(text: str) -> str:
    """The document in an answer; a code fence around all of it is let pass."""
    text = text.strip()
    if text.startswith("```") and text.endswith("```") and "\n" in text:
        text = text[text.index("\n") : -3].strip()
    return text


def left_out(pair: Pair, answer: Answer) -> Row:
    """An answer that does not count, as a row to look at."""
    text = answer.refused or answer.text
    messages = [dict(message) for message in pair.messages]
    key = key_of(answer.request)
    return {"id": key[:16], "messages": messages, "answer": text[:2000], "stratum": "all", "facts": {}, "group": key}
