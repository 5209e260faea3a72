"""Names that code (Python, TypeScript, Rust) uses, and that come from nowhere."""

import ast
import builtins
import re
from collections.abc import Iterable

from runtime.checks.code_types import IMPORT

LONGEST = 20_000  # letters of code whose names are looked up

_GLUED = re.compile(r"(?<!\w)\d++[^\W\d]")
_WORD = re.compile(r"\w++")
_NAME = re.compile(r"(?<![\w.:])[A-Z]\w*+")
_GIVEN = frozenset(  # names that no code has to define
    {
        *("Array", "Boolean", "Date", "JSON", "Map", "Math", "Number", "Object", "Partial", "Promise"),
        *("Readonly", "Record", "Set", "String", "Box", "Err", "None", "Ok", "Option", "Ordering", "Result"),
        *("Self", "Some", "Vec", "Clone", "Copy", "Debug", "Default", "Deserialize", "Eq", "Hash", "Ord"),
        *("PartialEq", "PartialOrd", "Serialize", "True", "False"),
    }
)


def unknown(code: str, bare: str, asked: str, known: Iterable[str], *, python: bool) -> bool:
    """Whether code uses a name that it neither brings along nor binds, and that is not `known`, nor stands in what was asked.
    `bare`: the code without imports and texts."""
    there = {*_NAME.findall(asked), *known, *_GIVEN}
    lost = {*_WORD.findall(asked)} - {*_WORD.findall(code)}
    return any(name not in there and not _was_glued(name, lost) for name in _names(code, bare, python=python))


def _was_glued(name: str, words: set[str]) -> bool:
    """Whether a name is a part of a word that code has not: `Sofa` of `listSofa]`."""
    return any(word.startswith(name) or word.endswith(name) for word in words)


def _names(code: str, bare: str, *, python: bool) -> set[str]:
    """Names that code uses, and neither brings along nor binds. `bare`: the code without imports and texts."""
    imported = {name for line in IMPORT.findall(code) for name in _WORD.findall(line)}
    read, bound = _python(code) if python else (set(), set())
    return ({*_NAME.findall(bare)} | read) - bound - imported


def _python(code: str) -> tuple[set[str], set[str]]:
    """The names that Python code reads, and those that it binds or has from the start."""
    try:
        # A number that letters follow is no error to Python, and a line on its error output.
        nodes = list(ast.walk(ast.parse(code))) if len(code) <= LONGEST and not _GLUED.search(code) else []
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set(), {*dir(builtins)}
    names = [node for node in nodes if isinstance(node, ast.Name)]
    bound = {*dir(builtins)} | {node.id for node in names if not isinstance(node.ctx, ast.Load)}
    bound |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    bound |= {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    return {node.id for node in names}, bound
