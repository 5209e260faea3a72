"""What the tasks that write code have in common: their words, and the shape of their rows.

`facts.tests` is code that fails unless the answer before it is right, and `facts.before` what stands before both; an
answer that says it cannot has no tests and is compared by its words.
"""

from hashlib import sha256
from typing import Any

from expertbuild.data.generators import code_words
from expertbuild.data.generators.code_model import Field
from expertbuild.data.generators.phrases import Value, article, grammar
from expertbuild.data.rows import Row

SAID = {
    name: grammar(text, *shared)
    for name, text, shared in (
        ("json", code_words.FROM_JSON, ()),
        ("text", code_words.FROM_TEXT, (code_words.FROM_JSON,)),
        ("function", code_words.FUNCTIONS, (code_words.FROM_JSON,)),
        ("repair", code_words.REPAIR, ()),
    )
}


def row(task: str, language: str, asked: str, answer: str, stratum: str, **facts: Any) -> Row:
    """One question with its answer; what is about the same thing stays on one side of a split."""
    about = sha256(f"{task}/{language}/{asked}".encode()).hexdigest()[:16]
    return {
        "id": f"{task}-{about}",
        "messages": [{"role": "user", "content": asked}],
        "answer": answer,
        "stratum": stratum,
        "facts": {"language": language, **facts},
        "group": sha256(f"{language}/{answer}".encode()).hexdigest()[:16],
    }


def form_of(writer: Any, form: str, short: bool) -> str:
    """What is wanted, as people call it: with its language, or without."""
    return form if short else f"{writer.NAME} {form}"


def said_of(field: Field) -> dict[str, Value]:
    """A field as people call it, alone and with the article that suits it."""
    said = field.name.replace("_", " ")
    many = said.endswith("s") and not said.endswith(("ss", "us", "is"))
    return {"col": said, "a_col": said if many else f"{article(said)} {said}"}
