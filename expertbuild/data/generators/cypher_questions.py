"""Kinds of questions about a graph, each with the Cypher that answers it, in one canonical form.

One function a stratum, from (asker, graph) to (question, query). Variables are named as the corpus names them; a
thing is shown by its name when nothing else is asked for; a relationship is written in the direction of the schema.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from expertbuild.data.generators import asked
from expertbuild.data.generators import cypher_words as along
from expertbuild.data.generators import question_words as say
from expertbuild.data.generators.asked import MANY, NUMBERS, ONE, Asker, Clause, NotHere, agreeing, in_number
from expertbuild.data.generators.corpus.cypher_text import Graph
from expertbuild.data.generators.phrases import Value, grammar
from expertbuild.data.generators.relation_words import Verb, verbs
from expertbuild.data.generators.tables import Column, literal

SAID = grammar(
    *(say.REQUESTS, say.LISTING, say.SUBJECTS, say.COMPARISONS, say.CONDITIONS, say.ORDERS, say.COUNTS),
    *(along.RELATED, along.GROUPED, along.LAYOUTS),
)

# A base whose tokens are pieces of words finds Sofa by "sofas" only with much practice: a build in which one label in
# fourteen was named as written chose the wrong one in half of its mistakes (22 of 42 that were read).
AS_WRITTEN = 0.3

Question = tuple[str, str]
Stratum = Callable[[Asker, Graph], Question]


@dataclass(frozen=True)
class Node:
    """One label of the graph, with the letter that stands for it in a query."""

    label: str
    letter: str
    columns: tuple[Column, ...]

    @property
    def name(self) -> Column:
        return self.columns[0]

    @property
    def pattern(self) -> str:
        return f"({self.letter}:{self.label})"

    def of(self, column: Column) -> str:
        return f"{self.letter}.{column.name}"


@dataclass(frozen=True)
class Link:
    """One relationship with both of its ends."""

    start: Node
    kind: str
    end: Node

    @property
    def pattern(self) -> str:
        return f"{self.start.pattern}-[:{self.kind}]->{self.end.pattern}"

    @property
    def verb(self) -> Verb:
        return verbs()[self.kind]


def node(asker: Asker, graph: Graph) -> Node:
    label = asker.rng.choice(list(graph.labels))
    return Node(label, label[0].lower(), graph.labels[label])


def link(asker: Asker, graph: Graph) -> Link:
    if not graph.relations:
        raise NotHere
    start, kind, end = asker.rng.choice(graph.relations)
    a, b = start[0].lower(), end[0].lower()
    a, b = (a, b) if a != b else (a + "1", b + "2")
    return Link(Node(start, a, graph.labels[start]), kind, Node(end, b, graph.labels[end]))


def spoken(asker: Asker, label: str) -> str:
    """A label as people call the thing: OrderItem is an order item, or an OrderItem to those who know the graph."""
    if asker.voice.chance(AS_WRITTEN):
        return label
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in label).strip()


def ask(asker: Asker, one: Node, shown: Sequence[Column], clause: Clause) -> str:
    """A question for these columns of the things that meet a condition; for their name alone, often for the things."""
    voice = asker.voice
    many = not voice.chance(0.12)
    scope = asker.things(spoken(asker, one.label)) | dict(MANY if many else ONE)
    scope |= {"subject": voice.later("many" if many else "one"), "where": clause.where}
    if list(shown) == [one.name] and voice.chance(0.7):
        if clause.does is not None and voice.chance(0.5):
            return voice.say("which", does=clause.does, **(scope | dict(MANY)))
        return voice.say("request", np=voice.later("things"), are=scope["be"], **scope)
    scope |= asker.what(shown)
    if voice.chance(0.4):
        return voice.say("listing_whole", **scope)
    return voice.say("request", np=voice.later("listing"), **scope)


def columns(asker: Asker, one: Node, only: float = 0.5) -> list[Column]:
    """What is shown: the name alone, or some columns."""
    if asker.voice.chance(only):
        return [one.name]
    return asker.rng.sample(one.columns, min(len(one.columns), asker.rng.choice((1, 1, 2, 2, 3))))


def returned(one: Node, shown: Sequence[Column]) -> str:
    return ", ".join(one.of(column) for column in shown)


def selected(condition: Callable[[Asker, Node], Clause]) -> Stratum:
    """Columns of the things that meet one kind of condition."""

    def stratum(asker: Asker, graph: Graph) -> Question:
        one = node(asker, graph)
        clause, shown = condition(asker, one), columns(asker, one)
        query = f"MATCH {one.pattern} WHERE {clause.query} RETURN {returned(one, shown)}"
        return ask(asker, one, shown, clause), query

    return stratum


def everything(asker: Asker, graph: Graph) -> Question:
    """Columns of all things of a kind."""
    one = node(asker, graph)
    shown = columns(asker, one, 0.4)
    return ask(asker, one, shown, Clause()), f"MATCH {one.pattern} RETURN {returned(one, shown)}"


def compared(asker: Asker, one: Node) -> Clause:
    return asked.comparison(asker, one.columns, one.of)


def in_part(asker: Asker, one: Node) -> Clause:
    def write(column: Column, kind: str, letters: str) -> str:
        return f"{one.of(column)} {asked.PIECES[kind]} {literal(letters)}"

    return asked.piece(asker, one.columns, write)


def unknown(asker: Asker, one: Node) -> Clause:
    return asked.null(asker, one.columns, one.of)


def twofold(asker: Asker, one: Node) -> Clause:
    return asked.two(asker, one.columns, one.of)


def matched(asker: Asker, graph: Graph, free: float) -> tuple[Node, Clause, str]:
    """Things, their condition if any, and the query up to what it returns; the condition may be a relationship."""
    if graph.relations and asker.voice.chance(0.25):
        one, clause, pattern = related(asker, link(asker, graph))
    else:
        one = node(asker, graph)
        clause, pattern = Clause() if asker.voice.chance(free) else compared(asker, one), one.pattern
    return one, clause, f"MATCH {pattern}" + (f" WHERE {clause.query}" if clause.query else "")


def count(asker: Asker, graph: Graph) -> Question:
    one, clause, query = matched(asker, graph, 0.3)
    voice = asker.voice
    scope = asker.things(spoken(asker, one.label)) | {**MANY, "where": clause.where, "are": "is"}
    if clause.does is not None and voice.chance(0.4):
        text = voice.say("counting_does", does=clause.does, **scope)
    elif voice.chance(0.5):
        text = voice.say("counting", **scope)
    else:
        text = voice.say("request", np=voice.later("counted"), **scope)
    return text, f"{query} RETURN count({one.letter})"


def aggregate(asker: Asker, graph: Graph) -> Question:
    one, clause, query = matched(asker, graph, 0.4)
    column = asker.pick(one.columns, *NUMBERS)
    name, voice = asker.rng.choice(("avg", "sum", "min", "max")), asker.voice
    scope = asker.things(spoken(asker, one.label)) | {**MANY, "where": clause.where, "are": "is"}
    scope |= {"agg": voice.later(name), "column": asker.column(column)}
    if voice.chance(0.35):
        text = voice.say("aggregating", **scope)
    else:
        text = voice.say("request", np=voice.later("aggregated"), **scope)
    return text, f"{query} RETURN {name}({one.of(column)})"


def order(asker: Asker, graph: Graph) -> Question:
    one, clause, query = matched(asker, graph, 0.6)
    shown, voice = columns(asker, one, 0.4), asker.voice
    values, by = asked.order(asker, one.columns, one.of)
    scope = asker.things(spoken(asker, one.label)) | {**MANY, "subject": voice.later("many"), "where": clause.where}
    scope |= asker.what(shown) | values
    bare = shown == [one.name] and voice.chance(0.7)
    scope |= {"inner": voice.later("things")} | ({"are": "are"} if bare else {"inner": voice.later("listing")})
    if voice.chance(0.3):
        text = voice.say("order_whole", **scope)
    else:
        text = voice.say("request", np=voice.later("with_order"), **scope)
    return text, f"{query} RETURN {returned(one, shown)} ORDER BY {by}"


def top(asker: Asker, graph: Graph) -> Question:
    one, clause, query = matched(asker, graph, 0.7)
    shown, voice = columns(asker, one), asker.voice
    values, by, many = asked.extreme(asker, one.columns, one.of)
    scope = asker.things(spoken(asker, one.label)) | dict(MANY if many > 1 else ONE) | values
    # "the top": what is asked of them is asked as of any things
    scope |= {"subject": voice.later("top" if many > 1 else "top_one"), "where": ""}
    scope["subject"] = in_scope(scope["subject"], where=clause.where)
    if shown == [one.name] and voice.chance(0.7):
        text = voice.say("request", np=scope["subject"], are=scope["be"], **scope)
    else:
        text = voice.say("request", np=voice.later("listing"), **(scope | asker.what(shown)))
    return text, f"{query} RETURN {returned(one, shown)} ORDER BY {by} LIMIT {many}"


def in_scope(value: Value, **values: Value) -> Value:
    return value if isinstance(value, str) else lambda scope: value({**scope, **values})


def distinct(asker: Asker, graph: Graph) -> Question:
    one, clause, query = matched(asker, graph, 0.6)
    column, voice = asker.pick(one.columns[1:]), asker.voice
    scope = asker.things(spoken(asker, one.label)) | {**MANY, "where": clause.where, "column": asker.column(column)}
    if voice.chance(0.25):
        text = voice.say("request", np=voice.later("distinct_count"), are="is", **scope)
        return text, f"{query} RETURN count(DISTINCT {one.of(column)})"
    if voice.chance(0.35):
        text = voice.say("distinct_whole", are="are", **scope)
    else:
        text = voice.say("request", np=voice.later("distinct"), are="are", **scope)
    return text, f"{query} RETURN DISTINCT {one.of(column)}"


def related(asker: Asker, both: Link, known: float = 0.6) -> tuple[Node, Clause, str]:
    """The things at one end of a relationship whose other end is named, or meets a condition."""
    voice, out = asker.voice, asker.voice.chance(0.5)
    mine, other = (both.start, both.end) if out else (both.end, both.start)
    end = asker.things(spoken(asker, other.label))
    names: dict[str, Value] = {"end": end["singular"], "ends": end["plural"]}
    one = True
    if voice.chance(known):
        said, written = asker.value(other.name)
        there, condition = voice.later("known", v=said, **names), f"{other.of(other.name)} = {written}"
    else:
        one = voice.chance(0.6)
        clause = compared(asker, other)
        condition = clause.query
        there = voice.later(
            "such" if one else "such_many", end_where=in_number(clause.where, ONE if one else MANY), **names
        )
    verb = both.verb
    scope: dict[str, Value] = {"other": there, "type": both.kind, "base": verb.base, "many": verb.many}
    if out:
        scope |= {"verb": agreeing(verb.one, verb.many)}
        return (
            mine,
            Clause(voice.later("where_out", **scope), voice.later("does_out", **scope), condition),
            both.pattern,
        )
    scope |= {"other_verb": verb.one if one else verb.many, "passive": verb.passive}
    where, does = ("where_passive", "does_passive") if verb.passive else ("where_back", "does_back")
    return mine, Clause(voice.later(where, **scope), voice.later(does, **scope), condition), both.pattern


def relation(known: float) -> Stratum:
    """Things at one end, by the other one's name (`known` 1) or by a condition on it (0)."""

    def stratum(asker: Asker, graph: Graph) -> Question:
        both = link(asker, graph)
        one, clause, pattern = related(asker, both, known)
        shown = columns(asker, one, 0.7)
        text = ask(asker, one, shown, clause)
        return text, f"MATCH {pattern} WHERE {clause.query} RETURN {returned(one, shown)}"

    return stratum


