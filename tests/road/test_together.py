"""Several experts of one command: one run of the graph, one that fails harms no other, and all get on with each other.

Built for a tiny base, in seconds; what they learn is nothing, and no bound asks for more.
"""

import re
from pathlib import Path
from textwrap import dedent

import pytest

from tests.road.roads import Road
from tests.road.test_two_bases import write_base
from tests.tiny import tiny_base

pytestmark = pytest.mark.slow

BASE = "tiny-qwen3"
WORDS = (
    *(f"base={BASE}", "train=smoke", "train.steps=2", "train.processes=1", "train.length=1024"),
    *("train.batch_tokens=2048", "adapter.learning_rate=1e-4", "jobs=2"),
)


def write_expert(folder: Path, name: str, generator: str, scorer: str, *, grammar: str = "null") -> None:
    here = folder / "experts" / name
    here.mkdir(parents=True)
    files = {
        "expert.yaml": f"""
            # @package _global_
            defaults:
              - {name}/dataset@dataset
              - {name}/evaluation@evaluation
              - {name}/decoding@decoding
              - _self_
            expert:
              name: {name}
              version: 0.1.0
              summary: Does one thing.
              description: Does one thing.
              license: Apache-2.0
              capabilities: [one-thing]
              routing: {{keywords: [], exclude_keywords: [], fences: [], priority: 0.5}}
              requires: {{}}
              conflicts: {{}}
              limitations: []
            """,
        "dataset.yaml": f"""
            offline:
              sources: [{{kind: generator, name: {generator}, rows: 120}}]
              transforms: [{{kind: dedup_exact}}, {{kind: decontaminate}}]
              split: {{test: 20, validation: 10}}
            """,
        "evaluation.yaml": f"""
            scorer: {{kind: {scorer}}}
            cases: 6
            margin: -1
            confidence: 0.95
            """,
        "decoding.yaml": f"""
            system: null
            grammar: {grammar}
            temperature: ${{generation.temperature}}
            top_p: ${{generation.top_p}}
            top_k: ${{generation.top_k}}
            max_tokens: 8
            stop: []
            """,
    }
    for file, text in files.items():
        (here / file).write_text(dedent(text).lstrip("\n"), encoding="utf-8")


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Road:
    """Two experts that can be built, and one whose grammar forbids what it is asked for; all built by one command."""
    folder = tmp_path_factory.mktemp("three")
    write_base(folder, BASE, tiny_base(folder / "models", max_position_embeddings=2048))
    write_expert(folder, "expert-bad", "json_repair", "json_equal", grammar="own.gbnf")
    (folder / "experts" / "expert-bad" / "own.gbnf").write_text('root ::= "yes" | "no"\n', encoding="utf-8")
    write_expert(folder, "expert-fine", "text_to_sql", "sql_execution")
    write_expert(folder, "expert-good", "json_repair", "json_equal")
    road = Road(folder)
    done = road.run("-m", "expert=expert-bad,expert-fine,expert-good", *WORDS)
    (folder / "first.out").write_text(done.stdout, encoding="utf-8")
    (folder / "first.err").write_text(done.stderr, encoding="utf-8")
    assert done.returncode == 2, done.stdout + done.stderr
    return road


def started(err: str) -> list[str]:
    return re.findall(r"^(\S+): started$", err, re.M)


def test_one_that_fails_stops_no_other_and_the_end_says_which_and_why(three: Road) -> None:
    err = (three.folder / "first.err").read_text(encoding="utf-8")
    last = err.splitlines()[-3:]
    assert last[0] == "1 of 3 builds failed:" and last[1].startswith("#0 : expert=expert-bad ")
    assert "own.gbnf rejects 20 of 20 answers that the test set expects; the first is of case" in last[2]
    assert f"train[expert-bad,{BASE}]: skipped" in err and "Traceback" not in err
    out = (three.folder / "first.out").read_text(encoding="utf-8")
    assert re.findall(r"^installed +(\S+) ", out, re.M) == ["local/expert-fine", "local/expert-good"]
    assert sorted(file.name for file in (three.folder / "build").iterdir()) == [
        "expert-fine-0.1.0.expert",
        "expert-good-0.1.0.expert",
    ]


