"""Fields of code (Python, TypeScript, Rust) that no type of the conversation has, and types whose fields nobody gave.

    # cannot: Sofa has no field weight
    // cannot: it has no keys

A type is read where it is a class with annotated names, an interface or a struct; a document where it is JSON. Told is a field
that was asked for and is not there, and a type none of whose fields stands in the conversation. Doubted is any other field
that stands nowhere, and code without something that the question names.
"""

import ast
import builtins
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
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
_USED = re.compile(r"(?<=[\w)\]?])\.([^\W\d]\w*+)(?!\s*+\(|!|::)")
_PYTHON = re.compile(r"^(?:(?:async )?def |class \w++.*:[ \t]*+$|from |@\w++)", re.MULTILINE)
_CALLED = re.compile(
    r"(?<![\w.])[a-z]++(?:_[a-z]++)++(?!\w)|(?<![\w.])[a-z]++(?:[A-Z][a-z]++)++(?!\w)"
)  # what no word is
_NAME = re.compile(r"(?<![\w.:])[A-Z]\w*+")
_OPTIONAL = re.compile(r"\| None\b|\bNotRequired\[|\?:|\bOption<|\bOptional\[|\| (?:undefined|null)\b")
_GIVEN = frozenset(  # that no code has to define
    {
        *("Array", "Date", "Map", "Number", "Object", "Partial", "Promise", "Readonly", "Record", "Set", "String"),
        *(
            "Boolean",
            "Box",
            "Err",
            "None",
            "Ok",
            "Option",
            "Ordering",
            "Result",
            "Self",
            "Some",
            "Vec",
            "True",
            "False",
        ),
        *("Clone", "Copy", "Debug", "Default", "Eq", "Hash", "Ord", "PartialEq", "PartialOrd", "Math", "JSON"),
        *("Deserialize", "Serialize"),
    }
)
_NO_FIELDS = frozenset({"field", "fields"})
_OF_LISTS = frozenset({"length", "size"})
_NOTHING = re.compile(r"^[ \t]*+(?:null|\[\s*+\]|\"[^\"\n]*+\"|-?\d[\d.]*+|true|false)[ \t]*+$", re.MULTILINE)

Types = Mapping[str, Sequence[str]]


def look(told: Sequence[str], answer: str) -> Finding | None:
    """What is not there; None where all is."""
    asked = "\n".join(told)
    given, made = types(asked), types(answer)
    mark = MARKS[0] if _PYTHON.search(answer) else MARKS[1]
    documents, question = _documents(_beside(told[-1]))
    fields = [name for names in made.values() for name in names]
    alone = made if len(made) == 1 and not documents else ()  # "a dataclass for a rope" gives no field rope
    strange = [name for name in fields if not _stands(name, asked, but=alone)]
    if strange and len(strange) == len(fields) and not given:
        said = "it has no keys" if documents or _NOTHING.search(asked) else "no fields are given"
        return Finding(f"{mark} {said}", doubt=False)
    known = [name for names in given.values() for name in names]
    words = set(re.findall(r"\w++", answer))
    doubt = (
        bool(strange)
        or _odd(asked, question, documents, answer, given, made)
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


def _stands(name: str, text: str, but: Iterable[str] = ()) -> bool:
    """Whether a text has the words of a name, one behind the other, and not only within those other names."""
    words = f" {' '.join(stem(word) for word in parts(text))} "
    for other in but:
        words = words.replace(f" {' '.join(spelled(other))} ", " . ")
    return name not in _NO_FIELDS and f" {' '.join(spelled(name))} " in words


def _odd(asked: str, question: str, documents: Sequence[Any], answer: str, given: Types, made: Types) -> bool:
    """Whether code has a type that nobody named, a field twice, names that are nowhere, or less that is optional than asked."""
    named = {*_NAME.findall(asked), *given, *made, *_GIVEN}
    return (
        any(not _stands(name, asked) or len(set(fields)) < len(fields) for name, fields in made.items())
        or (bool(made) and len(_OPTIONAL.findall(answer)) < _optional(documents, question))
        or (bool(made) and not _within(documents) <= {spelled(name) for name in made})
        or not {*_NAME.findall(_TEXT.sub("''", _IMPORT.sub("", answer)))} <= named | _imported(answer)
        or bool(_unbound(answer, named) if _PYTHON.search(answer) else ())
    )


def _optional(documents: Sequence[Any], question: str) -> int:
    """How many fields need not be there: those that are called so, and those that some objects of a list lack."""
    lists = [[each for each in one if isinstance(each, dict)] for one in documents if isinstance(one, list)]
    held = [(key, [each.get(key) for each in objects]) for objects in lists for each in objects for key in each]
    lacking = {key for key, values in held if None in values and any(value is not None for value in values)}
    return len(re.findall(r"\boptional\b", question.lower())) + len(lacking)


def _within(documents: Sequence[Any]) -> set[tuple[str, ...]]:
    """What objects within objects are called by: they are types of their own."""
    found, left = set[tuple[str, ...]](), [*documents]
    while left:
        one = left.pop()
        if isinstance(one, dict):
            inner = [(key, value[0] if isinstance(value, list) and value else value) for key, value in one.items()]
            found |= {spelled(key) for key, value in inner if isinstance(value, dict) and value}
        if isinstance(one, dict | list):
            left += one.values() if isinstance(one, dict) else one
    return found


def _imported(code: str) -> set[str]:
    return {name for line in _IMPORT.findall(code) for name in re.findall(r"\w++", line)}


def _unbound(code: str, known: Collection[str]) -> set[str]:
    """Names that Python code reads and nothing binds."""
    try:
        nodes = list(ast.walk(ast.parse(code)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    names = [node for node in nodes if isinstance(node, ast.Name)]
    bound = {node.id for node in names if not isinstance(node.ctx, ast.Load)}
    bound |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    bound |= {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)} | _imported(code)
    return {node.id for node in names} - bound - {*known} - {*dir(builtins)}


def _used(code: str) -> list[str]:
    """Fields that code reads of something."""
    return [name for name in _USED.findall(_TEXT.sub("''", _IMPORT.sub("", code))) if name not in _OF_LISTS]


def _owner(given: Types, code: str) -> str:
    """The type that code is about: the first that it names."""
    places = {name: match.start() for name in given if (match := re.search(rf"\b{name}\b", code))}
    return min(places, key=places.__getitem__, default=next(iter(given)))
