"""The builder's figures made once more: an honest package agrees, one that claims more does not pass."""

import hashlib
import json
from dataclasses import replace

import pytest

from expertbuild.data.rows import write_rows
from expertbuild.evaluation.again import Claim, NotSoClaimed, again, claim, spread
from expertbuild.verbs.verify import main
from runtime.artifact.manifest import Adapter, Decoding, Manifest, VariantManifest
from runtime.artifact.release import seal
from runtime.artifact.slots import write_slots
from runtime.artifact.statement import Provenance
from runtime.engine.engine import Engine
from runtime.errors import Mistake, Problem
from runtime.registry.keys import developer_key
from runtime.registry.store import Store
from runtime.service.bases import find_base
from tests.server.installed import JSON_GRAMMAR, canary_for, record_for
from tests.tiny import tiny_base

N = 40
CONFIDENCE = 0.95


def figure(value, n=N):
    return {"value": value, "interval": [max(-1, value - 0.1), min(1, value + 0.1)], "n": n}


def report(expert, base, n=N):
    """An evaluation document with these figures."""
    overall = {
        "n": n,
        "expert": figure(expert, n),
        "base": figure(base, n),
        "difference": figure(expert - base, n),
        "changed": {"better": 0, "worse": 0},
    }
    return {
        "format": "evaluation/1", "scorer": {"kind": "exact_match"}, "decoding": {}, "grammar": True, "confidence": CONFIDENCE,
        "overall": overall, "strata": {}, "parts": {}, "failures": [],
    }  # fmt: skip


class Bench:
    """A tiny base, forty cases, and packages of one expert that claim whatever a test wants."""

    def __init__(self, folder):
        self.folder = folder
        self.base = tiny_base(folder)
        self.engine = Engine.load(self.base)
        self.record = record_for(5)
        self.cases = folder / "test.jsonl"
        self.rows = [
            {
                "id": str(number),
                "messages": [{"role": "user", "content": f"How many are {number} and {number % 7}?"}],
                "answer": json.dumps({"n": number % 3}),
                "stratum": "sum",
            }
            for number in range(N)
        ]
        write_rows(self.cases, self.rows)

    def package(self, document, *, said=None, name="honest"):
        said = said or {who: document["overall"][who]["value"] for who in ("expert", "base")}
        digests = (self.engine.base_digest, self.engine.tokenizer_digest)
        manifest = Manifest(
            publisher="local", name="expert-count", version="0.1.0", summary="Counts.", license="Apache-2.0",
            variants={"tiny": VariantManifest(*digests, Adapter("lora", 4))},
            decoding=Decoding(system="You count.", max_tokens=12, grammar=True),
        )  # fmt: skip
        members = {
            "variants/tiny/slots.safetensors": write_slots(self.record, "fp32"),
            "variants/tiny/canary.safetensors": canary_for(self.engine, self.record),
            "variants/tiny/evaluation.json": json.dumps(document).encode(),
            "grammar.gbnf": JSON_GRAMMAR.encode(),
        }
        provenance = Provenance(
            datasets={"dataset[expert-count,tiny]/test.jsonl": hashlib.sha256(self.cases.read_bytes()).hexdigest()},
            evaluation={"tiny": {"n": document["overall"]["n"], **said}},
        )
        path = self.folder / f"{name}.expert"
        seal(path, members, manifest, [developer_key()], provenance)
        return path

    def measured(self):
        """What is true of this expert."""
        store = Store(self.folder / "measuring")
        installed = store.install(self.package(report(0.5, 0.5), name="measured"))
        claimed = claim(installed, "tiny")
        return again(installed, claimed, find_base(self.base), self.rows).overall


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    patch = pytest.MonkeyPatch()
    folder = tmp_path_factory.mktemp("again")
    patch.setenv("EXPERTBUILD_HOME", str(folder / "home"))
    made = Bench(folder)
    made.truth = made.measured()
    yield made
    patch.undo()


def honest(bench):
    return report(bench.truth["expert"]["value"], bench.truth["base"]["value"])


def run(bench, path, *words):
    return main([str(path), "--evaluate", "--base", f"path:{bench.base}", "--dataset", str(bench.cases), *words])


