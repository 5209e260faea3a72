"""One meaning in many words: requests about things said again in other words, and facts told in another order.

A meaning is drawn first (what is asked of which things, under which condition), then said twice from wide lists of
ways to say each part. English stands beside English and nothing else: no query, no document and no extraction
follows. The ways to ask are this file's own; no task draws its questions from here.
"""

import random
from dataclasses import dataclass

from expertbuild.data.generators.corpus.copying import turns
from expertbuild.data.generators.tables import Column, Table, schema, value_for
from expertbuild.data.generators.words import full_name, plural, text_value, thing, words

Chat = list[dict[str, str]]

_SIGNS = {
    ">": (
        *("greater than", "more than", "above", "over", "higher than", "larger than", "bigger than", "exceeding"),
        *("in excess of", "beyond", "upwards of", "past"),
    ),
    "<": ("less than", "below", "under", "lower than", "smaller than", "beneath", "short of", "fewer than"),
    ">=": (
        *("at least", "no less than", "greater than or equal to", "not below", "not less than", "a minimum of"),
        *("or more than", "not under"),
    ),
    "<=": (
        *("at most", "no more than", "less than or equal to", "not above", "not more than", "a maximum of", "up to"),
        *("not over",),
    ),
    "=": ("", "", "equal to", "exactly", "precisely", "the same as", "just", "equal to exactly"),
    "<>": ("not", "other than", "different from", "not equal to", "anything but", "anything except", "unlike"),
}
_DATES = {
    ">": ("after", "later than", "past", "following", "since after", "more recent than"),
    "<": ("before", "earlier than", "prior to", "ahead of", "until before"),
    "=": ("on", "exactly on", "precisely on", "dated"),
}
_AGGREGATES = {
    "average": ("average", "mean", "arithmetic mean", "average value of", "typical", "mean value of"),
    "total": ("total", "sum of", "combined", "overall", "added up", "summed up", "aggregate", "whole"),
    "lowest": ("lowest", "smallest", "minimum", "least", "bottom", "minimal", "tiniest"),
    "highest": ("highest", "largest", "maximum", "greatest", "top", "biggest", "most", "peak", "maximal"),
}
_UP = (
    *("in ascending order", "ascending", "from low to high", "lowest first", "smallest first", "increasing"),
    *("starting with the lowest", "going up", "from smallest to largest", "upwards", "the least first"),
)
_DOWN = (
    *("in descending order", "descending", "from high to low", "highest first", "largest first", "decreasing"),
    *("starting with the highest", "going down", "from largest to smallest", "downwards", "the greatest first"),
)
_SHOW = (
    *("List", "Show", "Give", "Give me", "Show me", "Display", "Find", "Get", "Return", "Print", "Tell me", "Name"),
    *("Fetch", "Look up", "I need", "I want", "I would like", "Let me see", "Report", "Retrieve", "Output", "Provide"),
    *("I am looking for", "We need", "Write down", "Pull up", "I want to know", "Present", "Bring up", "Identify"),
)
_ALL = ("", "", "all ", "the ", "the ", "all the ", "every one of the ", "any ", "those ")
_CONDITIONS = (
    *("where the {c} is {w} {v}", "whose {c} is {w} {v}", "with {c} {w} {v}", "with a {c} {w} {v}"),
    *("having a {c} {w} {v}", "that have a {c} {w} {v}", "for which the {c} is {w} {v}", "if the {c} is {w} {v}"),
    *("when the {c} is {w} {v}", "of {c} {w} {v}", "that show a {c} {w} {v}", "which have {c} {w} {v}"),
    *("as long as the {c} is {w} {v}", "in case the {c} is {w} {v}", "where {c} equals {w} {v}", "({c} {w} {v})"),
)
_MISSING = (
    *("with no {c}", "without a {c}", "whose {c} is missing", "whose {c} is unknown", "that lack a {c}"),
    *("where no {c} is given", "for which the {c} was left out", "having no {c}", "with the {c} not filled in"),
)
_LIST = (
    *("{show} the {what} of {all}{rows} {cond}.", "{show} {what} for {all}{rows} {cond}."),
    *("What is the {what} of {all}{rows} {cond}?", "What are the {what} of {rows} {cond}?"),
    *("Which {what} do {rows} {cond} have?", "For {all}{rows} {cond}, {lshow} the {what}.", "{what} of {rows} {cond}"),
    *("Among the {rows}, {lshow} the {what} of those {cond}.", "Take the {rows} {cond} and {lshow} their {what}."),
    *("Of all {rows} {cond}, what is the {what}?", "From the {rows}, {lshow} {what} {cond}."),
    *("There are {rows} {cond}: what is their {what}?", "{show} each {what} that belongs to {rows} {cond}."),
    *("Only the {rows} {cond}: {lshow} the {what}.", "Go through the {rows} {cond} and {lshow} the {what}."),
)
_COUNT = (
    *("How many {rows} are there {cond}?", "Count the {rows} {cond}.", "What is the number of {rows} {cond}?"),
    *("How many {rows} {cond}?", "{show} the number of {rows} {cond}.", "{show} how many {rows} there are {cond}."),
    *("Number of {rows} {cond}", "What is the count of {rows} {cond}?", "{show} a count of {rows} {cond}."),
    *("Among the {rows}, how many are there {cond}?", "For the {rows} {cond}, {lshow} the count."),
    *("How large is the number of {rows} {cond}?", "Of the {rows}, count those {cond}.", "Say how many {rows} {cond}."),
)
_AGGREGATE = (
    *("What is the {agg} {n} of {all}{rows} {cond}?", "{show} the {agg} {n} for {all}{rows} {cond}."),
    *("{show} the {agg} {n} over {rows} {cond}.", "{agg} {n} of {rows} {cond}"),
    *("For {rows} {cond}, what is the {agg} {n}?", "Looking at {rows} {cond}, {lshow} the {agg} {n}."),
    *("Work out the {agg} {n} across the {rows} {cond}.", "Compute the {agg} {n} of {rows} {cond}."),
    *("Among {rows} {cond}, how large is the {agg} {n}?", "Take {rows} {cond}: what is their {agg} {n}?"),
)
_TOP = (
    *("{show} the {k} {rows} with the {agg} {n}.", "Which {k} {rows} have the {agg} {n}?"),
    *("{show} the {k} {rows} that have the {agg} {n}.", "The {k} {rows} of {agg} {n}"),
    *("By {n}, which are the {agg} {k} {rows}?", "{show} those {k} {rows} whose {n} is {agg}."),
    *("Among all {rows}, {lshow} the {k} with the {agg} {n}.", "Limit the {rows} to the {k} with the {agg} {n}."),
)
_SORT = (
    *(
        "{show} {all}{rows} ordered by {n} {dir}.",
        "{show} {all}{rows} sorted by {n}, {dir}.",
        "Sort {rows} by {n} {dir}.",
    ),
    *("Arrange the {rows} by {n} {dir}.", "Order {all}{rows} by {n}, {dir}.", "{show} {rows} by {n} {dir}."),
    *("Put the {rows} in order of {n}, {dir}.", "Rank {rows} by {n} {dir}.", "{rows}, ordered by {n}, {dir}"),
)
_GROUP = (
    *("How many {rows} are there for each {c}?", "Count the {rows} per {c}.", "{show} the number of {rows} by {c}."),
    *("For every {c}, {lshow} the number of {rows}.", "{show} each {c} and how many {rows} it has."),
    *("Break the {rows} down by {c} and count them.", "Group the {rows} by {c} and count.", "By {c}, how many {rows}?"),
    *("Per {c}, what is the number of {rows}?", "{show} a count of {rows} for each of the {c} values."),
)
_GROUP_BY = (
    *("What is the {agg} {n} of {rows} for each {c}?", "{show} the {agg} {n} of {rows} per {c}."),
    *("For every {c}, {lshow} the {agg} {n} of the {rows}.", "By {c}, what is the {agg} {n} of {rows}?"),
    *("Group the {rows} by {c} and {lshow} the {agg} {n}.", "{show} each {c} with the {agg} {n} of its {rows}."),
    *("Break the {agg} {n} of {rows} down by {c}.", "Per {c}, how large is the {agg} {n} of {rows}?"),
)
_HAVING = (
    *(
        "Which {c} has {w} {k} {rows}?",
        "{show} each {c} with {w} {k} {rows}.",
        "{show} every {c} that has {w} {k} {rows}.",
    ),
    *("For which {c} are there {w} {k} {rows}?", "{show} the {c} values that occur in {w} {k} {rows}."),
    *("Where the {rows} number {w} {k}, what is the {c}?", "{show} the {c} if it has {w} {k} {rows}."),
)
_DISTINCT = (
    *(
        "What are the different {c} values of {rows}?",
        "{show} every distinct {c} of the {rows}.",
        "Which {c} values occur?",
    ),
    *(
        "{show} the unique {c} of {rows}.",
        "Without repeats, {lshow} the {c} of {rows}.",
        "{show} each {c} of {rows} once.",
    ),
    *("Leave out repeats and {lshow} the {c} of the {rows}.", "{show} which kinds of {c} the {rows} have."),
)
_AVERAGE = (
    *("Which {rows} have a {n} {side} the average?", "{show} {rows} whose {n} is {side} the mean."),
    *("{show} the {rows} with {side} average {n}.", "{show} {rows} that have a {n} {side} the average of all."),
    *("Compared with the average {n}, which {rows} are {side} it?",),
)
_SIDES = {
    "above": ("above", "higher than", "greater than", "over"),
    "below": ("below", "lower than", "less than", "under"),
}
_RELATED = (
    *(
        "{show} the {what} of {rows} whose {other} has {c} {w} {v}.",
        "Which {rows} belong to the {other} with {c} {w} {v}?",
    ),
    *(
        "{show} {what} of the {rows} that go with a {other} of {c} {w} {v}.",
        "For the {other} with {c} {w} {v}, {lshow} the {what} of its {rows}.",
    ),
    *("{show} {what} for {rows} of any {other} where the {c} is {w} {v}.",),
)
_MANNERS = (
    *("{}", "{}", "{}", "{}", "{}", "{}", "Please {}", "Can you {}?", "Could you {}?", "Would you {}?", "Kindly {}"),
    *("I want you to {}", "{}, please", "Hi, {}", "I would like you to {}", "{} Thanks.", "Will you {}?", "Now {}"),
)
_ORDERS = (
    *("List", "Show", "Give", "Display", "Find", "Get", "Return", "Print", "Tell", "Name", "Fetch", "Look", "Report"),
    *("Retrieve", "Output", "Provide", "Count", "Work", "Compute", "Sort", "Arrange", "Order", "Put", "Rank", "Group"),
    *("Break", "Say", "Take", "Go", "Limit", "Write", "Pull", "Present", "Bring", "Identify", "Leave"),
)


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
    parts["show"] = rng.choice(_SHOW)
    parts["lshow"] = parts["show"] if parts["show"].startswith("I ") else parts["show"][0].lower() + parts["show"][1:]
    parts["all"] = rng.choice(_ALL)
    parts["agg"] = rng.choice(_AGGREGATES[meaning.aggregate]) if meaning.aggregate else ""
    parts["dir"] = rng.choice(_UP if meaning.order == "up" else _DOWN)
    parts["w"] = rng.choice(_SIGNS[meaning.compared]) if meaning.compared else parts.get("w", "")
    parts["side"] = rng.choice(_SIDES[meaning.side]) if meaning.side else ""
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
    aggregate, order = rng.choice(list(_AGGREGATES)), rng.choice(("up", "down"))
    sign, side = rng.choice((">", "<", ">=", "<=")), rng.choice(list(_SIDES))
    n, c, k = parts["n"], parts["c"], parts["k"]
    fixed = {">": "more than", "<": "less than", ">=": "at least", "<=": "at most"}[sign]
    kind = rng.choice(("list", "list", "list", "count", "count", "agg", "agg", "top", "sort", "group", "by", "having", "distinct", "average", "related"))  # fmt: skip
    if kind == "related" and len(tables) > 1:
        parent = tables[0]
        other, sign_, value = _drawn(rng, parent, missing=False)
        noun = parent.name.replace("_", " ").removesuffix("s")
        word = _sign_word(rng, other, sign_)
        more = {"other": noun, "c": _said(other), "w": word, "v": str(value)}
        return Meaning(_RELATED, {**parts, **more}, f"list {shown} of {rows}, {noun} {_plainly((other, sign_, value))}")
    if kind == "count":
        return Meaning(_COUNT, parts, f"count {rows}{tail}", condition)
    if kind == "agg":
        return Meaning(_AGGREGATE, parts, f"{aggregate} {n} of {rows}{tail}", condition, aggregate=aggregate)
    if kind == "top":
        extreme = rng.choice(("highest", "lowest"))
        return Meaning(_TOP, parts, f"list {rows}, {k} with {extreme} {n}", aggregate=extreme)
    if kind == "sort":
        end = "lowest first" if order == "up" else "highest first"
        return Meaning(_SORT, parts, f"list {rows} by {n}, {end}", order=order)
    if kind == "group":
        return Meaning(_GROUP, parts, f"count {rows} for each {c}")
    if kind == "by":
        return Meaning(_GROUP_BY, parts, f"{aggregate} {n} of {rows} for each {c}", aggregate=aggregate)
    if kind == "having":
        return Meaning(_HAVING, parts, f"list {c} with {fixed} {k} {rows}", compared=sign)
    if kind == "distinct":
        return Meaning(_DISTINCT, parts, f"list different {c} of {rows}")
    if kind == "average":
        return Meaning(_AVERAGE, parts, f"list {rows} with {n} {side} average", side=side)
    return Meaning(_LIST, parts, f"list {shown} of {rows}{tail}", condition)


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
    ways = [say(rng, one) for _ in range(rng.randint(2, 5))]
    if rng.random() < 0.5:
        ways.append(one.plain)
    return rng.choice(("\n", "\n- ", " = ")).join(ways)


