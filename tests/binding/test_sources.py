"""What a conversation says to a grammar: names of its schema, names it asks for in vain, and text to copy."""

import json
import random
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from expertbuild.data.generators import (
    json_repair,
    text_to_cypher,
    text_to_function,
    text_to_json,
    text_to_sql,
    types_from_json,
    types_from_text,
)
from runtime.binding import SOURCES, said
from runtime.binding.asked import missing
from runtime.binding.grammar import BoundGrammar
from runtime.binding.text import json_text
from runtime.engine.grammar import Grammars
from runtime.engine.tokenizer import Tokenizer
from runtime.home import shipped
from runtime.service.bases import find_base

DDL = 'CREATE TABLE films (id INT, "Release Date" DATE, Length REAL);\nCREATE TABLE public.people (`name` TEXT);'
GRAPH = "Film {title: STRING, runTime: INTEGER}\n(:Person)-[:ACTED_IN]->(:Film)"


def names(source: str, *told: str) -> set[str]:
    return set(SOURCES[source](told).texts)


def test_names_are_spelled_as_a_query_spells_them() -> None:
    assert names("sql_tables", DDL) == {"films", '"films"', "people", '"people"'}
    assert {"id", '"Release Date"', "length", "name", '"name"'} <= names("sql_columns", DDL)
    assert "Release Date" not in names("sql_columns", DDL)
    assert names("cypher_labels", GRAPH) == {"Film", "`Film`", "Person", "`Person`"}
    assert {"ACTED_IN", "WROTE", "DIRECTED"} <= names("cypher_relationships", f"{GRAPH}<-[:WROTE|DIRECTED]-(:Person)")
    assert {"title", "runTime"} <= names("cypher_properties", GRAPH)
    assert "`released year`" in names(
        "cypher_properties", "- **Film**\n  - `title`: STRING\n  - `released year`: INTEGER"
    )


def test_a_schema_with_more_than_tables_binds_nothing() -> None:
    assert not names("sql_tables", f"{DDL}\nCREATE OR REPLACE VIEW recent AS SELECT * FROM films;")


def test_what_is_asked_for_in_vain_can_be_said() -> None:
    asked = f"{DDL}\nWhat is the average head count of the films, by shoe size?"
    assert {"head_count", "shoe_size"} <= names("sql_columns", asked)
    assert not {"films", "film", "count", "average", "the_films"} & names("sql_columns", asked)
    assert {"opened_on", "start_date"} <= names("sql_columns", f"{DDL}\nWhich films opened on 5 May, by start date?")
    assert {"head_count", "headCount"} <= names("cypher_properties", f"{GRAPH}\nWhich head count do they have?")


OF_SCHEMAS = [source for source in SOURCES if source.startswith(("sql_", "cypher_"))]


def test_without_a_schema_nothing_is_said() -> None:
    assert not any(SOURCES[source](["How many films are there?"]).texts for source in OF_SCHEMAS)


def test_words_are_called_as_code_calls_them() -> None:
    asked = "A route scale has a shelf number (int), a unitPrice and HTTPServer_2."
    assert {"shelf_number", "route_scale", "unitPrice", "HTTPServer_2"} <= names("snake_names", asked)
    assert {"shelfNumber", "routeScale", "unitPrice"} <= names("camel_names", asked)
    assert {"RouteScale", "ShelfNumber", "HTTPServer_2"} <= names("pascal_names", asked)
    assert not {"a", "has", "shelf_number_int", "A"} & names("snake_names", asked)
    assert not {"routeScale", "shelf_number", "unitPrice"} & names("pascal_names", asked)


