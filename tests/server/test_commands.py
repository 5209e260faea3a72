"""`python -m runtime.serve`, `.chat` and `.route`, as they are typed."""

import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from openai import OpenAI

from runtime import chat, route, serve
from runtime.engine.engine import Engine
from runtime.errors import Mistake
from runtime.home import shipped
from runtime.registry.base import wanted_base
from runtime.service.bases import find_base
from runtime.settings import settings
from tests.server.installed import package, store_with


@pytest.fixture(scope="module")
def home(folder: Path, engine: Engine) -> Path:
    """The user's own store, with both experts in it."""
    store_with(folder / "home" / "data", engine, "query", "record")
    return folder / "home"


def test_a_server_is_started_asked_and_stopped(home: Path, base: Path) -> None:
    own = [f"base.source=path:{base}", "base.name=tiny", "base.digest=null", "base.tokenizer_digest=null"]
    command = [sys.executable, "-m", "runtime.serve", "port=0", *own, "cache_tokens=512"]
    environment = {**os.environ, "EXPERTBUILD_API_KEY": "s3cret"}
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    try:
        assert server.stdout
        told = [server.stdout.readline() for _ in range(3)]
        address = re.search(r"http://127\.0\.0\.1:\d+/v1", told[0])
        assert address, server.communicate(timeout=20)[1]
        assert "auto, tiny, local/expert-query, local/expert-record" in told[0] and "curl" in told[2]
        client = OpenAI(base_url=address[0], api_key="s3cret", max_retries=0)
        reply = client.chat.completions.create(
            model="auto", messages=[{"role": "user", "content": "some json"}], max_tokens=20
        )
        assert (reply.choices[0].message.content or "").startswith('{"n"')
        server.send_signal(signal.SIGINT)
        rest, errors = server.communicate(timeout=20)
    finally:
        server.kill()
    assert server.returncode == 0 and rest == "Stopped.\n" and errors == ""
    assert "s3cret" not in "".join(told)


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("prot=1", "'prot=1' sets nothing that the server knows. Did you mean port?"),
        ("port", "'port' sets nothing"),
        ("port=many", "at port: 'many' is not of type 'integer'"),
        ("port=70000", "at port"),
        ("router.encoder=word2vec", "at router.encoder"),
        ("experts=[a", "The settings cannot be read"),
        ("base=nano2", "nano2"),
    ],
)
def test_a_wrong_setting_is_told_before_anything_is_loaded(word: str, sentence: str) -> None:
    with pytest.raises(Mistake, match=re.escape(sentence)) as told:
        settings([word])
    assert told.value.exit_code == 2


def test_settings_are_the_shipped_ones_with_what_was_typed() -> None:
    wanted = settings(["port=0", "experts=[local/expert-sql]", "router.threshold=0.9"])
    assert wanted["port"] == 0 and wanted["experts"] == ["local/expert-sql"] and wanted["router"]["threshold"] == 0.9
    assert wanted["base"]["name"] == "nano" and wanted["host"] == "127.0.0.1"


def test_a_conf_folder_of_ones_own_adds_to_the_shipped_one(
    tmp_path: Path, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = tmp_path / "conf" / "base"
    group.mkdir(parents=True)
    (group / "mine.yaml").write_text(f"name: mine\nsource: path:{base}\nlicense: MIT\ndigest: {'a' * 64}\n")
    monkeypatch.chdir(tmp_path)
    assert settings(["base=mine"])["base"]["source"] == f"path:{base}"
    assert settings([])["port"] == 8000
    shipped_one = (shipped("conf") / "serve.yaml").read_text()
    (tmp_path / "conf" / "serve.yaml").write_text(shipped_one.replace("port: 8000", "port: 8123"))
    assert settings([])["port"] == 8123 and settings(["port=1"])["port"] == 1
    assert find_base("mine").directory == base and find_base("nano").name == "nano"
    assert wanted_base("mine").digest == "a" * 64
    with pytest.raises(Mistake, match=r"no base 'yours'.*mine, nano"):
        find_base("yours")


def test_a_port_in_use_is_told_before_anything_is_loaded() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(Mistake, match=f"127.0.0.1:{port} cannot be used"):
            serve.serve(settings([f"port={port}"]))


def test_small_answers_are_not_held_back() -> None:
    """asyncio turns Nagle's algorithm off only for sockets that say they are TCP."""
    with serve._bound("127.0.0.1", 0) as listening:
        assert listening.proto == socket.IPPROTO_TCP


def test_route_says_who_would_answer_and_loads_no_model(home: Path) -> None:
    program = (
        "import sys; from runtime.route import route; code = route(['--json', 'some', 'Postgres']);"
        "print([name for name in ('torch', 'fastapi', 'hydra') if name in sys.modules], code)"
    )
    out = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert json.loads(out[0])["expert"] == "local/expert-query" and out[1] == "[] 0"


def test_route_prints_its_reasons(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert route.route(["some json, please"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("local/expert-record\n  local/expert-record: keyword 'json'")
    with pytest.raises(Mistake, match="empty"):
        route.route([" "])


def test_a_chat_shows_answers_and_says_who_gave_them(
    home: Path, base: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("/why\nsome json\n/why\n/new\n\n/quit\nnever\n"))
    assert chat.chat(f"path:{base}", "auto", None, False) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "Nothing has been answered yet."
    assert lines[2].startswith('{"n": ') and lines[3] == "local/expert-record" and "keyword 'json'" in lines[4]
    assert len(lines) < 10


def test_what_a_model_writes_is_shown_and_not_obeyed() -> None:
    assert chat.visible("a\n\tb\x1b[2J\x9b\u202e\rc") == "a\n    b\\x1b[2J\\x9b\\u202e\\rc"


def test_files_are_installed_by_the_trust_policy_first(home: Path, folder: Path, base: Path, engine: Engine) -> None:
    newer = package(folder / "new" / "query.expert", engine, "query", version="0.9.0")
    from runtime.service import Runtime

    with Runtime(base, [str(newer)], cache_tokens=512) as runtime:
        assert runtime.experts["local/expert-query"].installed.version == "0.9.0"
        assert list(runtime.experts) == ["local/expert-query"]
