"""One meaning in many words: requests about things said again in other words, and facts told in another order.

A meaning is drawn first (what is asked of which things, under which condition), then said twice from wide lists of
ways to say each part. English stands beside English and nothing else: no query, no document and no extraction
follows. The ways to ask stand in `paraphrase_words`; no task draws its questions from there.
"""

import random
from dataclasses import dataclass

from expertbuild.data.generators.corpus import paraphrase_words as ways
from expertbuild.data.generators.corpus.copying import turns
from expertbuild.data.generators.tables import Column, Table, schema, value_for
from expertbuild.data.generators.words import full_name, plural, text_value, thing, words

Chat = list[dict[str, str]]


@dataclass(frozen=True)
class Meaning:
    """What is asked: a kind of request, and the parts that fill it. `plain` says it in the fewest fixed words."""

    forms: tuple[str, ...]
    parts: dict[str, str]
    plain: str
    condition: tuple[Column, str, object] | None = None  # column, sign, value; the sign "" means: is missing
    aggregate: str = ""
    order: str = ""
    compared: str = ""
    side: str = ""


def sample(rng: random.Random) -> str | Chat:
    return rng.choices((_restate, _plain, _lines, _same, _parts, _word, _facts), (6, 5, 4, 3, 4, 1, 4))[0](rng)


def say(rng: random.Random, meaning: Meaning) -> str:
    """The meaning in words drawn at random."""
    parts = dict(meaning.parts)
    parts["show"] = rng.choice(ways.SHOW)
    parts["lshow"] = parts["show"] if parts["show"].startswith("I ") else parts["show"][0].lower() + parts["show"][1:]
    parts["all"] = rng.choice(ways.ALL)
    parts["agg"] = rng.choice(ways.AGGREGATES[meaning.aggregate]) if meaning.aggregate else ""
    parts["dir"] = rng.choice(ways.UP if meaning.order == "up" else ways.DOWN)
    parts["w"] = rng.choice(ways.SIGNS[meaning.compared]) if meaning.compared else parts.get("w", "")
    parts["side"] = rng.choice(ways.SIDES[meaning.side]) if meaning.side else ""
    parts["cond"] = _condition(rng, meaning.condition) if meaning.condition else ""
    text = " ".join(rng.choice(meaning.forms).format(**parts).split())
    for mark in ".?,:":
        text = text.replace(f" {mark}", mark)
    return _mannered(rng, text[0].upper() + text[1:])


def meaning(rng: random.Random, tables: list[Table]) -> Meaning:
    """Something one could ask about these tables."""
    table = tables[-1]
    rows = _rows(rng, table)
    columns = table.of_kind()
    column = rng.choice(columns)
    numbers = table.of_kind("integer", "real")
    number = rng.choice(numbers) if numbers else Column("number", "integer", "INT")
    what = rng.sample(columns, min(len(columns), rng.choice((1, 1, 2))))
    shown = " and ".join(_said(one) for one in what)
    parts = {"rows": rows, "c": _said(column), "n": _said(number), "what": shown, "k": str(rng.randint(1, 10))}
    condition = _drawn(rng, table) if rng.random() < 0.75 else None
    tail = f" where {_plainly(condition)}" if condition else ""
    aggregate, order = rng.choice(list(ways.AGGREGATES)), rng.choice(("up", "down"))
    sign, side = rng.choice((">", "<", ">=", "<=")), rng.choice(list(ways.SIDES))
    n, c, k = parts["n"], parts["c"], parts["k"]
    fixed = {">": "more than", "<": "less than", ">=": "at least", "<=": "at most"}[sign]
    kind = rng.choice(("list", "list", "list", "count", "count", "agg", "agg", "top", "sort", "group", "by", "having", "distinct", "average", "related"))  # fmt: skip
    if kind == "related" and len(tables) > 1:
        parent = tables[0]
        other, sign_, value = _drawn(rng, parent, missing=False)
        noun = parent.name.replace("_", " ").removesuffix("s")
        word = _sign_word(rng, other, sign_)
        more = {"other": noun, "c": _said(other), "w": word, "v": str(value)}
        return Meaning(
            ways.RELATED, {**parts, **more}, f"list {shown} of {rows}, {noun} {_plainly((other, sign_, value))}"
        )
    if kind == "count":
        return Meaning(ways.COUNT, parts, f"count {rows}{tail}", condition)
    if kind == "agg":
        return Meaning(ways.AGGREGATE, parts, f"{aggregate} {n} of {rows}{tail}", condition, aggregate=aggregate)
    if kind == "top":
        extreme = rng.choice(("highest", "lowest"))
        return Meaning(ways.TOP, parts, f"list {rows}, {k} with {extreme} {n}", aggregate=extreme)
    if kind == "sort":
        end = "lowest first" if order == "up" else "highest first"
        return Meaning(ways.SORT, parts, f"list {rows} by {n}, {end}", order=order)
    if kind == "group":
        return Meaning(ways.GROUP, parts, f"count {rows} for each {c}")
    if kind == "by":
        return Meaning(ways.GROUP_BY, parts, f"{aggregate} {n} of {rows} for each {c}", aggregate=aggregate)
    if kind == "having":
        return Meaning(ways.HAVING, parts, f"list {c} with {fixed} {k} {rows}", compared=sign)
    if kind == "distinct":
        return Meaning(ways.DISTINCT, parts, f"list different {c} of {rows}")
    if kind == "average":
        return Meaning(ways.AVERAGE, parts, f"list {rows} with {n} {side} average", side=side)
    return Meaning(ways.LIST, parts, f"list {shown} of {rows}{tail}", condition)


