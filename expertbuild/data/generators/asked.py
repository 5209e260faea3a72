"""What questions about stored things are made of, each with its words: things, columns, values, conditions, orders.

A condition is a `Clause`: how it stands after a noun ("whose age is above 5"), how it is said as a verb phrase ("have an
age above 5"), and the same in the query's language. Which language that is, the caller's `name` decides: a function
from a column to what the query calls it. Words come from `question_words` through a voice.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from expertbuild.data.generators.phrases import Scope, Value, Voice
from expertbuild.data.generators.tables import Column, literal, value_for
from expertbuild.data.generators.words import plural

NUMBERS = ("integer", "real")
SIGNS = {">": "gt", "<": "lt", ">=": "ge", "<=": "le", "=": "eq", "<>": "ne"}
MANY: Mapping[str, Value] = {"have": "have", "be": "are", "do_": "do"}
ONE: Mapping[str, Value] = {"have": "has", "be": "is", "do_": "does"}
NUMBER_WORDS = 10  # the largest number that may be said as a word

Name = Callable[[Column], str]


class NotHere(Exception):
    """What there is has nothing that this question could be about."""


@dataclass(frozen=True)
class Clause:
    """One condition, or none: its words in two shapes, and the query's."""

    where: Value = ""
    does: Value | None = None
    query: str = ""


@dataclass(frozen=True)
class Asker:
    """A voice, and the side of the vocabulary that values come from."""

    voice: Voice
    words: str

    @property
    def rng(self) -> random.Random:
        return self.voice.rng

    def column(self, column: Column) -> str:
        """A column as people call it."""
        return column.name if self.voice.chance(0.1) else column.name.replace("_", " ")

    def value(self, column: Column) -> tuple[Value, str]:
        """A value for a column: as it is said, and as a query writes it."""
        value = value_for(self.rng, column, self.words)
        said = self.voice.later("value", text=str(value)) if column.kind == "text" else str(value)
        return said, literal(value)

    def things(self, singular: str) -> dict[str, Value]:
        """What is asked about, one of it and many."""
        return {"singular": singular, "plural": singular if singular.endswith("s") else plural(singular)}

    def pick(self, columns: Sequence[Column], *kinds: str) -> Column:
        able = [column for column in columns if not kinds or column.kind in kinds]
        if not able:
            raise NotHere
        return self.rng.choice(able)

    def what(self, columns: Sequence[Column]) -> dict[str, Value]:
        """Some columns that are wanted, in their order."""
        names = [self.column(column) for column in columns]
        if len(names) == 1:
            return {"what": names[0], "are": "is"}
        said = dict(zip("xyz", names, strict=False))
        return {"what": self.voice.later("both" if len(names) == 2 else "three", **said), "are": "are"}


def in_number(value: Value, number: Mapping[str, Value]) -> Value:
    """The value as it is said of one thing, or of many, whatever stands around it."""
    return value if isinstance(value, str) else lambda scope: value({**scope, **number})


def agreeing(one: str, many: str) -> Value:
    """A verb in the number of what it stands with."""

    def say(scope: Scope) -> str:
        return one if scope.get("have") == "has" else many

    return say


def comparison(asker: Asker, columns: Sequence[Column], name: Name) -> Clause:
    """A column compared with a value."""
    column = asker.pick(columns)
    if column.kind == "text":
        sign = asker.rng.choices(("=", "<>"), (5, 1))[0]
    else:
        sign = asker.rng.choices(list(SIGNS), (5, 5, 3, 3, 3, 1))[0]
    said, written = asker.value(column)
    return _clause(asker, "it", column, said, f"{name(column)} {sign} {written}", SIGNS[sign])


def _clause(asker: Asker, kind: str, column: Column, said: Value, query: str, sign: str = "") -> Clause:
    voice = asker.voice
    scope: dict[str, Value] = {"column": asker.column(column), "v": said}
    if sign:
        scope |= {"is": voice.later(f"is_{sign}"), "of": voice.later(f"of_{sign}")}
        scope |= {"does_it": voice.later(f"does_{sign}"), "sign": voice.later(f"sign_{sign}")}
    does = "does_that" if kind == "it" else f"does_{kind}"
    return Clause(voice.later(f"where_{kind}", **scope), voice.later(does, **scope), query)


