"""A base's identity is the content of the files that can change an answer."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from runtime.engine.base import base_digest, locate, tokenizer_digest, weight_files
from runtime.engine.errors import BaseRefused
from tests.tiny import tiny_base


def test_the_digest_is_pinned_to_its_recipe(tmp_path: Path) -> None:
    contents = {
        "config.json": b"{}",
        "model.safetensors": b"w",
        "tokenizer.json": b"{}\n",
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    listing = "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(contents.items()))
    assert base_digest(tmp_path) == hashlib.sha256(listing.encode()).hexdigest()
    assert base_digest(tmp_path) == "6c1247d18441b74adb641e95531595f5ca95d61a32d6a4db1ed5a6c8bf7efa2d"
    assert tokenizer_digest(tmp_path) == "11ad5409d04b6f71aa91f42e4a5cc9d7dbec28631e504a8c8b360d761fd15084"


def test_every_file_that_matters_changes_the_digest(tmp_path: Path) -> None:
    base = tiny_base(tmp_path, shards=2)
    for path in sorted(base.iterdir()):
        before = base_digest(base), tokenizer_digest(base)
        content = path.read_bytes()
        path.write_bytes(content + b" ")
        after = base_digest(base), tokenizer_digest(base)
        assert before[0] != after[0], path.name
        of_tokenizer = "token" in path.name or "chat" in path.name
        assert (before[1] != after[1]) == of_tokenizer, path.name
        path.write_bytes(content)


def test_place_and_bystanders_do_not_change_the_digest(tmp_path: Path) -> None:
    here, there = tiny_base(tmp_path / "a"), tiny_base(tmp_path / "b")
    (there / "README.md").write_text("words")
    (there / "modeling_own.py").write_text("raise SystemExit")
    assert base_digest(here) == base_digest(there)


def test_asking_again_is_cheap_but_a_changed_file_is_seen(tmp_path: Path) -> None:
    base = tiny_base(tmp_path)
    before = base_digest(base)
    config = base / "config.json"
    stat = config.stat()
    config.write_text(config.read_text().replace("512", "513"))
    os.utime(config, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
    assert base_digest(base) != before


@pytest.mark.parametrize("place", ["../secret.safetensors", "", None, 7, [], {"file": "model.safetensors"}])
def test_an_index_names_files_of_the_base_and_nothing_else(tmp_path: Path, place: Any) -> None:
    base = tiny_base(tmp_path, shards=2)
    index = base / "model.safetensors.index.json"
    document = json.loads(index.read_text())
    document["weight_map"]["lm_head.weight"] = place
    index.write_text(json.dumps(document))
    with pytest.raises(BaseRefused, match=r"beside it|is missing"):
        weight_files(base)


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    base = tiny_base(tmp_path, shards=3)
    (base / "model-00002-of-00003.safetensors").unlink()
    with pytest.raises(BaseRefused, match="model-00002-of-00003"):
        base_digest(base)


def test_pickled_weights_are_not_weights(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"cos\nsystem\n")
    with pytest.raises(BaseRefused, match="never read"):
        base_digest(tmp_path)


def test_locate_knows_three_places(tmp_path: Path) -> None:
    base = tiny_base(tmp_path)
    assert locate(f"path:{base}") == base
    for source, words in {
        "nothing": "names no base",
        "ftp:there": "names no base",
        "path:": "names no base",
        f"path:{tmp_path}": "no config.json",
        "package:../../etc": "not the name",
        "package:absent": "Shipped:",
        "hub:Qwen/Qwen3-0.6B": "which revision",
    }.items():
        with pytest.raises(BaseRefused, match=words):
            locate(source)
