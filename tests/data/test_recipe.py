"""From a recipe to a dataset: complete, split without leaks, the same bytes every time."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from expertbuild.catalogue import UnknownName
from expertbuild.data.errors import DataProblem, RecipeMistake, SourceMistake
from expertbuild.data.keys import KeyInRecipe
from expertbuild.data.recipe import build_dataset, files, modules
from expertbuild.data.rows import read_rows
from runtime.engine.tokenizer import Tokenizer
from runtime.home import shipped
from tests.tiny import tiny_base

REPAIR = {"kind": "generator", "name": "json_repair", "rows": 200}
SQL = {"kind": "generator", "name": "text_to_sql", "rows": 200}
SPLIT = {"test": 40, "validation": 20}


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    return Tokenizer.load(tiny_base(tmp_path_factory.mktemp("base")))


def build(recipe: dict[str, Any], out: Path, tokenizer: Tokenizer, seed: int = 0) -> dict[str, Any]:
    out.mkdir(exist_ok=True)
    return build_dataset(recipe, out, tokenizer=tokenizer, seed=seed, directory=out.parent)


def contents(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(out.iterdir())}


@pytest.mark.parametrize("source", [REPAIR, SQL], ids=lambda source: source["name"])
def test_every_row_is_of_the_schema_and_in_one_split(
    tmp_path: Path, tokenizer: Tokenizer, source: dict[str, Any]
) -> None:
    statistics = build({"sources": [source], "split": SPLIT}, tmp_path / "out", tokenizer)
    schema = json.loads((shipped("schemas") / "row.schema.json").read_text())
    found = {split: list(read_rows(tmp_path / "out" / f"{split}.jsonl")) for split in ("train", "validation", "test")}
    assert {split: len(rows) for split, rows in found.items()} == statistics["rows"]
    assert statistics["rows"]["test"] >= 40 and statistics["rows"]["validation"] >= 20
    every = [row for rows in found.values() for row in rows]
    for row in every:
        jsonschema.validate(row, schema)
    assert len({row["id"] for row in every}) == len(every)
    assert sum(len({row["group"] for row in rows}) for rows in found.values()) == len({r["group"] for r in every})
    assert sorted(contents(tmp_path / "out")) == ["statistics.json", "test.jsonl", "train.jsonl", "validation.jsonl"]


def test_the_same_recipe_and_seed_give_the_same_bytes(tmp_path: Path, tokenizer: Tokenizer) -> None:
    recipe = {"sources": [REPAIR, SQL], "split": SPLIT}
    for name, seed in (("one", 0), ("two", 0), ("other", 1)):
        build(recipe, tmp_path / name, tokenizer, seed)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert contents(tmp_path / "one") != contents(tmp_path / "other")


def test_a_split_is_pinned(tmp_path: Path, tokenizer: Tokenizer) -> None:
    """Rows, their order and their splits are what a build is keyed and judged by: a change must be seen."""
    lines = "".join(
        json.dumps({"id": str(n), "messages": [{"role": "user", "content": f"say {n}"}], "answer": str(n)}) + "\n"
        for n in range(40)
    )
    (tmp_path / "numbers.jsonl").write_text(lines)
    build(
        {"sources": [{"kind": "files", "path": "numbers.jsonl"}], "split": {"test": 4, "validation": 2}},
        tmp_path / "out",
        tokenizer,
    )
    assert [row["id"] for row in read_rows(tmp_path / "out" / "test.jsonl")] == PINNED_TEST
    assert sha256((tmp_path / "out" / "train.jsonl").read_bytes()).hexdigest() == PINNED_TRAIN


PINNED_TEST = ["3", "23", "37", "39"]
PINNED_TRAIN = "2339e18fb6bac9d8aacd9ace15cd851f13fd7744eb9498e94163d13e4aba2c7a"


def test_test_sources_hold_out_words_and_phrasings(tmp_path: Path, tokenizer: Tokenizer) -> None:
    recipe = {
        "sources": [SQL],
        "test_sources": [
            {**SQL, "rows": 50, "words": "held_out", "part": "new words"},
            {**SQL, "rows": 50, "phrasings": "held_out", "part": "new phrasings"},
        ],
        "measures": {"vocabulary": {}},
    }
    statistics = build(recipe, tmp_path / "out", tokenizer)
    assert statistics["measures"]["strata"]["test"]["parts"] == {"new words": 50, "new phrasings": 50}
    assert statistics["measures"]["vocabulary"]["test"]["unseen in training"] > 0.1
    first = [row["part"] for row in read_rows(tmp_path / "out" / "test.jsonl")][:40]
    assert set(first) == {"new words", "new phrasings"}, "the first cases are a fair sample"


def test_rows_that_give_the_test_away_are_kept_out_of_training(tmp_path: Path, tokenizer: Tokenizer) -> None:
    row = {"messages": [{"role": "user", "content": "a  Question"}], "answer": "x", "stratum": "s"}
    same = {"messages": [{"role": "user", "content": "A question"}], "answer": "x", "stratum": "s"}
    other = {"messages": [{"role": "user", "content": "another"}], "answer": "y", "stratum": "s"}
    (tmp_path / "train.jsonl").write_text("\n".join(map(json.dumps, (row, other))))
    (tmp_path / "test.jsonl").write_text(json.dumps(same))
    recipe: dict[str, Any] = {
        "sources": [{"kind": "files", "path": "train.jsonl"}],
        "test_sources": [{"kind": "files", "path": "test.jsonl"}],
        "split": {"validation": 0},
    }
    statistics = build(recipe, tmp_path / "out", tokenizer)
    assert statistics["rows"] == {"train": 1, "validation": 0, "test": 1}
    assert [(each["transform"], each["rows"]) for each in statistics["dropped"]] == [("decontaminate", 1)]
    assert statistics["dropped"][0]["example"]["messages"] == row["messages"]
    with pytest.raises(DataProblem, match=r"rows leak between splits: .*A question.*decontaminate"):
        build({**recipe, "transforms": []}, tmp_path / "leaky", tokenizer)


def test_splitting_by_something_finer_than_groups_is_found_out(tmp_path: Path, tokenizer: Tokenizer) -> None:
    rows = [
        {"id": str(n), "messages": [{"role": "user", "content": str(n)}], "answer": "", "group": f"g{n % 3}"}
        for n in range(30)
    ]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    with pytest.raises(DataProblem, match="its group is in train too"):
        build(
            {"sources": [{"kind": "files", "path": "rows.jsonl"}], "split": {"test": 5, "by": "id"}},
            tmp_path / "out",
            tokenizer,
        )


def test_when_nothing_is_left_the_filter_is_named(tmp_path: Path, tokenizer: Tokenizer) -> None:
    with pytest.raises(DataProblem, match=r"no rows are left for train.*length left out 200"):
        build({"sources": [REPAIR], "transforms": [{"kind": "length", "most": 3}]}, tmp_path / "out", tokenizer)
    short = [{"kind": "files", "path": "short.jsonl"}]
    turn = [{"role": "user", "content": "a"}]
    (tmp_path / "short.jsonl").write_text(json.dumps({"messages": turn, "answer": "b"}))
    filters = [{"kind": "length", "most": 20}]
    longer = {"kind": "generator", "name": "text_to_sql", "rows": 200}
    for given, name in (
        ({"sources": [longer], "test_sources": short}, "train"),
        ({"sources": short, "test_sources": [longer], "split": {"validation": 0}}, "test"),
    ):
        with pytest.raises(DataProblem, match=rf"no rows are left for {name}\. length left out 200") as told:
            build({**given, "transforms": filters}, tmp_path / name, tokenizer)
        assert told.value.where == "transforms"


def test_what_is_dropped_is_counted_with_an_example(tmp_path: Path, tokenizer: Tokenizer) -> None:
    recipe = {"sources": [REPAIR], "transforms": [{"kind": "length", "most": 160, "answer": 60}], "split": {"test": 5}}
    statistics = build(recipe, tmp_path / "out", tokenizer)
    reasons = {each["reason"]: each for each in statistics["dropped"]}
    assert set(reasons) == {"longer than 160 tokens", "an answer longer than 60 tokens"}
    assert sum(statistics["rows"].values()) + sum(each["rows"] for each in reasons.values()) == 200
    assert all(each["example"]["answer"] for each in reasons.values())
    assert statistics["measures"]["tokens"]["train"]["answer"]["longest"] <= 60


def test_sources_with_weights_share_the_rows(tmp_path: Path, tokenizer: Tokenizer) -> None:
    sources = [
        {"kind": "generator", "name": name, "weight": weight}
        for name, weight in (("json_repair", 3), ("text_to_sql", 1))
    ]
    statistics = build({"sources": sources, "rows": 120, "split": {"test": 10}}, tmp_path / "out", tokenizer)
    assert statistics["drawn"] == {"json_repair": 90, "text_to_sql": 30}
    with pytest.raises(RecipeMistake, match="weight need `rows`"):
        modules({"sources": sources})


def test_modules_and_files_are_exactly_what_a_recipe_uses(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("question,answer\n")
    recipe = {
        "sources": [REPAIR, {"kind": "files", "path": "*.csv"}],
        "transforms": [{"kind": "dedup_exact"}],
    }
    assert modules(recipe) == [
        "expertbuild.data.generators.json_repair",
        "expertbuild.data.measures.strata",
        "expertbuild.data.measures.tokens",
        "expertbuild.data.sources.files",
        "expertbuild.data.sources.generator",
        "expertbuild.data.transforms.dedup_exact",
    ]
    assert list(files(recipe, tmp_path).values()) == [tmp_path / "a.csv"]


@pytest.mark.parametrize(
    ("recipe", "error", "said"),
    [
        ({}, RecipeMistake, "at least one source"),
        ({"sources": [REPAIR], "transfroms": []}, RecipeMistake, 'Did you mean "transforms"'),
        ({"sources": [{"kind": "generater"}]}, UnknownName, 'Did you mean "generator"'),
        (
            {"sources": [{"kind": "generator", "name": "json_repare", "rows": 3}]},
            UnknownName,
            'Did you mean "json_repair"',
        ),
        ({"sources": [{"kind": "generator", "name": "json_repair"}]}, RecipeMistake, "needs `rows`"),
        ({"sources": [{**REPAIR, "wrods": "train"}]}, RecipeMistake, 'no option "wrods"'),
        ({"sources": [{**REPAIR, "words": "test"}]}, RecipeMistake, "train, held_out, all"),
        ({"sources": [REPAIR], "transforms": [{"kind": "dedupe"}]}, UnknownName, "dedup_near"),
        ({"sources": [REPAIR], "measures": {"strat": {}}}, UnknownName, 'Did you mean "strata"'),
        ({"sources": [REPAIR], "split": {"test": -1}}, RecipeMistake, r"split\.test"),
        ({"sources": [{"kind": "files", "path": "no.jsonl"}]}, SourceMistake, "no such file"),
    ],
)
def test_a_recipe_that_cannot_be_followed_is_one_sentence(
    tmp_path: Path, tokenizer: Tokenizer, recipe: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        build(recipe, tmp_path / "out", tokenizer)


@pytest.mark.parametrize(
    "source",
    [
        {"kind": "git", "repository": f"git+https://me:hush99@host/x.git@{'0' * 40}", "path": "a.jsonl"},
        {"kind": "git", "repository": f"git+https://ghp_hush990123456789@host/x.git@{'0' * 40}", "path": "a.jsonl"},
        {"kind": "huggingface", "name": "a/b", "revision": "hf_hush99abcdefghijkl", "columns": {}},
    ],
)
def test_a_key_in_any_source_is_refused_and_not_repeated(source: dict[str, Any]) -> None:
    with pytest.raises(KeyInRecipe, match=r"looks like a key.*environment") as told:
        modules({"sources": [REPAIR, source]})
    assert "hush99" not in str(told.value) and told.value.where.startswith("sources[1].")


def test_an_address_that_a_text_speaks_of_is_no_key() -> None:
    text = "{question} Say it as postgres://user:password@host/name."
    modules({"sources": [{"kind": "files", "path": "x", "columns": {"prompt": text, "answer": "a"}}]})
