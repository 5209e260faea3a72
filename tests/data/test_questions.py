"""A generator declared in YAML: what it says, what it never says, and what is told of a file that cannot work."""

import json
import random
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from expertbuild.data.errors import RecipeMistake, SourceMistake
from expertbuild.data.generators.declared.manner import SAID, Manner, slip
from expertbuild.data.generators.phrases import Voice, strange_words
from expertbuild.data.rows import Row, dump
from expertbuild.data.sources import Place, questions, source
from expertbuild.data.synthesis.spec import read, read_calls
from expertbuild.evaluation.scorers.json_equal import score
from runtime.errors import Problem
from runtime.home import shipped

SMALL = """
format: questions/1
lists:
  city: [Rome, Oslo, Lima, ~ Bern]
  street: {by: {Rome: [Via Appia], Oslo: [Karl Johans gate], Lima: [Jiron Union], Bern: [Gasse]}}
  colour: {file: colours.txt}
phrases:
  ask:
    - 3* Where is {street} in {city}? | Find {street}[ in {city}].
    - ~ Locate {street} in {city}, {number}.
  aside:
    - I like {colour}.
    - ~ I hate {colour}.
cases:
  - stratum: street
    slots:
      number: {number: [1, 9]}
      street: {list: street, by: city}
      city: {list: city}
      double: {hook: sum, of: [number, number], when: {number: {above: 4}}, otherwise: 0}
    ask: ask
    answer: {json: {city: "{city}", street: "{street}", double: "{double}", fixed: [1, x]}}
"""


def write(folder: Path, text: str = SMALL) -> Path:
    (folder / "colours.txt").write_text("red\ngreen\n# a remark\n")
    (folder / "small.yaml").write_text(text)
    return folder


def draw(folder: Path, count: int = 20, seed: str = "0", name: str = "small.yaml", **sides: str) -> list[Row]:
    spec: dict[str, Any] = {"kind": "questions", "path": name, "rows": count, **sides}
    return list(source(spec).rows(spec, Place(seed, folder)))


def asked(row: Row) -> str:
    return str(row["messages"][-1]["content"])


def test_slots_refer_to_each_other_and_the_answer_holds_what_was_told(tmp_path: Path) -> None:
    for row in draw(write(tmp_path), 8):
        answer = json.loads(row["answer"])
        assert answer["street"] in asked(row)
        assert (answer["city"] is None) == (" in " not in asked(row)), "what the question does not tell is null"
        assert answer["double"] in (0, 10, 12, 14, 16, 18) and answer["fixed"] == [1, "x"]
        pairs = {"Rome": "Via Appia", "Oslo": "Karl Johans gate", "Lima": "Jiron Union", None: answer["street"]}
        assert pairs[answer["city"]] == answer["street"]


def test_the_same_seed_gives_the_same_bytes_and_another_gives_others(tmp_path: Path) -> None:
    write(tmp_path)
    one, two, other = (b"".join(dump(row).encode() for row in draw(tmp_path, 6, seed)) for seed in ("a", "a", "b"))
    assert one == two != other


def test_words_and_phrasings_that_are_held_out_never_come_in_training(tmp_path: Path) -> None:
    write(tmp_path)
    train = " ".join(asked(row) for row in draw(tmp_path, 8))
    assert "Bern" not in train and "Locate" not in train
    assert all("Gasse" in asked(row) for row in draw(tmp_path, 2, words="held_out"))
    assert all("Locate" in asked(row) for row in draw(tmp_path, 9, phrasings="held_out"))


def test_a_generator_that_repeats_itself_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("expertbuild.data.sources.generator.PATIENCE", 200)
    with pytest.raises(SourceMistake, match=r'"small" repeats itself after \d+ different rows.*fewer than 1000'):
        draw(write(tmp_path), 1000)


def test_conditions_decide_which_values_come_together(tmp_path: Path) -> None:
    text = SMALL.replace(
        "    ask: ask", "    when: {number: {below: 3}, city: [Rome, Oslo], double: {same_as: double}}\n    ask: ask"
    )
    for row in draw(write(tmp_path, text), 4):
        answer = json.loads(row["answer"])
        assert answer["double"] == 0 and answer["city"] in ("Rome", "Oslo", None)