def unrelated(asker: Asker, graph: Graph) -> Question:
    """The things that have no such relationship."""
    both, voice = link(asker, graph), asker.voice
    verb, out = both.verb, voice.chance(0.6)
    one, other = (both.start, both.end) if out else (both.end, both.start)
    scope: dict[str, Value] = {"other": spoken(asker, other.label), "type": both.kind, "base": verb.base}
    scope |= {"verb": agreeing(verb.one, verb.many), "other_verb": verb.one, "many": verb.many}
    scope |= {"do_not": agreeing(f"{verb.help_one} not", f"{verb.help_many} not")}
    side = "out" if out else "back"
    pattern = (
        f"{one.pattern} WHERE NOT ({one.letter})-[:{both.kind}]->(:{other.label})"
        if out
        else f"{one.pattern} WHERE NOT (:{other.label})-[:{both.kind}]->({one.letter})"
    )
    clause = Clause(voice.later(f"where_{side}_not", **scope), voice.later(f"does_{side}_not", **scope))
    shown = columns(asker, one, 0.7)
    return ask(asker, one, shown, clause), f"MATCH {pattern} RETURN {returned(one, shown)}"


def _both(asker: Asker, both: Link) -> dict[str, Value]:
    """The words for both ends of a relationship, and for what holds between them."""
    a, b = asker.things(spoken(asker, both.start.label)), asker.things(spoken(asker, both.end.label))
    verb = both.verb
    scope: dict[str, Value] = {"a": a["singular"], "as": a["plural"], "b": b["singular"], "bs": b["plural"]}
    scope |= {"one": verb.one, "many": verb.many, "base": verb.base, "type": both.kind}
    return scope | {"helps": verb.help_one, "help_many": verb.help_many}


