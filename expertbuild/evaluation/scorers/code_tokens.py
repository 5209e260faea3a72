"""Code as its own grammar reads it: what is broken, and its words without what does not count (blanks, comments).

The parsers are tree-sitter's, one a language, and run in this process: they read, and run nothing.
"""

from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from expertbuild.evaluation.errors import EvaluationMistake

MODULES = {
    "python": ("tree_sitter_python", "language"),
    "rust": ("tree_sitter_rust", "language"),
    "typescript": ("tree_sitter_typescript", "language_typescript"),
}
LONGEST = 20_000  # letters; a parser may take a time that grows with their square: two seconds for these
_QUIET = {"comment", "line_comment", "block_comment"}
_WHOLE = {"string", "string_literal", "raw_string_literal", "template_string", "char_literal"}


class CodeUnread(Exception):
    """Code that does not parse, and where."""


def words(code: str, language: str) -> list[str]:
    """The words of code that parses."""
    if len(code) > LONGEST:
        raise CodeUnread("it is too long")
    root = _parser(language).parse(code.encode("utf-8", "replace")).root_node
    if root.has_error:
        raise CodeUnread(_place(root))
    return list(_leaves(root, language))


def engine(language: str) -> str:
    """The parser by name and version."""
    package = MODULES[language][0].replace("_", "-")
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return package


@cache
def _parser(language: str) -> Any:
    module, function = MODULES[language]
    try:
        tree_sitter, grammar = import_module("tree_sitter"), import_module(module)
    except ImportError as error:
        raise EvaluationMistake(
            f"judging {language} needs the package {module}.",
            where="evaluation.scorer",
            hint="pip install 'expertbuild[code]'",
        ) from error
    return tree_sitter.Parser(tree_sitter.Language(getattr(grammar, function)()))


def _leaves(root: Any, language: str) -> Iterator[str]:
    """Its words; where blanks count, so do the ends of blocks. A comma before a bracket that closes is free."""
    open_: list[Any] = [root]
    comma = False
    while open_:
        node = open_.pop()
        if isinstance(node, str):
            yield node
        elif node.type in _WHOLE or (not node.children and node.type not in _QUIET):
            text = node.text.decode("utf-8", "replace").strip()
            if comma and text not in (")", "]", "}", ">"):
                yield ","
            comma = text == ","
            if text and not comma and not (text == ";" and language == "typescript"):
                yield text
        elif node.type not in _QUIET:
            block = node.type == "block" and language == "python"
            open_ += ["<end>"] * block + list(reversed(node.children))


def _place(root: Any) -> str:
    open_ = [root]
    while open_:
        node = open_.pop()
        if node.is_missing:
            return f"line {node.start_point[0] + 1}: {node.type} is missing"
        if node.is_error:
            text = node.text.decode("utf-8", "replace").strip().split("\n")[0][:60]
            return f"line {node.start_point[0] + 1}: cannot be read at {text!r}"
        open_ += [child for child in reversed(node.children) if child.has_error]
    return "it cannot be read"
