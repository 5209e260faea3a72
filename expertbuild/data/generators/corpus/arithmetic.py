"""Arithmetic on small numbers, comparing and counting."""

import random

from expertbuild.data.generators.corpus.copying import turns
from expertbuild.data.generators.words import plural, thing, words


def sample(rng: random.Random) -> str | list[dict[str, str]]:
    return rng.choice((_sums, _ask, _compare, _order, _count))(rng)


def _problem(rng: random.Random) -> tuple[str, int]:
    a, b = rng.randint(0, 50), rng.randint(0, 50)
    choice = rng.random()
    if choice < 0.5:
        return f"{a} + {b}", a + b
    if choice < 0.8:
        return f"{max(a, b)} - {min(a, b)}", abs(a - b)
    a, b = rng.randint(0, 10), rng.randint(0, 10)
    return f"{a} * {b}", a * b


def _sums(rng: random.Random) -> str:
    return "\n".join(f"{text} = {result}" for text, result in (_problem(rng) for _ in range(rng.randint(2, 8))))


def _ask(rng: random.Random) -> list[dict[str, str]]:
    text, result = _problem(rng)
    return turns(
        rng.choice(("What is {}?", "Compute {}.", "{} =", "How much is {}?")).format(text),
        str(result),
    )


def _compare(rng: random.Random) -> list[dict[str, str]]:
    a, b = rng.sample(range(1000), 2)
    if rng.random() < 0.5:
        return turns(f"Which is larger, {a} or {b}?", str(max(a, b)))
    return turns(f"Which is smaller, {a} or {b}?", str(min(a, b)))


def _order(rng: random.Random) -> list[dict[str, str]]:
    numbers = rng.sample(range(100), rng.randint(3, 6))
    down = rng.random() < 0.5
    ask = "from the highest to the lowest" if down else "from the lowest to the highest"
    answer = ", ".join(map(str, sorted(numbers, reverse=down)))
    return turns(f"Sort {ask}: {', '.join(map(str, numbers))}", answer)


def _count(rng: random.Random) -> list[dict[str, str]]:
    what = thing(rng).replace("_", " ")
    a, b = rng.randint(1, 20), rng.randint(1, 20)
    who = rng.choice(words("person"))
    if rng.random() < 0.5:
        text, result = f"{who} has {a} {plural(what)} and gets {b} more.", a + b
    else:
        text, result = f"{who} has {a + b} {plural(what)} and gives {b} away.", a
    return turns(f"{text} How many {plural(what)} does {who} have now?", str(result))
