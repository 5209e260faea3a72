"""Ways in which JSON is broken in real life, each leaving enough to know what was meant.

A document is written as a list of tokens; a kind of damage changes the list, or the text that it makes. It returns
None where it does not apply to this document (no list to leave unclosed, say).
"""

import json
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from expertbuild.data.generators.asking import Forms

Json = Any


@dataclass(frozen=True)
class Token:
    """A piece of JSON text: "key", "string", "number", "literal", "blank" or the mark itself ("{", ",", ...)."""

    kind: str
    text: str
    depth: int = 0


Tokens = list[Token]
Change = Callable[[random.Random, Tokens], Tokens | None]

COMMENTS = Forms(
    train=(
        "the main entry",
        "todo",
        "check this",
        "see above",
        "new",
        "updated last week",
        "required",
        "default value",
    ),
    held_out=("fixme later", "optional", "do not remove", "for testing", "as agreed"),
)
INTRODUCTIONS = Forms(
    train=(
        "Here is the JSON:",
        "Sure! Here you go:",
        "Output:",
        "Result:",
        "The answer is",
        "Here is your data:",
        "Response:",
    ),
    held_out=("Of course, this is the object you wanted:", "As requested:", "Data follows.", "I found this:"),
)
CLOSINGS = Forms(
    train=("Hope this helps!", "Let me know if you need more.", "Done.", "That is all.", "Thanks!"),
    held_out=("Anything else?", "Have a nice day.", "End of message."),
)


def damage(
    rng: random.Random, kind: str, value: Json, phrasings: str = "train", *, escaped: bool = False
) -> tuple[str, Json] | None:
    """The broken text and the document that it should become, or None if this damage does not fit.

    `escaped`: letters beyond ASCII are written as `\\u00e9`.
    """
    tokens = write(rng, value, escaped=escaped)
    if kind == "truncated":
        return _truncated(rng, tokens)
    if kind in AROUND:
        return AROUND[kind](rng, _text(tokens), phrasings), value
    if kind == "comment":
        broken = _comment(rng, tokens, phrasings)
    elif kind == "two_faults":
        first, second = rng.sample(COMBINED, 2)
        half = DAMAGE[first](rng, tokens)
        broken = None if half is None else DAMAGE[second](rng, half)
    else:
        broken = DAMAGE[kind](rng, tokens)
    if broken is None:
        return None
    text = _text(broken)
    return (text, value) if kind == "valid" or not _parses(text) else None


def write(rng: random.Random, value: Json, *, escaped: bool = False) -> Tokens:
    """A document as tokens, in one of the ways people lay it out."""
    style = rng.choices(("spaced", "compact", "indented", "loose"), (6, 2, 2, 1))[0]
    tokens: Tokens = []
    _write(value, 0, style, escaped, tokens)
    return tokens


def _write(value: Json, depth: int, style: str, escaped: bool, out: Tokens) -> None:
    if not isinstance(value, dict | list) or not value:
        text = json.dumps(value, ensure_ascii=escaped)
        kinds = {str: "string", int: "number", float: "number"}
        if isinstance(value, dict | list):
            out += [Token(text[0], text[0], depth), Token(text[1], text[1], depth)]
        else:
            out.append(Token(kinds.get(type(value), "literal"), text, depth))
        return
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    inner = Token("blank", "\n" + "  " * (depth + 1)) if style == "indented" else None
    between = inner or (Token("blank", " ") if style in ("spaced", "loose") else None)
    loose = Token("blank", " ") if style == "loose" else None
    out.append(Token(opening, opening, depth))
    items = value.items() if isinstance(value, dict) else [(None, each) for each in value]
    for number, (key, each) in enumerate(items):
        if number:
            out += [loose] if loose else []
            out.append(Token(",", ",", depth))
        gap = between if number else inner or loose
        if gap:
            out.append(gap)
        if key is not None:
            out.append(Token("key", json.dumps(key, ensure_ascii=escaped), depth))
            out += [loose] if loose else []
            out.append(Token(":", ":", depth))
            if style != "compact":
                out.append(Token("blank", " "))
        _write(each, depth + 1, style, escaped, out)
    if inner or loose:
        out.append(Token("blank", "\n" + "  " * depth if inner else " "))
    out.append(Token(closing, closing, depth))


def _text(tokens: Tokens) -> str:
    return "".join(token.text for token in tokens)


def _parses(text: str) -> bool:
    try:
        json.loads(text, parse_constant=_refuse)
    except ValueError:
        return False
    return True


def _refuse(name: str) -> None:
    raise ValueError(name)


def _places(tokens: Tokens, *kinds: str) -> list[int]:
    return [number for number, token in enumerate(tokens) if token.kind in kinds]