def test_what_a_document_holds_is_of_a_type_of_its_own() -> None:
    asked = 'A dataclass Bridge for {"engineers": [{"sponsor_name": "A"}], "unitPrice": 1, "tray": {"boxes": 1}}'
    assert {"Engineer", "Engineers", "Tray", "Bridge"} <= names("pascal_names", asked)
    assert names("pascal_first", asked) == {"Engineer", "Engineers", "Tray"}
    assert names("pascal_first", "A dataclass Bridge with a tray") == names(
        "pascal_names", "A dataclass Bridge with a tray"
    )
    assert {"unitPrice", "unit_price", "sponsor_name", "boxes"} <= names("snake_names", asked)
    assert {"sponsorName", "sponsor_name", "unitPrice"} <= names("camel_names", asked)
    assert not {"A", "UnitPrice", "Boxes"} & names("pascal_names", 'For {"unitPrice": 1, "boxes": [1]}')


def test_two_nodes_are_not_called_by_one_letter() -> None:
    graph = "Seat {name: STRING}\nScale {name: STRING}\nFilm {name: STRING}"
    assert {"s", "s1", "s2", "f"} <= names("cypher_variables", f"{graph}\nWhich seats are there?")
    two = names("cypher_variables", f"{graph}\nWhich seats sponsor a scale?")
    assert {"s1", "s2", "f"} <= two and "s" not in two


def test_what_an_assistant_said_is_no_source() -> None:
    messages = [{"role": "assistant", "content": DDL}, {"role": "user", "content": "Which?"}]
    assert said({"relation": "sql_tables"}, messages)["relation"].texts == ()


def test_parts_of_a_known_name_are_not_missing() -> None:
    runs = missing("Which release dates and ticket prices do films have?", ["release_date"], ["films"])
    assert ("ticket", "prices") in runs
    assert not [run for run in runs if ("release" in run and len(run) == 1) or run == ("release", "dates")]


def test_a_long_prompt_takes_no_longer() -> None:
    for text in (
        "weight " * 50_000,
        "a_" * 50_000,
        DDL * 2_000,
        "CREATE TABLE " * 20_000,
        "- **A**\n" * 20_000,
        "\\" * 50_000,
    ):
        begun = time.thread_time()
        for source in SOURCES.values():
            source([text])
        assert time.thread_time() - begun < 5, text[:20]


def parts(text: str) -> Callable[[str], bool]:
    """Whether a text can be copied out of another."""

    def may(wanted: str) -> bool:
        for run in json_text([text]).runs:
            for begin in range(len(run)):
                so_far = ""
                for end in range(begin, len(run)):
                    so_far += run[end].text
                    if so_far == wanted and run[begin].begins and run[end].ends:
                        return True
                    if not wanted.startswith(so_far):
                        break
        return False

    return may


@pytest.mark.parametrize(
    ("text", "may", "may_not"),
    [
        ("end_date is 5 May", ["end_date", "5 May", "is"], ["end", "date", "5 Ma", "end_on", " is"]),
        (r'{"a\"b": "\u041f\u0440"}', [r"a\"b", r"\u041f\u0440"], ["u041f", r"\u0440", '"']),
        ("{'it\\'s': 1}", ["it's"], ["it\\'s"]),
        ('say "x" or\nsay no', [r"say \"x\" or\nsay no", "x"], [r"\"x", r"x\"", r"or\n"]),
        ("2022-04-14T19:21", ["19:21", "2022-04-14"], ["4T19"]),
        (r"C:\temp\new", [r"C:\temp\new", r"C:\\temp\\new"], ["temp", "new"]),
        ("日本語のテスト", ["日本", "テスト"], ["本日"]),
        ('{"a": " padded "}', [" padded "], []),
        ('{"a": "cut off ', ["cut off "], ["cut "]),
        ("{'q': 'say \"hi\"'}", [r"say \"hi\""], []),
        (r'{"p": "\d+"}', [r"\\d+"], []),
    ],
)
def test_a_text_is_copied_in_whole_words(text: str, may: list[str], may_not: list[str]) -> None:
    copied = parts(text)
    assert all(copied(each) for each in may)
    assert not any(copied(each) for each in may_not)


_TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=12)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(_TEXTS, _TEXTS, min_size=1, max_size=4), st.booleans())
def test_every_text_of_a_document_can_be_said_again(document: dict[str, str], ascii: bool) -> None:
    copied = parts(json.dumps(document, ensure_ascii=ascii))
    for text in (*document, *document.values()):
        assert copied(json.dumps(text, ensure_ascii=ascii)[1:-1]), text


