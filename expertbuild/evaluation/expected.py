"""Whether a grammar lets the answers through that are expected: what it forbids, no expert can learn to say."""

from collections.abc import Mapping, Sequence
from typing import Any

from expertbuild.data.encoding import prompt_messages
from expertbuild.evaluation.errors import EvaluationMistake
from expertbuild.evaluation.scorers import Row

LONGEST_SHOWN = 300
TAIL = 40  # characters shown of what was let through before


def require_expected(
    grammar: str,
    tokenizer: Any,
    rows: Sequence[Row],
    name: str,
    bind: Mapping[str, str] | None = None,
    system: str | None = None,
) -> None:
    """Refuse a grammar that rejects the answer of any row, bound as it will be; the first such case is shown."""
    from runtime.binding.grammar import BoundGrammar
    from runtime.engine.grammar import Grammars

    bound = BoundGrammar(Grammars(tokenizer, tokenizer.vocab_size), grammar, bind)
    refused, narrow = [], False
    for row in rows:
        if (let := _let_through(bound.behind(prompt_messages(row, system)), tokenizer, row["answer"])) is not None:
            narrow = narrow or (bool(bind) and _let_through(bound.whole, tokenizer, row["answer"]) is None)
            refused.append((row, let))
    if not refused:
        return
    row, let = refused[0]
    raise EvaluationMistake(
        f"{name}{', bound to what stands in the conversation,' if narrow else ''} rejects {len(refused)} of {len(rows)} answers that the test set expects; the first is of case "
        f"{row['id'][:12]}: asked {_short(row['messages'][-1]['content'])}, expected {_short(row['answer'])}, "
        + (f"refused after {let[-TAIL:]!r}" if let else "refused at its beginning"),
        where="decoding.bind" if narrow else "decoding.grammar",
        hint="Bind fewer rules, or take such rows out."
        if narrow
        else "Let the grammar say more, or take such rows out.",
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
