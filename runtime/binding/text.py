"""A text that can be copied from, word by word, as JSON spells it within quotes."""

import json
import re
from collections.abc import Iterator, Sequence

from runtime.engine.gbnf_narrowed import Said
from runtime.engine.substrings import Piece, Run

# An escape is one piece, and so is a word; scripts that set no blanks between words may be cut anywhere.
# Between day and time a T is no letter.
_LETTER = r"[^\W\u2e80-\uffff\U00010000-\U0010ffff]"
_TIME = r"\d+(?=T\d)|(?<=\d)T(?=\d)"
_PLAIN = re.compile(rf"{_TIME}|{_LETTER}+|.", re.DOTALL)
_ESCAPED = re.compile(rf"{_TIME}|(?:\\u[0-9a-fA-F]{{4}}|{_LETTER})+|\\.|.", re.DOTALL)
_QUOTES = "\"'`\u201c\u201d\u2018\u2019\u00ab\u00bb"
_ESCAPES = frozenset('"\\/bfnrtu')


def json_text(told: Sequence[str]) -> Said:
    """Every run of whole words of what was said. Quotes and line ends, of which escapes are made, stand only within, and
    so do blanks that no quote is next to.

    A text with backslashes is read twice: its escapes kept as they are, and each backslash as a character of its own.
    """
    return Said(runs=tuple(_run(pieces) for text in told for pieces in _readings(text)))


def _readings(text: str) -> Iterator[list[Piece]]:
    yield [_kept(piece) for piece in _ESCAPED.findall(text)]
    if "\\" in text:
        pieces = _PLAIN.findall(text)
        # What is behind a backslash begins nothing: it could be half an escape. The backslash does behind a quote.
        before = ["", *pieces]
        yield [
            _plain(piece, begins=last != "\\" and (piece != "\\" or last in _QUOTES))
            for piece, last in zip(pieces, before, strict=False)
        ]


def _run(pieces: Sequence[Piece]) -> Run:
    """The pieces, where what stands beside them is known: blanks and quotes end a text only within quotes."""
    around = ("", *(piece.text for piece in pieces), "")
    return tuple(_beside(piece, around[at], around[at + 2]) for at, piece in enumerate(pieces))


def _beside(piece: Piece, before: str, after: str) -> Piece:
    if piece.text == " ":
        edge = _ends_quote(before) or _ends_quote(after)
        return Piece(" ", begins=edge, ends=edge or not after)  # what is cut off may end with one
    if piece.text == '\\"':  # a quote in other quotes
        return Piece(piece.text, begins=piece.begins or before == "'", ends=piece.ends or after == "'")
    return piece


def _ends_quote(text: str) -> bool:
    return text != "" and text[-1] in _QUOTES


def _kept(text: str) -> Piece:
    """A piece of a text that may be JSON already: its escapes stay."""
    if text[0] == "\\" and len(text) == 2 and text[1] not in _ESCAPES:
        return _plain(text[1])
    return Piece(text) if "\\" in text[: len(text) - 1] else _plain(text)


def _plain(text: str, *, begins: bool = True) -> Piece:
    """A piece of a text as it is; what is spelled otherwise within quotes stands only between others."""
    spelled = json.dumps(text, ensure_ascii=False)[1:-1]
    made = spelled != text and text != "\\"
    return Piece(spelled, begins=begins and not made, ends=not made)
