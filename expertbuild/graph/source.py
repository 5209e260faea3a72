"""One module's source as a digest and a list of the modules that it imports. Nothing is imported.

The digest is over the syntax tree without positions, comments and bare strings (docstrings), so
formatting and prose do not rebuild anything. It is written out here rather than with `ast.dump`,
whose text differs between Python versions. Code that reads its own docstrings or line numbers is
not seen to change.
"""

import ast
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

FORMAT = f"code-1-{sys.version_info[0]}.{sys.version_info[1]}"
"""Names a way of reading source; memos made in another way do not hold."""
_UNIMPORTANT = {"ctx", "kind", "type_comment", "type_ignores"}


@dataclass(frozen=True, slots=True)
class Source:
    digest: str
    imports: tuple[str, ...]
    """Dotted names that may be modules: for `from a import b` both `a` and `a.b`."""


def read_source(data: bytes, name: str, is_package: bool) -> Source:
    try:
        tree = ast.parse(data)
    except (SyntaxError, ValueError, RecursionError):
        # It will not run either; its bytes still tell one broken state from the next.
        return Source("raw:" + sha256(data).hexdigest(), ())
    package = name if is_package else name.rpartition(".")[0]
    text = "".join(_text(tree))
    found = sorted(set(_imports(tree, package)))
    return Source("ast:" + sha256(text.encode("ascii")).hexdigest(), tuple(found))


def _text(node: Any) -> Iterator[str]:
    if isinstance(node, ast.Constant):
        yield _constant(node.value)
    elif isinstance(node, ast.AST):
        yield f"({type(node).__name__}"
        for name in node._fields:
            value = getattr(node, name, None)
            if isinstance(value, list):
                value = [item for item in value if not _says_nothing(item, node)]
            # Left out when empty: a newer Python adds fields, and old code does not have them.
            if name in _UNIMPORTANT or value is None or value == []:
                continue
            yield f" {name}="
            yield from _text(value)
        yield ")"
    elif isinstance(node, list):
        yield "["
        for item in node:
            yield from _text(item)
            yield ","
        yield "]"
    else:  # an identifier, a flag, or None inside a list (`**x` in a dictionary)
        yield json.dumps(node)


def _constant(value: Any) -> str:
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, bytes):
        return f"b:{value.hex()}"
    if type(value) is int:
        return f"i:{value:x}"
    return f"{type(value).__name__}:{value!r}"


def _says_nothing(item: Any, within: ast.AST) -> bool:
    """A bare string is prose. An empty part of an f-string is there in some Python versions only."""
    if isinstance(item, ast.Expr):
        return isinstance(item.value, ast.Constant) and isinstance(item.value.value, str)
    return isinstance(within, ast.JoinedStr) and isinstance(item, ast.Constant) and item.value == ""


def _imports(tree: ast.AST, package: str) -> Iterator[str]:
    stack: list[ast.AST] = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = _absolute(node.module or "", node.level, package)
            yield origin
            yield from (f"{origin}.{alias.name}" for alias in node.names if alias.name != "*")
        elif isinstance(node, ast.If) and _is_type_checking(node.test):
            stack.extend(node.orelse)  # what only the type checker imports does not run
            continue
        elif isinstance(node, ast.Call) and _called(node) in ("import_module", "__import__"):
            first = node.args[0] if node.args else None
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                name = first.value.lstrip(".")
                yield _absolute(name, len(first.value) - len(name), package)
        stack.extend(ast.iter_child_nodes(node))


def _absolute(module: str, level: int, package: str) -> str:
    if level == 0:
        return module
    base = package.split(".")
    base = base[: len(base) - (level - 1)]
    return ".".join([*base, module] if module else base)


def _is_type_checking(test: ast.expr) -> bool:
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )


def _called(node: ast.Call) -> str:
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
