"""Rules that say less for one request: exactly what was said and the rule takes, whatever that is."""

import random
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runtime.engine.engine import Engine, Request
from runtime.engine.errors import GrammarRefused
from runtime.engine.gbnf_narrowed import MOST_CHARACTERS, MOST_LETTERS, Said
from runtime.engine.grammar import Grammars
from runtime.engine.substrings import Piece
from runtime.engine.tokenizer import Tokenizer
from tests.engine.accepting import accepts

NAMES = 'root ::= "<" name ( "," name )* ">"\nname ::= [a-c] [a-c0-9_]{0,5} | "\\"" [^"]+ "\\""'
TOLD = 'root ::= "<" told? ">"\ntold ::= char+\nchar ::= [^<>\\\\] | "\\\\" ["n\\\\]'
SLOW = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@settings(max_examples=60, deadline=None, suppress_health_check=SLOW)
@given(
    st.lists(
        st.text("abc01_x", max_size=7) | st.text('ab"\\/ é\n', max_size=4).map(lambda text: f'"{text}"'), max_size=8
    ),
    st.randoms(use_true_random=False),
)
def test_a_name_is_one_that_was_said_and_that_the_rule_accepts(
    grammars: Grammars, tokenizer: Tokenizer, names: list[str], rng: random.Random
) -> None:
    whole = grammars.compile(NAMES)
    narrow = grammars.narrow(grammars.narrowable(NAMES, ["name"]), {"name": Said(tuple(names))}) or whole
    taken = {name for name in names if accepts(whole, tokenizer, f"<{name}>")}
    others = {name[:-1] for name in names} | {name + "a" for name in names} | {"a", "abc", '"a"'}
    for name in {*names, *others}:
        may = name in taken if taken else accepts(whole, tokenizer, f"<{name}>")
        assert accepts(narrow, tokenizer, f"<{name}>") == may, (names, name)
    if taken:
        several = ",".join(rng.choices(sorted(taken), k=4))
        assert accepts(narrow, tokenizer, f"<{several}>")


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
        assert narrow is None
        return
    assert narrow is not None
    others = (
        {text[1:] for text in may} | {text + "a" for text in may} | {"b a", "aa", "é"} | {"".join(run) for run in runs}
    )
    for text in (may | others) - {""}:
        if "<" not in text:
            assert accepts(narrow, tokenizer, f"<{text}>") == (text in may), (runs, inner, last, text)
    assert accepts(narrow, tokenizer, "<>"), "what is around the rule stays as it is"


def test_what_finds_nothing_and_what_is_too_much_stays_as_it_is_written(grammars: Grammars) -> None:
    narrowable = grammars.narrowable(NAMES, ["name"])
    long = Said(tuple(f"a{number:05}" for number in range(MOST_CHARACTERS)))
    said: dict[str, Said]
    for said in ({}, {"name": Said()}, {"name": Said(("XX", ""))}, {"name": long}):
        assert grammars.narrow(narrowable, said) is None


@pytest.mark.parametrize(
    ("grammar", "rule", "why"),
    [
        (NAMES, "nome", "has no rule named nome"),
        (NAMES, "root", "has no rule named root"),
        ('root ::= "(" a ")"\na ::= "x" | "(" a ")"', "a", "calls itself"),
        ('root ::= a "."\na ::= <|im_end|>', "a", "names tokens"),
        ('root ::= a "."\na ::= ([a-z]{0,200} "."){0,200}', "a", "too large"),
        (
            "root ::= r0\n" + "\n".join(f"r{i} ::= r{i + 1}" for i in range(400)) + '\nr400 ::= "a"',
            "r0",
            "too far down",
        ),
    ],
)
def test_a_rule_that_cannot_be_narrowed_is_refused(grammars: Grammars, grammar: str, rule: str, why: str) -> None:
    with pytest.raises(GrammarRefused, match=why):
        grammars.narrowable(grammar, [rule])


def test_only_a_loop_can_be_narrowed_to_a_text(grammars: Grammars) -> None:
    with pytest.raises(GrammarRefused, match="repeats nothing"):
        grammars.narrow(grammars.narrowable(NAMES, ["name"]), {"name": Said(runs=((Piece("a"), Piece("b")),))})


