"""Every old manifest becomes an expert that composes, and every value of it is accounted for exactly once."""

import json
import os
import tempfile
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from expertbuild.compose.command import Command
from expertbuild.compose.jobs import jobs
from expertbuild.migration.account import Outcome, leaves, spelled
from expertbuild.migration.migrating import Migrated, migrate
from expertbuild.migration.telling import document, lines, page
from tests.migration.conftest import OLD, manifest
from tests.migration.documents import MANIFESTS

ALL = sorted(file.stem for file in OLD.glob("*.json"))


def migrated(document: Any, **words: Any) -> Migrated:
    Path("manifest.json").write_text(json.dumps(document), encoding="utf-8")
    return migrate(Path("manifest.json"), **words)


def composed(name: str, *words: str) -> Any:
    [job] = jobs(Command((f"expert={name}", *words)))
    return job.config


def fates(done: Migrated) -> dict[str, tuple[str, str]]:
    return {spelled(entry.path): (entry.outcome.value, entry.why) for entry in done.account.entries()}


def accounted_for(done: Migrated, old: Any) -> None:
    """Each leaf once, in the account, in its JSON and, unless hidden in a group, in its lines."""
    told = [tuple(entry["path"]) for entry in document(done.account)["fields"]]
    assert told == [path for path, _ in leaves(old)]
    assert len(set(told)) == len(told)
    assert all(line.isprintable() for line in lines(done.account))
    assert all(line.isprintable() for line in page(done.account, "expert-x", "2.0").splitlines())


def test_there_are_enough_old_manifests_to_learn_from() -> None:
    assert len(ALL) >= 8


@pytest.mark.parametrize("name", ALL)
def test_an_old_manifest_becomes_an_expert_that_composes(here: Path, name: str) -> None:
    done = migrate(OLD / f"{name}.json")
    accounted_for(done, manifest(name))
    config = composed(done.expert.identity.name)
    assert config["expert"]["name"] == done.directory.name
    assert (done.directory / "MIGRATION.md").is_file()


# A composition costs half a second: a few of them in each run, many in the slow one.
def _random(old: Any) -> None:
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        os.environ["EXPERTBUILD_HOME"] = folder
        done = migrated(old)
        accounted_for(done, old)
        composed(done.expert.identity.name)
        for base in done.expert.learning.bases:
            if base.known and base.name != done.expert.learning.base:
                composed(done.expert.identity.name, f"base={base.name}")


@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(MANIFESTS)
def test_whatever_a_manifest_says_every_leaf_is_told_once_and_the_expert_composes(old: Any) -> None:
    _random(old)


@pytest.mark.slow
@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(MANIFESTS)
def test_many_random_manifests_compose(old: Any) -> None:
    _random(old)


@settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(MANIFESTS)
def test_the_account_covers_every_leaf_of_many_more(old: Any) -> None:
    """As above without composing, which is what takes the time."""
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        accounted_for(migrated(old), old)


def test_what_has_a_place_is_carried_to_it(here: Path) -> None:
    migrate(OLD / "v2-sql.json")
    config = composed("expert-sql")
    assert config["base"]["name"] == "qwen3-0.6b"
    assert config["adapter"] | {} == config["adapter"]
    assert {key: config["adapter"][key] for key in ("kind", "r", "alpha", "targets")} == {
        "kind": "lora", "r": 16, "alpha": 32, "targets": ["q_proj", "k_proj", "v_proj", "o_proj"]
    }  # fmt: skip
    train = {key: config["train"][key] for key in ("learning_rate", "steps", "micro_batch", "batch_tokens", "schedule")}
    assert train == {
        "learning_rate": 2e-4,
        "steps": 4688,
        "micro_batch": 16,
        "batch_tokens": 32768,
        "schedule": "cosine",
    }
    assert config["seed"] == 42
    assert config["expert"]["requires"] == {"local/expert-json": ">=1.0.0", "acme/expert-schema": "~1.2.0,<2.0.0"}
    assert config["expert"]["conflicts"] == {"local/expert-mongo": "*"}
    assert config["decoding"]["stop"] == ["\n\n", ";"]
    assert config["decoding"]["temperature"] == 0.1
    assert config["expert"]["routing"]["keywords"] == ["sql", "select", "query", "schema"]


def test_numbers_of_one_base_hold_for_that_base_alone(here: Path) -> None:
    migrate(OLD / "v1-sql.json")
    assert composed("expert-sql")["adapter"]["dropout"] == 0.05
    on_nano = composed("expert-sql", "base=nano")
    assert (on_nano["adapter"]["kind"], on_nano["adapter"]["dropout"]) == ("dora", 0.0)


def test_a_base_that_conf_does_not_have_waits_for_its_file(here: Path) -> None:
    migrate(OLD / "v1-version-is-schema.json")
    assert composed("expert-regex")["base"]["name"] == "nano"
    base = here / "conf" / "base" / "llama-3.2-1b.yaml"
    base.parent.mkdir(parents=True)
    base.write_text(
        "name: llama-3.2-1b\nsource: hub:meta-llama/Llama-3.2-1B@0123abc\ndigest: null\ntokenizer_digest: null\n"
        "license: LicenseRef-llama3.2\nlearning_rate_scale: 0.04\nrecipe: null\n",
        encoding="utf-8",
    )
    config = composed("expert-regex", "base=llama-3.2-1b")
    assert (config["adapter"]["r"], config["train"]["learning_rate"]) == (64, 0.0001)


