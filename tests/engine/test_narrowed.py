"""Rules that say less for one request: exactly what was said and the rule takes, whatever that is."""

import random
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runtime.engine.engine import Engine, Request
from runtime.engine.errors import GrammarRefused
from runtime.engine.gbnf_narrowed import MOST_CHARACTERS, MOST_LETTERS, Said
from runtime.engine.grammar import CompiledGrammar, Grammars
from runtime.engine.substrings import Piece
from runtime.engine.tokenizer import Tokenizer

NAMES = 'root ::= "<" name ( "," name )* ">"\nname ::= [a-c] [a-c0-9_]{0,5} | "\\"" [^"]+ "\\""'
TOLD = 'root ::= "<" told? ">"\ntold ::= char+\nchar ::= [^<>\\\\] | "\\\\" ["n\\\\]'
SLOW = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@pytest.fixture(scope="module")
def tokenizer(base: Path) -> Tokenizer:
    return Tokenizer.load(base)


@pytest.fixture(scope="module")
def grammars(tokenizer: Tokenizer) -> Grammars:
    return Grammars(tokenizer, 512)


def takes(grammar: CompiledGrammar, tokenizer: Tokenizer, text: str) -> bool:
    matcher = grammar.start()
    try:
        for token in tokenizer.encode(text):
            matcher.accept(token)
    except GrammarRefused:
        return False
    return matcher.may_end


@settings(max_examples=60, deadline=None, suppress_health_check=SLOW)
@given(
    st.lists(
        st.text("abc01_x", max_size=7) | st.text('ab"\\/ é\n', max_size=4).map(lambda text: f'"{text}"'), max_size=8
    ),
    st.randoms(use_true_random=False),
)
def test_a_name_is_one_that_was_said_and_that_the_rule_takes(
    grammars: Grammars, tokenizer: Tokenizer, names: list[str], rng: random.Random
) -> None:
    whole = grammars.compile(NAMES)
    narrow = grammars.narrow(grammars.narrowable(NAMES, ["name"]), {"name": Said(tuple(names))})
    taken = {name for name in names if takes(whole, tokenizer, f"<{name}>")}
    others = {name[:-1] for name in names} | {name + "a" for name in names} | {"a", "abc", '"a"'}
    for name in {*names, *others}:
        may = name in taken if taken else takes(whole, tokenizer, f"<{name}>")
        assert takes(narrow, tokenizer, f"<{name}>") == may, (names, name)
    if taken:
        several = ",".join(rng.choices(sorted(taken), k=4))
        assert takes(narrow, tokenizer, f"<{several}>")


@settings(max_examples=60, deadline=None, suppress_health_check=SLOW)
@given(
    st.lists(
        st.lists(st.sampled_from(["ab", "a", " ", "b", '\\"', "\\n", "<", "é", "ab ", ""]), max_size=7), max_size=3
    ),
    st.sets(st.integers(0, 6)),
    st.sets(st.integers(0, 6)),
)
def test_a_run_is_of_pieces_that_follow_each_other(
    grammars: Grammars, tokenizer: Tokenizer, runs: list[list[str]], inner: set[int], last: set[int]
) -> None:
    said = Said(
        runs=tuple(tuple(Piece(text, at not in inner, at not in last) for at, text in enumerate(run)) for run in runs)
    )
    narrow = grammars.narrow(grammars.narrowable(TOLD, ["told"]), {"told": said})
    may = set()
    for run in runs:
        for begin in range(len(run)):
            for end in range(begin + 1, len(run) + 1):
                part = run[begin:end]
                if begin not in inner and end - 1 not in last and all(piece not in ("", "<") for piece in part):
                    may.add("".join(part))
    if not may:
        return
    others = (
        {text[1:] for text in may} | {text + "a" for text in may} | {"b a", "aa", "é"} | {"".join(run) for run in runs}
    )
    for text in (may | others) - {""}:
        if "<" not in text:
            assert takes(narrow, tokenizer, f"<{text}>") == (text in may), (runs, inner, last, text)
    assert takes(narrow, tokenizer, "<>"), "what is around the rule stays as it is"


def test_what_finds_nothing_and_what_is_too_much_stays_as_it_is_written(
    grammars: Grammars, tokenizer: Tokenizer
) -> None:
    narrowable = grammars.narrowable(NAMES, ["name"])
    long = Said(tuple(f"a{number:05}" for number in range(MOST_CHARACTERS)))
    for said in ({}, {"name": Said()}, {"name": Said(("XX", ""))}, {"name": long}):
        assert takes(grammars.narrow(narrowable, said), tokenizer, "<abc>")


@pytest.mark.parametrize(
    ("grammar", "rule", "why"),
    [
        (NAMES, "nome", "has no rule named nome"),
        (NAMES, "root", "has no rule named root"),
        ('root ::= "(" a ")"\na ::= "x" | "(" a ")"', "a", "calls itself"),
        ('root ::= a "."\na ::= <|im_end|>', "a", "names tokens"),
        ('root ::= a "."\na ::= ([a-z]{0,200} "."){0,200}', "a", "too large"),
    ],
)
def test_a_rule_that_cannot_be_narrowed_is_refused(grammars: Grammars, grammar: str, rule: str, why: str) -> None:
    with pytest.raises(GrammarRefused, match=why):
        grammars.narrowable(grammar, [rule])


def test_only_a_loop_can_be_narrowed_to_a_text(grammars: Grammars) -> None:
    with pytest.raises(GrammarRefused, match="repeats nothing"):
        grammars.narrow(grammars.narrowable(NAMES, ["name"]), {"name": Said(runs=((Piece("a"), Piece("b")),))})


@pytest.mark.parametrize(
    "pieces",
    [
        ["a"] * MOST_CHARACTERS,
        ["a", " "] * (MOST_CHARACTERS // 2),
        [chr(0x4E00 + place % MOST_LETTERS) for place in range(MOST_CHARACTERS)],
        [f"word{place} " for place in range(MOST_CHARACTERS // 10)],
    ],
    ids=["one letter", "blanks", "letters", "words"],
)
def test_a_long_text_costs_a_moment_and_can_be_copied(
    grammars: Grammars, tokenizer: Tokenizer, pieces: list[str]
) -> None:
    narrowable = grammars.narrowable(TOLD, ["told"])
    begun = time.thread_time()
    narrow = grammars.narrow(narrowable, {"told": Said(runs=(tuple(map(Piece, pieces)),))})
    assert time.thread_time() - begun < 5
    matcher = narrow.start()
    for token in tokenizer.encode("<" + "".join(pieces[3:200])):
        forbidden, errors = grammars.forbidden([matcher])
        assert errors == [""] and not forbidden[0, token]
        matcher.accept(token)


def test_a_model_bound_to_names_says_one_of_them(base: Path) -> None:
    engine = Engine.load(base)
    narrowable = engine.grammars.narrowable(NAMES, ["name"])
    bound = [engine.grammars.narrow(narrowable, {"name": Said((name,))}) for name in ("a_1", "cab")]
    prompt = engine.tokenizer.encode("the quick brown fox")
    requests = [Request(prompt, max_tokens=12, grammar=each, id=str(place)) for place, each in enumerate(bound)]
    for name, result in zip(("a_1", "cab"), engine.generate(requests), strict=True):
        assert result.text.startswith(f"<{name}")
