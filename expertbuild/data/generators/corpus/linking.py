"""Names and how people say them: `OrderItem` and "order items", `unit_price` and "unit price", `LIVES_IN` and "live in".

A schema stands above, a phrase below, and the answer is a name of that schema, or the other way round. Never more:
no query and no pattern follows a request, and what a text tells is not asked here.
"""

import random
from collections.abc import Callable

from expertbuild.data.generators.corpus.copying import turns
from expertbuild.data.generators.corpus.cypher_text import Graph, graph
from expertbuild.data.generators.relation_words import verbs
from expertbuild.data.generators.tables import schema
from expertbuild.data.generators.words import full_name, invented, plural, text_value, thing, words

Chat = list[dict[str, str]]


def sample(rng: random.Random) -> str | Chat:
    return rng.choices(
        (_spellings, _respell, _label, _labels, _property, _holder, _relation, _told, _number),
        (3, 4, 5, 5, 4, 3, 5, 5, 3),
    )[0](rng)


def camel(spoken: str) -> str:
    return "".join(word.capitalize() for word in spoken.split())


SPELLINGS: dict[str, Callable[[str], str]] = {
    "a label": camel,
    "a table": lambda spoken: plural(spoken).replace(" ", "_"),
    "a column": lambda spoken: spoken.replace(" ", "_"),
    "a relationship": lambda spoken: spoken.replace(" ", "_").upper(),
    "camelCase": lambda spoken: spoken.split()[0] + camel(" ".join(spoken.split()[1:])),
    "kebab-case": lambda spoken: spoken.replace(" ", "-"),
    "a title": str.title,
    "plural": plural,
}


def _spellings(rng: random.Random) -> str:
    """One thing after the other, each in the same few spellings."""
    ways = rng.sample(sorted(SPELLINGS), rng.randint(2, 4))
    joint = rng.choice((" -> ", " = ", ", ", " | ", ": "))
    return "\n".join(
        joint.join(SPELLINGS[way](noun) for way in ways) for noun in (_noun(rng) for _ in range(rng.randint(3, 7)))
    )


def _respell(rng: random.Random) -> Chat:
    noun = _noun(rng)
    source, target = rng.sample(sorted(SPELLINGS), 2)
    given = noun if rng.random() < 0.4 else SPELLINGS[source](noun)
    ask = rng.choice(("Write {} as {}.", "{} as {}?", "Spell {} as {}.", "How is {} written as {}?"))
    return turns(ask.format(given, target), SPELLINGS[target](noun))


def _label(rng: random.Random) -> Chat:
    """Which label a phrase is about, and how a label is said."""
    one = _graph(rng)
    label = rng.choice(list(one.labels))
    if rng.random() < 0.25:
        ask = rng.choice(("How does one say {} for many?", "{} in plain words, more than one?"))
        return turns(f"{one.text()}\n{ask.format(label)}", plural(spoken(label)))
    ask = rng.choice(("Which label is meant by {}?", "{}: which label?", "What is the label of {}?", "Label for {}?"))
    return turns(f"{one.text()}\n{ask.format(_phrase(rng, label))}", label)


def _labels(rng: random.Random) -> Chat:
    """The labels of a sentence, in its order."""
    one = _graph(rng, at_least=2)
    said = rng.sample(list(one.labels), min(len(one.labels), rng.choice((1, 2, 2, 3))))
    text = _sentence(rng, [_phrase(rng, label) for label in said])
    ask = rng.choice(("Which labels are in it?", "Name the labels in this order.", "Labels?", "Which kinds of node?"))
    return turns(f"{one.text()}\n{text}\n{ask}", ", ".join(said))


def _property(rng: random.Random) -> Chat:
    """A column or property, from its words."""
    names, text = _named(rng)
    holder = rng.choice(list(names))
    name = rng.choice(names[holder])
    words_ = name.replace("_", " ")
    said = rng.choice(
        (f"the {words_}", words_, plural(words_), f"its {words_}", f"{words_} of the {plural(spoken(holder))}")
    )
    ask = rng.choice(
        (
            "Which name is written for {}?",
            "{}: which one?",
            "How is {} called here?",
            "Where it says {}, what is the name?",
        )
    )
    return turns(f"{text}\n{ask.format(said)}", name)


def _holder(rng: random.Random) -> Chat:
    """What has such a property; sometimes nothing has."""
    names, text = _named(rng)
    every = [name for listed in names.values() for name in listed]
    wanted = rng.choice(every) if rng.random() < 0.8 else invented(rng)
    found = [holder for holder, listed in names.items() if wanted in listed]
    ask = rng.choice(("What has {}?", "Which of them has {}?", "Where is {}?", "{} belongs to what?"))
    return turns(f"{text}\n{ask.format(wanted.replace('_', ' '))}", ", ".join(found) or "nothing")


