import json

from runtime.artifact.release import seal
from runtime.artifact.statement import Provenance
from runtime.registry.commands.info import info
from runtime.registry.provenance import lines
from tests.artifact.samples import ALICE, manifest, members, provenance

TRAIN = {
    "action": "train",
    "version": 3,
    "seed": 7,
    "code": {"expertbuild.actions.train": "ast:" + "a" * 64, "runtime": "ast:" + "b" * 64},
    "config": {"adapter": {"kind": "dora", "r": 12, "targets": ["q_proj"]}, "train": {"steps": 300}},
    "inputs": {"dataset": "5" * 64},
    "files": {"base/config.json": "file:" + "6" * 64},
    "libraries": {"torch": "2.13.0"},
}


def stated(**actions):
    return {
        "actions": actions,
        "libraries": {"torch": "2.13.0"},
        "datasets": {"dataset[x]": "5" * 64},
        "evaluation": {},
    }


def test_every_setting_of_every_action_can_be_read():
    text = "\n".join(lines(stated(**{"train[x,nano]": TRAIN, "base[nano]": {"action": "base", "version": 1}})))
    assert text.index("base[nano] (version 1)") < text.index(
        "train[x,nano] (version 3, seed 7, 2 modules of code, digest "
    )
    for said in (
        'adapter.kind = "dora"',
        "adapter.r = 12",
        'adapter.targets = ["q_proj"]',
        "train.steps = 300",
        "inputs: dataset 555555555555",
        "files: base/config.json 666666666666",
        "libraries: torch 2.13.0",
        f"data dataset[x]: sha256 {'5' * 64}",
    ):
        assert said in text, said


def test_documents_of_any_form_are_shown_as_they_are_and_cut_short():
    strange = {"version": {"a": [1]}, "code": ["x"], "inputs": [1, 2], "libraries": "none", "config": {"k": "v" * 9000}}
    many = {"config": {f"k{n:04}": n for n in range(1000)}}
    text = list(lines(stated(a=strange, b=many, c={})))
    assert max(map(len, text)) < 400
    assert len(text) < 300
    assert any("--json shows all of it" in line for line in text)


def test_info_shows_it_safely_and_json_has_all_of_it(tmp_path, capsys):
    path = tmp_path / "x.expert"
    hostile = {**TRAIN, "config": {"\x1b[2Jkey": "\u202evalue\x07"}}
    plain = provenance()
    made = Provenance({"train[x,nano]": hostile}, plain.libraries, plain.datasets, plain.evaluation)
    seal(path, members(), manifest(), [ALICE], made)
    assert info([str(path)]) == 0
    text = capsys.readouterr().out
    assert all(c.isprintable() or c == "\n" for c in text)
    assert "\\x1b[2Jkey = " in text
    assert "execution: 0.93 against 0.11 for the base, n = 200, 95 % interval" in text
    assert "measured by the builder" in text
    assert info([str(path), "--json"]) == 0
    described = json.loads(capsys.readouterr().out)["provenance"]
    assert described["actions"] == {"train[x,nano]": hostile}
    assert described["datasets"] == plain.datasets
    assert described["libraries"] == plain.libraries
    assert described["evaluation"] == plain.evaluation


def test_info_shows_form_and_the_release_before_where_they_are_stated(tmp_path, capsys):
    plain = provenance()
    [base] = plain.evaluation
    release = {"version": "0.1.0", "id": "d" * 64}
    compared = {**release, "n": 300, "score": 0.9, "interval": [-0.01, 0.05]}
    for number, (further, said) in enumerate(
        (
            ({"well_formed": 0.987}, "well formed: 0.987 of its answers"),
            ({"released": compared}, "0.9 on the same 300 cases, interval of the difference -0.01 to 0.05"),
            ({"released": {**release, "unlike": "it has no variant for this base"}}, "not compared, it has no variant"),
        )
    ):
        path = tmp_path / f"{number}.expert"
        stated = Provenance(
            plain.actions, plain.libraries, plain.datasets, {base: {**plain.evaluation[base], **further}}
        )
        seal(path, members(), manifest(), [ALICE], stated)
        assert info([str(path)]) == 0
        assert said in capsys.readouterr().out
