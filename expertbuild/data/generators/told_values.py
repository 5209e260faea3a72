"""Values of facts: as JSON holds them, and as a text says them.

Numbers may be said as words, with a thousands comma or with cents; JSON has the number. Dates and times stay as said.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

from expertbuild.data.generators import words as lists
from expertbuild.data.generators.words import full_name, in_part, invented, plural, text_value, words

Json = str | int | float | bool


@dataclass(frozen=True)
class Fact:
    """One value: for JSON, and for the text."""

    value: Json
    text: str


_NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve"
NUMBER_WORDS = _NUMBERS.split()
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_JOBS = """
actor artist baker chef coach cook dealer designer doctor driver editor engineer farmer guard guide judge lawyer manager
mechanic nurse officer painter photographer pilot plumber professor sailor scholar singer soldier tailor teacher trainer
translator tutor waiter welder writer
"""


def jobs(part: str) -> list[str]:
    return [job for job in _JOBS.split() if in_part(job, part)]


def few(rng: random.Random, part: str) -> Fact:
    number = rng.randint(1, 12) if rng.random() < 0.85 else rng.randint(13, 60)
    if number < len(NUMBER_WORDS) and number > 1 and rng.random() < 0.3:
        return Fact(number, NUMBER_WORDS[number])
    number = max(number, 2)
    return Fact(number, str(number))


def count(rng: random.Random, part: str) -> Fact:
    number = rng.choice((rng.randint(2, 99), rng.randint(100, 999), rng.randint(1000, 9999)))
    return Fact(number, f"{number:,}" if number >= 1000 and rng.random() < 0.3 else str(number))


def price(rng: random.Random, part: str) -> Fact:
    if rng.random() < 0.3:
        return count(rng, part)
    number = round(rng.uniform(1, rng.choice((10, 100, 1000))), rng.choice((1, 2, 2)))
    return Fact(number, f"{number:.2f}" if rng.random() < 0.4 else str(number))


def date(rng: random.Random, part: str) -> Fact:
    iso = lists.date(rng)
    if rng.random() < 0.6:
        return Fact(iso, iso)
    year, month, day = iso.split("-")
    said = rng.choice(
        (f"{int(day)} {MONTHS[int(month) - 1]} {year}", f"{MONTHS[int(month) - 1]} {int(day)}", f"{day}.{month}.{year}")
    )
    return Fact(said, said)


def email(rng: random.Random, part: str) -> Fact:
    first, last = full_name(rng, part).lower().split()
    return _same(
        f"{rng.choice((first, f'{first}.{last}', last))}@{invented(rng, part)}.{rng.choice(('com', 'org', 'net'))}"
    )


def product(rng: random.Random, part: str) -> Fact:
    noun = rng.choice(words("thing", part))
    return _same(f"{rng.choice(words('adjective', part))} {noun}" if rng.random() < 0.6 else noun)


def phone(rng: random.Random, part: str) -> Fact:
    shape = rng.choice(("0## ### ###", "+## ### ####", "0###-#####", "###-####"))
    return _same("".join(str(rng.randint(1, 9)) if mark == "#" else mark for mark in shape))


def title(rng: random.Random, part: str) -> Fact:
    noun = rng.choice(words("thing", part)).capitalize()
    first = rng.choice((rng.choice(words("adjective", part)).capitalize(), rng.choice(words("city", part))))
    return _same(rng.choice((f"{first} {noun} Festival", f"{first} {noun} Fair", f"{noun} Night", f"{first} {noun}")))


def topic(rng: random.Random, part: str) -> Fact:
    noun = plural(rng.choice(words("thing", part)))
    return _same(f"{rng.choice(words('adjective', part))} {noun}" if rng.random() < 0.5 else noun)


def room(rng: random.Random, part: str) -> Fact:
    return _same(f"{rng.choice('ABCDEFGH')}{rng.randint(1, 400)}")


def weight(rng: random.Random, part: str) -> Fact:
    number = round(rng.uniform(0.2, rng.choice((5, 30))), 1)
    return Fact(number, str(number))


def _same(text: str) -> Fact:
    return Fact(text, text)


def _number(low: int, high: int, step: int = 1) -> Callable[[random.Random, str], Fact]:
    def draw(rng: random.Random, part: str) -> Fact:
        number = rng.randrange(low, high, step)
        return Fact(number, str(number))

    return draw


def _text(draw: Callable[[random.Random, str], str]) -> Callable[[random.Random, str], Fact]:
    return lambda rng, part: _same(draw(rng, part))


KINDS: dict[str, Callable[[random.Random, str], Fact]] = {
    "full_name": _text(full_name),
    "age": _number(18, 95),
    "few": few,
    "tens": _number(20, 200, 5),
    "count": count,
    "price": price,
    "weight": weight,
    "status_code": lambda rng, part: (lambda code: Fact(code, str(code)))(
        rng.choice((200, 201, 204, 301, 400, 401, 403, 404, 409, 429, 500, 502, 503))
    ),
    "flag": lambda rng, part: (lambda yes: Fact(yes, ""))(rng.random() < 0.5),
    "date": date,
    "iso_date": _text(lambda rng, part: lists.date(rng)),
    "time": _text(lambda rng, part: f"{rng.randint(0, 23):02d}:{rng.randint(0, 59):02d}"),
    "city": _text(lambda rng, part: rng.choice(words("city", part))),
    "color": _text(lambda rng, part: rng.choice(words("color", part))),
    "status": _text(lambda rng, part: rng.choice(words("status", part))),
    "job": _text(lambda rng, part: rng.choice(jobs(part))),
    "company": _text(lambda rng, part: invented(rng, part).capitalize() + rng.choice(("", "", " Ltd", " Group"))),
    "house": _text(
        lambda rng, part: (
            f"{rng.choice((rng.choice(words('color', part)), rng.choice(words('adjective', part)), rng.choice(words('surname', part)))).capitalize()} {rng.choice(words('thing', part)).capitalize()}"
        )
    ),
    "street": _text(lambda rng, part: f"{rng.choice(words('surname', part))} Street"),
    "hobby": _text(
        lambda rng, part: rng.choice(
            (
                rng.choice(words("verb", part)),
                f"{rng.choice(words('verb', part))} {plural(rng.choice(words('thing', part)))}",
            )
        )
    ),
    "email": email,
    "phone": phone,
    "code": _text(lists.code),
    "product": product,
    "title": title,
    "topic": topic,
    "room": room,
    "service": _text(lambda rng, part: rng.choice(words("thing", part)) + rng.choice(("", "-api", "-worker", "d"))),
    "level": _text(lambda rng, part: rng.choice(("INFO", "WARN", "ERROR", "DEBUG"))),
    "user": _text(
        lambda rng, part: rng.choice(words("person", part)).lower() + rng.choice(("", str(rng.randint(1, 99))))
    ),
}

PROPERTIES: dict[str, Callable[[random.Random, str, str], Fact]] = {
    "text": lambda rng, part, name: _same(text_value(rng, part, name)),
    "integer": lambda rng, part, name: count(rng, part) if rng.random() < 0.5 else few(rng, part),
    "real": lambda rng, part, name: price(rng, part),
    "flag": lambda rng, part, name: KINDS["flag"](rng, part),
    "date": lambda rng, part, name: date(rng, part),
}
