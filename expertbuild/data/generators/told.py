"""Short texts and what they tell: facts of many genres, told in sentences, notes and forms.

A genre is a set of fields; the words for them stand in `told_people`, `told_things`, `told_happenings` and
`told_words`. A text tells some fields and leaves others out, and which ones is known from what was spoken. What
anybody wants to know of it, `text_to_json` asks.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from expertbuild.data.generators import told_happenings, told_people, told_things, told_values, told_words
from expertbuild.data.generators.phrases import Value, Voice, grammar, sentence
from expertbuild.data.generators.told_values import Fact
from expertbuild.data.generators.words import words

SAID = grammar(
    *(told_people.PERSON, told_people.CONTACT, told_people.BOOKING, told_people.MEETING),
    *(told_things.PRODUCT, told_things.ORDER, told_things.PARCEL, told_things.FLAT),
    *(told_happenings.EVENT, told_happenings.LOG, told_words.ANYTHING, told_words.ASKED),
)

# Each genre's fields with the kind of their values (see `told_values`); the first is what the text is about.
_GENRES = """
person: name=full_name age=age city=city job=job company=company joined=date children=few married=flag hobby=hobby
contact: name=full_name phone=phone email=email company=company role=job city=city newsletter=flag
booking: guest=full_name hotel=house city=city nights=few guests=few arrival=date breakfast=flag price=price
meeting: topic=topic host=full_name date=date time=time room=room minutes=tens online=flag
product: product=product price=price color=color brand=company stock=count weight=weight sku=code used=flag
order: number=code customer=full_name item=product quantity=few total=price city=city status=status date=date paid=flag express=flag
parcel: code=code sender=full_name receiver=full_name origin=city goal=city weight=weight date=date fragile=flag
flat: city=city street=street rooms=few area=tens rent=count floor=few owner=full_name free=date furnished=flag
event: title=title city=city venue=house date=date time=time price=price seats=count host=full_name outdoor=flag
log: service=service level=level user=user date=iso_date time=time status=status_code ms=count retry=flag
thing: thing=product seen=date finder=full_name
"""
GENRES: dict[str, dict[str, str]] = {
    genre: dict(field.split("=") for field in fields.split())
    for genre, fields in (line.split(": ") for line in _GENRES.strip().splitlines())
}
PEOPLE = ("person", "contact")
MOST_FACTS = 6


@dataclass(frozen=True)
class Text:
    """A text, what it tells, and what it could have told."""

    genre: str
    text: str
    told: Mapping[str, Fact]
    untold: tuple[str, ...]


def tell(voice: Voice, part: str) -> Text:
    """A text of some genre."""
    genre = voice.rng.choice(list(GENRES))
    fields = GENRES[genre]
    facts = {name: told_values.KINDS[kind](voice.rng, part) for name, kind in fields.items()}
    extra = _properties(voice, genre, part)
    teller = Teller(voice, genre, facts | extra, tuple(extra))
    style = voice.rng.choices((teller.prose, teller.note, teller.form), (6, 3, 1) if genre != "log" else (1, 2, 0))[0]
    text = style()
    told = {name: fact for name, fact in (facts | extra).items() if name in teller.known}
    return Text(genre, text, told, tuple(name for name in fields if name not in told))


def labels(genre: str) -> set[str]:
    """All that the fields of a genre may be called, and the fields themselves."""
    called = {form.text for field in GENRES[genre] for form in SAID[f"{genre}_{field}_key"]}
    return called | set(GENRES[genre])


def _properties(voice: Voice, genre: str, part: str) -> dict[str, Fact]:
    """Some properties that only their name tells of: any words may be one."""
    count = voice.rng.choice((2, 3, 3, 4)) if genre == "thing" else voice.rng.choice((0, 0, 0, 1, 1, 2))
    made: dict[str, Fact] = {}
    taken = labels(genre)
    while len(made) < count and genre != "log":
        kind = voice.rng.choices(list(told_values.PROPERTIES), (5, 4, 3, 2, 2))[0]
        name = voice.rng.choice(words(f"{kind}_column", part))
        if name not in taken:
            made.setdefault(name, told_values.PROPERTIES[kind](voice.rng, part, name))
    return made


@dataclass
class Teller:
    """One text in the making."""

    voice: Voice
    genre: str
    facts: Mapping[str, Fact]
    extra: tuple[str, ...]

    def __post_init__(self) -> None:
        self.known: set[str] = set()
        she = self.voice.rng.choice((("she", "her", "her"), ("he", "his", "him")))
        they, its, them = she if self.genre in PEOPLE else ("it", "its", "it")
        subject = str(next(iter(self.facts.values())).text)
        scope: dict[str, Value] = {
            name: fact.text
            for name, fact in self.facts.items()
            if name not in self.extra and not isinstance(fact.value, bool)
        }
        scope |= {"they": they, "its": its, "it_": them, "first": subject.split()[0]}
        scope["it"] = self.voice.later(f"{self.genre}_it")
        self.scope = scope

    def prose(self) -> str:
        """A first sentence, and some more."""
        said = [self._sentence(self._heard(f"{self.genre}_opening"))]
        left = [name for name in self.facts if name not in self.known]
        more = [*self.extra, *self.voice.rng.sample(left, min(len(left), self.voice.rng.randint(0, 4)))]
        self.voice.rng.shuffle(more)
        for name in dict.fromkeys(more):
            if name not in self.known and len(self.known) < MOST_FACTS:
                said.append(self._sentence(self.sentence(name)))
        return ("\n" if self.voice.chance(0.1) else " ").join(said)

    def note(self) -> str:
        """Pieces, one after the other."""
        names = self._some(2, MOST_FACTS)
        joint = self.voice.rng.choice(
            (", ", ", ", "; ", " - ", " / ", "\n") if self.genre != "log" else (" ", " ", ", ")
        )
        bits = joint.join(self.piece(name) for name in names)
        if self.genre == "log":
            return bits
        text = self.voice.say("note", bits=bits, head=self.genre)
        return self._sentence(text) if self.voice.chance(0.5) and "\n" not in text else text

    def form(self) -> str:
        """One line a field."""
        lines = []
        mark = self.voice.rng.choice((": ", ": ", " = ", " - "))
        for name in self._some(2, MOST_FACTS):
            fact = self.facts[name]
            value = {True: "yes", False: "no"}[fact.value] if isinstance(fact.value, bool) else fact.text
            label = self.label(name)
            lines.append(f"{label.capitalize() if self.voice.chance(0.3) else label}{mark}{value}")
            self.known.add(name)
        return "\n".join(lines)

    def sentence(self, name: str) -> str:
        fact = self.facts[name]
        flag = isinstance(fact.value, bool)
        if name in self.extra or (not flag and self.voice.chance(0.15)):
            return self._property(name, "")
        return self._heard(f"{self.genre}_{name}" + (("_yes" if fact.value else "_no") if flag else ""), name)

    def piece(self, name: str) -> str:
        fact = self.facts[name]
        flag = isinstance(fact.value, bool)
        if name in self.extra or (not flag and self.voice.chance(0.15)):
            return self._property(name, "_bit")
        return self._heard(f"{self.genre}_{name}" + (("_yes" if fact.value else "_no") if flag else "") + "_bit", name)

    def label(self, name: str) -> str:
        """What a field is called in a text."""
        return (name if name in self.extra else self.voice.say(f"{self.genre}_{name}_key")).replace("_", " ")

    def _property(self, name: str, bit: str) -> str:
        fact = self.facts[name]
        if isinstance(fact.value, bool):
            return self._heard(f"flag_{'yes' if fact.value else 'no'}{bit}", name, flag=self.label(name))
        return self._heard(f"said{bit}", name, label=self.label(name), value=fact.text)

    def _heard(self, what: str, name: str = "", **more: Value) -> str:
        """A set spoken, and what it told noted."""
        before = len(self.voice.told)
        text = self.voice.say(what, **{**self.scope, **more})
        self.known |= {told for told in self.voice.told[before:] if told in self.facts and told not in self.extra}
        self.known |= {name} if name else set()
        return text

    def _sentence(self, text: str) -> str:
        """With a capital at the start, unless a value stands there: it is told as it is."""
        text, made = text.strip(), sentence(text)
        return (
            text[:1] + made[1:]
            if any(text.startswith(fact.text) for fact in self.facts.values() if fact.text)
            else made
        )

    def _some(self, least: int, most: int) -> list[str]:
        names = list(self.facts)
        count = min(len(names), self.voice.rng.randint(least + 1, most))
        chosen = (
            [*self.extra, *self.voice.rng.sample(names, count)]
            if self.genre == "thing"
            else self.voice.rng.sample(names, count)
        )
        return list(dict.fromkeys(chosen))