def test_what_follows_from_a_value_that_was_not_told_is_not_told_either(tmp_path: Path) -> None:
    text = SMALL.replace("Find {street}[ in {city}].", "Find {street}[ {number}].")
    rows = draw(write(tmp_path, text), 20)
    for row in rows:
        told = re.search(r"\d", asked(row))
        assert (json.loads(row["answer"])["double"] is None) == (told is None)
    assert {bool(re.search(r"\d", asked(row))) for row in rows} == {True, False}


def test_a_question_without_what_it_needs_is_unanswerable(tmp_path: Path) -> None:
    text = SMALL.replace(
        "    ask: ask", '    ask: ask\n    unanswerable: {share: 0.5, without: [city], answer: "which city?"}'
    )
    rows = draw(write(tmp_path, text), 9)
    lost = [row for row in rows if row["stratum"] == "street, unanswerable"]
    assert 1 <= len(lost) < 9
    for row in rows:
        assert (row["answer"] == "which city?") == (" in " not in asked(row)), (
            "told when it can be answered, and only then"
        )
        assert row in lost or json.loads(row["answer"])["city"]


def test_distractors_change_the_question_and_not_the_answer(tmp_path: Path) -> None:
    text = SMALL + "distractors: {say: aside, share: 1, most: 2}\n"
    for row in draw(write(tmp_path, text), 20):
        assert re.search(r"I like (red|green)\.", asked(row))
        assert "red" not in row["answer"] and "green" not in row["answer"]


def test_paraphrases_of_one_question_are_one_group(tmp_path: Path) -> None:
    text = SMALL + "paraphrases: 3\nmanner: {polite: 0.5, indirect: 0.5}\n"
    rows = draw(write(tmp_path, text), 60)
    groups = Counter(row["group"] for row in rows)
    assert max(groups.values()) >= 3
    for row in rows:
        others = [json.loads(other["answer"])["street"] for other in rows if other["group"] == row["group"]]
        assert set(others) == {json.loads(row["answer"])["street"]}


def test_a_slip_of_the_fingers_never_touches_a_value() -> None:
    rng = random.Random(0)
    text = "Please find everything about Johansson in Copenhagen today."
    changed = 0
    for _ in range(300):
        made = slip(rng, text, ["Johansson", "copenhagen"])
        assert "Johansson" in made and "Copenhagen" in made
        changed += made != text
    assert changed > 250
    assert slip(rng, "Rome", ["Rome"]) == "Rome"


def test_manner_keeps_the_question_and_its_values() -> None:
    for seed in range(200):
        voice = Voice(SAID, random.Random(seed))
        made = Manner(0.5, 0.5, 0.5).put(voice, "Where is Rome?", ["Rome"])
        assert "here is Rome" in made
    assert "iPhone prices?" in Manner(polite=1).put(Voice(SAID, random.Random(0)), "iPhone prices?", ["iPhone"])


def test_the_manners_of_training_and_of_tests_differ_in_phrases_not_only_in_words() -> None:
    assert all(
        any(form.held_out for form in forms) and any(not form.held_out for form in forms) for forms in SAID.values()
    )
    assert len(strange_words(SAID)) < 30


def change(old: str, new: str) -> str:
    assert old in SMALL, old
    return SMALL.replace(old, new)