def pairs(asker: Asker, graph: Graph) -> Question:
    both, voice = link(asker, graph), asker.voice
    scope, side = _both(asker, both), "out" if voice.chance(0.7) else "back"
    if voice.chance(0.3):
        text = voice.say("pairs_whole" if side == "out" else "pairs_back_whole", **scope)
    else:
        text = voice.say("request", np=voice.later(f"pairs_{side}"), are="are", **scope)
    names = [one.of(one.name) for one in (both.start, both.end)]
    return text, f"MATCH {both.pattern} RETURN {', '.join(names if side == 'out' else names[::-1])}"


def group(asker: Asker, graph: Graph) -> Question:
    """How many of the others each one has; perhaps in order, perhaps only the first few."""
    both, voice = link(asker, graph), asker.voice
    scope, side = _both(asker, both), "out" if voice.chance(0.6) else "back"
    each, others = (both.start, both.end) if side == "out" else (both.end, both.start)
    query = f"MATCH {both.pattern} RETURN {each.of(each.name)}, count({others.letter}) AS total"
    if voice.chance(0.4):
        many = asker.rng.choice((2, 3, 3, 4, 5, 5, 6, 7, 8, 9, 10, 10))
        scope["n"] = asked.number(asker, many)
        if voice.chance(0.35):
            text = voice.say(f"most_{side}_whole", **scope)
        else:
            text = voice.say("request", np=voice.later(f"most_{side}"), are="are", **scope)
        return text, f"{query} ORDER BY total DESC LIMIT {many}"
    whole = voice.chance(0.45)
    text = (
        voice.say(f"grouped_{side}_whole", **scope)
        if whole
        else voice.say("request", np=voice.later(f"grouped_{side}"), are="is", **scope)
    )
    if voice.chance(0.3):
        mark = text[-1] if text[-1] in ".?" else ""
        text = f"{text.removesuffix(mark)}, {voice.say('grouped_most')}{mark}"
        query += " ORDER BY total DESC"
    return text, query


STRATA: dict[str, Stratum] = {
    "everything": everything,
    "filter": selected(compared),
    "two conditions": selected(twofold),
    "text": selected(in_part),
    "null": selected(unknown),
    "count": count,
    "aggregate": aggregate,
    "order": order,
    "top": top,
    "distinct": distinct,
    "relation": relation(known=1),
    "relation with condition": relation(known=0),
    "unrelated": unrelated,
    "pairs": pairs,
    "group": group,
}
