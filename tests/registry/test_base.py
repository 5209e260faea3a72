import pytest

from runtime.errors import Mistake
from runtime.registry.base import wanted_base

NANO = wanted_base("nano")


def variant(base, tokenizer):
    return {"base": base, "tokenizer": tokenizer}


def test_a_base_that_conf_pins_is_known_by_its_digests_and_not_by_its_name():
    assert len(NANO.digest) == len(NANO.tokenizer) == 64
    assert NANO.fits({"whatever": variant(NANO.digest, NANO.tokenizer)})
    assert not NANO.fits({"nano": variant(NANO.digest, "4" * 64)})
    assert not NANO.fits({"nano": variant("4" * 64, NANO.tokenizer)})


def test_a_base_that_nobody_pinned_is_known_by_its_name():
    assert wanted_base("qwen3-0.6b").fits({"qwen3-0.6b": variant("3" * 64, "4" * 64)})
    assert not wanted_base("my-base").fits({"nano": variant("3" * 64, "4" * 64)})


def test_the_beginning_of_a_digest_will_do():
    assert wanted_base("33333333").fits({"x": variant("3" * 64, "4" * 64)})
    assert not wanted_base("44444444").fits({"x": variant("3" * 64, "4" * 64)})


@pytest.mark.parametrize("text", ["", "../nano", "NANO", "a b", "-x", "\x1b"])
def test_what_names_no_base_is_the_users_mistake(text):
    with pytest.raises(Mistake, match="names no base"):
        wanted_base(text)
