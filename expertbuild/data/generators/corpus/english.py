"""Plain English about tables, graphs, records and programs; questions said in other words; small talk.

A question may stand beside the same question in other words, and beside nothing else: neither a
query nor an extraction follows. The phrasings are this file's own; no task draws from it.
"""

import random

from expertbuild.data.generators.corpus.copying import sentence, turns
from expertbuild.data.generators.corpus.records import table_and_rows
from expertbuild.data.generators.tables import Column, Table, schema, value_for
from expertbuild.data.generators.words import (
    full_name,
    plural,
    text_value,
    thing,
    words,
)

_ASSISTANT = (
    ("Hello", "Hello! How can I help you?"),
    ("Hi there", "Hello! What can I do for you?"),
    ("Good morning", "Good morning! How can I help?"),
    ("Thank you", "You are welcome."),
    ("Thanks a lot", "You are welcome."),
    ("Who are you?", "I am a small language model."),
    ("What can you do?", "I can read and write short texts, tables and code."),
    ("Can you help me?", "Yes. What do you need?"),
    ("Goodbye", "Goodbye!"),
    ("How are you?", "I am well, thank you."),
)


def sample(rng: random.Random) -> str | list[dict[str, str]]:
    return rng.choices(
        (
            _about_table,
            _about_record,
            _restate,
            _passage,
            _instruction,
            _small_talk,
            _form,
        ),
        (4, 3, 7, 3, 3, 1, 2),
    )[0](rng)


def said(name: str) -> str:
    return name.replace("_", " ")


def _about_table(rng: random.Random) -> str:
    tables = schema(rng, tables=rng.choice((1, 2)), columns=(2, 4))
    text = []
    for table in tables:
        names = [said(column.name) for column in table.of_kind()]
        listing = ", ".join(names[:-1]) + (" and " if len(names) > 1 else "") + names[-1]
        text.append(
            rng.choice(
                (
                    f"The table {table.name} holds {said(table.name)}. Each has {listing}.",
                    f"{table.name} is a table with the columns {listing}.",
                    f"For every row of {table.name} we know the {listing}.",
                )
            )
        )
        if table.foreign_key:
            text.append(f"Each row of {table.name} belongs to one of the {said(table.parent)}.")
        column = rng.choice(table.of_kind())
        text.append(f"One of the {said(table.name)} has {said(column.name)} {value_for(rng, column)}.")
    return "\n".join([table.ddl() for table in tables] + [" ".join(text)] if rng.random() < 0.4 else [" ".join(text)])


def _about_record(rng: random.Random) -> str:
    table, names, lines = table_and_rows(rng, 3)
    text = []
    for line in lines:
        parts = [f"{said(name)} {value}" for name, value in zip(names[1:], line[1:], strict=True)]
        text.append(f"Number {line[0]} of the {said(table.name)} has {' and '.join(parts)}.")
    return " ".join(text)


def _restate(rng: random.Random) -> list[dict[str, str]]:
    """The same question in other words."""
    table = schema(rng, columns=(2, 4))[0]
    ways = _ways(rng, table)
    first, second = rng.sample(ways, 2)
    ask = rng.choice(
        (
            "Say it another way: ",
            "In other words: ",
            "Rephrase: ",
            "Ask the same differently: ",
            "Paraphrase.\n",
        )
    )
    text = f"{ask}{first}"
    if rng.random() < 0.4:
        text = f"{table.ddl()}\n{text}"
    return turns(text, second)


