"""The languages that code is written in, by name: each a writer of code_model's records and functions."""

from types import ModuleType

from expertbuild.data.errors import RecipeMistake
from expertbuild.data.generators import code_python, code_rust, code_typescript

LANGUAGES: dict[str, ModuleType] = {"python": code_python, "rust": code_rust, "typescript": code_typescript}


def language(name: str) -> ModuleType:
    if name not in LANGUAGES:
        raise RecipeMistake(f'no code is written in "{name}" here.', hint=f"Known: {', '.join(sorted(LANGUAGES))}.")
    return LANGUAGES[name]


def cannot(writer: ModuleType, why: str) -> str:
    """What is said, as a comment, where no code can be: the same form in every language."""
    return f"{writer.MARK} cannot: {why}"