def _one(rng: random.Random, places: list[int]) -> int | None:
    return rng.choice(places) if places else None


def _put(tokens: Tokens, at: int, text: str) -> Tokens:
    return [*tokens[:at], Token(tokens[at].kind, text, tokens[at].depth), *tokens[at + 1 :]]


def _each(tokens: Tokens, kinds: tuple[str, ...], change: Callable[[str], str]) -> Tokens | None:
    if not _places(tokens, *kinds):
        return None
    return [Token(each.kind, change(each.text), each.depth) if each.kind in kinds else each for each in tokens]


# --- one kind of damage each ---------------------------------------------------------------------------------


def _valid(rng: random.Random, tokens: Tokens) -> Tokens | None:
    return tokens


def _no_closing_quote(rng: random.Random, tokens: Tokens) -> Tokens | None:
    at = _one(rng, _places(tokens, "string", "key"))
    return None if at is None else _put(tokens, at, tokens[at].text[:-1])


def _no_opening_quote(rng: random.Random, tokens: Tokens) -> Tokens | None:
    at = _one(rng, _places(tokens, "string", "key"))
    return None if at is None else _put(tokens, at, tokens[at].text[1:])


def _trailing_comma(rng: random.Random, tokens: Tokens) -> Tokens | None:
    ends = [number for number in _places(tokens, "}", "]") if number and tokens[number - 1].kind not in "{["]
    at = _one(rng, ends)
    if at is None:
        return None
    while tokens[at - 1].kind == "blank":
        at -= 1
    return [*tokens[:at], Token(",", ","), *tokens[at:]]


def _single_quotes(rng: random.Random, tokens: Tokens) -> Tokens | None:
    if any("'" in each.text or "\\" in each.text for each in tokens):
        return None
    return _each(tokens, ("key", "string"), lambda text: f"'{text[1:-1]}'")


def _smart_quotes(rng: random.Random, tokens: Tokens) -> Tokens | None:
    return _each(tokens, ("key", "string"), lambda text: f"“{text[1:-1]}”")


def _unquoted_keys(rng: random.Random, tokens: Tokens) -> Tokens | None:
    return _each(tokens, ("key",), lambda text: text[1:-1])


def _unquoted_value(rng: random.Random, tokens: Tokens) -> Tokens | None:
    plain = [at for at in _places(tokens, "string") if re.fullmatch(r'"[A-Za-z][A-Za-z ]*"', tokens[at].text)]
    at = _one(rng, plain)
    if at is None or tokens[at].text[1:-1] in ("true", "false", "null"):
        return None
    return _put(tokens, at, tokens[at].text[1:-1])


def _missing_comma(rng: random.Random, tokens: Tokens) -> Tokens | None:
    at = _one(rng, _places(tokens, ","))
    if at is None:
        return None
    rest = tokens[at + 1 :]
    if rest[0].kind != "blank":  # two numbers must not run together
        rest = [Token("blank", " "), *rest]
    return [*tokens[:at], *rest]


def _doubled_comma(rng: random.Random, tokens: Tokens) -> Tokens | None:
    at = _one(rng, _places(tokens, ","))
    return None if at is None else _put(tokens, at, rng.choice((",,", ", ,")))


def _semicolons(rng: random.Random, tokens: Tokens) -> Tokens | None:
    return _each(tokens, (",",), lambda text: ";")


def _missing_colon(rng: random.Random, tokens: Tokens) -> Tokens | None:
    at = _one(rng, _places(tokens, ":"))
    return None if at is None else _put(tokens, at, "" if tokens[at + 1].kind == "blank" else " ")


def _equals_signs(rng: random.Random, tokens: Tokens) -> Tokens | None:
    sign = rng.choice(("=", " =", " =>"))
    return _each(tokens, (":",), lambda text: sign)


def _unclosed(rng: random.Random, tokens: Tokens) -> Tokens | None:
    """The last one or two closing brackets are missing."""
    kept = list(tokens)
    for _ in range(rng.choice((1, 1, 2))):
        while kept[-1].kind == "blank":
            kept.pop()
        if kept[-1].kind not in "}]" or len(kept) < 4:
            break
        kept.pop()
    return kept


def _unopened(rng: random.Random, tokens: Tokens) -> Tokens | None:
    rest = tokens[1:]
    while rest and rest[0].kind == "blank":
        rest = rest[1:]
    return rest if len(rest) > 3 else None


def _extra_bracket(rng: random.Random, tokens: Tokens) -> Tokens | None:
    return [*tokens, Token(tokens[-1].kind, tokens[-1].text)]


def _wrong_bracket(rng: random.Random, tokens: Tokens) -> Tokens | None:
    at = _one(rng, _places(tokens, "}", "]"))
    return None if at is None else _put(tokens, at, {"}": rng.choice("])"), "]": rng.choice("})")}[tokens[at].kind])