def _ways(rng: random.Random, table: Table) -> list[str]:
    rows = said(table.name)
    column = rng.choice(table.of_kind())
    numeric = list(table.of_kind("integer", "real")) or [Column("id", "integer", "INT")]
    number = rng.choice(numeric)
    n, c = said(number.name), said(column.name)
    value = value_for(rng, column)
    limit = rng.randint(2, 90)
    small = rng.randint(2, 9)
    return rng.choice(
        (
            [
                f"How many {rows} have {c} {value}?",
                f"Count the {rows} whose {c} is {value}.",
                f"What is the number of {rows} where the {c} equals {value}?",
                f"Tell me how many {rows} there are with {c} {value}.",
            ],
            [
                f"Which {rows} have a {n} of more than {limit}?",
                f"Show the {rows} with {n} greater than {limit}.",
                f"List {rows} whose {n} is above {limit}.",
                f"Find all {rows} where {n} exceeds {limit}.",
            ],
            [
                f"Which {rows} have a {n} of less than {limit}?",
                f"Show the {rows} with {n} below {limit}.",
                f"List {rows} whose {n} is under {limit}.",
                f"Find all {rows} where {n} is smaller than {limit}.",
            ],
            [
                f"What is the average {n} of the {rows}?",
                f"Give the mean {n} of all {rows}.",
                f"On average, what {n} do the {rows} have?",
                f"Compute the mean value of {n} over the {rows}.",
            ],
            [
                f"What is the highest {n} of the {rows}?",
                f"Give the maximum {n} among the {rows}.",
                f"How large is the largest {n} of any of the {rows}?",
                f"Find the biggest {n} in {rows}.",
            ],
            [
                f"What is the lowest {n} of the {rows}?",
                f"Give the minimum {n} among the {rows}.",
                f"How small is the smallest {n} of any of the {rows}?",
                f"Find the least {n} in {rows}.",
            ],
            [
                f"What is the total {n} of the {rows}?",
                f"Add up the {n} of all {rows}.",
                f"Give the sum of {n} over the {rows}.",
                f"How much {n} is there altogether in {rows}?",
            ],
            [
                f"How many {rows} are there for each {c}?",
                f"Count the {rows} per {c}.",
                f"For every {c}, give the number of {rows}.",
                f"Show the count of {rows} by {c}.",
            ],
            [
                f"What is the average {n} for each {c}?",
                f"Give the mean {n} per {c}.",
                f"For every {c}, how large is the {n} on average?",
                f"Show average {n} by {c}.",
            ],
            [
                f"Which {small} {rows} have the highest {n}?",
                f"Show the top {small} {rows} by {n}.",
                f"List the {small} {rows} with the most {n}.",
                f"Give the {small} {rows} with the largest {n}.",
            ],
            [
                f"Which {small} {rows} have the lowest {n}?",
                f"Show the bottom {small} {rows} by {n}.",
                f"List the {small} {rows} with the least {n}.",
                f"Give the {small} {rows} with the smallest {n}.",
            ],
            [
                f"Sort the {rows} by {n} from high to low.",
                f"List the {rows} in descending order of {n}.",
                f"Show all {rows}, the largest {n} first.",
                f"Order {rows} by {n}, highest first.",
            ],
            [
                f"Sort the {rows} by {n} from low to high.",
                f"List the {rows} in ascending order of {n}.",
                f"Show all {rows}, the smallest {n} first.",
                f"Order {rows} by {n}, lowest first.",
            ],
            [
                f"What different values of {c} are there in {rows}?",
                f"List every distinct {c} of the {rows} once.",
                f"Which {c} values occur among the {rows}?",
                f"Show the unique {c} of all {rows}.",
            ],
            [
                f"Which {c} has more than {small} {rows}?",
                f"Show every {c} with over {small} {rows}.",
                f"List each {c} that has at least {small + 1} {rows}.",
                f"For which {c} are there more than {small} {rows}?",
            ],
            [
                f"Which {rows} have a {n} above the average?",
                f"Show the {rows} whose {n} is higher than the mean.",
                f"List {rows} with more {n} than average.",
                f"Find the {rows} with above-average {n}.",
            ],
            [
                f"Which {rows} have a {n} between {limit} and {limit + small}?",
                f"Show the {rows} with {n} from {limit} to {limit + small}.",
                f"List {rows} whose {n} is at least {limit} and at most {limit + small}.",
                f"Find {rows} with {n} in the range {limit} to {limit + small}.",
            ],
            [
                f"Which {rows} do not have {c} {value}?",
                f"Show the {rows} whose {c} is not {value}.",
                f"List {rows} with a {c} other than {value}.",
                f"Find all {rows} except those with {c} {value}.",
            ],
            [
                f"Which {rows} have no {c}?",
                f"Show the {rows} whose {c} is missing.",
                f"List {rows} where the {c} is unknown.",
                f"Find all {rows} without a {c}.",
            ],
        )
    )


def _passage(rng: random.Random) -> str:
    return " ".join(sentence(rng) for _ in range(rng.randint(2, 5)))


def _instruction(rng: random.Random) -> list[dict[str, str]]:
    noun, adjective, color = (
        thing(rng),
        rng.choice(words("adjective")),
        rng.choice(words("color")),
    )
    person, city = rng.choice(words("person")), rng.choice(words("city"))
    things = [rng.choice(words("thing")) for _ in range(4)]
    text = f"{person} {rng.choice(words('verb'))} {adjective} {plural(said(noun))}"
    ask, answer = rng.choice(
        (
            (f"What is the plural of {said(noun)}?", plural(said(noun))),
            (f"Write in capital letters: {text}", text.upper()),
            (f"Write in small letters: {text}", text.lower()),
            (f"Sort by the alphabet: {', '.join(things)}", ", ".join(sorted(things))),
            (f"Join with dashes: {' '.join(things)}", "-".join(things)),
            (f"Join with underscores: {' '.join(things)}", "_".join(things)),
            (
                f"Write as camel case: {' '.join(things[:3])}",
                things[0] + "".join(w.capitalize() for w in things[1:3]),
            ),
            (f"Split at the underscores: {'_'.join(things)}", " ".join(things)),
            (f"Name the word after {adjective}: {text}", said(plural(noun)).split()[0]),
            (
                f"Make a sentence with {said(noun)}, {color} and {city}.",
                f"The {color} {said(noun)} is in {city}.",
            ),
            (f"How many words are in: {text}", str(len(text.split()))),
            (f"Does the text name {adjective}? {text}", "yes"),
        )
    )
    return turns(ask, answer)


def _small_talk(rng: random.Random) -> list[dict[str, str]]:
    pairs = rng.sample(_ASSISTANT, rng.choice((1, 1, 2)))
    return [turn for ask, answer in pairs for turn in turns(ask, answer)]


def _form(rng: random.Random) -> str:
    """A letter or notice with names and values in it."""
    who, city = full_name(rng), rng.choice(words("city"))
    about = plural(said(thing(rng)))
    return rng.choice(
        (
            f"Dear {who},\nthe {about} you asked for are in {city} now. Please take {text_value(rng)} with you.\nKind regards",
            f"Notice: the {about} of {city} are {rng.choice(words('status'))}. Ask {who} for more.",
            f"To do:\n- {rng.choice(words('verb'))} the {about}\n- ask {who}\n- write to {city}",
        )
    )