def _same(rng: random.Random) -> Chat:
    """Whether two requests mean the same; when not, they differ in one thing."""
    state = rng.getstate()
    tables = _tables(rng)
    one = meaning(rng, tables)
    other = one
    if rng.random() < 0.5:
        after = rng.getstate()
        rng.setstate(state)
        for _ in range(8):
            other = meaning(rng, tables)
            if other.forms == one.forms and other.plain != one.plain:
                break
        rng.setstate(after)
        rng.random()
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
    if one.forms is _LIST:
        asked.append(("What should be shown?", one.parts["what"]))
    if one.forms in (_GROUP, _GROUP_BY):
        asked.append(("One line for each what?", one.parts["c"]))
    if one.compared:
        asked.append(("More or less than what number?", one.parts["k"]))
    question, answer = rng.choice(asked)
    return turns(_below(rng, tables, f"{say(rng, one)}\n{question}"), answer)


def _word(rng: random.Random) -> str | Chat:
    """Words that mean the same."""
    group = rng.choice([*_AGGREGATES.values(), *_SIGNS.values(), *_DATES.values(), _UP, _DOWN])
    listed = [word for word in dict.fromkeys(group) if word]
    if rng.random() < 0.5:
        return ", ".join(rng.sample(listed, min(len(listed), rng.randint(2, 6)))) + ": all mean the same."
    first, second = rng.sample(listed, 2)
    return turns(f"Another way to say {first!r}?", second)


