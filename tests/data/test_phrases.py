"""A phrase grammar: what is held out stays held out, values are said once, and words agree."""

import random

import pytest

from expertbuild.data.generators.phrases import Voice, article, grammar, sentence, size, spoken, strange_words

SMALL = grammar(r"""
request                 # a comment
  3* {do} {np}. | please {do} {np}.
~ I want you to {do} {np}, please.
do
  list | show [me]
want
  I want you to | {a thing}
""")


def said(part: str, count: int = 300) -> set[str]:
    rng = random.Random("test")
    return {spoken(SMALL, rng, part, lambda voice: voice.say("request", np="the names")) for _ in range(count)}


def test_training_says_every_alternative_but_those_held_out() -> None:
    do = ("list", "show ", "show me")
    assert said("train") == {f"{before}{verb} the names." for before in ("", "please ") for verb in do}
    assert size(SMALL, "request") == len(said("train"))


def test_held_out_speech_always_says_something_new() -> None:
    assert said("held_out") == {f"I want you to {verb} the names, please." for verb in ("list", "show ", "show me")}
    assert said("all") == said("train") | said("held_out")


def test_words_that_only_held_out_alternatives_use_are_found() -> None:
    assert strange_words(SMALL) == set()
    assert strange_words(grammar("a\n  one two\n~ two three")) == {"three"}


def test_weights_are_how_often() -> None:
    voice = Voice(SMALL, random.Random(0))
    polite = sum(voice.say("request", np="it").startswith("please") for _ in range(2000))
    assert 400 < polite < 600


def test_values_are_spoken_when_they_are_reached_in_the_scope_that_holds_there() -> None:
    rules = grammar("a\n  {x} and {y}\ninner\n  {name} {have} {y}")
    voice = Voice(rules, random.Random(0))
    text = voice.say("a", x=voice.later("inner", name="it"), y="this", have="has")
    assert text == "it has this and this"
    assert voice.told == ["x", "name", "have", "y", "y"]
    assert len(voice.used) == 2


def test_what_is_not_reached_is_not_said() -> None:
    voice = Voice(grammar("a\n  x\nb\n  y\n"), random.Random(0))
    voice.say("a", unused=voice.later("b"))
    assert [form.text for form in voice.used] == ["x"]


@pytest.mark.parametrize(
    ("text", "right"),
    [
        *(("apple", "an"), ("pear", "a"), ("hour", "an"), ("unit", "a"), ("user", "a"), ("uncle", "an"), ("one", "a")),
        *(("European", "a"), ("'apple'", "an"), ("upper road", "an"), ("8", "a")),
    ],
)
def test_articles(text: str, right: str) -> None:
    assert article(text) == right


def test_sentences_begin_with_a_capital_and_have_no_blank_before_marks() -> None:
    assert sentence("show  the names , please .") == "Show the names, please."
    assert sentence("what is 3.5 ?") == "What is 3.5?"


@pytest.mark.parametrize(
    ("text", "said"),
    [("a\n~ b", "nothing to train on"), ("a\n  b\na\n  c", "twice"), ("  b", "before the name")],
)
def test_grammars_that_cannot_work_are_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        grammar(text)
