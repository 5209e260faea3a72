"""Whether a grammar lets the answers through that are expected: what it forbids, no expert can learn to say."""

from collections.abc import Sequence
from typing import Any

from expertbuild.evaluation.errors import EvaluationMistake
from expertbuild.evaluation.scorers import Row

LONGEST_SHOWN = 300
TAIL = 40  # characters shown of what was let through before


def require_expected(grammar: str, tokenizer: Any, rows: Sequence[Row], name: str) -> None:
    """Refuse a grammar that rejects the answer of any row; the first such case is shown."""
    from runtime.engine.grammar import Grammars

    compiled = Grammars(tokenizer, tokenizer.vocab_size).compile(grammar)
    refused = [(row, let) for row in rows if (let := _let_through(compiled, tokenizer, row["answer"])) is not None]
    if not refused:
        return
    row, let = refused[0]
    raise EvaluationMistake(
        f"{name} rejects {len(refused)} of {len(rows)} answers that the test set expects; the first is of case "
        f"{row['id'][:12]}: asked {_short(row['messages'][-1]['content'])}, expected {_short(row['answer'])}, "
        + (f"refused after {let[-TAIL:]!r}" if let else "refused at its beginning"),
        where="decoding.grammar",
        hint="Let the grammar say more, or take such rows out.",
    )


def _let_through(compiled: Any, tokenizer: Any, answer: str) -> str | None:
    """What of an answer passes before it is refused; None where all of it may stand."""
    from runtime.engine.errors import GrammarRefused

    matcher, passed = compiled.start(), []
    try:
        for token in tokenizer.encode(answer):
            matcher.accept(token)
            passed.append(token)
    except GrammarRefused:
        return str(tokenizer.decode(passed))
    return None if matcher.may_end else answer


def _short(text: str) -> str:
    return repr(text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 1]}…")