def _python_literals(rng: random.Random, tokens: Tokens) -> Tokens | None:
    names = {"true": "True", "false": "False", "null": "None"}
    return _each(tokens, ("literal",), lambda text: names[text])


def _odd_literals(rng: random.Random, tokens: Tokens) -> Tokens | None:
    names = {"true": "TRUE", "false": "FALSE", "null": rng.choice(("undefined", "NULL", "nil"))}
    return _each(tokens, ("literal",), lambda text: names[text])


def _odd_number(rng: random.Random, tokens: Tokens) -> Tokens | None:
    at = _one(rng, [at for at in _places(tokens, "number") if not tokens[at].text.startswith("-")])
    if at is None:
        return None
    text = tokens[at].text
    forms = [f"+{text}", f"0{text}" if "." not in text else f"{text}f", f"{text}." if "." not in text else f"+{text}"]
    if text.startswith("0."):
        forms.append(text[1:])
    return _put(tokens, at, rng.choice(forms))


def _comment(rng: random.Random, tokens: Tokens, phrasings: str) -> Tokens | None:
    said = COMMENTS.choose(rng, phrasings)
    lines = [at for at in _places(tokens, "blank") if "\n" in tokens[at].text]
    if lines:
        end = rng.choice(lines)
        return [*tokens[:end], Token("blank", rng.choice((f" // {said}", f" # {said}"))), *tokens[end:]]
    at = _one(rng, _places(tokens, ",", ":", "{", "["))
    return None if at is None else [*tokens[: at + 1], Token("blank", f" /* {said} */"), *tokens[at + 1 :]]


def _truncated(rng: random.Random, tokens: Tokens) -> tuple[str, Json] | None:
    """Cut off after a value or inside a string; what is there counts."""
    ends = [at for at in _places(tokens, "string", "number", "literal") if at < len(tokens) - 2]
    at = _one(rng, ends)
    if at is None:
        return None
    kept = tokens[: at + 1]
    last = kept[-1]
    if last.kind == "string" and len(last.text) > 5 and "\\" not in last.text and rng.random() < 0.5:
        kept[-1] = Token("string", last.text[: rng.randint(3, len(last.text) - 2)])
        whole = [*kept[:-1], Token("string", kept[-1].text + '"')]
    else:
        whole = list(kept)
        if rng.random() < 0.3:
            kept = [*kept, Token(",", rng.choice((",", ", ")))]
    open_ones: list[str] = []
    for token in whole:
        if token.kind in "{[":
            open_ones.append({"{": "}", "[": "]"}[token.kind])
        elif token.kind in "}]":
            open_ones.pop()
    return _text(kept), json.loads(_text(whole) + "".join(reversed(open_ones)))


def _fenced(rng: random.Random, text: str, phrasings: str) -> str:
    fence = rng.choice(("```json\n{}\n```", "```\n{}\n```", "```json\n{}"))
    return fence.replace("{}", text)


def _text_around(rng: random.Random, text: str, phrasings: str) -> str:
    before, after = INTRODUCTIONS.choose(rng, phrasings), CLOSINGS.choose(rng, phrasings)
    gap = rng.choice(("\n", " "))
    return rng.choice((f"{before}{gap}{text}", f"{text}{gap}{after}", f"{before}{gap}{text}{gap}{after}"))


AROUND: dict[str, Callable[[random.Random, str, str], str]] = {"fenced": _fenced, "text_around": _text_around}

_BY_TOKENS: dict[str, Change] = {
    "valid": _valid,
    "no_closing_quote": _no_closing_quote,
    "no_opening_quote": _no_opening_quote,
    "trailing_comma": _trailing_comma,
    "single_quotes": _single_quotes,
    "smart_quotes": _smart_quotes,
    "unquoted_keys": _unquoted_keys,
    "unquoted_value": _unquoted_value,
    "missing_comma": _missing_comma,
    "doubled_comma": _doubled_comma,
    "semicolons": _semicolons,
    "missing_colon": _missing_colon,
    "equals_signs": _equals_signs,
    "unclosed": _unclosed,
    "unopened": _unopened,
    "extra_bracket": _extra_bracket,
    "wrong_bracket": _wrong_bracket,
    "python_literals": _python_literals,
    "odd_literals": _odd_literals,
    "odd_number": _odd_number,
}
# Those that still make sense on top of each other.
COMBINED = ("trailing_comma", "unquoted_keys", "python_literals", "doubled_comma", "unclosed", "missing_colon")

DAMAGE: dict[str, Change] = {
    **_BY_TOKENS,
    **dict.fromkeys(("comment", "truncated", "fenced", "text_around", "two_faults"), _valid),
}
