"""GBNF, as llama.cpp defines it, into the grammar language of llguidance.

Every terminal of the result is a single character. llguidance splits text into terminals greedily, so a literal beside
a character class would shadow it ("abc" beside [a-z]+ loses "abx"); between single characters there is nothing to be
greedy about, and the result accepts what the GBNF says, no more and no less. The price is a slower mask.

Left recursion, missing rules, deep nesting and explosive repetition are refused here, within `MOST_SECONDS`.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from runtime.engine.errors import GrammarRefused

LONGEST_TEXT = 1 << 20
DEEPEST_NESTING = 100
MOST_REPETITIONS = 2000  # of one symbol, as in llama.cpp
MOST_SYMBOLS = 100_000  # with every repetition written out
MOST_SECONDS = 2.0

_ESCAPES = {"t": "\t", "r": "\r", "n": "\n", "\\": "\\", '"': '"', "[": "[", "]": "]"}
_HEX_ESCAPES = {"x": 2, "u": 4, "U": 8}


@dataclass(frozen=True)
class Characters:
    """One character out of ranges, or outside of them; no ranges and negated: any character."""

    ranges: tuple[tuple[str, str], ...]
    negated: bool = False


@dataclass(frozen=True)
class Reference:
    name: str
    line: int


@dataclass(frozen=True)
class Row:
    items: tuple["Node", ...]


@dataclass(frozen=True)
class Choice:
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Repeat:
    item: "Node"
    least: int
    most: int | None


Node = Characters | Reference | Row | Choice | Repeat


def gbnf_to_lark(text: str) -> str:
    """The grammar for llguidance; refused with the line at fault."""
    if len(text) > LONGEST_TEXT:
        raise GrammarRefused(f"the grammar is longer than {LONGEST_TEXT} characters.")
    rules = _Parser(text).rules()
    _check_references(rules)
    _check_left_recursion(rules)
    _check_size(rules)
    return _write(rules)


class _Parser:
    def __init__(self, text: str) -> None:
        self._text, self._at, self._line = text, 0, 1

    def rules(self) -> dict[str, Choice]:
        found: dict[str, Choice] = {}
        self._space(newlines=True)
        while self._peek():
            name = self._name()
            self._space(newlines=False)
            if self._text[self._at : self._at + 3] != "::=":
                raise self._refused(f"expected ::= after {name!r}")
            self._at += 3
            self._space(newlines=True)
            if name in found:
                raise self._refused(f"the rule {name!r} is defined twice")
            found[name] = self._choice(depth=0)
            if self._peek() and self._peek() not in "\r\n":
                raise self._refused(f"{self._peek()!r} is out of place")
            self._space(newlines=True)
        return found

    def _choice(self, depth: int) -> Choice:
        if depth > DEEPEST_NESTING:
            raise self._refused(f"groups are nested more than {DEEPEST_NESTING} deep")
        rows = [self._row(depth)]
        while self._peek() == "|":
            self._at += 1
            self._space(newlines=True)
            rows.append(self._row(depth))
        return Choice(tuple(rows))

    def _row(self, depth: int) -> Row:
        items: list[Node] = []
        while character := self._peek():
            if character == '"':
                item: Node = self._literal()
            elif character == "[":
                item = self._class()
            elif character == ".":
                self._at += 1
                item = Characters((), negated=True)
            elif character == "(":
                self._at += 1
                self._space(newlines=True)
                item = self._choice(depth + 1)
                if self._peek() != ")":
                    raise self._refused("expected )")
                self._at += 1
            elif _is_word(character):
                item = Reference(self._name(), self._line)
            elif character in "<!":
                raise self._refused("token terminals (<...>) are not supported")
            else:
                break
            self._space(newlines=depth > 0)
            while (mark := self._peek()) and mark in "*+?{":
                item = self._repeat(item)
                self._space(newlines=depth > 0)
            items.append(item)
        return Row(tuple(items))

    def _literal(self) -> Row:
        self._at += 1
        items = []
        while self._peek() != '"':
            character = self._character()
            items.append(Characters(((character, character),)))
        self._at += 1
        return Row(tuple(items))

    def _class(self) -> Characters:
        self._at += 1
        negated = self._peek() == "^"
        self._at += negated
        ranges = []
        while self._peek() != "]":
            low = high = self._character()
            if self._peek() == "-" and self._text[self._at + 1 : self._at + 2] != "]":
                self._at += 1
                high = self._character()
            if high < low:
                raise self._refused(f"the range {low!r} to {high!r} is backwards")
            ranges.append((low, high))
        self._at += 1
        if not ranges:
            raise self._refused("a character class is empty")
        return Characters(tuple(ranges), negated)

    def _repeat(self, item: Node) -> Repeat:
        mark = self._text[self._at]
        self._at += 1
        if mark != "{":
            least, most = {"*": (0, None), "+": (1, None), "?": (0, 1)}[mark]
            return Repeat(item, least, most)
        self._space(newlines=True)
        least = self._number()
        most = least
        self._space(newlines=True)
        if self._peek() == ",":
            self._at += 1
            self._space(newlines=True)
            most = self._number() if self._peek().isdigit() else None
            self._space(newlines=True)
        if self._peek() != "}":
            raise self._refused("expected }")
        self._at += 1
        if most is not None and most < least:
            raise self._refused(f"the repetition {{{least},{most}}} is backwards")
        return Repeat(item, least, most)

    def _number(self) -> int:
        start = self._at
        while self._peek() and self._peek() in "0123456789":
            self._at += 1
        if start == self._at:
            raise self._refused("expected a number")
        digits = self._text[start : self._at].lstrip("0") or "0"
        if len(digits) > 6 or int(digits) > MOST_REPETITIONS:
            raise self._refused(f"more than {MOST_REPETITIONS} repetitions")
        return int(digits)

    def _character(self) -> str:
        """One character of a literal or class, its escape resolved."""
        character = self._peek()
        if not character or character in "\r\n":
            raise self._refused("a literal or class does not end")
        self._at += 1
        if character != "\\":
            return character
        kind = self._peek()
        self._at += 1
        if kind in _HEX_ESCAPES:
            size = _HEX_ESCAPES[kind]
            digits = self._text[self._at : self._at + size]
            if len(digits) < size or not all(digit in "0123456789abcdefABCDEF" for digit in digits):
                raise self._refused(f"\\{kind} needs {size} hexadecimal digits")
            self._at += size
            code = int(digits, 16)
            if code > 0x10FFFF or 0xD800 <= code < 0xE000:
                raise self._refused(f"\\{kind}{digits} is no character")
            return chr(code)
        if kind not in _ESCAPES:
            raise self._refused(f"\\{kind} is no escape")
        return _ESCAPES[kind]

    def _name(self) -> str:
        start = self._at
        while self._peek() and _is_word(self._peek()):
            self._at += 1
        if start == self._at:
            raise self._refused(f"expected the name of a rule, not {self._peek()!r}")
        return self._text[start : self._at]

    def _space(self, *, newlines: bool) -> None:
        while (character := self._peek()) and (character in " \t#" or (newlines and character in "\r\n")):
            if character == "#":
                while self._peek() and self._peek() not in "\r\n":
                    self._at += 1
                continue
            self._line += character == "\n"
            self._at += 1

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _refused(self, what: str) -> GrammarRefused:
        return GrammarRefused(f"{what}.", where=f"grammar, line {self._line}")


def _is_word(character: str) -> bool:
    return character == "-" or (character.isascii() and character.isalnum())


def _children(node: Node) -> tuple[Node, ...]:
    if isinstance(node, Row):
        return node.items
    if isinstance(node, Choice):
        return node.rows
    return (node.item,) if isinstance(node, Repeat) else ()


def _walk(node: Node) -> Iterator[Node]:
    waiting: list[Node] = [node]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += _children(node)


def _check_references(rules: Mapping[str, Choice]) -> None:
    if "root" not in rules:
        raise GrammarRefused("the grammar has no rule named root.")
    for rule in rules.values():
        for node in _walk(rule):
            if isinstance(node, Reference) and node.name not in rules:
                raise GrammarRefused(f"the rule {node.name!r} is not defined.", where=f"grammar, line {node.line}")


def _check_left_recursion(rules: Mapping[str, Choice]) -> None:
    """A rule that begins with itself, perhaps behind things that may be empty."""
    empty = _empty_rules(rules)
    begins = {name: set(_first_rules(rule, empty)) for name, rule in rules.items()}
    done: set[str] = set()
    for start in rules:
        path = {start: iter(begins[start])} if start not in done else {}
        while path:
            name, remaining = next(reversed(path.items()))
            following = next(remaining, None)
            if following is None:
                done.add(name)
                del path[name]
            elif following in path:
                raise GrammarRefused(f"the rule {following!r} is left-recursive: it begins with itself.")
            elif following not in done:
                path[following] = iter(begins[following])


def _empty_rules(rules: Mapping[str, Choice]) -> set[str]:
    """The rules that may match nothing; looked at again until no more are found, or the time is up."""
    deadline = time.monotonic() + MOST_SECONDS
    empty: set[str] = set()
    grew = True
    while grew:
        grew = False
        for name, rule in rules.items():
            if name not in empty and _may_be_empty(rule, empty):
                empty.add(name)
                grew = True
            if time.monotonic() > deadline:
                raise GrammarRefused(f"the grammar took more than {MOST_SECONDS} seconds to check.")
    return empty


def _may_be_empty(node: Node, empty: set[str]) -> bool:
    if isinstance(node, Reference):
        return node.name in empty
    if isinstance(node, Row):
        return all(_may_be_empty(item, empty) for item in node.items)
    if isinstance(node, Choice):
        return any(_may_be_empty(row, empty) for row in node.rows)
    return isinstance(node, Repeat) and (not node.least or _may_be_empty(node.item, empty))


def _first_rules(node: Node, empty: set[str]) -> Iterator[str]:
    """The rules that this node can begin with."""
    if isinstance(node, Reference):
        yield node.name
    elif isinstance(node, Row):
        for item in node.items:
            yield from _first_rules(item, empty)
            if not _may_be_empty(item, empty):
                break
    else:
        for child in _children(node):
            yield from _first_rules(child, empty)


def _check_size(rules: Mapping[str, Choice]) -> None:
    if sum(_size(rule) for rule in rules.values()) > MOST_SYMBOLS:
        raise GrammarRefused(f"written out, the grammar has more than {MOST_SYMBOLS} symbols.")


def _size(node: Node) -> int:
    size = 1 + sum(_size(child) for child in _children(node))
    return size * max(node.most or node.least, 1) if isinstance(node, Repeat) else size


def _write(rules: Mapping[str, Choice]) -> str:
    names = {name: "start" if name == "root" else f"r{number}" for number, name in enumerate(rules)}
    terminals: dict[Characters, str] = {}
    lines = [f"{names[name]}: {_written(rule, names, terminals)}" for name, rule in rules.items()]
    lines += [f"{name}: /{_regex(characters)}/" for characters, name in terminals.items()]
    return "\n".join(lines) + "\n"


def _written(node: Node, names: Mapping[str, str], terminals: dict[Characters, str]) -> str:
    if isinstance(node, Characters):
        return terminals.setdefault(node, f"C{len(terminals)}")
    if isinstance(node, Reference):
        return names[node.name]
    if isinstance(node, Row):
        return " ".join(_grouped(item, names, terminals) for item in node.items) or '""'
    if isinstance(node, Choice):
        return " | ".join(_written(row, names, terminals) for row in node.rows)
    most = "" if node.most is None else node.most
    return f"{_grouped(node.item, names, terminals)}{{{node.least},{most}}}"


def _grouped(node: Node, names: Mapping[str, str], terminals: dict[Characters, str]) -> str:
    written = _written(node, names, terminals)
    return written if isinstance(node, (Characters, Reference)) else f"({written})"


def _regex(characters: Characters) -> str:
    if not characters.ranges:
        return "(?s:.)"
    inside = "".join(
        f"\\x{{{ord(low):x}}}" if low == high else f"\\x{{{ord(low):x}}}-\\x{{{ord(high):x}}}"
        for low, high in characters.ranges
    )
    return f"[{'^' if characters.negated else ''}{inside}]"