def test_all_of_a_command_are_one_run_and_each_is_seen_beside_the_others(three: Road) -> None:
    err = (three.folder / "first.err").read_text(encoding="utf-8")
    begun = started(err)
    assert begun.count(f"base[{BASE}]") == 1, "what all stand on is one step"
    assert {"company[expert-fine]", "company[expert-good]"} <= set(begun)
    assert begun.index(f"train[expert-good,{BASE}]") < begun.index("package[expert-fine]"), "side by side"
    assert f"dataset[expert-good,{BASE}]" not in begun, "the one that failed has the same rows, made once"
    out = (three.folder / "first.out").read_text(encoding="utf-8")
    assert re.search(r"^beside +\d of 6 of its own cases reach it; it takes 0 of 6 from local/expert-fine$", out, re.M)
    assert len(re.findall(r"^release +there is no earlier one to compare with$", out, re.M)) == 2


def test_a_second_run_runs_no_action_together_or_alone(three: Road) -> None:
    both = ("-m", "expert=expert-fine,expert-good", *WORDS)
    for words in (both, ("expert=expert-good", *WORDS)):
        done = three.run(*words)
        assert done.returncode == 0 and started(done.stderr) == [], done.stderr
        assert "company[expert-good]: up to date" in done.stderr
    dry = three.run(*both, "dry_run=true").stdout
    assert "company[expert-fine]" in dry and {line.split("  ")[-1].strip() for line in dry.splitlines()} == {
        "up to date"
    }
    why = three.run("why", "expert=expert-good", *WORDS).stdout
    assert "company[expert-good]: up to date" in why and "->" not in why


def test_the_next_version_is_compared_with_the_last_one_and_says_so_for_ever(three: Road) -> None:
    words = ("expert=expert-good", *WORDS, "expert.version=0.2.0")
    done = three.run(*words)
    assert done.returncode == 0, done.stderr
    assert started(done.stderr) == [f"compare[expert-good,{BASE}]", "package[expert-good]"]
    told = r"^release +better than 0\.1\.0 by 0\.0 % .*: on the same 6 cases, 0 got better and 0 worse$"
    assert re.search(told, done.stdout, re.M)
    assert "release 0.1.0 (id " in three.run("info", "expert-good@0.2.0").stdout
    again = three.run(*words)
    assert started(again.stderr) == [] and "compare[expert-good,tiny-qwen3]: up to date" in again.stderr
    assert three.run("uninstall", "expert-good@0.2.0").returncode == 0


def test_an_expert_that_takes_anothers_cases_is_neither_delivered_nor_installed(three: Road) -> None:
    write_expert(three.folder, "expert-copy", "text_to_sql", "sql_execution")
    done = three.run("expert=expert-copy", *WORDS, "expert.routing.priority=0.9")
    assert done.returncode == 1, done.stdout + done.stderr
    assert re.search(
        r"company\[expert-copy\]: not beside the others: local/expert-copy takes \d of 6 test cases", done.stderr
    )
    assert "local/expert-fine answered: " in done.stderr and "Traceback" not in done.stderr
    assert not (three.folder / "build" / "expert-copy-0.1.0.expert").exists()
    assert "expert-copy" not in three.run("list").stdout
    let = three.run(
        "expert=expert-copy", *WORDS, "expert.routing.priority=0.9", "+evaluation.compatibility=1", "install=false"
    )
    assert let.returncode == 0 and (three.folder / "build" / "expert-copy-0.1.0.expert").exists()


def test_what_an_expert_requires_has_to_be_there_before_anything_is_built(three: Road) -> None:
    missing = three.run("expert=expert-good", *WORDS, "+expert.requires={local/expert-fin:^1}")
    assert missing.returncode == 2 and started(missing.stderr) == []
    assert (
        "expert-good requires local/expert-fin ^1, and it is not there. Did you mean local/expert-fine?"
        in missing.stderr
    )
    other = three.run("expert=expert-good", *WORDS, "+expert.requires={local/expert-fine:^1}")
    assert "requires local/expert-fine ^1, and 0.1.0 is there." in other.stderr
    right = three.run("expert=expert-good", *WORDS, "+expert.requires={local/expert-fine:^0.1}", "dry_run=true")
    assert right.returncode == 0, right.stderr