BROKEN: list[tuple[str, str]] = [
    (change("    - ~ Locate", "    - ~ {aside} Locate").replace("I like {colour}.", "I like {ask}."), r"small\.yaml:\d+: phrases refer to each other in a circle: (ask -> aside -> ask|aside -> ask -> aside)"),
    (change("- I like {colour}.", "- '{aside}'"), r"small\.yaml:11: the phrases \"aside\" say themselves"),
    (change("{number: [1, 9]}", "{number: [1, 9], when: {double: 0}}"), r"small\.yaml:\d+: slots refer to each other in a circle"),
    (change("{number}.", "{number."), r'small\.yaml:10: "\{" stands alone, and would be spoken as it is'),
    (change("{number}.", "[{number}."), r'small\.yaml:10: "\[" stands alone'),
    (change("{number}.", "[very [much] {number}]."), r'small\.yaml:10: "\[" stands alone'),
    (change("{number}.", "{nunber}."), r'small\.yaml:10: nothing is called "nunber"\. Did you mean number'),
    (change("by: city}", "by: town}"), r'small\.yaml:18: the slot "street" refers to "town"'),
    (change("list: city}", "list: citty}"), r'small\.yaml:19: there is no list "citty"\. Did you mean city'),
    (change("hook: sum", "hook: os.system"), r'small\.yaml:20: there is no hook "os.system"'),
    (change("    ask: ask", "    ask: tell"), r'small\.yaml:21: "tell" is no set of phrases'),
    (change('"{city}", street', '"{cty}", street'), r'small\.yaml:22: the answer speaks of "cty"'),
    (change("{number: [1, 9]}", "{number: [9, 1]}"), r"small\.yaml:17: the first number is above"),
    (change("{number: [1, 9]}", "{numbers: [9, 1]}"), r'small\.yaml:17: there is no key "numbers" here\. Did you mean number'),
    (change("{file: colours.txt}", "{file: nowhere.txt}"), r"small\.yaml:6: nowhere\.txt cannot be read"),
    (change("{file: colours.txt}", "{file: ../../etc/passwd}"), r"small\.yaml:6: .* leads outside"),
    (change("{file: colours.txt}", "{words: nothing}"), r'small\.yaml:6: there is no list of words "nothing"'),
    (change("[Rome, Oslo, Lima, ~ Bern]", "[~ Bern]"), r'small\.yaml:4: the list "city" leaves nothing to train on'),
    (change("[Rome, Oslo, Lima, ~ Bern]", "&x [Rome]"), r"small\.yaml:4: has an anchor"),
    (change("[Rome, Oslo, Lima, ~ Bern]", "[yes, no]"), r"small\.yaml:4: .* is not as it must be"),
    (change("[Rome, Oslo, Lima, ~ Bern]", "!!python/object:os.system [x]"), r"small\.yaml:4: has a value of the kind"),
    (change("format: questions/1", "format: questions/2"), r"small\.yaml:2: format"),
    (change("    - 3* Where", "    - 0* Where"), r"small\.yaml:9: a weight is a whole number from 1"),
    (change("    - 3* Where", "    - 99999999* Where"), r"small\.yaml:9: a weight is a whole number from 1"),
    (change("[Rome, Oslo, Lima, ~ Bern]", "[.nan]"), r"small\.yaml:4: has a value that cannot be read"),
    (change("[Rome, Oslo, Lima, ~ Bern]", "[%s]" % ("9" * 5000)), r"small\.yaml:4: has a value that cannot be read"),
    (change("{number: [1, 9]}", "{number: [0, 1.0e+300], step: 1.0e-300}"), r"small\.yaml:17: .* is not as it must be"),
    (change('"{street}", double', '"{street.__class__}", double'), r"the answer speaks of \"street.__class__\""),
    (change("phrases:", "lists:"), r'small\.yaml:7: has the key "lists" twice'),
    (change("cases:", "cases: ["), r"small\.yaml:\d+: is not YAML"),
    ("format: questions/1\nphrases: " + "[" * 2000, r"small\.yaml:2: .*nest(ed more than|ing depth)"),
    ("", r"small\.yaml"),
    (SMALL + "  - stratum: " + "\xff", r"small\.yaml"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "said"), BROKEN, ids=[said[-30:] for _, said in BROKEN])
def test_a_file_that_cannot_work_is_refused_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(RecipeMistake, match=said):
        draw(write(tmp_path, text), 1)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.integers(0, len(SMALL) - 1), st.integers(0, 12), st.text(alphabet="{}[]|~*:-#&!@%'\"\n\t ,0aé\x00", max_size=4)
)
def test_no_change_of_a_file_ends_in_anything_but_rows_or_a_sentence(
    tmp_path: Path, at: int, cut: int, new: str
) -> None:
    write(tmp_path, SMALL[:at] + new + SMALL[at + cut :])
    try:
        draw(tmp_path, 1)
    except Problem as problem:
        assert str(problem)


def test_phrases_that_would_grow_without_end_are_refused(tmp_path: Path) -> None:
    lines = "".join(f"  p{n}: ['{{p{n + 1}}} {{p{n + 1}}} {{p{n + 1}}}']\n" for n in range(40)) + "  p40: [word]\n"
    text = f"format: questions/1\nphrases:\n{lines}cases: [{{stratum: x, ask: p0, answer: ''}}]\n"
    with pytest.raises(RecipeMistake, match=r'small\.yaml:\d+: the phrases "p\d+" can grow to [\d,]+ characters'):
        draw(write(tmp_path, text), 1)


