"""Parts of a row by name: `answer`, `question`, `prompt`, `system`, `stratum`, `group`, `part`, `id`, `facts.NAME`.

What transforms and measures mean when a recipe says which part of a row they look at.
"""

from typing import Any

from expertbuild.data.errors import RecipeMistake
from expertbuild.data.rows import Row, question

TEXTS = ("answer", "stratum", "group", "part", "id")
NAMES = ("question", "prompt", "system", *TEXTS, "facts", "facts.NAME")


def check_part(name: Any, option: str) -> str:
    """The name itself, or an error that says which names there are."""
    if isinstance(name, str) and (name in NAMES[:-1] or (name.startswith("facts.") and len(name) > 6)):
        return name
    raise RecipeMistake(f'a row has no part "{name}".', where=option, hint=f"Known: {', '.join(NAMES)}.")


def part(row: Row, name: str) -> Any:
    """The value of a part; None where the row has none."""
    if name == "question":
        return question(row)
    if name in ("prompt", "system"):
        role = "user" if name == "prompt" else "system"
        said = [message["content"] for message in row["messages"] if message["role"] == role]
        return (said[-1] if name == "prompt" else said[0]) if said else None
    if name.startswith("facts."):
        return row["facts"].get(name[6:])
    return row.get(name)


def with_part(row: Row, name: str, value: Any) -> Row:
    """Another row, with this part set. The question as a whole cannot be: say prompt or system."""
    if name.startswith("facts."):
        return {**row, "facts": {**row["facts"], name[6:]: value}}
    if name not in ("prompt", "system"):
        return {**row, name: value}
    messages = list(row["messages"])
    role = "user" if name == "prompt" else "system"
    places = [index for index, message in enumerate(messages) if message["role"] == role]
    if places:
        messages[places[-1] if name == "prompt" else places[0]] = {"role": role, "content": value}
    else:
        messages.insert(len(messages) if name == "prompt" else 0, {"role": role, "content": value})
    return {**row, "messages": messages}
