"""Fields of code (Python, TypeScript, Rust) that no type of the conversation has, and types whose fields nobody gave.

    # cannot: Sofa has no field weight
    // cannot: it has no keys

Told is a field that was asked for and is not there, and a type none of whose fields stands in the conversation. Doubted is
code with a name that stands nowhere, and code without something that the question names or a document has.
"""

import ast
import builtins
import re
from collections.abc import Iterable, Sequence

from runtime.checks.code_types import IMPORT, Types, beside, documents, lacking, objects, types, within
from runtime.checks.finding import Finding
from runtime.checks.left_out import left_out
from runtime.checks.words import running, spelled

MARKS = ("# cannot:", "// cannot:")
LONGEST = 20_000  # letters of code whose names are looked up

_PYTHON = re.compile(r"^(?:(?:async )?def |class \w++.*:[ \t]*+$|from |@\w++)", re.MULTILINE)
_GLUED = re.compile(r"(?<!\w)\d++[^\W\d]")
_TEXT = re.compile(r"'(?:[^'\\\n]|\\.)*+'|\"(?:[^\"\\\n]|\\.)*+\"|`(?:[^`\\]|\\.)*+`")
_WORD = re.compile(r"\w++")
_NAME = re.compile(r"(?<![\w.:])[A-Z]\w*+")
_USED = re.compile(r"(?<=[\w)\]?])\.([^\W\d]\w*+)(?!\s*+\(|!|::)")
_CALLED = re.compile(r"(?<![\w.])(?:[a-z]++(?:_[a-z]++)++|[a-z]++(?:[A-Z][a-z]++)++)(?!\w)")  # what is no word
_OPTIONAL = re.compile(r"\| None\b|\bNotRequired\[|\?:|\bOption<|\bOptional\[|\| (?:undefined|null)\b")
_NOTHING = re.compile(r"^[ \t]*+(?:null|\[\s*+\]|\"[^\"\n]*+\"|-?\d[\d.]*+|true|false)[ \t]*+$", re.MULTILINE)
_GIVEN = frozenset(  # names that no code has to define
    {
        *("Array", "Boolean", "Date", "JSON", "Map", "Math", "Number", "Object", "Partial", "Promise"),
        *("Readonly", "Record", "Set", "String", "Box", "Err", "None", "Ok", "Option", "Ordering", "Result"),
        *("Self", "Some", "Vec", "Clone", "Copy", "Debug", "Default", "Deserialize", "Eq", "Hash", "Ord"),
        *("PartialEq", "PartialOrd", "Serialize", "True", "False"),
    }
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
    heard = _without(whole, made) if len(made) == 1 and not found else whole
    strange = [name for name in fields if not _in(heard, name) or name in _NO_FIELDS]
    if strange and len(strange) == len(fields) and not given:
        said = "it has no keys" if found or _NOTHING.search(asked) else "no fields are given"
        return Finding(f"{mark} {said}", doubt=False)
    words = set(_WORD.findall(answer))
    keys = {spelled(key) for one in objects(found) for key in one} - {()}
    optional = len(re.findall(r"\boptional\b", question.lower())) + lacking(found)
    doubt = (
        bool(strange)
        or any(not _in(whole, name) or len({*names}) < len(names) for name, names in made.items())
        or not keys <= {spelled(word) for word in words}
        or not words.issuperset(_CALLED.findall(question))
        or left_out(question, answer, known, words)
        or (bool(made) and not within(found) <= {spelled(name) for name in made})
        or (bool(made) and len(_OPTIONAL.findall(answer)) < optional)
        or not _names(answer, bare, python=python) <= {*_NAME.findall(asked), *given, *made, *_GIVEN}
    )
    there, wanted = {*known, *fields, *_OF_LISTS}, running(question)
    for name in _USED.findall(bare) if given else ():
        if name not in there:
            if _in(wanted, name):
                return Finding(f"{mark} {_owner(given, answer)} has no field {name}", doubt=doubt)
            doubt = True
    return Finding() if doubt else None


def _fields(known: Types) -> list[str]:
    return [name for names in known.values() for name in names]


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


def _without(words: str, names: Iterable[str]) -> str:
    for name in names:
        words = words.replace(running(name), " . ")
    return words


def _in(words: str, name: str) -> bool:
    return running(name) in words


def _owner(given: Types, code: str) -> str:
    """The type that code is about: the first that it names."""
    places = {name: match.start() for name in given if (match := re.search(rf"\b{name}\b", code))}
    return min(places, key=places.__getitem__, default=next(iter(given)))