def test_what_is_not_believed_is_told_with_its_reason(here: Path) -> None:
    told = fates(migrate(OLD / "v2-sql.json"))
    for field, outcome, why in [
        ("base_models[0].sha256", "doubted", "the same digit"),
        ("base_models[0].adapters[0].sha256", "doubted", "hash of nothing"),
        ("base_models[1].adapters[0].path", "doubted", "pickle"),
        ("base_models[1].adapters[0].sha256", "doubted", "not a SHA-256"),
        ("soft_prompts[0].sha256", "doubted", "empty hash"),
        ("training.dataset.source", "doubted", "path of somebody's disk"),
        ("quality_metrics.benchmarks[0].score", "doubted", "how many cases"),
        ("quality_metrics.benchmarks[1].score", "dropped", "measured by somebody else"),
        ("quality_metrics.human_eval", "doubted", "how many cases"),
        ("perf.latency_ms", "doubted", "claim about a machine"),
        ("integrity.gpg_signature", "doubted", "cannot be checked"),
        ("constraints.incompatible_with[1]", "doubted", "not the name of an expert"),
        ("routing.priority", "doubted", "between 0 and 1"),
        ('routing.router_hint["domain=sql"]', "dropped", "trained on the expert's own prompts"),
    ]:
        assert told[field][0] == outcome, field
        assert why in told[field][1], (field, told[field])


def test_commands_and_remote_code_are_dropped_by_name_and_nothing_runs(here: Path) -> None:
    old = manifest("v2-hostile")
    old["hooks"]["post_install"] = f"touch {here}/ran"
    old["command"] = f"touch {here}/ran"
    told = fates(migrated(old))
    for field in ("hooks.post_install", "hooks.pre_load[0]", "command"):
        assert told[field] == ("dropped", "a command: never run")
    for field in ("base_models[0].trust_remote_code", "base_models[0].auto_map.AutoModel", "training.config._target_"):
        assert told[field] == ("dropped", "leads to code from elsewhere: never loaded")
    assert not (here / "ran").exists()


def test_text_that_acts_somewhere_reaches_the_expert_as_text(here: Path) -> None:
    old = manifest("v2-bare") | {
        "description": "Home is ${oc.env:HOME}, \\${this} stays, and so does ${base.name}.",
        "capabilities": ["no", "1e3", "null", "${oc.env:HOME}", "- x", "{a: 1}", "2024-01-01"],
        "decoding": {"system_prompt": "Say ${x}\nand: 'more' # not a comment"},
    }
    migrated(old)
    config = composed("expert-bare")
    assert config["expert"]["description"] == old["description"]
    assert config["expert"]["capabilities"] == old["capabilities"]
    assert config["decoding"]["system"] == old["decoding"]["system_prompt"]


def test_files_and_pages_hold_nothing_that_a_terminal_obeys(here: Path) -> None:
    done = migrate(OLD / "v2-hostile.json")
    for file in done.directory.rglob("*.*"):
        if file.is_file():
            assert all(line.isprintable() for line in file.read_text(encoding="utf-8").split("\n")), file
    for name in ("README.md", "MIGRATION.md"):
        assert "<script>" not in (done.directory / name).read_text(encoding="utf-8")


def test_a_grammar_within_the_manifest_is_read_before_it_is_kept(here: Path) -> None:
    done = migrate(OLD / "v2-json.json")
    assert composed("expert-json")["decoding"]["grammar"] == "grammar.gbnf"
    assert (done.directory / "grammar.gbnf").read_text().startswith("root ::=")
    old = manifest("v2-json")
    old["training"]["decoding"]["grammar"] = "root ::= root"
    done = migrated(old, output=Path("experts/expert-other"))
    assert done.expert.decoding.grammar is None
    assert "not a grammar" in fates(done)["training.decoding.grammar"][1]


def test_rows_that_a_generator_of_ours_writes_are_named_only_where_a_capability_says_exactly_that(here: Path) -> None:
    assert migrate(OLD / "v1-sql.json").expert.data.generator == "text_to_sql"
    assert migrate(OLD / "v1-terse.json").expert.data.generator is None


def test_training_that_belongs_to_no_base_is_dropped(here: Path) -> None:
    old = manifest("v2-bare") | {"training": {"config": {"learning_rate": 1e-4, "batch_size": "many", "lora_rank": 8}}}
    told = fates(migrated(old))
    assert {told[f"training.config.{key}"][0] for key in ("learning_rate", "batch_size", "lora_rank")} == {"dropped"}


def test_the_counts_are_those_of_the_entries(here: Path) -> None:
    done = migrate(OLD / "v2-sql.json")
    entries = done.account.entries()
    assert sum(done.account.count(outcome) for outcome in Outcome) == len(entries)
