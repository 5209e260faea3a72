"""Tables and columns of a query that no CREATE TABLE of the conversation has.

    -- cannot: films has no column weight

It knows SELECT with joins, subqueries, common tables and aliases. What it is not sure of it lets pass: names from a
subquery's own list, functions, types, words that SQL keeps for itself.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate

from runtime.checks.compared import queries
from runtime.checks.finding import Finding, Missing
from runtime.checks.left_out import left_out

MARK = "-- cannot:"
DEEPEST = 100  # brackets in brackets; what is deeper is not read

_CREATE = re.compile(
    r"\bCREATE\s++(?:(?:GLOBAL|LOCAL|TEMP|TEMPORARY|UNLOGGED)\s++)*+TABLE\s++(?:IF\s++NOT\s++EXISTS\s++)?",
    re.IGNORECASE,
)
_TOKEN = re.compile(
    r"""(?P<skip>\s+|--[^\n]*|/\*.{0,4000}?\*/)
    |(?P<text>'(?:[^']|'')*+(?:'|\Z)|\$\$.{0,4000}?\$\$)
    |(?P<name>"(?:[^"]|"")++(?:"|\Z)|`[^`]+(?:`|\Z)|[^\W\d]\w*)
    |(?P<number>\d[\w.]*)
    |(?P<sign>::|.)""",
    re.VERBOSE | re.DOTALL,
)
_REMARK = re.compile(r"(?<![^\s;])--.*$", re.MULTILINE)
_BARE = re.compile(r"[a-z_][a-z0-9_]*")
_CONSTRAINTS = frozenset(
    {
        *("primary", "foreign", "unique", "check", "constraint", "key", "exclude", "index", "like", "period"),
    }
)
_KEPT = frozenset(
    {
        *("all", "and", "any", "array", "as", "asc", "at", "between", "both", "by", "case", "cast", "collate"),
        *("cross", "current", "current_date", "current_time", "current_timestamp", "current_user", "default", "desc"),
        *("distinct", "else", "end", "escape", "except", "exists", "false", "fetch", "filter", "first", "following"),
        *("for", "from", "full", "group", "having", "ilike", "in", "inner", "intersect", "interval", "into", "is"),
        *("isnull", "join", "last", "lateral", "leading", "left", "like", "limit", "localtime", "localtimestamp"),
        *("natural", "next", "no", "not", "notnull", "null", "nulls", "of", "offset", "on", "only", "or", "order"),
        *("outer", "over", "partition", "preceding", "range", "recursive", "right", "row", "rows", "select", "set"),
        *("similar", "some", "symmetric", "table", "tablesample", "then", "time", "to", "trailing", "true"),
        *("unbounded", "union", "unique", "using", "values", "when", "where", "window", "with", "within", "without"),
        *("xor", "zone"),
    }
)
_OF_EVERY_TABLE = frozenset({"rowid", "oid", "ctid"})
_ENDS_FROM = frozenset(
    {
        *("where", "group", "having", "order", "limit", "offset", "fetch", "union", "intersect", "except", "window"),
        *("for", "on", "using"),
    }
)


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str

    @property
    def word(self) -> str:
        """A name as it is compared: capitals do not count, quotes neither."""
        return self.text.strip('"`').casefold() if self.kind == "name" else self.text

    @property
    def spelled(self) -> tuple[str, ...]:
        """A name as a query may write it: small, or in double quotes; both where they mean the same."""
        if self.text[0] not in '"`':
            return self.text.lower(), f'"{self.text.lower()}"'
        bare = self.text[1:-1]
        return (bare, f'"{bare}"') if _BARE.fullmatch(bare) and bare not in _KEPT else (f'"{bare}"',)

    @property
    def kept(self) -> bool:
        return self.kind == "name" and self.text[0] not in '"`' and self.word in _KEPT


@dataclass
class _Scope:
    """One SELECT: what it reads from, by the name it is called by there; None for what has columns of its own making."""

    above: "_Scope | None"
    sources: dict[str, str | None] = field(default_factory=dict)

    def chain(self) -> "Iterator[_Scope]":
        scope: _Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.above


@dataclass(frozen=True)
class _Use:
    """A name that should be a column's."""

    scope: _Scope
    qualifier: str | None
    name: str


def look(told: Sequence[str], answer: str) -> Finding | None:
    """What is not there; None where all is, or where there is no schema. Doubted is a column that another table has, and a
    query without something that the question names."""
    tables = schema("\n".join(told))
    if not tables:
        return None
    known = [*tables, *(column for columns in tables.values() for column in columns)]
    tokens = list(_tokens(answer))
    used = [token.word for token in tokens if token.kind == "name"]
    question = beside(told[-1])
    doubt = left_out(question, answer, known, used) or not queries(question, answer)
    for said, name in _missing(tables, tokens):
        return Finding(f"{MARK} {said}", doubt=doubt or name in known)
    return Finding() if doubt else None


def schema(text: str) -> Mapping[str, frozenset[str]]:
    """The tables that a text creates, with their columns, as they are compared."""
    return {table.word: frozenset(column.word for column in columns) for table, columns in _created(text)}


def names(text: str) -> tuple[list[str], list[str]]:
    """The tables that a text creates, and their columns, as a query may write them."""
    made = _created(text)
    tables = [spelled for table, _ in made for spelled in table.spelled]
    return tables, [spelled for _, columns in made for column in columns for spelled in column.spelled]


@lru_cache(maxsize=16)
def _created(text: str) -> Sequence[tuple[_Token, list[_Token]]]:
    """Read once for all that look at one conversation."""
    made = []
    for match in _CREATE.finditer(text):
        tokens = _tokens(text, match.end())
        name = _name(tokens)
        columns = list(_columns(tokens)) if name else []
        if name and columns:
            made.append((name, columns))
    return made


def _name(tokens: Iterator[_Token]) -> _Token | None:
    """The last of names with dots between, if a bracket is next."""
    name = None
    for token in tokens:
        if token.text == "(":
            return name
        if token.text == "." and name:
            name = None
        elif token.kind == "name" and not name:
            name = token
        else:
            return None
    return None


def _columns(tokens: Iterator[_Token]) -> Iterator[_Token]:
    """The first name of each entry of a list in brackets."""
    depth, first = 1, True
    for token in tokens:
        if token.word == "create":
            return  # the list has no end, and another table begins
        if token.text == "(":
            depth += 1
        elif token.text == ")":
            depth -= 1
            if not depth:
                return
        elif token.text == "," and depth == 1:
            first = True
            continue
        if first and token.kind == "name" and (token.text[0] in '"`' or token.word not in _CONSTRAINTS):
            yield token
        first = False


def beside(text: str) -> str:
    """What a text says beside creating tables, and remarks."""
    kept, at = [], 0
    for match in _CREATE.finditer(text):
        if match.start() >= at:
            kept.append(text[at : match.start()])
            at = _end(text, match.end())
    return _REMARK.sub("", "\n".join([*kept, text[at:]]))


def _end(text: str, start: int) -> int:
    """Where the list in brackets ends that begins behind `start`, or another table is created before."""
    depth = 0
    for match in _TOKEN.finditer(text, start):
        depth += (match.group() == "(") - (match.group() == ")")
        if match.group() == ")" and depth <= 0:
            return match.end()
        if match.lastgroup == "name" and match.group().lower() == "create":
            return match.start()
    return len(text)


def _tokens(text: str, start: int = 0) -> Iterator[_Token]:
    for match in _TOKEN.finditer(text, start):
        if match.lastgroup != "skip":
            yield _Token(str(match.lastgroup), match.group())


def _missing(tables: Mapping[str, frozenset[str]], tokens: Sequence[_Token]) -> Iterator[Missing]:
    """What the query names and is not there, in its order: tables first, as columns are looked for in them."""
    if _depth(tokens) > DEEPEST:
        return
    query = _Query(tokens)
    for name in query.tables:
        if name not in tables and name not in query.made:
            yield f"there is no table {name}", name
    for use in query.uses:
        if use.qualifier is None:
            yield from _bare(tables, use, query.aliases)
        else:
            yield from _qualified(tables, use)


def _depth(tokens: Sequence[_Token]) -> int:
    """How deep brackets stand in each other."""
    return max(accumulate((token.text == "(") - (token.text == ")") for token in tokens), default=0)


def _bare(tables: Mapping[str, frozenset[str]], use: _Use, aliases: set[str]) -> Iterator[Missing]:
    read = [source for scope in use.scope.chain() for source in scope.sources.values()]
    known = [tables.get(source) if source else None for source in read]
    if (
        use.name in aliases
        or use.name in _OF_EVERY_TABLE
        or not read
        or any(columns is None or use.name in columns for columns in known)
    ):
        return
    yield f"{read[0]} has no column {use.name}", use.name


def _qualified(tables: Mapping[str, frozenset[str]], use: _Use) -> Iterator[Missing]:
    for scope in use.scope.chain():
        if use.qualifier in scope.sources:
            table = scope.sources[use.qualifier]
            if table is not None and table in tables and use.name not in tables[table]:
                yield f"{table} has no column {use.name}", use.name
            return
    if use.qualifier is not None and use.qualifier not in tables:
        yield f"there is no table {use.qualifier}", use.qualifier


class _Query:
    """The names of a query, read once from left to right."""

    def __init__(self, tokens: Sequence[_Token]) -> None:
        self.tokens = tokens
        self.tables: list[str] = []  # that it reads from
        self.made: set[str] = set()  # common tables: what WITH names
        self.aliases: set[str] = set()
        self.uses: list[_Use] = []
        for at, token in enumerate(tokens):  # an alias may be used before it is given
            if token.kind == "name" and (self._word(at - 1) == "as" or (self._name(at) and self._ends_value(at - 1))):
                self.aliases.add(token.word)
            if token.kind == "name" and not token.kept and self._is_query(self._past_columns(at + 1)):
                self.made.add(token.word)
        self._read(0, _Scope(None))

    def _is_query(self, at: int) -> bool:
        return self._word(at) == "as" and self._text(at + 1) == "("

    def _past_columns(self, at: int) -> int:
        """Behind the columns in brackets that WITH may name."""
        if self._text(at) == "(" and self._name(at + 1):
            while self._name(at + 1) and self._text(at + 2) in (",", ")"):
                at += 2
            return at + 1 if self._text(at) == ")" else at
        return at

    def _text(self, at: int) -> str:
        return self.tokens[at].text if 0 <= at < len(self.tokens) else ""

    def _word(self, at: int) -> str:
        """A word that SQL keeps for itself; empty for anything else."""
        return self.tokens[at].word if 0 <= at < len(self.tokens) and self.tokens[at].kept else ""

    def _name(self, at: int) -> bool:
        return 0 <= at < len(self.tokens) and self.tokens[at].kind == "name" and not self.tokens[at].kept

    def _read(self, at: int, scope: _Scope, inner: bool = False) -> int:
        """Read one SELECT, or what stands in brackets inside of one, up to the bracket that ends it."""
        reading = False  # between FROM and what ends it
        while at < len(self.tokens):
            word, text = self._word(at), self._text(at)
            if text == ")":
                return at + 1
            if text == "(":
                at = self._bracket(at, scope, reading)
            elif word in ("from", "join") and not inner:
                reading, at = True, self._source(at + 1, scope)
            elif text == "," and reading:
                at = self._source(at + 1, scope)
            elif word in ("union", "intersect", "except"):
                scope, reading, at = _Scope(scope.above), False, at + 1
            elif word in _ENDS_FROM:
                reading, at = False, at + 1
            elif self._name(at):
                at = self._use(at, scope, inner)
            else:
                at += 1
        return at

    def _bracket(self, at: int, scope: _Scope, reading: bool) -> int:
        if self._word(at + 1) in ("select", "with"):
            return self._read(at + 1, _Scope(scope))
        return self._read(at + 1, scope, inner=not reading)

    def _source(self, at: int, scope: _Scope) -> int:
        """A table, a subquery or a function to read from, with what it is called."""
        while self._word(at) in ("lateral", "only"):
            at += 1
        table: str | None = None
        if self._text(at) == "(":
            if self._word(at + 1) not in ("select", "with", "values"):
                return self._source(at + 1, scope)  # brackets around a join
            at = self._bracket(at, scope, reading=False)
        elif self._name(at):
            while self._text(at + 1) == "." and self._name(at + 2):
                at += 2
            table = self.tokens[at].word
            at += 1
            if self._text(at) == "(":
                table, at = None, self._bracket(at, scope, reading=False)
            else:
                self.tables.append(table)
        called = table
        if self._word(at) == "as":
            at += 1
        if self._name(at):
            called, at = self.tokens[at].word, at + 1
        if called is not None:
            scope.sources[called] = None if table in self.made else table
        elif table is None:
            scope.sources[""] = None
        return at

    def _use(self, at: int, scope: _Scope, inner: bool) -> int:
        """A name in an expression: a column, unless it is a function, a type or an alias."""
        token, after = self.tokens[at], self._text(at + 1)
        if after == "." and (self._name(at + 2) or self._text(at + 2) == "*"):
            while self._text(at + 3) == "." and self._name(at + 4):  # the schema of a table is not looked at
                at += 2
            if self._name(at + 2) and self._text(at + 3) != "(":
                self.uses.append(_Use(scope, self.tokens[at].word, self.tokens[at + 2].word))
            return at + 3
        before = self._text(at - 1)
        typed = before == "::" or (at + 1 < len(self.tokens) and self.tokens[at + 1].kind == "text")
        part = inner and self._word(at + 1) == "from"  # EXTRACT(year FROM day)
        given = self._word(at - 1) == "as" or self._ends_value(at - 1)
        if after != "(" and not typed and not part and not given and token.word not in self.made:
            self.uses.append(_Use(scope, None, token.word))
        return at + 1

    def _ends_value(self, at: int) -> bool:
        """Whether a value ends here, so that a name behind it is an alias without AS."""
        return at >= 0 and (self._text(at) == ")" or self._name(at) or self.tokens[at].kind in ("text", "number"))