@pytest.mark.parametrize(
    ("pieces", "copied"),
    [
        (["a"] * MOST_CHARACTERS, False),
        (["a", " "] * (MOST_CHARACTERS // 2), False),
        ([chr(0x4E00 + place % MOST_LETTERS) for place in range(MOST_CHARACTERS)], False),
        ([f"word{place % 500} {place % 7}" for place in range(MOST_CHARACTERS // 10)], True),
        ([f"word{place} " for place in range(MOST_CHARACTERS // 10)], True),
    ],
    ids=["one letter", "blanks", "letters", "words again", "words"],
)
def test_a_long_text_costs_a_moment(grammars: Grammars, tokenizer: Tokenizer, pieces: list[str], copied: bool) -> None:
    """What comes again and again would lead llguidance too far down, and stays as it is written."""
    narrowable = grammars.narrowable(TOLD, ["told"])
    begun = time.thread_time()
    narrow = grammars.narrow(narrowable, {"told": Said(runs=(tuple(map(Piece, pieces)),))})
    assert time.thread_time() - begun < 5
    assert (narrow is not None) == copied
    matcher = (narrow or grammars.compile(TOLD)).start()
    for token in tokenizer.encode("<" + "".join(pieces[3:200])):
        forbidden, errors = grammars.forbidden([matcher])
        assert errors == [""] and not forbidden[0, token]
        matcher.accept(token)


def test_a_class_beside_a_narrowed_rule_hides_nothing_of_it(grammars: Grammars, tokenizer: Tokenizer) -> None:
    """Read as a run, [a-z]+ would take the letters that a key is left with."""
    text = 'root ::= key ":" | name "="\nkey ::= name\nname ::= [a-z]+'
    narrow = grammars.narrow(grammars.narrowable(text, ["key"]), {"key": Said(("abc",))})
    assert narrow is not None
    said = {each: accepts(narrow, tokenizer, each) for each in ("abc:", "abd:", "ab:", "abc=", "abd=", "ab=", "abcd=")}
    assert [each for each, may in said.items() if may] == ["abc:", "abc=", "abd=", "ab=", "abcd="]


@pytest.mark.parametrize(
    ("rule", "text"),
    [("(. .? .?){0,300}", "".join(map(chr, range(300, 5300)))), ("([a-z] [a-z]?){0,400}", "ab" * 4000)],
)
def test_a_rule_with_many_readings_costs_a_moment(grammars: Grammars, rule: str, text: str) -> None:
    begun = time.thread_time()
    with suppress(GrammarRefused):
        grammars.narrow(grammars.narrowable(f"root ::= x\nx ::= {rule}", ["x"]), {"x": Said((text[:900],) * 2)})
    assert time.thread_time() - begun < 3


def test_a_model_bound_to_names_says_one_of_them(base: Path) -> None:
    engine = Engine.load(base)
    narrowable = engine.grammars.narrowable(NAMES, ["name"])
    bound = [engine.grammars.narrow(narrowable, {"name": Said((name,))}) for name in ("a_1", "cab")]
    prompt = engine.tokenizer.encode("the quick brown fox")
    requests = [Request(prompt, max_tokens=12, grammar=each, id=str(place)) for place, each in enumerate(bound)]
    for name, result in zip(("a_1", "cab"), engine.generate(requests), strict=True):
        assert result.text.startswith(f"<{name}")


def test_texts_that_repeat_themselves_end_no_process(grammars: Grammars, tokenizer: Tokenizer) -> None:
    """llguidance goes down by recursion; a thread with half the usual stack is enough for what is let through."""
    narrowable, rng, failures = grammars.narrowable(TOLD, ["told"]), random.Random("again"), []
    grammars.compile(TOLD)

    def copy(pieces: list[str]) -> None:
        narrow = grammars.narrow(narrowable, {"told": Said(runs=(tuple(map(Piece, pieces)),))})
        start = rng.randrange(len(pieces))
        if narrow is not None and not accepts(narrow, tokenizer, f"<{''.join(pieces[start : start + 60])}>"):
            failures.append(pieces)

    def run() -> None:
        for length in (50, 150, 199, 400, 1500, 3000):
            for count in (2, 5, 100):
                words = [f"w{number}" for number in range(count)]
                copy(rng.choices(words, k=length))
                copy((words * length)[:length])

    before = threading.stack_size(4 << 20)
    thread = threading.Thread(target=run)
    thread.start()
    threading.stack_size(before)
    thread.join()
    assert failures == []