PIECES = {"contains": "CONTAINS", "starts": "STARTS WITH", "ends": "ENDS WITH"}


def piece(asker: Asker, columns: Sequence[Column], write: Callable[[Column, str, str], str]) -> Clause:
    """A text column that contains, starts with or ends with some letters; `write` gives the query's words for it."""
    column = asker.pick(columns, "text")
    value = str(value_for(asker.rng, column, asker.words))
    kind = asker.rng.choice(list(PIECES))
    size = asker.rng.randint(1, min(4, len(value)))
    start = {"starts": 0, "ends": len(value) - size}.get(kind, asker.rng.randint(0, len(value) - size))
    letters = value[start : start + size].strip() or value[0]
    said = asker.voice.later("value", text=letters)
    clause = _clause(asker, "text", column, said, write(column, kind, letters))
    contains = {"contains": asker.voice.later(kind)}
    return Clause(_with(clause.where, contains), _with(clause.does or "", contains), clause.query)


def null(asker: Asker, columns: Sequence[Column], name: Name) -> Clause:
    """A column that has no value, or that has one."""
    column = asker.pick(columns)
    missing = asker.voice.chance(0.6)
    query = f"{name(column)} IS {'' if missing else 'NOT '}NULL"
    return _clause(asker, "null" if missing else "set", column, "", query)


def two(asker: Asker, columns: Sequence[Column], name: Name) -> Clause:
    """Two comparisons, on different columns."""
    if len(columns) < 2:
        raise NotHere
    pair = [comparison(asker, [column], name) for column in asker.rng.sample(list(columns), 2)]
    word = asker.rng.choice(("and", "and", "or"))
    where = asker.voice.later(word, x=pair[0].where, y=pair[1].where)
    does = asker.voice.later(word, x=pair[0].does or "", y=pair[1].does or "")
    return Clause(where, does, f"{pair[0].query} {word.upper()} {pair[1].query}")


def order(asker: Asker, columns: Sequence[Column], name: Name, text: float = 0.15) -> tuple[dict[str, Value], str]:
    """An order by a column: values for `ordered`, and the query's words after ORDER BY."""
    voice = asker.voice
    if voice.chance(text):
        column = asker.pick(columns, "text")
        return {"ordered": voice.later("ordered_text", key=asker.column(column))}, name(column)
    column = asker.pick(columns, *NUMBERS)
    key = asker.column(column)
    if voice.chance(0.15):
        return {"ordered": voice.later("ordered_plain", key=key)}, name(column)
    return {"ordered": voice.later("ordered"), "key": key} | _direction(asker, down := voice.chance(0.5)), (
        name(column) + (" DESC" if down else "")
    )


def _direction(asker: Asker, down: bool) -> dict[str, Value]:
    voice, way = asker.voice, "desc" if down else "asc"
    return {
        "dir": voice.later(f"dir_{way}"),
        "way": voice.later(f"way_{way}"),
        "first": voice.later("most" if down else "least"),
        "last": voice.later("least" if down else "most"),
    }


def extreme(asker: Asker, columns: Sequence[Column], name: Name) -> tuple[dict[str, Value], str, int]:
    """The first few by a number: values for `top` and `top_one`, the query's order, and how many."""
    column = asker.pick(columns, *NUMBERS)
    down = asker.voice.chance(0.6)
    count = asker.rng.choice((1, 1, 2, 3, 3, 4, 5, 5, 6, 7, 8, 9, 10, 10, 15, 20))
    values: dict[str, Value] = {"key": asker.column(column), "n": number(asker, count)} | _direction(asker, down)
    values |= {"extreme": values["first"], "ordered": asker.voice.later("ordered")}
    return values, name(column) + (" DESC" if down else ""), count


def number(asker: Asker, count: int) -> Value:
    """A number, in digits or as a word."""
    return asker.voice.later(f"number_{count}") if count <= NUMBER_WORDS else str(count)


def _with(value: Value, more: Mapping[str, Value]) -> Value:
    return value if isinstance(value, str) else lambda scope: value({**scope, **more})
