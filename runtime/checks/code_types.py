"""Types that code defines (Python, TypeScript, Rust), with their fields."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from operator import itemgetter

AROUND = 1_000  # characters before a type in which its attributes are looked for

IMPORT = re.compile(r"^[ \t]*+(?:from|import|use)\b[^\n]*+", re.MULTILINE)
_CLASS = re.compile(r"^class[ \t]++(\w++)[^\n:]*+:[^\n]*+\n((?:[ \t]++[^\n]++\n?+)++)", re.MULTILINE)
_BRACED = re.compile(
    r"\b(?:interface|struct)\s++(\w++)(?:<[^<>{}\n]*+>)?(?:\s++extends\s[^{};\n]*+)?\s*+\{([^{}]*+)\}"
    r"|\btype\s++(\w++)\s*+=\s*+\{([^{}]*+)\}"
)
_FIELD = re.compile(r"^[ \t]*+(?:(?:pub|readonly)[ \t]++)?(?:r#)?(\w++)(\??)[ \t]*+:(?!:)([^\n]++)", re.MULTILINE)
_AROUND = re.compile(r"^[ \t]*+(?:@|#\[)[^\n]*+", re.MULTILINE)
_RENAMES = re.compile(r"\brename(?:_all)? = \"")
_LINE_END = re.compile(r"[,;]")
_MISSING = re.compile(r"^\?|= None\b|= field\(default=None\)|\bNotRequired\[")
_NULL = re.compile(r"\| (?:None|null|undefined)\b|\bOptional\[")
_EITHER = re.compile(r"\bOption<")
_MANY = re.compile(r"\b(?:list|List|Sequence)\[|\[\]|\b(?:Array|ReadonlyArray|Vec)<|^&?\[")
_KINDS: Mapping[type, re.Pattern[str]] = {
    bool: re.compile(r"\b(?:bool|boolean)\b"),
    str: re.compile(r"\b(?:str|string|String)\b"),
    int: re.compile(r"\b(?:int|number|bigint|[iu](?:8|16|32|64|128|size))\b"),
    float: re.compile(r"\b(?:float|number|f32|f64|Decimal)\b"),
}


@dataclass(frozen=True)
class Field:
    """`said`: what stands behind its name, the `?` that TypeScript has in front of the colon first."""

    name: str
    said: str

    @property
    def may_miss(self) -> bool:
        return bool(_MISSING.search(self.said))

    @property
    def may_be_null(self) -> bool:
        return bool(_NULL.search(self.said))

    @property
    def may_lack(self) -> bool:
        """Whether it may be without a value, in whatever way."""
        return self.may_miss or self.may_be_null or self.either

    @property
    def either(self) -> bool:
        """Whether a value that is missing and one that is null are the same, as in Rust."""
        return bool(_EITHER.search(self.said))

    @property
    def many(self) -> bool:
        return bool(_MANY.search(self.said))

    @property
    def kinds(self) -> set[type]:
        """What its values, or each of many, may be: texts, truths, numbers; nothing where it is of another type."""
        return {kind for kind, names in _KINDS.items() if names.search(self.said)}


@dataclass(frozen=True)
class Type:
    """`renames`: its keys are spelled otherwise than its fields, as serde is told by an attribute."""

    name: str
    fields: tuple[Field, ...]
    renames: bool = False

    @property
    def names(self) -> list[str]:
        return [field.name for field in self.fields]


def types(text: str) -> list[Type]:
    """The types with fields that a text defines: classes with annotated names, interfaces, structs."""
    found = [(match.start(), Type(match[1], tuple(_fields(match[2])))) for match in _CLASS.finditer(text)]
    for match in _BRACED.finditer(text):
        name, body = (match[1], match[2]) if match[1] else (match[3], match[4])
        around = text[max(0, match.start() - AROUND) : match.start()].rpartition("}")[2]
        renames = bool(_RENAMES.search(around) or _RENAMES.search(body))
        found.append((match.start(), Type(name, tuple(_fields(_LINE_END.sub("\n", body))), renames)))
    return [one for _, one in sorted(found, key=itemgetter(0)) if one.fields]


def beside(text: str) -> str:
    """What a text says beside its types, their decorators and imports."""
    return IMPORT.sub("", _AROUND.sub("", _BRACED.sub("\n", _CLASS.sub("\n", text))))


def _fields(body: str) -> Iterator[Field]:
    return (Field(name, mark + said.strip()) for name, mark, said in _FIELD.findall(body) if said.strip())
