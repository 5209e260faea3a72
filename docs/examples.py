"""Writes the examples of an expert's README: cases of its own test set, and what the expert answers once it is built.

expertbuild expert=expert-json
python docs/examples.py expert-json --write    # or --check, which fails when the installed expert answers otherwise

Of each kind of case the first that is answered as expected, word for word, so they show what it does, not how often it is
right; a machine without tsc or rustc can see it too. Tests hold
that what stands there is such a case, its answer right by the expert's scorer and accepted by its grammar.
"""

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

from expertbuild.data.rows import Row
from expertbuild.data.sources import Place, source
from expertbuild.evaluation.scorers import scorer

TOP = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- examples: written by docs/examples.py -->", "<!-- end of examples -->"
MOST, LONGEST = 6, 400  # examples on a page; characters in one
TRIED = 12  # cases of a kind that are asked before it is given up
_PAIR = re.compile(r"```text\n(.*?)\n```\n\n```\w+\n(.*?)\n```", re.S)
Ask = Callable[[str], str]


def settings(expert: str, name: str) -> dict[str, Any]:
    made: dict[str, Any] = yaml.safe_load((TOP / "experts" / expert / f"{name}.yaml").read_text(encoding="utf-8"))
    return made


def cases(expert: str) -> Iterator[Row]:
    """The test set of its offline recipe, as the default seed writes it."""
    for number, spec in enumerate(settings(expert, "dataset")["offline"]["test_sources"]):
        yield from source(spec).rows(spec, Place(f"0/test/{number}", TOP / "experts" / expert))


def examples(expert: str) -> list[tuple[str, str]]:
    """The questions and answers that stand on its page."""
    _, begin, rest = page(expert).read_text(encoding="utf-8").partition(BEGIN)
    return _PAIR.findall(rest.partition(END)[0]) if begin else []


def page(expert: str) -> Path:
    return TOP / "experts" / expert / "README.md"


def asked(row: Row) -> str:
    return str(row["messages"][-1]["content"])


def judge(expert: str) -> Callable[[str, Row], float]:
    """Its own scorer."""
    score = scorer(settings(expert, "evaluation")["scorer"])
    return lambda answer, row: score(answer, row).value


def chosen(expert: str, ask: Ask) -> list[tuple[str, str]]:
    """Of each kind of case the first that is answered as expected; those without an answer are a kind of their own."""
    found: dict[str, tuple[str, str] | None] = {}
    tried: dict[str, int] = {}
    for row in cases(expert):
        kind = "unanswerable" if unanswerable(row) else str(row["stratum"])
        fits = len(asked(row)) + len(row["answer"]) <= LONGEST and "```" not in asked(row)
        if found.get(kind) or tried.get(kind, 0) >= TRIED or not fits or (len(found) == MOST and kind not in found):
            continue
        tried[kind] = tried.get(kind, 0) + 1
        answer = ask(asked(row))
        found[kind] = (asked(row), answer) if answer.strip() == row["answer"].strip() else None
    return [pair for pair in found.values() if pair]


def unanswerable(row: Row) -> bool:
    """Whether the answer says that there is none: in a comment, or in an object with one key."""
    return re.match(r'(?:.*\n)?(?:#|//|--) cannot: |\{"error":"[^"]*"\}$', row["answer"]) is not None


def text(expert: str, pairs: list[tuple[str, str]]) -> str:
    fence = (settings(expert, "expert")["expert"]["routing"]["fences"] or ["json"])[0]
    blocks = (f"```text\n{question}\n```\n\n```{fence}\n{answer}\n```" for question, answer in pairs)
    return "\n\n".join([BEGIN, *blocks, END])


def installed(expert: str) -> Ask:
    """The expert as it is served here."""
    from runtime.service import Runtime

    runtime = Runtime(base="nano", experts=[expert])
    return lambda question: runtime.generate(question, expert=expert).text


def main(expert: str, what: str) -> str | None:
    ask = installed(expert)
    if what == "--check":
        other = [(question, said) for question, said in examples(expert) if ask(question) != said]
        return f"{expert} answers otherwise: {other}" if other else None
    before = page(expert).read_text(encoding="utf-8")
    if BEGIN not in before:
        return f"{page(expert)} has no place for them: {BEGIN} ... {END}"
    head, rest = before.split(BEGIN)
    page(expert).write_text(f"{head}{text(expert, chosen(expert, ask))}{rest.partition(END)[2]}", encoding="utf-8")
    return None


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[2] not in ("--write", "--check"):
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2]))
