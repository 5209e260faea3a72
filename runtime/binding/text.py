"""A text that can be copied from, word by word, as JSON spells it within quotes."""

import json
import re
from collections.abc import Iterator, Sequence

from runtime.engine.gbnf_narrowed import Run, Said

# An escape is one piece, and so is a word; scripts that set no blanks between words may be cut anywhere.
_WORD = r"[^\W\u2e80-\uffff\U00010000-\U0010ffff]+"
_PLAIN = re.compile(rf"{_WORD}|.", re.DOTALL)
_ESCAPED = re.compile(rf"(?:\\u[0-9a-fA-F]{{4}}|{_WORD})+|\\.|.", re.DOTALL)
_QUOTES = "\"'`\u201c\u201d\u2018\u2019\u00ab\u00bb"
_ESCAPES = frozenset('"\\/bfnrtu')


def json_text(told: Sequence[str]) -> Said:
    """Every run of whole words of what was said. Quotes and line ends, of which escapes are made, stand only within, and
    so do blanks that no quote is next to.

    A text with backslashes is read twice: its escapes kept as they are, and each backslash as a character of its own.
    """
    return Said(runs=tuple(_run(pieces) for text in told for pieces in _readings(text)))


def _readings(text: str) -> Iterator[list[tuple[str, bool]]]:
    """The pieces of a text, and whether they stand only between others."""
    yield [_kept(piece) for piece in _ESCAPED.findall(text)]
    if "\\" in text:
        pieces = _PLAIN.findall(text)
        follows = [False, *(piece == "\\" for piece in pieces)]  # what was behind a backslash begins nothing
        yield [(_spelled(piece), _made(piece) or after) for piece, after in zip(pieces, follows, strict=False)]


def _run(pieces: Sequence[tuple[str, bool]]) -> Run:
    texts = tuple(piece for piece, _ in pieces)
    around = ("", *texts, "")
    inner = (
        at
        for at, (piece, within) in enumerate(pieces)
        if within or (piece == " " and not (_ends_quote(around[at]) or _ends_quote(around[at + 2])))
    )
    return Run(texts, frozenset(inner))


def _ends_quote(piece: str) -> bool:
    return piece[-1:] in _QUOTES and bool(piece)


def _kept(piece: str) -> tuple[str, bool]:
    """A piece of a text that may be JSON already: its escapes stay."""
    if "\\" in piece and len(piece) > 1:
        return (piece, False) if piece[1] in _ESCAPES else (_spelled(piece[1:]), _made(piece[1:]))
    return _spelled(piece), _made(piece)


def _made(piece: str) -> bool:
    """Whether it is spelled otherwise within quotes."""
    return _spelled(piece) != piece


def _spelled(piece: str) -> str:
    return json.dumps(piece, ensure_ascii=False)[1:-1]
