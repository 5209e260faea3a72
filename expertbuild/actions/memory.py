"""Where what was found out is kept beside the results, and the digests of code that its names hold."""

from collections.abc import Iterable

from expertbuild.data.remembered import Memory
from expertbuild.graph import Cache
from expertbuild.graph.code import Code
from expertbuild.graph.facts import code_memo


def memory(cache: Cache) -> Memory:
    """It holds no results, so the graph does not count it."""
    return Memory(cache.root / "rows")


def known_code(cache: Cache) -> Code:
    """The project's code as it is now."""
    return Code(code_memo(cache))


def digests(code: Code, names: Iterable[str], wanted_by: str) -> list[str]:
    """These modules and all that they import."""
    return [f"{name} {digest}" for name, digest in code.closure(names, wanted_by).items()]
