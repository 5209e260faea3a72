"""SAFETY 15: a disk that fills up in mid-install. A real one: a small file system in memory, in a namespace of its own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.artifact.samples import sealed

TOP = Path(__file__).resolve().parents[2]

# Installs version 1, then fills the disk so that ever more of version 2 fits, and installs that: until it fits.
PROGRAM = """
import os, sys
from pathlib import Path
from runtime.registry.audit import audit
from runtime.registry.refusals import StoreBroken
from runtime.registry.store import Store
home, first, second = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
store = Store()
old = store.install(first)
filler = home / "filler"
def room(size):
    filler.unlink(missing_ok=True)
    free = os.statvfs(home).f_bavail * os.statvfs(home).f_frsize
    with open(filler, "wb") as out:
        os.posix_fallocate(out.fileno(), 0, max(1, free - size))
failed, size = 0, 0
while True:
    room(size)
    try:
        new = store.install(second)
        break
    except StoreBroken as broken:
        assert "No space left" in str(broken), broken
        assert "Traceback" not in str(broken)
        failed += 1
    assert [i.id for i in Store().list()] == [old.id]
    assert audit(store, Store().find("expert-sql")).faults == ()
    assert os.listdir(store.staging) == [], os.listdir(store.staging)
    assert os.listdir(store.packages) == [old.record.folder], os.listdir(store.packages)
    size += 4096
assert new.id != old.id and audit(store, new).faults == ()
print(failed)
"""


def test_whatever_room_is_left_the_old_version_works_and_nothing_lies_about(tmp_path, acme):
    unshare = shutil.which("unshare")
    allowed = unshare and subprocess.run([unshare, "-rm", "mount", "-t", "tmpfs", "none", tmp_path], capture_output=True).returncode == 0  # fmt: skip
    if not allowed:
        pytest.skip("no file system may be mounted here; test_store fills the disk by a limit on file sizes instead")
    for number, version in enumerate(("0.1.0", "0.2.0")):
        sealed(
            tmp_path / f"{number}.expert",
            ("nano", "qwen3-0.6b"),
            version=version,
            summary="x" * 400,
            value=number + 1.0,
        )
    small = tmp_path / "small"
    small.mkdir()
    config = Path(os.environ["EXPERTBUILD_HOME"]) / "config"
    script = (
        f'mount -t tmpfs -o size=600k tmpfs "{small}" && cp -r "{config}" "{small}/config" && '
        f'exec "{sys.executable}" -c "$PROGRAM" "{small}" "{tmp_path}/0.expert" "{tmp_path}/1.expert"'
    )
    done = subprocess.run(
        [str(unshare), "-rm", "sh", "-c", script],
        env={**os.environ, "PROGRAM": PROGRAM, "EXPERTBUILD_HOME": str(small), "PYTHONPATH": str(TOP)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 10
