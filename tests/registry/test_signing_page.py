"""docs/signing.md does what it says: every command on it is typed, in order, in one folder."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.artifact.samples import sealed

PAGE = Path(__file__).resolve().parents[2] / "docs" / "signing.md"
MODEL_SIGNING = os.environ.get("MODEL_SIGNING") or shutil.which("model_signing")


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("openssl"), reason="needs openssl")
def test_the_page_on_signing_can_be_followed_to_the_letter(tmp_path):
    sealed(tmp_path / "expert-sql-0.1.0.expert", ("nano", "qwen3-0.6b"), signers=())
    sealed(tmp_path / "other-0.1.0.expert", signers=(), name="other")
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "expertbuild").write_text(f'#!/bin/sh\nexec {sys.executable} -m expertbuild.cli "$@"\n')
    if MODEL_SIGNING:
        (programs / "model_signing").write_text(f'#!/bin/sh\nexec {MODEL_SIGNING} "$@"\n')
    for program in programs.iterdir():
        program.chmod(0o755)
    env = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "EXPERTBUILD_"))}
    env |= {
        "HOME": str(tmp_path),
        "PATH": f"{programs}{os.pathsep}{env['PATH']}",
        "PYTHONPATH": str(PAGE.parents[1]),
        "EXPERTBUILD_PASSPHRASE": "correct horse",
    }
    said = {}
    for block in re.findall(r"^```console\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.M | re.S):
        for line in block.splitlines():
            command = line.removeprefix("$ ")
            if command.startswith("model_signing") and not MODEL_SIGNING:
                continue
            done = subprocess.run(command, shell=True, cwd=tmp_path, env=env, capture_output=True, text=True)
            assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
            said[command] = done.stdout
    assert "trusted" in said["expertbuild install expert-sql-0.1.0.expert"]
    assert "You are asked to sign the release acme/other 0.1.0" in said["expertbuild sign --answer request.json"]
    assert "retired" in said["expertbuild trust rotate acme acme-rotation-1.json"]
    assert "revoked" in said["expertbuild list"]