def _restate(rng: random.Random) -> Chat:
    tables = _tables(rng)
    one = meaning(rng, tables)
    ask = rng.choice(
        ("Say it another way: ", "In other words: ", "Rephrase: ", "Ask the same differently:\n", "Paraphrase: ")
    )
    return turns(_below(rng, tables, f"{ask}{say(rng, one)}"), say(rng, one))


def _plain(rng: random.Random) -> Chat:
    """A request, and the shortest way to say it."""
    tables = _tables(rng)
    one = meaning(rng, tables)
    ask = rng.choice(("Plainly: ", "In short: ", "Say it in few words: ", "What is meant?\n", "Shorter: "))
    return turns(_below(rng, tables, f"{ask}{say(rng, one)}"), one.plain)


def _lines(rng: random.Random) -> str:
    """The same several times over."""
    one = meaning(rng, _tables(rng))
    said = [say(rng, one) for _ in range(rng.randint(2, 5))]
    if rng.random() < 0.5:
        said.append(one.plain)
    return rng.choice(("\n", "\n- ", " = ")).join(said)


def _same(rng: random.Random) -> Chat:
    """Whether two requests mean the same; when not, they differ in one thing."""
    tables = _tables(rng)
    one = meaning(rng, tables)
    other = one
    if rng.random() < 0.5:
        for _ in range(40):  # another of the same kind, if one comes up; else anything
            other = meaning(rng, tables)
            if other.forms == one.forms and other.plain != one.plain:
                break
    answer = "yes" if other.plain == one.plain else "no"
    return turns(f"Do these mean the same?\n{say(rng, one)}\n{say(rng, other)}", answer)


def _parts(rng: random.Random) -> Chat:
    """What one part of a request says."""
    tables = _tables(rng)
    one = meaning(rng, tables)
    asked: list[tuple[str, str]] = [("Which things is it about?", one.parts["rows"])]
    if one.condition:
        asked.append(("Under which condition?", _plainly(one.condition)))
        asked.append(("Which property is compared?", _said(one.condition[0])))
    if one.aggregate:
        asked.append(("Average, total, lowest or highest?", one.aggregate))
        asked.append(("Of which property?", one.parts["n"]))
    if one.order:
        asked.append(("Lowest or highest first?", "lowest first" if one.order == "up" else "highest first"))
        asked.append(("Sorted by what?", one.parts["n"]))
    if one.forms is ways.LIST:
        asked.append(("What should be shown?", one.parts["what"]))
    if one.forms in (ways.GROUP, ways.GROUP_BY):
        asked.append(("One line for each what?", one.parts["c"]))
    if one.compared:
        asked.append(("More or less than what number?", one.parts["k"]))
    question, answer = rng.choice(asked)
    return turns(_below(rng, tables, f"{say(rng, one)}\n{question}"), answer)


def _word(rng: random.Random) -> str | Chat:
    """Words that mean the same."""
    group = rng.choice([*ways.AGGREGATES.values(), *ways.SIGNS.values(), *ways.DATES.values(), ways.UP, ways.DOWN])
    listed = [word for word in dict.fromkeys(group) if word]
    if rng.random() < 0.5:
        return ", ".join(rng.sample(listed, min(len(listed), rng.randint(2, 6)))) + ": all mean the same."
    first, second = rng.sample(listed, 2)
    return turns(f"Another way to say {first!r}?", second)


