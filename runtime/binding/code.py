"""Names for code: what the words of a conversation and the keys of its documents are called, in the style of a language.

A name that stands there as an identifier stays as it is: `shelf_number`, `unitPrice`, `HTTPServer`.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from runtime.binding.asked import runs
from runtime.checks.json_documents import documents, holding, objects
from runtime.checks.words import camel, parts, pascal, stem
from runtime.engine.gbnf_narrowed import Said

_IDENTIFIER = re.compile(r"[^\W\d]\w*+")
_NO_WORD = re.compile(r"_|\d|.[A-Z]")  # what tells an identifier from a word


def snake_names(told: Sequence[str]) -> Said:
    """Names of values as Python and Rust write them."""
    return _values(told, "_".join)


def camel_names(told: Sequence[str]) -> Said:
    """Names of values as TypeScript writes them."""
    return _values(told, camel)


def pascal_names(told: Sequence[str]) -> Said:
    """Names of types. A key of a document names the type of the object that it holds, or of those."""
    found, asked = documents("\n".join(told))
    names = [*_identifiers(asked, lambda name: name[0].isupper()), *map(pascal, runs(asked)), *_held(found)]
    return Said(tuple(dict.fromkeys(names)))


def pascal_first(told: Sequence[str]) -> Said:
    """The same for the type that comes first, which is that of an object within a document where there is one."""
    names = tuple(dict.fromkeys(_held(documents("\n".join(told))[0])))
    return Said(names) if names else pascal_names(told)


def _held(found: Sequence[Any]) -> Iterator[str]:
    """Each of `engineers` is an `Engineer`."""
    for key in sorted(holding(found)):
        if words := parts(key):
            yield pascal([*words[:-1], stem(words[-1])])
            yield pascal(words)


def _values(told: Sequence[str], style: Callable[[Sequence[str]], str]) -> Said:
    found, asked = documents("\n".join(told))
    keys = [key for one in objects(found) for key in one]
    names = [*keys, *_identifiers(asked, _NO_WORD.search), *map(style, runs(asked))]
    return Said(tuple(dict.fromkeys((*names, *(style(words) for key in keys if (words := parts(key)))))))


def _identifiers(text: str, kept: Callable[[str], object]) -> Iterator[str]:
    return (name for name in _IDENTIFIER.findall(text) if kept(name))
