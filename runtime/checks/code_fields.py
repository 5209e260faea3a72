"""Fields of code (Python, TypeScript, Rust) that no type of the conversation has, and types whose fields nobody gave.

    # cannot: Sofa has no field weight
    // cannot: it has no keys

Told is a field that was asked for and is not there, and a type none of whose fields stands in the conversation. Doubted is
code with a name that stands nowhere, and code without something that the question names or a document has.
"""

import ast
import builtins
import re
from collections.abc import Collection, Iterable, Sequence

from runtime.checks.code_types import IMPORT, Types, beside, documents, lacking, objects, types, within
from runtime.checks.finding import Finding
from runtime.checks.left_out import left_out
from runtime.checks.words import parts, spelled, stem

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
    mark = MARKS[0] if _PYTHON.search(answer) else MARKS[1]
    strange = _strange(made, asked, alone=len(made) == 1 and not found)
    if strange and len(strange) == len(_fields(made)) and not given:
        said = "it has no keys" if found or _NOTHING.search(asked) else "no fields are given"
        return Finding(f"{mark} {said}", doubt=False)
    words, whole = set(_WORD.findall(answer)), _running(asked)
    keys = {spelled(key) for one in objects(found) for key in one} - {()}
    optional = len(re.findall(r"\boptional\b", question.lower())) + lacking(found)
    doubt = (
        bool(strange)
        or any(not _in(whole, name) or len({*fields}) < len(fields) for name, fields in made.items())
        or not keys <= {spelled(word) for word in words}
        or not words.issuperset(_CALLED.findall(question))
        or left_out(question, answer, _fields(given), words)
        or (bool(made) and not within(found) <= {spelled(name) for name in made})
        or (bool(made) and len(_OPTIONAL.findall(answer)) < optional)
        or bool(_nowhere(answer, {*_NAME.findall(asked), *given}))
    )
    there, wanted = {*_fields(given), *_fields(made)}, _running(question)
    for name in _used(answer) if given else ():
        if name not in there:
            if _in(wanted, name):
                return Finding(f"{mark} {_owner(given, answer)} has no field {name}", doubt=doubt)
            doubt = True
    return Finding() if doubt else None


def _fields(known: Types) -> list[str]:
    return [name for names in known.values() for name in names]


def _strange(made: Types, asked: str, *, alone: bool) -> list[str]:
    """Fields that stand nowhere. `alone`: the type's own name names no field: "a dataclass for a rope"."""
    words = _running(asked, but=made if alone else ())
    return [name for name in _fields(made) if not _in(words, name) or name in _NO_FIELDS]


def _nowhere(code: str, known: Collection[str]) -> set[str]:
    """Names that code uses, and that neither it nor the conversation has."""
    imported = {name for line in IMPORT.findall(code) for name in _WORD.findall(line)}
    names = {*_NAME.findall(_TEXT.sub("''", IMPORT.sub("", code)))}
    bound = {*types(code), *known, *imported, *_GIVEN}
    if _PYTHON.search(code):
        read, own = _python(code)
        names, bound = names | read, bound | own | {*dir(builtins)}
    return names - bound


def _python(code: str) -> tuple[set[str], set[str]]:
    """The names that Python code reads, and those that it binds."""
    try:
        # A number that letters follow is no error to Python, and a line on its error output.
        nodes = list(ast.walk(ast.parse(code))) if len(code) <= LONGEST and not _GLUED.search(code) else []
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set(), set()
    names = [node for node in nodes if isinstance(node, ast.Name)]
    bound = {node.id for node in names if not isinstance(node.ctx, ast.Load)}
    bound |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    bound |= {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    return {node.id for node in names}, bound


def _running(text: str, but: Iterable[str] = ()) -> str:
    """The words of a text, one behind the other, without those other names."""
    words = f" {' '.join(stem(word) for word in parts(text))} "
    for name in but:
        words = words.replace(f" {' '.join(spelled(name))} ", " . ")
    return words


def _in(words: str, name: str) -> bool:
    return f" {' '.join(spelled(name))} " in words


def _used(code: str) -> list[str]:
    """Fields that code reads of something."""
    return [name for name in _USED.findall(_TEXT.sub("''", IMPORT.sub("", code))) if name not in _OF_LISTS]


def _owner(given: Types, code: str) -> str:
    """The type that code is about: the first that it names."""
    places = {name: match.start() for name in given if (match := re.search(rf"\b{name}\b", code))}
    return min(places, key=places.__getitem__, default=next(iter(given)))
