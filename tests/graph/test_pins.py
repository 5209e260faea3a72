"""Pinned: a change here throws away what everybody has built. Mean it, and say so in the changelog."""

from pathlib import Path
from typing import Any

import pytest

from expertbuild.graph import Action, Cache, Step, build
from expertbuild.graph.record import read_record

STEPS = '''
"""Two steps."""
from . import letters

def first(run):
    (run.out / "deep").mkdir()
    (run.out / "deep" / "text").write_text(letters.UPPER * run.config["own"]["times"])
    (run.out / "tool").write_text("#!/bin/sh\\n")
    (run.out / "tool").chmod(0o755)

def second(run):
    text = (run.inputs["first"] / "deep" / "text").read_text()
    (run.out / "text").write_text(text.lower() + (run.files["ending"]).read_text() + str(run.seed))
'''
CODE = {
    "toypins": "ast:b5999633d806a4425694a2e389d4c42e99949638e4f3c7a2b793b0073e37c634",
    "toypins.letters": "ast:5e1357b3d31e7f593bf5b813367d4684ee3f9f4099574da060dfe2c18cb0137a",
    "toypins.steps": "ast:18ef4eacc1dd00c191cefda98310e4948acf5f4690e944d780bce65d071d3072",
}
FIRST: dict[str, Any] = {
    "format": "expertbuild-key/1",
    "action": "first",
    "version": 1,
    "function": "toypins.steps:first",
    "config": {
        "own": {
            "times": 2,
            "rate": 1.0,
            "on": True,
            "nothing": None,
            "names": ["é", "b"],
            "by": {"$pairs": [[1, "one"]]},
        }
    },
    "inputs": {},
    "files": {},
    "code": CODE,
    "libraries": {"toy-library": "1.2.3", "toy-missing": None},
    "seed": 0,
}
FIRST_KEY = "fb872801ecdca896501fa01c29e4a8dd7818376c7c21e570d911a0216994ffe6"
FIRST_TREE = "3290c55bdd839a8d788af8eadb1f6cfc10bae09b2058d6e50308df297e607a33"
SECOND: dict[str, Any] = {
    "format": "expertbuild-key/1",
    "action": "second",
    "version": 3,
    "function": "toypins.steps:second",
    "config": {},
    "inputs": {"first": FIRST_TREE},
    "files": {
        "data": "tree:d43cc6044dd43d9480b67aecec70fdb3f8b0fe4649ef67b6f6453e167919a0a4",
        "ending": "file:bb7208bc9b5d7c04f1236a82a0093a5e33f40423d5ba8d4266f7092c3ba43b62",
    },
    "code": CODE,
    "libraries": {},
    "seed": 42,
}
SECOND_KEY = "92e39aecc9ec601e8257abe9754965233aea306e20d97f509df2a337f167309c"
SECOND_TREE = "34e5eb92fc4ee4191cd1fdea1f78e6882ece84aaa148d27596058f35fc68d2ef"


@pytest.fixture
def graph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Step]:
    project = tmp_path / "src"
    for name, text in {
        "toypins/__init__.py": "",
        "toypins/steps.py": STEPS,
        "toypins/letters.py": "UPPER = 'ABC'",
        "toypins/unused.py": "x",
        "toy_library-1.2.3.dist-info/METADATA": "",
        "data/one.txt": "1",
        "data/more/two.txt": "2",
        "ending.txt": "!",
    }.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text)
    monkeypatch.syspath_prepend(str(project))
    own = {"times": 2, "rate": 1.0, "on": True, "nothing": None, "names": ["é", "b"], "by": {1: "one"}}
    first = Step(
        "first",
        Action("first", 1, ("own", "missing"), "toypins.steps:first", ("toy-missing", "toy-library")),
        {"own": own, "x": 0},
    )
    files = {"ending": project / "ending.txt", "data": project / "data"}
    return [first, Step("second", Action("second", 3, (), "toypins.steps:second"), {}, {"first": first}, files, 42)]


def test_documents_keys_and_trees_of_a_small_graph_are_these(graph: list[Step], tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    outcome = build(graph, cache)
    outcome.check()
    records = {
        id: read_record((cache.results / f"{part.key}.json").read_bytes(), part.key or "")
        for id, part in outcome.items()
    }
    assert records["first"].document == FIRST
    assert (records["first"].key, records["first"].tree) == (FIRST_KEY, FIRST_TREE)
    assert records["second"].document == SECOND
    assert (records["second"].key, records["second"].tree) == (SECOND_KEY, SECOND_TREE)
    assert (outcome["second"].path() / "text").read_text() == "abcabc!42"
