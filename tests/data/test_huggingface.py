"""Data sets of the hub's layout, from a folder and from a hub: pinned, streamed, mapped, and never run."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from expertbuild.data.errors import SourceMistake
from expertbuild.data.rows import Row
from expertbuild.data.sources import Place, source
from tests.data.hub import COMMIT, hub

COLUMNS = {"prompt": "{context}\n{question}", "answer": "sql", "group": "context", "facts": {"ddl": "context"}}
RECORDS = [
    {"question": f"How many {n}?", "context": f"CREATE TABLE t{n} (id INT);", "sql": f"SELECT {n}"} for n in range(7)
]
LINES = "".join(json.dumps(record) + "\n" for record in RECORDS).encode()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")


def read(folder: Path, **more: Any) -> list[Row]:
    spec = {"kind": "huggingface", "path": "set", "columns": COLUMNS, **more}
    return list(source(spec).rows(spec, Place("0", folder)))


def layout(folder: Path) -> None:
    """A data set as it lies on the hub: a card that names its configurations, Parquet in data/."""
    (folder / "set" / "data").mkdir(parents=True)
    card = "configs:\n- config_name: small\n  data_files:\n  - split: train\n    path: data/small-*.parquet\n"
    card += "- config_name: large\n  data_files:\n  - {split: train, path: data/large.parquet}\n"
    (folder / "set" / "README.md").write_text(f"---\n{card}---\n")
    for name, part in (("small-0", RECORDS[:2]), ("small-1", RECORDS[2:3]), ("large", RECORDS)):
        parquet.write_table(pyarrow.Table.from_pylist(part), folder / "set" / "data" / f"{name}.parquet")


@pytest.mark.parametrize("streaming", [False, True], ids=["kept", "streamed"])
def test_configurations_and_splits_of_a_local_data_set_are_read(tmp_path: Path, streaming: bool) -> None:
    layout(tmp_path)
    small = read(tmp_path, config="small", streaming=streaming)
    assert [row["answer"] for row in small] == ["SELECT 0", "SELECT 1", "SELECT 2"]
    assert small[0]["messages"][0]["content"] == "CREATE TABLE t0 (id INT);\nHow many 0?"
    assert small[0]["group"] == small[0]["facts"]["ddl"] == "CREATE TABLE t0 (id INT);"
    assert len(read(tmp_path, config="large", rows=5, streaming=streaming)) == 5


def test_what_a_local_data_set_does_not_have_is_said(tmp_path: Path) -> None:
    layout(tmp_path)
    for more, said in (
        ({"config": "huge"}, "could not be read: .*huge"),
        ({"config": "small", "split": "test"}, "could not be read: .*test"),
        (
            {"config": "small", "columns": {"prompt": "nothing", "answer": "sql"}},
            'set row 0: there is no column "nothing"',
        ),
    ):
        with pytest.raises(SourceMistake, match=said):
            read(tmp_path, **more)


def test_a_column_that_changes_its_type_between_files_is_refused(tmp_path: Path) -> None:
    layout(tmp_path)
    odd = [{**RECORDS[0], "sql": {"not": "text"}}]
    parquet.write_table(pyarrow.Table.from_pylist(odd), tmp_path / "set" / "data" / "small-1.parquet")
    with pytest.raises(SourceMistake, match="set: could not be read"):
        read(tmp_path, config="small")


def test_a_data_set_that_wants_to_run_code_is_not_run(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "set.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    with pytest.raises(SourceMistake, match="could not be read"):
        read(tmp_path)
    assert not (tmp_path / "ran").exists()


def test_links_out_of_a_local_data_set_are_refused(tmp_path: Path) -> None:
    layout(tmp_path)
    (tmp_path / "secret.parquet").write_bytes(b"x")
    (tmp_path / "set" / "data" / "small-2.parquet").symlink_to(tmp_path / "secret.parquet")
    with pytest.raises(SourceMistake, match=r"small-2\.parquet: is a link that leads outside"):
        read(tmp_path, config="small")
    with pytest.raises(SourceMistake, match="leads outside"):
        read(tmp_path, path="../set")


@pytest.mark.parametrize("revision", ["main", "740ab236", "v1.0", "0" * 39, 7])
def test_a_revision_that_may_move_is_refused(tmp_path: Path, revision: Any) -> None:
    spec = {"kind": "huggingface", "name": "toy/set", "revision": revision, "columns": COLUMNS}
    with pytest.raises(SourceMistake, match=r"toy/set: has a revision that is no commit.*40 digits"):
        list(source(spec).rows(spec, Place("0", tmp_path)))


READ = """
import json, sys
from pathlib import Path
from expertbuild.data.sources import Place, source
from runtime.errors import Problem
spec = json.loads(sys.argv[1])
try:
    print(json.dumps([row["answer"] for row in source(spec).rows(spec, Place("0", Path()))]))
except Problem as problem:
    print(problem, file=sys.stderr)
    sys.exit(problem.exit_code)
"""


def from_hub(folder: Path, endpoint: str, **more: Any) -> "subprocess.CompletedProcess[str]":
    """In a process of its own: the hub's client reads its environment when it is imported."""
    spec = {"kind": "huggingface", "name": "toy/set", "revision": COMMIT, "columns": COLUMNS, **more}
    environment = os.environ | {
        "HF_ENDPOINT": endpoint,
        "HF_HOME": str(folder / "hub-home"),
        "HF_TOKEN": "hf_toytoytoytoy",
    }
    environment |= {"HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DOWNLOAD_TIMEOUT": "5", "HF_HUB_ETAG_TIMEOUT": "5"}
    return subprocess.run(
        [sys.executable, "-c", READ, json.dumps(spec)], env=environment, capture_output=True, text=True, timeout=240
    )


def test_a_mirror_of_the_hub_is_asked_where_the_environment_says_so(tmp_path: Path) -> None:
    with hub("toy/set", {"train.jsonl": LINES}) as server:
        kept = from_hub(tmp_path, server.url)
        assert kept.returncode == 0, kept.stderr
        streamed = from_hub(tmp_path, server.url, streaming=True, rows=3)
        assert streamed.returncode == 0, streamed.stderr
        nothing = from_hub(tmp_path, server.url, name="toy/other")
    assert json.loads(kept.stdout) == [record["sql"] for record in RECORDS]
    assert json.loads(streamed.stdout) == [record["sql"] for record in RECORDS[:3]]
    assert any(each.endswith(f"/toy/set/resolve/{COMMIT}/train.jsonl") for each in server.asked)
    assert server.tokens == {"Bearer hf_toytoytoytoy"}
    assert nothing.returncode == 2 and "toy/other: could not be read" in nothing.stderr
    assert "Traceback" not in nothing.stderr and "hf_toytoytoytoy" not in nothing.stderr