EXPERTS: Mapping[str, Callable[..., Any]] = {
    "expert-sql": text_to_sql.draw,
    "expert-neo4j": text_to_cypher.draw,
    "expert-json": json_repair.draw,
    "expert-extract": text_to_json.draw,
}


@pytest.fixture(scope="module")
def grammars() -> Grammars:
    tokenizer = Tokenizer.load(find_base("nano").directory)
    return Grammars(tokenizer, tokenizer.vocab_size)


CODE = (text_to_function, types_from_json, types_from_text)


@pytest.mark.parametrize("language", ["python", "typescript", "rust"])
def test_code_can_be_said_at_a_second_look(language: str, grammars: Grammars) -> None:
    folder = shipped("experts") / f"expert-{language}"
    rebind = yaml.safe_load((folder / "decoding.yaml").read_text(encoding="utf-8"))["rebind"]
    bound = BoundGrammar(grammars, (folder / "grammar.gbnf").read_text(encoding="utf-8"), None, rebind)
    tokenizer, rng = Tokenizer.load(find_base("nano").directory), random.Random(language)
    for number in range(240):
        words, phrasings = ("train", "held_out") if number % 2 else ("held_out", "train")
        row = CODE[number % 3].draw(rng, words=words, phrasings=phrasings, language=language)
        answer = row["answer"].partition("\n# cannot")[0].partition("\n// cannot")[0]
        again, tokens = bound.again(row["messages"]), tokenizer.encode(answer)
        assert again is not None and again.start().leading(tokens) == len(tokens), row


def test_a_second_look_is_narrower_and_the_first_is_not(grammars: Grammars) -> None:
    told, text = [{"role": "user", "content": DDL}], 'root ::= "FROM " table\ntable ::= [a-z]+'
    tokenizer = Tokenizer.load(find_base("nano").directory)
    for bound, first in (
        (BoundGrammar(grammars, text, None, {"table": "sql_tables"}), True),
        (BoundGrammar(grammars, text, {"table": "sql_tables"}), False),
    ):
        tokens = tokenizer.encode("FROM boxes")
        assert (bound.behind(told).start().leading(tokens) == len(tokens)) == first
        again = bound.again(told)
        assert (again is None) == (not first) and (again is None or again.start().leading(tokens) < len(tokens))


@pytest.mark.parametrize("expert", EXPERTS)
def test_an_expert_bound_to_its_prompt_can_say_every_answer(expert: str, grammars: Grammars) -> None:
    folder = shipped("experts") / expert
    bind = yaml.safe_load((folder / "decoding.yaml").read_text(encoding="utf-8"))["bind"]
    bound = BoundGrammar(grammars, (folder / "grammar.gbnf").read_text(encoding="utf-8"), bind)
    tokenizer, rng = Tokenizer.load(find_base("nano").directory), random.Random(expert)
    for number in range(300):
        words, phrasings = ("train", "held_out") if number % 2 else ("held_out", "train")
        row = EXPERTS[expert](rng, words=words, phrasings=phrasings)
        matcher = bound.behind(row["messages"]).start()
        tokens = tokenizer.encode(row["answer"])
        assert matcher.leading(tokens) == len(tokens), row


def test_a_hostile_name_stays_a_name(grammars: Grammars) -> None:
    path: Path = shipped("experts") / "expert-sql"
    bound = BoundGrammar(grammars, (path / "grammar.gbnf").read_text(encoding="utf-8"), {"relation": "sql_tables"})
    hostile = 'CREATE TABLE "x; DROP TABLE y" (id INT); CREATE TABLE "a\nb" (id INT);'
    tokenizer = Tokenizer.load(find_base("nano").directory)
    matcher = bound.behind([{"role": "user", "content": hostile}]).start()
    for text, may in (('SELECT id FROM "x; DROP TABLE y";', True), ('SELECT id FROM "a\nb";', False)):
        tokens = tokenizer.encode(text)
        assert (matcher.leading(tokens) == len(tokens)) == may