_FACTS = {
    "city": ("{who} lives in {v}", "{who}'s home is in {v}", "{who} comes from {v}", "{v} is where {who} lives"),
    "age": ("{who} is {v} years old", "{who} is {v}", "{who}'s age is {v}", "at the age of {v}, {who} is with us"),
    "job": ("{who} works as {v}", "{who} is employed as {v}", "{who}'s job is {v}", "by trade {who} is {v}"),
    "color": ("{who} likes {v}", "{who}'s favorite color is {v}", "the color that {who} prefers is {v}"),
    "bought": ("{who} bought {v}", "{who} ordered {v}", "{v} went to {who}", "{who} has paid for {v}"),
    "day": ("{who} comes on {v}", "on {v} {who} will be here", "{who} is expected on {v}", "the visit of {who} is on {v}"),
    "sum": ("{who} owes {v} euros", "the bill of {who} is {v} euros", "{v} euros are due from {who}"),
}  # fmt: skip


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
    chosen = rng.sample(sorted(_FACTS), rng.randint(2, 4))
    first, second = (_told(rng, who, chosen, values) for _ in range(2))
    if rng.random() < 0.4:
        return f"{first}\n{second}"
    return turns(f"{rng.choice(('Tell it again in other words: ', 'Rephrase: ', 'Put differently: '))}{first}", second)


