"""Fields of code (Python, TypeScript, Rust) that no type of the conversation has, and types whose fields nobody gave.

    # cannot: Sofa has no field weight
    // cannot: it has no keys

Told is a field that was asked for and is not there, and a type none of whose fields stands in the conversation. Doubted is
code with a name that stands nowhere, and code without something that the question names or a document has.
"""

import re
from collections.abc import Sequence
from typing import Any

from runtime.checks.code_done import does
from runtime.checks.code_fit import fits
from runtime.checks.code_names import unknown
from runtime.checks.code_told import tells
from runtime.checks.code_types import IMPORT, Type, beside, types
from runtime.checks.finding import Finding
from runtime.checks.json_documents import documents, holding, objects
from runtime.checks.left_out import left_out
from runtime.checks.words import running, spelled

MARKS = ("# cannot:", "// cannot:")

_PYTHON = re.compile(r"^(?:(?:async )?def |class \w++.*:[ \t]*+$|from |@\w++)", re.MULTILINE)
_TEXT = re.compile(r"'(?:[^'\\\n]|\\.)*+'|\"(?:[^\"\\\n]|\\.)*+\"|`(?:[^`\\]|\\.)*+`")
_WORD = re.compile(r"\w++")
_USED = re.compile(r"(?<=[\w)\]?])\.([^\W\d]\w*+)(?!\s*+\(|!|::)")
_CALLED = re.compile(r"(?<![\w.])(?:[a-z]++(?:_[a-z]++)++|[a-z]++(?:[A-Z][a-z]++)++)(?!\w)")  # what is no word
_RUST = re.compile(r"^(?:pub )?(?:struct|fn|enum) |^#\[|^use ", re.MULTILINE)
_HUMP, _LINE = re.compile(r"[a-z\d][A-Z]"), re.compile(r"(?<=\w)_(?=\w)")  # how other languages write a name
_CALLS = r"\b(?:called|named|name|name of|class|dataclass|interface|struct|type|TypedDict)\s+[`'\"]?"
_NOTHING = re.compile(
    r"^[ \t]*+(?:null|\{\s*+\}|\[\s*+(?:\{\s*+\}\s*+)?\]|\"[^\"\n]*+\"|-?\d[\d.]*+|true|false)[ \t]*+$", re.MULTILINE
)
_NO_FIELDS = frozenset({"field", "fields"})
_OF_LISTS = frozenset({"length", "size"})


def look(told: Sequence[str], answer: str) -> Finding | None:
    """What is not there; None where all is."""
    asked = "\n".join(told)
    given, made = types(asked), types(answer)
    found, question = documents(beside(told[-1]))
    python, bare = bool(_PYTHON.search(answer)), _TEXT.sub("''", IMPORT.sub("", answer))
    mark = MARKS[0] if python else MARKS[1]
    known, fields, whole = _fields(given), _fields(made), running(asked)
    # "A dataclass for a rope" gives no field rope.
    heard = _without(whole, made[0].name) if len(made) == 1 and not found else whole
    strange = [name for name in fields if not _in(heard, name) or name in _NO_FIELDS]
    empty = _NOTHING.search(asked) is not None and not any(objects(found))
    if fields and (empty or len(strange) == len(fields)) and not given:
        said = "it has no keys" if found or empty else "no fields are given"
        return Finding(f"{mark} {said}", doubt=False)
    words = set(_WORD.findall(answer))
    doubt = (
        bool(strange)
        or not _well_named(made, asked, whole, _HUMP if python or _RUST.search(answer) else _LINE)
        or not _holds(found, made, words)
        or not all(_is_said(name, words) for name in _CALLED.findall(question))
        or left_out(question, answer, known, words)
        or not does(question, answer, given)
        or (len(made) == 1 and not found and not given and not tells(question, made[0].fields))
        or unknown(answer, bare, asked, [one.name for one in (*given, *made)], python=python)
    )
    there, wanted = {*known, *fields, *_OF_LISTS}, running(question)
    kinds = {spelled(one.name) for one in given}
    for name in _USED.findall(bare) if given else ():
        if name not in there:
            if _in(wanted, name) and spelled(name) not in kinds:
                return Finding(f"{mark} {_owner(given, answer)} has no field {name}", doubt=doubt)
            doubt = True
    return Finding() if doubt else None


def _fields(known: Sequence[Type]) -> list[str]:
    return [name for one in known for name in one.names]


def _well_named(made: Sequence[Type], asked: str, whole: str, odd: re.Pattern[str]) -> bool:
    """Whether each type is called once and by what stands there, and so are its fields, as the language writes them."""
    names, there = [one.name for one in made], {*_WORD.findall(asked)}
    return (
        len({*names}) == len(names)
        and all(_in(whole, one.name) and len({*one.names}) == len(one.fields) for one in made)
        and not any(odd.search(name) and name not in there for name in _fields(made))
        and not any(name[0].islower() and not re.search(rf"{_CALLS}{name}\b", asked) for name in names)
    )


def _holds(found: Sequence[Any], made: Sequence[Type], words: set[str]) -> bool:
    """Whether code has what documents have: types that fit them, by the names of their keys, or else the keys."""
    if made:
        called = {spelled(one.name) for one in made}
        return fits(found, made) and all(spelled(key) in called for key in holding(found))
    keys = {spelled(key) for one in objects(found) for key in one} - {()}
    return keys <= {spelled(word) for word in words}


def _is_said(name: str, words: set[str]) -> bool:
    """Whether code has a name, or what it was before a lost bracket made it one with another."""
    return name in words or any(name[:at] in words and name[at:] in words for at in range(2, len(name) - 1))


def _without(words: str, name: str) -> str:
    return words.replace(running(name), " . ")


def _in(words: str, name: str) -> bool:
    return running(name) in words


def _owner(given: Sequence[Type], code: str) -> str:
    """The type that code is about: the first that it names."""
    places = {one.name: match.start() for one in given if (match := re.search(rf"\b{one.name}\b", code))}
    return min(places, key=places.__getitem__, default=given[0].name)
