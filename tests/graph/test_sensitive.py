from pathlib import Path

import pytest

from expertbuild.graph import Cache, GraphMistake, build
from expertbuild.graph.sensitive import Scrubber, find_secrets, looks_secret
from tests.graph.toys import Heard, leak, step


@pytest.mark.parametrize(
    "name",
    [
        "api_key", "apiKey", "apikey", "OPENAI_API_KEY", "hf_key", "access-key", "token", "hf_token", "authToken", "password",
        "db_password", "client_secret", "secret", "secrets", "credentials", "passphrase", "SecretValue",
    ],
)  # fmt: skip
def test_a_name_that_holds_a_secret_is_seen(name: str) -> None:
    assert looks_secret(name)


@pytest.mark.parametrize(
    "name",
    [
        "key", "keys", "tokens", "max_tokens", "batch_tokens", "tokens_per_second", "tokenizer", "tokenizer_digest", "pad_token",
        "eos_token", "primary_key", "foreign_key", "api_key_env", "token_file", "password_path", "secret_name", "keywords", "monkey",
    ],
)  # fmt: skip
def test_a_name_that_only_sounds_like_a_secret_is_left_alone(name: str) -> None:
    assert not looks_secret(name)


def test_secrets_are_found_at_any_depth_and_empty_ones_are_none() -> None:
    config = {
        "generation": {
            "api_key": "sk-1",
            "token": "",
            "password": None,
            "secret": False,
            "endpoints": [{"auth_token": 7}],
        },
        "credentials": {"user": "me", "nested": ["x"]},
        "package": {"key": "keys/release.pem"},
    }
    assert list(find_secrets(config)) == [
        "generation.api_key", "generation.endpoints[0].auth_token", "credentials.user", "credentials.nested[0]",
    ]  # fmt: skip


def test_a_step_that_reads_a_secret_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    steps = [step("one", own={"api_key": "sk-very-secret"}), step("two", own={"deep": {"password": "hunter2"}})]
    with pytest.raises(GraphMistake) as caught:
        build(steps, Cache(tmp_path / "cache"))
    assert "own.api_key, own.deep.password look like a secret" in str(caught.value)
    assert "sk-very-secret" not in str(caught.value) and "hunter2" not in str(caught.value)
    assert caught.value.exit_code == 2
    assert not (tmp_path / "cache").exists()


def test_a_secret_that_the_step_does_not_read_does_no_harm(tmp_path: Path) -> None:
    harmless = step("one", own={"x": 1})
    dict.__setitem__(harmless.config["other"], "api_key", "sk-very-secret")
    assert build([harmless], Cache(tmp_path)).ok
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or b"sk-very-secret" not in path.read_bytes()


def test_a_secret_from_the_environment_reaches_no_log_no_event_and_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOY_API_KEY", "sk-abcdef123456")
    heard = Heard()
    outcome = build([step("leak", leak)], Cache(tmp_path), listener=heard)
    log = outcome.failures[0].log
    assert log is not None and "token ***" in log.read_text() and "Traceback" in log.read_text()
    written = "".join(path.read_text("utf-8", "replace") for path in tmp_path.rglob("*") if path.is_file()) + repr(
        heard
    )
    assert "sk-abcdef" not in written and "hunter22" not in written
    assert outcome.failures[0].what == "stopped on RuntimeError: https://***@example.org refused ***"


def test_short_values_of_the_environment_are_not_blotted_out() -> None:
    assert Scrubber({"API_KEY": "on"})("go on") == "go on"