def test_an_honest_package_agrees_and_both_figures_stand_side_by_side(bench, capsys):
    assert run(bench, bench.package(honest(bench))) == 0
    text = capsys.readouterr().out
    value = f"{bench.truth['expert']['value']:.3f} ("
    assert text.count(value) >= 2
    assert "measured by the builder  40 " in text
    assert "re-run here              40 " in text
    assert "lie within the intervals" in text


def test_the_figures_can_be_had_as_json_and_on_some_of_the_cases(bench, capsys):
    assert run(bench, bench.package(honest(bench)), "--cases", "10", "--json") == 0
    made = json.loads(capsys.readouterr().out)["evaluation"]
    assert (made["builder"]["n"], made["here"]["n"]) == (40, 10)
    assert made["here"]["expert"]["interval"][1] > made["here"]["expert"]["interval"][0]


@pytest.mark.parametrize("who", ["expert", "base"])
def test_a_package_that_claims_another_figure_fails_and_the_figure_is_named(bench, capsys, who):
    true = bench.truth[who]["value"]
    lie = {"expert": bench.truth["expert"]["value"], "base": bench.truth["base"]["value"], who: (true + 0.5) % 1}
    assert run(bench, bench.package(report(**lie), name="liar")) == 1
    text = capsys.readouterr().out
    assert f"The builder measured {lie[who]:.3g} for the {who}; here it is {true:.3g}" in text
    assert "lie within" not in text


def test_a_statement_that_contradicts_its_own_evaluation_is_refused(bench):
    path = bench.package(honest(bench), said={"expert": 1.0, "base": 0.0}, name="two-tongues")
    with pytest.raises(NotSoClaimed, match=r"The statement says expert = 1\.0, its evaluation"):
        run(bench, path)


def test_other_cases_than_the_builders_are_refused(bench, tmp_path):
    easy = [row | {"answer": "x"} for row in bench.rows]
    write_rows(tmp_path / "easy.jsonl", easy)
    with pytest.raises(Problem, match="not what the builder evaluated on: the file has the digest") as caught:
        run(bench, bench.package(honest(bench)), "--dataset", str(tmp_path / "easy.jsonl"))
    assert caught.value.exit_code == 1


def test_without_the_cases_it_says_whom_to_ask(bench):
    with pytest.raises(Mistake, match=r"are not here.*give it with --dataset FILE"):
        main([str(bench.package(honest(bench))), "--evaluate", "--base", f"path:{bench.base}"])


def test_another_base_is_refused_by_name(bench, tmp_path):
    other = tiny_base(tmp_path, seed=1)
    with pytest.raises(Problem, match="it was built for tiny"):
        run(bench, bench.package(honest(bench)), "--base", f"path:{other}")


def test_a_changed_file_is_told_before_anything_is_evaluated(bench, capsys):
    store = Store()
    installed = store.install(bench.package(honest(bench)))
    path = installed.path("grammar.gbnf")
    path.parent.chmod(0o755)
    path.chmod(0o644)
    path.write_bytes(b"root ::= [0-9]")
    assert run(bench, "expert-count") == 1
    assert "grammar.gbnf was changed" in capsys.readouterr().out
    store.uninstall("expert-count")


@pytest.mark.parametrize("words", [("--cases", "3"), ("x", "y", "--evaluate"), ("--evaluate",), ("x", "--evaluate", "--cases", "0")])  # fmt: skip
def test_words_that_do_not_go_together_are_the_users_mistake(bench, words):
    with pytest.raises(Mistake):
        main(list(words))


def test_some_of_the_cases_are_taken_evenly_and_never_more_than_the_builder_asked():
    rows = [{"id": str(number)} for number in range(100)]
    claimed = Claim("nano", {"n": 50}, 0.95, {}, None, None)
    assert [row["id"] for row in spread(rows, claimed, 5)] == ["0", "10", "20", "30", "40"]
    assert spread(rows, claimed, None) == spread(rows, claimed, 999) == rows[:50]
    with pytest.raises(NotSoClaimed, match="50 cases; the file has 20"):
        spread(rows[:20], replace(claimed), None)
