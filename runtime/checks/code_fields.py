"""Fields of code (Python, TypeScript, Rust) that no type of the conversation has, and types whose fields nobody gave.

    # cannot: Sofa has no field weight
    // cannot: it has no keys

A type is read where it is a class with annotated names, an interface or a struct; a document where it is JSON. Told is a field
that was asked for and is not there, and a type none of whose fields stands in the conversation. Doubted is any other field
that stands nowhere, and code without something that the question names.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from runtime.checks.finding import Finding
from runtime.checks.left_out import left_out
from runtime.checks.words import parts, spelled, stem

MARKS = ("# cannot:", "// cannot:")
MOST_DOCUMENTS = 20  # brackets at which a document is looked for

_CLASS = re.compile(r"^class[ \t]++(\w++)[^\n:]*+:[^\n]*+\n((?:[ \t]++[^\n]++\n?+)++)", re.MULTILINE)
_BRACED = re.compile(
    r"\b(?:interface|struct)\s++(\w++)(?:<[^<>{}\n]*+>)?(?:\s++extends\s[^{};\n]*+)?\s*+\{([^{}]*+)\}"
    r"|\btype\s++(\w++)\s*+=\s*+\{([^{}]*+)\}"
)
_FIELD = re.compile(r"^[ \t]*+(?:(?:pub|readonly)[ \t]++)?(?:r#)?(\w++)\??[ \t]*+:(?!:)", re.MULTILINE)
_TEXT = re.compile(r"'(?:[^'\\\n]|\\.)*+'|\"(?:[^\"\\\n]|\\.)*+\"|`(?:[^`\\]|\\.)*+`")
_IMPORT = re.compile(r"^[ \t]*+(?:from|import|use)\b[^\n]*+", re.MULTILINE)
_BRACKET = re.compile(r"[\[{]")
_AROUND = re.compile(r"^[ \t]*+(?:@|#\[|from |import |use )[^\n]*+", re.MULTILINE)
_USED = re.compile(r"(?<=[\w)\]?])\.([^\W\d]\w*+)(?!\s*+[(!]|::)")
_PYTHON = re.compile(r"^(?:(?:async )?def |class \w++.*:[ \t]*+$|from |@\w++)", re.MULTILINE)
_CALLED = re.compile(
    r"(?<![\w.])[a-z]++(?:_[a-z]++)++(?!\w)|(?<![\w.])[a-z]++(?:[A-Z][a-z]++)++(?!\w)"
)  # what no word is
_OF_LISTS = frozenset({"length", "size"})
_NOTHING = re.compile(r"^[ \t]*+(?:null|\[\s*+\]|\"[^\"\n]*+\"|-?\d[\d.]*+|true|false)[ \t]*+$", re.MULTILINE)


def look(told: Sequence[str], answer: str) -> Finding | None:
    """What is not there; None where all is."""
    asked = "\n".join(told)
    given, made = types(asked), types(answer)
    mark = MARKS[0] if _PYTHON.search(answer) else MARKS[1]
    documents, question = _documents(_beside(told[-1]))
    fields = [name for names in made.values() for name in names]
    strange = [name for name in fields if not _stands(name, asked)]
    if strange and len(strange) == len(fields) and not given:
        said = "it has no keys" if documents or _NOTHING.search(asked) else "no fields are given"
        return Finding(f"{mark} {said}", doubt=False)
    known = [name for names in given.values() for name in names]
    words = set(re.findall(r"\w++", answer))
    doubt = (
        bool(strange)
        or not words.issuperset(_CALLED.findall(question))
        or not {spelled(key) for key in _keys(documents)} - {()} <= {spelled(word) for word in words}
        or left_out(question, answer, known, words)
    )
    for name in _used(answer) if known else ():
        if name not in known and name not in fields:
            if _stands(name, question):
                return Finding(f"{mark} {_owner(given, answer)} has no field {name}", doubt=doubt)
            doubt = True
    return Finding() if doubt else None


def types(text: str) -> dict[str, list[str]]:
    """The types that a text defines, with their fields."""
    found = {name: _FIELD.findall(body) for name, body in _CLASS.findall(text)}
    for name, body, other, fields in _BRACED.findall(text):
        lines = re.sub(r"[,;]", "\n", body or fields)
        found[name or other] = _FIELD.findall(lines)
    return {name: fields for name, fields in found.items() if fields}


def _beside(text: str) -> str:
    """What a text says beside its types."""
    return _AROUND.sub("", _BRACED.sub("\n", _CLASS.sub("\n", text)))


def _documents(text: str) -> tuple[list[Any], str]:
    """The JSON documents of a text, and the text without them."""
    found, kept, at, reader = [], [], 0, json.JSONDecoder()
    for _ in range(MOST_DOCUMENTS):
        bracket = _BRACKET.search(text, at)
        if bracket is None:
            break
        kept.append(text[at : bracket.end()])
        try:
            document, at = reader.raw_decode(text, bracket.start())
            found.append(document)
        except (ValueError, RecursionError):
            at = bracket.end()
    return found, "".join([*kept, text[at:]])


def _keys(documents: Sequence[Any]) -> Iterator[str]:
    """The keys of documents, and of what is within."""
    left = [*documents]
    while left:
        one = left.pop()
        if isinstance(one, dict):
            yield from one
            left += one.values()
        elif isinstance(one, list):
            left += one


def _stands(name: str, text: str) -> bool:
    """Whether a text has the words of a name, one behind the other."""
    words = " ".join(stem(word) for word in parts(text))
    return f" {' '.join(spelled(name))} " in f" {words} "


def _used(code: str) -> list[str]:
    """Fields that code reads of something."""
    return [name for name in _USED.findall(_TEXT.sub("''", _IMPORT.sub("", code))) if name not in _OF_LISTS]


def _owner(given: Mapping[str, Sequence[str]], code: str) -> str:
    """The type that code is about: the first that it names."""
    places = {name: match.start() for name in given if (match := re.search(rf"\b{name}\b", code))}
    return min(places, key=places.__getitem__, default=next(iter(given)))
