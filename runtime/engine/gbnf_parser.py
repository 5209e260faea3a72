"""Reads GBNF as llama.cpp defines it: text into rules, or the line at fault. What the rules mean, `gbnf` knows."""

from dataclasses import dataclass

from runtime.engine.errors import GrammarRefused

DEEPEST_NESTING = 100
MOST_REPETITIONS = 2000  # of one symbol, as in llama.cpp
LONGEST_TOKEN = 100

_ESCAPES = {"t": "\t", "r": "\r", "n": "\n", "\\": "\\", '"': '"', "[": "[", "]": "]"}
_HEX_ESCAPES = {"x": 2, "u": 4, "U": 8}


@dataclass(frozen=True)
class Characters:
    """One character out of ranges, or outside of them; no ranges and negated: any character."""

    ranges: tuple[tuple[str, str], ...]
    negated: bool = False


@dataclass(frozen=True)
class Token:
    """One token of the vocabulary, whatever its text, by its number or its name; or any other than this."""

    name: int | str
    line: int
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


Node = Characters | Token | Reference | Row | Choice | Repeat


class Parser:
    """One reading of one text."""

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
                item = self._token()
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

    def _token(self) -> Token:
        """<[10]>, <name>, and either with ! before it."""
        line, negated = self._line, self._peek() == "!"
        self._at += negated
        end = self._text.find(">", self._at)
        name = self._text[self._at + 1 : end]
        if self._peek() != "<" or end < 0 or not name or len(name) > LONGEST_TOKEN or set(name) & set("<\r\n\t "):
            raise self._refused("a token is written <[NUMBER]> or <NAME>")
        self._at = end + 1
        if not name.startswith("["):
            return Token(f"<{name}>", line, negated)
        digits = name[1:-1]
        if not name.endswith("]") or not (digits.isascii() and digits.isdigit()) or len(digits) > 9:
            raise self._refused(f"<{name[:20]}> is no token")
        return Token(int(digits), line, negated)

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