def _facts(rng: random.Random) -> Chat | str:
    """A few facts about somebody, told twice."""
    who = full_name(rng) if rng.random() < 0.5 else str(rng.choice(words("person")))
    days = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
    values = {
        "city": str(rng.choice(words("city"))),
        "age": str(rng.randint(18, 90)),
        "job": f"a {thing(rng).replace('_', ' ')} {rng.choice(('seller', 'maker', 'driver', 'painter', 'expert'))}",
        "color": str(rng.choice(words("color"))),
        "bought": f"{rng.randint(2, 40)} {plural(thing(rng).replace('_', ' '))}",
        "day": rng.choice(days),
        "sum": str(rng.randint(3, 900)),
    }
    chosen = rng.sample(sorted(ways.FACTS), rng.randint(2, 4))
    first, second = (_told(rng, who, chosen, values) for _ in range(2))
    if rng.random() < 0.4:
        return f"{first}\n{second}"
    return turns(f"{rng.choice(('Tell it again in other words: ', 'Rephrase: ', 'Put differently: '))}{first}", second)


def _told(rng: random.Random, who: str, chosen: list[str], values: dict[str, str]) -> str:
    order = rng.sample(chosen, len(chosen))
    parts = [rng.choice(ways.FACTS[name]).format(who=who, v=values[name]) for name in order]
    if rng.random() < 0.4:
        text = ", ".join(parts[:-1]) + " and " + parts[-1] + "."
        return text[0].upper() + text[1:]
    return " ".join(part[0].upper() + part[1:] + "." for part in parts)


def _tables(rng: random.Random) -> list[Table]:
    return schema(rng, tables=rng.choice((1, 1, 2)), columns=(2, 5))


def _below(rng: random.Random, tables: list[Table], text: str) -> str:
    """Often the request stands below the tables it is about."""
    if rng.random() < 0.55:
        return "\n".join(table.ddl() for table in tables) + "\n" + text
    return text


def _rows(rng: random.Random, table: Table) -> str:
    spoken = table.name.replace("_", " ")
    return spoken if spoken.endswith("s") or rng.random() < 0.2 else plural(spoken)


def _said(column: Column) -> str:
    return column.name.replace("_", " ")


def _drawn(rng: random.Random, table: Table, missing: bool = True) -> tuple[Column, str, object]:
    column = rng.choice(table.of_kind())
    if missing and rng.random() < 0.1:
        return column, "", ""
    signs = {"text": ("=", "=", "=", "<>"), "date": tuple(ways.DATES)}.get(column.kind, tuple(ways.SIGNS))
    value = value_for(rng, column) if rng.random() < 0.8 or column.kind != "text" else text_value(rng)
    return column, rng.choice(signs), value


def _sign_word(rng: random.Random, column: Column, sign: str) -> str:
    if column.kind == "text" and sign == "=":
        return ""
    return rng.choice((ways.DATES if column.kind == "date" else ways.SIGNS)[sign])


def _condition(rng: random.Random, condition: tuple[Column, str, object]) -> str:
    column, sign, value = condition
    if not sign:
        return rng.choice(ways.MISSING).format(c=_said(column))
    shown = rng.choice((str(value), str(value), f"'{value}'", f'"{value}"')) if column.kind == "text" else str(value)
    form = rng.choice(ways.CONDITIONS[:14] if sign != "=" else ways.CONDITIONS)
    return form.format(c=_said(column), w=_sign_word(rng, column, sign), v=shown)


def _plainly(condition: tuple[Column, str, object]) -> str:
    column, sign, value = condition
    if not sign:
        return f"{_said(column)} is missing"
    fixed = {">": "more than ", "<": "less than ", ">=": "at least ", "<=": "at most ", "=": "", "<>": "not "}
    dated = {">": "after ", "<": "before ", "=": "on "}
    return f"{_said(column)} {(dated if column.kind == 'date' else fixed)[sign]}{value}"


def _mannered(rng: random.Random, text: str) -> str:
    """Some orders become wishes and questions."""
    form = rng.choice(ways.MANNERS)
    if form == "{}" or text.split()[0] not in ways.ORDERS:
        return text
    inner = text.rstrip(".")
    if not form.startswith("{}"):
        inner = inner[0].lower() + inner[1:]
    elif "." in form:
        inner += "."
    return form.format(inner)
