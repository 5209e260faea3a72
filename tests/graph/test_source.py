import sys
from pathlib import Path

import pytest

from expertbuild.graph.source import read_source

PLAIN = b"""
def area(r):
    return 3.14 * r ** 2
"""


def digest(text: bytes | str) -> str:
    return read_source(text if isinstance(text, bytes) else text.encode(), "a.b", False).digest


def imports(text: str, name: str = "a.b.c", is_package: bool = False) -> list[str]:
    return list(read_source(text.encode(), name, is_package).imports)


@pytest.mark.parametrize(
    "same",
    [
        b'"""A module."""\ndef area(r):\n    """The area."""\n    return 3.14 * r ** 2\n',
        b"def area(r):  # of a circle\n\n\n    return (3.14 *\n        r ** 2)\n",
        b"\xef\xbb\xbfdef area(r): return 3.14*r**2",
    ],
)
def test_prose_and_formatting_do_not_change_the_digest(same: bytes) -> None:
    assert digest(same) == digest(PLAIN)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("3.14", "3.15"),
        ("3.14", "314"),
        ("** 2", "** 3"),
        ("area", "volume"),
        ("(r)", "(r=1)"),
        ("return ", ""),
        ("**", "*"),
    ],
)
def test_what_the_code_does_changes_the_digest(before: str, after: str) -> None:
    assert digest(PLAIN.decode().replace(before, after)) != digest(PLAIN)


@pytest.mark.parametrize(
    ("one", "other"),
    [("x = 1", "x = True"), ("x = 1", "x = 1.0"), ("x = '1'", "x = b'1'"), ("x = {**y}", "x = {None: y}"), ("x = ...", "x = None"),
     ("def f(a, *, b, c=1): g()", "def f(a, *, b=1, c): g()"), ("x = 'a' 'b'", "x = 'a', 'b'"), ("x = f'{a}'", "x = f'{a!r}'"),
     ("x = ['']", "x = []"), ("f('')", "f()")],
)  # fmt: skip
def test_code_that_looks_alike_differs(one: str, other: str) -> None:
    assert digest(one) != digest(other)


def test_a_module_that_does_not_parse_is_known_by_its_bytes() -> None:
    assert digest(b"def (").startswith("raw:")
    assert digest(b"def (") != digest(b"def ((")


def test_imports_are_found_wherever_they_stand() -> None:
    found = imports(
        "import os.path, json as j\n"
        "from a.x import y\n"
        "from . import sibling\n"
        "from ..up import thing\n"
        "from a.star import *\n"
        "def f():\n    import late\n    try:\n        from a import maybe\n    except ImportError: pass\n"
        "import_module('a.named'); importlib.import_module('.relative', __package__); __import__('old')\n"
    )
    assert found == sorted(
        ["os.path", "json", "a.x", "a.x.y", "a.b", "a.b.sibling", "a.up", "a.up.thing", "a.star", "late", "a", "a.maybe",
         "a.named", "a.b.relative", "old"]
    )  # fmt: skip


def test_relative_imports_in_a_package_begin_at_the_package() -> None:
    assert imports("from .x import y", "a.b", is_package=True) == ["a.b.x", "a.b.x.y"]


def test_what_only_the_type_checker_imports_does_not_run() -> None:
    text = (
        "if TYPE_CHECKING:\n    import heavy\nelse:\n    import light\nif typing.TYPE_CHECKING:\n    import heavier\n"
    )
    assert imports(text) == ["light"]


def test_every_module_of_the_project_can_be_read() -> None:
    for path in Path(__file__).parents[2].glob("runtime/*.py"):
        assert read_source(path.read_bytes(), path.stem, False).digest.startswith("ast:")


@pytest.mark.skipif(sys.version_info < (3, 12), reason="type parameters came with Python 3.12")
def test_newer_syntax_counts() -> None:
    assert digest("def f[T](x: T): ...") != digest("def f(x: T): ...")


def test_the_digest_is_the_same_on_every_python() -> None:
    """Pinned: it is part of every key."""
    text = (
        "from a import b\n@deco(1, k=2.5)\nclass A(B, metaclass=M):\n    x: int = -1\n    async def f(self, *a, y=b'z', **k):\n"
        "        async with q as r:\n            yield {**a, 'é': [i for i in r if i], 1j: ...}\n        match k:\n"
        "            case {'a': [1, *_]}: return f'{x!r:>{w}} {y}'\n        lambda: (yield)\n"
    )
    assert digest(text) == "ast:259411ff28e2b76b964d8472a5ef4f70dd921679870d4ceafc61954ea7dbb0dc"