@pytest.mark.parametrize(
    "text",
    [
        SMALL.replace("    ask: ask", "    when: {number: {above: 99}}\n    ask: ask"),
        SMALL.replace("double: {hook", "hidden: {number: [1, 2], when: {number: 99}}\n      double: {hook").replace(
            '"{double}"', '"{hidden}!"'
        ),
    ],
    ids=["conditions that never hold", "a value that is never there"],
)
def test_a_case_that_can_never_be_drawn_ends_in_a_sentence(tmp_path: Path, text: str) -> None:
    with pytest.raises(RecipeMistake, match=r'small\.yaml:15: the case "street" cannot be drawn'):
        draw(write(tmp_path, text), 1)


def test_widths_in_a_template_mean_nothing(tmp_path: Path) -> None:
    text = SMALL.replace('street: "{street}"', 'street: "{street:>1000000000}!"')
    (row,) = draw(write(tmp_path, text), 1)
    assert len(row["answer"]) < 200


def test_held_out_speech_that_does_not_exist_is_not_waited_for(tmp_path: Path) -> None:
    text = SMALL.replace("    - ~ Locate {street} in {city}, {number}.\n", "")
    with pytest.raises(RecipeMistake, match="cannot be drawn with phrasings: held_out"):
        draw(write(tmp_path, text), 1, phrasings="held_out")


def test_what_a_declared_generator_reads_is_part_of_a_key(tmp_path: Path) -> None:
    found = questions.files({"kind": "questions", "path": "small.yaml"}, write(tmp_path))
    assert [path.name for path in found] == ["small.yaml", "colours.txt"]


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"path": "small.yaml"}, "needs `rows`"),
        ({"path": "nowhere.yaml", "rows": 1}, "no such file"),
        ({"rows": 1}, "needs a path"),
        ({"path": "../x.yaml", "rows": 1}, "leads outside"),
        ({"path": "small.yaml", "rows": 1, "words": "some"}, "no part of the words"),
        ({"path": "small.yaml", "rows": 1, "worlds": "all"}, 'no key "worlds"'),
    ],
)
def test_a_source_that_cannot_be_read_is_explained(tmp_path: Path, spec: dict[str, Any], said: str) -> None:
    write(tmp_path)
    with pytest.raises((RecipeMistake, SourceMistake), match=said):
        list(source({"kind": "questions"}).rows({"kind": "questions", **spec}, Place("0", tmp_path)))


def test_the_bookings_of_expert_extract_are_right_and_wide() -> None:
    """The example that is shipped: every told value stands in the text, and hardly anything comes twice."""
    folder = shipped("experts") / "expert-extract"
    rows = draw(folder, 1000, name="bookings.yaml")
    assert len({asked(row) for row in rows}) == 1000
    for row in rows:
        answer, text = json.loads(row["answer"]), asked(row)
        assert score(row["answer"], row).value == 1
        if "unanswerable" in row["stratum"]:
            assert answer == {"error": "no restaurant"}
            continue
        assert answer["restaurant"] in text
        assert answer["day"] is None or answer["day"] in text
        assert answer["name"] is None or answer["name"] in text
        assert (answer["time"] is None) == (not re.search(r"\d ?[ap]m|\d\d:\d\d", text)), text
    for sides in ({"words": "held_out"}, {"phrasings": "held_out"}):
        held_out = draw(folder, 200, name="bookings.yaml", **sides)
        assert not {asked(row) for row in held_out} & {asked(row) for row in rows}


def blocks(page: str) -> list[str]:
    text = (Path(__file__).parents[2] / "docs" / page).read_text(encoding="utf-8")
    return re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)


def test_the_generator_of_the_documentation_works(tmp_path: Path) -> None:
    (declared,) = (block for block in blocks("data.md") if "format: questions/1" in block)
    rows = draw(write(tmp_path, declared), 50)
    assert {row["stratum"] for row in rows} == {"street", "street, unanswerable"}
    assert draw(tmp_path, 5, words="held_out", phrasings="held_out")


def test_the_recipes_of_the_documentation_are_of_their_schema() -> None:
    from expertbuild.compose.schemas import violations

    recipes = [block for block in blocks("data.md") if "  sources:" in block]
    assert len(recipes) >= 2
    for block in recipes:
        for recipe in yaml.safe_load(block).values():
            assert list(violations(recipe, "recipe")) == []
            for spec in recipe["sources"]:
                if spec["kind"] == "synthesis":
                    assert read(spec).name and read_calls(spec).money == 5
