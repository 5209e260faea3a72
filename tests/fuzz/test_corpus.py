"""What fuzzing once found stays found: every kept input is given to its target again, without a fuzzer."""

import ast
import hashlib
from pathlib import Path

import pytest

from tests.fuzz.chance import CORPUS, kept
from tests.fuzz.targets import TARGETS, attempt

KEPT = [(name, path.name) for name in TARGETS for path in kept(name)]

# Each of these was accepted once, or ended in something else than a refusal.
REFUSED = {
    ("canary", "nothing-beside-huge-dimensions"),
    ("slots", "nothing-beside-huge-dimensions"),
    ("tensors", "nothing-beside-huge-dimensions"),
    ("envelope", "signatures-out-of-order"),
    ("manifest", "no-annotations"),
    ("statement", "empty-annotations"),
}


@pytest.mark.parametrize(("name", "file"), KEPT)
def test_what_was_found_once_is_refused_or_passes_its_oracle(name, file):
    accepted = attempt(TARGETS[name], (CORPUS / name / file).read_bytes())
    assert accepted == ((name, file) not in REFUSED)


def test_every_kept_file_belongs_to_a_target_and_every_finding_is_kept():
    files = {(path.parent.name, path.name) for path in CORPUS.rglob("*") if path.is_file()}
    assert files == set(KEPT)
    assert files >= REFUSED


@pytest.mark.parametrize("name", TARGETS)
def test_what_a_target_begins_with_is_accepted(name):
    """Otherwise it would fuzz nothing but the first check."""
    assert [hashlib.sha256(seed).hexdigest()[:8] for seed in TARGETS[name].seeds() if not attempt(TARGETS[name], seed)] == []  # fmt: skip


def test_the_nox_session_runs_every_target():
    tree = ast.parse((Path(__file__).parents[2] / "noxfile.py").read_text(encoding="utf-8"))
    [said] = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "FUZZED"
    ]
    assert said == tuple(TARGETS)
