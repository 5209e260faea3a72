"""No recipe holds a key: whoever reads the recipe, the cache or a package would have it. What was found is never repeated.

Keys are known by how providers spell them, and by standing in an address before an `@`. This is a net, not a proof: a secret
of another shape goes through.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from expertbuild.data.errors import SourceMistake

_KEY = re.compile(
    r"\b(?:sk|pk|rk|gsk|hf|xai)[-_](?=[A-Za-z_-]*\d)[A-Za-z0-9_-]{12,}"
    r"|\b(?:gh[opsu]_|github_pat_|glpat-)(?=[A-Za-z_-]*\d)[A-Za-z0-9_-]{12,}|\bAKIA[A-Z0-9]{16}\b"
    r"|\bBearer\s+(?=\S*\d)\S{8,}|\bAIza(?=[A-Za-z_-]*\d)[A-Za-z0-9_-]{20,}"
    r"|\A[\w+.-]+://[^\s/@:]+:[^\s/@]+@"
)
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{0,79}")


class KeyInRecipe(SourceMistake):
    """Something that looks like a key stands in a recipe. What it is, is never repeated."""


def refuse_keys(value: Any, where: str) -> None:
    """No text below may look like a key."""
    if isinstance(value, Mapping):
        for name, each in value.items():
            refuse_keys(each, f"{where}.{name}" if isinstance(name, str) and not _KEY.search(name) else where)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for number, each in enumerate(value):
            refuse_keys(each, f"{where}[{number}]")
    elif isinstance(value, str) and _KEY.search(value):
        raise key_found(where)
    if where.endswith(".api_key_env") and isinstance(value, str) and not _VARIABLE.fullmatch(value):
        raise key_found(where)


def key_found(where: str) -> KeyInRecipe:
    return KeyInRecipe(
        "holds something that looks like a key.",
        where=where,
        hint="Put the key into an environment variable; a source that asks names the variable: api_key_env: OPENAI_API_KEY. "
        "If the key was ever shared with this file, revoke it.",
    )
