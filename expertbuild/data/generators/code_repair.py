"""The task "mend this code": a small type or function with one thing wrong, and the code as it was meant.

What is lost is a bracket, a quote, a colon or the like; what is wrong is a keyword of another language or one misspelt.
Code with nothing wrong comes back as it is. Whether the damage breaks it is the writers' business (`LOST`, `SLIPS`),
and tests hold that every damaged piece is refused by its language.
"""

import random
import re
from dataclasses import replace
from types import ModuleType

from expertbuild.data.generators import code_model as model
from expertbuild.data.generators.code_languages import language as language_of
from expertbuild.data.generators.code_rows import SAID, row
from expertbuild.data.generators.phrases import Voice, spoken
from expertbuild.data.rows import Row

WHOLE = 0.08
LOSES = 0.6


def draw(rng: random.Random, words: str = "train", phrasings: str = "train", language: str = "python") -> Row:
    """One piece of code, broken, and whole."""
    writer = language_of(language)
    before, code, tests = _piece(rng, words, language, writer)
    stratum, broken = _broken(rng, writer, code)

    def write(voice: Voice) -> str:
        shown = f"```{language}\n{broken}\n```" if voice.chance(0.2) else broken
        return voice.say("repair", code=shown, language=writer.NAME)

    asked = spoken(SAID["repair"], rng, phrasings, write)
    return row("code_repair", language, asked, code, f"repair, {stratum}", before=before, tests=tests, broken=broken)


def _piece(rng: random.Random, part: str, language: str, writer: ModuleType) -> tuple[str, str, str]:
    """What stands before it, the code, and its tests."""
    if rng.random() < 0.4:
        record = replace(model.record(rng, part, 2, 4), camel=language == "typescript")
        form = writer.FORMS[0]
        return "", writer.declare(record, form), writer.type_tests(record, form)
    one = model.function(rng, part)
    one = replace(one, record=replace(one.record, camel=language == "typescript"))
    tests = writer.function_tests(one, model.tried(rng, part, one))
    return writer.declare(one.record, writer.FORMS[0]), writer.define(one), tests


def _broken(rng: random.Random, writer: ModuleType, code: str) -> tuple[str, str]:
    if rng.random() < WHOLE:
        return "nothing wrong", code
    if rng.random() < LOSES:
        mark = rng.choice([mark for mark in writer.LOST if mark in code])
        places = [
            place for place in range(len(code)) if code.startswith(mark, place) and writer.breaks(code, place, mark)
        ]
        if places:
            place = rng.choice(places)
            return "something missing", code[:place] + code[place + len(mark) :]
    slips = {
        slip: [match.start() for match in re.finditer(rf"(?<!\w){re.escape(slip[0])}", code)] for slip in writer.SLIPS
    }
    right, wrong = rng.choice([slip for slip, found in slips.items() if found])
    place = rng.choice(slips[right, wrong])
    return "a wrong word", code[:place] + wrong + code[place + len(right) :]
