"""`expertbuild export`: an installed expert or a file, verified as every load is; bad words are one sentence."""

import json
from pathlib import Path

import pytest
import torch

from expertbuild.cli import main
from runtime.engine.engine import Engine
from runtime.registry.store import Store
from tests.server.installed import package, record_for

PROMPT = list(range(20, 50))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EXPERTBUILD_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def engine(base: Path) -> Engine:
    return Engine.load(base, cache_tokens=256)


def test_an_expert_is_exported_from_its_file_and_from_the_store(
    home: Path, base: Path, engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    file = package(home / "a.expert", engine)
    assert main(["export", f"expert={file}", "format=merged", f"base=path:{base}", "output=out", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["expert"] == "local/expert-query@0.1.0" and "model.safetensors" in told["files"]
    engine.attach("it", record_for(len("query")), "it")
    found = Engine.load(home / "out").last_logits(PROMPT)
    torch.testing.assert_close(found, engine.last_logits(PROMPT, "it"), atol=5e-5, rtol=1e-4)
    assert Store().list() == []  # looked into aside, and forgotten
    Store().install(file)
    assert main(["export", "expert=expert-query", "format=peft", f"base=path:{base}"]) == 0
    assert "adapter_model.safetensors in exports/expert-query-0.1.0-peft" in capsys.readouterr().out


def test_what_a_load_would_refuse_is_not_exported(
    home: Path, base: Path, engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    unsigned = package(home / "u.expert", engine, signed=False)
    other = package(home / "o.expert", engine, digests=("a" * 64, engine.tokenizer_digest), version="0.3.0")
    lying = package(home / "l.expert", engine, shift=0.5, version="0.4.0")
    cut = home / "cut.expert"
    cut.write_bytes(unsigned.read_bytes()[:-40])
    for name, words in (
        ("u.expert", "igned"),
        ("o.expert", "was not built for this"),
        ("l.expert", "is not the expert: canary 0 is off by 0.5"),
        ("cut.expert", "cut.expert"),
        ("absent.expert", "absent.expert"),
    ):
        code = main(["export", f"expert={name}", "format=merged", f"base=path:{base}", "output=out"])
        told = capsys.readouterr().err
        assert code in (1, 2) and words in told and "Traceback" not in told, told
        assert not (home / "out").exists()
    assert main(["export", "expert=u.expert", "format=merged", f"base=path:{base}", "output=out", "unsigned=true"]) == 0
    assert other.exists() and lying.exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "what is exported"),
        (["expert=x"], "what is exported"),
        (["format=peft"], "what is exported"),
        (["expert=x", "format=peft", "dtype=int3"], "dtype=int3 is not one of"),
        (["expert=x", "format=peft", "colour=red"], "says nothing to export"),
        (["expert=x", "expert=y", "format=peft"], "expert is said twice"),
        (["base=nano", "format=onnx\x1b[31m"], "no format"),
        (["base=nano", "format=peft"], "an expert without its base"),
        (["base=nona", "format=merged"], "no base 'nona'"),
    ],
)
def test_bad_words_are_one_sentence(
    home: Path, words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", *words]) == 2
    err = capsys.readouterr().err
    assert told in err and len(err.strip().splitlines()) == 1 and "\x1b" not in err