def _relation(rng: random.Random) -> Chat:
    """The relationship that a verb means."""
    one = _graph(rng, at_least=2)
    start, kind, end = rng.choice(one.relations)
    verb = verbs()[kind]
    a, b = spoken(start), spoken(end)
    said = [
        f"{plural(a)} that {verb.many} {_some(rng, end)}",
        f"{_article(a)} {verb.one} {_article(b)}",
        f"which {plural(b)} {verb.help_one} {rng.choice((full_name(rng), text_value(rng)))} {verb.base}",
        f"how many {plural(b)} {verb.help_one} each {a} {verb.base}",
    ]
    if verb.passive:
        said.append(f"{plural(b)} {verb.passive} {_some(rng, start)}")
    text = rng.choice(said)
    ask, answer = rng.choice(
        (
            ("Which relationship?", kind),
            ("Name the relationship.", kind),
            ("From which label to which?", f"{start} to {end}"),
            ("Where does it start?", start),
            ("Where does it end?", end),
        )
    )
    return turns(f"{one.text()}\n{text}\n{ask}", answer)


def _told(rng: random.Random) -> str | Chat:
    """What a schema says, in sentences."""
    one = _graph(rng, at_least=2)
    lines = []
    for start, kind, end in one.relations:
        verb, a, b = verbs()[kind], spoken(start), spoken(end)
        ways = [f"{_article(a)} {verb.one} {_article(b)}", f"{plural(a)} {verb.many} {plural(b)}"]
        ways += [f"{plural(b)} are {verb.passive} {plural(a)}"] * bool(verb.passive)
        line = rng.choice(ways)
        lines.append(line[0].upper() + line[1:] + ".")
    for label, columns in one.labels.items():
        listed = [column.name.replace("_", " ") for column in columns]
        text = " and ".join((", ".join(listed[:-1]), listed[-1])) if len(listed) > 1 else listed[0]
        lines.append(f"{_article(spoken(label)).capitalize()} has {text}.")
    rng.shuffle(lines)
    told = " ".join(lines[: rng.randint(1, len(lines))])
    if rng.random() < 0.5:
        return f"{one.text()}\n{told}"
    return turns(
        f"{one.text()}\n{rng.choice(('Say it in plain words.', 'What does this tell?', 'Read it to me.'))}", told
    )


def _number(rng: random.Random) -> Chat:
    """Words and numbers picked out of a line of words: copying, by kind or by place."""
    parts = [rng.choice((invented, text_value, thing))(rng).replace("_", " ") for _ in range(rng.randint(3, 8))]
    marks = {rng.randrange(len(parts)): str(rng.choice((rng.randint(2, 99), rng.randint(100, 9999), round(rng.random() * 90, 2)))) for _ in range(2)}  # fmt: skip
    for place, number in marks.items():
        parts[place] = number
    text = " ".join(parts)
    tokens = text.split()
    place = rng.randrange(len(tokens) - 1)
    numbers = [word for word in tokens if word.replace(".", "", 1).isdigit()]
    big = [word for word in tokens if word[0].isupper()]
    ask, answer = rng.choice(
        (
            ("Which numbers are in it?", ", ".join(numbers)),
            ("Which words begin with a capital?", ", ".join(big) or "none"),
            (f"Which word comes after {tokens[place]}?", tokens[place + 1])
            if tokens.count(tokens[place]) == 1
            else ("First word?", tokens[0]),
            ("The last three words?", " ".join(tokens[-3:])),
            ("The first two words?", " ".join(tokens[:2])),
        )
    )
    return turns(f"{text}\n{ask}", answer)


def spoken(name: str) -> str:
    """`OrderItem` and `order_items` as words."""
    parts = [("_" if letter.isupper() and place else "") + letter.lower() for place, letter in enumerate(name)]
    return "".join(parts).replace("_", " ")


def _noun(rng: random.Random) -> str:
    return thing(rng).replace("_", " ") if rng.random() < 0.85 else invented(rng)


def _graph(rng: random.Random, at_least: int = 1) -> Graph:
    return graph(rng, labels=max(at_least, rng.choice((1, 2, 2, 3))))


def _phrase(rng: random.Random, label: str) -> str:
    noun = spoken(label)
    return rng.choice(
        (
            plural(noun),
            plural(noun),
            f"the {plural(noun)}",
            f"every {noun}",
            f"each {noun}",
            _article(noun),
            f"{rng.choice(words('color'))} {plural(noun)}",
            f"{plural(noun)} named {text_value(rng)}",
            f"the {noun} {full_name(rng)}",
        )
    )


def _sentence(rng: random.Random, phrases: list[str]) -> str:
    """The phrases with a little between them."""
    joints = ("and", "with", "by", "for", "of", "without", "near", "before", "or", "that go with", "together with")
    text = phrases[0]
    for phrase in phrases[1:]:
        text += f" {rng.choice(joints)} {phrase}"
    before = rng.choice(
        ("I see", "tell me about", "there are", "we need", "what of", "first come", "this is about", "")
    )
    text = f"{before} {text}".strip()
    return text[0].upper() + text[1:] + rng.choice((".", "", "?"))


def _some(rng: random.Random, label: str) -> str:
    noun = spoken(label)
    return rng.choice((plural(noun), _article(noun), f"no {noun}", f"the {noun} {text_value(rng)}", full_name(rng)))


def _article(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _named(rng: random.Random) -> tuple[dict[str, list[str]], str]:
    """Names of things and of what they have, with the schema that says so."""
    if rng.random() < 0.5:
        one = _graph(rng)
        return {label: [column.name for column in columns] for label, columns in one.labels.items()}, one.text()
    tables = schema(rng, tables=rng.choice((1, 2)), columns=(2, 5))
    text = "\n".join(table.ddl() for table in tables)
    return {table.name: [column.name for column in table.of_kind()] for table in tables}, text
