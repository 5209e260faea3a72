"""How people say what SQL writes: comparisons, aggregates, orders, and conditions on a column, as words and as SQL.

Each phrase has forms for training and forms held out. What a condition says is what its SQL means, no more: a
question must have one right answer.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from expertbuild.data.generators.asking import Forms, begun
from expertbuild.data.generators.tables import Column, Table, literal, value_for
from expertbuild.data.generators.words import plural

NUMBERS = ("integer", "real")

COMPARED = {
    ">": Forms(
        ("greater than", "more than", "above", "over", "higher than", "larger than", "bigger than"),
        ("beyond", "in excess of", "exceeding"),
    ),
    "<": Forms(("less than", "below", "under", "lower than", "smaller than"), ("beneath", "short of")),
    ">=": Forms(
        ("at least", "no less than", "greater than or equal to", "not below", "not less than"),
        ("not under", "a minimum of"),
    ),
    "<=": Forms(
        ("at most", "no more than", "less than or equal to", "not above", "not more than", "up to"),
        ("not over", "a maximum of"),
    ),
    "=": Forms(("", "", "equal to", "exactly"), ("the same as", "precisely")),
    "<>": Forms(("not", "different from", "not equal to", "other than"), ("anything but", "unlike")),
}
DATED = {
    ">": Forms(("after", "later than"), ("past", "following")),
    "<": Forms(("before", "earlier than"), ("prior to",)),
    "=": Forms(("on", "exactly", "exactly on"), ("precisely on",)),
}
AGGREGATES = {
    "AVG": Forms(("average", "mean"), ("arithmetic mean", "mean value of")),
    "SUM": Forms(("total", "sum of the", "overall"), ("combined", "added up")),
    "MIN": Forms(("lowest", "minimum", "smallest", "least"), ("minimal", "bottom")),
    "MAX": Forms(("highest", "maximum", "largest", "greatest", "biggest"), ("top", "maximal")),
}
EXTREMES = {
    "MIN": Forms(("earliest", "first", "oldest"), ("soonest",)),
    "MAX": Forms(("latest", "last", "most recent"), ("newest",)),
}
DIRECTIONS = {
    "ASC": Forms(
        (
            *("in ascending order", "ascending", "from lowest to highest", "lowest first", "from low to high"),
            *("smallest first", "increasing", "starting with the lowest"),
        ),
        ("going up", "from smallest to largest"),
    ),
    "DESC": Forms(
        (
            *("in descending order", "descending", "from highest to lowest", "highest first", "from high to low"),
            *("largest first", "decreasing", "starting with the highest"),
        ),
        ("going down", "from largest to smallest"),
    ),
}


@dataclass(frozen=True)
class Speech:
    """One asker: a source of chance and the side of the phrasings that may be used."""

    rng: random.Random
    part: str
    words: str

    def ask(self, forms: Forms, **parts: str | int) -> str:
        """A whole question."""
        return begun(self.rng, self.part, forms.choose(self.rng, self.part), **parts)

    def say(self, forms: Forms) -> str:
        """A part of a question."""
        return forms.part(self.rng, self.part)

    def name(self, column: Column) -> str:
        """A column as people call it."""
        return column.name if self.rng.random() < 0.1 else column.name.replace("_", " ")

    def table(self, table: Table) -> str:
        """A table as people call it: the things in it."""
        spoken = table.name.replace("_", " ")
        if self.rng.random() < 0.1:
            return table.name
        return spoken if spoken.endswith("s") or self.rng.random() < 0.3 else plural(spoken)

    def quoted(self, value: object) -> str:
        """A text value in a question: with or without quotes."""
        text = str(value)
        return self.rng.choice((text, text, f"'{text}'", f'"{text}"'))

    def listed(self, parts: Sequence[str], word: str = "and") -> str:
        return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + f" {word} " + parts[-1]


@dataclass(frozen=True)
class Condition:
    """A condition as a question has it ("where the price is above 5") and as SQL has it."""

    text: str
    sql: str


WHERE = Forms(
    (
        *("where the {column} is {what}", "whose {column} is {what}", "with {column} {what}", "with a {column} {what}"),
        *("having {column} {what}", "that have a {column} {what}", "for which the {column} is {what}"),
        *("if the {column} is {what}", "when the {column} is {what}", "of {column} {what}"),
    ),
    ("as long as the {column} is {what}", "which have a {column} {what}", "in case the {column} is {what}"),
)


def condition(speech: Speech, columns: Sequence[Column], prefix: str = "") -> Condition:
    """One comparison on one of these columns; `prefix` qualifies the column in SQL."""
    column = speech.rng.choice(list(columns))
    what, tail = comparison(speech, column)
    return Condition(_where(speech, column, what), f"{prefix}{column.name} {tail}")


def conditions(speech: Speech, columns: Sequence[Column], prefix: str = "", second: float = 0.25) -> Condition:
    """One comparison, or two on different columns."""
    first = condition(speech, columns, prefix)
    rest = [column for column in columns if f"{prefix}{column.name} " not in first.sql]
    if not rest or speech.rng.random() >= second:
        return first
    other = condition(speech, rest, prefix)
    word = speech.rng.choice(("and", "and", "or"))
    return Condition(f"{first.text} {word} {other.text}", f"{first.sql} {word.upper()} {other.sql}")


def between(speech: Speech, columns: Sequence[Column]) -> Condition:
    column = speech.rng.choice([each for each in columns if each.kind in (*NUMBERS, "date")])
    low, high = sorted(
        (value_for(speech.rng, column, speech.words) for _ in range(2)), key=lambda value: (value is None, value)
    )
    forms = Forms(
        ("between {low} and {high}", "from {low} to {high}", "in the range {low} to {high}"),
        ("anywhere from {low} to {high}", "in between {low} and {high}"),
    )
    what = speech.say(forms).format(low=low, high=high)
    return Condition(_where(speech, column, what), f"{column.name} BETWEEN {literal(low)} AND {literal(high)}")


def one_of(speech: Speech, columns: Sequence[Column]) -> Condition:
    column = speech.rng.choice([each for each in columns if each.kind in ("text", "integer")])
    values = list(
        dict.fromkeys(value_for(speech.rng, column, speech.words) for _ in range(speech.rng.choice((2, 2, 3))))
    )
    spoken = speech.listed([speech.quoted(value) for value in values], "or")
    forms = Forms(("{them}", "either {them}", "one of {them}", "any of {them}"), ("among {them}", "one out of {them}"))
    return Condition(
        _where(speech, column, speech.say(forms).format(them=spoken)),
        f"{column.name} IN ({', '.join(literal(value) for value in values)})",
    )


LIKE = {
    "{}%": Forms(("starts with {}", "begins with {}", "has {} at the start"), ("opens with {}",)),
    "%{}": Forms(("ends with {}", "ends in {}", "has {} at the end"), ("closes with {}",)),
    "%{}%": Forms(("contains {}", "includes {}", "has {} in it"), ("has {} somewhere", "holds {}")),
}
LIKED = Forms(
    ("whose {column} {what}", "where the {column} {what}", "for which the {column} {what}", "if the {column} {what}"),
    ("as long as the {column} {what}", "in case the {column} {what}"),
)


def like(speech: Speech, columns: Sequence[Column]) -> Condition:
    column = speech.rng.choice([each for each in columns if each.kind == "text"])
    value = str(value_for(speech.rng, column, speech.words))
    size = speech.rng.randint(1, min(3, len(value)))
    pattern = speech.rng.choice(list(LIKE))
    piece = value[:size].strip() if pattern == "{}%" else value[-size:].strip()
    piece = piece.replace("_", "").replace("%", "") or "a"
    what = speech.say(LIKE[pattern]).replace("{}", speech.rng.choice((f"'{piece}'", piece, f'"{piece}"')))
    text = speech.say(LIKED).format(column=speech.name(column), what=what)
    return Condition(text, f"{column.name} LIKE {literal(pattern.replace('{}', piece))}")


MISSING = Forms(
    (
        *("with no {column}", "without a {column}", "where the {column} is missing", "whose {column} is unknown"),
        *("that lack a {column}", "that have no {column}", "where no {column} is given"),
    ),
    ("for which the {column} is unknown", "if the {column} is missing"),
)
PRESENT = Forms(
    (
        *("that have a {column}", "where the {column} is known", "where the {column} is not missing"),
        *("with a known {column}", "where a {column} is given"),
    ),
    ("for which the {column} is known", "if the {column} is not missing"),
)


def null(speech: Speech, columns: Sequence[Column]) -> Condition:
    column = speech.rng.choice(list(columns))
    missing = speech.rng.random() < 0.6
    text = speech.say(MISSING if missing else PRESENT).format(column=speech.name(column))
    return Condition(text, f"{column.name} IS {'' if missing else 'NOT '}NULL")


def aggregate(speech: Speech, column: Column) -> tuple[str, str]:
    """An aggregate that suits the column: its word and its SQL name."""
    if column.kind == "date":
        name = speech.rng.choice(list(EXTREMES))
        return speech.say(EXTREMES[name]), name
    name = speech.rng.choice(list(AGGREGATES))
    return speech.say(AGGREGATES[name]), name


def comparison(speech: Speech, column: Column) -> tuple[str, str]:
    """What a column is compared with, after its name: as words and as SQL."""
    value = value_for(speech.rng, column, speech.words)
    if column.kind == "text":
        sign = speech.rng.choice(("=", "=", "=", "=", "<>"))
        word, spoken = speech.say(COMPARED[sign]) if sign == "<>" else "", speech.quoted(value)
    elif column.kind == "date":
        sign = speech.rng.choice(list(DATED))
        word, spoken = speech.say(DATED[sign]), str(value)
    else:
        sign = speech.rng.choices(list(COMPARED), (5, 5, 3, 3, 3, 1))[0]
        word, spoken = speech.say(COMPARED[sign]), str(value)
    return f"{word} {spoken}".strip(), f"{sign} {literal(value)}"


def _where(speech: Speech, column: Column, what: str) -> str:
    text = speech.say(WHERE).format(column=speech.name(column), what=what)
    return text.replace("with a a", "with an a").replace("with a e", "with an e").replace("with a i", "with an i")