def _told(rng: random.Random, who: str, chosen: list[str], values: dict[str, str]) -> str:
    order = rng.sample(chosen, len(chosen))
    parts = [rng.choice(_FACTS[name]).format(who=who, v=values[name]) for name in order]
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
    signs = {"text": ("=", "=", "=", "<>"), "date": tuple(_DATES)}.get(column.kind, tuple(_SIGNS))
    value = value_for(rng, column) if rng.random() < 0.8 or column.kind != "text" else text_value(rng)
    return column, rng.choice(signs), value


def _sign_word(rng: random.Random, column: Column, sign: str) -> str:
    if column.kind == "text" and sign == "=":
        return ""
    return rng.choice((_DATES if column.kind == "date" else _SIGNS)[sign])


def _condition(rng: random.Random, condition: tuple[Column, str, object]) -> str:
    column, sign, value = condition
    if not sign:
        return rng.choice(_MISSING).format(c=_said(column))
    shown = rng.choice((str(value), str(value), f"'{value}'", f'"{value}"')) if column.kind == "text" else str(value)
    form = rng.choice(_CONDITIONS[:14] if sign != "=" else _CONDITIONS)
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
    form = rng.choice(_MANNERS)
    if form == "{}" or text.split()[0] not in _ORDERS:
        return text
    inner = text.rstrip(".")
    if not form.startswith("{}"):
        inner = inner[0].lower() + inner[1:]
    elif "." in form:
        inner += "."
    return form.format(inner)
